"""Rows of the left by parts of their keys on disk, parts matched one by one, and the rows sorted back into the left's order.

Source: the Grace hash join (Kitsuregawa, Tanaka, Moto-oka, "Application of Hash to Data Base Machine and Its
Architecture", New Generation Computing 1, 1983).
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import field, replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...planner.combine import Matched
from ...planner.plan import Here, Sort, SortKey
from ...planner.records import dataclass
from ...planner.types import LONG, Schema
from ..arrow import array_from, numbers_of
from ..batch import Batch, Origin
from ..context import Context
from ..memory import Budget, Reservation
from ..notes import At, Ledger, Sample
from ..operator import Flow, Partition, Source
from .collect import source_rows
from .joinkeys import sides
from .joinparts import N_PARTS, PartWriter
from .sort import PLACE_BITS, Placing, SortLocal, SortSink

BEHIND = 1 << 62  # the place of rows without a left: behind all others
PLACES = ("left place", "right place", "source row")
LEAST_PIECE = 64 << 10
NOWHERE = np.int64(-1)

Rows = NDArray[np.int64]


class GraceLocal(Placing):
    def __init__(self, writer: PartWriter) -> None:
        super().__init__()
        self.writer = writer


@dataclass(slots=True)
class Work:
    """One worker's: what it sorts, and the room it has for a piece of the right."""

    ctx: Context
    room: int
    seq: int
    sort: SortLocal | None = None  # None: rows are taken as they come
    made: list[Batch] = field(default_factory=list)
    noting: Context | None = None  # of the pipeline that the left came through


