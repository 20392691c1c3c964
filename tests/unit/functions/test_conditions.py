"""`and or not if case nvl coalesce` and the tests that are never null: three values in, and what is not taken counts nothing."""

from __future__ import annotations

import itertools
import math
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cortado.planner import expr as e
from cortado.planner.types import DOUBLE, LONG, STRING

from .harness import Bench, call, dates, doubles, durations, everywhere, longs, run, strings

TRIPLES = list(itertools.product([True, False, None], repeat=3))


def truthy(value: Any) -> bool:
    return value if isinstance(value, bool) else value is not None


@pytest.mark.parametrize(("name", "combine"), [("and", all), ("or", any)])
def test_and_or_take_null_as_false(name: str, combine: Any) -> None:
    columns = [pa.array(c, pa.bool_()) for c in zip(*TRIPLES, strict=True)]
    assert call(name, *columns)[0] == [combine(truthy(v) for v in row) for row in TRIPLES]
    assert call(name, columns[0], True)[0] == [combine([truthy(row[0]), True]) for row in TRIPLES]
    assert call(name, columns[0], None)[0] == [combine([truthy(row[0]), False]) for row in TRIPLES]


def test_any_value_that_is_not_null_is_true() -> None:
    assert call("and", longs(0, None, 1), strings("", "a", None))[0] == [True, False, False]
    assert call("or", doubles(math.nan, None), False)[0] == [True, False]
    assert call("and", pa.array([], pa.bool_()), True)[0] == []


def test_not() -> None:
    assert call("not", pa.array([True, False, None]))[0] == [False, True, None]
    assert call("not", longs(0, 1, None)) == ([None, None, None], {})
    assert call("not", None)[0] == [None]


def divided(bench: Bench, x: e.Expr) -> e.Expr:
    """`10 / x > 1`, which counts a reject where x is 0."""
    return bench.bind(">", [bench.bind("/", [bench.expr(10), x]), bench.expr(1)])


def test_what_is_decided_is_not_counted() -> None:
    for name, guard, want in (("and", ">", [False, True, False]), ("or", "<=", [True, True, True])):
        bench = Bench()
        x = bench.expr(longs(0, 5, 0))
        got = bench.run(bench.bind(name, [bench.bind(guard, [x, bench.expr(0)]), divided(bench, x)]))
        assert got.values == want and got.rejects == {}
    bench = Bench()
    x = bench.expr(longs(0, 5, 0))
    assert bench.run(bench.bind("and", [divided(bench, x), bench.expr(False)])).rejects == {"div0": 2}


def test_branches_not_taken_count_nothing() -> None:
    bench = Bench()
    x, t = bench.expr(longs(0, 5, 0, 2)), bench.expr(strings("1", "x", "2", "3"))
    zero = bench.bind("==", [x, bench.expr(0)])
    got = bench.run(bench.bind("if", [zero, bench.bind("long", [t]), bench.bind("/", [bench.expr(10), x])]))
    assert got.values == [1.0, 2.0, 2.0, 5.0] and got.rejects == {}
    got = bench.run(bench.bind("case", [zero, bench.expr(None), divided(bench, x), bench.bind("long", [t])]))
    assert got.values == [None, None, None, 3] and got.rejects == {"number": 1}
    nested = bench.bind("if", [zero, bench.bind("and", [bench.expr(True), divided(bench, x)]), bench.expr(False)])
    assert bench.run(nested).rejects == {"div0": 2}
    got = bench.run(bench.bind("nvl", [x, bench.bind("long", [t])]))
    assert got.values == [0, 5, 0, 2] and got.rejects == {}


