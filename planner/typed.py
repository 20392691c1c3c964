"""Values of typed parameters: from the text of a command line, from Python, from an expression."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from .expr import Literal
from .literals import array_literal, literal_of
from .option_values import Unfit, literal, number, parse_distance, unquote
from .text import nearest
from .types import BOOL, DATE, DOUBLE, DURATION, INT, LONG, MONTHS, NULL, STRING, Type, array_of

FIELD = Type("string", "field")  # the name of one: see fieldparams
FIELDS = Type("array", "fields", item=STRING)  # the names of several
TYPES: Mapping[str, Type] = {
    "string": STRING, "int": INT, "long": LONG, "double": DOUBLE, "bool": BOOL, "date": DATE, "duration": DURATION,
    "field": FIELD, "fields": FIELDS, "table": STRING, "any": NULL,
}  # fmt: skip
NAMES = ("string", "field", "table")
SCALARS = ("string", "int", "long", "double", "bool", "date", "duration", "any")
ELEMENT = re.compile(r"""\s*(`(?:``|[^`])*`|"(?:\\.|[^"\\])*"|'(?:''|[^'])*'|[^,]*?)\s*(?:,|\Z)""")
QUOTED = re.compile(r"""`(?:``|[^`])*`|"(?:\\.|[^"\\])*"|'(?:''|[^'])*'""")
PLAIN_NUMBER = re.compile(r"[+-]?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?\Z")
CALL = re.compile(r"[A-Za-z_]\w*\s*\(.*\)", re.S)

Time = Callable[[str], int | None]


def a(word: str) -> str:
    return f"an {word}" if word[0] in "aeiou" else f"a {word}"


def check_type(kind: str, items: str) -> str:
    """A parameter's type as written, `items` being `<long>` or empty. ValueError: message, hint, suggestions."""
    element = (items or "<any>")[1:-1]
    if kind == "array" and element in SCALARS:
        return f"array<{element}>"
    if kind in TYPES and not items:
        return kind
    hint = "types: " + ", ".join(TYPES) + ", array<long> and other arrays of values"
    raise ValueError(f"no parameter type is named '{kind}{items}'", hint, nearest(kind, [*TYPES, "array"], 1))


def written_default(kind: str, text: str, time: Time) -> Literal | None:
    """A default that is a bare name, or a value as on a command line; None: it is an expression."""
    if text == "null":
        return Literal(type=NULL, value=None)
    if kind in NAMES and (QUOTED.fullmatch(text) or re.fullmatch(r"[\w.@*-]+", text)):
        return Literal(type=TYPES[kind], value=unquote(text))
    if kind == "fields":
        return from_text(unquote(text) if text[0] in "\"'" and QUOTED.fullmatch(text) else text, kind, time)
    if kind.startswith("array<") and CALL.fullmatch(text):
        return None
    if kind not in (*NAMES, "any"):
        with suppress(Unfit):
            return from_text(text if kind.startswith("array") else unquote(text), kind, time)
    return None


def fits_late(type_: Type, kind: str) -> bool:
    """Whether a value that a subquery gives can be of a parameter's type as it is: nothing converts it.

    A value of type any has its type when the subquery has run; then it is asked again.
    """
    if kind == "any" or (type_.kind == "any" and kind not in ("field", "fields", "table")):
        return True
    if kind.startswith("array<"):
        return type_.kind == "array" and type_.item is not None and fits_late(type_.item, kind[6:-1])
    wanted = {"int": ("long",), "long": ("long",), "double": ("long", "double"), "duration": ("duration", "months")}
    return type_.kind in (*wanted.get(kind, (kind,)), "null") and kind not in ("field", "fields", "table")


def from_text(text: str, kind: str, time: Time) -> Literal:
    """A value of a type from the text of a command line; Unfit says what the type takes."""
    if kind.startswith("array<"):
        return _array([from_text(_bare(e, kind), kind[6:-1], time) for e in elements(text)])
    match kind:
        case "fields":
            return _field_list([unquote(e) for e in elements(text)])
        case "any":
            return _as_it_looks(text)
        case "field" | "table" if not text:
            raise Unfit(f"the name of a {kind}")
        case "string" | "field" | "table":
            return Literal(type=TYPES[kind], value=text)
        case "int" | "long":
            whole = number(text)
            limit = 2**31 if kind == "int" else 2**63
            if not isinstance(whole, int) or not -limit <= whole < limit:
                raise Unfit("a whole number" + (" of 32 bits" if kind == "int" else " of 64 bits"))
            return Literal(type=TYPES[kind], value=whole)
        case "double":
            got = number(text)
            if got is None:
                raise Unfit("a number")
            return Literal(type=DOUBLE, value=float(got))
        case "bool":
            words = {"t": True, "true": True, "f": False, "false": False}
            if text.lower() not in words:
                raise Unfit("t, true, f or false")
            return Literal(type=BOOL, value=words[text.lower()])
        case "date":
            us = time(text)
            if us is None:
                raise Unfit("a time such as 20261101 or 2026-11-01T10:00")
            return Literal(type=DATE, value=us)
    return _duration(text)


