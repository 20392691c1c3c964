"""Parts of dates and grids of time: `datetrunc`, `datepart`, `daterange`."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from ...engine.arrow import array_from, buffer_of, coded, nulls
from ...engine.batch import Column
from ...engine.calendar import BadSpan, Span, beyond, bucket_codes, bucket_start, is_even, zone
from ...engine.datecolumns import dates_from, ends_of, instants_of, plain_instants, ticks_of
from ...engine.dateops import DAY_NS, Unit, expected_items, ranges
from ...engine.exprs import Eval, Value
from ...engine.zones import NS, US
from ...planner.text import fault
from ...planner.types import DATE, DATE_NS, array_of
from ..base import DATE_ARG, LONG, CallBinder, Type, function
from .dates import duration_of, unit_of

GROUP = "Dates"
MANY_ITEMS = 10_000_000
MOST_ITEMS = 2**31 - 1  # of an Arrow list column


def _bind_datetrunc(call: CallBinder) -> Type:
    for name in ("span", "offset"):
        if name in call.named:
            place = 1 if name == "span" else 2
            if len(call.args) != place:
                call.fail("E306", f"datetrunc gets its {name} twice, or no span", None)
            call.args = [*call.args, call.named.pop(name)]
    if len(call.args) < 2:
        call.fail("E306", "datetrunc takes a span", None, hint='datetrunc(D, "5m")')
    span, offset = duration_of(call, 1), duration_of(call, 2) if len(call.args) > 2 else None
    kind = call.types[0] if call.types[0].kind == "date" else DATE
    if span is None or (len(call.args) > 2 and offset is None):
        return kind
    try:
        grid = Span.of(span, offset)
    except BadSpan as why:
        call.fail("E307", str(why), 1)
    if not grid.fits(NS if kind.unit == "ns" else US):
        call.fail("E307", "a date of microseconds has no buckets of nanoseconds", 1)
    call.data = grid
    return kind


def _datetrunc_codes(ev: Eval, date: Value, *_: Value) -> Column | None:
    array = ev.array(date)
    if ev.data is None or array.null_count or not len(array):
        return None
    instants, ticks = plain_instants(array), ticks_of(array)
    ends = None
    if not ev.compiled or not is_even(ev.data, ev.zone, ticks):  # else one pass tells both
        ends = ends_of(instants, ev.compiled)
        if beyond(instants, ev.data, ticks, ends) is not None:
            return None
    found = bucket_codes(instants, ev.data, ev.zone, ticks, ev.compiled, ends)
    return None if found is None else coded(array_from(found[0]), dates_from(found[1], None, ticks))


@function(
    "datetrunc", args=(DATE_ARG, "any", "any"), least=1, most=3, returns=_bind_datetrunc, group=GROUP,
    syntax='datetrunc(D, "5m"[, OFFSET])',
    summary="The start of the date's bucket on the grid of timechart, in the session's zone; a span of 0 gives the date itself.",
    examples=[
        ('datetrunc(date("2026-11-01 10:07:31"), "5m")', 'date("2026-11-01 10:05:00")'),
        ('datetrunc(date("2026-11-18"), "1q")', 'date("2026-10-01")'),
        ('datetrunc(date("2026-11-01 08:00:00"), "1d", "9h")', 'date("2026-10-31 09:00:00")'),
        ('datetrunc(null, "1h")', "null"),
    ],
    codes=_datetrunc_codes,
)  # fmt: skip
def datetrunc(ev: Eval, date: Value, *_: Value) -> Value:
    array = ev.array(date)
    if ev.data is None:
        return nulls(ev.n, array.type)
    instants, valid = instants_of(array)
    far = beyond(instants, ev.data, ticks_of(array))
    if far is not None:  # the values of null rows are no matter, but must do no harm
        ev.reject("overflow", far & valid, date)
        instants, valid = np.where(far, 0, instants), valid & ~far
    return dates_from(bucket_start(instants, ev.data, ev.zone, ticks_of(array)), ~valid, ticks_of(array))


_FIELDS = {"year": "year", "isoyear": "isoyear", "quarter": "quarter", "mon": "month", "month": "month", "week": "isoweek",
           "day": "day", "doy": "yday", "dow": "dow", "isodow": "isodow", "hour": "hour", "min": "minute", "minute": "minute",
           "sec": "second", "second": "second", "seconds": "second"}  # fmt: skip
_PARTS = ("century", "decade", *_FIELDS, "msec", "milliseconds", "microseconds", "epoch", "timezone", "timezone_hour",
          "timezone_minute", "millenium", "millennium")  # fmt: skip


def _bind_datepart(call: CallBinder) -> Type:
    if call.is_constant(1) and call.constant(1) in _PARTS:
        call.data = call.constant(1)
        return LONG
    call.data = unit_of(call, 1, _PARTS, "part of a date")
    return LONG


@function(
    "datepart", args=(DATE_ARG, "any"), returns=_bind_datepart, group=GROUP, syntax="datepart(D, PART)",
    summary="A number out of a date, in the session's zone: " + " ".join(p for p in _PARTS if p not in ("minute", "second", "millennium")),
    examples=[
        ('datepart(date("2026-11-01"), "dow")', "0"),
        ('datepart(date("2026-11-01"), "week")', "44"),
        ('datepart(date("2026-11-01 10:05:03.250"), "milliseconds")', "3250"),
        ('datepart(null, "year")', "null"),
    ],
)  # fmt: skip
def datepart(ev: Eval, date: Value, _: Value) -> Value:
    part: str | None = ev.data
    if part is None:
        return pa.nulls(ev.n, pa.int64())
    array = ev.array(date)
    instants, valid = instants_of(array)
    out = _part(part, instants, zone(ev.zone), ticks_of(array))
    return array_from(np.ascontiguousarray(out, np.int64), ~valid)


def _part(part: str, instants: Any, where: Any, ticks: int) -> Any:
    from ...engine.dateformat import fields_of

    if part == "epoch":
        return instants // ticks
    dates = fields_of(instants, where, ticks)
    match part:
        case "century":
            return (dates["year"] + 99) // 100
        case "decade":
            return dates["year"] // 10
        case "millenium" | "millennium":
            return (dates["year"] + 999) // 1000
        case "msec" | "milliseconds":
            return dates["second"] * 1000 + dates.fraction // (ticks // 1000)
        case "microseconds":
            return dates["second"] * 1_000_000 + dates.fraction // (ticks // 1_000_000)
        case "timezone":
            return dates.offset_seconds()
        case "timezone_hour" | "timezone_minute":
            seconds = dates.offset_seconds()
            size = abs(seconds) // 3600 if part == "timezone_hour" else abs(seconds) // 60 % 60
            return size * np.sign(seconds)
    return dates[_FIELDS[part]]


def _bind_daterange(call: CallBinder) -> Type:
    length = duration_of(call, 2) if len(call.args) > 2 else None
    step: Unit | None
    if len(call.args) < 3:
        step = Unit(days=1)
    elif length is None:
        step = None
    else:
        days = length.ns // DAY_NS if length.ns % DAY_NS == 0 else 0
        step = Unit(length.months, days, 0 if days else length.ns)
        if step == Unit():
            call.fail("E307", "the step of daterange is 0", 2)
    item = DATE_NS if any(t.kind == "date" and t.unit == "ns" for t in call.types[:2]) else DATE
    if step is not None and step.ns * (NS if item.unit == "ns" else US) % NS != 0:
        call.fail("E307", "a date of microseconds has no step of nanoseconds", 2)
    _warn_of_size(call, step)
    call.data = (step, item)
    return array_of(item)


def _warn_of_size(call: CallBinder, step: Unit | None) -> None:
    if step is None or any(t != DATE for t in call.types[:2]):
        return
    low, high = call.worked_out(0), call.worked_out(1)
    if low is None or high is None:
        return
    n = expected_items(low, high, step)
    if n > MANY_ITEMS:
        call.warn("W701", f"daterange makes about {n:,} items a row", 2 if len(call.args) > 2 else None)


@function(
    "daterange", args=(DATE_ARG, DATE_ARG, "any"), least=2, most=3, returns=_bind_daterange, group=GROUP,
    syntax='daterange(START, END[, "1d"])',
    summary="The dates from START on, before END, as an array; days and longer steps go by the wall clock.",
    examples=[
        ('len(daterange(date("2026-11-01"), date("2026-11-02"), "1m"))', "1440"),
        ('valueof(daterange(date("2026-01-31"), date("2026-04-01"), "1mon"), 1)', 'date("2026-02-28")'),
        ("daterange(null, now())", "null"),
    ],
)  # fmt: skip
def daterange(ev: Eval, start: Value, end: Value, *_: Value) -> Value:
    step, item = ev.data
    kind = array_of(item).arrow
    if step is None:
        return nulls(ev.n, kind)
    first, last = ev.array(start), ev.array(end)
    ticks = NS if item.unit == "ns" else US
    (a, a_valid), (b, b_valid) = instants_of(first), instants_of(last)
    valid = a_valid & b_valid
    a, b = a * (ticks // ticks_of(first)), b * (ticks // ticks_of(last))
    made = ranges(a, np.where(valid, b, a), step, zone(ev.zone), ticks, MOST_ITEMS)
    if made is None:
        raise fault(
            "E701", "daterange makes more than 2,147,483,647 items in one batch", hint="a longer step, or fewer rows"
        )
    items, counts, doubtful = made
    ev.reject("dst", doubtful & valid, start)
    offsets = np.zeros(ev.n + 1, np.int32)
    np.cumsum(counts, out=offsets[1:])
    bitmap = array_from(np.zeros(ev.n, np.int64), ~valid).buffers()[0]
    values = dates_from(items, None, ticks)
    return pa.Array.from_buffers(kind, ev.n, [bitmap, buffer_of(offsets)], children=[values])
