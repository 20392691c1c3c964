"""Dates and text: `date`, `strptime`, `strftime`. (`string(DATE, FMT)` stands with the conversions.)"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa

from ...engine.arrow import call as compute
from ...engine.arrow import indices, is_valid, nulls
from ...engine.batch import Spans
from ...engine.datecolumns import dates_from
from ...engine.dateletters import BadFormat, Format, java, locale_of, percent
from ...engine.dateparse import Parsed, parse_dates
from ...engine.exprs import DIGITS_CUT, Eval, Value, plain
from ...engine.zones import NS, US, is_zone
from ...planner.records import dataclass
from ...planner.types import DATE, DATE_NS, STRING
from ..base import DATE_ARG, TEXT, CallBinder, Type, function

GROUP = "Dates"
NAME_IT = 'name the format: date(x, "yyyy-MM-dd")'
Compile = Callable[[str, str], Format]


@dataclass(frozen=True, slots=True)
class Reading:
    """How a call reads its text. `fmt` None: told apart row by row, or (`varies`) the second argument of each row."""

    kind: Type
    fmt: Format | None
    zone: str
    locale: str = "en"
    varies: bool = False


def locale_and_zone(call: CallBinder, i: int) -> tuple[str, str]:
    """The last argument of date() and string(): a locale, or else a zone; E307 if it is neither."""
    given = call.constant(i) if i < len(call.args) else None
    if i < len(call.args) and not call.is_constant(i):
        call.fail("E307", f"the locale or time zone of {call.name} must be a constant", i)
    if given is None:
        return "en", call.zone
    if isinstance(given, str):
        if (locale := locale_of(given)) is not None:
            return locale, call.zone
        if is_zone(given):
            return "en", given
    call.fail(
        "E307",
        f"no locale or time zone named '{given}'",
        i,
        hint="locales: en, ko; zones: UTC, Asia/Seoul, +09:00, ...",
    )


def compiled(call: CallBinder, i: int, build: Compile, locale: str, *, read: bool) -> Format | None:
    """A constant format; None for a null one. E307 if it can never work."""
    given = call.constant(i)
    if given is None:
        return None
    if not isinstance(given, str):
        call.fail("E307", f"the format of {call.name} must be text", i)
    try:
        fmt = build(given, locale)
        if read:
            from ...engine.dateforms import form_of

            form_of(fmt)
    except BadFormat as why:
        call.fail("E307", str(why), i)
    return fmt


def _bind_date(call: CallBinder) -> Type:
    kind = call.types[0]
    locale, zone = locale_and_zone(call, 2)
    fmt = compiled(call, 1, java, locale, read=True) if len(call.args) > 1 else None
    varies = len(call.args) > 1 and not call.is_constant(1)
    is_null = len(call.args) > 1 and not varies and fmt is None and kind.kind != "date"
    call.data = None if is_null else Reading(kind, fmt, zone, locale, varies)
    if kind.kind == "date":
        return kind
    return DATE_NS if fmt is not None and fmt.nanos else DATE


@function(
    "date", args=("any", TEXT, "any"), least=1, most=3, returns=_bind_date, spans=(0,), group=GROUP,
    syntax="date(TEXT[, FMT][, LOCALE or TZ])",
    summary="Text as a date, by Java's letters; without a format ISO 8601, common log, syslog and compact digits. Bad text is null, counted.",
    examples=[
        ('date("2026-11-01 10:00", "yyyy-MM-dd HH:mm")', 'date("20261101100000")'),
        ('date("17/May/2015:10:05:03 +0900")', 'date("2015-05-17T01:05:03Z")'),
        ('date("2026-13-01", "yyyy-MM-dd")', "null"),
        ('date("2026-11-01", "yyyy-MM-dd", "Asia/Seoul")', 'date("2026-10-31T15:00:00Z")'),
        ("date(null)", "null"),
    ],
)  # fmt: skip
def date(ev: Eval, value: Value, *more: Value) -> Value:
    how: Reading | None = ev.data
    if how is None:
        return nulls(ev.n, DATE.arrow)
    if how.kind.kind == "date":
        return value
    text = _text_of(ev, value, how.kind)
    if how.varies:
        return _by_row(ev, text, ev.array(more[0]), java, how)
    return _read(ev, text, how.fmt, how.zone, "epoch(x) reads seconds since 1970" if how.kind.is_number else NAME_IT)


def _bind_strptime(call: CallBinder) -> Type:
    fmt = compiled(call, 1, percent, "en", read=True)
    call.data = Reading(STRING, fmt, call.zone, varies=not call.is_constant(1))
    return DATE_NS if fmt is not None and fmt.nanos else DATE


@function(
    "strptime", args=(TEXT, TEXT), returns=_bind_strptime, spans=(0,), group=GROUP, syntax="strptime(S, FMT)",
    summary="Text as a date, by % letters as in Python and DuckDB; bad text is null, counted.",
    examples=[('strptime("01/11/2026", "%d/%m/%Y")', 'date("2026-11-01")'), ('strptime("x", "%Y")', "null")],
)  # fmt: skip
def strptime(ev: Eval, value: Value, fmt: Value) -> Value:
    how: Reading = ev.data
    text = value if isinstance(value, Spans) else ev.array(value)
    if how.varies:
        return _by_row(ev, text, ev.array(fmt), percent, how)
    if how.fmt is None:
        return nulls(ev.n, DATE.arrow)
    return _read(ev, text, how.fmt, how.zone)


def _text_of(ev: Eval, value: Value, kind: Type) -> Any:
    if isinstance(value, Spans):
        return value
    array = ev.array(value)
    if pa.types.is_null(array.type):
        return pa.nulls(ev.n, pa.string())
    if pa.types.is_string(array.type):
        return array
    from ...engine.values import to_text

    return to_text(array, kind, ev.zone)


def _read(ev: Eval, text: Any, fmt: Format | None, zone: str, hint: str = "") -> Value:
    ticks = NS if fmt is not None and fmt.nanos else US
    got = parse_dates(text, fmt, zone, ev.now_us, ticks)
    _tell(ev, got, text, hint if fmt is None else f"it is read as {fmt.source}")
    return dates_from(got.values, got.null | got.bad, ticks)


def _tell(ev: Eval, got: Parsed, text: Any, hint: str) -> None:
    ev.reject("date", got.bad, text, hint)
    ev.reject("dst", got.doubtful, text)
    ev.reject(DIGITS_CUT, got.cut, text)


def _by_row(ev: Eval, text: Any, formats: pa.Array[Any], build: Compile, how: Reading) -> Value:
    """A format a row: each distinct one over its rows. A format that cannot be refuses them."""
    text = plain(text, ev.n)
    values = np.zeros(ev.n, np.int64)
    null = ~(is_valid(text) & is_valid(formats))
    bad, doubtful, cut = (np.zeros(ev.n, np.bool_) for _ in range(3))
    coded: Any = compute("dictionary_encode", formats)
    codes = compute("fill_null", coded.indices, -1).to_numpy()
    for code, form in enumerate(coded.dictionary.to_pylist()):
        rows = np.flatnonzero((codes == code) & ~null)
        if not len(rows):
            continue
        try:
            got = parse_dates(text.take(indices(rows)), build(form, how.locale), how.zone, ev.now_us)
        except BadFormat:
            bad[rows] = True
            continue
        values[rows], bad[rows], doubtful[rows], cut[rows] = got.values, got.bad, got.doubtful, got.cut
    _tell(ev, Parsed(values, null, bad, doubtful, cut), text, "it does not fit the format of its row")
    return dates_from(values, null | bad)


def _bind_strftime(call: CallBinder) -> Type:
    if not call.is_constant(1):
        call.fail("E307", "the format of strftime must be a constant", 1)
    call.data = compiled(call, 1, percent, "en", read=False)
    return STRING


@function(
    "strftime", args=(DATE_ARG, TEXT), returns=_bind_strftime, group=GROUP, syntax="strftime(D, FMT)",
    summary="A date as text, by % letters as in Python and DuckDB, in the session's zone.",
    examples=[('strftime(date("2026-11-01"), "%d.%m.%Y %H:%M")', '"01.11.2026 00:00"'), ('strftime(null, "%Y")', "null")],
)  # fmt: skip
def strftime(ev: Eval, value: Value, _: Value) -> Value:
    if ev.data is None:
        return pa.nulls(ev.n, pa.string())
    from ...engine.dateformat import format_dates

    return format_dates(ev.array(value), ev.data, ev.zone)
