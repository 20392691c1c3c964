"""Saved queries: a header of typed parameters, then one pipeline."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from .planner.expr import Literal
from .planner.option_values import Unfit, literal, number, parse_duration, unquote
from .planner.text import Fault, QueryError, Span, error, fault, nearest
from .planner.types import BOOL, DATE, DOUBLE, DURATION, INT, LONG, MONTHS, NULL, STRING, Type

FIELD = Type("string", "field")  # the name of one: see planner.fieldparams
FIELDS = Type("array", "fields", item=STRING)  # the names of several
TYPES: Mapping[str, Type] = {
    "string": STRING, "int": INT, "long": LONG, "double": DOUBLE, "bool": BOOL, "date": DATE, "duration": DURATION,
    "field": FIELD, "fields": FIELDS, "table": STRING, "any": NULL,
}  # fmt: skip
NAMES = ("string", "field", "table")
SCALARS = ("string", "int", "long", "double", "bool", "date", "duration", "any")
ELEMENT = re.compile(r"""\s*(`(?:``|[^`])*`|"(?:\\.|[^"\\])*"|'(?:''|[^'])*'|[^,]*?)\s*(?:,|\Z)""")
PARAM = re.compile(r"param\s+([^\W\d]\w*)\s*:\s*([^\W\d]\w*)(<\w*>)?\s*(?:=\s*(.*))?\Z")
HEADER = re.compile(r"\s*(param|use|def)\s")
COMMENT = re.compile(r"""(?:"(?:\\.|[^"\\])*"|'(?:''|[^'])*'|(?!(?:^|(?<=\s))//(?:\s|$)).)*""")
PLAIN_NUMBER = re.compile(r"[+-]?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?\Z")

Time = Callable[[str], int | None]
Evaluate = Callable[[str, Mapping[str, Literal]], Literal]


@dataclass(frozen=True, slots=True)
class Param:
    name: str
    type: str
    default: str | None  # as written
    span: Span


@dataclass(frozen=True, slots=True)
class SavedQuery:
    """`text` is the whole file with the header blanked out: offsets stay those of the file."""

    file: str
    text: str
    params: tuple[Param, ...]
    help: str


def decoded(raw: bytes, file: str) -> str:
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as why:
        raise fault("E605", f"`{file}` is no UTF-8 text: {why.reason} at byte {why.start:,}") from None


def read_saved(source: str, file: str) -> SavedQuery:
    """Splits a `.cq` file; E201, E309 or E410 at the line that cannot be read."""
    params: dict[str, Param] = {}
    told: list[str] = []
    masked: list[str] = []
    at = 0
    lines = source.split("\n")
    for n, line in enumerate(lines):
        bare = line.strip()
        begin = at + len(line) - len(line.lstrip())
        if bare.startswith("///"):
            told.append(bare[3:].strip())
        elif HEADER.match(line):
            p = _param(source, bare, Span(begin, begin + len(bare)), file)
            if p.name in params:
                raise _fault(source, "E410", f"two parameters are named '{p.name}'", p.span, file)
            params[p.name] = p
        elif bare and not bare.startswith("//"):
            masked += lines[n:]
            break
        masked.append(" " * len(line))
        at += len(line) + 1
    return SavedQuery(file, "\n".join(masked), tuple(params.values()), "\n".join(told))


def formatted(source: str, file: str) -> str:
    """The file with its header as it is and its pipeline a stage a line."""
    from .commands.language import language
    from .planner.format import format_query

    text = read_saved(source, file).text
    begin = len(text) - len(text.lstrip())
    if begin == len(text):
        return source
    return source[:begin] + format_query(source[begin:], language()) + "\n"


def _param(source: str, line: str, span: Span, file: str) -> Param:
    word = line.split()[0]
    if word != "param":
        raise _fault(source, "E309", f"'{word}' in a saved query is not in this version", span, file)
    code = COMMENT.match(line)
    found = PARAM.match(code[0].strip() if code else line)
    if found is None:
        raise _fault(source, "E201", "a parameter is written 'param name: type = default'", span, file)
    name, kind, items, default = found.groups()
    element = (items or "<any>")[1:-1]
    if kind == "array" and element in SCALARS:
        kind = f"array<{element}>"
    elif kind not in TYPES or items:
        raise _fault(source, "E410", f"no parameter type is named '{kind}{items or ''}'", span, file,
                     suggestions=nearest(kind, [*TYPES, "array"], 1),
                     hint="types: " + ", ".join(TYPES) + ", array<long> and other arrays of values")  # fmt: skip
    if default is not None and not default.strip():
        raise _fault(source, "E201", f"parameter '{name}' has no default behind '='", span, file)
    return Param(name, kind, default, span)


def _fault(source: str, code: str, message: str, span: Span, file: str, **more: Any) -> QueryError:
    return error(source, [Fault(code=code, message=message, span=span, file=file, **more)])


def bind_params(
    saved: SavedQuery,
    source: str,
    given: Mapping[str, Any],
    *,
    is_text: bool,
    zone: str,
    time: Time,
    evaluate: Evaluate,
) -> dict[str, Literal]:
    """Values of all parameters by their types.

    `is_text`: `given` is text from a command line, to be parsed by type. `zone`: of Python times without one.
    """
    known = {p.name: p for p in saved.params}
    for name in given:
        if name not in known:
            here = "it has " + ", ".join(known) if known else "it has none"
            raise _fault(source, "E410", f"{saved.file} has no parameter '{name}'", Span(0, 0), saved.file,
                         suggestions=nearest(name, known, 1), hint=here)  # fmt: skip
    out: dict[str, Literal] = {}
    for p in saved.params:
        try:
            if p.name in given:
                value = given[p.name]
                out[p.name] = from_text(value, p.type, time) if is_text else from_value(value, p.type, time, zone)
            elif p.default is not None:
                out[p.name] = _default(p, time, evaluate, out)
            else:
                raise _fault(source, "E410", f"parameter '{p.name}' ({p.type}) has no value", p.span, saved.file,
                             hint=f"give it: {p.name}=...")  # fmt: skip
        except Unfit as why:
            shown = repr(given[p.name]) if p.name in given else p.default
            raise _fault(source, "E410", f"parameter '{p.name}' cannot be {shown}", p.span, saved.file,
                         hint=f"it takes {why}") from None  # fmt: skip
        except QueryError as found:
            if found.text == source:
                raise
            raise _fault(
                source, "E410", f"the default of '{p.name}': {found.message}", p.span, saved.file, hint=found.hint
            ) from None
    return out


def _default(p: Param, time: Time, evaluate: Evaluate, known: Mapping[str, Literal]) -> Literal:
    """A bare name, a value written as on the command line, or an expression over the parameters above."""
    assert p.default is not None
    is_quoted = re.fullmatch(r"""`[^`]*`|"(?:\\.|[^"\\])*"|'(?:''|[^'])*'""", p.default) is not None
    if p.type in NAMES and (is_quoted or re.fullmatch(r"[\w.@*-]+", p.default)):
        return Literal(type=TYPES[p.type], value=unquote(p.default))
    if p.type == "fields":
        return from_text(p.default, p.type, time)
    if p.type not in (*NAMES, "any"):
        with suppress(Unfit):
            return from_text(p.default if p.type.startswith("array") else unquote(p.default), p.type, time)
    try:
        value = evaluate(p.default, known)
    except TypeError as why:
        raise Unfit(f"a {p.type} ({why})") from None
    return from_value(value, p.type, time)


