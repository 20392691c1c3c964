"""Date texts of any width: a regular expression for each format, and those that `date(x)` knows without a format."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any, cast

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ..planner.records import dataclass
from .arrow import buffer_of, call, is_valid, numbers_of
from .dateletters import NUMERIC, BadFormat, Format, Token, java, names_of
from .dateparts import BAD_OFFSET, NO_OFFSET, Parts
from .zones import UnknownZone, Zone, zone

OFFSET = r"(?:[Zz]|[+-]\d\d(?::?\d\d(?::?\d\d)?)?)"
_READ = {
    "year",
    "year2",
    "month",
    "day",
    "yday",
    "hour",
    "hour24",
    "hour12",
    "hour11",
    "minute",
    "second",
    "fraction",
    "isodow",
    "dow",
    "isoyear",
    "isoweek",
    "week_sun",
    "week_mon",
}
_ABBREVIATIONS = {"UTC": 0, "GMT": 0, "Z": 0, "UT": 0, "EST": -5, "EDT": -4, "CST": -6, "CDT": -5, "MST": -7, "MDT": -6, "PST": -8,
                  "PDT": -7, "KST": 9, "JST": 9, "CET": 1, "CEST": 2, "EET": 2, "EEST": 3, "WET": 0, "WEST": 1, "BST": 1,
                  "MSK": 3, "HKT": 8, "SGT": 8, "AEST": 10, "AEDT": 11}  # fmt: skip


_SAID = {"monthname": "month", "isodow": "weekday", "dow": "weekday", "year2": "year", "hour12": "hour", "hour11": "hour",
         "hour24": "hour", "zone": "offset"}  # fmt: skip
"""What a field says, where several can say the same."""


@dataclass(frozen=True, slots=True)
class Form:
    """`groups`: what each numbered group of the pattern is, by kind of field. `this_year`: the text never says the year."""

    pattern: str
    groups: tuple[str, ...]
    locale: str = "en"
    this_year: bool = False


@lru_cache(maxsize=512)
def form_of(fmt: Format) -> Form:
    """The format as an expression; BadFormat if it says something twice, or what cannot be read."""
    kinds: list[str] = []
    parts = [_part(t, fmt, kinds) for t in fmt.tokens]
    if not kinds:
        raise BadFormat("the date format has no date letter")
    if len({_SAID.get(k, k) for k in kinds}) < len(kinds):
        raise BadFormat("the date format says one thing twice")
    if ("isoyear" in kinds) != ("isoweek" in kinds):
        raise BadFormat("%G and %V are read together: the year and the week of ISO 8601")
    return Form("".join(parts), tuple(kinds), fmt.locale)


def _part(token: Token, fmt: Format, kinds: list[str]) -> str:
    kind = token.kind
    if kind == "text":
        return re.sub(r"\\?[ \t]+", "[ \t]+", re.escape(token.text))
    if kind == "offset":
        kinds.append("offset")
        return f"({OFFSET})"
    if kind == "zone":
        kinds.append("zone")
        return r"([A-Za-z][A-Za-z_]*(?:[/+-][A-Za-z0-9_:+-]+)*|[+-]\d\d:?\d\d)"
    if kind in ("shortmonth", "monthname", "shortweekday", "weekday", "half"):
        full = {"shortmonth": "monthname", "shortweekday": "weekday"}.get(kind, kind)
        kinds.append(full)
        words = sorted(_words(full, fmt.locale), key=len, reverse=True)
        return "((?i:" + "|".join(map(re.escape, words)) + "))"
    if kind not in _READ:
        raise BadFormat(f"a date cannot be read by its {kind}")
    kinds.append(kind)
    most = NUMERIC[kind]
    if kind == "year":
        return r"(\d{4})" if token.exact or token.width in (1, 4) else rf"(\d{{{token.width},4}})"
    if kind == "fraction":
        return rf"(\d{{1,{token.width}}})" if fmt.lenient else rf"(\d{{{token.width}}})"
    return rf"(\d{{{most}}})" if token.exact else rf"(\d{{1,{most}}})"


def _words(full: str, locale: str) -> tuple[str, ...]:
    """Every spelling, lower case; a word's value is its place modulo the number of values."""
    short = {"monthname": "shortmonth", "weekday": "shortweekday"}.get(full)
    names = names_of(full, locale) + (names_of(short, locale) if short else ())
    return tuple(n.lower() for n in names)


_DATE_TIME = rf"[Tt ]+(\d\d)(?::(\d\d)(?::(\d\d)(?:[.,](\d{{1,9}}))?)?)? ?({OFFSET})?"
_CLOCK = ("hour", "minute", "second", "fraction", "offset")
_MONTH = "((?i:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec))"
FORMS = (
    Form(rf"(\d{{4}})-(\d\d)(?:-(\d\d)(?:{_DATE_TIME})?)?", ("year", "month", "day", *_CLOCK)),
    Form(rf"(\d{{1,2}})/{_MONTH}/(\d{{4}}):(\d\d):(\d\d):(\d\d)(?: +({OFFSET}))?",
         ("day", "monthname", "year", "hour", "minute", "second", "offset")),
    Form(rf"{_MONTH} +(\d{{1,2}}) +(\d\d):(\d\d):(\d\d)(?:\.(\d{{1,9}}))?", ("monthname", "day", "hour", "minute", "second", "fraction"),
         this_year=True),
    Form(rf"(\d{{4}})(?:(\d\d)(?:(\d\d)(?:[Tt ]?(\d\d)(?:(\d\d)(?:(\d\d)(?:[.,]?(\d{{3,9}}))?)?)?({OFFSET})?)?)?)?",
         ("year", "month", "day", *_CLOCK)),
)  # fmt: skip
"""ISO 8601, common log, syslog, compact digits; in this order."""

