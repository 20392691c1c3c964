"""`dedup keep=last`: the last rows of each key, in input order. What a later row has superseded is let go on the way."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import field
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ...planner.plan import SortKey
from ...planner.records import dataclass
from ...planner.types import Schema
from ..arrow import concat, indices
from ..batch import Batch, Origin
from ..context import Context
from ..memory import Reservation
from ..notes import REMOVED, At
from ..operator import Flow, Source
from .grouping import Keys, new_keys
from .occurrence import Occurrences
from .resort import PLACE, Numbered, SortedPart, Sorter, placed, with_place
from .tail import Piece, TailRows

SPARE_ROWS = 1 << 16  # rows held beyond twice the survivors before they are looked through


@dataclass(slots=True)
class Kept:
    """Rows in a row; `ranks`: how many rows of the same key came before each."""

    columns: tuple[pa.Array[Any], ...]
    ids: NDArray[np.int32]
    ranks: NDArray[np.int64]

    def nbytes(self) -> int:
        return sum(c.nbytes for c in self.columns) + self.ids.nbytes + self.ranks.nbytes


@dataclass(slots=True)
class LastLocal:
    ctx: Context
    keys: Keys
    reservation: Reservation
    rows: Occurrences = field(default_factory=Occurrences)
    kept: list[Kept] = field(default_factory=list)
    n_kept: int = 0
    nbytes: int = 0  # of what is kept
    n_in: int = 0
    aside: Sorter | None = None


class DedupLastSink:
    """`places`: the key columns. What does not fit goes to disk, sorted by key with the last rows first."""

    needs_order = True

    def __init__(self, places: Sequence[int], limit: int, schema: Schema, at: At) -> None:
        self._places, self._limit, self._schema, self._at = list(places), limit, schema, at
        self._types = [schema.fields[i][1] for i in places]
        self._wide = with_place(schema)
        self._local: LastLocal | None = None
        self._back: Sorter | None = None
        self._n_out = 0

    def open(self, ctx: Context) -> LastLocal:
        half = ctx.memory.limit // 2  # the other half is for sorting what is set aside
        self._local = LastLocal(ctx, new_keys(self._types, ctx.compiled), ctx.memory.reserve(self._at.command, half))
        return self._local

    def push(self, batch: Batch, local: LastLocal) -> Flow:
        if not batch.n_rows:
            return Flow.MORE
        first = local.n_in
        local.n_in += batch.n_rows
        if local.aside is not None:
            local.aside.add(placed(batch, first))
            return Flow.MORE
        ctx = local.ctx
        if ctx.compiled and not local.keys.compiled:
            local.keys.compile(ctx.stop)
        ids = local.keys.ids([batch.columns[i] for i in self._places], batch.n_rows, ctx.stop)
        ctx.check()
        ranks = local.rows.ranks(ids, local.keys.n)
        live = self._live(ids, ranks, local)
        if len(live) < batch.n_rows:
            batch, ids, ranks = batch.take(live.astype(np.int32)), ids[live], ranks[live]
        self._keep(Kept(batch.own(range(len(self._schema))), ids, ranks), local)
        return Flow.MORE

    def _live(self, ids: NDArray[np.int32], ranks: NDArray[np.int64], local: LastLocal) -> NDArray[Any]:
        """Rows that are, so far, among the last of their key."""
        return np.flatnonzero(local.rows.counts[ids] - ranks <= self._limit)

    def _keep(self, rows: Kept, local: LastLocal) -> None:
        local.kept.append(rows)
        local.n_kept += len(rows.ids)
        local.nbytes += rows.nbytes()
        if local.n_kept > 2 * self._limit * local.keys.n + SPARE_ROWS:
            self._let_go(local)
        if not self._fits(local):
            self._let_go(local)
            if not self._fits(local):
                self._begin_aside(local)

    def _fits(self, local: LastLocal) -> bool:
        needed = local.nbytes + local.keys.nbytes() + local.rows.nbytes()
        more = needed - local.reservation.wanted
        return more <= 0 or local.reservation.grow(more)

    def _let_go(self, local: LastLocal) -> None:
        """Rows that later ones have superseded."""
        left: list[Kept] = []
        for piece in local.kept:
            local.ctx.check()
            live = self._live(piece.ids, piece.ranks, local)
            if len(live) == len(piece.ids):
                left.append(piece)
            elif len(live):
                wanted = indices(live)
                left.append(Kept(tuple(c.take(wanted) for c in piece.columns), piece.ids[live], piece.ranks[live]))
        local.kept = _joined(left)
        local.n_kept = sum(len(k.ids) for k in local.kept)
        local.nbytes = sum(k.nbytes() for k in local.kept)

    def _begin_aside(self, local: LastLocal) -> None:
        """What was let go so far has enough later rows of its key among those that are still here."""
        names = [self._schema.fields[i][0] for i in self._places]
        keys = [SortKey(PLACE, descending=True)]
        kept, local.kept = local.kept, []
        local.keys, local.rows = new_keys(self._types, False), Occurrences()
        local.n_kept = local.nbytes = 0
        local.reservation.release()
        aside = local.aside = Sorter(self._wide, local.ctx, self._at, keys=keys, by=names, limit=self._limit, part=0.45)
        place = local.n_in - sum(len(k.ids) for k in kept)
        for piece in kept:
            n = len(piece.ids)
            aside.add(placed(Batch(n, piece.columns, Origin(0)), place))
            place += n

    def combine(self, local: LastLocal) -> None:
        return None

    def merge(self, ctx: Context) -> Sequence[Callable[[], None]]:
        return (self._finish,)

    def _finish(self) -> None:
        local = self._local
        assert local is not None
        if local.aside is None:
            self._let_go(local)
            self._n_out = local.n_kept
        else:
            back = self._back = Sorter(self._wide, local.ctx, self._at, keys=[SortKey(PLACE)], part=0.45)
            for batch in local.aside.batches():
                self._n_out += batch.n_rows
                back.add(batch)
            local.aside.close()
        if local.n_in > self._n_out:
            local.ctx.notes.count(self._at, "info", REMOVED, local.n_in - self._n_out)

    def result(self, ctx: Context) -> Source:
        local = self._local
        assert local is not None
        if self._back is not None:
            return Numbered([SortedPart(self._back, len(self._schema), self._at.command)], self._schema)
        pieces = [Piece(len(k.ids), columns=k.columns) for k in local.kept]
        local.kept = []
        return TailRows(self._schema, pieces, 0)

    def close(self) -> None:
        local = self._local
        if local is not None:
            local.kept = []
            local.reservation.release()
            if local.aside is not None:
                local.aside.close()
        if self._back is not None:
            self._back.close()

    def describe_run(self) -> dict[str, int]:
        aside = self._local.aside if self._local is not None else None
        return {"spilled_bytes": sum(s.spilled_bytes for s in (aside, self._back) if s is not None)}


def _joined(pieces: list[Kept]) -> list[Kept]:
    """Small pieces are put together, so that the result has no tiny batches."""
    out: list[list[Kept]] = []
    n = 0
    for piece in pieces:
        if not out or n + len(piece.ids) > SPARE_ROWS:
            out.append([])
            n = 0
        out[-1].append(piece)
        n += len(piece.ids)
    return [
        g[0]
        if len(g) == 1
        else Kept(
            tuple(concat(c) for c in zip(*(k.columns for k in g), strict=True)),
            np.concatenate([k.ids for k in g]),
            np.concatenate([k.ranks for k in g]),
        )
        for g in out
    ]
