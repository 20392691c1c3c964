"""Which fields take the value of `fillnull`, and what it is in their type."""

from __future__ import annotations

from decimal import Context, Decimal
from typing import Any

from ..engine.decimals import MOST_DIGITS, scale_of
from ..planner import option_values
from ..planner.expr import Literal
from ..planner.text import Span
from ..planner.types import DATE, DOUBLE, LONG, Type
from .base import Args

_EXACT = Context(prec=400)
Filled = tuple[tuple[str, Type], ...]


def value_fields(args: Args, listed: tuple[str, ...], apart: set[str]) -> tuple[Filled, tuple[Any, ...]]:
    """Fields with their types when they are filled, and the value for each. E311 for one that cannot take it."""
    value = _value(args)
    out: list[tuple[str, Type]] = []
    values: list[Any] = []
    for name in listed or tuple(n for n in args.schema.names() if n not in apart):
        kind = args.schema.type(name)
        if kind is None or (kind.kind == "any" and args.schema.open):
            continue
        found = in_type(args, value, kind, _written(args)) if listed else _as_it_is(value, kind)
        if found is not None:
            out.append((name, found[0]))
            values.append(found[1])
        elif listed:
            args.fail("E311", f"'{name}' is {kind}: it cannot be {_shown(args)}", _place(args, name), hint=way(kind))
    if not out and not listed and not args.schema.open:
        args.note("info", f"no field is of a type that takes {_shown(args)}", hint="name the fields, or another value=")
    return tuple(out), tuple(values)


def _value(args: Args) -> Literal:
    value: Literal | None = args.option("value")
    if value is None and args.given("value"):
        args.abort("E311", "value= cannot be null", args.option_span("value"))
    value = value or Literal(type=LONG, value=0)
    if value.value is None:
        args.abort("E311", "value= cannot be null", args.option_span("value"))
    if value.type.kind == "long" and not -(2**63) <= value.value < 2**63:
        args.abort(
            "E311", f"{value.value} does not fit 64 bits", args.option_span("value"), hint=f"value={value.value}.0"
        )
    return value


def _as_it_is(value: Literal, kind: Type) -> tuple[Type, Any] | None:
    """Where no field is named: those whose type holds the value already."""
    if kind.kind == "null":
        return _plain(value.type), value.value
    if kind.kind == "double" and value.type.kind == "long":
        return kind, float(value.value)
    if kind.kind == "decimal" and value.type.kind in ("long", "double"):
        return _as_decimal(value.value, kind)
    if kind.kind == "any":
        return (kind, value.value) if value.type.kind == "string" else None
    if kind.kind == "date" and value.type.kind == "date":
        return kind, _in_unit(value, kind)
    same = kind.kind == value.type.kind and kind.kind not in ("array", "map", "other", "months")
    return (kind, value.value) if same else None


def _as_decimal(value: float, kind: Type) -> tuple[Type, Decimal] | None:
    """The number as it is written, if it has no more digits than the field's values."""
    written, scale = Decimal(repr(value)), scale_of(kind)
    if not written.is_finite() or written.adjusted() >= MOST_DIGITS - scale:
        return None
    made = written.quantize(Decimal(1).scaleb(-scale), context=_EXACT)
    return (kind, made) if made == written else None


def in_type(args: Args, value: Literal, kind: Type, written: str) -> tuple[Type, Any] | None:
    """The type of a field that is named, and the value in it: the field may widen, and text takes what is `written`. None: it cannot be."""
    if (found := _as_it_is(value, kind)) is not None:
        return found
    if kind.kind == "long" and value.type.kind == "double":
        return DOUBLE, value.value
    if kind.kind in ("string", "any"):
        return None if written.startswith("$") else (kind, written)
    if kind.kind == "date" and value.type.kind == "string":
        instant = args.binder.parse_time(value.value)
        return None if instant is None else (kind, instant * 1000 if kind.unit == "ns" else instant)
    if kind.kind == "ip" and value.type.kind == "string":
        found_ip = args.binder.constant(args.binder.apply("ip", [value], [args.span], args.span, args.schema))
        return None if found_ip.value is None else (kind, found_ip.value)
    return None


def _written(args: Args) -> str:
    raw = args.parsed.option("value")
    return "0" if raw is None else option_values.unquote(raw.value)


def _plain(kind: Type) -> Type:
    """The type of a field that had none: widths are those of literals."""
    return Type(kind.kind, item=kind.item, members=kind.members, unit=kind.unit) if kind.kind != "date" else DATE


def _in_unit(value: Literal, kind: Type) -> int:
    ticks: int = value.value
    if value.type.unit == kind.unit:
        return ticks
    return ticks * 1000 if kind.unit == "ns" else ticks // 1000


def _shown(args: Args) -> str:
    raw = args.parsed.option("value")
    return "0" if raw is None else raw.value


def _place(args: Args, name: str) -> Span:
    return next((f.span for f in args.many("names") if getattr(f, "name", "") == name), args.place("names"))


def way(kind: Type) -> str:
    if kind.kind == "decimal":
        return f"a number of at most {scale_of(kind)} digits behind the point"
    ways = {
        "bool": "value=true or value=false",
        "date": "value=2026-11-01, or method=prev",
        "ip": "value=0.0.0.0",
        "duration": "value=5m",
        "decimal": "a number with no more digits behind the point than the field has",
    }
    return ways.get(kind.kind, "value=0" if kind.is_number else "method=prev or method=next")