def elements(text: str) -> list[str]:
    """What stands between the commas, quotes and all."""
    found, at = [], 0
    while at < len(text):
        item = ELEMENT.match(text, at)
        if item is None:
            raise Unfit("values with commas between them")
        found.append(item[1])
        at = max(item.end(), at + 1)
    return [*found, ""] if text.rstrip().endswith(",") else found


def _bare(element: str, kind: str) -> str:
    """Quotes say nothing but to `any`, where they make text of what looks like a number."""
    if kind == "array<any>":
        return element
    made = unquote(element)
    if not made and made == element and kind != "array<string>":
        raise Unfit(f"values of {kind[6:-1]} with commas between them")
    return made


def _array(values: list[Literal]) -> Literal:
    try:
        return array_literal(values)
    except TypeError:
        raise Unfit("values of one type") from None


def _field_list(names: list[str]) -> Literal:
    if not names or not all(names):
        raise Unfit("the names of fields, with commas between them")
    return Literal(type=FIELDS, value=names)


def _duration(text: str) -> Literal:
    length = parse_distance(text)
    if length is None:
        raise Unfit("a duration such as 5m or 1d")
    if length.ns % 1000:
        raise Unfit("a duration of whole microseconds")
    if length.months:
        return Literal(type=MONTHS, value=length.months)
    return Literal(type=DURATION, value=length.ns // 1000, weeks=length.weeks)


def _as_it_looks(text: str) -> Literal:
    """A number, true, false, null, a duration; anything else, and what stands in quotes, is text."""
    if text[:1] in ("'", '"') and text[-1:] == text[:1] and len(text) > 1:
        return Literal(type=STRING, value=unquote(text))
    if text in ("true", "false", "null") or PLAIN_NUMBER.match(text):
        found = literal(text, text)
        if isinstance(found.value, int) and found.type == LONG and -(2**31) <= found.value < 2**31:
            return Literal(type=INT, value=found.value)
        return (
            Literal(type=DOUBLE, value=float(text))
            if found.type == LONG and not -(2**63) <= found.value < 2**63
            else found
        )
    try:
        return _duration(text)
    except Unfit:
        return Literal(type=STRING, value=text)


def from_value(value: Any, kind: str, time: Time, zone: str = "UTC") -> Literal:
    """A Python value or a literal, checked against the parameter's type. Times, durations and lists of fields may be text."""
    if kind.startswith("array<") and isinstance(value, list | tuple):
        return _array([from_value(v, kind[6:-1], time, zone) for v in value])
    if kind == "fields" and isinstance(value, list | tuple):
        return _field_list([_text_of(from_value(v, "field", time)) for v in value])
    try:
        given = value if isinstance(value, Literal) else literal_of(value, zone)
    except TypeError as why:
        raise Unfit(f"{a(kind)} ({why})") from None
    if given.value is None:
        return given
    if kind == "any":  # the name of a field is text there
        plain = {FIELD: STRING, FIELDS: array_of(STRING)}.get(given.type)
        return given if plain is None else Literal(type=plain, value=given.value)
    got = given.type.kind
    if kind.startswith("array<") or (kind == "fields" and got != "string"):
        if got != "array":
            raise Unfit("a list of fields" if kind == "fields" else f"a list of {kind[6:-1]}")
        item = given.type.item or NULL
        return from_value([Literal(type=item, value=v) for v in given.value], kind, time, zone)
    if got == "string" and kind in ("date", "duration", "fields"):
        return from_text(given.value, kind, time)
    wanted = {"int": ("long",), "long": ("long",), "double": ("long", "double"), "duration": ("duration", "months")}
    if got not in wanted.get(kind, ("string",) if kind in NAMES else (kind,)):
        raise Unfit(f"{a(kind)}, not {a(str(given.type))}")
    if kind == "int" and not -(2**31) <= given.value < 2**31:
        raise Unfit("a whole number of 32 bits")
    if kind == "date" and given.type.unit == "ns":
        return Literal(type=DATE, value=given.value // 1000)
    if kind in NAMES:
        return from_text(given.value, kind, time)
    return Literal(type=DOUBLE, value=float(given.value)) if kind == "double" else given


def _text_of(name: Literal) -> str:
    return name.value or ""


__all__ = ["FIELD", "FIELDS", "TYPES", "check_type", "fits_late", "from_text", "from_value", "written_default"]
