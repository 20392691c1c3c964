"""`bucket` against exact arithmetic, and for dates against datetrunc."""

from __future__ import annotations

import math
from fractions import Fraction

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cortado.planner.text import QueryError
from tests.unit.functions.harness import call, dates, doubles, duration, durations, longs, months, run, strings

LONGS = st.sampled_from([-(2**63), 2**63 - 1, -1, 0, 1]) | st.integers(-(2**63), 2**63 - 1)
DAY = 86_400_000_000


@settings(max_examples=60, deadline=None)
@given(st.lists(LONGS, min_size=1, max_size=5), st.integers(1, 2**63 - 1) | st.integers(1, 20), LONGS)
def test_longs_are_exact(values: list[int], width: int, offset: int) -> None:
    expected = [(v - offset) // width * width + offset for v in values]
    kept = [e if e >= -(2**63) else None for e in expected]
    lost = kept.count(None)
    assert call("bucket", longs(*values), width, offset) == (kept, {"overflow": lost} if lost else {})
    assert call("bucket", longs(*values), longs(*[width] * len(values)), offset)[0] == kept


@settings(max_examples=60, deadline=None)
@given(st.floats(-1e9, 1e9), st.sampled_from([0.5, 0.25, 3.0, 10.0]), st.sampled_from([0.0, 0.125]))
def test_doubles_lie_in_their_bucket(value: float, width: float, offset: float) -> None:
    got = call("bucket", doubles(value), width, offset)[0][0]
    slack = Fraction(math.ulp(max(abs(value), 1.0)) * 2)
    assert Fraction(got) - slack <= Fraction(value) < Fraction(got) + Fraction(width) + slack
    assert abs((got - offset) / width - round((got - offset) / width)) < 1e-6


def test_nulls_and_bad_widths() -> None:
    assert call("bucket", longs(7, None, 7, 7), longs(5, 5, None, -5)) == ([5, None, None, None], {"domain": 1})
    assert call("bucket", longs(7), 2.5)[0] == [5.0]
    assert call("bucket", strings("7"), 5) == ([None], {"type": 1})
    for width in (0, -1, -0.5):
        with pytest.raises(QueryError, match="E307"):
            call("bucket", longs(7), width)


def test_durations() -> None:
    got = run("bucket", durations(-1, 0, 3_700_000_000, None), duration(3_600_000_000))
    assert (got.values, got.array.type) == ([-3_600_000_000, 0, 3_600_000_000, None], pa.duration("us"))


def test_dates_are_on_the_grid_of_datetrunc() -> None:
    column = dates(0, 1_764_000_123_456_789, -1, None)
    for width, text in ((duration(300_000_000), "5m"), (duration(DAY), "1d"), (months(1), "1mon")):
        for zone in ("UTC", "Asia/Seoul"):
            got = run("bucket", column, width, zone=zone)
            assert got.values == run("datetrunc", column, text, zone=zone).values
            assert got.array.type == pa.timestamp("us", "UTC")
    assert call("bucket", strings("2026-11-01"), duration(DAY)) == ([None], {"type": 1})
