"""Time zones as arrays of transitions: instants to wall time and back for whole columns, no object a row.

Zone files are read as they are (RFC 8536), from the same places as `zoneinfo`; behind their last entry the rule in their
footer is unrolled to the year 9999.
"""

from __future__ import annotations

import re
import sys
from bisect import bisect_right
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..planner.records import dataclass

Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]

US, NS = 10**6, 10**9  # ticks a second
_FAR = 1 << 40  # seconds; beyond every year we know
_KEY = re.compile(r"[A-Za-z0-9_+\-]+(/[A-Za-z0-9_+\-]+)*\Z")
_FIXED = re.compile(r"(?:UTC|GMT|UT)?([+-])(\d{1,2})(?::?(\d\d))?(?::?(\d\d))?\Z")
_LAST_YEAR = 9999


@dataclass(frozen=True, slots=True, eq=False)
class Zone:
    """`offsets[i]` (seconds east) and `names[i]` hold from instant `starts[i]` on; `starts[0]` is before all times.

    A wall time takes offset i+1 once it is at `switch[i]` or later; from `doubt[i]` to there it does not exist or is ambiguous.
    """

    name: str
    starts: Ints
    offsets: Ints
    names: tuple[str, ...]
    is_dst: Mask
    switch: Ints
    doubt: Ints

    def offset_at(self, instants: Ints, ticks: int = US) -> Ints | int:
        """What to add for wall time, in ticks: one number if it is the same for all."""
        if not len(instants):
            return 0
        if len(self.starts) == 1:
            return int(self.offsets[0]) * ticks
        low, high = self._cut(self.starts, instants, ticks)
        if low == high:
            return int(self.offsets[low - 1]) * ticks
        return _step(instants, self.starts[low:high] * ticks, self.offsets[low - 1 : high] * ticks)

    def index_at(self, instants: Ints, ticks: int = US) -> NDArray[np.intp]:
        """Which entry of `offsets` and `names` holds."""
        return np.searchsorted(self.starts, instants // ticks, "right") - 1

    def to_utc(self, walls: Ints, ticks: int = US) -> tuple[Ints, Mask]:
        """Instants of wall times, and which of those do not exist (moved on by the gap) or are ambiguous (the earlier)."""
        doubtful = np.zeros(len(walls), np.bool_)
        if not len(walls) or not len(self.switch):
            return walls - int(self.offsets[0]) * ticks, doubtful
        low, high = self._cut(self.switch, walls, ticks)
        top = int(walls.max())
        if low == high:
            if high < len(self.doubt) and top >= int(self.doubt[high]) * ticks:
                doubtful = walls >= int(self.doubt[high]) * ticks
            return walls - int(self.offsets[low]) * ticks, doubtful
        which = np.searchsorted(self.switch[low:high] * ticks, walls, "right")
        last = high if high < len(self.doubt) and top >= int(self.doubt[high]) * ticks else high - 1
        begin = np.append(self.doubt[low : last + 1] * ticks, np.iinfo(np.int64).max)
        doubtful = walls >= begin[np.minimum(which, len(begin) - 1)]
        return walls - (self.offsets[low : high + 1] * ticks)[which], doubtful

    @staticmethod
    def _cut(bounds: Ints, values: Ints, ticks: int) -> tuple[int, int]:
        """The bounds that matter for these values: all before are passed, all from the second number on are ahead."""
        return behind(bounds, int(values.min()) // ticks), behind(bounds, int(values.max()) // ticks)


def behind(bounds: Ints, value: int) -> int:
    """How many of the ascending bounds are at or below the value. NumPy would give up the interpreter for this."""
    return bisect_right(bounds, value)


def _step(values: Ints, bounds: Ints, levels: Ints) -> Ints:
    """`levels[i]` where i bounds are at or below the value; a few bounds are cheaper compared than searched."""
    if len(bounds) > 4:
        return levels[np.searchsorted(bounds, values, "right")]
    out = np.full(len(values), levels[0])
    for bound, before, after in zip(bounds.tolist(), levels.tolist(), levels[1:].tolist(), strict=False):
        out += (values >= bound) * np.int64(after - before)
    return out


class UnknownZone(LookupError):
    """No such time zone."""


@lru_cache(maxsize=256)
def zone(name: str) -> Zone:
    """A zone by IANA name, or a fixed offset such as `+09:00`, `UTC+9`; UnknownZone if there is none."""
    if name in ("UTC", "Z", "GMT"):
        return _fixed(name, 0, "UTC" if name == "Z" else name)
    found = _FIXED.match(name)
    if found and name not in ("GMT+0", "GMT-0"):  # those two are IANA's
        sign, hours, minutes, seconds = found.groups()
        total = int(hours) * 3600 + int(minutes or 0) * 60 + int(seconds or 0)
        if total >= 86_400 or int(minutes or 0) > 59 or int(seconds or 0) > 59:
            raise UnknownZone(name)
        return _fixed(name, -total if sign == "-" else total, name)
    return _read(name, _data(name))


def is_zone(name: str) -> bool:
    """Whether `zone` knows it."""
    try:
        zone(name)
    except UnknownZone:
        return False
    return True


def _fixed(name: str, offset: int, shown: str) -> Zone:
    none = np.empty(0, np.int64)
    return Zone(name, np.array([-_FAR]), np.array([offset]), (shown,), np.zeros(1, np.bool_), none, none)


def _data(name: str) -> bytes:
    from zoneinfo import TZPATH

    if not _KEY.match(name):
        raise UnknownZone(name)
    for folder in TZPATH:
        try:
            data = Path(folder, *name.split("/")).read_bytes()
        except OSError:
            continue
        if data[:4] == b"TZif":
            return data
    try:
        from importlib.resources import files

        *package, leaf = name.split("/")
        data = files(".".join(["tzdata", "zoneinfo", *package])).joinpath(leaf).read_bytes()
    except (ImportError, OSError, ValueError):
        raise UnknownZone(name) from None
    if data[:4] != b"TZif":
        raise UnknownZone(name)
    return data


_HEADER = np.dtype([("magic", "S4"), ("version", "S1"), ("pad", "S15"), ("n_utc", ">u4"), ("n_std", ">u4"), ("n_leap", ">u4"),
                    ("n_times", ">u4"), ("n_types", ">u4"), ("n_chars", ">u4")])  # fmt: skip
_TTINFO = np.dtype([("offset", ">i4"), ("dst", "u1"), ("name", "u1")])


def _read(name: str, data: bytes) -> Zone:
    head = np.frombuffer(data, _HEADER, 1)[0]
    at, width = _HEADER.itemsize, 4
    if head["version"] >= b"2":
        at += _size(head, 4)
        head, width = np.frombuffer(data, _HEADER, 1, at)[0], 8
        at += _HEADER.itemsize
    n, n_types = int(head["n_times"]), int(head["n_types"])
    times = np.frombuffer(data, f">i{width}", n, at).astype(np.int64)
    kinds = np.frombuffer(data, np.uint8, n, at + width * n)
    infos = np.frombuffer(data, _TTINFO, n_types, at + (width + 1) * n)
    texts = data[at + (width + 1) * n + 6 * n_types :][: int(head["n_chars"])]
    footer = data[at + _size(head, width) :].decode("ascii").strip("\n") if width == 8 else ""
    shown = [texts[i : texts.index(b"\0", i)].decode("ascii") for i in infos["name"].tolist()]
    first = next((i for i, dst in enumerate(infos["dst"].tolist()) if not dst), 0)
    kinds = np.concatenate([[first], kinds])
    starts = np.concatenate([[-_FAR], np.maximum(times, -_FAR + 1)])
    offsets, dst = infos["offset"].astype(np.int64)[kinds], infos["dst"].astype(np.bool_)[kinds]
    names = [shown[k] for k in kinds.tolist()]
    if footer:
        more = _rule(footer, int(starts[-1]), n == 0)
        starts, offsets, dst = (np.concatenate(p) for p in zip((starts, offsets, dst), more[:3], strict=True))
        names += more[3]
    return _zone(name, starts, offsets, names, dst)


def _size(head: Any, width: int) -> int:
    """Bytes of a block behind its header."""
    times, types, chars, leaps = (int(head[f]) for f in ("n_times", "n_types", "n_chars", "n_leap"))
    return times * (width + 1) + types * 6 + chars + leaps * (width + 4) + int(head["n_std"]) + int(head["n_utc"])


def _zone(name: str, starts: Ints, offsets: Ints, names: list[str], dst: Mask) -> Zone:
    before, after, times = offsets[:-1], offsets[1:], starts[1:]
    switch = np.maximum.accumulate(times + np.maximum(before, after)) if len(times) else times
    doubt = np.minimum(times + np.minimum(before, after), switch)
    shared = tuple(map(sys.intern, names))
    return Zone(name, starts, offsets, shared, dst, switch, doubt)


# the rule behind the last entry: a POSIX TZ string

_POSIX = re.compile(r"(<[^>]+>|[A-Za-z]+)([+-]?[\d:]+)(?:(<[^>]+>|[A-Za-z]+)([+-]?[\d:]+)?,([^,]+),([^,]+))?\Z")
_DATE = re.compile(r"(?:M(\d+)\.(\d)\.(\d)|(J?)(\d+))(?:/([+-]?[\d:]+))?\Z")


def _rule(text: str, last: int, alone: bool) -> tuple[Ints, Ints, Mask, list[str]]:
    """Starts, offsets, dst, names of all transitions of a POSIX rule behind instant `last`."""
    found = _POSIX.match(text)
    if found is None:
        raise UnknownZone(text)
    std_name, std_text, dst_name, dst_text, begin, end = found.groups()
    std = -_hms(std_text)
    if dst_name is None:
        if not alone:
            return np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.bool_), []
        return np.array([-_FAR + 1]), np.array([std]), np.zeros(1, np.bool_), [std_name.strip("<>")]
    dst = -_hms(dst_text) if dst_text else std + 3600
    first = int(np.datetime64(max(last, -(10**11)), "s").astype("M8[Y]").astype(np.int64)) + 1970
    years = np.arange(first, _LAST_YEAR + 1, dtype=np.int64)
    times = np.concatenate([_when(begin, years) - std, _when(end, years) - dst])
    to_dst = np.repeat([True, False], len(years))
    order = np.argsort(times, kind="stable")
    order = order[times[order] > last]
    times, to_dst = times[order], to_dst[order]
    names = [dst_name.strip("<>") if d else std_name.strip("<>") for d in to_dst.tolist()]
    return times, np.where(to_dst, dst, std).astype(np.int64), to_dst, names


def _hms(text: str) -> int:
    sign = -1 if text.startswith("-") else 1
    parts = [int(p) for p in text.lstrip("+-").split(":")]
    return sign * sum(p * s for p, s in zip(parts, (3600, 60, 1), strict=False))


def _when(text: str, years: Ints) -> Ints:
    """Wall second of a yearly change, counted from 1970-01-01 00:00 of that wall."""
    found = _DATE.match(text)
    if found is None:
        raise UnknownZone(text)
    month, week, day, julian, number, time = found.groups()
    if month is None:
        first = (years - 1970).astype("M8[Y]").astype("M8[D]").astype(np.int64)
        leap = ((years % 4 == 0) & (years % 100 != 0)) | (years % 400 == 0)
        days = first + int(number) - bool(julian) + (leap & (int(number) > 59) if julian else 0)
    else:
        months = (years - 1970) * 12 + int(month) - 1
        first = months.astype("M8[M]").astype("M8[D]").astype(np.int64)
        length = (months + 1).astype("M8[M]").astype("M8[D]").astype(np.int64) - first
        days = (int(day) - (first + 4) % 7) % 7 + (int(week) - 1) * 7
        days = first + np.where(days >= length, days - 7, days)
    return days * 86_400 + (_hms(time) if time else 7200)