def from_text(text: str, kind: str, time: Time) -> Literal:
    """A value of a type from the text of a command line; Unfit says what the type takes."""
    if kind.startswith("array<"):
        return _array([from_text(_bare(e, kind), kind[6:-1], time) for e in elements(text)])
    match kind:
        case "fields":
            return _field_list([unquote(e) for e in elements(text)])
        case "any":
            return _as_it_looks(text)
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
    from .planner.bind import array_literal

    try:
        return array_literal(values)
    except TypeError:
        raise Unfit("values of one type") from None


def _field_list(names: list[str]) -> Literal:
    if not names or not all(names):
        raise Unfit("the names of fields, with commas between them")
    return Literal(type=FIELDS, value=names)


def _duration(text: str) -> Literal:
    length = parse_duration(text)
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
    """A Python value, checked against the parameter's type. Times and durations may be text."""
    from .planner.bind import literal_of

    if kind == "fields" and isinstance(value, str):
        return from_text(value, kind, time)
    if (kind == "fields" or kind.startswith("array<")) and isinstance(value, list | tuple):
        if kind == "fields":
            return _field_list([from_value(v, "field", time).value for v in value])
        return _array([from_value(v, kind[6:-1], time, zone) for v in value])
    try:
        given = value if isinstance(value, Literal) else literal_of(value, zone)
    except TypeError as why:
        raise Unfit(f"a {kind} ({why})") from None
    if given.value is None or kind == "any":
        return given
    got = given.type.kind
    if kind == "fields" or kind.startswith("array<"):
        if got != "array":
            raise Unfit("a list of fields" if kind == "fields" else f"a list of {kind[6:-1]}")
        return _array([from_value(v, kind[6:-1], time, zone) for v in given.value])
    if got == "string" and kind in ("date", "duration"):
        return from_text(given.value, kind, time)
    wanted = {"int": ("long",), "long": ("long",), "double": ("long", "double"), "duration": ("duration", "months")}
    if got not in wanted.get(kind, ("string",) if kind in NAMES else (kind,)):
        raise Unfit(f"a {kind}, not a {given.type}")
    if kind == "int" and not -(2**31) <= given.value < 2**31:
        raise Unfit("a whole number of 32 bits")
    if kind == "field":
        return Literal(type=FIELD, value=given.value)
    return Literal(type=DOUBLE, value=float(given.value)) if kind == "double" else given


__all__ = ["Param", "SavedQuery", "bind_params", "decoded", "formatted", "from_text", "from_value", "read_saved"]
