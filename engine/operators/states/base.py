"""The contract of an aggregate's state, and what all of them share."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ....planner.records import dataclass
from ....planner.types import Type
from ...arrow import bytes_of, is_valid, zeros

Groups = NDArray[np.int32]
Mask = NDArray[np.bool_]
SEQ_SHIFT = 36  # a place is seq << 36 | number of the row within its partition


@dataclass(slots=True)
class Rows:
    """Rows of one batch that an aggregate takes: those its `where` lets through.

    `args`: a column a argument (plain Arrow; Spans and dictionaries too where the state is `raw`).
    """

    groups: Groups
    args: list[Any]
    place: NDArray[np.int64] | None  # only where the state is `ordered`
    compiled: bool
    stop: NDArray[np.uint8]


class State:
    """One aggregate over all groups of a Local or of a radix part.

    Group numbers are below the last `resize`. `update` costs O(rows). `merge` folds groups `members` of another state
    of the same class into `groups` of this one, several perhaps into one: the same bits in any order. `export` gives columns with one row a
    member, `load` makes a fresh state of them, its groups numbered by row: both serve spilling and remote runs.
    """

    arity = 1  # arguments whose values are needed; later ones are constants known at bind
    ordered = False
    raw = False
    grows = False  # memory grows with rows, not only with groups
    takes_more = False  # may be merged into after its updates, sealed or not
    version = 1  # of the exported form
    kernels: ClassVar[frozenset[str] | None] = None  # see engine.needs
    asked: tuple[str, ...] = ()  # all that `finish` will be asked for, set before the first call

    def key(self) -> Hashable:
        """States with equal keys over equal arguments are one."""
        return type(self).__name__

    def resize(self, n: int) -> None:
        raise NotImplementedError

    def update(self, rows: Rows) -> None:
        raise NotImplementedError

    def seal(self) -> None:
        """No update comes any more; members will be asked for part by part, perhaps by several threads."""

    def merge(self, other: Any, members: Groups, groups: Groups, compiled: bool) -> None:
        raise NotImplementedError

    def lay(self, other: Any, members: Groups, compiled: bool) -> bool:
        """For a fresh state: its groups become the `members` of another one, in that order; -1 is a group without rows.

        False, and nothing done, where `resize` and `merge` are to do it.
        """
        return False

    def finish(self, n: int, out: str, compiled: bool) -> Finished:
        """The value of groups 0 .. n. `out`: which of the values that this state can give."""
        raise NotImplementedError

    def export(self, members: Groups) -> list[pa.Array[Any]]:
        raise NotImplementedError

    def load(self, arrays: Sequence[pa.Array[Any]]) -> None:
        raise NotImplementedError

    def nbytes(self) -> int:
        raise NotImplementedError


@dataclass(frozen=True, slots=True)
class Bounds:
    """Where the bucket of each group begins and ends, in ticks of its time."""

    starts: NDArray[np.int64]
    ends: NDArray[np.int64]
    ticks: int  # a second


class Bucketed(State):
    """A state that goes by the bucket of its groups: a command that has buckets sets `bounds` before `finish`."""

    bounds: Bounds | None = None


@dataclass(slots=True)
class Finished:
    """`faults`: the exact value as text where it does not fit the type (elsewhere null), or None. `cut`: values left out."""

    values: pa.Array[Any]
    faults: pa.Array[Any] | None = None
    cut: int = 0


@dataclass(frozen=True, slots=True)
class Maker:
    """What `AggregateFunction.state` gives: the state to keep and which of its values is wanted."""

    make: Any  # () -> State
    out: str = ""


def fit(array: NDArray[Any], n: int, fill: Any = 0) -> NDArray[Any]:
    """The array with room for n entries (rows of a matrix), the new ones filled."""
    if len(array) >= n:
        return array
    shape = (n, *array.shape[1:])
    # zeros take no memory until they are written to, so those that are there are not written twice
    made = zeros(shape, array.dtype) if fill == 0 else np.empty(shape, array.dtype)
    made[: len(array)] = array
    if fill != 0:
        made[len(array) :] = fill
    return made


NO_NULLS = np.empty(0, np.uint8)


def bitmap(values: pa.Array[Any]) -> NDArray[np.uint8]:
    """Validity bitmap from bit 0 on; empty when all rows are valid."""
    if not values.null_count:
        return NO_NULLS
    if values.offset:
        values = pa.concat_arrays([values, values.slice(0, 0)])
        if values.offset:
            return np.packbits(is_valid(values), bitorder="little")
    return bytes_of(values.buffers()[0])


def valid_rows(groups: Groups, array: pa.Array[Any]) -> tuple[Groups, Mask | None]:
    """Groups of the rows that are not null, and which those are (None: all)."""
    if not array.null_count:
        return groups, None
    valid = is_valid(array)
    return groups[valid], valid


def laid(values: NDArray[Any], members: Groups) -> NDArray[Any]:
    """The entries of some groups, 0 where the group is -1."""
    out = values[members]
    none = members < 0
    if none.any():
        out[none] = 0
    return out


def is_numeric(type_: Type) -> bool:
    return type_.kind in ("long", "double", "decimal", "duration")
