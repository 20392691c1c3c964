"""Typed comparison, wildcards, `in same between like nullif` against Python's exact numbers and its regular expressions."""

from __future__ import annotations

import math
import re
from fractions import Fraction
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cortado.engine.exprs import NULLS_SKIPPED
from cortado.planner import ast
from cortado.planner.text import QueryError

from .harness import call, dates, doubles, duration, durations, everywhere, longs, months, run, spans_of, strings, text

OPS = {
    "==": lambda a, b: a == b, "!=": lambda a, b: a != b, "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b, ">": lambda a, b: a > b, ">=": lambda a, b: a >= b,
}  # fmt: skip
EQUALITY = ("==", "!=")
near = st.sampled_from(
    [2**53 - 1, 2**53, 2**53 + 1, 2**53 + 2, 2**63 - 1, 2**63 - 512, -(2**63), -(2**53) - 1, 0, 1, -1]
)
whole = near | st.integers(-(2**63), 2**63 - 1)
real = (
    near.map(float)
    | st.floats()
    | st.sampled_from([0.5, -0.5, math.nan, math.inf, -math.inf, -0.0, 2.0**63, -(2.0**63)])
)


def rank(value: float) -> tuple[int, Any]:
    """NaN is one value, after all others; all else is exact."""
    if isinstance(value, float) and math.isnan(value):
        return 2, 0
    if isinstance(value, float) and math.isinf(value):
        return (1 if value > 0 else -1), 0
    return 0, Fraction(value)


def expected(op: str, a: Any, b: Any, key: Any = rank) -> bool | None:
    if a is None or b is None:
        return False if op in EQUALITY else None
    return bool(OPS[op](key(a), key(b)))


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(list(OPS)), st.lists(st.tuples(st.none() | whole, st.none() | real), max_size=8))
def test_numbers_compare_exactly_across_widths(op: str, pairs: list[tuple[Any, Any]]) -> None:
    a, b = [x for x, _ in pairs], [y for _, y in pairs]
    assert call(op, longs(*a), doubles(*b))[0] == [expected(op, x, y) for x, y in pairs]
    assert call(op, doubles(*b), longs(*a))[0] == [expected(op, y, x) for x, y in pairs]
    assert call(op, longs(*a), longs(*a[::-1]))[0] == [expected(op, x, y) for x, y in zip(a, a[::-1], strict=True)]
    assert call(op, doubles(*b), doubles(*b[::-1]))[0] == [expected(op, x, y) for x, y in zip(b, b[::-1], strict=True)]
    for x, y in pairs[:1]:
        assert call(op, longs(*a), y)[0] == [expected(op, v, y) for v in a]
        assert call(op, x, doubles(*b))[0] == [expected(op, x, v) for v in b]


@settings(max_examples=100, deadline=None)
@given(
    st.sampled_from(list(OPS)),
    st.lists(st.tuples(st.none() | st.text(max_size=4), st.none() | st.text(max_size=4)), max_size=6),
)
def test_text_goes_by_code_point(op: str, pairs: list[tuple[Any, Any]]) -> None:
    want = [expected(op, a, b, key=lambda s: [ord(c) for c in s]) for a, b in pairs]
    assert call(op, strings(*(a for a, _ in pairs)), strings(*(b for _, b in pairs)))[0] == want


@pytest.mark.parametrize("op", list(OPS))
def test_other_types(op: str) -> None:
    bools = pa.array([False, True, None, True])
    assert call(op, bools, pa.array([True, True, False, None]))[0] == [
        expected(op, a, b, key=int) for a, b in [(False, True), (True, True), (None, False), (True, None)]
    ]
    assert call(op, durations(1, 2, None), duration(2))[0] == [expected(op, a, 2) for a in (1, 2, None)]
    assert call(op, dates(1, 2, None), dates(2, 2, 2))[0] == [expected(op, a, 2) for a in (1, 2, None)]
    fine = dates(999, 1000, 1001, 2**62, unit="ns")
    assert call(op, fine, dates(1, 1, 1, 2**62))[0] == [
        expected(op, a, b) for a, b in [(999, 1000), (1000, 1000), (1001, 1000), (1, 2)]
    ]
    assert call(op, dates(1, 1, 1, 2**62), fine)[0] == [
        expected(op, a, b) for a, b in [(1000, 999), (1000, 1000), (1000, 1001), (2, 1)]
    ]
    ips = run("ip", strings("10.0.0.2", "10.0.0.10", "::1", None)).array
    assert call(op, ips, "10.0.0.10")[0] == [expected(op, a, 10) for a in (2, 10, 99, None)]
    assert call(op, pa.array([b"a", b"\xff", None]), pa.array([b"b", b"b", b"b"]))[0] == [
        expected(op, a, 1) for a in (0, 2, None)
    ]
    assert call(op, months(2), months(3))[0] == [expected(op, 2, 3)]
    assert call(op, None, longs(1, None))[0] == [expected(op, None, 1)] * 2
    assert call(op, longs(), longs())[0] == []


