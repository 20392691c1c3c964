"""`window`: takes all rows, computes columns over frames of them, and gives the rows back in their order."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ...arrow import is_valid
from ...batch import Batch
from ...context import Context
from ...memory import Reservation
from ...notes import At
from ...operator import Flow, Source
from ..grouping import Keys, new_keys
from .chunks import Chunks, kept
from .part import Part
from .result import WindowRows
from .spec import Program

NULL_TIME = "null time"


@dataclass(slots=True)
class Local:
    ctx: Context
    reservation: Reservation
    keys: Keys
    kept: list[Chunks]  # the columns that go out again
    plain: dict[int, Chunks]  # what is computed from, by number
    codes: list[NDArray[np.int32]] = field(default_factory=list)
    n_rows: int = 0
    charged: int = 0


class WindowSink:
    """One Local, fed in order: so a row's number is its place, and keys have one table."""

    needs_order = True

    def __init__(self, program: Program, at: At) -> None:
        self._program, self._at = program, at
        self._needed = sorted({*program.arguments(), *(s.column for s in program.sortings if s.column is not None)})
        self._time = next((s.column for s in program.sortings if s.is_time), None)
        self._local: Local | None = None
        self._part: Part | None = None

    def open(self, ctx: Context) -> Local:
        keys = new_keys([t for _, t in self._program.keys], ctx.compiled)
        kept = [Chunks(t.arrow) for t in self._program.types[: self._program.carried]]
        plain = {i: Chunks(self._program.types[i].arrow) for i in self._needed}
        self._local = Local(ctx, ctx.memory.reserve(self._at.command), keys, kept, plain)
        return self._local

    def push(self, batch: Batch, local: Local) -> Flow:
        n = batch.n_rows
        if not n:
            return Flow.MORE
        ctx = local.ctx
        if ctx.compiled and not local.keys.compiled:
            local.keys.compile(ctx.stop)
        local.codes.append(local.keys.ids([batch.columns[i] for i, _ in self._program.keys], n, ctx.stop))
        ctx.check()
        for i, chunks in enumerate(local.kept):
            chunks.add(kept(batch, i))
        for i, chunks in local.plain.items():
            chunks.add(batch.array(i))
        if self._time is not None and (nulls := batch.array(self._time)).null_count:
            ctx.notes.rows(self._at, "drop", NULL_TIME, batch, np.flatnonzero(~is_valid(nulls)), None)
        local.n_rows += n
        return Flow.MORE

    def combine(self, local: Local) -> None:
        return None

    def merge(self, ctx: Context) -> Sequence[Callable[[], None]]:
        local = self._local
        assert local is not None
        codes = np.concatenate(local.codes) if local.codes else np.empty(0, np.int32)
        local.codes.clear()
        for chunks in (*local.kept, *local.plain.values()):
            chunks.seal()
        arrays = {i: chunks.whole() for i, chunks in local.plain.items()}
        self._part = Part(self._program, codes, local.keys.n, arrays)
        return self._part.tasks(ctx.settings.threads, ctx)

    def result(self, ctx: Context) -> Source:
        local, part = self._local, self._part
        assert local is not None and part is not None
        part.seal()
        cut = sum(o.cut for o in part.outs)
        if cut:
            ctx.notes.count(self._at, "truncate", "values", cut)
        return WindowRows(self._program, local.n_rows, local.kept, part.outs, self._at)

    def close(self) -> None:
        if self._local is not None:
            self._local.reservation.release()
            self._local.kept, self._local.plain = [], {}
        self._part = None
