"""Option values: from the text behind `key=` to a Python value, or why not."""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from . import ast, options
from .escapes import ESCAPE, SIMPLE_ESCAPES, unicode_escape
from .expr import Literal
from .options import Option
from .types import BOOL, DOUBLE, DURATION, LONG, MONTHS, NULL, STRING, Type

_LENGTHS = ("duration", "months")
TRUTH = {"t": True, "true": True, "f": False, "false": False}
TRUTH_TEXT = {True: "true", False: "false", None: "null"}
DURATION_WORD = re.compile(r"(?:\d+(?:ns|us|ms|mon|[smhdwqy]))+\Z")
NO_MINUS = "a duration such as 30s, 5m, 2h or 1d, without a minus"
DURATION_PART = re.compile(r"(\d+)([a-z]+)")


class Unfit(Exception):
    """The value does not fit; the message says what would."""


def unquote(raw: str, *, pattern: bool = False) -> str:
    """The text of a value as written: quotes go, escapes are read (in a pattern only of the quote)."""
    if raw[:1] == '"' and raw[-1:] == '"' and len(raw) > 1:
        inner = raw[1:-1]
        if pattern:
            return inner.replace('\\"', '"')
        return ESCAPE.sub(_unescape, inner)
    if raw[:1] == "'" and raw[-1:] == "'" and len(raw) > 1:
        return raw[1:-1].replace("''", "'")
    if raw[:1] == "`" and raw[-1:] == "`" and len(raw) > 1:
        return raw[1:-1].replace("``", "`")
    return raw


def _unescape(found: re.Match[str]) -> str:
    body = found[1]
    if body in SIMPLE_ESCAPES:
        return SIMPLE_ESCAPES[body]
    if body[0] == "u" and len(body) > 1:
        try:
            return unicode_escape(body)
        except ValueError:
            raise Unfit("whole characters: '\\ud83d\\ude00' is one") from None
    raise Unfit(f"'\\\\{body}' for a backslash, or single quotes: '\\{body}' is no escape")


def parse_duration(text: str) -> ast.Duration | None:
    """`1h30m`, `500ms`, `2mon`; None if it is no duration."""
    if not DURATION_WORD.match(text):
        return None
    months = ns = 0
    weeks = True
    for amount, unit in DURATION_PART.findall(text):
        months += int(amount) * ast.DURATION_MONTHS.get(unit, 0)
        ns += int(amount) * ast.DURATION_NS.get(unit, 0)
        weeks = weeks and unit == "w"
    if months and ns:
        raise Unfit("calendar or fixed lengths, not both in one duration")
    if not ast.fits(months, ns):
        raise Unfit("a length that 64 bits of microseconds hold")
    return ast.Duration(months=months, ns=ns, weeks=weeks)


def parse_distance(text: str) -> ast.Duration | None:
    """A duration with or without a minus in front."""
    length = parse_duration(text.removeprefix("-"))
    if length is None or not text.startswith("-"):
        return length
    return replace(length, months=-length.months, ns=-length.ns)


def number(text: str) -> int | float | None:
    try:
        return (
            int(text, 0)
            if re.fullmatch(r"[+-]?(0x[0-9a-fA-F]+|\d+)", text) and not re.fullmatch(r"[+-]?0\d+", text)
            else float(text)
        )
    except ValueError:
        return None


def split_list(raw: str) -> list[str]:
    """A comma list; commas inside quotes do not split."""
    parts = re.findall(r"""(?:"(?:\\.|[^"\\])*"|'(?:''|[^'])*'|`(?:``|[^`])*`|[^,])+""", raw)
    return [p.strip() for p in parts if p.strip()]