class Grace:
    """Takes the left; gives the matched rows in order. Needs half of its memory for pieces, half for the sort.

    Whoever extends it says what becomes of one part (`steps`).
    """

    needs_order = False

    def __init__(self, node: Matched, at: At, *, ordered: bool = True) -> None:
        """`ordered`: whether what follows needs the rows in order; else parts are matched as they are asked for."""
        self._node, self._at = node, at
        self._ordered = ordered
        self._side, self._right_side = sides(node, node.left.schema, node.right.schema)
        self._lock = threading.Lock()
        self._locals: list[GraceLocal] = []
        self._works: list[Work] = []
        self._held: Reservation | None = None
        self._ctx: Context | None = None
        self._clashes = [(n, node.left.schema.index(n)) for n in node.clashes if n in node.left.schema]
        self._schema = Schema((*node.schema.fields, *((n, LONG) for n in (PLACES[2], PLACES[0], PLACES[1]))))
        keys = (SortKey(PLACES[0]), SortKey(PLACES[1]))
        self._sort = SortSink(Sort(inputs=(Here(columns=self._schema),), keys=keys), self._schema, at)
        self.schema = node.schema
        self._told: dict[int, list[tuple[int, Callable[[int], str]]]] = {}  # by partition and first row
        self._ledger = Ledger()

    def open(self, ctx: Context) -> GraceLocal:
        self._ledger = ctx.query.ledger
        kept = Schema((*self._node.left.schema.fields, (PLACES[2], LONG)))
        local = GraceLocal(PartWriter(ctx, self._at.command, kept, self._side))
        with self._lock:
            self._locals.append(local)
        return local

    def push(self, batch: Batch, local: GraceLocal) -> Flow:
        if batch.n_rows:
            origin = batch.origin
            if origin.told is not None:
                with self._lock:
                    self._told.setdefault(origin.seq, []).append((origin.row, origin.told))
            columns = [batch.array(i) for i in range(len(self._node.left.schema))]
            local.writer.add([*columns, array_from(source_rows(batch))], batch.n_rows, local.first_place(batch))
        return Flow.MORE

    def combine(self, local: GraceLocal) -> None:
        local.writer.finish()

    # parts

    def merge(self, ctx: Context) -> Sequence[Callable[[], None]]:
        if not self._ordered:
            self._ctx = ctx
            return ()
        threads = max(1, ctx.settings.threads)
        memory = self._take_memory(ctx)
        budget = Budget(memory // 2)
        self._ctx = Context(ctx.query, ctx.notes, budget, ctx.kernels)
        room = max(LEAST_PIECE, memory // (4 * threads))
        for i in range(threads):  # each a context of its own: scratch space is no worker's but its own
            own = Context(ctx.query, ctx.notes, budget, ctx.kernels)
            self._works.append(Work(own, room, i, self._sort.open(own)))
        return [partial(self._parts, w, range(i, N_PARTS, threads)) for i, w in enumerate(self._works)]

    def _take_memory(self, ctx: Context) -> int:
        """All that this sink may have is set aside, and then shared out."""
        self._held = ctx.memory.reserve(self._at.command, ctx.memory.limit)
        wanted = max(0, ctx.memory.limit - ctx.memory.used)
        while wanted > LEAST_PIECE and not self._held.grow(wanted):
            wanted //= 2
        return max(wanted, LEAST_PIECE)

    def _parts(self, work: Work, parts: range) -> None:
        for part in parts:
            work.ctx.check()
            self._part(part, work)
        if work.sort is not None:
            self._sort.combine(work.sort)

    def _part(self, part: int, work: Work) -> None:
        for _ in self.steps(part, work):
            pass

    def steps(self, part: int, work: Work) -> Iterator[None]:
        """Match a part's rows; what was made since the step before is in the sort, or in `work.made`."""
        raise NotImplementedError

    def _emit(self, made: Batch, left: Rows, right: Rows, rows: Rows, work: Work) -> None:
        """`rows`: where those of the left stood within their partitions, at the source."""
        source = np.where(left == BEHIND, NOWHERE, (left >> PLACE_BITS << PLACE_BITS) | rows)
        if work.sort is None:
            work.made.append(replace(made, origin=Origin(work.seq, told=_Place(self, source, 0))))
            return
        batch = made.with_columns([array_from(source), array_from(left), array_from(right)])
        self._sort.push(replace(batch, origin=Origin(work.seq)), work.sort)

    # rows from disk

    def _n_left(self, part: int) -> int:
        return sum(int(local.writer.rows[part]) for local in self._locals)

    def _left(self, part: int, *, last: bool) -> Iterator[tuple[Batch, Rows, Rows]]:
        """Batches, their places, and the rows at the source."""
        for local in self._locals:
            for columns, places in local.writer.batches(part, last=last):
                *mine, rows = columns
                yield Batch(len(places), tuple(mine), Origin(0)), places, numbers_of(rows)

    # notes

    def _tell_rows(
        self, batch: Batch, places: Rows, rows: Rows, wanted: NDArray[np.bool_], kind: str, reason: str, text: Any,
        hint: str, work: Work,
    ) -> None:  # fmt: skip
        some = np.flatnonzero(wanted)
        seqs = places[some] >> PLACE_BITS
        for seq in np.unique(seqs).tolist():
            mine = some[seqs == seq]
            mine = mine[np.argsort(places[mine], kind="stable")]
            with self._lock:
                origin = Origin(int(seq), picks=(rows,), told=self._teller(seq))
                (work.noting or work.ctx).notes.rows(
                    self._at, kind, reason, replace(batch, origin=origin), mine, text, hint
                )

    def _teller(self, seq: int) -> Callable[[int], str] | None:
        """Says the place of a row where its number does not."""
        known = self._told.get(seq)
        if known is None:
            return None
        return lambda row: max((p for p in known if p[0] <= row), key=lambda p: p[0])[1](row)

    def place(self, at: int) -> str:
        """In words: where a row of the left stood."""
        seq, row = at >> PLACE_BITS, at & ((1 << PLACE_BITS) - 1)
        teller = self._teller(seq)
        return teller(row) if teller is not None else self._ledger.places()(Sample(seq, row, "", ""))

    # the result

    def result(self, ctx: Context) -> Source:
        assert self._ctx is not None
        if not self._ordered:
            room = max(LEAST_PIECE, ctx.memory.limit // (2 * max(1, ctx.settings.threads)))
            return Unordered(self, self._ctx, room)
        self._conclude(ctx)
        for task in self._sort.merge(self._ctx):
            task()
        source = self._sort.result(self._ctx)
        if self._held is not None:
            self._held.release()
        return Ordered(source, self)

    def _conclude(self, ctx: Context) -> None:
        """All parts are done."""

    def close(self) -> None:
        self._sort.close()
        for local in self._locals:
            local.writer.close()
        if self._held is not None:
            self._held.release()

    def describe_run(self) -> dict[str, int]:
        written = sum(local.writer.written for local in self._locals)
        return {"parts": N_PARTS, "spilled_bytes": written + int(self._sort.describe_run()["spilled_bytes"])}


class Unordered:
    """The joined rows of one part after the other."""

    def __init__(self, sink: Grace, noting: Context, room: int) -> None:
        self.schema = sink.schema
        self._sink, self._noting, self._room = sink, noting, room

    def partitions(self, target: int) -> Sequence[Partition]:
        return [_Part(self._sink, i, self._noting, self._room) for i in range(N_PARTS)]


@dataclass(frozen=True, slots=True)
class _Part:
    sink: Grace
    part: int
    noting: Context
    room: int

    def batches(self, ctx: Context) -> Iterator[Batch]:
        work = Work(ctx, self.room, self.part, noting=self.noting)
        for _ in self.sink.steps(self.part, work):
            ctx.check()
            yield from work.made
            work.made.clear()


class Ordered:
    """The joined rows once they are sorted, without the columns that this took."""

    def __init__(self, source: Source, sink: Grace) -> None:
        self._source, self._sink, self.schema = source, sink, sink.schema

    def partitions(self, target: int) -> Sequence[Partition]:
        return [_OrderedPart(p, self._sink) for p in self._source.partitions(target)]

    def close(self) -> None:
        close = getattr(self._source, "close", None)
        if close is not None:
            close()


@dataclass(frozen=True, slots=True)
class _OrderedPart:
    part: Partition
    sink: Grace

    def batches(self, ctx: Context) -> Iterator[Batch]:
        row, n_columns = 0, len(self.sink.schema)
        for batch in self.part.batches(ctx):
            told = _Place(self.sink, numbers_of(batch.array(n_columns)), row)
            origin = Origin(batch.origin.seq, row=row, told=told)
            row += batch.n_rows
            yield replace(batch.select(range(n_columns)), origin=origin)


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a row stood at the source of the left, in words."""

    sink: Grace
    places: Rows
    first: int

    def __call__(self, row: int) -> str:
        at = int(self.places[row - self.first])
        return self.sink.place(at) if at >= 0 else "row of the subquery"
