"""Constant times, as `from=`, `to=` and comparisons with a date take them: compact digits or ISO 8601."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo

_COMPACT = re.compile(r"(\d{4})(?:(\d\d)(?:(\d\d)(?:(\d\d)(?:(\d\d)(?:(\d\d))?)?)?)?)?\Z", re.ASCII)
_ISO = re.compile(
    r"(\d{4})-(\d\d)(?:-(\d\d)(?:[T ](\d\d)(?::?(\d\d)(?::?(\d\d)(?:[.,](\d{1,9}))?)?)?"
    r"(?: ?(Z|z|[+-]\d\d(?::?\d\d(?::?\d\d)?)?))?)?)?\Z",
    re.ASCII,
)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def parse_time(text: str, zone: str) -> int | None:
    """UTC microseconds of `yyyy[MM[dd[HH[mm[ss]]]]]` or ISO 8601; None if it is no time, or finer than a microsecond.

    Without an offset the wall time of `zone`: one that does not exist moves forward by the gap, an ambiguous one is the
    earlier instant.
    """
    found = _COMPACT.match(text.strip()) or _ISO.match(text.strip())
    if found is None:
        return None
    parts = [*found.groups(), None, None][:8]
    year, month, day, hour, minute, second = (
        int(p) if p else d for p, d in zip(parts[:6], (0, 1, 1, 0, 0, 0), strict=True)
    )
    fraction = (parts[6] or "").ljust(9, "0")
    if fraction[6:] != "000":
        return None
    try:
        wall = datetime(year, month, day, hour, minute, second, int(fraction[:6]), _zone(parts[7], zone))
        return _microseconds(wall)
    except (ValueError, OverflowError):
        return None


def _zone(offset: str | None, zone: str) -> tzinfo:
    if not offset:
        return ZoneInfo(zone)
    digits = re.sub(r"\D", "", offset).ljust(6, "0")
    if int(digits[2:4]) > 59 or int(digits[4:]) > 59:
        raise ValueError(offset)
    length = timedelta(hours=int(digits[:2]), minutes=int(digits[2:4]), seconds=int(digits[4:]))
    return timezone(-length if offset[0] == "-" else length)


def _microseconds(wall: datetime) -> int:
    offset = wall.utcoffset() or timedelta()
    since = wall.replace(tzinfo=UTC) - _EPOCH - offset
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds
