"""Calendar arithmetic over whole columns, and the one generator of time buckets (LANGUAGE part 3, "Buckets").

Instants are int64 ticks since 1970-01-01 UTC: microseconds unless `ticks` says nanoseconds. Wall times count from 1970-01-01
00:00 of their own wall. Zones may be given by name. All of it holds for the years 1 to 9999.
"""

from __future__ import annotations

from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from ..planner import ast
from ..planner.records import dataclass
from . import kernels
from .zones import NS, US, Ints, Mask, UnknownZone, Zone, behind, zone

Codes = NDArray[np.int32]
Ends = tuple[int, int]  # the least and the greatest instant
HOUR_NS, DAY_NS = 3600 * 10**9, 86_400 * 10**9
WEEK_ORIGIN = -3  # Monday 1969-12-29, in days: the week of 1970-01-01
MONTHS_OF_A_YEAR = (1, 2, 3, 4, 6, 12)


class BadSpan(ValueError):
    """No grid can have this span; the message says why, in the words of an E311."""


# civil dates; days count from 1970-01-01, months from January 1970


def month_of_day(days: Ints) -> Ints:
    return cast(Ints, days.astype("M8[D]").astype("M8[M]").astype(np.int64))


def day_of_month(months: Ints) -> Ints:
    """The month's first day."""
    return cast(Ints, months.astype("M8[M]").astype("M8[D]").astype(np.int64))


def civil_of_day(days: Ints) -> tuple[Ints, Ints, Ints]:
    """Year, month 1..12, day 1..31."""
    months = month_of_day(days)
    return months // 12 + 1970, months % 12 + 1, days - day_of_month(months) + 1


def day_of_civil(year: Any, month: Any, day: Any) -> Ints:
    """The day number; a day beyond its month runs on into the next."""
    return cast(Ints, day_of_month(np.asarray((year - 1970) * 12 + (month - 1), np.int64)) + (day - 1))


def month_length(months: Ints) -> Ints:
    return day_of_month(months + 1) - day_of_month(months)


# wall time


def to_local(instants: Ints, where: Zone | str, ticks: int = US) -> Ints:
    return cast(Ints, instants + _zone(where).offset_at(instants, ticks))


def to_utc(walls: Ints, where: Zone | str, ticks: int = US) -> tuple[Ints, Mask]:
    """Instants, and which walls do not exist (moved on by the gap) or are ambiguous (the earlier instant)."""
    return _zone(where).to_utc(walls, ticks)


def _zone(where: Zone | str) -> Zone:
    return zone(where) if isinstance(where, str) else where


def add_months(instants: Ints, months: Any, where: Zone | str, ticks: int = US) -> tuple[Ints, Mask]:
    """The same wall clock so many months on, clamped to the month's last day; the mask is `to_utc`'s."""
    found = _zone(where)
    walls = to_local(instants, found, ticks)
    day = ticks * 86_400
    days = walls // day
    month = month_of_day(days)
    target = month + months
    within = np.minimum(days - day_of_month(month), month_length(target) - 1)
    return found.to_utc((day_of_month(target) + within) * day + (walls - days * day), ticks)


def add_days(instants: Ints, days: Any, where: Zone | str, ticks: int = US) -> tuple[Ints, Mask]:
    """The same wall clock so many days on; the mask is `to_utc`'s."""
    found = _zone(where)
    return found.to_utc(to_local(instants, found, ticks) + days * (ticks * 86_400), ticks)


# buckets


