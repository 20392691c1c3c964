"""`dtw mode=matrix`: the distances of all pairs of series, each pair once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ....planner.records import dataclass
from ....planner.text import fault
from ....planner.types import Schema
from ...arrow import array_from, indices
from ...batch import Batch, Origin
from ...context import Context
from ...notes import At
from ...operator import Partition, Source
from .band import Cells, band
from .distances import LANES, Blocks, blocks_of, squared
from .gather import SeriesSink, Spec
from .pattern import Given
from .ranked import SHARES
from .series import F64, FINE, I64, Series

PART_ROWS = 1 << 18
UNEQUAL = "window 0 and two lengths"


class MatrixSink(SeriesSink):
    """All series are held. Distances of a series to those behind it lie one behind another."""

    may_drain = False

    def __init__(self, spec: Spec, out: Schema, at: At) -> None:
        super().__init__(spec, Given(), at)
        self._out = out
        self._squared: F64 = np.empty(0)
        self._is_fine: NDArray[np.bool_] = np.empty(0, np.bool_)
        self._cells: dict[tuple[int, int], Cells | None] = {}

    def _ready(self, ctx: Context) -> None:
        """There is no pattern."""

    def tasks(self, series: Series, first: int, ctx: Context) -> Sequence[Callable[[], None]]:
        assert self.local is not None
        n = len(series.state)
        if not self.local.reservation.grow(8 * (n * (n - 1) // 2)):
            raise fault("E701", f"{n} groups have {n * (n - 1) // 2} pairs, which do not fit into memory",
                        hint="fewer groups, or raise the setting `memory`")  # fmt: skip
        self.note_states(series, first, ctx)
        self._is_fine = series.state == FINE
        self._squared = np.full(n * (n - 1) // 2, np.nan)
        blocks = blocks_of(series.values, series.offsets, np.flatnonzero(self._is_fine), self.spec.znorm, ctx)
        parts = SHARES * ctx.settings.threads
        return [partial(self._measure, blocks, range(p, n, parts), ctx) for p in range(min(parts, n))]

    def _measure(self, blocks: Sequence[Blocks], turn: range, ctx: Context) -> None:
        """The series whose number is in `turn` with all behind them."""
        n = len(self._is_fine)
        for mine in blocks:
            for at, a in enumerate(mine.ids.tolist()):
                if a not in turn:
                    continue
                row, base = mine.row(at), first_pair(a, n) - a - 1
                for theirs in blocks:
                    first = int(np.searchsorted(theirs.ids, a, "right")) // LANES
                    if first == len(theirs.values):
                        continue
                    got = squared(row, theirs, self._band(mine.length, theirs.length), first, ctx)
                    ids = theirs.ids[first * LANES :]
                    behind = ids > a
                    self._squared[base + ids[behind]] = got[behind]

    def _band(self, n: int, m: int) -> Cells | None:
        """Fractions are of the shorter series."""
        if (n, m) not in self._cells:
            self._cells[n, m] = band(n, m, self.spec.widths[0].of(min(n, m)))
        return self._cells[n, m]

    def result(self, ctx: Context) -> Source:
        n_fine = int(self._is_fine.sum())
        unequal = n_fine * (n_fine - 1) // 2 - int((~np.isnan(self._squared)).sum())
        if unequal:
            ctx.notes.count(self.at, "reject", UNEQUAL, unequal, "window=1p is the least for series of two lengths")
        return Pairs(self._squared, len(self._is_fine), self.key_columns(), self._out, self.at.command)


def first_pair(a: int | I64, n: int) -> Any:
    """The place of the pair (a, a + 1) among the pairs of n."""
    return a * (n - 1) - a * (a - 1) // 2


class Pairs:
    """Rows of pairs: the keys of both, and their distance."""

    def __init__(self, squares: F64, n: int, keys: list[pa.Array[Any]], schema: Schema, name: str) -> None:
        self.schema, self._squared, self._keys, self._name = schema, squares, keys, name
        self._first = first_pair(np.arange(n), n)

    def partitions(self, target: int) -> Sequence[Partition]:
        return [PairPart(self, i, begin) for i, begin in enumerate(range(0, len(self._squared), PART_ROWS))]

    def batch(self, seq: int, begin: int, end: int, row: int) -> Batch:
        places = np.arange(begin, end)
        a = np.searchsorted(self._first, places, "right") - 1
        a = np.minimum(a, len(self._first) - 2)  # the last series begins where there are no pairs
        b = places - self._first[a] + a + 1
        d = np.sqrt(self._squared[begin:end])
        columns = [k.take(indices(rows)) for rows in (a, b) for k in self._keys]
        return Batch(end - begin, (*columns, array_from(d, np.isnan(d))), Origin(seq, self._name, 0, row))

    @property
    def n_rows(self) -> int:
        return len(self._squared)


@dataclass(frozen=True, slots=True)
class PairPart:
    pairs: Pairs
    seq: int
    begin: int

    def batches(self, ctx: Context) -> Iterator[Batch]:
        last = min(self.begin + PART_ROWS, self.pairs.n_rows)
        for begin in range(self.begin, last, ctx.settings.batch_rows):
            yield self.pairs.batch(self.seq, begin, min(last, begin + ctx.settings.batch_rows), begin - self.begin)
