"""Filling of gaps in rows that are all in memory: only what is null is looked at."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ...planner.records import dataclass
from ...planner.types import Schema, Type
from ..arrow import array_from, call, is_valid, numbers_of
from ..exprs import spread
from .fillcarry import DATED, NOBODY, Clock, Ints, Mask, line, patched
from .fillgaps import Gaps
from .occurrence import in_order_of


@dataclass(frozen=True, slots=True)
class Course:
    """Rows of each group in the order in which gaps are looked at. `order` None: as they stand."""

    order: Ints | None
    first: Ints  # for each place in that order, the first and the last one of its group
    last: Ints

    def __len__(self) -> int:
        return len(self.first)

    def take(self, array: NDArray[Any]) -> NDArray[Any]:
        return array if self.order is None else array[self.order]

    def rows(self, places: Ints) -> Ints:
        return places if self.order is None else self.order[places]


def course(gaps: Gaps, clock: Clock, groups: NDArray[np.int32] | None, n_groups: int) -> Course:
    """With `by_time` without the rows that have no time."""
    n = len(clock.numbers)
    order: Ints | None = None
    if gaps.fill.by_time:
        times = clock.times
        if not clock.timed.all() or (times[1:] < times[:-1]).any():
            order = np.argsort(times, kind="stable")
            order = order[clock.timed[order]]
    if groups is not None:
        ordered = groups if order is None else groups[order]
        by_group = in_order_of(ordered, n_groups)
        order = by_group if order is None else order[by_group]
    count = n if order is None else len(order)
    if groups is None or not count:
        return Course(order, np.zeros(count, np.int64), np.full(count, count - 1, np.int64))
    assert order is not None
    ordered = groups[order]
    begins = np.append(True, ordered[1:] != ordered[:-1])
    starts = np.flatnonzero(begins)
    sizes = np.diff(starts, append=count)
    first = np.repeat(starts, sizes)
    return Course(order, first, first + np.repeat(sizes, sizes) - 1)


@dataclass(frozen=True, slots=True)
class Missing:
    """Places of nulls, with the nearest places that have a value in the same group (NOBODY: none)."""

    places: Ints
    before: Ints
    after: Ints


def missing_of(valid: Mask, rows: Course) -> Missing:
    places, there = np.flatnonzero(~valid), np.flatnonzero(valid)
    passed = places - np.arange(len(places))  # how many values stand before each
    before = np.append(NOBODY, there)[passed]
    after = np.append(there, len(valid))[passed]
    before = np.where(before < rows.first[places], NOBODY, before)
    after = np.where(after > rows.last[places], NOBODY, after)
    return Missing(places, before, after)


def filled_at_once(
    gaps: Gaps,
    schema: Schema,
    columns: Mapping[int, pa.Array[Any]],
    groups: NDArray[np.int32] | None,
    n_groups: int = 1,
) -> list[pa.Array[Any]]:
    """The filled columns. `columns`: by place, the targets and the time; `groups`: a number a row, None: one group."""
    n = len(columns[gaps.targets[0]])
    clock = gaps.clock(columns, 0, n)
    rows = course(gaps, clock, groups, n_groups)
    times = rows.take(clock.times), rows.take(clock.timed)
    return [
        _filled(gaps, columns[i], schema.fields[i][1], gaps.types[j], gaps.constant(j), rows, times)
        for j, i in enumerate(gaps.targets)
    ]


def _filled(
    gaps: Gaps, column: pa.Array[Any], type_: Type, out: Type, constant: Any, rows: Course, times: tuple[Ints, Mask]
) -> pa.Array[Any]:
    kept = column if column.type == out.arrow else call("cast", column, out.arrow, safe=False)
    if not column.null_count or not len(rows):
        return kept
    gap = missing_of(rows.take(is_valid(column)), rows)
    ok = _short_enough(gaps, gap, rows, times)
    match gaps.fill.method:
        case "prev":
            ok &= gap.before != NOBODY
            return patched(kept, rows.rows(gap.places[ok]), kept, rows.rows(gap.before[ok]))
        case "next":
            ok &= gap.after != NOBODY
            return patched(kept, rows.rows(gap.places[ok]), kept, rows.rows(gap.after[ok]))
        case "linear":
            ok &= (gap.before != NOBODY) & (gap.after != NOBODY)
            places, low, high = gap.places[ok], gap.before[ok], gap.after[ok]
            values, at = numbers_of(column), times[0]
            made = line(
                values[rows.rows(low)], values[rows.rows(high)], at[low], at[high], at[places], np.zeros(len(places), np.bool_),
                dated=type_.kind in DATED,
            )  # fmt: skip
            return patched(kept, rows.rows(places), array_from(made, None, out.arrow), np.arange(len(places)))
    where = rows.rows(gap.places[ok])
    return patched(kept, where, spread(constant, 1), np.zeros(len(where), np.int64))


def _short_enough(gaps: Gaps, gap: Missing, rows: Course, times: tuple[Ints, Mask]) -> Mask:
    ok = np.ones(len(gap.places), np.bool_)
    if not gaps.fill.is_limited:
        return ok
    open_before, open_after = gap.before == NOBODY, gap.after == NOBODY
    low = np.where(open_before, rows.first[gap.places], gap.before)
    high = np.where(open_after, rows.last[gap.places], gap.after)
    if gaps.fill.most_rows is not None:
        ok &= high - low - 1 + open_before + open_after <= gaps.fill.most_rows
    if gaps.fill.most_ticks is not None:
        at, timed = times
        with np.errstate(over="ignore"):
            length = np.abs(at[high] - at[low])
        ok &= timed[low] & timed[high] & (length >= 0) & (length <= gaps.fill.most_ticks)
    return ok
