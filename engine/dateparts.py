"""From the fields of a date (year, month, hour, ...) as columns to instants, by a strict calendar."""

from __future__ import annotations

from dataclasses import field
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..planner.records import dataclass
from .zones import NS, Ints, Mask, Zone

NO_OFFSET = int(np.iinfo(np.int32).min)  # of rows whose text names no zone
BAD_OFFSET = NO_OFFSET + 1


@dataclass(slots=True)
class Parts:
    """Columns of `n` rows by kind of field. `good`: rows whose text had the form. `offset`: seconds east, or NO_OFFSET.

    `zones`: which of these zones each row's text names; None is one that nobody knows.
    """

    n: int
    good: Mask
    fields: dict[str, NDArray[Any]] = field(default_factory=dict)
    offset: NDArray[Any] | None = None
    zones: tuple[NDArray[Any], tuple[Zone | None, ...]] | None = None


@dataclass(frozen=True, slots=True)
class Rules:
    """What the text does not say: the zone of zone-less text, the year where there is none, which century `yy` is of."""

    zone: Zone
    year: int = 1970
    pivot: int = 69  # two digits from here on are of the century before
    century: int = 2000
    check_weekday: bool = True


@cache
def _month_starts() -> NDArray[np.int32]:
    """Day number of the first of each month from January of year 0 to January of year 10000."""
    months = np.arange(-1970 * 12, (10_000 - 1970) * 12 + 1, dtype=np.int64)
    return months.astype("M8[M]").astype("M8[D]").astype(np.int64).astype(np.int32)


def assemble(parts: Parts, rules: Rules, ticks: int) -> tuple[Ints, Mask, Mask]:
    """Instants in ticks, which rows are a date at all, and which walls did not exist or were ambiguous."""
    days, good = _days(parts, rules)
    seconds, fit = _seconds(parts.fields, parts.n)
    good = good & fit
    walls = days.astype(np.int64) * 86_400
    walls += seconds
    walls *= ticks
    if (fraction := parts.fields.get("fraction")) is not None:  # in nanoseconds
        walls += fraction if ticks == NS else fraction // (NS // ticks)
    if not good.all():
        walls[~good] = 0
    out, doubtful = _instants(walls, parts, rules, ticks, good)
    return out, good, doubtful & good


def _instants(walls: Ints, parts: Parts, rules: Rules, ticks: int, good: Mask) -> tuple[Ints, Mask]:
    """By the offset in the text, else the zone it names, else the zone of the rules."""
    if parts.offset is not None:
        said = parts.offset != NO_OFFSET
        good &= parts.offset != BAD_OFFSET
        exact = walls - parts.offset.astype(np.int64) * ticks
        if said.all():
            return exact, np.zeros(parts.n, np.bool_)
        out, doubtful = rules.zone.to_utc(walls, ticks)
        return np.where(said, exact, out), doubtful & ~said
    if parts.zones is None:
        return rules.zone.to_utc(walls, ticks)
    codes, zones = parts.zones
    out, doubtful = walls.copy(), np.zeros(parts.n, np.bool_)
    for code, where in enumerate(zones):
        rows = codes == code
        if where is None:
            good &= ~rows
        else:
            out[rows], doubtful[rows] = where.to_utc(walls[rows], ticks)
    return out, doubtful


def _days(parts: Parts, rules: Rules) -> tuple[NDArray[Any], Mask]:
    fields, good = parts.fields, parts.good
    year = _year(fields, parts.n, rules)
    good = good & (year >= 1) & (year <= 9999)
    month = fields.get("month")
    if "isoweek" in fields:
        return _day_of_iso_week(fields, good)
    if "yday" in fields and month is None:
        table = _month_starts()
        first = np.clip(year, 0, 9999) * 12
        days = table[first] + (fields["yday"].astype(np.int32) - 1)
        good &= (days >= table[first]) & (days < table[first + 12])
    elif month is None and "weekday" in fields and ("week_mon" in fields or "week_sun" in fields):
        days, fit = _day_of_week(year, fields)
        good &= fit
    else:
        days, fit = _day_of(year, month, fields.get("day"))
        good &= fit
    if rules.check_weekday and "weekday" in fields:  # Monday is 0
        good &= (days + 3) % 7 == fields["weekday"]
    return days, good