@dataclass(frozen=True, slots=True)
class Span:
    """Length and phase of a grid; one of the two lengths is 0. `weeks`: written in weeks, so it starts on Mondays.

    `offset_months` only moves grids of months. A zero span is no grid: each instant is its own bucket.
    """

    months: int = 0
    ns: int = 0
    weeks: bool = False
    offset_months: int = 0
    offset_ns: int = 0

    @classmethod
    def of(cls, span: ast.Duration, offset: ast.Duration | None = None) -> Span:
        """From the durations of `span=` and `offset=`; BadSpan if they make no grid."""
        months, ns = span.months, span.ns
        if months < 0 or ns < 0:
            raise BadSpan("a span cannot be negative")
        if months % 12 and months not in MONTHS_OF_A_YEAR:
            raise BadSpan("months of a span must divide a year: 1mon, 2mon, 3mon, 4mon, 6mon, or years")
        if offset is not None and offset.months and not months:
            raise BadSpan("an offset in months needs a span in months")
        weeks = getattr(span, "weeks", False)
        return cls(months, ns, weeks, offset.months if offset else 0, offset.ns if offset else 0)

    @property
    def is_zero(self) -> bool:
        return not self.months and not self.ns

    def fits(self, ticks: int) -> bool:
        """False if the grid has points between two ticks."""
        return (self.ns * ticks) % NS == 0 and (self.offset_ns * ticks) % NS == 0

    @property
    def in_hour(self) -> bool:
        return bool(self.ns) and HOUR_NS % self.ns == 0

    @property
    def by_wall(self) -> bool:
        """Hours that divide a day, days, weeks, months: bounds are wall times."""
        return bool(self.months) or (
            self.ns > HOUR_NS and (self.ns % DAY_NS == 0 or (self.ns % HOUR_NS == 0 and DAY_NS % self.ns == 0))
        )


