"""The rows with their new columns, in input order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ...arrow import array_from
from ...batch import Batch, Origin
from ...context import Context
from ...notes import At
from ...operator import Partition
from .chunks import Chunks
from .outs import Out
from .spec import Program

HINTS = {"overflow": "use double(x) inside the aggregate", "div0": "the row before is 0"}
PART_ROWS = 1 << 18


class WindowRows:
    """What was kept of the rows that came in, each stretch with its stretch of the computed columns."""

    def __init__(self, program: Program, n_rows: int, columns: Sequence[Chunks], outs: Sequence[Out], at: At) -> None:
        self.program, self.n_rows, self.columns, self.outs, self.at = program, n_rows, columns, outs, at
        self.schema = program.schema
        self.faults = [f for out in outs for f in out.faults()]

    def partitions(self, target: int) -> Sequence[Partition]:
        step = max(1, min(target, PART_ROWS))
        starts = range(0, self.n_rows, step)
        return [Stretch(self, i, begin, min(begin + step, self.n_rows)) for i, begin in enumerate(starts)]

    def batch(self, begin: int, end: int, origin: Origin, ctx: Context) -> Batch:
        """Rows begin to end (exclusive) of all."""
        columns: list[Any] = [c.slice(begin, end) for c in self.columns]
        columns += [None] * (len(self.schema) - len(columns))
        for place, out in zip(self.program.places, self.outs, strict=True):
            columns[place] = out.column(begin, end)
        made = Batch(end - begin, tuple(columns), origin)
        for reason, rows, texts in self.faults:
            a, b = np.searchsorted(rows, (begin, end)).tolist()
            if a < b:
                bad = rows[a:b] - begin
                shown = _spread(texts.slice(a, b - a), bad, end - begin)
                ctx.notes.rows(self.at, "reject", reason, made, bad, shown, HINTS[reason])
        return made


def _spread(texts: pa.Array[Any], rows: NDArray[np.int64], n: int) -> pa.Array[Any]:
    """Texts of some rows as a column of n."""
    at = np.full(n, -1, np.int64)
    at[rows] = np.arange(len(rows))
    return texts.take(array_from(np.maximum(at, 0), at < 0))


@dataclass(frozen=True, slots=True)
class Stretch:
    """Rows begin to end (exclusive)."""

    source: WindowRows
    seq: int
    begin: int
    end: int

    def batches(self, ctx: Context) -> Iterator[Batch]:
        step = max(1, ctx.settings.batch_rows)
        for low in range(self.begin, self.end, step):
            high = min(low + step, self.end)
            yield self.source.batch(low, high, Origin(self.seq, self.source.at.command, 0, low - self.begin), ctx)