arrays = st.none() | st.lists(st.none() | st.integers(-2, 2), max_size=3)


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(list(OPS)), st.lists(st.tuples(arrays, arrays), max_size=8))
def test_arrays_compare_by_element_then_length(op: str, pairs: list[tuple[Any, Any]]) -> None:
    def key(items: list[Any]) -> list[tuple[bool, int]]:
        return [(i is not None, i or 0) for i in items]

    kind = pa.list_(pa.int64())
    a, b = pa.array([x for x, _ in pairs], kind), pa.array([y for _, y in pairs], kind)
    want = [expected(op, x, y, key=key) for x, y in pairs]
    assert call(op, a, b)[0] == want
    assert call(op, a, b.cast(pa.list_(pa.float64())))[0] == want
    assert call(op, a.slice(len(a) // 2), b.slice(len(b) // 2))[0] == want[len(a) // 2 :]


def test_maps_are_equal_by_member() -> None:
    a = pa.array([{"x": 1, "y": "a"}, {"x": 1, "y": None}, None])
    b = pa.array([{"y": "a", "x": 1.0}, {"y": None, "x": 2.0}, {"y": "a", "x": 1.0}])
    assert call("==", a, b)[0] == [True, False, False]
    assert call("==", a, pa.array([{"x": 1}] * 3))[0] == [False, True, False]
    with pytest.raises(QueryError, match="cannot be compared"):
        run("<", a, b)


def test_text_beside_a_number_is_read_and_warned_of() -> None:
    got = everywhere("<", strings("9", "10", "9007199254740993", "x", None, " 1e1 "), 10)
    assert got.values == [True, False, False, None, None, False]
    assert got.rejects == {"number": 1} and got.warnings == ["W320"]
    assert call("==", strings("9007199254740993"), doubles(9007199254740992.0))[0] == [False]
    assert call("==", strings("9007199254740993", "x"), longs(9007199254740993, 1)) == ([True, False], {"number": 1})
    assert call(">", longs(5, None), strings("4.5", "x")) == ([True, None], {})
    constant = run(">", longs(5), "4.5")
    assert constant.values == [True] and constant.warnings == []
    assert run("==", longs(200), text("2*")).rejects == {"number": 1}


def wild(pattern: ast.Text) -> re.Pattern[str]:
    return re.compile(".*".join(re.escape(p) for p in pattern.pieces()), re.S)


letters = st.text("ab*é\n\\.?%_", max_size=6)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.none() | letters, max_size=8), letters, st.booleans())
def test_a_literal_on_the_right_is_a_pattern(values: list[str | None], body: str, raw: bool) -> None:
    pattern = ast.Text(value=body, raw=raw)
    want = [v is not None and wild(pattern).fullmatch(v) is not None for v in values]
    assert everywhere("==", strings(*values), pattern).values == want
    assert everywhere("in", strings(*values), "zz", pattern).values == want
    assert everywhere("!=", strings(*values), pattern).values == [
        v is not None and not w for v, w in zip(values, want, strict=True)
    ]


@settings(max_examples=100, deadline=None)
@given(st.lists(st.none() | letters, min_size=64, max_size=80), letters)
def test_compiled_matching_of_many_rows_is_the_general_one(values: list[str | None], body: str) -> None:
    pattern = ast.Text(value=body)
    want = [v is not None and wild(pattern).fullmatch(v) is not None for v in values]
    assert everywhere("==", strings(*values), pattern).values == want


def test_a_literal_star_is_escaped_in_either_kind_of_string() -> None:
    column = strings("5*", "55", "5\\*")
    assert call("==", column, ast.Text(value="5*", literal_stars=(1,)))[0] == [True, False, False]
    assert call("==", column, ast.Text(value="5\\*", raw=True))[0] == [True, False, False]
    assert call("==", column, text("5*"))[0] == [True, False, False]


def test_the_left_of_a_pattern_is_turned_into_text() -> None:
    assert call("==", longs(200, 2, 301, None), "2*")[0] == [True, True, False, False]
    assert call("==", longs(200, 2), "200")[0] == [True, False]
    assert call("==", longs(200), "0200")[0] == [False]
    assert call("==", doubles(2.5, 2.0), "2.*")[0] == [True, True]
    assert call("==", dates(1_793_458_800_000_000, 0), "2026-11-*", zone="Asia/Seoul")[0] == [True, False]
    assert call("==", run("ip", strings("10.0.0.1", "11.0.0.1")).array, "10.*")[0] == [True, False]
    assert call("==", pa.array([True, False]), "t*")[0] == [True, False]
    assert call("==", None, "a*")[0] == [False]


def test_a_time_without_a_star_is_a_time() -> None:
    midnight = 1_793_491_200_000_000 - 9 * 3_600_000_000
    column = dates(midnight, midnight + 1, None)
    for spelled in ("2026-11-01", "20261101", "2026-11-01T00:00:00+09:00", "2026-10-31 15:00:00Z"):
        assert call("==", column, spelled, zone="Asia/Seoul")[0] == [True, False, False]
        assert call("<=", column, spelled, zone="Asia/Seoul")[0] == [True, False, None]
        assert call("!=", column, spelled, zone="Asia/Seoul")[0] == [False, True, False]
    assert call("in", column, "2026-11-01", "x*", zone="Asia/Seoul")[0] == [True, False, False]
    assert call("<", text("2026-11-01"), column, zone="Asia/Seoul")[0] == [False, True, None]