def test_if_and_case_by_truthiness() -> None:
    conditions = pa.array([True, False, None])
    assert call("if", conditions, "a", "b")[0] == ["a", "b", "b"]
    assert call("if", longs(0, None), 1, 2)[0] == [1, 2]
    assert call("case", conditions, 1)[0] == [1, None, None]
    assert call("case", conditions, 1, 2)[0] == [1, 2, 2]
    assert call("case", conditions, 1, pa.array([True, True, False]), 2, longs(7, 8, None))[0] == [1, 2, None]
    assert call("case", False, 1, False, 2)[0] == [None]
    assert call("if", pa.array([], pa.bool_()), longs(), "x")[0] == []


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(*[st.sampled_from([True, False, None])] * 3, *[st.none() | st.integers(0, 9)] * 4),
        min_size=1,
        max_size=6,
    ),
    st.booleans(),
)
def test_case_takes_the_first_that_holds(rows: list[tuple[Any, ...]], has_default: bool) -> None:
    columns = list(zip(*rows, strict=True))
    args: list[Any] = []
    for i in range(3):
        args += [pa.array(columns[i], pa.bool_()), longs(*columns[3 + i])]
    want = [next((r[3 + i] for i in range(3) if r[i]), r[6] if has_default else None) for r in rows]
    assert call("case", *args, *([longs(*columns[6])] if has_default else []))[0] == want
    assert call("coalesce", *(longs(*columns[i]) for i in (3, 4, 5, 6)))[0] == [
        next((v for v in r[3:] if v is not None), None) for r in rows
    ]


def test_results_have_the_type_that_holds_them_all() -> None:
    test = pa.array([True, False])
    assert run("if", test, longs(1, 2), doubles(0.5, 1.5)).type == DOUBLE
    assert run("if", test, longs(1, 2), None).type == LONG
    mixed = run("if", test, longs(1, 2), strings("a", "b"))
    assert mixed.type == STRING and mixed.values == ["1", "b"]
    assert run("if", test, dates(1, 2), dates(3_000, 4_000, unit="ns")).values == [1000, 4000]
    assert run("case", test, durations(5, 6), "x").values == ["5us", "x"]
    assert run("if", test, pa.array([[1], [2]]), pa.array([[0.5], [1.5]])).values == [[1.0], [1.5]]
    assert run("if", test, pa.array([{"a": 1}] * 2), pa.array([{"b": "x"}] * 2)).values == [
        {"a": 1, "b": None},
        {"a": None, "b": "x"},
    ]
    assert run("nvl", None, None).values == [None]
    assert run("coalesce", None, longs(1, None), 2.5).values == [1.0, 2.5]


def test_nvl_over_every_shape_of_text() -> None:
    assert everywhere("nvl", strings("a", None, ""), "none").values == ["a", "none", ""]
    assert everywhere("if", strings("a", None, ""), 1, 2).values == [1, 2, 1]


@pytest.mark.parametrize(
    ("name", "column", "want"),
    [
        ("isnull", strings("", None), [False, True]), ("isnull", None, [True]), ("isnotnull", longs(0, None), [True, False]),
        ("isnum", longs(1, None), [True, False]), ("isnum", doubles(math.nan), [True]), ("isnum", strings("1"), [False]),
        ("isnum", None, [False]), ("isnum", pa.array([True]), [False]), ("isstr", strings("1", None), [True, False]),
        ("isstr", longs(1), [False]), ("isempty", strings("", None, "a"), [True, True, False]), ("isempty", longs(0, None), [False, True]),
        ("isempty", pa.array([[], None, [1]]), [True, True, False]), ("isempty", pa.array([b"", b"a"]), [True, False]),
        ("isempty", None, [True]), ("isnan", doubles(math.nan, 1.0, None), [True, False, False]), ("isnan", longs(1), [False]),
        ("isnan", None, [False]),
    ],
)  # fmt: skip
def test_tests_are_never_null(name: str, column: Any, want: list[bool]) -> None:
    assert call(name, column) == (want, {})
    if isinstance(column, pa.Array) and pa.types.is_string(column.type):
        assert everywhere(name, column).values == want
    if isinstance(column, pa.Array):
        assert call(name, column.slice(1))[0] == want[1:]
