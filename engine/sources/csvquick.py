"""Blocks of CSV whose records are as RFC 4180 has them, one a line and all alike: the wanted cells alone, by one kernel."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import field
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ...planner.records import dataclass
from ..batch import Spans
from .csvcells import Block, Ints, Mask
from .csvtext import LF, Dialect
from .files import is_utf8
from .quarantine import Raw

GUESS = 32  # bytes of a record, for a first guess at how many there are


@dataclass(slots=True)
class Whole:
    """The same records with all their cells, for whoever is to be told of one; made when first asked."""

    make: Callable[[], Block]
    made: Block | None = None

    def part(self, begin: int, end: int) -> Block:
        if self.made is None:
            self.made = self.make()
        whole = self.made
        return Block(whole.buffer, whole.cells, begin, end, whole.compiled)


@dataclass(slots=True)
class QuickBlock:
    """As `csvcells.Block`. `slots`: for each cell of a record its row in `start` and `length`, or -1."""

    buffer: pa.Buffer
    data: NDArray[np.uint8]
    slots: Ints
    start: NDArray[np.int32]
    length: NDArray[np.int32]
    begin: int
    end: int
    consumed: int
    n_lines: int
    whole: Whole
    compiled: bool = True
    line: None = None  # one record a line
    bad: Mask | None = field(default=None)

    @property
    def n_rows(self) -> int:
        return self.end - self.begin

    def is_uniform(self, width: int) -> bool:
        return width == len(self.slots)

    def records(self) -> Spans:
        return self.whole.part(self.begin, self.end).records()

    def bytes_at(self, base: int | None) -> Callable[[NDArray[Any]], Raw]:
        return lambda rows: self.whole.part(self.begin, self.end).bytes_at(base)(rows)

    def text(self, column: int, width: int | None) -> tuple[Spans, Mask]:
        """A wanted column; what is done to its lengths is done to a copy, as those of a part are of the whole."""
        row, part = int(self.slots[column]), slice(self.begin, self.end)
        return Spans(self.buffer, self.data, self.start[row, part], self.length[row, part].copy()), np.zeros(
            0, np.bool_
        )


def quick_block(
    buffer: pa.Buffer, data: NDArray[np.uint8], begin: int, end: int, dialect: Dialect, wanted: Sequence[bool],
    *, final: bool, make: Callable[[], Block],
) -> QuickBlock | None:  # fmt: skip
    """The whole records of buffer[begin:end], of which `wanted` says what cells are asked for; None: not sure of all.

    `final`: the last one may lack its line end; a byte behind `end` is free then. `make`: the same by `make_block`.
    """
    from ..kernels import csvcut

    if end <= begin or len(wanted) < 2:
        return None
    last, free = end, int(data[end])
    if final and data[end - 1] != LF:
        data[end] = LF
        last = end + 1
    slots = np.cumsum(wanted, dtype=np.int32) - 1
    slots[~np.asarray(wanted)] = -1
    state = np.zeros(2, np.int64)
    n_columns, capacity = sum(wanted), (end - begin) // GUESS + 64
    while True:
        start, length = np.empty((n_columns, capacity), np.int32), np.empty((n_columns, capacity), np.int32)
        n = csvcut.cut_cells(
            data, begin, last, np.uint8(dialect.sep), slots, capacity, start.reshape(-1), length.reshape(-1), state
        )
        if n < capacity:
            break
        capacity *= 4
    consumed = int(state[csvcut.CONSUMED])
    data[end] = free
    if n <= 0 or (final and consumed != last) or (state[csvcut.HIGH] and not is_utf8(data, begin, min(consumed, end))):
        return None
    return QuickBlock(buffer, data, slots, start, length, 0, n, min(consumed, end), n, Whole(make))
