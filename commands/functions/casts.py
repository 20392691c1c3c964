"""Conversions: `long int double bool string`, and the coercions that the binder puts before arguments (`@text`, ...)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pyarrow as pa

from ...engine import casting
from ...engine.arrow import no_value, nulls
from ...engine.batch import Spans
from ...engine.exprs import Eval, Value, plain
from ...engine.values import to_text
from ...planner.types import BOOL, DATE, DOUBLE, DURATION, INT, LONG, STRING, Type, array_of
from ..base import CallBinder, function

GROUP = "Reference, type, condition"
Convert = Callable[..., "pa.Array[Any]"]


def _of(result: Type) -> Callable[[CallBinder], Type]:
    """Result of a conversion that maps over arrays; the kernel needs the argument's type."""

    def bind(call: CallBinder) -> Type:
        call.data = call.types[0]
        return array_of(result) if call.types[0].kind == "array" else result

    return bind


def _keeping(result: Type, *kept: str) -> Callable[[CallBinder], Type]:
    def bind(call: CallBinder) -> Type:
        call.data = call.types[0]
        return call.types[0] if call.types[0].kind in kept else result

    return bind


def _null(value: Value, kind: pa.DataType) -> Value:
    return no_value(kind) if isinstance(value, pa.Scalar) else nulls(len(value), kind)


def _convert(ev: Eval, value: Value, convert: Convert, result: Type) -> Value:
    type_: Type = ev.data
    column: Any = value if isinstance(value, Spans) else plain(value, ev.n)
    if type_.kind == "null":
        return _null(column, result.arrow)
    if type_.kind == "array":
        return casting.over_elements(convert, column, type_.item or STRING, ev.reject)
    return convert(column, type_, ev.reject, ev.compiled)


@function(
    "long", args=("any",), returns=_of(LONG), spans=(0,), group=GROUP, syntax="long(E)",
    summary="A 64-bit whole number from text, a number (truncated), a bool, a date (epoch ms), a duration (ms) or an IP.",
    examples=[('long(" 42 ")', "42"), ("long(4.9)", "4"), ('long("1.0")', "null"), ('long("0x2a")', "42")],
)  # fmt: skip
def long(ev: Eval, value: Value) -> Value:
    return _convert(ev, value, casting.to_long, LONG)


@function(
    "int", args=("any",), returns=_of(INT), spans=(0,), group=GROUP, syntax="int(E)",
    summary="As long; a value that 32 bits cannot hold is null, counted.",
    examples=[('int("-7")', "-7"), ("int(true)", "1"), ("int(3000000000)", "null")],
)  # fmt: skip
def int_(ev: Eval, value: Value) -> Value:
    return _convert(ev, value, casting.to_int, INT)


@function(
    "double", args=("any",), returns=_of(DOUBLE), spans=(0,), group=GROUP, syntax="double(E)",
    summary="A double from text, a number, a bool, a date (epoch ms), a duration (ms) or an IP.",
    examples=[('double("1e3")', "1000.0"), ("double(2)", "2.0"), ('double("x")', "null")],
)  # fmt: skip
def double(ev: Eval, value: Value) -> Value:
    return _convert(ev, value, casting.to_double, DOUBLE)


@function(
    "bool", args=("any",), returns=_of(BOOL), spans=(0,), group=GROUP, syntax="bool(E)",
    summary="true, false, t, f, 1, 0 (any case) as a boolean; anything else is null, counted.",
    examples=[('bool("T")', "true"), ("bool(0)", "false"), ('bool("yes")', "null")],
)  # fmt: skip
def bool_(ev: Eval, value: Value) -> Value:
    return _convert(ev, value, casting.to_bool, BOOL)


def _bind_string(call: CallBinder) -> Type:
    kind = call.types[0]
    form = call.constant(1)
    place = call.constant(2)
    if len(call.args) > 1 and kind.kind not in ("date", "null", "any"):
        call.fail("E330", f"string with a format takes a date, not {kind}", 0, hint="date(x) reads text as a date")
    for i in range(1, len(call.args)):
        if not call.is_constant(i) or not isinstance(call.constant(i), str):
            call.fail("E307", f"{'the format' if i == 1 else 'the locale or zone'} must be a constant text", i)
    zone, locale = call.zone, None
    if place is not None:
        from ...engine.zones import is_zone

        zone, locale = (place, None) if is_zone(place) else (call.zone, place)
    call.data = (kind, form, zone, locale)
    return STRING


@function(
    "string", args=("any", "any", "any"), least=1, most=3, returns=_bind_string, group=GROUP, aliases=("str",),
    syntax="string(E) or string(DATE, FMT[, LOCALE or TZ])",
    summary="Any value as text; a date by a format of Java's letters.",
    examples=[("string(1.0)", '"1.0"'), ("string(true)", '"true"'), ("string(90m)", '"1h30m"')],
)  # fmt: skip
def string(ev: Eval, value: Value, *_: Value) -> Value:
    kind, form, zone, locale = ev.data
    array = ev.array(value)
    if kind.kind == "null":
        return nulls(ev.n, pa.string())
    if form is None:
        return to_text(array, kind, zone)
    from ...engine.dateformat import format_dates

    return format_dates(array, form, zone, locale)


# coercions: arguments of other functions pass through them


@function("@text", args=("any",), returns=_keeping(STRING), summary="Any value as text.", group="internal")
def at_text(ev: Eval, value: Value) -> Value:
    return nulls(ev.n, pa.string()) if ev.data.kind == "null" else to_text(ev.array(value), ev.data, ev.zone)


def _refusing(name: str, result: Type, kept: tuple[str, ...], hint: str) -> None:
    @function(
        name, args=("any",), returns=_keeping(result, *kept), summary="Other types are null, counted.", group="internal"
    )
    def coerce(ev: Eval, value: Value) -> Value:
        if ev.data.kind in kept:
            return value
        return _refuse(ev, value, result, hint)


def _refuse(ev: Eval, value: Value, result: Type, hint: str) -> Value:
    if ev.data.kind == "null":
        return nulls(ev.n, result.arrow)
    return casting.refuse_all(ev.array(value), result.arrow, lambda r, bad, v, _: ev.reject(r, bad, v, hint))


_refusing("@number", DOUBLE, ("long", "double"), "double(x)")
_refusing("@date", DATE, ("date",), "date(x)")
_refusing("@bool", BOOL, ("bool",), "bool(x)")
_refusing("@duration", DURATION, ("duration",), "")


@function(
    "@parsed",
    args=("any",),
    returns=_keeping(DOUBLE, "long", "double"),
    spans=(0,),
    summary="Text read as a number.",
    group="internal",
)
def at_parsed(ev: Eval, value: Value) -> Value:
    if ev.data.kind in ("long", "double"):
        return value
    if ev.data.kind in casting.TEXTS:
        return _convert(ev, value, casting.to_double, DOUBLE)
    return _refuse(ev, value, DOUBLE, "double(x)")


@function("@integer", args=("any",), returns=_keeping(LONG, "long"), summary="A number, truncated.", group="internal")
def at_integer(ev: Eval, value: Value) -> Value:
    if ev.data.kind in ("long", "double"):
        return _convert(ev, value, casting.to_long, LONG)
    return _refuse(ev, value, LONG, "long(x)")