_FIXED = """yyyy-MM-dd yyyy-MM-dd_HH:mm yyyy-MM-dd'T'HH:mm yyyy-MM-dd_HH:mm:ss yyyy-MM-dd'T'HH:mm:ss yyyy-MM-dd_HH:mm:ssXXX
yyyy-MM-dd'T'HH:mm:ssXXX yyyy-MM-dd'T'HH:mm:ssXX yyyy-MM-dd_HH:mm:ss.SSS yyyy-MM-dd'T'HH:mm:ss.SSS yyyy-MM-dd'T'HH:mm:ss.SSSXXX
yyyy-MM-dd_HH:mm:ss.SSSXXX yyyy-MM-dd_HH:mm:ss.SSSSSS yyyy-MM-dd'T'HH:mm:ss.SSSSSS yyyy-MM-dd_HH:mm:ss.SSSSSSXXX
yyyy-MM-dd'T'HH:mm:ss.SSSSSSXXX dd/MMM/yyyy:HH:mm:ss_Z yyyyMMdd yyyyMMddHHmm yyyyMMddHHmmss"""


@lru_cache(maxsize=1)
def fixed_formats() -> tuple[Format, ...]:
    """The layouts of FORMS that most texts have, for the fixed way."""
    return tuple(java(f.replace("_", " ")) for f in _FIXED.split())


@lru_cache(maxsize=1)
def yearless_formats() -> tuple[Format, ...]:
    """Syslog's, whose year is that of the query."""
    return java("MMM dd HH:mm:ss"), java("MMM  d HH:mm:ss")


def read(form: Form, text: pa.Array[Any]) -> Parts:
    """The fields of each text that has the form as a whole (blanks around it allowed)."""
    number = iter(range(len(form.groups)))
    pattern = re.sub(r"\((?!\?)", lambda _: f"(?P<g{next(number)}>", form.pattern)
    found = call("extract_regex", text, pattern=rf"\A\s*{pattern}\s*\z")
    parts = Parts(len(text), is_valid(found))
    for i, kind in enumerate(form.groups):
        _take(parts, kind, call("struct_field", found, indices=[i]), form.locale)
    return parts


def _take(parts: Parts, kind: str, text: pa.Array[Any], locale: str) -> None:
    """Enter one group as a field."""
    match kind:
        case "offset":
            codes, names = _distinct(text)
            parts.offset = np.array([offset_seconds(n) for n in names], np.int64)[codes]
        case "zone":
            codes, names = _distinct(text)
            parts.zones = codes, tuple(map(zone_named, names))
        case "monthname":
            parts.fields["month"] = _named(text, kind, locale) + 1
        case "weekday" | "half":
            parts.fields[kind] = _named(text, kind, locale)
        case "isodow" | "dow":
            day = _numbers(text, 1)
            parts.good &= (day >= 1) & (day <= 7) if kind == "isodow" else day <= 6
            parts.fields["weekday"] = (day + 6) % 7
        case "fraction":
            parts.fields[kind] = _numbers(call("utf8_rpad", text, width=9, padding="0"), 0)
        case _:
            parts.fields[kind] = _numbers(text, 1 if kind in ("month", "day") else 0)


def _numbers(text: pa.Array[Any], absent: int) -> NDArray[Any]:
    """Digits to numbers; an absent or empty group to `absent`."""
    empty = call("equal", call("binary_length", text), 0)
    digits = call("if_else", call("fill_null", empty, True), str(absent), text)
    return numbers_of(call("cast", digits, pa.int64()))


def _named(text: pa.Array[Any], kind: str, locale: str) -> NDArray[Any]:
    words = _words(kind, locale)
    count = {"monthname": 12, "weekday": 7, "half": 2}[kind]
    found = call("index_in", call("utf8_lower", text), value_set=text_array(words))
    return numbers_of(call("cast", call("fill_null", found, 0), pa.int64())) % count


def _distinct(text: pa.Array[Any]) -> tuple[NDArray[Any], list[str]]:
    """A number for each row, and the text of each number; null is empty text."""
    coded = cast(Any, call("dictionary_encode", call("fill_null", text, "")))
    return numbers_of(call("cast", coded.indices, pa.int64())), coded.dictionary.to_pylist()


def offset_seconds(text: str) -> int:
    """Seconds east; NO_OFFSET for empty text, BAD_OFFSET for one such as `+99:00`."""
    if not text:
        return NO_OFFSET
    if text in "Zz":
        return 0
    digits = text[1:].replace(":", "")
    hour, minute, second = (int(digits[i : i + 2] or 0) for i in (0, 2, 4))
    if hour > 23 or minute > 59 or second > 59:
        return BAD_OFFSET
    total = hour * 3600 + minute * 60 + second
    return -total if text[0] == "-" else total


@lru_cache(maxsize=1024)
def zone_named(name: str) -> Zone | None:
    """A zone by IANA name, offset, or one of the usual abbreviations."""
    hours = _ABBREVIATIONS.get(name.upper())
    if hours is not None:
        return zone(f"{hours:+03d}:00")
    try:
        return zone(name)
    except UnknownZone:
        return None


def text_array(values: tuple[str, ...]) -> pa.Array[Any]:
    """A string array from a few values, without the import of pandas that `pa.array` brings."""
    raw = [v.encode() for v in values]
    offsets = np.zeros(len(raw) + 1, np.int32)
    np.cumsum([len(r) for r in raw], out=offsets[1:])
    data = np.frombuffer(b"".join(raw) or b"\0", np.uint8)
    return pa.Array.from_buffers(pa.string(), len(raw), [None, buffer_of(offsets), buffer_of(data)])
