"""`isholiday`, `holiday`: public holidays of a country."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from ...engine.arrow import array_from, nulls
from ...engine.calendar import zone
from ...engine.datecolumns import instants_of, ticks_of
from ...engine.exprs import Eval, Value
from ...engine.strings import Mask
from ...planner.text import QueryError
from ..base import BOOL, DATE_ARG, STRING, CallBinder, Type, function

GROUP = "Dates"
DAY_S = 86_400
DETAILS = """
The day is that of the session's zone. COUNTRY is a constant, an ISO 3166 code of two or three letters. Names are in the language
of the country. Holidays come from the Python package `holidays`: `pip install 'cortado[holidays]'`.
"""


def _country(call: CallBinder) -> None:
    from ...engine.holidays import Unknown, checked

    if not call.is_constant(1):
        call.fail("E307", f"the country of {call.name} must be a constant", 1, hint='such as "KR"')
    given = call.constant(1)
    if given is None:
        return
    if not isinstance(given, str):
        call.fail("E307", f"'{given}' is no country", 1, hint='such as "KR"')
    try:
        call.data = checked(given)[0]
    except Unknown as why:
        call.fail("E307", str(why), 1, suggestions=why.near, hint=why.hint)
    except QueryError as why:
        call.fail(why.code, why.first.message, hint=why.first.hint)


def _truth(call: CallBinder) -> Type:
    _country(call)
    return BOOL


def _name(call: CallBinder) -> Type:
    _country(call)
    return STRING


def _looked_up(ev: Eval, date: Value) -> tuple[Mask, Value, Mask]:
    from ...engine.holidays import looked_up

    array = ev.array(date)
    instants, valid = instants_of(array)
    ticks = ticks_of(array)
    days = (instants + zone(ev.zone).offset_at(instants, ticks)) // (DAY_S * ticks)
    return *looked_up(ev.data, None, np.asarray(days, np.int64), valid), valid


@function(
    "isholiday", args=(DATE_ARG, "any"), returns=_truth, group=GROUP, tier=3, syntax="isholiday(D, COUNTRY)",
    summary="Whether the day is a public holiday of a country.", details=DETAILS,
    examples=[
        ('isholiday(date("2026-02-17"), "KR")', "true"),
        ('isholiday(date("2026-02-19"), "KR")', "false"),
        ('isholiday(null, "KR")', "null"),
    ],
)  # fmt: skip
def isholiday(ev: Eval, date: Value, _: Value) -> Value:
    if ev.data is None:
        return nulls(ev.n, pa.bool_())
    named, _names, valid = _looked_up(ev, date)
    return array_from(named, ~valid)


@function(
    "holiday", args=(DATE_ARG, "any"), returns=_name, group=GROUP, tier=3, syntax="holiday(D, COUNTRY)",
    summary="The name of the public holiday that the day is in a country; null if it is none.", details=DETAILS,
    examples=[
        ('holiday(date("2026-12-25"), "US")', '"Christmas Day"'),
        ('holiday(date("2026-12-24"), "US")', "null"),
        ('holiday(date("2026-10-09"), "KR")', '"한글날"'),
    ],
)  # fmt: skip
def holiday(ev: Eval, date: Value, _: Value) -> Value:
    if ev.data is None:
        return nulls(ev.n, pa.string())
    return _looked_up(ev, date)[1]
