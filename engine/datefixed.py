"""Dates at fixed byte positions: a plan made once from the format, run over a matrix of bytes, one row a text."""

from __future__ import annotations

from functools import lru_cache
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..planner.records import dataclass
from .dateletters import Format, Token, names_of
from .dateparts import Parts

Bytes = NDArray[np.uint8]
MOST_PLANS = 12


@dataclass(frozen=True, slots=True)
class Names:
    """Words of three ASCII letters, found by a hash of their last two that maps no two to one place."""

    kind: str
    factor: int
    slots: NDArray[np.uint8]  # 256: number of the word
    words: NDArray[np.uint8]  # (3, number of words + 1), lower case; the last is no word


@dataclass(frozen=True, slots=True)
class Field:
    kind: str
    at: int
    width: int
    names: Names | None = None
    colon: bool = False  # of an offset: +09:00


@dataclass(frozen=True, slots=True)
class Plan:
    """All texts it reads are `width` bytes long."""

    width: int
    fields: tuple[Field, ...]
    literals: tuple[tuple[int, int], ...]
    digits: NDArray[np.intp]  # positions, field by field

    def run(self, rows: Bytes) -> Parts:
        """`rows`: (n, width)."""
        n = len(rows)
        by_place = np.ascontiguousarray(rows.T)
        good = np.ones(n, np.bool_)
        for at, byte in self.literals:
            good &= by_place[at] == byte
        digits = by_place[self.digits] - np.uint8(48)
        good &= (digits < 10).all(axis=0)
        if not good.all():
            digits[:, ~good] = 0
        parts, row = Parts(n, good), 0
        for f in self.fields:
            if f.kind == "half":
                parts.fields["half"] = _half(by_place[f.at], by_place[f.at + 1], good)
            elif f.names is not None:
                parts.fields[f.kind] = _named(f.names, by_place[f.at : f.at + f.width], good)
            elif f.kind == "offset":
                width = f.width - 1 - f.colon
                parts.offset = (
                    _offset(by_place[f.at], digits[row : row + width], good) if f.width > 1 else np.zeros(n, np.int32)
                )
                row += width if f.width > 1 else 0
            else:
                parts.fields[f.kind] = _number(digits[row : row + f.width], f.kind)
                row += f.width
        return parts


def _number(digits: Bytes, kind: str) -> NDArray[Any]:
    """Digits to numbers, of the narrowest type that holds them; a fraction in nanoseconds."""
    dtype: Any = np.int32 if kind == "fraction" or len(digits) > 4 else np.int16 if len(digits) > 2 else np.uint8
    out: NDArray[Any] = digits[0].astype(dtype)
    for d in digits[1:]:
        out *= dtype(10)
        out += d
    if kind == "fraction":
        out *= dtype(10 ** (9 - len(digits)))
    return out


def _named(names: Names, letters: Bytes, good: NDArray[np.bool_]) -> NDArray[Any]:
    low = letters | np.uint8(0x20)
    found: NDArray[Any] = names.slots[low[1] * np.uint8(names.factor) + low[2]]
    expected = names.words[:, found]
    good &= (low == expected).all(axis=0)
    if names.kind == "month":
        found += np.uint8(1)
    return found


def _half(first: Bytes, second: Bytes, good: NDArray[np.bool_]) -> NDArray[Any]:
    """0 for AM, 1 for PM, in either case."""
    low = first | np.uint8(0x20)
    after: NDArray[Any] = low == ord("p")
    good &= (after | (low == ord("a"))) & ((second | np.uint8(0x20)) == ord("m"))
    return after.view(np.uint8)


def _offset(sign: Bytes, digits: Bytes, good: NDArray[np.bool_]) -> NDArray[Any]:
    plus, minus = sign == 43, sign == 45
    good &= plus | minus
    total = (digits[0] * np.uint8(10) + digits[1]).astype(np.int32) * np.int32(3600)
    good &= total < 86_400
    if len(digits) > 2:
        minutes = digits[2] * np.uint8(10) + digits[3]
        good &= minutes < 60
        total += minutes * np.int32(60)
    east: NDArray[Any] = np.where(minus, -total, total)
    return east


@lru_cache(maxsize=64)
def _names(kind: str, words: tuple[str, ...]) -> Names:
    codes = [w.lower().encode() for w in words]
    for factor in range(1, 256):
        places = [(c[1] * factor + c[2]) & 255 for c in codes]
        if len(set(places)) == len(places):
            break
    else:
        raise ValueError(f"no hash for {words}")
    slots = np.full(256, len(codes), np.uint8)
    slots[places] = np.arange(len(codes))
    table = np.array([*map(list, codes), [0, 0, 0]], np.uint8)
    return Names(kind, factor, slots, np.ascontiguousarray(table.T))


@lru_cache(maxsize=256)
def plans(fmt: Format) -> tuple[Plan, ...]:
    """Every fixed layout that the format's texts commonly have; none if it has a field without a width of its own."""
    choices = [_widths(t, fmt.locale) for t in fmt.tokens]
    if any(not c for c in choices) or int(np.prod([len(c) for c in choices])) > MOST_PLANS:
        return ()
    kinds = [t.kind for t in fmt.tokens if t.kind != "text"]
    if len(set(map(_value_kind, kinds))) < len(kinds):
        return ()  # a field twice: the general way decides
    return tuple(_plan(fmt, widths) for widths in product(*choices))


def _value_kind(kind: str) -> str:
    return {"shortmonth": "month", "monthname": "month", "shortweekday": "weekday"}.get(kind, kind)


def _widths(token: Token, locale: str) -> tuple[int, ...]:
    match token.kind:
        case "text":
            return (len(token.text.encode()),)
        case "shortmonth" | "shortweekday":
            return (3,) if locale == "en" else ()
        case "half":
            return (2,) if locale == "en" else ()
        case "year":
            return (4,) if token.width in (1, 4) else ()
        case "fraction" | "year2":
            return (token.width,)
        case "month" | "day" | "hour" | "hour12" | "hour11" | "hour24" | "minute" | "second":
            return (2,) if token.width == 2 else (2, 1)
        case "offset":
            return {"+hhmm": (5,), "Z+hh": (1, 3), "Z+hhmm": (1, 5), "Z+hh:mm": (1, 6)}[token.text]
    return ()


def _plan(fmt: Format, widths: tuple[int, ...]) -> Plan:
    fields: list[Field] = []
    literals: list[tuple[int, int]] = []
    digits: list[int] = []
    at = 0
    for token, width in zip(fmt.tokens, widths, strict=True):
        if token.kind == "text":
            literals += [(at + i, b) for i, b in enumerate(token.text.encode())]
        elif token.kind in ("shortmonth", "shortweekday"):
            kind = _value_kind(token.kind)
            fields.append(Field(kind, at, width, _names(kind, names_of(token.kind, fmt.locale))))
        elif token.kind == "half":
            fields.append(Field("half", at, width))
        elif token.kind == "offset":
            fields.append(Field("offset", at, width, colon=width == 6))
            if width == 1:
                literals.append((at, ord("Z")))
            if width == 6:
                literals.append((at + 3, ord(":")))
            digits += [p for p in range(at + 1, at + width) if not (width == 6 and p == at + 3)]
        else:
            fields.append(Field(token.kind, at, width))
            digits += range(at, at + width)
        at += width
    return Plan(at, tuple(fields), tuple(literals), np.array(digits, np.intp))
