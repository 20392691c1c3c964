"""Dates: the query's instant, arithmetic and differences, epoch numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from ...engine.arrow import array_from, is_valid, nulls, numbers_of
from ...engine.calendar import zone
from ...engine.datecolumns import dates_from, instants_of, ticks_of
from ...engine.dateops import DIFFERENCES, SYNONYMS, UNITS, Unit, calendar_months, difference, shifted
from ...engine.epoch import micros_of_epoch
from ...engine.exprs import UNIT_BY_SIZE, Eval, Value
from ...engine.zones import NS, US
from ...planner import ast, option_values
from ...planner.types import DATE, scalar
from ..base import DATE_ARG, DOUBLE, DURATION_ARG, INTEGER, LONG, NUMBER, CallBinder, Type, function

GROUP = "Dates"
HINT = "date(x)"
DAY_NS = 86_400 * NS


def unit_of(call: CallBinder, i: int, known: Any, what: str) -> str | None:
    """A constant unit by its name or a synonym; None if it is null."""
    if not call.is_constant(i):
        call.fail("E307", f"the unit of {call.name} must be a constant", i)
    given = call.constant(i)
    if given is None:
        return None
    name = SYNONYMS.get(given, given) if isinstance(given, str) else given
    if not isinstance(name, str) or name not in known:
        call.fail("E307", f"'{given}' is no {what}", i, expected=tuple(known))
    return name


def duration_of(call: CallBinder, i: int) -> ast.Duration | None:
    """A constant length, `"5m"` or `5m`; None if it is null."""
    if not call.is_constant(i):
        call.fail("E307", f"the length in {call.name} must be a constant", i, hint='such as "5m" or 1d')
    value, kind = call.constant(i), call.types[i].kind
    if value is None:
        return None
    if kind == "months":
        return ast.Duration(months=value)
    if kind == "duration":
        return ast.Duration(ns=value * 1000, weeks=getattr(call.args[i], "weeks", False))
    found = None
    if isinstance(value, str):
        try:
            found = option_values.parse_duration(value)
        except option_values.Unfit as why:
            call.fail("E307", str(why), i)
    if found is None:
        call.fail("E307", f"'{value}' is no length", i, hint="such as 30s, 5m, 2h, 1d, 1w, 1mon, 1q or 1y")
    return found


def _date_like(call: CallBinder) -> Type:
    """The type of the first argument, a date; what is no date becomes null."""
    return call.types[0] if call.types[0].kind == "date" else DATE


@function(
    "now", returns=DATE, group=GROUP, syntax="now()", summary="The instant the query began: the same in every row.",
    examples=[("now() - now()", "0s"), ("typeof(now())", '"date"')],
)  # fmt: skip
def now(ev: Eval) -> Value:
    return scalar(ev.now_us, DATE)


def _bind_ago(call: CallBinder) -> Type:
    call.data = duration_of(call, 0)
    return DATE


@function(
    "ago", args=("any",), returns=_bind_ago, group=GROUP, syntax='ago("1d")',
    summary="The instant so long before the query began; days, weeks, months and years by the wall clock.",
    examples=[('now() - ago("90m")', "90m"), ("ago(1d) < now()", "true")],
)  # fmt: skip
def ago(ev: Eval, _: Value) -> Value:
    length: ast.Duration | None = ev.data
    if length is None:
        return scalar(None, DATE)
    days, rest = divmod(length.ns, DAY_NS)
    where, instant = zone(ev.zone), np.array([ev.now_us], np.int64)
    beyond = np.zeros(1, np.bool_)
    for count, unit in ((length.months, UNITS["mon"]), (days, UNITS["day"]), (rest // 1000, UNITS["usec"])):
        if count:
            far_count = min(count, 1 << 62)
            instant, far, doubtful = shifted(instant, np.array([-far_count], np.int64), unit, where, US)
            beyond |= far
            ev.reject("dst", np.broadcast_to(doubtful, ev.n))
    if beyond[0]:
        ev.reject("overflow", np.ones(ev.n, np.bool_))
        return scalar(None, DATE)
    return scalar(int(instant[0]), DATE)


def _bind_dateadd(call: CallBinder) -> Type:
    name = unit_of(call, 1, UNITS, "unit of dateadd")
    call.data = UNITS[name] if name else None
    return _date_like(call)


@function(
    "dateadd", args=(DATE_ARG, "any", INTEGER), returns=_bind_dateadd, group=GROUP, syntax="dateadd(D, UNIT, N)",
    summary="N units later: year quarter mon week day (by the wall clock; months keep to the last day), hour min sec msec usec.",
    examples=[
        ('dateadd(date("2026-01-31"), "mon", 1)', 'date("2026-02-28")'),
        ('dateadd(date("2026-11-01"), "hour", -1)', 'date("2026-10-31 23:00:00")'),
        ('dateadd(null, "day", 1)', "null"),
    ],
)  # fmt: skip
def dateadd(ev: Eval, date: Value, _: Value, count: Value) -> Value:
    unit: Unit | None = ev.data
    array, by = ev.array(date), ev.array(count)
    if unit is None:
        return nulls(ev.n, array.type)
    instants, valid = instants_of(array)
    valid = valid & is_valid(by)
    counts = np.where(valid, numbers_of(by)[: ev.n], 0)
    out, far, doubtful = shifted(instants, counts, unit, zone(ev.zone), ticks_of(array))
    ev.reject("overflow", valid & far, date)
    valid &= ~far
    ev.reject("dst", valid & doubtful, date)
    return dates_from(out, ~valid, ticks_of(array))


def _bind_datediff(call: CallBinder) -> Type:
    call.data = unit_of(call, 2, (*DIFFERENCES, "calmon", "calyear"), "unit of datediff")
    return LONG


@function(
    "datediff", args=(DATE_ARG, DATE_ARG, "any"), returns=_bind_datediff, group=GROUP, syntax="datediff(START, END, UNIT)",
    summary="END - START in whole units: a year is 365 days, mon 30 days; calmon and calyear count the calendar's.",
    examples=[
        ('datediff(date("2026-11-01"), date("2026-11-02 23:00:00"), "day")', "1"),
        ('datediff(date("2026-01-31"), date("2026-02-28"), "calmon")', "1"),
        ('datediff(date("2026-11-02"), date("2026-11-01"), "hour")', "-24"),
        ('datediff(null, now(), "day")', "null"),
    ],
)  # fmt: skip
def datediff(ev: Eval, start: Value, end: Value, _: Value) -> Value:
    unit: str | None = ev.data
    if unit is None:
        return pa.nulls(ev.n, pa.int64())
    first, last = ev.array(start), ev.array(end)
    (a, a_valid), (b, b_valid) = instants_of(first), instants_of(last)
    ticks = max(ticks_of(first), ticks_of(last))
    valid = a_valid & b_valid
    a, b = _to_ticks(a, first, ticks), _to_ticks(b, last, ticks)
    if unit in ("calmon", "calyear"):
        months = calendar_months(a, b, zone(ev.zone), ticks)
        out = months if unit == "calmon" else abs(months) // 12 * np.sign(months)
    else:
        out = difference(a, b, DIFFERENCES[unit], ticks)
    return array_from(out, ~valid)


def _to_ticks(instants: Any, array: pa.Array[Any], ticks: int) -> Any:
    return instants if ticks_of(array) == ticks else instants * (ticks // ticks_of(array))


@function(
    "epoch", args=(NUMBER,), returns=DATE, group=GROUP, syntax="epoch(N)",
    summary="The date of N seconds since 1970; larger numbers than the year 9999 has are milliseconds, then us, then ns (noted).",
    examples=[
        ("epoch(1793491200)", 'date("2026-11-01")'), ("epoch(1793491200000)", 'date("2026-11-01")'), ("epoch(null)", "null"),
        ("epoch(1.5)", 'date("1970-01-01T00:00:01.500Z")'),
    ],
)  # fmt: skip
def epoch(ev: Eval, number: Value) -> Value:
    values, valid = ev.numbers(number)
    values = np.where(valid, values[: ev.n], 0)
    out, size, beyond = micros_of_epoch(values)
    ev.reject("overflow", valid & beyond, number)
    ev.reject(UNIT_BY_SIZE, valid & ~beyond & (size > 0), number)
    return dates_from(out, ~valid | beyond)


_EPOCH_UNITS = {"s": NS, "ms": 10**6, "us": 1000, "ns": 1}


def _bind_unixtime(call: CallBinder) -> Type:
    call.data = unit_of(call, 1, _EPOCH_UNITS, "unit of unixtime") if len(call.args) > 1 else "s"
    return LONG


@function(
    "unixtime", args=(DATE_ARG, "any"), least=1, returns=_bind_unixtime, group=GROUP, syntax='unixtime(D[, "s"])',
    summary='Whole seconds since 1970; also in "ms", "us" or "ns".',
    examples=[('unixtime(date("2026-11-01"))', "1793491200"), ('unixtime(date("2026-11-01"), "ms")', "1793491200000"), ("unixtime(null)", "null")],
)  # fmt: skip
def unixtime(ev: Eval, date: Value, *_: Value) -> Value:
    array = ev.array(date)
    if ev.data is None:
        return pa.nulls(ev.n, pa.int64())
    instants, valid = instants_of(array)
    size, tick = _EPOCH_UNITS[ev.data], NS // ticks_of(array)
    if size >= tick:
        return array_from(instants // (size // tick), ~valid)
    beyond = valid & (abs(instants) > (2**63 - 1) // tick)
    ev.reject("overflow", beyond, date)
    return array_from(np.where(beyond, 0, instants) * tick, ~valid | beyond)


@function(
    "seconds", args=(DURATION_ARG,), returns=DOUBLE, group=GROUP, syntax="seconds(DURATION)",
    summary="A length of time as seconds.", examples=[("seconds(90m)", "5400.0"), ("seconds(1500ms)", "1.5"), ("seconds(null)", "null")],
)  # fmt: skip
def seconds(ev: Eval, duration: Value) -> Value:
    array = ev.array(duration)
    return array_from(numbers_of(array)[: ev.n] / 1e6, ~is_valid(array))