def reach(span: Span, ticks: int = US) -> tuple[int, int]:
    """The first and the last instant whose bucket and the one after it 64 bits hold; beyond them arithmetic goes round."""
    step = span.months * 31 * 86_400 * ticks if span.months else span.ns * ticks // NS
    away = (
        step + abs(span.offset_ns * ticks // NS) + abs(span.offset_months) * 31 * 86_400 * ticks + 16 * 86_400 * ticks
    )
    ends = np.iinfo(np.int64)
    return ends.min + away, ends.max - away


def beyond(instants: Ints, span: Span, ticks: int = US, ends: Ends | None = None) -> NDArray[np.bool_] | None:
    """Which instants have no bucket (`reach`); None: each has one. `ends`: as in `bucket_codes`."""
    if span.is_zero or not len(instants):
        return None
    low, high = reach(span, ticks)
    least, greatest = ends or (int(instants.min()), int(instants.max()))
    if low <= least and greatest <= high:
        return None
    return np.asarray((instants < low) | (instants > high)) if low <= high else np.ones(len(instants), np.bool_)


def bucket_start(instants: Ints, span: Span, where: Zone | str, ticks: int = US) -> Ints:
    """The start of each instant's bucket: the last bound at or before it."""
    if span.is_zero or not len(instants):
        return instants
    found = _zone(where)
    if span.in_hour:
        return _hour_grid(instants, span, found, ticks)
    if not span.by_wall:
        step, origin = _elapsed(span, found, ticks)
        return _floored(instants, origin, step)
    steady = _steady(instants, span, found, ticks)
    if steady is not None:
        return steady
    low, high = int(instants.min()), int(instants.max()) + 1
    if 16 * bucket_count(low, high, span, ticks) < len(instants):
        bounds = bucket_range(low, high, span, found, ticks)
        return bounds[np.searchsorted(bounds, instants, "right") - 1]
    return _wall_start(_wall_number(instants, span, found, ticks), span, found, ticks)


def _floored(instants: Ints, phase: Any, step: int) -> Ints:
    """The greatest phase + k * step that is not above each instant. NumPy divides by a number four times as fast as it takes a rest."""
    out: Ints = instants - phase
    np.floor_divide(out, step, out=out)
    np.multiply(out, step, out=out)
    np.add(out, phase, out=out)
    return out


def bucket_codes(
    instants: Ints,
    span: Span,
    where: Zone | str,
    ticks: int = US,
    compiled: bool = False,
    ends: Ends | None = None,
    n_rows: int | None = None,
) -> tuple[Codes, Ints] | None:
    """`bucket_start` as a number a row and the starts they stand for, ascending; None where rows are few a bucket.

    `ends`: the least and the greatest instant, where they are known: each has a bucket (see `beyond`). `n_rows`: of instants that rows share, how many those are.
    """
    if span.is_zero or not len(instants):
        return None
    if compiled and ends is None and n_rows is None and (beat := _beat(span, where, ticks)) is not None:
        return _codes_at_once(instants, *beat, reach(span, ticks))
    low, high = ends or (int(instants.min()), int(instants.max()))
    if 16 * bucket_count(low, high + 1, span, ticks) > (len(instants) if n_rows is None else n_rows):
        return None
    even = _even_grid(low, high, span, where, ticks)
    starts = np.arange(even[0], high + 1, even[1]) if even else bucket_range(low, high + 1, span, where, ticks)
    first, last = int(starts[0]), len(starts) - 1
    step = int(starts[1]) - first if last else high - first + 1
    if not even and (starts[1:] - starts[:-1] != step).any():
        return (np.searchsorted(starts, instants, "right") - 1).astype(np.int32), starts
    if compiled and high - first < 1 << 53:
        from .arrow import pooled

        codes = pooled(len(instants), np.int32)
        kernels.buckets.even_codes(np.ascontiguousarray(instants), first, step, codes)
    else:
        codes = ((instants - first) // step).astype(np.int32)
    if (high - first) // step > last:  # the last one is longer
        np.minimum(codes, np.int32(last), out=codes)
    return codes, starts


def _codes_at_once(instants: Ints, step: int, phase: int, within: Ends) -> tuple[Codes, Ints] | None:
    """`bucket_codes` on a grid that is even, in one pass over the instants; None, too, where one has no bucket."""
    from .arrow import pooled

    begin = int(instants[0])
    if not within[0] <= begin <= within[1]:
        return None
    base = (begin - phase) // step * step + phase
    codes, told = pooled(len(instants), np.int32), np.empty(2, np.int64)
    kernels.buckets.codes_and_ends(np.ascontiguousarray(instants), base, step, codes, told)
    low, high = told.tolist()
    if low < within[0] or high > within[1] or 16 * ((high + 1 - low) // step + 1) > len(instants):
        return None
    first = (low - base) // step
    if max(base - low, high - base) >= 1 << 53:
        codes = ((instants - (base + first * step)) // step).astype(np.int32)
    elif first:
        codes -= np.int32(first)
    return codes, np.arange(base + first * step, high + 1, step)


def is_even(span: Span, where: Zone | str, ticks: int = US) -> bool:
    """Whether buckets are of one length by the clock, in each zone and at any time that `bucket_codes` may be asked for."""
    return not span.is_zero and _beat(span, where, ticks) is not None


def _even_grid(low: int, high: int, span: Span, where: Zone | str, ticks: int) -> tuple[int, int] | None:
    """The first bound at or before `low`, and the step up to `high`, where that is one by the clock alone; None: it may not be."""
    beat = _beat(span, where, ticks)
    return None if beat is None else ((low - beat[1]) // beat[0] * beat[0] + beat[1], beat[0])


def _beat(span: Span, where: Zone | str, ticks: int) -> tuple[int, int] | None:
    """The step of a grid and one of its bounds, where it is even by the clock alone; None: it may not be."""
    found = _zone(where)
    if span.in_hour and len(found.starts) == 1:
        return span.ns * ticks // NS, span.offset_ns * ticks // NS - int(found.offsets[0]) * ticks
    return None if span.in_hour or span.by_wall else _elapsed(span, found, ticks)


def next_bucket(instants: Ints, span: Span, where: Zone | str, ticks: int = US) -> Ints:
    """The end of each instant's bucket, which is the start of the next one."""
    if span.is_zero:
        raise BadSpan("a span of 0 has no next bucket")
    if not len(instants):
        return instants
    found = _zone(where)
    if span.in_hour:
        return _hour_next(instants, span, found, ticks)
    if not span.by_wall:
        step, origin = _elapsed(span, found, ticks)
        return cast(Ints, instants + (step - (instants - origin) % step))
    number = _wall_number(instants, span, found, ticks) + 1
    out = _wall_start(number, span, found, ticks)
    while (stuck := out <= instants).any():  # a day that a zone skipped has no length
        number = number + stuck
        out = _wall_start(number, span, found, ticks)
    return out


def bucket_range(low: int, high: int, span: Span, where: Zone | str, ticks: int = US) -> Ints:
    """Starts of all buckets that touch [low, high), ascending; the first may be before `low`."""
    if high <= low:
        return np.empty(0, np.int64)
    found = _zone(where)
    first, last = bucket_start(np.array([low, high - 1]), span, found, ticks).tolist()
    if span.in_hour:
        return _hour_range(first, last, span, found, ticks)
    if not span.by_wall:
        step = _elapsed(span, found, ticks)[0]
        return np.arange(first, last + 1, step, dtype=np.int64)
    begin, end = _wall_number(np.array([first, last]), span, found, ticks).tolist()
    starts = _wall_start(np.arange(begin, end + 1, dtype=np.int64), span, found, ticks)
    return cast(Ints, starts[np.append(True, starts[1:] > starts[:-1])])


def bucket_count(low: int, high: int, span: Span, ticks: int = US) -> int:
    """About how many buckets touch [low, high): what a guard looks at before `bucket_range` makes them."""
    step = span.months * 2_629_746 * ticks if span.months else max(1, span.ns * ticks // NS)
    return max(0, (high - low) // step + 1)


def _elapsed(span: Span, found: Zone, ticks: int) -> tuple[int, int]:
    """Step and origin of grids in elapsed time, which begin at 1970-01-01 00:00 local."""
    origin = int(found.to_utc(np.zeros(1, np.int64), ticks)[0][0])
    return span.ns * ticks // NS, origin + span.offset_ns * ticks // NS


# spans that divide an hour: a bound wherever the wall clock shows a multiple, and where an odd change of offset breaks the beat


def _hour_grid(instants: Ints, span: Span, found: Zone, ticks: int) -> Ints:
    step, phase = span.ns * ticks // NS, span.offset_ns * ticks // NS
    starts = _floored(instants, phase - found.offset_at(instants, ticks), step)
    breaks = _breaks(starts, instants, found, step, ticks)
    if len(breaks):
        last = np.append(np.iinfo(np.int64).min, breaks)[np.searchsorted(breaks, instants, "right")]
        starts = np.maximum(starts, last)
    return starts


def _hour_next(instants: Ints, span: Span, found: Zone, ticks: int) -> Ints:
    step, phase = span.ns * ticks // NS, span.offset_ns * ticks // NS
    walls = instants + found.offset_at(instants, ticks)
    ends = instants + (step - (walls - phase) % step)
    breaks = _breaks(instants, ends, found, step, ticks)
    if len(breaks):
        ahead = np.append(breaks, np.iinfo(np.int64).max)[np.searchsorted(breaks, instants, "right")]
        ends = np.minimum(ends, ahead)
    return cast(Ints, ends)


def _hour_range(first: int, last: int, span: Span, found: Zone, ticks: int) -> Ints:
    step = span.ns * ticks // NS
    ends = np.array([first, last])
    breaks = _breaks(ends, ends, found, step, ticks)
    pieces, begin = [], first
    for stop in [*(b for b in breaks.tolist() if first < b <= last), last + 1]:
        pieces.append(np.arange(begin, min(begin + 1, stop), dtype=np.int64))
        second = int(_hour_next(np.array([begin]), span, found, ticks)[0])
        pieces.append(np.arange(second, stop, step, dtype=np.int64))
        begin = stop
    return np.concatenate(pieces)


def hour_breaks(low: int, high: int, span: Span, where: Zone | str, ticks: int = US) -> list[int]:
    """Instants from which a grid of a span that divides an hour steps anew, from `low` to `high`, ascending."""
    ends = np.array([low, high])
    found: list[int] = _breaks(ends, ends, _zone(where), span.ns * ticks // NS, ticks).tolist()
    return found


def _breaks(low: Ints, high: Ints, found: Zone, step: int, ticks: int) -> Ints:
    """Changes of offset, between the least and the greatest instant, by no multiple of the step."""
    if len(found.starts) == 1:
        return np.empty(0, np.int64)
    begin, end = behind(found.starts, int(low.min()) // ticks), behind(found.starts, int(high.max()) // ticks)
    if begin == end:
        return np.empty(0, np.int64)
    change = (found.offsets[begin:end] - found.offsets[begin - 1 : end - 1]) * ticks
    return cast(Ints, found.starts[begin:end][change % step != 0] * ticks)


# bounds that are wall times: numbered, so that the one after is the number after


def _steady(instants: Ints, span: Span, found: Zone, ticks: int) -> Ints | None:
    """Whole column under one offset, as most batches are; None if a change of offset may lie in a bucket."""
    if span.months:
        return None
    step = span.ns * ticks // NS
    offset = found.offset_at(np.array([int(instants.min()) - step, int(instants.max())]), ticks)
    if not isinstance(offset, int):
        return None
    phase = span.offset_ns * ticks // NS + (WEEK_ORIGIN * 86_400 * ticks if span.weeks else 0) - offset
    return _floored(instants, phase, step)


def _wall_number(instants: Ints, span: Span, found: Zone, ticks: int) -> Ints:
    """The bucket's number on the wall's grid, corrected so that its start is not behind the instant and the next one's is."""
    walls = instants + found.offset_at(instants, ticks) - span.offset_ns * ticks // NS
    if span.months:
        numbers = (month_of_day(walls // (86_400 * ticks)) - span.offset_months) // span.months
    else:
        shift = WEEK_ORIGIN * 86_400 * ticks if span.weeks else 0
        numbers = (walls - shift) // (span.ns * ticks // NS)
    while (early := _wall_start(numbers, span, found, ticks) > instants).any():
        numbers = numbers - early
    while (late := _wall_start(numbers + 1, span, found, ticks) <= instants).any():
        numbers = numbers + late
    return numbers


def _wall_start(numbers: Ints, span: Span, found: Zone, ticks: int) -> Ints:
    phase = span.offset_ns * ticks // NS
    if span.months:
        walls = day_of_month(numbers * span.months + span.offset_months) * (86_400 * ticks) + phase
    else:
        shift = WEEK_ORIGIN * 86_400 * ticks if span.weeks else 0
        walls = numbers * (span.ns * ticks // NS) + shift + phase
    out, doubtful = found.to_utc(walls, ticks)
    if doubtful.any():
        _end_gaps(out, walls, np.flatnonzero(doubtful), found, ticks)
    return out


def _end_gaps(out: Ints, walls: Ints, rows: Ints, found: Zone, ticks: int) -> None:
    """A bound inside a gap stands at the gap's end: moved on by the gap it could pass the next bound (a skipped day)."""
    rows = rows[to_local(out[rows], found, ticks) != walls[rows]]
    out[rows] = found.starts[found.index_at(out[rows], ticks)] * ticks


__all__ = [
    "NS", "US", "BadSpan", "Span", "UnknownZone", "Zone", "add_days", "add_months", "beyond", "bucket_count", "bucket_range",
    "bucket_start", "civil_of_day", "day_of_civil", "day_of_month", "hour_breaks", "month_length", "month_of_day", "next_bucket", "reach", "to_local",
    "to_utc", "zone",
]  # fmt: skip
