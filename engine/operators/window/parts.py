"""Parts of a window that were spilled: each is read, computed, and its results written by stretch of rows."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ...arrow import array_from, concat, numbers_of
from ...arrow import nulls as null_array
from ...context import Context
from ...memory import Reservation
from ...notes import At
from ..grouping import new_keys
from ..groupspill import MAX_LEVEL, N_PARTS, area_of
from .outs import Out
from .part import Part
from .spec import Program
from .spill import PartRows, Results, too_little

SEPARATOR = "\x1f"  # between the reason of a fault and the value


class Parts:
    """What the tasks share. A part that does not fit into a task's memory is cut by the next bits of its keys' hashes."""

    def __init__(
        self, program: Program, at: At, spilled: PartRows, needed: Sequence[int], n_rows: int, ctx: Context
    ) -> None:
        self._program, self._at, self._spilled, self._needed, self._ctx = program, at, spilled, needed, ctx
        row_bytes = sum(24 + 4 for _ in program.columns) + 8
        self.results = Results(area_of(ctx, at.command), at.command, n_rows, row_bytes, ctx.memory.limit)
        self.cut = 0
        self._lock = threading.Lock()
        self._open: list[PartRows] = []
        self._reservations: list[Reservation] = []
        self._written = 0

    @property
    def nbytes(self) -> int:
        return self.results.nbytes + self._written

    def tasks(self) -> Sequence[Callable[[], None]]:
        return [partial(self._task, self._spilled, part) for part in range(N_PARTS) if self._spilled.rows[part]]

    def _task(self, files: PartRows, part: int) -> None:
        ctx = self._ctx
        reservation = ctx.memory.reserve(self._at.command, ctx.memory.limit // max(1, ctx.settings.threads))
        with self._lock:
            self._reservations.append(reservation)
        try:
            self._compute(files, part, reservation)
        finally:
            reservation.release()

    def _compute(self, files: PartRows, part: int, reservation: Reservation) -> None:
        n = files.rows[part]
        needed = 2 * files.sizes[part] + n * (40 + 16 * len(self._program.sortings) + 40 * len(self._program.columns))
        if not reservation.grow(needed):
            self._divide(files, part, reservation, needed)
            return
        ctx = self._ctx
        batches = []
        for batch in files.read(part):
            ctx.check()
            batches.append(batch)
        columns = [concat(list(c)) for c in zip(*(b.columns for b in batches), strict=True)]
        batches.clear()
        numbers, n_keys = np.array(numbers_of(columns[0])), len(self._program.keys)
        keys = new_keys([t for _, t in self._program.keys], ctx.compiled)
        codes = keys.ids(columns[1 : 1 + n_keys], n, ctx.stop)
        ctx.check()
        arrays = dict(zip(self._needed, columns[1 + n_keys :], strict=True))
        made = Part(self._program, codes, keys.n, arrays)
        for task in made.tasks(1, ctx):
            task()
        made.seal()
        with self._lock:
            self.cut += sum(o.cut for o in made.outs)
        self.results.add(numbers, result_columns(made.outs, n), ctx)
        reservation.release()

    def _divide(self, files: PartRows, part: int, reservation: Reservation, needed: int) -> None:
        ctx, n_keys = self._ctx, len(self._program.keys)
        level = files.level + 1
        finer = PartRows(area_of(ctx, self._at.command), self._at.command, level, ctx.memory.limit)
        with self._lock:
            self._open.append(finer)
        for batch in files.read(part):
            ctx.check()
            keys = new_keys([t for _, t in self._program.keys], ctx.compiled)
            codes = keys.ids(batch.columns[1 : 1 + n_keys], batch.num_rows, ctx.stop)
            ctx.check()
            finer.write(numbers_of(batch.column(0)), keys, codes, batch.columns[1 + n_keys :], ctx)
        finer.finish()
        with self._lock:
            self._written += finer.nbytes
        if level >= MAX_LEVEL:
            raise too_little(self._at.command, needed)
        for i in range(N_PARTS):
            if finer.rows[i]:
                self._compute(finer, i, reservation)

    def close(self) -> None:
        self.results.close()
        for files in self._open:
            files.close()
        for reservation in self._reservations:
            reservation.release()


def result_columns(outs: Sequence[Out], n: int) -> list[pa.Array[Any]]:
    """Of each column its values and what was refused in its place."""
    columns: list[pa.Array[Any]] = []
    for out in outs:
        columns += [out.column(0, n), refused(out, n)]
    return columns


def refused(out: Out, n: int) -> pa.Array[Any]:
    """Reason and value as one text where a value was refused, else null."""
    found = out.faults()
    if not found:
        return null_array(n, pa.string())
    at: NDArray[np.int64] = np.full(n, -1, np.int64)
    texts: list[str] = []
    for reason, rows, values in found:
        at[rows] = np.arange(len(texts), len(texts) + len(rows))
        texts += [f"{reason}{SEPARATOR}{v}" for v in values.to_pylist()]
    return pa.array(texts, pa.string()).take(array_from(np.maximum(at, 0), at < 0))
