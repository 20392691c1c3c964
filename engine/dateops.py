"""Arithmetic behind the date functions: units, differences, ranges. Instants are int64 ticks (`ticks` a second) UTC."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .calendar import add_days, add_months, civil_of_day, day_of_civil, month_of_day, to_local
from .zones import NS, US, Ints, Mask, Zone

FIRST_DAY, LAST_DAY = -719_162, 2_932_896  # 0001-01-01, 9999-12-31
DAY_NS = 86_400 * NS


class Unit(NamedTuple):
    """A step on the calendar (months or days of the wall clock) or of fixed length."""

    months: int = 0
    days: int = 0
    ns: int = 0


UNITS = {
    "year": Unit(months=12), "quarter": Unit(months=3), "mon": Unit(months=1), "week": Unit(days=7), "day": Unit(days=1),
    "hour": Unit(ns=3600 * NS), "min": Unit(ns=60 * NS), "sec": Unit(ns=NS), "msec": Unit(ns=10**6), "usec": Unit(ns=1000),
}  # fmt: skip
SYNONYMS = {"month": "mon", "minute": "min", "second": "sec", "calmonth": "calmon"}
DIFFERENCES = {"year": 365 * DAY_NS, "quarter": 90 * DAY_NS, "mon": 30 * DAY_NS, "week": 7 * DAY_NS, "day": DAY_NS} | {
    name: unit.ns for name, unit in UNITS.items() if unit.ns
}


def within_years(instants: Ints, ticks: int) -> Mask:
    """In the years 1 to 9999 of UTC, a day either side, so that every zone can show it."""
    if ticks == NS:
        return np.ones(len(instants), np.bool_)
    return (instants >= (FIRST_DAY - 1) * 86_400 * US) & (instants < (LAST_DAY + 2) * 86_400 * US)


def shifted(instants: Ints, counts: Ints, unit: Unit, zone: Zone, ticks: int) -> tuple[Ints, Mask, Mask]:
    """So many units on. Also: which results are beyond the years 1 to 9999 (or the unit's 64 bits), and `to_utc`'s mask."""
    most = 12 * 20_000 if unit.months else 366 * 20_000 if unit.days else (20_000 * 366 * DAY_NS) // unit.ns
    far = abs(counts) > most
    counts = np.where(far, 0, counts)
    if unit.ns:
        steps = counts * (unit.ns * ticks // NS) if unit.ns * ticks >= NS else counts * unit.ns // (NS // ticks)
        out, doubtful = instants + steps, np.zeros(len(instants), np.bool_)
        wide = instants.astype(np.float64) + counts * (unit.ns * ticks / NS)
    else:
        if unit.months:
            out, doubtful = add_months(instants, counts * unit.months, zone, ticks)
        else:
            out, doubtful = add_days(instants, counts * unit.days, zone, ticks)
        days = counts * (31.0 * unit.months + unit.days)
        wide = instants.astype(np.float64) + days * (86_400.0 * ticks)
    far |= (abs(wide) > 2.0**63 - 1e15) if ticks == NS else ~within_years(out, ticks)
    return out, far, doubtful


def difference(start: Ints, end: Ints, ns: int, ticks: int) -> Ints:
    """end - start in units of `ns` nanoseconds, truncated towards zero; exact also where nanoseconds would not fit."""
    gap = end - start
    if ns * ticks % NS == 0:
        return _truncated(gap, ns * ticks // NS)
    return gap * (NS // ticks // ns)


def _truncated(values: Ints, by: int) -> Ints:
    out: Ints = abs(values) // by * np.sign(values)
    return out


def calendar_months(start: Ints, end: Ints, zone: Zone, ticks: int) -> Ints:
    """Whole months from start to end on the wall clock: the most that `dateadd` can add (or take) without passing `end`."""
    a, b = to_local(start, zone, ticks), to_local(end, zone, ticks)
    day = 86_400 * ticks
    day_a, day_b = a // day, b // day
    months = month_of_day(day_b) - month_of_day(day_a)
    ahead = b >= a
    back = _moved(a, day_a, months, day)
    out: Ints = months - (ahead & (back > b)) + (~ahead & (back < b))
    return out


def _moved(walls: Ints, days: Ints, months: Ints, day: int) -> Ints:
    year, month, of_month = civil_of_day(days)
    total = year * 12 + (month - 1) + months
    first = day_of_civil(total // 12, total % 12 + 1, 1)
    last = day_of_civil(total // 12, total % 12 + 2, 1) - 1
    out: Ints = np.minimum(first + (of_month - 1), last) * day + (walls - days * day)
    return out


def ranges(
    start: Ints, end: Ints, step: Unit, zone: Zone, ticks: int, most: int
) -> tuple[Ints, NDArray[np.int64], NDArray[np.bool_]] | None:
    """start, start + step, ... below end, for each row: all items, their number in each row, rows with an odd wall time.

    Steps of the calendar are counted from the start, so the 31st comes back after a short month. None: beyond `most` items.
    """
    counts = _upper_counts(start, end, step, ticks)
    if int(counts.sum()) > most:
        return None
    total = int(counts.sum())
    row = np.repeat(np.arange(len(start)), counts)
    number = np.arange(total) - np.repeat(np.cumsum(counts) - counts, counts)
    items, _, doubtful = shifted(start[row], number, step, zone, ticks)
    keep = items < end[row]
    if keep.all():
        return items, counts, np.bincount(row[doubtful], minlength=len(start)) > 0
    row, items, doubtful = row[keep], items[keep], doubtful[keep]
    return items, np.bincount(row, minlength=len(start)), np.bincount(row[doubtful], minlength=len(start)) > 0


def _upper_counts(start: Ints, end: Ints, step: Unit, ticks: int) -> Any:
    """At least as many items as there are."""
    gap = np.maximum(end - start, 0)
    if step.ns:
        length = max(1, step.ns * ticks // NS)
        return -(-gap // length)
    least = (28 * step.months + step.days) * 86_400 * ticks - (86_400 * ticks if step.months else 7200 * ticks)
    return np.where(gap > 0, gap // max(least, 3600 * ticks) + 2, 0)


def expected_items(start: int, end: int, step: Unit, ticks: int = US) -> int:
    """About how many items a range of constants has."""
    length = (step.months * 2_629_746 + step.days * 86_400) * ticks + step.ns * ticks // NS
    return max(0, end - start) // max(1, length)
