"""The rows with their new columns, in input order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ....planner.records import dataclass
from ...arrow import array_from, concat, is_valid
from ...batch import Batch, Origin
from ...context import Context
from ...notes import At
from ...operator import Partition
from ..trail import Trail
from .chunks import Chunks
from .outs import Out
from .spec import Program
from .spill import Results, RowFile

HINTS = {"overflow": "use double(x) inside the aggregate", "div0": "the row before is 0"}
PART_ROWS = 1 << 18


class WindowRows:
    """What was kept of the rows that came in, each stretch with its stretch of the computed columns."""

    has_places = False  # the trail tells of them

    def __init__(
        self, program: Program, n_rows: int, columns: Sequence[Chunks], outs: Sequence[Out], at: At, trail: Trail
    ) -> None:
        self.program, self.n_rows, self.columns, self.outs, self.at, self.trail = (
            program,
            n_rows,
            columns,
            outs,
            at,
            trail,
        )
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


class SpilledRows:
    """Rows from one file, computed columns from another: one partition, read from the front."""

    has_places = False  # the trail tells of them

    def __init__(self, program: Program, n_rows: int, rows: RowFile, results: Results, at: At, trail: Trail) -> None:
        self.program, self.n_rows, self.rows, self.results, self.at, self.trail = (
            program,
            n_rows,
            rows,
            results,
            at,
            trail,
        )
        self.schema = program.schema

    def partitions(self, target: int) -> Sequence[Partition]:
        return [Spilled(self)] if self.n_rows else []


@dataclass(frozen=True, slots=True)
class Spilled:
    source: SpilledRows

    def batches(self, ctx: Context) -> Iterator[Batch]:
        source, row = self.source, 0
        stored = Stored(source.rows.read())
        for computed in source.results.blocks():
            ctx.check()
            n = min(source.results.step, source.n_rows - row)
            reservation = ctx.memory.reserve(source.at.command)
            reservation.grow(
                sum(c.nbytes for c in computed)
            )  # a small part of what the sink had, and it has let that go
            try:
                for low in range(0, n, step := max(1, ctx.settings.batch_rows)):
                    high = min(low + step, n)
                    columns = stored.take(high - low) if source.program.carried else []
                    cut = [c.slice(low, high - low) for c in computed]
                    yield self._batch(columns, cut, high - low, row + low, ctx)
            finally:
                reservation.release()
            row += n

    def _batch(self, columns: list[Any], computed: list[pa.Array[Any]], n: int, row: int, ctx: Context) -> Batch:
        source = self.source
        columns += [None] * (len(source.schema) - len(columns))
        for place, values in zip(source.program.places, computed[::2], strict=True):
            columns[place] = values
        made = Batch(n, tuple(columns), Origin(0, source.at.command, 0, row, told=source.trail.place))
        for texts in computed[1::2]:
            bad = np.flatnonzero(is_valid(texts)) if texts.null_count < n else np.empty(0, np.int64)
            if len(bad):
                _tell(texts, bad, made, source.at, ctx)
        return made


def _tell(texts: pa.Array[Any], bad: NDArray[np.int64], batch: Batch, at: At, ctx: Context) -> None:
    from .parts import SEPARATOR

    told = texts.take(array_from(bad)).to_pylist()
    for reason in sorted({str(t).split(SEPARATOR)[0] for t in told}):
        chosen = [i for i, t in enumerate(told) if str(t).split(SEPARATOR)[0] == reason]
        values = pa.array([str(told[i]).split(SEPARATOR)[1] for i in chosen], pa.string())
        rows = bad[chosen]
        ctx.notes.rows(at, "reject", reason, batch, rows, _spread(values, rows, batch.n_rows), HINTS[reason])


class Stored:
    """Rows of a file, so many at a time."""

    def __init__(self, batches: Iterator[pa.RecordBatch]) -> None:
        self._batches = batches
        self._batch: pa.RecordBatch | None = None
        self._at = 0

    def take(self, n: int) -> list[Any]:
        parts: list[list[pa.Array[Any]]] = []
        while n:
            if self._batch is None or self._at == self._batch.num_rows:
                self._batch, self._at = next(self._batches), 0
            taken = min(n, self._batch.num_rows - self._at)
            parts.append([c.slice(self._at, taken) for c in self._batch.columns])
            self._at += taken
            n -= taken
        return [concat(list(c)) for c in zip(*parts, strict=True)]


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
        source, step = self.source, max(1, ctx.settings.batch_rows)
        for low in range(self.begin, self.end, step):
            high = min(low + step, self.end)
            origin = Origin(self.seq, source.at.command, 0, low - self.begin, told=source.trail.behind(self.begin))
            yield source.batch(low, high, origin, ctx)
