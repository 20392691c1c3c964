"""`+ - * /` and negation against Python's integers, floats, `Fraction` and `datetime`."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cortado.planner.text import QueryError
from cortado.planner.types import DURATION, MONTHS

from .harness import call, dates, doubles, duration, durations, everywhere, longs, months, run, strings, text

INT64 = range(-(2**63), 2**63)
int64 = (
    st.integers(-(2**63), 2**63 - 1)
    | st.integers(-(2**33), 2**33)
    | st.sampled_from([0, 1, -1, 2**63 - 1, -(2**63), 2**32, -(2**31)])
)
OPS = {"+": lambda a, b: a + b, "-": lambda a, b: a - b, "*": lambda a, b: a * b}


@settings(max_examples=300, deadline=None)
@given(st.sampled_from("+-*"), st.lists(st.tuples(st.none() | int64, st.none() | int64), max_size=10))
def test_whole_numbers_are_exact_or_counted(op: str, pairs: list[tuple[int | None, int | None]]) -> None:
    exact = [None if a is None or b is None else OPS[op](a, b) for a, b in pairs]
    got = run(op, longs(*(a for a, _ in pairs)), longs(*(b for _, b in pairs)))
    assert got.values == [v if v is not None and v in INT64 else None for v in exact]
    beyond = sum(v is not None and v not in INT64 for v in exact)
    assert got.rejects == ({"overflow": beyond} if beyond else {})
    assert not beyond or got.hints["overflow"] == "double(x)"


@settings(max_examples=100, deadline=None)
@given(st.sampled_from("+-*"), st.lists(int64, max_size=10), int64)
def test_a_constant_on_either_side_is_a_column_of_it(op: str, values: list[int], constant: int) -> None:
    same = longs(*[constant] * len(values))
    assert call(op, longs(*values), constant) == call(op, longs(*values), same)
    assert call(op, constant, longs(*values)) == call(op, same, longs(*values))


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.floats(), st.floats()), max_size=10))
def test_doubles_are_ieee(pairs: list[tuple[float, float]]) -> None:
    a, b = [x for x, _ in pairs], [y for _, y in pairs]
    with np.errstate(all="ignore"):
        for op, f in (("+", np.add), ("-", np.subtract), ("*", np.multiply)):
            assert repr(call(op, doubles(*a), doubles(*b))) == repr((f(np.array(a), np.array(b)).tolist(), {}))


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.integers(-(2**52), 2**52), st.integers(-(2**52), 2**52)), max_size=10))
def test_division_is_double_and_rounded_once(pairs: list[tuple[int, int]]) -> None:
    got, rejects = call("/", longs(*(a for a, _ in pairs)), longs(*(b for _, b in pairs)))
    assert got == [float(Fraction(a, b)) if b else None for a, b in pairs]
    zeros = sum(b == 0 for _, b in pairs)
    assert rejects == ({"div0": zeros} if zeros else {})


def test_division_by_zero_is_counted_only_where_both_sides_are() -> None:
    assert call("/", doubles(1.0, None, 0.0, 3.0), doubles(0.0, 0.0, -0.0, None)) == ([None] * 4, {"div0": 2})
    assert call("/", 1, 0) == ([None], {"div0": 1})
    assert call("/", longs(7), 2) == ([3.5], {})


def test_types_of_results() -> None:
    assert [run(op, longs(1), longs(2)).type.kind for op in "+-*/"] == ["long", "long", "long", "double"]
    assert run("+", longs(1), 1.5).type.kind == "double"
    assert run("+", pa.array([1], pa.int32()), pa.array([1], pa.int16())).type.width == ""
    assert run("+", None, longs(1)).type.kind == "long"
    assert run("+", None, dates(1)).type.kind == "date"


def test_nulls_and_empty_input() -> None:
    assert call("+", longs(1, None), None) == ([None, None], {})
    assert call("+", None, None) == ([None], {})
    for op in "+-*/":
        assert call(op, longs(), longs()) == ([], {})
        assert call(op, longs(), 1) == ([], {})


def test_text_is_read_as_a_number_and_never_joined() -> None:
    assert everywhere("+", strings("1", "x", None, " 2.5 ", "0x10"), 1).values == [2.0, None, None, 3.5, 17.0]
    assert call("+", strings("1", "x", None), 1)[1] == {"number": 1}
    assert call("+", longs(1), "2") == ([3], {})
    assert call("*", longs(4), "0.5") == ([2.0], {})
    assert call("+", text("1"), text("2")) == ([3], {})
    assert call("+", longs(1, 2), "x") == ([None, None], {"number": 2})


def test_negation() -> None:
    assert call("neg", longs(1, -5, None, -(2**63))) == ([-1, 5, None, None], {"overflow": 1})
    assert repr(call("neg", doubles(1.0, 0.0, math.inf, None))) == "([-1.0, -0.0, -inf, None], {})"
    assert call("neg", durations(5, -7, None)) == ([-5, 7, None], {})
    assert run("neg", durations(5)).type == DURATION
    assert call("neg", strings("1.5", "x")) == ([-1.5, None], {"number": 1})
    assert call("neg", pa.array([True, None])) == ([None, None], {"type": 1})
    assert run("neg", months(2)).type == MONTHS and call("neg", months(2)) == ([-2], {})
    assert call("neg", None) == ([None], {})


moments = st.datetimes(datetime(1900, 1, 1), datetime(2200, 1, 1))
lengths = st.timedeltas(timedelta(-20_000), timedelta(20_000))  # the last moment less these fits nanoseconds
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def us(moment: datetime) -> int:
    return (moment.replace(tzinfo=UTC) - EPOCH) // timedelta(microseconds=1)


def ticks(length: timedelta) -> int:
    return length // timedelta(microseconds=1)


@settings(max_examples=100, deadline=None)
@given(moments, moments, lengths)
def test_dates_and_durations_are_pythons(a: datetime, b: datetime, length: timedelta) -> None:
    assert call("-", dates(us(a)), dates(us(b))) == ([ticks(a - b)], {})
    for unit, scale in (("us", 1), ("ns", 1000)):
        date = dates(us(a) * scale, unit=unit)
        assert call("+", date, durations(ticks(length))) == ([us(a + length) * scale], {})
        assert call("+", durations(ticks(length)), date) == ([us(a + length) * scale], {})
        assert call("-", date, durations(ticks(length))) == ([us(a - length) * scale], {})
        assert call("-", date, dates(us(b))) == ([ticks(a - b)], {})


def test_durations_scale() -> None:
    assert call("*", durations(90, None), 2) == ([180, None], {})
    assert call("*", 1.5, durations(90, -90)) == ([135, -135], {})
    assert call("/", durations(100, 7), 4) == ([25, 2], {})
    assert call("/", durations(100), 0) == ([None], {"div0": 1})
    assert call("/", durations(90, 0, 5), durations(60, 0, 0)) == ([1.5, None, None], {"div0": 2})
    assert call("+", durations(1, 2**63 - 1), duration(1)) == ([2, None], {"overflow": 1})
    assert call("*", durations(2**62), 1e10) == ([None], {"overflow": 1})
    assert call("*", durations(5), math.nan) == ([None], {"overflow": 1})
    assert call("-", dates(-(2**63)), durations(1)) == ([None], {"overflow": 1})


def wall(text_: str, zone: str) -> int:
    return us(datetime.fromisoformat(text_).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC).replace(tzinfo=None))


def test_months_keep_the_wall_clock_and_clamp() -> None:
    zone = "America/New_York"
    start = dates(wall("2026-01-31T10:00", zone), None)
    assert call("+", start, months(1), zone=zone) == ([wall("2026-02-28T10:00", zone), None], {})
    assert call("+", months(7), start, zone=zone) == ([wall("2026-08-31T10:00", zone), None], {})
    assert call("-", start, months(2), zone=zone) == ([wall("2025-11-30T10:00", zone), None], {})
    gap = dates(wall("2026-02-08T02:30", zone))
    assert call("+", gap, months(1), zone=zone) == ([wall("2026-03-08T03:30", zone)], {"dst": 1})
    assert call("+", months(2), months(3)) == ([5], {})
    assert call("*", months(2), 3) == ([6], {})
    assert call("+", dates(0), months(2**62)) == ([None], {"overflow": 1})


@pytest.mark.parametrize(
    ("op", "left", "right"),
    [
        ("*", dates(0), dates(0)), ("+", dates(0), dates(0)), ("+", dates(0), 1), ("-", durations(1), dates(0)),
        ("+", durations(1), 1), ("*", durations(1), durations(1)), ("/", 1, durations(1)), ("+", durations(1), months(1)),
        ("+", pa.array([True]), 1), ("+", pa.array([[1]]), 1), ("-", dates(0), strings("2026")), ("/", months(2), 2),
    ],
)  # fmt: skip
def test_what_means_nothing_is_e330(op: str, left: Any, right: Any) -> None:
    with pytest.raises(QueryError) as found:
        run(op, left, right)
    assert found.value.code == "E330"
