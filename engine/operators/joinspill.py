"""A join whose right side is on disk: the left is cut into the same parts, parts are joined one by one, and the rows
sorted back into the order of the left.

Source: the Grace hash join (Kitsuregawa, Tanaka, Moto-oka, "Application of Hash to Data Base Machine and Its
Architecture", New Generation Computing 1, 1983). A part that does not fit is joined in pieces.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ...planner.combine import Join
from ...planner.plan import Here, Sort, SortKey
from ...planner.types import LONG, Schema
from ..arrow import array_from, concat, indices, numbers_of
from ..arrow import nulls as null_array
from ..batch import Batch, Origin
from ..context import Context
from ..memory import Budget, Reservation
from ..notes import At, Ledger, Sample
from ..operator import Flow, Partition, Source
from .collect import source_rows
from .joinbuild import ROW_BYTES, Built
from .joinkeys import nulls_of, sides
from .joinparts import N_PARTS, PartWriter
from .joinprobe import HINT, Matcher
from .joinrows import Joiner, RightJoiner
from .keytable import Ids
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


class GraceSink:
    """Takes the left; gives the joined rows in order. Needs half of its memory for pieces, half for the sort."""

    needs_order = False

    def __init__(self, node: Join, at: At, built: Built, *, ordered: bool = True) -> None:
        """`ordered`: whether what follows needs the rows in order; else parts are joined as they are asked for."""
        self._node, self._at, self._right = node, at, built
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
        self._n_doubled = 0
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
        """Pieces of the right in turn against all of the left; then what of the left matched nothing."""
        kind = self._node.type
        keeps_left = kind in ("left", "full", "leftonly")
        met = np.zeros(self._n_left(part), np.bool_)
        for piece in self._pieces(part, work):
            matcher = Matcher(self._node, self._side, piece, work.ctx)
            joiner = Joiner(self._node, piece, work.ctx.settings.timezone)
            self._n_doubled += piece.n_doubled if self._node.first else 0
            begin = 0
            for batch, places, rows in self._left(part, last=False):
                numbers = matcher.numbers(batch)
                met[begin : begin + batch.n_rows] |= numbers >= 0
                begin += batch.n_rows
                if kind != "leftonly":
                    for _ in self._match(batch, places, rows, numbers, matcher, joiner, piece, work):
                        yield
            if kind in ("right", "full", "rightonly"):
                self._rest(piece, work)
                yield
        begin = 0
        for batch, places, rows in self._left(part, last=True):
            mine = met[begin : begin + batch.n_rows]
            begin += batch.n_rows
            self._tell(batch, places, rows, mine, work)
            if keeps_left and not mine.all():
                self._unmatched(batch, places, rows, np.flatnonzero(~mine), work)
                yield

    def _match(
        self, batch: Batch, places: Rows, rows: Rows, numbers: Ids, matcher: Matcher, joiner: Joiner, piece: Built,
        work: Work,
    ) -> Iterator[None]:  # fmt: skip
        most = work.ctx.settings.batch_rows
        if piece.is_unique:
            at, found = matcher.pairs(numbers)
            pairs: Iterator[tuple[Ids, Ids]] = iter([(at, found)] if len(at) else [])
        else:
            pairs = matcher.several(numbers, most, outer=False)
        for left, right in pairs:
            work.ctx.check()
            piece.matched[right] = True
            if self._node.type == "rightonly":
                continue
            made = joiner.pairs(batch, right, left)
            assert piece.places is not None
            self._emit(made, places[left], piece.places[right], rows[left], work)
            yield

    def _rest(self, piece: Built, work: Work) -> None:
        make = RightJoiner if self._node.type == "rightonly" else Joiner
        joiner = make(self._node, piece, work.ctx.settings.timezone)
        rows = np.flatnonzero(~piece.matched)
        assert piece.places is not None
        step = work.ctx.settings.batch_rows
        for low in range(0, len(rows), step):
            some = rows[low : low + step]
            behind = np.full(len(some), BEHIND)
            self._emit(joiner.alone(some, Origin(0)), behind, piece.places[some], np.zeros(len(some), np.int64), work)

    def _unmatched(self, batch: Batch, places: Rows, source: Rows, rows: NDArray[Any], work: Work) -> None:
        some = batch.take(rows.astype(np.int32))
        if self._node.type != "leftonly":
            joiner = Joiner(self._node, self._empty(work), work.ctx.settings.timezone)
            some = joiner.pairs(some, np.full(len(rows), -1, np.int32))
        else:
            some = some.select([self._node.left.schema.index(n) for n in self._node.schema.names()])
        self._emit(some, places[rows], np.full(len(rows), NOWHERE), source[rows], work)

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

    def _pieces(self, part: int, work: Work) -> Iterator[Built]:
        """The right's rows of a part, so many at once as there is room for. For a first match all of them are needed."""
        held: list[tuple[list[pa.Array[Any]], Rows]] = []
        nbytes = 0
        for writer in self._right.writers:
            for columns, places in writer.batches(part, last=True):
                held.append((columns, places))
                nbytes += 2 * (sum(c.nbytes for c in columns) + places.nbytes) + ROW_BYTES * len(places)
                if nbytes >= work.room and not self._node.first:
                    yield self._made(held, work)
                    held, nbytes = [], 0
        if held:
            yield self._made(held, work)

    def _made(self, held: list[tuple[list[pa.Array[Any]], Rows]], work: Work) -> Built:
        places = np.concatenate([p for _, p in held])
        order = np.argsort(places, kind="stable")
        columns = tuple(concat([c[i] for c, _ in held]).take(indices(order)) for i in range(len(self._right.schema)))
        built = Built(self._right.schema, self._right_side, work.ctx, columns, len(places), ())
        built.places = places[order]
        built.enter(work.ctx, self._node)
        return built

    def _empty(self, work: Work) -> Built:
        return self._made(
            [([null_array(0, t.arrow) for _, t in self._right.schema.fields], np.empty(0, np.int64))], work
        )

    # notes

    def _tell(self, batch: Batch, places: Rows, rows: Rows, met: NDArray[np.bool_], work: Work) -> None:
        """As ProbeTransform does, of rows whose places were kept."""
        if self._node.quiet:
            column = self._side.columns[0][0]
            text = batch.columns[column] if column is not None else None
            self._tell_rows(batch, places, rows, ~met, "info", "no match", text, "", work)
            return
        if self._node.type in ("leftonly", "rightonly"):
            return
        for name, i in self._clashes:
            reason = f"the subquery's '{name}' stands instead"
            nulls = nulls_of(batch.columns[i])
            lost = met if nulls is None else met & ~nulls
            self._tell_rows(batch, places, rows, lost, "overwrite", reason, batch.columns[i], HINT, work)

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
        if self._n_doubled:
            ctx.notes.count(
                self._at,
                "warn",
                "duplicate keys",
                self._n_doubled,
                "W322: of several rows with one key the first counts",
            )
        for task in self._sort.merge(self._ctx):
            task()
        source = self._sort.result(self._ctx)
        if self._held is not None:
            self._held.release()
        return Ordered(source, self)

    def close(self) -> None:
        self._sort.close()
        for local in self._locals:
            local.writer.close()
        if self._held is not None:
            self._held.release()

    def describe_run(self) -> dict[str, int]:
        written = sum(local.writer.written for local in self._locals)
        return {"parts": N_PARTS, "spilled_bytes": written + self._sort.describe_run()["spilled_bytes"]}


class Unordered:
    """The joined rows of one part after the other."""

    def __init__(self, sink: GraceSink, noting: Context, room: int) -> None:
        self.schema = sink.schema
        self._sink, self._noting, self._room = sink, noting, room

    def partitions(self, target: int) -> Sequence[Partition]:
        return [_Part(self._sink, i, self._noting, self._room) for i in range(N_PARTS)]


@dataclass(frozen=True, slots=True)
class _Part:
    sink: GraceSink
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

    def __init__(self, source: Source, sink: GraceSink) -> None:
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
    sink: GraceSink

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

    sink: GraceSink
    places: Rows
    first: int

    def __call__(self, row: int) -> str:
        at = int(self.places[row - self.first])
        return self.sink.place(at) if at >= 0 else "row of the subquery"