def parameter(raw: str) -> ast.Param | None:
    """`$x` or `$("x", "y", DEFAULT)` where an option's value stands; None if it is none."""
    if re.fullmatch(r"\$[^\W\d]\w*", raw):
        return ast.Param(names=(raw[1:],))
    if not (raw.startswith("$(") and raw.endswith(")")):
        return None
    parts = split_list(raw[2:-1])
    quoted = [p for p in parts if p[:1] in ("'", '"')]
    if not parts or parts[0] not in quoted:
        raise Unfit('a parameter such as $("name")')
    *names, last = parts
    if last in quoted or not names:
        return ast.Param(names=tuple(unquote(p) for p in parts))
    default = literal(last, last)
    made: ast.Expr
    match default.type.kind:
        case "duration":
            made = ast.Duration(ns=default.value * 1000, weeks=default.weeks)
        case "months":
            made = ast.Duration(months=default.value)
        case "long" | "double":
            made = ast.Number(value=default.value)
        case "bool" | "null":
            made = ast.Constant(value=default.value)
        case _:
            raise Unfit("a parameter whose default is a literal")
    return ast.Param(names=tuple(unquote(n) for n in names), default=made)


def of_literal(value: Literal, option: Option, time: Callable[[str], int | None]) -> Any:
    """The value of a parameter where an option stands."""
    kind, got = option.kind, value.value
    if got is None:
        return None
    if kind == options.TIME and value.type.kind == "date":
        return got // 1000 if value.type.unit == "ns" else got
    if (
        kind in (options.DURATION, options.DURATIONS, options.NUMBER_OR_DURATION, options.OFFSET)
        and value.type.kind in _LENGTHS
    ):
        length = _length(got, value.type, option, weeks=value.weeks)
        return (length,) if kind == options.DURATIONS else length
    if kind in (options.DURATIONS, options.INTS) and isinstance(got, list):
        return _listed(got, value.type.item or NULL, option)
    if kind == options.LITERAL:
        return value
    if kind in (options.FIELD, options.FIELDS) and isinstance(got, list):
        return _names(got, kind)
    if (
        kind in (options.INT, options.INTS, options.NUMBER, options.NUMBER_OR_DURATION)
        and isinstance(got, int | float)
        and not isinstance(got, bool)
    ):
        return of_text(repr(got), option, time)
    if kind == options.FIELDS and isinstance(got, list | tuple):
        return tuple(TRUTH_TEXT[v] if v is None or isinstance(v, bool) else str(v) for v in got)
    if kind == options.NUMBERS:
        return _numbers(got if isinstance(got, list) else [got])
    if kind == options.VALUES and isinstance(got, list):
        return tuple(_written(v) for v in got)
    if kind == options.VALUES:
        return of_text(_written(got), option, time)
    if isinstance(got, bool):
        return of_text("t" if got else "f", option, time)
    if isinstance(got, str):
        return of_text(got, option, time)
    return of_text(str(got), option, time)


def _length(value: int, type_: Type, option: Option, *, weeks: bool = False) -> ast.Duration:
    """A length of time that a parameter holds, in months or microseconds; only a distance may have a minus, as in text."""
    if value < 0 and option.kind != options.OFFSET:
        raise Unfit(NO_MINUS)
    return ast.Duration(months=value) if type_.kind == "months" else ast.Duration(ns=value * 1000, weeks=weeks)


def _listed(held: list[Any], item: Type, option: Option) -> tuple[Any, ...]:
    """The lengths of time, or the whole numbers, of an array in a parameter."""
    if not held or None in held:
        raise Unfit(f"{option.kind} with commas between, or a parameter that holds an array of them")
    if option.kind == options.INTS:
        return tuple(_whole(_written(v), option.least) for v in held)
    if item.kind in _LENGTHS:
        return tuple(_length(v, item, option) for v in held)
    return tuple(_duration(_written(v)) for v in held)


def _written(value: Any) -> str:
    """As one would write it: a whole number without a point, whatever the type of the parameter."""
    if value is None or isinstance(value, bool):
        return TRUTH_TEXT[value]
    return repr(value).removesuffix(".0") if isinstance(value, float) else str(value)


def _numbers(held: list[Any]) -> tuple[float | None, ...]:
    """Numbers and nulls."""
    if any(isinstance(v, bool) or not isinstance(v, int | float | Decimal | None) for v in held):
        raise Unfit("numbers with commas between, or a parameter that holds an array of them")
    return tuple(None if v is None else float(v) for v in held)


