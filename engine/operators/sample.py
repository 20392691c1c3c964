"""`sample`: so many rows, or such a part of them, by the rank of a random number that each row has for its place."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import field
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ...planner.plan import SortKey
from ...planner.records import dataclass
from ...planner.types import LONG, Schema
from ..arrow import array_from, concat, indices, numbers_of
from ..aside import aside
from ..batch import Batch, Origin
from ..context import Context
from ..memory import Reservation
from ..notes import At
from ..operator import Flow, Source
from ..random import bits
from .begins import Begins
from .grouping import Keys, new_keys
from .occurrence import Occurrences
from .resort import PLACE, Numbered, SortedPart, Sorter
from .tail import Piece, TailRows

DRAW, NUMBER, RANK = "\0draw", "\0number", "\0rank"
SPARE_ROWS = 1 << 16
PART = 0.3  # of the operator's memory, for each of the sorts that are open at once


@dataclass(frozen=True, slots=True)
class Share:
    """How many rows of a group are taken: `count`, or the part `ratio`, to the nearest whole number."""

    count: int | None = None
    ratio: float | None = None

    def of(self, n_rows: NDArray[np.int64]) -> NDArray[np.int64]:
        if self.count is not None:
            return np.minimum(n_rows, self.count)
        nearest: NDArray[np.float64] = np.floor(n_rows * float(self.ratio or 0.0) + 0.5)
        return nearest.astype(np.int64)


@dataclass(slots=True)
class Kept:
    columns: tuple[pa.Array[Any], ...]
    ids: NDArray[np.int32]
    draws: NDArray[np.int64]
    places: NDArray[np.int64]

    def take(self, rows: NDArray[Any]) -> Kept:
        wanted = indices(rows)
        columns = tuple(c.take(wanted) for c in self.columns)
        return Kept(columns, self.ids[rows], self.draws[rows], self.places[rows])

    def nbytes(self) -> int:
        return sum(c.nbytes for c in self.columns) + self.ids.nbytes + self.draws.nbytes + self.places.nbytes


@dataclass(slots=True)
class SampleLocal:
    ctx: Context
    keys: Keys
    reservation: Reservation
    rows: Occurrences = field(default_factory=Occurrences)
    kept: list[Kept] = field(default_factory=list)
    n_kept: int = 0
    nbytes: int = 0
    n_in: int = 0
    aside: Sorter | None = None


class SampleSink:
    """The rows of each group with the least draws; they come out in input order. `keys`: the columns of `by`."""

    needs_order = True

    def __init__(self, share: Share, seed: int, keys: Sequence[int], schema: Schema, at: At) -> None:
        self._share, self._seed, self._keys, self._schema, self._at = share, seed, list(keys), schema, at
        self._types = [schema.fields[i][1] for i in keys]
        self._wide = schema.put(DRAW, LONG).put(PLACE, LONG)
        self._local: SampleLocal | None = None
        self._opened: list[Sorter] = []
        self._home: Sorter | None = None
        self._n_out = 0

    def open(self, ctx: Context) -> SampleLocal:
        keys = new_keys(self._types, ctx.compiled)
        self._local = SampleLocal(ctx, keys, ctx.memory.reserve(self._at.command, ctx.memory.limit // 2))
        return self._local

    def push(self, batch: Batch, local: SampleLocal) -> Flow:
        n, first = batch.n_rows, local.n_in
        if not n:
            return Flow.MORE
        local.n_in += n
        draws = (bits(self._seed, 0, first, n) >> np.uint64(1)).view(np.int64)
        places = np.arange(first, first + n, dtype=np.int64)
        if local.aside is not None:
            local.aside.add(batch.with_columns([array_from(draws), array_from(places)]))
            return Flow.MORE
        ctx = local.ctx
        if ctx.compiled and not local.keys.compiled:
            local.keys.compile(ctx.stop)
        ids = local.keys.ids([batch.columns[i] for i in self._keys], n, ctx.stop)
        ctx.check()
        local.rows.ranks(ids, local.keys.n)
        self._keep(Kept(batch.own(range(len(self._schema))), ids, draws, places), local)
        return Flow.MORE

    def _keep(self, rows: Kept, local: SampleLocal) -> None:
        local.kept.append(rows)
        local.n_kept += len(rows.ids)
        local.nbytes += rows.nbytes()
        count = self._share.count
        if count is not None and local.n_kept > 2 * count * local.keys.n + SPARE_ROWS:
            self._let_go(local)
        if not self._fits(local):
            if count is not None:
                self._let_go(local)
            if not self._fits(local):
                self._begin_aside(local)

    def _fits(self, local: SampleLocal) -> bool:
        more = 2 * local.nbytes + local.keys.nbytes() + local.rows.nbytes() - local.reservation.wanted
        return more <= 0 or local.reservation.grow(more)

    def _let_go(self, local: SampleLocal) -> None:
        """Rows that are not among the least of their group any more."""
        if not local.kept:
            return
        local.ctx.check()
        ids, draws = (np.concatenate(c) for c in zip(*((k.ids, k.draws) for k in local.kept), strict=True))
        order = aside(local.ctx, draws.nbytes, lambda: np.lexsort((draws, ids)))
        begins = np.flatnonzero(np.diff(ids[order], prepend=-1))
        sizes = np.diff(begins, append=len(ids))
        ranks = np.arange(len(ids)) - np.repeat(begins, sizes)
        most = self._share.of(local.rows.counts[ids[order]])
        live = np.zeros(len(ids), np.bool_)
        live[order[ranks < most]] = True
        left: list[Kept] = []
        begin = 0
        for piece in local.kept:
            rows = np.flatnonzero(live[begin : begin + len(piece.ids)])
            begin += len(piece.ids)
            if len(rows):
                left.append(piece.take(rows))
        local.kept = _joined(left)
        local.n_kept = sum(len(k.ids) for k in local.kept)
        local.nbytes = sum(k.nbytes() for k in local.kept)

    def _sorter(self, schema: Schema, local: SampleLocal, **how: Any) -> Sorter:
        made = Sorter(schema, local.ctx, self._at, part=PART, **how)
        self._opened.append(made)
        return made

    def _begin_aside(self, local: SampleLocal) -> None:
        names = [self._schema.fields[i][0] for i in self._keys]
        kept, local.kept = local.kept, []
        local.keys, local.rows = new_keys(self._types, False), Occurrences()
        local.reservation.release()
        local.aside = self._sorter(self._wide, local, by=names, keys=[SortKey(DRAW)], limit=self._share.count)
        for k in kept:
            local.aside.add(Batch(len(k.ids), (*k.columns, array_from(k.draws), array_from(k.places)), Origin(0)))

    def combine(self, local: SampleLocal) -> None:
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
            chosen = local.aside.batches() if self._share.count is not None else self._part_of(local.aside, local)
            self._home = self._sorter(self._wide, local, keys=[SortKey(PLACE)])
            for batch in chosen:
                self._n_out += batch.n_rows
                self._home.add(batch)
        if local.n_in > self._n_out:
            local.ctx.notes.count(self._at, "truncate", "sample", local.n_in - self._n_out)

    def _part_of(self, rows: Sorter, local: SampleLocal) -> Iterator[Batch]:
        """Rows come in order of group and draw: backwards, the first of a group tells how many it has."""
        wide = self._wide.put(NUMBER, LONG).put(RANK, LONG)
        back = self._sorter(wide, local, keys=[SortKey(NUMBER, descending=True)])
        number = rank = 0
        for batch, begins in self._groups(rows.batches()):
            n = batch.n_rows
            at = np.arange(n)
            first = np.maximum.accumulate(np.where(begins, at, -1))
            ranks = np.where(first < 0, at + rank, at - first)
            rank = int(ranks[-1]) + 1
            back.add(batch.with_columns([array_from(np.arange(number, number + n)), array_from(ranks)]))
            number += n
        rows.close()
        n_columns, size = len(self._wide), 0
        for batch, begins in self._groups(back.batches()):
            ranks = numbers_of(batch.array(n_columns + 1))
            first = np.maximum.accumulate(np.where(begins, np.arange(batch.n_rows), -1))
            sizes = np.where(first < 0, size, ranks[np.maximum(first, 0)] + 1)
            size = int(sizes[-1])
            chosen = ranks < self._share.of(sizes)
            if chosen.any():
                yield batch.select(range(n_columns)).pick(chosen)
        back.close()

    def _groups(self, batches: Iterator[Batch]) -> Iterator[tuple[Batch, NDArray[np.bool_]]]:
        """With where groups begin."""
        begins = Begins(self._keys, self._types)
        for batch in batches:
            yield batch, begins.of(batch)

    def result(self, ctx: Context) -> Source:
        local = self._local
        assert local is not None
        if self._home is not None:
            return Numbered([SortedPart(self._home, len(self._schema), self._at.command)], self._schema)
        pieces = [Piece(len(k.ids), columns=k.columns) for k in local.kept]
        local.kept = []
        return TailRows(self._schema, pieces, 0)

    def close(self) -> None:
        if self._local is not None:
            self._local.kept = []
            self._local.reservation.release()
        for sorter in self._opened:
            sorter.close()

    def describe_run(self) -> dict[str, int]:
        return {"spilled_bytes": sum(s.spilled_bytes for s in self._opened)}


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
        Kept(
            tuple(concat(c) for c in zip(*(k.columns for k in g), strict=True)),
            *(np.concatenate(c) for c in zip(*((k.ids, k.draws, k.places) for k in g), strict=True)),
        )
        for g in out
    ]
