"""`histogram`: the sorted values of each group become rows of bins."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ...planner.records import dataclass
from ...planner.text import fault
from ...planner.types import Schema, Type
from ..arrow import array_from, indices, numbers_of
from ..batch import Batch
from ..calendar import Span, beyond, bucket_count, bucket_range, next_bucket
from ..context import Context
from ..datecolumns import dates_from, ticks_of
from ..notes import N_SAMPLES, At, of_group, shown
from ..operator import Emit, Flow, StreamTransform
from ..values import row_text
from .states.distinct import flat

Told = list[tuple[int, str]]  # the group's row in the batch, and a value of it

MOST_BINS = 10_000_000
MOST_CHOSEN = 1000
NOT_FINITE = "values that are no finite numbers"


@dataclass(frozen=True, slots=True)
class Bins:
    """How values are cut: into `count` bins, or on a grid of steps `width` or `grid`; all None: chosen by the data."""

    type: Type  # of the values
    edge: Type  # of lo and hi
    count: int | None = None
    width: float | None = None
    grid: Span | None = None


class HistogramTransform(StreamTransform):
    """Rows `keys, sorted values` become rows `keys, lo, hi, count, ratio`."""

    def __init__(self, schema: Schema, n_keys: int, bins: Bins, at: At) -> None:
        self._schema, self._n_keys, self._bins, self._at = schema, n_keys, bins, at
        self._key_types = [t for _, t in schema.fields[:n_keys]]

    def push(self, batch: Batch, local: Context, emit: Emit) -> Flow:
        column: Any = batch.array(self._n_keys)
        values, groups = flat(column)
        if pa.types.is_null(values.type):
            return Flow.MORE
        numbers = numbers_of(values)
        ticks = ticks_of(values) if self._bins.edge.kind == "date" else 1
        ends = np.searchsorted(groups, np.arange(batch.n_rows + 1))
        made: list[tuple[NDArray[Any], NDArray[Any], NDArray[np.int64]]] = []
        rows: list[int] = []
        odd: Told = []
        far: Told = []
        n_odd = n_far = 0
        for row, (low, high) in enumerate(zip(ends[:-1].tolist(), ends[1:].tolist(), strict=True)):
            local.check()
            mine = numbers[low:high]
            if mine.dtype == np.float64:
                finite = np.isfinite(mine)
                n_odd += self._left(batch, row, values, low + np.flatnonzero(~finite), odd, local)
                mine = mine[finite]
            if self._bins.grid is not None and (beyond_it := beyond(mine, self._bins.grid, ticks)) is not None:
                n_far += self._left(batch, row, values, low + np.flatnonzero(beyond_it), far, local)
                mine = mine[~beyond_it]
            if len(mine):
                made.append(self._cut(mine, local.settings.timezone, ticks))
                rows.append(row)
        for reason, n, told in ((NOT_FINITE, n_odd, odd), ("time beyond the grid", n_far, far)):
            if n:
                local.notes.told(self._at, "drop", reason, n, batch, told)
        if not made:
            return Flow.MORE
        sizes = np.array([len(counts) for _, _, counts in made])
        at = indices(np.repeat(np.array(rows), sizes))
        keys = [batch.array(i).take(at) for i in range(self._n_keys)]
        counts = np.concatenate([c for _, _, c in made])
        ratio = np.concatenate([c / c.sum() for _, _, c in made])
        edges = [self._edges(np.concatenate([m[side] for m in made]), values) for side in (0, 1)]
        return emit(Batch(len(counts), (*keys, *edges, array_from(counts), array_from(ratio)), batch.origin))

    def _left(
        self, batch: Batch, row: int, values: pa.Array[Any], at: NDArray[np.int64], told: Told, ctx: Context
    ) -> int:  # fmt: skip
        """How many values of the group are left out, of which the first are told."""
        if len(at) and len(told) < N_SAMPLES:
            zone = ctx.settings.timezone
            keys = row_text([batch.array(i) for i in range(self._n_keys)], self._key_types, row, zone)
            told += [(row, of_group(keys, shown(values, i, zone))) for i in at[: N_SAMPLES - len(told)].tolist()]
        return len(at)

    def _edges(self, edges: NDArray[Any], values: pa.Array[Any]) -> pa.Array[Any]:
        if self._bins.edge.kind == "date":
            return dates_from(edges, None, ticks_of(values))
        if self._bins.edge.kind in ("long", "duration"):
            return array_from(edges.astype(np.int64), None, self._bins.edge.arrow)
        return array_from(edges.astype(np.float64))

    def _cut(self, x: NDArray[Any], zone: str, ticks: int) -> tuple[NDArray[Any], NDArray[Any], NDArray[np.int64]]:
        """Lower and upper edges and counts, of sorted values. Bins are closed below; without a grid the last is on both sides."""
        bins = self._bins
        if bins.grid is not None:
            self._guard(bucket_count(int(x[0]), int(x[-1]) + 1, bins.grid, ticks))
            starts = bucket_range(int(x[0]), int(x[-1]) + 1, bins.grid, zone, ticks)
            return starts, next_bucket(starts, bins.grid, zone, ticks), _counts(x, starts)
        if bins.width is not None:
            return self._steps(x, bins.width)
        return self._even(x, bins.count or chosen(x))

    def _steps(self, x: NDArray[Any], width: float) -> tuple[NDArray[Any], NDArray[Any], NDArray[np.int64]]:
        if self._bins.edge.kind in ("long", "duration"):
            return self._whole_steps(x, int(width))
        first, last = float(np.floor(x[0] / width)), float(np.floor(x[-1] / width))
        self._guard(last - first + 1)
        # the quotients were rounded
        first += float(_points(first + 1, width) <= x[0]) - float(_points(first, width) > x[0])
        last += float(_points(last + 1, width) <= x[-1]) - float(_points(last, width) > x[-1])
        edges = _points(first + np.arange(int(last - first) + 2), width)
        return edges[:-1], edges[1:], _counts(x, edges[:-1])

    def _whole_steps(self, x: NDArray[Any], width: int) -> tuple[NDArray[Any], NDArray[Any], NDArray[np.int64]]:
        first, last = int(x[0]) // width, int(x[-1]) // width
        self._guard(last - first + 1)
        edges = np.empty(last - first + 2, np.int64)
        edges[1:-1] = np.arange(first + 1, last + 1) * width
        edges[0], edges[-1] = max(first * width, -(1 << 63)), min((last + 1) * width, (1 << 63) - 1)
        return edges[:-1], edges[1:], _counts(x, edges[:-1])

    def _even(self, x: NDArray[Any], n: int) -> tuple[NDArray[Any], NDArray[Any], NDArray[np.int64]]:
        self._guard(n)
        low, high = x[0], x[-1]
        if low == high:
            return x[:1], x[:1], np.array([len(x)])
        part = np.arange(n + 1) / n
        # halves, so that the distance of extremes is a double
        edges = 2.0 * (float(low) / 2 + (float(high) / 2 - float(low) / 2) * part)
        edges[0], edges[-1] = low, high
        if x.dtype == np.int64 and self._bins.edge.kind != "double":
            whole = int(low) + np.rint((int(high) - int(low)) * part).astype(np.int64)
            whole[0], whole[-1] = low, high
            return whole[:-1], whole[1:], _counts(x, whole[:-1])
        return edges[:-1], edges[1:], _counts(x, edges[:-1])

    def _guard(self, n: float) -> None:
        if n > MOST_BINS:
            said = f"{n:,.0f}" if n < 1e15 else f"{n:.0e}"  # a span may be as small as doubles are
            raise fault("E701", f"{said} bins: more than {MOST_BINS:,}", hint="a wider span, or bins=N")


def _points(steps: Any, width: float) -> Any:
    """Multiples of the width, as they are written where it divides 1: `0.3` for the third of width 0.1."""
    with np.errstate(over="ignore"):
        parts = float(np.rint(1.0 / width))
    return steps / parts if parts and 1.0 / parts == width else steps * width


def _counts(x: NDArray[Any], starts: NDArray[Any]) -> NDArray[np.int64]:
    """How many of the sorted values lie from each start to the next; nothing is below the first."""
    at = np.searchsorted(x, starts, side="left")
    at[0] = 0
    return np.diff(np.append(at, len(x))).astype(np.int64)


def chosen(x: NDArray[Any]) -> int:
    """By Freedman and Diaconis: bins of twice the interquartile range over the cube root of the number of values.

    Where half of the values are equal, by Sturges. 1,000 at most.
    """
    n = len(x)
    at = (n - 1) * np.array([0.25, 0.75])
    low = np.floor(at).astype(np.int64)
    y = x.astype(np.float64)
    first, third = y[low] + (y[np.ceil(at).astype(np.int64)] - y[low]) * (at - low)
    width = 2.0 * (third - first) / np.cbrt(n)
    if not width > 0:
        return int(np.ceil(np.log2(n))) + 1
    return int(min(max(np.ceil((y[-1] - y[0]) / width), 1), MOST_CHOSEN))
