"""Date formats as tokens: Java letters (`yyyy-MM-dd HH:mm`) and `%` letters, shared by parsing and printing."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from itertools import pairwise

from ..planner.records import dataclass

LOCALES = ("en", "ko")


class BadFormat(ValueError):
    """The format can never work; the message says which letter."""


@dataclass(frozen=True, slots=True)
class Token:
    """One field, or literal text. `width`: digits printed at least (0: as many as it takes); `exact`: read so many, no fewer."""

    kind: str
    width: int = 0
    exact: bool = False
    text: str = ""


@dataclass(frozen=True, slots=True)
class Format:
    """`lenient`: weekday names are read but not checked, absent parts are those of 1900 (as strptime has it)."""

    tokens: tuple[Token, ...]
    locale: str = "en"
    lenient: bool = False
    source: str = ""

    @property
    def nanos(self) -> bool:
        """More than microseconds can hold."""
        return any(t.kind == "fraction" and t.width > 6 for t in self.tokens)

    @property
    def has_offset(self) -> bool:
        return any(t.kind in ("offset", "zone") for t in self.tokens)


NUMERIC = {"year": 4, "year2": 2, "month": 2, "day": 2, "yday": 3, "hour": 2, "hour24": 2, "hour12": 2, "hour11": 2,
           "minute": 2, "second": 2, "fraction": 9, "isodow": 1, "dow": 1, "quarter": 1, "week_sun": 2, "week_mon": 2,
           "isoweek": 2, "isoyear": 4}  # fmt: skip
"""Fields of digits, and how many they can have."""

MONTHS = {
    "en": (
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ),
    "ko": tuple(f"{m}월" for m in range(1, 13)),
}
SHORT_MONTHS = {"en": tuple(m[:3] for m in MONTHS["en"]), "ko": MONTHS["ko"]}
WEEKDAYS = {  # Monday first
    "en": ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"),
    "ko": ("월요일", "화요일", "수요일", "목요일", "금요일", "토요일", "일요일"),
}
SHORT_WEEKDAYS = {"en": tuple(d[:3] for d in WEEKDAYS["en"]), "ko": tuple(d[:1] for d in WEEKDAYS["ko"])}
HALVES = {"en": ("AM", "PM"), "ko": ("오전", "오후")}


def names_of(kind: str, locale: str) -> tuple[str, ...]:
    """What a named field may say, in order of its value."""
    return _NAMES[kind][locale]


_NAMES: dict[str, Mapping[str, tuple[str, ...]]] = {
    "monthname": MONTHS,
    "shortmonth": SHORT_MONTHS,
    "weekday": WEEKDAYS,
    "shortweekday": SHORT_WEEKDAYS,
    "half": HALVES,
}


def locale_of(name: str) -> str | None:
    """`en` or `ko` of names such as `en`, `en_US`, `ko-KR`; None if it is no locale we have."""
    head = name.replace("-", "_").split("_")[0].lower()
    return head if head in LOCALES and len(name) <= 11 else None


def known_locale(name: str) -> str:
    """As `locale_of`; BadFormat if it is no locale we have."""
    found = locale_of(name)
    if found is None:
        raise BadFormat(f"no locale or time zone named '{name}' (locales: en, ko)")
    return found


_JAVA = {"y": "year", "d": "day", "D": "yday", "H": "hour", "k": "hour24", "h": "hour12", "K": "hour11", "m": "minute",
         "s": "second", "S": "fraction", "u": "isodow", "Q": "quarter"}  # fmt: skip


@lru_cache(maxsize=512)
def java(fmt: str, locale: str = "en") -> Format:
    """Java's letters; BadFormat for an unknown letter or an open quote."""
    tokens: list[Token] = []
    i = 0
    while i < len(fmt):
        c = fmt[i]
        if c == "'":
            text, i = _quoted(fmt, i)
            tokens.append(Token("text", text=text))
            continue
        n = 1
        while i + n < len(fmt) and fmt[i + n] == c:
            n += 1
        if c.isascii() and c.isalpha():
            tokens.append(_java_field(c, n))
        else:
            tokens.append(Token("text", text=c * n))
        i += n
    joined = list(_joined(tokens))
    for i, (before, t) in enumerate(pairwise(joined)):
        if before.kind in NUMERIC and t.kind in NUMERIC:  # the last of a run of digits is as strict as the others
            joined[i + 1] = Token(t.kind, t.width, True)
    return Format(tuple(joined), locale, source=fmt)


