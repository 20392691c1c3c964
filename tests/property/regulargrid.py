"""Grids of time by asking the wall clock: no bucket is numbered, no change of a clock is known beforehand."""

from __future__ import annotations

import datetime as dt
import math
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from zoneinfo import ZoneInfo

UTC = dt.UTC
EPOCH = dt.datetime(1970, 1, 1, tzinfo=UTC)
MINUTE, HOUR, DAY = 60, 3600, 86_400


Number = int | Fraction


@dataclass(frozen=True)
class Span:
    """As written, in seconds or months; `offset` in seconds, `moved` in months."""

    text: str
    seconds: Number = 0
    months: int = 0
    offset: Number = 0
    moved: int = 0

    @property
    def length(self) -> Number:
        """About so many seconds."""
        return self.seconds or self.months * 30 * DAY


SPANS = (
    Span("1m", MINUTE), Span("15m", 15 * MINUTE), Span("1h", HOUR), Span("7m", 7 * MINUTE), Span("90m", 90 * MINUTE),
    Span("2h", 2 * HOUR), Span("6h", 6 * HOUR), Span("1d", DAY), Span("2d", 2 * DAY), Span("1w", 7 * DAY), Span("1mon", months=1),
    Span("1q", months=3), Span("1y", months=12), Span("1h offset=20m", HOUR, offset=20 * MINUTE), Span("1d offset=9h", DAY, offset=9 * HOUR),
    Span("6h offset=5h", 6 * HOUR, offset=5 * HOUR),
    Span("250ms", Fraction(1, 4)), Span("1s", 1), Span("10s", 10), Span("40s", 40), Span("7s", 7), Span("16s", 16), Span("1m30s", 90),
    Span("10s offset=3s", 10, offset=3), Span("1m offset=250ms", MINUTE, offset=Fraction(1, 4)), Span("3h", 3 * HOUR), Span("8h", 8 * HOUR),
    Span("5h", 5 * HOUR), Span("12h", 12 * HOUR), Span("36h", 36 * HOUR), Span("3d", 3 * DAY), Span("2w", 14 * DAY), Span("2mon", months=2),
    Span("6mon", months=6), Span("1d offset=30m", DAY, offset=30 * MINUTE), Span("2y", months=24), Span("5y", months=60), Span("1w offset=2d", 7 * DAY, offset=2 * DAY),
    Span("1mon offset=3d", months=1, offset=3 * DAY), Span("1y offset=3mon", months=12, moved=3), Span("1q offset=1mon", months=3, moved=1),
)  # fmt: skip


def wall_at(instant: Number, zone: str) -> Number:
    """Seconds of the wall clock since 1970-01-01 00:00 on it."""
    whole = math.floor(instant)
    local = (EPOCH + dt.timedelta(seconds=whole)).astimezone(ZoneInfo(zone))
    return int((local.replace(tzinfo=UTC) - EPOCH).total_seconds()) + (instant - whole)


def instant_of(wall: Number, zone: str) -> Number:
    """The earlier one of an ambiguous wall time; of one that does not exist the first behind it that does."""
    whole = math.floor(wall)
    local = (EPOCH + dt.timedelta(seconds=whole)).replace(tzinfo=ZoneInfo(zone), fold=0)
    found = int((local.astimezone(UTC) - EPOCH).total_seconds()) + (wall - whole)
    if wall_at(found, zone) != wall:
        low, high = math.floor(found) - 2 * DAY, math.floor(found) + 1
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (low, middle) if wall_at(middle, zone) >= wall else (middle, high)
        return high
    return found


def _bounds_in_hours(low: Number, high: Number, span: Span, zone: str) -> list[Number]:
    """By steps in which all of them lie, and all that the clock can do."""
    step: Number = min(
        Fraction(MINUTE), math.gcd(*(int(v * 1000) for v in (span.seconds, span.offset, MINUTE))) * Fraction(1, 1000)
    )
    room = 3 * max(Fraction(MINUTE), Fraction(span.seconds))
    found: list[Number] = []
    for i in range(math.floor((low - room) / step), math.ceil((high + room) / step)):
        t = i * step
        wall, before = wall_at(t, zone), wall_at(t - step, zone)
        if (wall - span.offset) % span.seconds == 0 or (wall - before - step) % span.seconds != 0:
            found.append(t)
    return found


def _walls(low: Number, high: Number, span: Span) -> list[Number]:
    """Bounds on the wall from some bucket before `low` to one behind `high`."""
    if span.months:
        year = (EPOCH + dt.timedelta(seconds=math.floor(low))).year - 1
        last = (EPOCH + dt.timedelta(seconds=math.floor(high))).year + 2 + span.months // 12
        first = (year - 1970) * 12 // span.months * span.months
        months = [m + span.moved for m in range(first - span.months, (last - 1970) * 12 + 1, span.months)]
        days = [dt.datetime(1970 + m // 12, m % 12 + 1, 1, tzinfo=UTC) for m in months]
        return [int((d - EPOCH).total_seconds()) + span.offset for d in days]
    phase = span.offset - (3 * DAY if "w" in span.text.split()[0] else 0)
    start = (low - DAY - phase) // span.seconds - 1
    return [phase + n * span.seconds for n in range(start, (high + DAY - phase) // span.seconds + 3)]


@lru_cache(maxsize=4096)
def bounds(low: Number, high: Number, span: Span, zone: str) -> list[Number]:
    """Starts of all buckets from that of `low` to the one behind that of `high`, ascending."""
    if span.seconds and HOUR % span.seconds == 0:
        found = _bounds_in_hours(low, high, span, zone)
    elif span.months or (span.seconds % HOUR == 0 and (DAY % span.seconds == 0 or span.seconds % DAY == 0)):
        found = sorted({instant_of(w, zone) for w in _walls(low, high, span)})
    else:
        origin = instant_of(0, zone) + span.offset
        first = (low - origin) // span.seconds
        found = [origin + n * span.seconds for n in range(first, (high - origin) // span.seconds + 2)]
    at = max(i for i, t in enumerate(found) if t <= low)
    end = min(i for i, t in enumerate(found) if t > high)
    return found[at : end + 1]
