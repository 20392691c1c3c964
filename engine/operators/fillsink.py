"""`fillnull` that must see where a gap ends: the rows are held, in memory while they fit, else sorted on disk."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import field
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ...planner.records import dataclass
from ...planner.types import Schema
from ..arrow import concat, is_valid
from ..aside import aside
from ..batch import Batch, Origin
from ..context import Context
from ..memory import Reservation
from ..notes import At
from ..operator import Flow, Source
from .fillgaps import GapPasses, Gaps
from .fillonce import filled_at_once
from .grouping import Keys, new_keys
from .resort import Numbered, SortedPart, placed, with_place
from .tail import Piece, TailRows

MOST_BYTES = 1 << 30  # of a column of text or arrays that is put together: Arrow's offsets end at two of these


@dataclass(slots=True)
class FillLocal:
    ctx: Context
    keys: Keys
    reservation: Reservation
    pieces: list[tuple[pa.Array[Any], ...]] = field(default_factory=list)
    ids: list[NDArray[np.int32]] = field(default_factory=list)
    nbytes: int = 0
    longest: int = 0  # bytes of the columns that are put together
    n_in: int = 0
    aside: GapPasses | None = None


class FillSink:
    """`gaps`: which columns are filled, by which keys."""

    needs_order = True

    def __init__(self, gaps: Gaps, schema: Schema, at: At) -> None:
        self._gaps, self._schema, self._at = gaps, schema, at
        self._types = [schema.fields[i][1] for i in gaps.keys]
        self._out = gaps.out(schema)
        self._local: FillLocal | None = None
        self._made: list[pa.Array[Any]] = []

    def open(self, ctx: Context) -> FillLocal:
        keys = new_keys(self._types, ctx.compiled)
        self._local = FillLocal(ctx, keys, ctx.memory.reserve(self._at.command, ctx.memory.limit // 2))
        return self._local

    def push(self, batch: Batch, local: FillLocal) -> Flow:
        if not batch.n_rows:
            return Flow.MORE
        self._note_timeless(batch, local)
        if local.aside is not None:
            local.aside.add(placed(batch, local.n_in))
            local.n_in += batch.n_rows
            return Flow.MORE
        local.n_in += batch.n_rows
        self._keep(batch, local)
        return Flow.MORE

    def _note_timeless(self, batch: Batch, local: FillLocal) -> None:
        """Rows that could not be filled because nobody knows when they are."""
        if not self._gaps.fill.by_time or self._gaps.time is None:
            return
        columns = [batch.array(i) for i in range(len(self._schema))]
        timeless = ~self._gaps.clock(columns, 0, batch.n_rows).timed
        if not timeless.any():
            return
        empty = np.logical_or.reduce([~is_valid(columns[i]) for i in self._gaps.targets])
        rows = np.flatnonzero(timeless & empty)
        if len(rows):
            local.ctx.notes.rows(self._at, "reject", "null time", batch, rows, None, "the row stays as it is")

    def _keep(self, batch: Batch, local: FillLocal) -> None:
        ctx = local.ctx
        columns = batch.own(range(len(self._schema)))
        local.pieces.append(columns)
        nbytes = sum(c.nbytes for c in columns)
        if self._gaps.keys:
            if ctx.compiled and not local.keys.compiled:
                local.keys.compile(ctx.stop)
            local.ids.append(local.keys.ids([columns[i] for i in self._gaps.keys], batch.n_rows, ctx.stop))
            ctx.check()
        # what is filled is put together, sorted and bounded on both sides: several numbers a row
        work = sum(3 * columns[i].nbytes for i in self._gaps.targets) + 64 * batch.n_rows
        local.nbytes += nbytes + work
        varied = [columns[i] for i in self._gaps.targets if not pa.types.is_primitive(columns[i].type)]
        local.longest += max((c.nbytes for c in varied), default=0)
        needed = local.nbytes + local.keys.nbytes() - local.reservation.wanted
        if local.longest > MOST_BYTES or (needed > 0 and not local.reservation.grow(needed)):
            self._begin_aside(local)

    def _begin_aside(self, local: FillLocal) -> None:
        pieces, local.pieces = local.pieces, []
        local.ids.clear()
        local.keys = new_keys(self._types, False)
        local.reservation.release()
        local.aside = GapPasses(self._gaps, with_place(self._schema), local.ctx, self._at)
        place = 0
        for columns in pieces:
            n = len(columns[0])
            local.aside.add(placed(Batch(n, columns, Origin(0)), place))
            place += n

    def combine(self, local: FillLocal) -> None:
        return None

    def merge(self, ctx: Context) -> Sequence[Callable[[], None]]:
        local = self._local
        return (self._fill,) if local is not None and local.pieces else ()

    def _fill(self) -> None:
        local = self._local
        assert local is not None
        local.ctx.check()
        self._made = aside(local.ctx, local.nbytes, self._fill_all)

    def _fill_all(self) -> list[pa.Array[Any]]:
        local = self._local
        assert local is not None
        wanted = {*self._gaps.targets, *((self._gaps.time,) if self._gaps.time is not None else ())}
        whole = {i: concat([p[i] for p in local.pieces]) for i in wanted}
        groups = np.concatenate(local.ids) if self._gaps.keys else None
        return filled_at_once(self._gaps, self._schema, whole, groups, local.keys.n)

    def result(self, ctx: Context) -> Source:
        local = self._local
        assert local is not None
        if local.aside is not None:
            return Numbered([SortedPart(local.aside, len(self._schema), self._at.command)], self._out)
        pieces, begin = [], 0
        for columns in local.pieces:
            n = len(columns[0])
            out = list(columns)
            for i, made in zip(self._gaps.targets, self._made, strict=True):
                out[i] = made.slice(begin, n)
            pieces.append(Piece(n, columns=tuple(out)))
            begin += n
        local.pieces, self._made = [], []
        return TailRows(self._out, pieces, 0)

    def close(self) -> None:
        local = self._local
        if local is None:
            return
        local.pieces = []
        local.reservation.release()
        if local.aside is not None:
            local.aside.close()

    def describe_run(self) -> dict[str, int]:
        aside = self._local.aside if self._local is not None else None
        return {"spilled_bytes": aside.spilled_bytes if aside is not None else 0}