def _quoted(fmt: str, i: int) -> tuple[str, int]:
    if fmt[i : i + 2] == "''":
        return "'", i + 2
    out, i = "", i + 1
    while True:
        end = fmt.find("'", i)
        if end < 0:
            raise BadFormat("a quote is not closed in the date format")
        out += fmt[i:end]
        if fmt[end : end + 2] != "''":
            return out, end + 1
        out, i = out + "'", end + 2


def _java_field(letter: str, n: int) -> Token:
    if letter == "y" and n <= 4:
        return Token("year2", 2, True) if n == 2 else Token("year", n, n > 2)
    if letter == "M" and n > 2:
        return Token("shortmonth" if n == 3 else "monthname")
    if letter == "E":
        return Token("shortweekday" if n < 4 else "weekday")
    if letter == "a":
        return Token("half")
    if letter == "z":
        return Token("zone")
    if letter == "Z":
        return Token("offset", text="+hhmm")
    if letter == "X" and n < 4:
        return Token("offset", text=("Z+hh", "Z+hhmm", "Z+hh:mm")[n - 1])
    if letter == "M":
        return Token("month", n)
    kind = _JAVA.get(letter)
    if kind is None or n > NUMERIC[kind]:
        hint = {
            "Y": " (the year is yyyy)",
            "e": " (a weekday is E)",
            "T": " (quote it: 'T')",
            "n": " (a fraction is S)",
        }.get(letter, "")
        raise BadFormat(f"'{letter * n}' is no date letter here{hint}")
    return Token(kind, n, kind == "fraction")


_PERCENT = {"Y": Token("year", 4, True), "y": Token("year2", 2, True), "m": Token("month", 2), "d": Token("day", 2),
            "H": Token("hour", 2), "I": Token("hour12", 2), "M": Token("minute", 2), "S": Token("second", 2),
            "j": Token("yday", 3), "f": Token("fraction", 6), "g": Token("fraction", 3), "n": Token("fraction", 9),
            "p": Token("half"), "b": Token("shortmonth"), "h": Token("shortmonth"), "B": Token("monthname"),
            "a": Token("shortweekday"), "A": Token("weekday"), "z": Token("offset", text="+hhmm"), "Z": Token("zone"),
            "u": Token("isodow", 1), "w": Token("dow", 1), "G": Token("isoyear", 4), "V": Token("isoweek", 2),
            "U": Token("week_sun", 2), "W": Token("week_mon", 2), "%": Token("text", text="%")}  # fmt: skip
_WHOLE = {
    "F": "%Y-%m-%d",
    "T": "%H:%M:%S",
    "x": "%Y-%m-%d",
    "X": "%H:%M:%S",
    "c": "%Y-%m-%d %H:%M:%S",
    "R": "%H:%M",
    "D": "%m/%d/%y",
}
_PLAIN = frozenset("mdHIMSjy")


@lru_cache(maxsize=512)
def percent(fmt: str, locale: str = "en") -> Format:
    """`%` letters as Python and DuckDB have them (`%-d` without padding, `%g` milliseconds, `%n` nanoseconds)."""
    tokens: list[Token] = []
    text = fmt
    for letter, whole in _WHOLE.items():
        text = text.replace("%%", "\0").replace("%" + letter, whole).replace("\0", "%%")
    i = 0
    while i < len(text):
        if text[i] != "%":
            tokens.append(Token("text", text=text[i]))
            i += 1
            continue
        bare = text[i + 1 : i + 2] == "-"
        letter = text[i + 1 + bare : i + 2 + bare]
        found = _PERCENT.get(letter)
        if found is None or (bare and letter not in _PLAIN):
            raise BadFormat(f"'%{'-' if bare else ''}{letter}' is no date letter")
        tokens.append(Token(found.kind, 1) if bare else found)
        i += 2 + bare
    return Format(_joined(tokens), locale, lenient=True, source=fmt)


def _joined(tokens: list[Token]) -> tuple[Token, ...]:
    """Neighbouring literals as one; a field of digits directly before another reads exactly its width."""
    out: list[Token] = []
    for t in tokens:
        if t.kind == "text" and out and out[-1].kind == "text":
            out[-1] = Token("text", text=out[-1].text + t.text)
        else:
            out.append(t)
    for i, (t, after) in enumerate(pairwise(out)):
        if t.kind in NUMERIC and after.kind in NUMERIC:
            out[i] = Token(t.kind, t.width, True)
    return tuple(out)
