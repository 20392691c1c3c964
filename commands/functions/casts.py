"""Conversions: `long int double bool string`, and the coercions that the binder puts before arguments (`@text`, ...)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa

from ...engine import casting
from ...engine.arrow import call as compute
from ...engine.arrow import concat, indices, is_valid, no_value, nulls
from ...engine.batch import Spans
from ...engine.exprs import Eval, Value, plain
from ...engine.values import to_text
from ...planner.records import dataclass
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


@dataclass(frozen=True, slots=True)
class Form:
    """How `string` writes: `letters` None for the default text; `computed`: the format is a column."""

    type: Type
    zone: str
    locale: str = "en"
    letters: Any = None
    computed: bool = False


def _bind_string(call: CallBinder) -> Type:
    kind = call.types[0]
    if len(call.args) < 2:
        call.data = Form(kind, call.zone)
        return STRING
    if kind.kind not in ("date", "null", "any"):
        call.fail("E330", f"string with a format takes a date, not {kind}", 0, hint="date(x) reads text as a date")
    if call.types[1].kind not in ("string", "any", "null"):
        call.fail("E307", "the format must be text", 1)
    locale, zone = _place(call)
    call.data = Form(kind, zone, locale, _letters(call, locale), not call.is_constant(1))
    return STRING


def _place(call: CallBinder) -> tuple[str, str]:
    """Locale and zone: the third argument is one or the other."""
    if len(call.args) < 3:
        return "en", call.zone
    from ...engine.dateparse import locale_or_zone

    name = call.constant(2)
    locale, zone = locale_or_zone(name) if isinstance(name, str) else (None, None)
    if locale is None and zone is None:
        call.fail(
            "E307",
            f"'{name}' is no locale and no time zone" if name else "the locale or zone must be a constant text",
            2,
        )
    return locale or "en", zone or call.zone


def _letters(call: CallBinder, locale: str) -> Any:
    from ...engine.dateletters import BadFormat, java

    form = call.constant(1)
    if form is None:
        return None
    try:
        return java(form, locale)
    except BadFormat as why:
        call.fail("E307", str(why), 1)


@function(
    "string", args=("any", "any", "any"), least=1, most=3, returns=_bind_string, group=GROUP, aliases=("str",),
    syntax="string(E) or string(DATE, FMT[, LOCALE or TZ])",
    summary="Any value as text; a date by a format of Java's letters.",
    examples=[
        ("string(1.0)", '"1.0"'), ("string(true)", '"true"'), ("string(90m)", '"1h30m"'),
        ('string(date("2026-11-01"), "yyyy/MM/dd")', '"2026/11/01"'),
    ],
)  # fmt: skip
def string(ev: Eval, value: Value, *rest: Value) -> Value:
    form: Form = ev.data
    array = ev.array(value)
    if (
        form.type.kind == "null"
        or (rest and pa.types.is_null(ev.array(rest[0]).type))
        or (rest and not form.computed and form.letters is None)
    ):
        return nulls(ev.n, pa.string())
    if not rest:
        return to_text(array, form.type, form.zone)
    from ...engine.dateformat import format_dates

    if not form.computed:
        return format_dates(array, form.letters, form.zone, form.locale)
    return _by_formats(ev, array, ev.array(rest[0]))


def _by_formats(ev: Eval, dates: pa.Array[Any], formats: pa.Array[Any]) -> pa.Array[Any]:
    """A format a row: each distinct one is read once; one that cannot be is refused."""
    from ...engine.dateformat import format_dates
    from ...engine.dateletters import BadFormat, java

    form: Form = ev.data
    coded: Any = compute("dictionary_encode", formats)
    codes = np.asarray(compute("fill_null", coded.indices, -1))
    texts, rows, bad = (
        [nulls(int((codes < 0).sum()), pa.string())],
        [np.flatnonzero(codes < 0)],
        np.zeros(ev.n, np.bool_),
    )
    for code, letters in enumerate(coded.dictionary.to_pylist()):
        here = np.flatnonzero(codes == code)
        rows.append(here)
        try:
            texts.append(format_dates(dates.take(indices(here)), java(letters, form.locale), form.zone))
        except BadFormat:
            bad[here] = True
            texts.append(nulls(len(here), pa.string()))
    ev.reject("date", bad & is_valid(dates), formats, "the format cannot be")
    back = np.empty(ev.n, np.int64)
    back[np.concatenate(rows)] = np.arange(ev.n)
    return concat(texts).take(indices(back))


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
        if ev.data.kind == "decimal" and result is DOUBLE:
            return _convert(ev, value, casting.to_double, DOUBLE)
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
    if ev.data.kind in (*casting.TEXTS, "decimal"):
        return _convert(ev, value, casting.to_double, DOUBLE)
    return _refuse(ev, value, DOUBLE, "double(x)")


@function("@integer", args=("any",), returns=_keeping(LONG, "long"), summary="A number, truncated.", group="internal")
def at_integer(ev: Eval, value: Value) -> Value:
    if ev.data.kind in ("long", "double", "decimal"):
        return _convert(ev, value, casting.to_long, LONG)
    return _refuse(ev, value, LONG, "long(x)")
