"""`window`: takes all rows, computes columns over frames of them, and gives the rows back in their order."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ....planner.types import Type
from ...arrow import concat, decode, is_valid, own
from ...arrow import nulls as null_array
from ...batch import Batch, Spans
from ...context import Context
from ...memory import Reservation
from ...notes import At
from ...operator import Flow, Source
from ..grouping import Keys, new_keys
from .part import Part
from .result import Piece, WindowRows
from .spec import Program

NULL_TIME = "null time"


@dataclass(slots=True)
class Local:
    ctx: Context
    reservation: Reservation
    keys: Keys
    pieces: list[Piece] = field(default_factory=list)
    codes: list[NDArray[np.int32]] = field(default_factory=list)
    columns: dict[int, list[pa.Array[Any]]] = field(default_factory=dict)  # what is computed from, by number
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
        self._local = Local(ctx, ctx.memory.reserve(self._at.command), keys)
        self._local.columns = {i: [] for i in self._needed}
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
        for i in self._needed:
            local.columns[i].append(own(batch.array(i)))
        if self._time is not None and (nulls := batch.array(self._time)).null_count:
            ctx.notes.rows(self._at, "drop", NULL_TIME, batch, np.flatnonzero(~is_valid(nulls)), None)
        local.pieces.append(Piece(n, tuple(_kept(batch, i) for i in range(self._program.carried))))
        local.n_rows += n
        return Flow.MORE

    def combine(self, local: Local) -> None:
        return None

    def merge(self, ctx: Context) -> Sequence[Callable[[], None]]:
        local = self._local
        assert local is not None
        codes = np.concatenate(local.codes) if local.codes else np.empty(0, np.int32)
        local.codes.clear()
        arrays = {i: _whole(chunks, self._program.types[i]) for i, chunks in local.columns.items()}
        self._part = Part(self._program, codes, local.keys.n, arrays)
        return self._part.tasks(ctx.settings.threads, ctx)

    def result(self, ctx: Context) -> Source:
        local, part = self._local, self._part
        assert local is not None and part is not None
        part.seal()
        cut = sum(o.cut for o in part.outs)
        if cut:
            ctx.notes.count(self._at, "truncate", "values", cut)
        return WindowRows(self._program, local.pieces, part.outs, self._at)

    def close(self) -> None:
        if self._local is not None:
            self._local.reservation.release()
            self._local.pieces, self._local.columns = [], {}
        self._part = None


def _kept(batch: Batch, i: int) -> pa.Array[Any]:
    """A column as it is stored: a dictionary as codes where they are much fewer than the rows."""
    column = batch.columns[i]
    if isinstance(column, Spans):
        return batch.array(i)
    if isinstance(column, pa.DictionaryArray):
        small = 2 * len(column.dictionary) <= len(column)
        return column if small else own(decode(column))
    return own(column)


def _whole(chunks: list[pa.Array[Any]], type_: Type) -> pa.Array[Any]:
    return concat(chunks) if chunks else null_array(0, type_.arrow)
