"""The right side of an as-of join: its rows by key and time in memory, or by part of their keys on disk."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ....planner.combine import Asof
from ....planner.records import dataclass
from ....planner.types import LONG, Schema
from ...arrow import array_from, int32_of, numbers_of, own, pooled
from ...arrow import nulls as null_array
from ...aside import aside
from ...batch import Batch, Column, Spans
from ...context import Context
from ...memory import Reservation
from ...notes import At
from ...operator import Flow
from ..grouping import Keys, new_keys
from ..joinkeys import AS_IT_IS, Side, sides
from ..joinparts import PartWriter
from ..knownkeys import KnownKeys
from ..sort import Placing
from ..sortruns import stack
from ..window.chunks import kept, side_by_side
from .coded import KeyCodes, is_same, translated
from .held import Held
from .index import Index
from .living import Living
from .search import wish_of
from .times import clock_of, is_ordered

I32 = NDArray[np.int32]
ROW_BYTES = 36  # of the code and time of a row, of its place by key and in time, and of the work that this is
MOST_TEXT = 1 << 30  # bytes of a column in memory: its offsets have 31 bits
MOST_ROWS = (1 << 31) - 1


@dataclass(frozen=True, slots=True)
class Layout:
    """What is held of the right: `columns` of its schema (those that come out), and on disk its keys and time before them."""

    columns: tuple[int, ...]
    time: int
    schema: Schema  # on disk
    side: Side  # of the rows on disk

    @property
    def n_keys(self) -> int:
        return len(self.side.types)


def layout_of(node: Asof, side: Side) -> Layout:
    right = node.right.schema
    columns = tuple(right.index(theirs) for theirs, _ in node.fresh())
    keys = [(f"key {i}", t) for i, t in enumerate(side.types)]
    held = [(f"column {i}", right.fields[c][1]) for i, c in enumerate(columns)]
    same = Side(tuple((i, AS_IT_IS, t) for i, (_, t) in enumerate(keys)), side.types)
    return Layout(columns, right.index(node.righton), Schema((*keys, ("time", LONG), *held)), same)


@dataclass(slots=True)
class Chunk:
    place: int
    code: pa.Array[Any]
    numbers: I32 | None  # of the key with each code; None: `code` itself
    time: pa.Array[Any]
    is_ordered: bool
    columns: list[pa.Array[Any]]


class BuildLocal(Placing):
    """Per worker: chunks, and the numbers of their keys."""

    def __init__(self, ctx: Context, reservation: Reservation, codes: KeyCodes) -> None:
        super().__init__()
        self.ctx, self.reservation, self.codes = ctx, reservation, codes
        self.chunks: list[Chunk] = []
        self.keys_bytes = 0
        self.text_bytes: dict[int, int] = {}
        self.n_rows = 0
        self.writer: PartWriter | None = None


class BuildSink:
    """Rows without a time or with a null key can match nothing: they are counted and left out."""

    needs_order = False

    def __init__(self, node: Asof, at: At) -> None:
        self._node, self._at = node, at
        _, self._side = sides(node, node.left.schema, node.right.schema)
        self.layout, self.clock = layout_of(node, self._side), clock_of(node)
        self._living = Living(self._side, self.clock, self.layout.time, at)
        self._lock = threading.Lock()
        self._locals: list[BuildLocal] = []
        self._keys: Keys = new_keys((), False)
        self._code: I32 = np.empty(0, np.int32)
        self._is_sorted = True
        self._columns: list[pa.Array[Any]] = []
        self._held: Held | None = None
        self._spilled_bytes = 0

    def open(self, ctx: Context) -> BuildLocal:
        # no even share: when one worker has spilled all do, and one that others hold up may have most of the rows
        reservation = ctx.memory.reserve(self._at.command, ctx.memory.limit)
        local = BuildLocal(ctx, reservation, KeyCodes(self._side.types, ctx.compiled))
        with self._lock:
            self._locals.append(local)
        return local

    def push(self, batch: Batch, local: BuildLocal) -> Flow:
        if not batch.n_rows:
            return Flow.MORE
        place, ctx = local.first_place(batch), local.ctx
        batch = self._living.rows(batch, ctx)
        if not batch.n_rows:
            return Flow.MORE
        keys, _ = self._side.keys(batch)
        time = self.clock.whole(batch.array(self.layout.time))
        columns = [kept(batch, i) for i in self.layout.columns]
        if local.writer is None and not self._hold(local, place, keys, time, columns):
            self._spill(local)
        elif local.writer is not None:
            local.writer.add([*map(_plain, keys), time, *columns], batch.n_rows, place)
        return Flow.MORE

    def _hold(
        self, local: BuildLocal, place: int, keys: Sequence[Column], time: pa.Array[Any], columns: list[pa.Array[Any]]
    ) -> bool:
        """False: over the memory; the rows are held all the same."""
        ctx, n = local.ctx, len(time)
        code, numbers = local.codes.of(keys, n, ctx)
        ctx.check()
        local.chunks.append(Chunk(place, code, numbers, time, is_ordered(numbers_of(time), ctx.compiled), columns))
        for i, column in enumerate(columns):
            if column.type.num_buffers == 3:
                local.text_bytes[i] = local.text_bytes.get(i, 0) + column.nbytes
        local.n_rows += n
        n_indexes = 1 + (len(columns) if self._node.skipnull else 0)
        nbytes = 12 * n + ROW_BYTES * n * n_indexes + sum(c.nbytes for c in columns) * 3 // 2  # stacked at last
        grown = local.codes.keys.nbytes() - local.keys_bytes
        local.keys_bytes += grown
        return local.reservation.grow(nbytes + max(0, grown))

    def _spill(self, local: BuildLocal) -> None:
        """All that this worker holds goes to disk, and what comes after it."""
        local.writer = PartWriter(local.ctx, self._at.command, self.layout.schema, self.layout.side)
        values = local.codes.keys.values()
        for chunk in local.chunks:
            local.ctx.check()
            number = chunk.code if chunk.numbers is None else array_from(chunk.numbers[int32_of(chunk.code)])
            keys = [v.take(number) for v in values]
            local.writer.add([*keys, chunk.time, *chunk.columns], len(chunk.code), chunk.place)
        local.chunks, local.codes = [], KeyCodes(self._side.types, False)
        local.reservation.release()

    def combine(self, local: BuildLocal) -> None:
        return None

    def merge(self, ctx: Context) -> Sequence[Callable[[], None]]:
        """Once one worker has spilled all do."""
        if self._must_spill():
            return [partial(self._spill, local) for local in self._locals if local.writer is None]
        chunks = sorted((c for local in self._locals for c in local.chunks), key=lambda c: c.place)
        self._number(ctx)
        for local in self._locals:
            local.chunks = []
        self._is_sorted = _in_order(chunks)
        pieces = [[c.time for c in chunks], *([c.columns[i] for c in chunks] for i in range(len(self.layout.columns)))]
        self._columns = [null_array(0, t.arrow) for _, t in self.layout.schema.fields[self.layout.n_keys :]]
        stacks = [partial(self._stack, i, p, ctx) for i, p in enumerate(pieces) if p]
        return [*self._code_tasks(chunks, ctx), *stacks]

    def _code_tasks(self, chunks: Sequence[Chunk], ctx: Context) -> list[Callable[[], None]]:
        """Codes of dictionaries that are numbers of keys as they stand stay where they are."""
        tables = {id(c.numbers): c.numbers for c in chunks}
        if chunks and all(n is not None and is_same(n) for n in tables.values()):
            return [partial(self._stack_codes, [c.code for c in chunks], ctx)]
        ends = np.cumsum([len(c.code) for c in chunks], dtype=np.int64)
        self._code = pooled(int(ends[-1]) if len(ends) else 0, np.int32)
        threads = max(1, ctx.settings.threads)
        cuts = [len(chunks) * i // threads for i in range(threads + 1)]
        return [partial(self._copy, chunks[a:b], ends[a:b], ctx) for a, b in pairwise(cuts) if a < b]

    def _must_spill(self) -> bool:
        text: dict[int, int] = {}
        for local in self._locals:
            for i, nbytes in local.text_bytes.items():
                text[i] = text.get(i, 0) + nbytes
        n_rows = sum(local.n_rows for local in self._locals)
        too_much = max(text.values(), default=0) > MOST_TEXT or n_rows > MOST_ROWS
        return too_much or any(local.writer for local in self._locals)

    def _number(self, ctx: Context) -> None:
        """The keys of all workers get one number each."""
        self._keys = self._locals[0].codes.keys if self._locals else new_keys(self._side.types, ctx.compiled)
        for local in self._locals[1:]:
            if not local.chunks:
                continue
            theirs = local.codes.keys
            numbers = self._keys.ids(theirs.values(), theirs.n, ctx.stop)
            ctx.check()
            made: dict[int, I32] = {}
            for chunk in local.chunks:
                mine = chunk.numbers
                if mine is not None and id(mine) not in made:
                    made[id(mine)] = numbers[mine]
                chunk.numbers = numbers if mine is None else made[id(mine)]

    def _copy(self, chunks: Sequence[Chunk], ends: NDArray[np.int64], ctx: Context) -> None:
        for chunk, end in zip(chunks, ends.tolist(), strict=True):
            ctx.check()
            translated(chunk.code, chunk.numbers, self._code[end - len(chunk.code) : end], ctx)

    def _stack_codes(self, pieces: list[pa.Array[Any]], ctx: Context) -> None:
        self._code = int32_of(_stacked(pieces, ctx))

    def _stack(self, i: int, pieces: list[pa.Array[Any]], ctx: Context) -> None:
        self._columns[i] = _stacked(pieces, ctx)

    def refine(self, ctx: Context) -> Sequence[Callable[[], None]]:
        """When all rows are in place: what a search needs of them."""
        writers = [local.writer for local in self._locals if local.writer is not None]
        if writers:
            for w in writers:
                w.finish()
            self._spilled_bytes = sum(w.written for w in writers)
            nothing = Index(np.empty(0, np.int32), np.empty(0, np.int64), 0)
            self._held = Held({}, nothing, KnownKeys(new_keys((), False), ctx), writers)
            return ()
        time, *others = self._columns
        key = numbers_of(time)
        index = Index(self._code, key, self._keys.n, self._is_sorted)
        columns = dict(zip(self.layout.columns, others, strict=True))
        held = self._held = Held(columns, index, KnownKeys(self._keys, ctx), ())
        if self._node.skipnull:
            aside(ctx, key.nbytes * len(columns), held.mask)
        wish = wish_of(self._node, self.clock)
        return [task for i in (index, *held.masked.values()) for task in i.tasks(wish.ways(), ctx)]

    def result(self, ctx: Context) -> Held:
        assert self._held is not None
        return self._held

    def close(self) -> None:
        for local in self._locals:
            local.chunks = []
            local.reservation.release()
            if local.writer is not None:
                local.writer.close()

    def describe_run(self) -> dict[str, Any]:
        held = self._held
        if held is None:
            return {"spilled_bytes": self._spilled_bytes}
        return {"build_rows": len(held.index.code), **held.known.ways.told(), "spilled_bytes": self._spilled_bytes}


def _stacked(pieces: list[pa.Array[Any]], ctx: Context) -> pa.Array[Any]:
    """What lies side by side in memory stays there."""
    joined = [pieces[0]]
    for piece in pieces[1:]:
        whole = side_by_side(joined[-1], piece)
        joined[-1:] = [joined[-1], piece] if whole is None else [whole]
    pieces.clear()
    return aside(ctx, sum(p.nbytes for p in joined), lambda: own(stack(joined)))


def _in_order(chunks: Sequence[Chunk]) -> bool:
    """Whether times never fall from the first chunk to the last."""
    if not all(c.is_ordered for c in chunks):
        return False
    ends = [numbers_of(c.time)[[0, -1]] for c in chunks]
    return all(int(a[1]) <= int(b[0]) for a, b in pairwise(ends))


def _plain(column: Column) -> pa.Array[Any]:
    return column.to_arrow() if isinstance(column, Spans) else column
