"""`repeat`, `explode`, `unpivot`: stages that make several rows of one, in pieces that a cancel and a limit can stop."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ...planner.records import dataclass
from ...planner.types import Schema
from ..arrow import array_from, coded, is_valid, list_sizes, nulls
from ..batch import Batch, Column, Spans
from ..context import BATCH_BYTES, Context
from ..notes import At
from ..operator import Emit, Flow, StreamTransform

Rows = NDArray[np.int32]


def piece_rows(batch: Batch, ctx: Context, elements: Sequence[pa.Array[Any]] = ()) -> int:
    """How many rows to put out at a time: no more than users get in a batch, nor than 16 MiB of rows like these, each with
    one of the `elements`."""
    row_bytes = batch.nbytes() // max(1, batch.n_rows) + sum(e.nbytes // max(1, len(e)) for e in elements)
    return max(1, min(ctx.settings.batch_rows, BATCH_BYTES // max(1, row_bytes)))


@dataclass(frozen=True, slots=True)
class Window:
    """A piece of the rows that come out: places `low` to `high` (exclusive), and of which row each place is one."""

    low: int
    high: int
    rows: Rows
    begins: NDArray[np.int64]  # the place of the first of each row, over all pieces

    def nth(self) -> NDArray[np.int64]:
        """The how-manieth of its row each place is."""
        return np.arange(self.low, self.high, dtype=np.int64) - self.begins[self.rows]


def windows(counts: NDArray[np.int64], size: int) -> Iterator[Window]:
    """Rows that come out `counts` times each, in order, `size` at a time."""
    ends = np.cumsum(counts)
    starts = ends - counts
    total = int(ends[-1]) if len(ends) else 0
    for low in range(0, total, size):
        high = min(low + size, total)
        first, last = np.searchsorted(ends, np.array([low, high - 1]), "right").tolist()
        taken = counts[first : last + 1].copy()
        taken[-1] -= int(ends[last]) - high
        taken[0] -= low - int(starts[first])
        yield Window(low, high, np.repeat(np.arange(first, last + 1, dtype=np.int32), taken), starts)


def repeated(batch: Batch, rows: Rows, times: float) -> Batch:
    """The batch at `rows`, each of them about so many times: text is repeated by codes then, not copied again and again."""
    if times < 2:
        return batch.take(rows)
    taken = batch.select([i for i, c in enumerate(batch.columns) if not _is_text(c)]).take(rows)
    others = iter(taken.columns)
    columns = tuple(_coded(c, rows) if _is_text(c) else next(others) for c in batch.columns)
    return Batch(len(rows), columns, taken.origin)


def _is_text(column: Column) -> bool:
    return not isinstance(column, Spans) and pa.types.is_string(column.type)


def _coded(column: Any, rows: Rows) -> Column:
    return coded(array_from(rows, ~is_valid(column)[rows] if column.null_count else None), column)


class RepeatTransform(StreamTransform):
    """Each row `count` times in a row."""

    def __init__(self, count: int) -> None:
        self._count = count

    def push(self, batch: Batch, local: Context, emit: Emit) -> Flow:
        if not self._count or not batch.n_rows:
            return Flow.MORE
        if self._count == 1:
            return emit(batch)
        size = piece_rows(batch, local)
        step = max(1, (1 << 20) // min(self._count, 1 << 20))  # so that the windows' arithmetic stays small
        for begin in range(0, batch.n_rows, step):
            part = batch.slice(begin, min(begin + step, batch.n_rows))
            counts = np.full(part.n_rows, self._count, np.int64)
            for window in windows(counts, size):
                local.pause(batch.origin.seq)
                if emit(repeated(part, window.rows, self._count)) is Flow.DONE:
                    return Flow.DONE
        return Flow.MORE


class ExplodeTransform(StreamTransform):
    """A row for each element of the arrays `places`; shorter arrays are padded with null, the other fields repeat."""

    def __init__(self, places: Sequence[int], schema: Schema, out: Schema, at: At) -> None:
        self._places, self._at = list(places), at
        self._others = [i for i in range(len(schema)) if i not in places]
        self._types = [out.fields[i][1].arrow for i in places]

    def push(self, batch: Batch, local: Context, emit: Emit) -> Flow:
        if not batch.n_rows:
            return Flow.MORE
        lists = [batch.array(i) for i in self._places]
        sizes = [_sizes(a) for a in lists]
        longest = np.maximum.reduce(sizes)
        hollow = (longest == 0) & np.logical_or.reduce([is_valid(a) for a in lists])
        if hollow.any():
            local.notes.rows(
                self._at, "info", "empty array", batch, np.flatnonzero(hollow), None, "the row stays, with null"
            )
        counts = np.maximum(longest, 1)
        flat = [_Elements(_flattened(a), s, counts) for a, s in zip(lists, sizes, strict=True)]
        single, mean = int(longest.max()) <= 1, int(longest.sum()) / batch.n_rows
        kept = batch.select(self._others)
        size = piece_rows(kept, local, [f.values for f in flat])
        for window in windows(counts, size):
            local.pause(batch.origin.seq)
            n = window.high - window.low
            out = kept if single and n == batch.n_rows else repeated(kept, window.rows, mean)
            columns: list[Column] = list(out.columns)
            for i, elements, kind in zip(self._places, flat, self._types, strict=True):
                columns.insert(i, elements.at(window, kind))
            if emit(Batch(n, tuple(columns), out.origin)) is Flow.DONE:
                return Flow.DONE
        return Flow.MORE


def _sizes(array: pa.Array[Any]) -> NDArray[np.int64]:
    return list_sizes(array) if pa.types.is_list(array.type) else np.zeros(len(array), np.int64)


def _flattened(array: Any) -> Any:
    return array.flatten() if pa.types.is_list(array.type) else array.slice(0, 0)


class _Elements:
    """The elements of one array a row, all in a row: `sizes` of them where `counts` rows come out."""

    def __init__(self, values: pa.Array[Any], sizes: NDArray[np.int64], counts: NDArray[np.int64]) -> None:
        self.values, self._sizes = values, sizes
        self._starts = np.cumsum(sizes) - sizes
        self._is_even = np.array_equal(sizes, counts)

    def at(self, window: Window, kind: pa.DataType) -> pa.Array[Any]:
        """The element of each place, null where its row has no more of them."""
        n = window.high - window.low
        if self._is_even:
            return self.values.slice(window.low, n)
        if not len(self.values):
            return nulls(n, kind)
        nth = window.nth()
        missing = nth >= self._sizes[window.rows]
        wanted = np.where(missing, 0, self._starts[window.rows] + nth)
        return self.values.take(array_from(wanted, missing))
