"""Sorted blocks of rows, their merge, and the cut that `limit` makes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ...planner.records import dataclass
from ..arrow import concat, decode, indices, numbers_of, offsets_of
from ..context import Context
from .sortgather import Columns, is_words, taken
from .sortkeys import Keys, Row, SortBy, keys_of
from .sortorder import PlacesOf, group_begins, order_of, order_of_longs
from .sortplaces import Arrived, Order, Places, arrived_at, place_array
from .sortstretches import order_by_stretches

UNIT_BYTES = 8 << 20  # sorted or merged in one step: some ten milliseconds, so that a cancel is seen
UNIT_ROWS, UNIT_ROWS_COMPILED = 1 << 17, 1 << 19


def unit_rows(ctx: Context) -> int:
    return UNIT_ROWS_COMPILED if ctx.compiled else UNIT_ROWS


@dataclass(slots=True, eq=False)
class Chunk:
    """Sorted rows. `places`: the order of arrival, so that ties keep it."""

    columns: Columns
    places: Places
    layout: Layout
    _keys: Keys | None = None

    def __len__(self) -> int:
        return len(self.places)

    @property
    def keys(self) -> Keys:
        """Made when first asked for."""
        if self._keys is None:
            self._keys = self.layout.keys(self.columns, len(self))
        return self._keys

    def slice(self, begin: int, end: int) -> Chunk:
        if begin == 0 and end == len(self):
            return self
        cut = tuple(c.slice(begin, end - begin) for c in self.columns)
        return Chunk(cut, self.places[begin:end], self.layout)

    def take(self, rows: Order, ctx: Context) -> Chunk:
        return Chunk(taken(self.columns, rows, ctx), self.places[rows], self.layout)

    def row(self, i: int) -> Row:
        return self.keys.row(i, self.places)

    def upto(self, row: Row, low: int = 0) -> int:
        """Where the rows from `low` on end that are not behind `row`."""
        return self.keys.upto(row, self.places, low)

    def ends(self, rows: Sequence[Row]) -> list[int]:
        """`upto` of each of these rows, which ascend. Keys are not kept: they are as large as a column."""
        return self.layout.keys(self.columns, len(self)).ends(rows, self.places)

    def sample(self, rows: range) -> list[Row]:
        """Some rows, of which alone keys are made."""
        at = np.arange(rows.start, rows.stop, rows.step, dtype=np.int32)
        some = Chunk(tuple(c.take(indices(at)) for c in self.columns), self.places[at], self.layout)
        return [some.row(i) for i in range(len(some))]

    def nbytes(self) -> int:
        """With its keys."""
        return sum(c.nbytes for c in self.columns) + len(self) * (8 + self.layout.key_bytes)


@dataclass(frozen=True, slots=True)
class Layout:
    """What is sorted and how: the same for all rows of one sort. The first `n_by` keys are those of `by`."""

    sort_by: tuple[SortBy, ...]
    n_by: int = 0
    limit: int | None = None
    key_bytes: int = 0  # memory that the keys of one row take

    def keys(self, columns: Columns, n_rows: int) -> Keys:
        return keys_of(columns, self.sort_by, n_rows, self.n_by)

    def is_one_long(self, columns: Columns) -> bool:
        """Whether all that counts is a column of whole numbers or times without a null."""
        return len(self.sort_by) == 1 and is_words(columns[self.sort_by[0].column], is_whole=True)

    def order(self, columns: Columns, n_rows: int, ctx: Context, places_of: PlacesOf | None) -> Order:
        """Row numbers in sorted order, as `order_of`."""
        if not (ctx.compiled and self.is_one_long(columns)):
            return order_of(self.keys(columns, n_rows), ctx, places_of)
        by = self.sort_by[0]
        return order_of_longs(numbers_of(columns[by.column]).view(np.int64), by.descending, ctx, places_of)

    def sorted(self, columns: Columns, places: Arrived, ctx: Context, *, by_place: bool) -> Chunk:
        """Rows in order; ties by place, or as they stand. What the limit leaves out of these is left out."""
        n, order = len(places), None
        if not by_place and not self.is_one_long(columns):
            order = order_by_stretches(self.keys(columns, n), ctx)
        if order is None:
            order = self.order(columns, n, ctx, (lambda: place_array(places)) if by_place else None)
        ctx.check()
        if self.limit is not None and not self.n_by:
            order = order[: self.limit].copy()  # not a view, as it is kept
        if _is_all(order, n):
            done = Chunk(columns, place_array(places), self)
        else:
            done = Chunk(taken(columns, order, ctx), arrived_at(places, order), self)
        return Limiter(self, ctx).cut(done) if self.n_by and self.limit is not None else done


def _is_all(order: Order, n: int) -> bool:
    """Whether these are n rows as they stand."""
    if len(order) != n or (n and (order[0] != 0 or order[-1] != n - 1)):
        return False
    return bool((order == np.arange(n, dtype=np.int32)).all())


class Limiter:
    """`limit`, for the chunks of one sorted stream in turn: of all rows, or of each group of `by`."""

    def __init__(self, layout: Layout, ctx: Context) -> None:
        self._layout, self._ctx = layout, ctx
        self._count = 0  # rows of the last group so far
        self._group: Row | None = None

    @property
    def full(self) -> bool:
        """Nothing that follows can pass."""
        limit = self._layout.limit
        return limit is not None and not self._layout.n_by and self._count >= limit

    def cut(self, chunk: Chunk) -> Chunk:
        limit = self._layout.limit
        if limit is None or not len(chunk):
            return chunk
        if not self._layout.n_by:
            chunk = chunk.slice(0, min(len(chunk), limit - self._count))
            self._count += len(chunk)
            return chunk
        n_by = chunk.keys.n_by
        begins = group_begins(chunk.keys, self._ctx)
        at = np.arange(len(chunk))
        in_group = at - np.maximum.accumulate(np.where(begins, at, 0))
        if self._group == chunk.row(0)[:n_by]:
            in_group[: int(np.argmax(begins[1:])) + 1 if begins[1:].any() else len(chunk)] += self._count
        self._group, self._count = chunk.row(len(chunk) - 1)[:n_by], int(in_group[-1]) + 1
        keep = in_group < limit
        return chunk if keep.all() else chunk.take(np.flatnonzero(keep).astype(np.int32), self._ctx)


class Cursor:
    """A run of sorted chunks, read from the front."""

    __slots__ = ("_at", "_chunks", "_head", "_uneven", "_width")

    def __init__(self, chunks: Iterable[Chunk]) -> None:
        self._chunks = iter(chunks)
        self._head = _EMPTY
        self._at = self._width = 0
        self._uneven = False

    def fetch(self) -> bool:
        """Makes sure that there are rows; False at the end."""
        while self._at >= len(self._head.places):
            self._head = _EMPTY  # let go before the next one is read
            found = next(self._chunks, None)
            if found is None:
                return False
            self._head, self._at = found, 0
            self._width = 1 + found.nbytes() // max(1, len(found))
            self._uneven = any(_is_uneven(c, self._width) for c in found.columns)
        return True

    @property
    def width(self) -> int:
        """Bytes of a row, on average."""
        return self._width

    def size(self) -> int:
        """Rows in memory."""
        return len(self._head.places) - self._at

    def row(self, i: int) -> Row:
        return self._head.row(self._at + i)

    def upto(self, row: Row) -> int:
        """How many of the rows in memory are not behind `row`."""
        return self._head.upto(row, self._at) - self._at

    def nbytes(self, n: int) -> int:
        """Of the next n rows."""
        if not self._uneven or not n:
            return n * self._width
        return self._head.slice(self._at, self._at + n).nbytes()

    def take(self, n: int) -> Chunk:
        self._at += n
        return self._head.slice(self._at - n, self._at)


def _is_uneven(column: pa.Array[Any], width: int) -> bool:
    """Whether a row may be much wider than the average."""
    kind, t = column.type, pa.types
    if t.is_string(kind) or t.is_binary(kind):
        return int(np.diff(offsets_of(column)).max(initial=0)) > 8 * width
    return bool(t.is_nested(kind))


_EMPTY = Chunk((), np.empty(0, np.int64), Layout(()))


def stack(columns: Sequence[pa.Array[Any]]) -> pa.Array[Any]:
    """Columns one behind the other: dictionaries as codes if all are, else plain."""
    coded = [c for c in columns if isinstance(c, pa.DictionaryArray)]
    if not coded:
        return concat(columns)
    if len(coded) < len(columns):
        return concat([decode(c) if isinstance(c, pa.DictionaryArray) else c for c in columns])
    if len({_identity(c.dictionary) for c in coded}) == 1:
        codes: Any = concat([c.indices for c in coded])
        return pa.DictionaryArray.from_arrays(codes, coded[0].dictionary, safe=False)
    return concat(columns)  # Arrow makes one dictionary of them


def _identity(array: pa.Array[Any]) -> tuple[int, ...]:
    return (len(array), array.offset, *(b.address for b in array.buffers() if b is not None))


def merge_columns(parts: Sequence[Chunk], layout: Layout, ctx: Context) -> tuple[Columns, Order | None]:
    """The rows of sorted chunks one behind the other, and their order; None: as they stand."""
    if len(parts) == 1:
        return parts[0].columns, None
    columns = tuple(stack(c) for c in zip(*(p.columns for p in parts), strict=True))
    n = sum(len(p) for p in parts)
    order = layout.order(columns, n, ctx, lambda: _places_of(parts))
    ctx.check()
    return columns, order


def _places_of(parts: Sequence[Chunk]) -> NDArray[np.int64]:
    return np.concatenate([np.asarray(p.places) for p in parts])


def merge_rows(parts: Sequence[Chunk], layout: Layout, ctx: Context) -> Chunk:
    """Sorted chunks as one."""
    columns, order = merge_columns(parts, layout, ctx)
    if order is None:
        return parts[0]
    places = _places_of(parts)[order]
    return Chunk(taken(columns, order, ctx), places, layout)


def merged(runs: Sequence[Cursor], layout: Layout, ctx: Context, target: int = UNIT_BYTES) -> Iterator[Chunk]:
    """k-way merge in steps of about `target` bytes: each takes from every run the rows up to one pivot, and sorts them."""
    live = [r for r in runs if r.fetch()]
    while live:
        ctx.check()
        if len(live) == 1:
            yield live[0].take(live[0].size())
        else:
            yield merge_rows(_step(live, target), layout, ctx)
        live = [r for r in live if r.fetch()]


def _step(live: Sequence[Cursor], target: int) -> list[Chunk]:
    """The next rows of all runs, no run's more than its part of the target; one row at least."""
    window = max(1, min(target // max(r.width for r in live), UNIT_ROWS) // len(live))
    while True:
        pivot = min(r.row(min(window, r.size()) - 1) for r in live)
        counts = [r.upto(pivot) for r in live]
        if sum(r.nbytes(n) for r, n in zip(live, counts, strict=True)) <= 4 * target:
            break
        if window == 1:  # rows so wide that one of each run is too much
            pivot = min(r.row(0) for r in live)
            counts = [r.upto(pivot) for r in live]
            break
        window = max(1, window // 8)
    taking = [(r, n) for r, n in zip(live, counts, strict=True) if n]
    if len(taking) == 1:  # runs that do not overlap: as far as the others allow, without a sort
        run, n = taking[0]
        first = min(r.row(0) for r in live if r is not run)
        return [run.take(max(n, min(run.upto(first), window * len(live))))]
    return [run.take(n) for run, n in taking]
