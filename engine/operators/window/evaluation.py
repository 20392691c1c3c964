"""One column over one segment: what evaluators are given, and what they give."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import field
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ....planner.records import dataclass
from ....planner.types import Type
from ...arrow import array_from, bools_of, is_valid, numbers_of
from ...context import Context
from ..states.base import Finished, State
from .frames import Stretch
from .segment import I32, I64, Segment
from .spec import WHOLE, Column, Frame

Mask = NDArray[np.bool_]


@dataclass(slots=True)
class Faults:
    """Places whose value does not fit its type, and the exact value as text."""

    at: NDArray[Any]
    texts: pa.Array[Any]
    reason: str = "overflow"


@dataclass(slots=True)
class Made:
    """Values in order of place; or, with `picked`, places (-1: null) of the rows whose value in column `source` it is. Both:
    `picked` are places in `values`."""

    values: pa.Array[Any] | None = None
    picked: NDArray[Any] | None = None
    source: int = -1
    faults: Faults | None = None
    cut: int = 0


@dataclass(slots=True)
class Evaluation:
    """`arrays`: the part's columns by number, in the order in which the rows came."""

    segment: Segment
    stretch: Stretch
    column: Column
    arrays: dict[int, pa.Array[Any]]
    types: Sequence[Type]
    ctx: Context
    time: I64 | None = None  # in order of place, where the order is that of time
    ns: bool = False
    frame: Frame = WHOLE
    shared: dict[Any, Any] = field(default_factory=dict)  # what several columns over one segment need

    @property
    def is_whole(self) -> bool:
        """Whether each row sees its whole group."""
        return self.frame == WHOLE

    @property
    def n(self) -> int:
        return self.segment.n

    def argument(self, i: int = 0) -> pa.Array[Any]:
        return self.arrays[self.column.args[i]]

    def type(self, i: int = 0) -> Type:
        return self.types[self.column.args[i]]

    def numbers(self, i: int = 0) -> NDArray[Any]:
        """Values of an argument of fixed width; what a null holds is undefined."""
        at = self.column.args[i]
        made: NDArray[Any] = self.share(("numbers", at), lambda: self.segment.bring(numbers_of(self.arrays[at])))
        return made

    def doubles(self, i: int = 0) -> NDArray[np.float64]:
        values = self.numbers(i)
        return values if values.dtype == np.float64 else values.astype(np.float64)

    def valid(self, i: int = 0) -> Mask | None:
        """Where an argument has a value; None: everywhere."""
        at = self.column.args[i]
        made: Mask | None = self.share(("valid", at), lambda: self._valid(at))
        return made

    def _valid(self, at: int) -> Mask | None:
        array = self.arrays[at]
        return self.segment.bring(is_valid(array)) if array.null_count else None

    def chosen(self) -> Mask | None:
        """Where the condition holds; None: there is none."""
        at = self.column.where
        return None if at is None else self.share(("true", at), lambda: self.truth(at))

    def truth(self, at: int) -> Mask:
        array = self.arrays[at]
        return self.segment.bring(bools_of(array) if pa.types.is_boolean(array.type) else is_valid(array))

    def mask(self, *args: int) -> Mask | None:
        """Places that count: the condition holds and these arguments have values. None: all."""
        found = [m for m in (self.chosen(), *(self.valid(i) for i in args)) if m is not None]
        return None if not found else found[0] if len(found) == 1 else np.logical_and.reduce(found)

    def count(self, mask: Mask | None) -> I64:
        """How many of the places in each stretch are in the mask."""
        if mask is None:
            return self.stretch.sizes()
        prefix = np.zeros(self.n + 1, np.int64)
        np.cumsum(mask, out=prefix[1:])
        return self.stretch.sums(prefix, mask.astype(np.int64))

    def too_few(self, mask: Mask | None, or_none: bool = False) -> Mask | None:
        """Where fewer values count than are asked for. `or_none`: where there is none the value is null anyway."""
        least = self.column.least
        if not least or (least == 1 and (or_none or (mask is None and self.stretch.has_self))):
            return None
        few = self.count(mask) < least
        return few if few.any() else None

    def finished(self, state: State, out: str, few: Mask | None) -> Made:
        """The value of each place's group of a state that has one for each."""
        state.asked = (out,)
        return self.made(state.finish(self.n, out, self.ctx.compiled), few)

    def made(self, got: Finished, few: Mask | None) -> Made:
        faults = faults_of(got.faults, few)
        return Made(nulled(got.values, few), faults=faults, cut=got.cut)

    def share(self, key: Any, make: Callable[[], Any]) -> Any:
        """`make()` the first time that a column over this segment asks for `key`."""
        if key not in self.shared:
            self.shared[key] = make()
        return self.shared[key]


def nulled(values: pa.Array[Any], few: Mask | None) -> pa.Array[Any]:
    """Null where `few` says so."""
    if few is None:
        return values
    if pa.types.is_boolean(values.type):
        return array_from(bools_of(values), ~is_valid(values) | few)
    if is_fixed(values.type):
        return array_from(numbers_of(values), ~is_valid(values) | few, values.type)
    rows = np.arange(len(values))
    return values.take(array_from(rows, few))


def is_fixed(kind: pa.DataType) -> bool:
    """Whether values are 64-bit words."""
    t = pa.types
    return bool(t.is_int64(kind) or t.is_float64(kind) or t.is_timestamp(kind) or t.is_duration(kind))


def faults_of(texts: pa.Array[Any] | None, few: Mask | None) -> Faults | None:
    if texts is None:
        return None
    bad = is_valid(texts) if few is None else is_valid(texts) & ~few
    at = np.flatnonzero(bad)
    return Faults(at, texts.take(array_from(at))) if len(at) else None


def picked(places: I32, few: Mask | None, source: int) -> Made:
    return Made(picked=places if few is None else np.where(few, np.int32(-1), places), source=source)
