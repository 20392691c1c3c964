"""Saved queries: a header of typed parameters, then one pipeline."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from .planner.expr import Literal
from .planner.option_values import Unfit, number, parse_duration, unquote
from .planner.text import Fault, QueryError, Span, error, nearest
from .planner.types import BOOL, DATE, DOUBLE, DURATION, INT, LONG, MONTHS, NULL, STRING, Type

TYPES: Mapping[str, Type] = {
    "string": STRING, "int": INT, "long": LONG, "double": DOUBLE, "bool": BOOL, "date": DATE, "duration": DURATION,
    "field": STRING, "table": STRING, "any": NULL,
}  # fmt: skip
LATER = frozenset({"fields", "array"})
PARAM = re.compile(r"param\s+([^\W\d]\w*)\s*:\s*([a-z]+)(?:\s*=\s*(.*?))?\s*(?://.*)?$")
HEADER = re.compile(r"\s*(param|use|def)\b")


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


def read_saved(source: str, file: str) -> SavedQuery:
    """Splits a `.cq` file; E201, E309 or E410 at the line that cannot be read."""
    source = source.removeprefix("\ufeff")
    params: list[Param] = []
    told: list[str] = []
    masked = list(source)
    at = 0
    for line in source.splitlines(keepends=True):
        bare = line.strip()
        span = Span(at, at + len(line.rstrip()))
        if bare.startswith("///"):
            told.append(bare[3:].strip())
        elif HEADER.match(line):
            params.append(_param(source, bare, span, file))
        elif bare and not bare.startswith("//"):
            break
        masked[at : at + len(line)] = [c if c == "\n" else " " for c in line]
        at += len(line)
    seen: set[str] = set()
    for p in params:
        if p.name in seen:
            raise _fault(source, "E410", f"two parameters are named '{p.name}'", p.span, file)
        seen.add(p.name)
    return SavedQuery(file, "".join(masked), tuple(params), "\n".join(told))


def _param(source: str, line: str, span: Span, file: str) -> Param:
    if line.startswith(("use", "def")):
        raise _fault(source, "E309", f"'{line.split()[0]}' in a saved query is not in this version", span, file)
    found = PARAM.match(line)
    if found is None:
        raise _fault(source, "E201", "a parameter is written 'param name: type = default'", span, file)
    if found[2] in LATER:
        raise _fault(source, "E309", f"parameters of type {found[2]} are not in this version", span, file)
    if found[2] not in TYPES:
        raise _fault(source, "E410", f"no parameter type is named '{found[2]}'", span, file,
                     suggestions=nearest(found[2], TYPES, 1), hint="types: " + ", ".join(TYPES))  # fmt: skip
    return Param(found[1], found[2], found[3], span)


def _fault(source: str, code: str, message: str, span: Span, file: str, **more: Any) -> QueryError:
    return error(source, [Fault(code=code, message=message, span=span, file=file, **more)])


def bind_params(
    saved: SavedQuery, source: str, given: Mapping[str, Any], *, is_text: bool, time: Callable[[str], int | None],
    evaluate: Callable[[str], Literal],
) -> dict[str, Literal]:  # fmt: skip
    """Values of all parameters by their types. `is_text`: `given` is text from a command line, to be parsed by type."""
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
                out[p.name] = (
                    from_text(given[p.name], p.type, time) if is_text else from_value(given[p.name], p.type, time)
                )
            elif p.default is not None:
                out[p.name] = _default(p, time, evaluate)
            else:
                raise _fault(source, "E410", f"parameter '{p.name}' ({p.type}) has no value", p.span, saved.file,
                             hint=f"give it: -p {p.name}=...")  # fmt: skip
        except Unfit as why:
            shown = given.get(p.name, p.default)
            raise _fault(source, "E410", f"parameter '{p.name}' cannot be {shown!r}", p.span, saved.file,
                         hint=f"it takes {why}") from None  # fmt: skip
    return out


def _default(p: Param, time: Callable[[str], int | None], evaluate: Callable[[str], Literal]) -> Literal:
    assert p.default is not None
    if p.type in ("field", "table", "string") and re.fullmatch(r"[\w.@*-]+", p.default):
        return Literal(type=STRING, value=p.default)
    try:
        return from_text(unquote(p.default), p.type, time)
    except Unfit:
        value = evaluate(p.default)
    return from_value(value, p.type, time)


def from_text(text: str, kind: str, time: Callable[[str], int | None]) -> Literal:
    """A value of a type from the text of a command line."""
    match kind:
        case "string" | "field" | "table" | "any":
            return Literal(type=STRING, value=text)
        case "int" | "long":
            got = number(text)
            limit = 2**31 if kind == "int" else 2**63
            if not isinstance(got, int) or not -limit <= got < limit:
                raise Unfit(f"a whole number ({kind})")
            return Literal(type=TYPES[kind], value=got)
        case "double":
            got = number(text)
            if got is None:
                raise Unfit("a number")
            return Literal(type=DOUBLE, value=float(got))
        case "bool":
            words = {"t": True, "true": True, "f": False, "false": False}
            if text.lower() not in words:
                raise Unfit("true or false")
            return Literal(type=BOOL, value=words[text.lower()])
        case "date":
            us = time(text)
            if us is None:
                raise Unfit("a time such as 20261101 or 2026-11-01T10:00")
            return Literal(type=DATE, value=us)
    length = parse_duration(text)
    if length is None:
        raise Unfit("a duration such as 5m or 1d")
    return (
        Literal(type=MONTHS, value=length.months) if length.months else Literal(type=DURATION, value=length.ns // 1000)
    )


def from_value(value: Any, kind: str, time: Callable[[str], int | None]) -> Literal:
    """A Python value, checked against the parameter's type."""
    from .planner.bind import literal_of

    if isinstance(value, Literal):
        literal = value
    else:
        try:
            literal = literal_of(value)
        except TypeError as why:
            raise Unfit(f"a {kind} ({why})") from None
    if literal.value is None or kind == "any":
        return literal
    got = literal.type.kind
    if isinstance(literal.value, str) and kind not in ("string", "field", "table"):
        return from_text(literal.value, kind, time)
    fits = {
        "string": got == "string", "field": got == "string", "table": got == "string", "long": got == "long",
        "int": got == "long" and -(2**31) <= literal.value < 2**31, "double": got in ("long", "double"), "bool": got == "bool",
        "date": got == "date", "duration": got in ("duration", "months"),
    }  # fmt: skip
    if not fits[kind]:
        raise Unfit(f"a {kind}, not {literal.type}")
    if kind == "double":
        return Literal(type=DOUBLE, value=float(literal.value))
    return literal


__all__ = ["Param", "SavedQuery", "bind_params", "from_text", "from_value", "read_saved"]
