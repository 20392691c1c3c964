"""Rows that are kept as they come, by the codes of their keys: where nearly each has a group of its own, a table of groups would
be as large, and slower to make, for each worker anew. Their groups are found in the end, by ranges of keys (`groupcells`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import field
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ...planner.records import dataclass
from ..arrow import concat, nbytes_of, own
from ..batch import Column
from ..exprs import truth
from .grouping import ManyKeys, Stop
from .groupprogram import Program, Values, chosen, taken
from .keyform import is_opaque
from .keyhash import mix
from .keytable import Ids
from .states import State
from .states.base import Rows

MANY_GROUPS = 1 << 18  # from which on a table of them is so much larger than a core's cache that rows are better kept
SAMPLE = 1 << 14  # rows that tell how many groups there are
FIRST_LOOK, AGAIN = 1 << 12, 8  # rows that are kept before they are asked; so many times as many before they are again
MOST_ROWS = 1 << 18  # of a block: a column of them is about a core's cache
SEED = np.uint64(7)


def is_of_many(codes: Sequence[Ids], widths: Sequence[int]) -> bool:
    """Whether rows of which some, taken at random, have these codes, each below its width, seem to be of MANY_GROUPS groups.

    Of m rows m * m / (2 * groups) are in a group that another one had before, where groups are alike; where they are not, more.
    """
    m, bits = len(codes[0]), [max(w - 1, 0).bit_length() for w in widths]
    if sum(bits) > 63:
        return False
    packed = np.zeros(m, np.int64)
    for column, width in zip(codes, bits, strict=True):
        packed = (packed << width) | column
    packed.sort()
    repeated = int(np.count_nonzero(packed[1:] == packed[:-1]))
    return 2 * repeated * MANY_GROUPS <= m * m


def at_random(n: int, wanted: int) -> NDArray[np.int64]:
    """So many of n rows, or fewer, ascending."""
    drawn = mix(np.arange(min(wanted, n), dtype=np.uint64), SEED) >> np.uint64(32)
    rows = ((drawn * np.uint64(n)) >> np.uint64(32)).astype(np.int64)
    rows.sort()
    fresh: NDArray[np.bool_] = np.append(True, rows[1:] != rows[:-1])  # np.unique would hash them
    return rows[fresh]


@dataclass(slots=True)
class RowBlock:
    """Rows by the codes of their keys. `columns` and `masks`: values and conditions of the program's expressions, by number."""

    codes: list[Ids]
    columns: dict[int, pa.Array[Any]]
    masks: dict[int, NDArray[np.bool_]]
    place: NDArray[np.int64] | None = None

    def __len__(self) -> int:
        return len(self.codes[0])

    def nbytes(self) -> int:
        arrays: list[NDArray[Any]] = [*self.codes, *self.masks.values(), *(() if self.place is None else (self.place,))]
        return sum(a.nbytes for a in arrays) + sum(map(nbytes_of, self.columns.values()))

    def slice(self, low: int, high: int) -> RowBlock:
        return RowBlock(
            [c[low:high] for c in self.codes],
            {i: c.slice(low, high - low) for i, c in self.columns.items()},
            {i: m[low:high] for i, m in self.masks.items()},
            None if self.place is None else self.place[low:high],
        )

    def take(self, rows: Ids) -> RowBlock:
        """Without the codes."""
        return RowBlock(
            [], {i: taken(c, rows) for i, c in self.columns.items()}, {i: m[rows] for i, m in self.masks.items()},
            None if self.place is None else self.place[rows],
        )  # fmt: skip

    def update(self, program: Program, states: Sequence[State], groups: Ids, stop: NDArray[np.uint8]) -> None:
        """The states take the rows, whose groups these are."""
        for slot, state in zip(program.slots, states, strict=True):
            args = [self.columns[i] for i in slot.args]
            rows = Rows(groups, args, self.place if state.ordered else None, True, stop)
            state.update(rows if slot.where is None else chosen(rows, self.masks[slot.where]))