def _day_of_iso_week(fields: dict[str, NDArray[Any]], good: Mask) -> tuple[NDArray[Any], Mask]:
    """ISO 8601: week 1 has January 4th; without a weekday it is the Monday."""
    year, week = fields["isoyear"], fields["isoweek"].astype(np.int32)
    good = good & (year >= 1) & (year <= 9999)

    def first_monday(years: NDArray[Any]) -> NDArray[Any]:
        fourth = _month_starts()[np.clip(years, 0, 9999) * 12] + 3
        return fourth - (fourth + 3) % 7  # type: ignore[no-any-return]

    days = first_monday(year) + (week - 1) * 7
    good &= (week >= 1) & ((week <= 52) | (days < first_monday(year + 1)))
    return days + fields.get("weekday", np.int32(0)), good


def _day_of_week(year: NDArray[Any], fields: dict[str, NDArray[Any]]) -> tuple[NDArray[Any], Mask]:
    """Weeks of the year that begin on Mondays or Sundays, counted from the first such day; before it is week 0."""
    begins = 0 if "week_mon" in fields else 6  # Monday is 0
    week = fields["week_mon" if begins == 0 else "week_sun"].astype(np.int32)
    january = _month_starts()[np.clip(year, 0, 9999).astype(np.int32) * 12]
    first = january + (begins - (january + 3)) % 7
    days = first + (week - 1) * 7 + (fields["weekday"].astype(np.int32) - begins) % 7
    return days, week <= 53


def _year(fields: dict[str, NDArray[Any]], n: int, rules: Rules) -> NDArray[Any]:
    if "year" in fields:
        return fields["year"]
    if "year2" in fields:
        short = fields["year2"].astype(np.int32)
        return rules.century + short - 100 * (short >= rules.pivot).astype(np.int32)
    return np.full(n, rules.year, np.int32)


def _day_of(year: NDArray[Any], month: NDArray[Any] | None, day: NDArray[Any] | None) -> tuple[NDArray[Any], Mask]:
    table = _month_starts()
    at = np.clip(year, 0, 9999).astype(np.int32) * np.int32(12)
    good = np.ones(len(at), np.bool_)
    if month is not None:
        good &= (month >= 1) & (month <= 12)
        at += np.clip(month, 1, 12).astype(np.int32) - np.int32(1)
    first = table[at]
    if day is None:
        return first, good
    out = first + (day.astype(np.int32) - np.int32(1))
    good &= (out >= first) & (out < table[at + 1])
    return out, good


def _seconds(fields: dict[str, NDArray[Any]], n: int) -> tuple[NDArray[Any], Mask]:
    good = np.ones(n, np.bool_)
    total = np.zeros(n, np.int32)
    hour = _hour(fields, good)
    if hour is not None:
        total += hour * np.int32(3600)
    for kind, unit in (("minute", 60), ("second", 1)):
        if kind in fields:
            value = fields[kind]
            good &= (value >= 0) & (value < 60)
            total += value.astype(np.int32) * np.int32(unit)
    return total, good


def _hour(fields: dict[str, NDArray[Any]], good: Mask) -> NDArray[Any] | None:
    """Hour 0..23; rows out of range are taken out of `good`."""
    if "hour" in fields:
        good &= fields["hour"] < 24
        return fields["hour"].astype(np.int32)
    if "hour24" in fields:
        good &= (fields["hour24"] >= 1) & (fields["hour24"] <= 24)
        return fields["hour24"].astype(np.int32) % 24
    if "hour12" in fields:
        good &= (fields["hour12"] >= 1) & (fields["hour12"] <= 12)
        hour = fields["hour12"].astype(np.int32) % 12
    elif "hour11" in fields:
        good &= fields["hour11"] < 12
        hour = fields["hour11"].astype(np.int32)
    else:
        return None
    return hour + fields["half"].astype(np.int32) * 12 if "half" in fields else hour
