"""Dates as text over whole columns: every format is laid out in a matrix of bytes, one row a date, then cut to length."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ..planner.text import fault
from .arrow import bitmap_of, buffer_of, is_valid, numbers_of
from .calendar import civil_of_day, day_of_civil
from .dateletters import BadFormat, Format, Token, java, known_locale, names_of
from .zones import NS, US, Ints, Zone, zone

Bytes = NDArray[np.uint8]
CHUNK = 32_768  # rows laid out at a time: the matrix stays in cache


class _Dates:
    """Fields of a column of instants, each made when it is first asked for."""

    def __init__(self, instants: Ints, where: Zone, ticks: int) -> None:
        self.instants, self.where, self.ticks = instants, where, ticks
        self.offset: Any = where.offset_at(instants, ticks)
        walls = instants + self.offset
        self.days = walls // (86_400 * ticks)
        within = walls - self.days * (86_400 * ticks)
        self.second_of_day = (within // ticks).astype(np.int32)
        self.fraction = within % ticks
        self._made: dict[str, NDArray[Any]] = {}

    def offset_seconds(self) -> NDArray[Any]:
        return np.broadcast_to(np.asarray(self.offset // self.ticks, np.int64), self.days.shape)

    def __getitem__(self, kind: str) -> NDArray[Any]:
        got = self._made.get(kind)
        if got is None:
            got = self._made[kind] = self._make(kind)
        return got

    def _make(self, kind: str) -> Any:
        second = self.second_of_day
        match kind:
            case "year" | "month" | "day":
                self._civil()
                return self._made[kind]
            case "year2":
                return self["year"] % 100
            case "quarter":
                return (self["month"] + 2) // 3
            case "yday":
                return self.days - day_of_civil(self["year"], 1, 1) + 1
            case "hour":
                return second // 3600
            case "hour24":
                return (second // 3600 + 23) % 24 + 1
            case "hour12":
                return (second // 3600 + 11) % 12 + 1
            case "hour11":
                return second // 3600 % 12
            case "minute":
                return second // 60 % 60
            case "second":
                return second % 60
            case "half":
                return second // 43_200
            case "isodow":
                return (self.days + 3) % 7 + 1
            case "dow":
                return (self.days + 4) % 7
            case "week_sun":
                return (self["yday"] + 6 - self["dow"]) // 7
            case "week_mon":
                return (self["yday"] + 7 - self["isodow"]) // 7
        return self._iso(kind)

    def _civil(self) -> None:
        low, high = (int(self.days.min()), int(self.days.max())) if len(self.days) else (0, 0)
        if high - low >= 4 * len(self.days):
            fields: Sequence[Ints] = civil_of_day(self.days)
        else:  # each day once
            at = self.days - low
            fields = [f[at] for f in civil_of_day(np.arange(low, high + 1))]
        self._made.update(zip(("year", "month", "day"), fields, strict=True))

    def _iso(self, kind: str) -> NDArray[Any]:
        thursday = self.days - (self.days + 3) % 7 + 3
        year = civil_of_day(thursday)[0]
        return year if kind == "isoyear" else (thursday - day_of_civil(year, 1, 1)) // 7 + 1


def fields_of(instants: Ints, where: Zone | str, ticks: int = US) -> _Dates:
    """Fields by name (`year`, `month`, `isodow`, ...) as `dates[name]`; used by datepart too."""
    return _Dates(instants, zone(where) if isinstance(where, str) else where, ticks)


def format_dates(
    array: pa.Array[Any], fmt: Format | str, where: Zone | str, locale: str | None = None
) -> pa.Array[Any]:
    """A column of dates as text; null stays null. `fmt`: a compiled format, or Java's letters.

    E307 for letters or a locale that cannot be: callers with a constant find out at bind by `java(fmt, locale)`.
    """
    if isinstance(fmt, str):
        try:
            fmt = java(fmt, known_locale(locale or "en"))
        except BadFormat as why:
            raise fault("E307", str(why)) from None
    return _text(array, fmt.tokens, fmt.locale, where)


_ISO = (Token("year", 4), Token("text", text="-"), Token("month", 2), Token("text", text="-"), Token("day", 2), Token("text", text="T"),
        Token("hour", 2), Token("text", text=":"), Token("minute", 2), Token("text", text=":"), Token("second", 2))  # fmt: skip


def iso_text(array: pa.Array[Any], where: Zone | str) -> pa.Array[Any]:
    """`2026-11-01T00:00:00+09:00`, with 3, 6 or 9 digits of a second where they are not zero; null stays null."""
    return _text(array, (*_ISO, Token("isofraction"), Token("offset", text="+hh:mm")), "en", where)


def _text(array: pa.Array[Any], tokens: tuple[Token, ...], locale: str, where: Zone | str) -> pa.Array[Any]:
    ticks = NS if array.type.unit == "ns" else US
    found = zone(where) if isinstance(where, str) else where
    instants, n = numbers_of(array)[: len(array)], len(array)
    nulls = ~is_valid(array) if array.null_count else None
    if nulls is not None:
        instants = np.where(nulls, 0, instants)
    pieces: list[Bytes] = []
    sizes = np.empty(n + 1, np.int64)
    sizes[0] = 0
    for begin in range(0, n, CHUNK):
        rows = slice(begin, min(begin + CHUNK, n))
        data, size = _rows(
            _Dates(instants[rows], found, ticks), tokens, locale, nulls[rows] if nulls is not None else None
        )
        pieces.append(data)
        sizes[rows.start + 1 : rows.stop + 1] = size
    np.cumsum(sizes, out=sizes)
    data = np.concatenate(pieces) if pieces else np.empty(0, np.uint8)
    bitmap = bitmap_of(nulls) if nulls is not None else None
    if sizes[-1] >= 2**31:
        raise OverflowError("2 GiB of text in one batch")
    return pa.Array.from_buffers(pa.string(), n, [bitmap, buffer_of(sizes.astype(np.int32)), buffer_of(data)])


def _rows(
    dates: _Dates, tokens: tuple[Token, ...], locale: str, nulls: NDArray[np.bool_] | None
) -> tuple[Bytes, NDArray[Any]]:
    """The texts one behind the other, and their sizes."""
    columns: list[Bytes] = []  # by place, each (places, rows)
    kept: list[NDArray[np.bool_] | None] = []  # which rows have those places; None: all
    for token in tokens:
        for column, keep in _token(token, dates, locale):
            columns.append(column)
            kept.append(keep)
    n = len(dates.days)
    if all(k is None for k in kept) and nulls is None:
        width = sum(len(c) for c in columns)
        matrix = np.empty((width, n), np.uint8)
        _fill(matrix, columns)
        return np.ascontiguousarray(matrix.T).reshape(-1), np.full(n, width)
    width = sum(len(c) for c in columns)
    matrix, mask = np.empty((width, n), np.uint8), np.ones((width, n), np.bool_)
    _fill(matrix, columns)
    at = 0
    for column, keep in zip(columns, kept, strict=True):
        if keep is not None:
            mask[at : at + len(column)] = keep
        at += len(column)
    if nulls is not None:
        mask[:, nulls] = False
    return np.ascontiguousarray(matrix.T)[np.ascontiguousarray(mask.T)], mask.sum(axis=0, dtype=np.int32)


def _fill(matrix: Bytes, columns: list[Bytes]) -> None:
    at = 0
    for column in columns:
        matrix[at : at + len(column)] = column
        at += len(column)


Piece = tuple[Bytes, "NDArray[np.bool_] | None"]


def _token(token: Token, dates: _Dates, locale: str) -> list[Piece]:
    match token.kind:
        case "text":
            return [(np.frombuffer(token.text.encode(), np.uint8)[:, None], None)]
        case "fraction":
            digits = (
                dates.fraction
                if token.width == 9 and dates.ticks == NS
                else _scaled(dates.fraction, dates.ticks, token.width)
            )
            return [(_digits(digits, token.width), None)]
        case "isofraction":
            return _iso_fraction(dates)
        case "offset":
            return _offset(dates.offset_seconds(), token.text)
        case "zone":
            return _words(dates.where.index_at(dates.instants, dates.ticks), dates.where.names)
        case "monthname" | "shortmonth":
            return _words(dates["month"] - 1, names_of(token.kind, locale))
        case "weekday" | "shortweekday":
            return _words(dates["isodow"] - 1, names_of(token.kind, locale))
        case "half":
            return _words(dates["half"], names_of("half", locale))
    return _number(dates[token.kind], token.width)


def _scaled(fraction: Ints, ticks: int, width: int) -> Ints:
    """A part of a second as so many digits, cut."""
    digits = 9 if ticks == NS else 6
    out: Ints = fraction * 10 ** (width - digits) if width >= digits else fraction // 10 ** (digits - width)
    return out


def _digits(values: NDArray[Any], width: int) -> Bytes:
    """(width, n) ASCII digits."""
    out = np.empty((width, len(values)), np.uint8)
    left: Any = values.astype(np.int64 if width > 9 else np.int32)
    for place in range(width - 1, -1, -1):
        rest = left // 10
        out[place] = left - rest * 10
        left = rest
    out += np.uint8(48)
    return out


def _number(values: NDArray[Any], width: int) -> list[Piece]:
    """At least `width` digits, more where a value needs them, a sign where it is below zero."""
    if not len(values):
        return [(np.empty((width, 0), np.uint8), None)]
    low, high = int(values.min()), int(values.max())
    needed = len(str(max(abs(low), abs(high))))
    out: list[Piece] = []
    if low < 0:
        out.append((np.full((1, len(values)), ord("-"), np.uint8), values < 0))
        values = abs(values)
    if needed <= width:
        return [*out, (_digits(values, width), None)]
    digits = _digits(values, needed)
    for extra in range(needed - max(width, 1)):
        out.append((digits[extra : extra + 1], values >= 10 ** (needed - extra - 1)))
    return [*out, (digits[needed - max(width, 1) :], None)]


def _words(which: NDArray[Any], words: tuple[str, ...]) -> list[Piece]:
    raw = [w.encode() for w in words]
    width = max(map(len, raw))
    table = np.array([list(r.ljust(width, b"\0")) for r in raw], np.uint8).T
    sizes = np.array([len(r) for r in raw])
    least = int(sizes.min())
    out: list[Piece] = [(table[:least][:, which], None)] if least else []
    size = sizes[which]
    out += [(table[place : place + 1][:, which], size > place) for place in range(least, width)]
    return out


def _offset(seconds: NDArray[Any], form: str) -> list[Piece]:
    """`+hhmm`, `+hh:mm`; with `Z` before it Z stands for 0. Seconds, of times before zones, only where they are not zero."""
    zulu = None
    if form.startswith("Z"):
        is_zero = seconds == 0
        form = form[1:]
        if is_zero.all():
            return [(np.frombuffer(b"Z", np.uint8)[:, None], None)]
        zulu = is_zero if is_zero.any() else None
    size = abs(seconds)
    sign = np.where(seconds < 0, ord("-"), ord("+")).astype(np.uint8)[None, :]
    colon = np.frombuffer(b":", np.uint8)[:, None]
    pieces = [sign, _digits(size // 3600, 2)]
    if form != "+hh" or (size % 3600).any():
        pieces += [*([colon] if ":" in form else []), _digits(size // 60 % 60, 2)]
    shown = ~zulu if zulu is not None else None
    out: list[Piece] = [(np.broadcast_to(p, (len(p), len(seconds))), shown) for p in pieces]
    if zulu is not None:
        out.insert(0, (np.full((1, len(seconds)), ord("Z"), np.uint8), zulu))
    if (size % 60).any():
        odd = size % 60 != 0
        out += [(np.broadcast_to(colon, (1, len(seconds))), odd)] if ":" in form else []
        out.append((_digits(size % 60, 2), odd))
    return out


def _iso_fraction(dates: _Dates) -> list[Piece]:
    """A point and 3, 6 or 9 digits."""
    fraction = dates.fraction
    some = fraction != 0
    if not some.any():
        return []
    width = 9 if dates.ticks == NS else 6
    digits = _digits(fraction, width)
    out: list[Piece] = [(np.full((1, len(fraction)), ord("."), np.uint8), some), (digits[:3], some)]
    for place in range(3, width, 3):
        out.append((digits[place : place + 3], fraction % 10 ** (width - place) != 0))
    return out