@dataclass(slots=True)
class DeferredRows:
    """Of one Local, in order of arrival. Compiled kernels only."""

    chunks: list[RowBlock] = field(default_factory=list)
    n: int = 0
    nbytes: int = 0
    has_grid: bool = (
        False  # when it was last asked whether they are worth it: then the answer may be another one without
    )
    _next_look: int = 0

    def add(self, codes: list[Ids], values: Values, place: NDArray[np.int64] | None) -> None:
        slots = values.program.slots
        columns = {i: own(values.array(i)) for s in slots for i in s.args}
        masks = {s.where: truth(values.column(s.where), len(codes[0])) for s in slots if s.where is not None}
        chunk = RowBlock(codes, columns, masks, place)
        self.chunks.append(chunk)
        self.n += len(chunk)
        self.nbytes += chunk.nbytes()

    def is_worth_it(self, keys: ManyKeys) -> bool | None:
        """Whether the groups of these rows are many; None: it is not time to ask. Asked again as they become more: the first rows
        of keys in turns are all different."""
        if self.n < max(FIRST_LOOK, self._next_look):
            return None
        self._next_look = AGAIN * self.n
        codes = self._sample(len(keys.coders))
        self.has_grid = keys.has_grid(codes)
        return not self.has_grid and is_of_many(codes, [c.n for c in keys.coders])

    def _sample(self, n_keys: int) -> list[Ids]:
        """Codes of some rows, at random: rows often come in turns of their keys."""
        rows = at_random(self.n, SAMPLE)
        begins = np.cumsum([0, *map(len, self.chunks)])
        ends = np.searchsorted(rows, begins[1:])
        of_chunks = [rows[a:b] - begin for (a, b), begin in zip(pairwise([0, *ends.tolist()]), begins, strict=False)]
        return [
            np.concatenate([c.codes[j][r] for c, r in zip(self.chunks, of_chunks, strict=True)]) for j in range(n_keys)
        ]

    def taken(self) -> Iterator[RowBlock]:
        """All rows, in turn; what was taken is kept no more."""
        chunks, self.chunks, self.n, self.nbytes = self.chunks[::-1], [], 0, 0
        while chunks:
            yield chunks.pop()

    def blocks(self) -> list[list[RowBlock]]:
        """The rows in pieces of at most MOST_ROWS, each of one chunk or of several that are to be put together."""
        chunks = [
            c.slice(a, b)
            for c in self.chunks
            for a, b in pairwise([*range(0, len(c), MOST_ROWS), len(c)])
        ]  # fmt: skip
        out: list[list[RowBlock]] = []
        room = 0
        for chunk in chunks:
            if len(chunk) > room:
                out.append([])
                room = MOST_ROWS
            out[-1].append(chunk)
            room -= len(chunk)
        return out


def joined(chunks: Sequence[RowBlock]) -> RowBlock:
    """One behind the other."""
    first = chunks[0]
    if len(chunks) == 1:
        return first
    return RowBlock(
        [np.concatenate([c.codes[j] for c in chunks]) for j in range(len(first.codes))],
        {i: concat([c.columns[i] for c in chunks]) for i in first.columns},
        {i: np.concatenate([c.masks[i] for c in chunks]) for i in first.masks},
        None if first.place is None else np.concatenate([c.place for c in chunks if c.place is not None]),
    )


def may_defer(program: Program) -> bool:
    """Whether there are several keys that can be made again, and states that grow with their groups only."""
    if len(program.key_types) < 2 or any(map(is_opaque, program.key_types)):
        return False
    return not any(s.make().grows for s in program.slots)


def seems_few(keys: ManyKeys, columns: Sequence[Column], n_rows: int, stop: Stop) -> bool | None:
    """Whether some rows of a large first batch tell that groups are few, so that none need be kept to find out: True where there is a
    grid, without which the answer may be another one; None where they do not tell it.
    """
    if n_rows < 4 * SAMPLE:
        return None
    for wanted in (FIRST_LOOK, SAMPLE):
        rows = at_random(n_rows, wanted)
        codes = coded(keys, [taken(c, rows) for c in columns], stop)
        if stop[0] or keys.has_grid(codes):
            return True
    return None if is_of_many(codes, [c.n for c in keys.coders]) else False


def coded(keys: ManyKeys, columns: Sequence[Column], stop: Stop) -> list[Ids]:
    return [coder.codes(column, stop) for coder, column in zip(keys.coders, columns, strict=True)]


def again(keys: ManyKeys, block: RowBlock) -> list[Column]:
    """The keys of rows that these numbered."""
    return [coder.values(codes) for coder, codes in zip(keys.coders, block.codes, strict=True)]