@pytest.mark.parametrize(
    ("op", "left", "right", "code"),
    [
        ("<", dates(0), "yesterday", "E307"), ("==", dates(0), "20261301", "E307"), ("==", durations(0), "2mon", "E307"),
        ("==", run("ip", strings("1.2.3.4")).array, "1.2.3", "E307"), ("<", dates(0), strings("2026"), "E330"),
        ("==", dates(0), 5, "E330"), ("<", pa.array([True]), 1, "E330"), ("==", durations(1), months(1), "E330"),
        ("==", pa.array([[1]]), 1, "E330"), ("same", pa.array([{"a": 1}]), 1, "E330"), ("between", longs(1), dates(0), "E330"),
        ("<", pa.array([["a"]]), pa.array([[1]]), "E330"),
    ],
)  # fmt: skip
def test_what_cannot_be_compared_fails_at_bind(op: str, left: Any, right: Any, code: str) -> None:
    with pytest.raises(QueryError) as found:
        run(op, left, right, *([1] if op == "between" else []))
    assert found.value.code == code


def test_not_equal_notes_the_nulls_it_skips() -> None:
    got = run("!=", strings("a", None, "b", None), "a")
    assert got.values == [False, False, True, False]
    assert got.infos == {NULLS_SKIPPED: 2} and got.rejects == {}
    assert run("!=", longs(1, None), longs(None, None)).infos == {NULLS_SKIPPED: 2}
    assert run("!=", longs(1), 2).infos == {}
    assert run("!=", strings("a", None, "a", None, "a", "a").dictionary_encode(), "a").infos == {NULLS_SKIPPED: 2}


def test_in() -> None:
    assert call("in", longs(1, 2, 3, None), 1, 2.0, 9)[0] == [True, True, False, False]
    assert call("in", doubles(1.0, 2.5, math.nan, None), 1, 2.5, math.nan)[0] == [True, True, True, False]
    assert call("in", longs(1, 5), None, 5)[0] == [False, True]
    assert call("in", longs(1, None), None)[0] == [False, False]
    assert everywhere("in", strings("TRANSFER", "CASH_OUT", "x", None), "TRANSFER", "CASH_*").values == [
        True,
        True,
        False,
        False,
    ]
    assert call("in", strings("a*", "ab"), text("a*"))[0] == [True, False]
    assert call("in", strings("a", "b", "c"), strings("a", "x", "c"), strings("y", "b", None))[0] == [True, True, True]
    assert call("in", longs(*range(5)), *range(0, 100, 2))[0] == [True, False, True, False, True]
    assert call("in", strings("5", "x"), 5)[1] == {"number": 1}
    assert call("in", longs(), 1)[0] == []


def test_same_is_null_safe_and_exact() -> None:
    assert call("same", strings("a", None, None, "b"), strings("a", None, "x", None))[0] == [True, True, False, False]
    assert call("same", strings("ab", "a*"), "a*")[0] == [False, True]
    assert call("same", doubles(math.nan, -0.0), doubles(math.nan, 0.0))[0] == [True, True]
    assert call("same", None, longs(None, 1))[0] == [True, False]
    assert call("same", None, None)[0] == [True]


def test_between_is_inclusive_and_three_valued() -> None:
    assert call("between", longs(0, 1, 2, 3, 4, None), 1, 3)[0] == [False, True, True, True, False, None]
    assert call("between", longs(0, 5), None, 3)[0] == [None, False]
    assert call("between", doubles(1.5), 1, 2)[0] == [True]
    assert call("between", dates(5, 50), dates(0, 0), dates(10, 10))[0] == [True, False]


def test_like_takes_a_computed_pattern() -> None:
    column = strings("abc", "a*c", "b", None, "x")
    assert everywhere("like", column, "a*c").values == [True, True, False, False, False]
    assert everywhere("like", column, text("a\\*c")).values == [False, True, False, False, False]
    assert call("like", column, strings("a*", "a\\*c", None, "*", "*x*"))[0] == [True, True, False, False, True]
    assert call("like", longs(123), "12*")[0] == [True]
    assert call("like", column, None)[0] == [False] * 5


def test_nullif() -> None:
    assert call("nullif", longs(0, 1, None), 0)[0] == [None, 1, None]
    assert call("nullif", strings("-", "a"), "-")[0] == [None, "a"]
    assert call("nullif", strings("-", "*"), "*")[0] == ["-", None]
    assert call("nullif", doubles(1.0), None)[0] == [1.0]
    assert call("nullif", None, 1)[0] == [None]


def test_comparisons_over_spans_and_constants() -> None:
    column = spans_of(strings("b", None, "a"))
    assert call("<", column, text("b"))[0] == [False, None, True]
    assert call("==", 1, 1.0)[0] == [True]
    assert call("==", text("a"), "a*")[0] == [True]
