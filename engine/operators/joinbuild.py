"""The right side of a join: its rows by key in memory, or by radix part on disk."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ...planner.combine import Join
from ...planner.text import fault
from ...planner.types import Schema
from ..arrow import nulls as null_array
from ..arrow import own
from ..aside import aside
from ..batch import Batch, Origin
from ..context import Context
from ..memory import Reservation
from ..notes import At
from ..operator import Flow
from .densekeys import DenseKeys, dense_keys
from .grouping import Keys, OneKey, new_keys
from .joinkeys import Side, null_rows, sides
from .joinparts import PartWriter
from .keytable import Ids, KeyTable
from .knownkeys import KnownKeys
from .sort import Placing
from .sortruns import stack

Columns = "tuple[pa.Array[Any], ...]"
PIECE = 1 << 17  # rows entered at once
FIRST = 1 << 13  # of these it is told how many keys there will be
ROW_BYTES = 48  # of the table over the keys, for each row
MOST_BYTES = 1 << 30  # in memory: a column of text has offsets of 31 bits


class BuildLocal(Placing):
    """Per worker: chunks of rows and the place of their first."""

    def __init__(self, ctx: Context, reservation: Reservation, most: int) -> None:
        super().__init__()
        self.ctx, self.reservation, self.most = ctx, reservation, most
        self.chunks: list[tuple[int, tuple[pa.Array[Any], ...], int]] = []  # first place, columns, rows
        self.nbytes = 0
        self.writer: PartWriter | None = None


class BuildSink:
    """Keeps the rows of the right in input order. Over its memory it cuts them into parts by the hash of their keys."""

    needs_order = False

    def __init__(self, node: Join, at: At) -> None:
        self._node, self._at = node, at
        self.schema = node.right.schema
        _, self.side = sides(node, node.left.schema, self.schema)
        self._lock = threading.Lock()
        self._locals: list[BuildLocal] = []
        self._built: Built | None = None
        self.spilled_bytes = 0

    def open(self, ctx: Context) -> BuildLocal:
        limit = ctx.memory.limit // ctx.settings.threads
        local = BuildLocal(ctx, ctx.memory.reserve(self._at.command, limit), min(limit, MOST_BYTES))
        with self._lock:
            self._locals.append(local)
        return local

    def push(self, batch: Batch, local: BuildLocal) -> Flow:
        if not batch.n_rows:
            return Flow.MORE
        place = local.first_place(batch)
        columns = tuple(kept(batch, i) for i in range(len(self.schema)))
        if local.writer is None and not self._hold(local, columns, batch.n_rows):
            self._spill(local)
        if local.writer is not None:
            local.writer.add(columns, batch.n_rows, place)
        else:
            local.chunks.append((place, columns, batch.n_rows))
        return Flow.MORE

    def _hold(self, local: BuildLocal, columns: tuple[pa.Array[Any], ...], n: int) -> bool:
        held = sum(c.nbytes for c in columns)
        nbytes = held + held // 4 + ROW_BYTES * n  # one column after the other is copied into one piece at last
        local.nbytes += nbytes
        return local.nbytes <= local.most and local.reservation.grow(nbytes)

    def _spill(self, local: BuildLocal) -> None:
        if not self._node.may_spill:
            raise fault(
                "E702", f"{self._at.command} is over its part of the memory, and may not spill",
                hint="raise the setting `memory`, or use join",
            )  # fmt: skip
        local.writer = PartWriter(local.ctx, self._at.command, self.schema, self.side)
        for place, columns, n in local.chunks:
            local.ctx.check()
            local.writer.add(columns, n, place)
        local.chunks = []
        local.reservation.release()

    def combine(self, local: BuildLocal) -> None:
        return None

    def merge(self, ctx: Context) -> Sequence[Callable[[], None]]:
        """Once one worker has spilled all do; so do they if one column of text would be too long."""
        whole = sum(local.nbytes for local in self._locals)
        if not any(local.writer for local in self._locals) and whole <= MOST_BYTES:
            return ()
        return [partial(self._spill, local) for local in self._locals if local.writer is None]

    def result(self, ctx: Context) -> Built:
        writers = [local.writer for local in self._locals if local.writer is not None]
        if writers:
            for w in writers:
                w.finish()
            self.spilled_bytes = sum(w.written for w in writers)
            self._built = Built(self.schema, self.side, ctx, (), 0, writers)
            return self._built
        chunks = sorted((c for local in self._locals for c in local.chunks), key=lambda c: c[0])
        for local in self._locals:
            local.chunks = []
        n = sum(n for _, _, n in chunks)
        pieces = [list(c) for c in zip(*(c for _, c, _ in chunks), strict=True)]
        chunks.clear()
        if pieces:
            pieces.reverse()
            columns = tuple(stacked(pieces.pop(), ctx) for _ in range(len(pieces)))
        else:
            columns = tuple(null_array(0, t.arrow) for _, t in self.schema.fields)
        self._built = Built(self.schema, self.side, ctx, columns, n, ())
        self._built.enter(ctx, self._node)
        return self._built

    def close(self) -> None:
        for local in self._locals:
            local.chunks = []
            local.reservation.release()
            if local.writer is not None:
                local.writer.close()

    def describe_run(self) -> dict[str, Any]:
        """The side that was kept: its rows, how a key is found there, and whether that is one row or several."""
        built = self._built
        if built is None or built.known is None:
            return {"spilled_bytes": self.spilled_bytes}
        return {
            "build_rows": built.n_rows, "hash": built.hashed, **built.known.ways.told(),
            "probe": "one row a key" if built.is_unique else "several rows a key", "spilled_bytes": self.spilled_bytes,
        }  # fmt: skip


class Built:
    """The rows of the right, and with `enter` a table over their keys.

    Rows of key number g are `rows[starts[g] : starts[g + 1]]`, in input order; where no key occurs twice `rows` alone
    has them, and is None if they stand in this order anyway.
    """

    def __init__(
        self, schema: Schema, side: Side, ctx: Context, columns: tuple[pa.Array[Any], ...], n_rows: int,
        writers: Sequence[PartWriter],
    ) -> None:  # fmt: skip
        self.schema, self.side, self.columns, self.n_rows = schema, side, columns, n_rows
        self.writers = writers
        self.places: NDArray[np.int64] | None = None  # of rows that come from a part
        self.hashed = ""  # how keys are found: by place (dense), in a table, in Arrow's dictionary
        self.is_unique = True
        self.starts: NDArray[np.int64] = np.zeros(1, np.int64)
        self.rows: Ids | None = None
        self.matched: NDArray[np.bool_] = np.zeros(0, np.bool_)
        self.known: KnownKeys | None = None

    @property
    def is_spilled(self) -> bool:
        return bool(self.writers)

    def enter(self, ctx: Context, node: Join) -> None:
        """Number the keys. Rows that can match none are of no number."""
        self.matched = np.zeros(self.n_rows, np.bool_)
        if node.type == "cross":
            self.known = KnownKeys(new_keys((), ctx.compiled), ctx)
            self.starts = np.array([0, self.n_rows], np.int64)
            self.is_unique = False
            return
        batch = Batch(self.n_rows, self.columns, Origin(0))
        columns, never = self.side.keys(batch)
        if not node.nulls_match:
            nulls = null_rows(columns)
            never = nulls if never is None else never if nulls is None else never | nulls
        part, some = Batch(self.n_rows, tuple(columns), Origin(0)), None
        if never is not None:
            some = np.flatnonzero(~never)
            part = part.take(some.astype(np.int32))
        keys = self._table(part, ctx)
        numbers = _numbered(keys, part, ctx)
        if some is not None:
            known, numbers = numbers, np.full(self.n_rows, -1, np.int32)
            numbers[some] = known
        ctx.check()
        self.known = KnownKeys(keys, ctx)
        aside(ctx, 16 * self.n_rows, lambda: self._arrange(numbers, keys.n, ctx, first=node.first))
        if isinstance(keys, DenseKeys) and self.is_unique and self.rows is not None:
            keys.renumber(self.rows)
            self.rows = None

    def _table(self, part: Batch, ctx: Context) -> Keys | DenseKeys:
        """For the keys of these rows."""
        types = self.side.types
        if ctx.compiled and (made := dense_keys(types, part.columns, part.n_rows, ctx.memory.limit // 8)) is not None:
            self.hashed = "dense"
            return made
        self.hashed = "table" if ctx.compiled else "dictionary"
        n_rows = min(self.n_rows, 2 * FIRST) if len(types) == 1 else self.n_rows
        return new_keys(types, ctx.compiled, 1 << max(10, (n_rows // 2).bit_length()))

    def _arrange(self, numbers: Ids, n_keys: int, ctx: Context, *, first: bool) -> None:
        known = numbers if numbers.min(initial=0) >= 0 else numbers[numbers >= 0]
        self.is_unique = len(known) == n_keys
        if self.is_unique and len(known) == len(numbers):
            return  # numbers are given in order of first sight: row i has number i
        counts = np.bincount(known, minlength=n_keys)
        self.starts = np.zeros(n_keys + 1, np.int64)
        np.cumsum(counts, out=self.starts[1:])
        self.rows = np.empty(len(known), np.int32)
        if ctx.compiled:
            from ..kernels import probe

            probe.rows_by_number(numbers, self.starts[:-1].copy(), self.rows)
        else:
            order = np.argsort(numbers, kind="stable").astype(np.int32)
            self.rows[:] = order[len(order) - len(known) :]
        if first and not self.is_unique:
            self.rows, self.is_unique = self.rows[self.starts[:-1]], True

    @property
    def n_doubled(self) -> int:
        """Rows whose key an earlier row has."""
        return int(self.starts[-1]) - (len(self.starts) - 1) if len(self.starts) > 1 else 0


def stacked(chunks: Sequence[pa.Array[Any]], ctx: Context) -> pa.Array[Any]:
    return aside(ctx, sum(c.nbytes for c in chunks), lambda: stack(chunks))


def _numbered(keys: Keys | DenseKeys, batch: Batch, ctx: Context) -> Ids:
    """The number of each row's key, entered in pieces between which a cancel is seen."""
    out, begin, n = np.empty(batch.n_rows, np.int32), 0, batch.n_rows
    while begin < n:
        ctx.check()
        part = batch.slice(begin, min(begin + (PIECE if begin else FIRST), n))
        out[begin : begin + part.n_rows] = keys.ids(part.columns, part.n_rows, ctx.stop)
        if not begin and part.n_rows < n:
            _make_room(keys, part.n_rows, n, ctx)
        begin += part.n_rows
    return out


def _make_room(keys: Keys | DenseKeys, n_seen: int, n_rows: int, ctx: Context) -> None:
    """For as many keys as all rows have if the others are like those that were seen: so no table is made twice."""
    for coder in keys.coders if isinstance(keys, OneKey) else ():
        if isinstance(coder.table, KeyTable):
            coder.table.reserve(1 << (keys.n * n_rows // n_seen - 1).bit_length(), ctx.stop)


def kept(batch: Batch, i: int) -> pa.Array[Any]:
    """A column in memory that keeps nothing of a morsel."""
    column = batch.columns[i]
    if isinstance(column, pa.DictionaryArray) and 2 * len(column.dictionary) <= len(column):
        return own(column)
    return own(batch.array(i))
