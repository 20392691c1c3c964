"""`timechart`: rows grouped by bucket of time, then laid out as a grid: one row a bucket, one column a value of `by`."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ...planner.records import dataclass
from ...planner.text import fault
from ...planner.types import DOUBLE, Schema, Type, scalar
from ..arrow import array_from, call, concat, indices, is_valid, nulls, numbers_of
from ..aside import aside
from ..calendar import Span, bucket_count, bucket_range
from ..context import Context
from ..datecolumns import dates_from, instants_of, ticks_of
from ..notes import At
from ..operator import Source
from ..values import to_text
from .wide import MOST_CELLS, GroupsSink, MemoryRows, check_names, labels_of, numbered

FILLS = ("null", "0", "prev", "linear")


@dataclass(frozen=True, slots=True)
class Layout:
    """The grid to make of rows `bucket, keys, aggregates`, which come sorted. `fill` None: only buckets that have rows."""

    keys: tuple[Type, ...]
    aggs: tuple[tuple[str, Type], ...]
    grid: Span
    fill: str | None
    wide: bool
    schema: Schema  # of the rows that come out where the data does not decide it


class ChartSink(GroupsSink):
    """Takes the groups in order; gives the grid."""

    hint = "a longer span, or fewer values of `by`"

    def __init__(self, layout: Layout, at: At) -> None:
        super().__init__(at)
        self._layout = layout

    def result(self, ctx: Context) -> Source:
        layout = self._layout
        if not self._batches:
            schema = Schema(layout.schema.fields)
            return MemoryRows([nulls(0, t.arrow) for _, t in schema.fields], schema, self._at.command)
        columns = self._columns()
        nbytes = sum(c.nbytes for c in columns)
        names, made = aside(ctx, nbytes, lambda: self._laid_out(columns, ctx.settings.timezone))
        return MemoryRows(made, Schema(tuple(names)), self._at.command)

    def _laid_out(self, columns: list[pa.Array[Any]], zone: str) -> tuple[list[tuple[str, Type]], list[pa.Array[Any]]]:
        rows = _Groups(self._layout, columns, zone)
        self._charge(9 * len(self._layout.aggs) * rows.n_cells)
        return rows.wide() if self._layout.wide else rows.long()


class _Groups:
    """The groups of a chart: which row of them stands in each cell (bucket, series)."""

    def __init__(self, layout: Layout, columns: list[pa.Array[Any]], zone: str) -> None:
        self._layout, self._zone = layout, zone
        self._keys = columns[1 : 1 + len(layout.keys)]
        self._aggs = columns[1 + len(layout.keys) :]
        starts = instants_of(columns[0])[0]
        self._ticks = ticks_of(columns[0])
        self._series, self._first = numbered(self._keys, self._layout.keys, len(columns[0]))
        n_series = len(self._first)
        low, high = int(starts[0]), int(starts[-1])
        if layout.fill is None:
            self._starts = np.unique(starts)
        else:
            self._guard(bucket_count(low, high + 1, layout.grid, self._ticks), n_series, low, high)
            self._starts = bucket_range(low, high + 1, layout.grid, zone, self._ticks)
        self.n_cells = len(self._starts) * n_series
        self._guard(len(self._starts), n_series, low, high)
        bucket = np.searchsorted(self._starts, starts)
        self._cells = np.full((n_series, len(self._starts)), -1, np.int64)
        self._cells[self._series, bucket] = np.arange(len(starts))

    def _guard(self, n_buckets: int, n_series: int, low: int, high: int) -> None:
        if n_buckets * n_series <= MOST_CELLS:
            return
        ends = to_text(dates_from(np.array([low, high]), None, self._ticks), Type("date"), self._zone).to_pylist()
        series = f", {n_series:,} values of `by`" if self._keys else ""
        raise fault(
            "E701",
            f"{n_buckets:,} buckets from {ends[0]} to {ends[1]}{series}: more than {MOST_CELLS:,} cells",
            hint="a longer span; is a time far off by mistake?",
        )

    def _time(self) -> tuple[str, Type]:
        return self._layout.schema.fields[0]

    def wide(self) -> tuple[list[tuple[str, Type]], list[pa.Array[Any]]]:
        """One row a bucket; for each series one column an aggregate."""
        names, made = [self._time()], [dates_from(self._starts, None, self._ticks)]
        labels = labels_of(self._keys, self._layout.keys, self._first, self._zone)
        for number, label in enumerate(labels):
            for (alias, type_), values in zip(self._layout.aggs, self._aggs, strict=True):
                name = label if len(self._layout.aggs) == 1 else f"{label}_{alias}"
                names.append((name, filled_type(type_, self._layout.fill)))
                made.append(self._column(values, type_, number))
        check_names([n for n, _ in names], "rename the values, or long=t for rows instead of columns")
        return names, made

    def long(self) -> tuple[list[tuple[str, Type]], list[pa.Array[Any]]]:
        """One row a bucket and series, by bucket, then series."""
        n_series, n_buckets = self._cells.shape
        by_bucket = np.arange(n_series * n_buckets).reshape(n_series, n_buckets).T.reshape(-1)
        first = indices(np.tile(self._first, n_buckets))
        made = [dates_from(np.repeat(self._starts, n_series), None, self._ticks), *(k.take(first) for k in self._keys)]
        for (_, type_), values in zip(self._layout.aggs, self._aggs, strict=True):
            series = [self._column(values, type_, number) for number in range(n_series)]
            made.append(concat(series).take(indices(by_bucket)))
        return list(self._layout.schema.fields), made

    def _column(self, values: pa.Array[Any], type_: Type, series: int) -> pa.Array[Any]:
        cells = self._cells[series]
        missing = cells < 0
        if not missing.any():
            return _as_filled(values.take(indices(cells)), type_, self._layout.fill)
        got = values.take(array_from(np.where(missing, 0, cells), missing))
        match self._layout.fill:
            case "0":
                return call("if_else", array_from(missing), scalar(0, type_), got)
            case "prev":
                own = np.arange(len(cells))
                known = np.maximum.accumulate(np.where(is_valid(got), own, -1))
                at = np.where(missing, known, own)
                return got.take(array_from(np.maximum(at, 0), at < 0))
            case "linear":
                return self._linear(got, type_, missing)
        return got

    def _linear(self, got: pa.Array[Any], type_: Type, missing: NDArray[np.bool_]) -> pa.Array[Any]:
        """Between the nearest values either side, by time; the ends stay null."""
        known = is_valid(got)
        if not known.any():
            return _as_filled(got, type_, "linear")
        at = np.flatnonzero(known)
        when = (self._starts - self._starts[0]).astype(np.float64)
        base = int(numbers_of(got)[at[0]]) if type_.kind in ("date", "duration") else 0
        exact = numbers_of(got)[: len(got)]
        values = (exact[at] - base).astype(np.float64)
        between = missing & (np.arange(len(got)) > at[0]) & (np.arange(len(got)) < at[-1])
        drawn = np.interp(when[between], when[at], values)
        if type_.kind in ("date", "duration"):
            out = np.where(known, exact, 0)
            out[between] = np.rint(drawn).astype(np.int64) + base
        else:
            out = np.where(known, exact, 0).astype(np.float64)
            out[between] = drawn
        return array_from(out, ~(known | between), filled_type(type_, "linear").arrow)


def filled_type(type_: Type, fill: str | None) -> Type:
    """What a column has after filling: points on a line between whole numbers are no whole numbers."""
    return DOUBLE if fill == "linear" and type_.kind == "long" else type_


def _as_filled(array: pa.Array[Any], type_: Type, fill: str | None) -> pa.Array[Any]:
    wanted = filled_type(type_, fill)
    return array if wanted == type_ else call("cast", array, wanted.arrow, safe=False)
