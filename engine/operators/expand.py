"""`repeat`, `explode`, `unpivot`: stages that make several rows of one, in pieces that a cancel and a limit can stop."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ...planner.types import Schema
from ..arrow import array_from, coded, indices, is_valid, list_sizes, nulls
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


def windows(counts: NDArray[np.int64], size: int) -> Iterator[tuple[Rows, NDArray[np.int64]]]:
    """Rows that come out `counts` times each, in order, `size` at a time: for each its row, and the how-manieth it is."""
    ends = np.cumsum(counts)
    total = int(ends[-1]) if len(ends) else 0
    for low in range(0, total, size):
        high = min(low + size, total)
        first, last = np.searchsorted(ends, [low, high - 1], "right").tolist()
        begins = np.maximum(ends[first : last + 1] - counts[first : last + 1], low)
        taken = np.minimum(ends[first : last + 1], high) - begins
        rows = np.repeat(np.arange(first, last + 1, dtype=np.int32), taken)
        yield rows, np.arange(low, high, dtype=np.int64) - (ends - counts)[rows]


def repeated(column: Column, times: float) -> Column:
    """A column about to be taken so many times: text is taken by codes then, not copied again and again."""
    if times < 2 or isinstance(column, Spans) or not pa.types.is_string(column.type):
        return column
    return coded(array_from(np.arange(len(column), dtype=np.int32), ~is_valid(column)), column)


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
            part = Batch(part.n_rows, tuple(repeated(c, self._count) for c in part.columns), part.origin)
            counts = np.full(part.n_rows, self._count, np.int64)
            for rows, _ in windows(counts, size):
                local.pause(batch.origin.seq)
                if emit(part.take(rows)) is Flow.DONE:
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
        flat = [(_flattened(a), np.cumsum(s) - s, s) for a, s in zip(lists, sizes, strict=True)]
        single, mean = int(longest.max()) <= 1, int(longest.sum()) / batch.n_rows
        kept = Batch(batch.n_rows, tuple(repeated(batch.columns[i], mean) for i in self._others), batch.origin)
        size = piece_rows(kept, local, [values for values, _, _ in flat])
        for rows, nth in windows(np.maximum(longest, 1), size):
            local.pause(batch.origin.seq)
            out = kept if single and len(rows) == batch.n_rows else kept.take(rows)
            columns: list[Column] = list(out.columns)
            for i, elements, kind in zip(self._places, flat, self._types, strict=True):
                columns.insert(i, _elements(elements, rows, nth, kind))
            if emit(Batch(len(rows), tuple(columns), out.origin)) is Flow.DONE:
                return Flow.DONE
        return Flow.MORE


def _sizes(array: pa.Array[Any]) -> NDArray[np.int64]:
    return list_sizes(array) if pa.types.is_list(array.type) else np.zeros(len(array), np.int64)


def _flattened(array: Any) -> Any:
    return array.flatten() if pa.types.is_list(array.type) else array.slice(0, 0)


def _elements(
    elements: tuple[Any, NDArray[np.int64], NDArray[np.int64]], rows: Rows, nth: NDArray[np.int64], kind: pa.DataType
) -> pa.Array[Any]:
    """The nth element of the array in each row, null where it has none."""
    values, starts, sizes = elements
    wanted = starts[rows] + nth
    missing = nth >= sizes[rows]
    if missing.any():
        wanted = np.where(missing, 0, wanted)
        return values.take(array_from(wanted, missing)) if len(values) else nulls(len(rows), kind)
    first = int(wanted[0])
    if int(wanted[-1]) - first == len(wanted) - 1:  # no array between was left out: the elements lie in a row
        return values.slice(first, len(wanted))  # type: ignore[no-any-return]
    return values.take(indices(wanted))  # type: ignore[no-any-return]