def _names(held: list[Any], kind: str | tuple[str, ...]) -> Any:
    """The fields that a parameter holds."""
    if not all(isinstance(name, str) for name in held):
        raise Unfit("the names of fields")
    if kind == options.FIELDS:
        return tuple(held)
    if len(held) != 1:
        raise Unfit("one field")
    return held[0]


def of_text(text: str, option: Option, time: Callable[[str], int | None], raw: str = "") -> Any:
    """The value of unquoted text; `raw` is how it was written."""
    kind = option.kind
    if isinstance(kind, tuple):
        if text in kind:
            return text
        raise Unfit("one of " + ", ".join(kind))
    match kind:
        case options.BOOL:
            if text.lower() in TRUTH:
                return TRUTH[text.lower()]
            raise Unfit("t or f")
        case options.INT:
            return _whole(text, option.least)
        case options.INTS:
            parts = split_list(text)
            if not parts:
                raise Unfit("whole numbers with commas between")
            return tuple(_whole(unquote(t), option.least) for t in parts)
        case options.NUMBER:
            got = number(text)
            if got is None:
                raise Unfit("a number")
            return got
        case options.DURATION:
            return _duration(text)
        case options.OFFSET:
            return _duration(text, parse_distance)
        case options.DURATIONS:
            return tuple(_duration(unquote(t)) for t in split_list(text))
        case options.NUMBER_OR_DURATION:
            got = number(text)
            return got if got is not None else _duration(text)
        case options.TIME:
            got_us = time(text)
            if got_us is None:
                raise Unfit("a time such as 20261101, 2026-11-01T10:00 or a parameter")
            return got_us
        case options.FIELDS | options.VALUES:
            return tuple(unquote(t) for t in split_list(text))
        case options.NUMBERS:
            return _numbers(
                [None if t == "null" else number(t) if number(t) is not None else t for t in split_list(text)]
            )
        case options.ZONE:
            try:
                ZoneInfo(text)
            except (OSError, ValueError, KeyError):
                raise Unfit("a time zone such as UTC or Asia/Seoul") from None
            return text
        case options.ENCODING:
            return _encoding(text)
        case options.LITERAL:
            return literal(text, raw)
    return text


NO_TEXT = frozenset({"idna", "punycode", "undefined", "unicode-escape", "raw-unicode-escape"})


def _encoding(text: str) -> str:
    """An encoding of text files; Python's codecs also transform bytes and names of hosts."""
    try:
        found = codecs.lookup(text)
    except (LookupError, ValueError):
        found = None
    if found is None or not found._is_text_encoding or found.incrementaldecoder is None or found.name in NO_TEXT:
        raise Unfit("an encoding such as utf-8, utf-16 or euc-kr")
    return text


def _whole(text: str, least: int | None) -> int:
    got = number(text)
    if isinstance(got, float) and got.is_integer() and abs(got) < 2**63:
        got = int(got)
    if not isinstance(got, int) or not -(2**63) <= got < 2**63:
        raise Unfit("a whole number")
    if least is not None and got < least:
        raise Unfit(f"a whole number of {least} or more")
    return got


def _duration(text: str, read: Callable[[str], ast.Duration | None] = parse_duration) -> ast.Duration:
    got = read(text)
    if got is None:
        raise Unfit(NO_MINUS if parse_distance(text) is not None else "a duration such as 30s, 5m, 2h or 1d")
    return got


def literal(text: str, raw: str) -> Literal:
    """Number, truth value, null, duration, or text."""
    if raw[:1] in ("'", '"'):
        return Literal(type=STRING, value=text)
    if text in ("true", "false"):
        return Literal(type=BOOL, value=text == "true")
    if text == "null":
        return Literal(type=NULL, value=None)
    got = number(text)
    if isinstance(got, int):
        return Literal(type=LONG, value=got)
    if got is not None:
        return Literal(type=DOUBLE, value=got)
    length = parse_duration(text)
    if length is not None and length.months:
        return Literal(type=MONTHS, value=length.months)
    if length is not None:
        return Literal(type=DURATION, value=length.ns // 1000, weeks=length.weeks)
    return Literal(type=STRING, value=text)
