"""Numbers against Python's integers, fractions and decimals, and against DuckDB."""

from __future__ import annotations

import math
from decimal import ROUND_CEILING, ROUND_DOWN, ROUND_FLOOR, ROUND_HALF_UP, Decimal
from fractions import Fraction
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cortado.planner.text import QueryError
from tests.unit.functions.harness import call, date, dates, doubles, longs, run, strings

EDGES = st.sampled_from([0, 1, -1, 5, -5, 15, 25, -25, 49, 50, 150, 10**18, 2**63 - 1, -(2**63), -(2**63) + 1])
LONGS = EDGES | st.integers(-(2**63), 2**63 - 1)
DOUBLES = st.floats(allow_nan=False, allow_infinity=False)
quick = settings(max_examples=60, deadline=None)
ROUNDINGS = {"round": ROUND_HALF_UP, "ceil": ROUND_CEILING, "floor": ROUND_FLOOR, "trunc": ROUND_DOWN}


def fit(value: int) -> int | None:
    return value if -(2**63) <= value < 2**63 else None


@quick
@given(st.lists(st.none() | LONGS, min_size=1, max_size=6), st.integers(-21, 3))
def test_longs_round_exactly(values: list[int | None], digits: int) -> None:
    for name, mode in ROUNDINGS.items():
        expected: list[int | None] = []
        for v in values:
            step = 10 ** max(-digits, 0)
            whole = None if v is None else int((Decimal(v) / step).quantize(Decimal(1), mode)) * step
            expected.append(None if whole is None else fit(whole))
        got = run(name, longs(*values), digits)
        lost = sum(e is None and v is not None for e, v in zip(expected, values, strict=True))
        assert got.values == expected
        assert got.rejects == ({"overflow": lost} if lost else {})
        assert run(name, longs(*values), longs(*[digits] * len(values))).values == expected


@quick
@given(st.lists(st.none() | st.decimals(-(10**9), 10**9, places=4).map(float), min_size=1, max_size=6))
def test_doubles_round_to_longs(values: list[float | None]) -> None:
    for name, mode in ROUNDINGS.items():
        expected = [None if v is None else int(Decimal(v).quantize(Decimal(1), mode)) for v in values]
        assert run(name, doubles(*values)).values == expected
        assert run(name, doubles(*values), 0).values == expected


@quick
@given(st.lists(DOUBLES, min_size=1, max_size=6), st.integers(1, 6))
def test_round_with_digits_is_the_nearest_double(values: list[float], digits: int) -> None:
    got = run("round", doubles(*values), digits).values
    for v, r in zip(values, got, strict=True):
        step = Fraction(1, 10**digits)
        assert abs(Fraction(r) - Fraction(v)) <= step / 2 + Fraction(math.ulp(v)) * 2
        assert abs(v) > 1e9 or float(f"{r:.{digits}f}") == r


@quick
@given(st.lists(st.decimals(-(10**6), 10**6, places=3).map(float), min_size=1, max_size=6))
def test_round_agrees_with_duckdb(values: list[float]) -> None:
    with duckdb.connect() as peer:
        peer.register("rows", pa.table({"x": doubles(*values)}))
        expected = [r for (r,) in peer.execute("select round(x, 2) from rows").fetchall()]
    assert run("round", doubles(*values), 2).values == expected


def test_round_is_half_away_from_zero() -> None:
    assert call("round", doubles(0.5, 1.5, 2.5, -0.5, -2.5, 0.49999999999999994)) == ([1, 2, 3, -1, -3, 0], {})
    assert call("round", doubles(0.125, -0.125), 2)[0] == [0.13, -0.13]
    assert call("round", longs(15, 25, -25, 24), -1)[0] == [20, 30, -30, 20]


def test_round_gives_a_long_when_d_is_not_positive() -> None:
    assert run("round", doubles(1234.5), -2).array.type == pa.int64()
    assert run("round", doubles(1250.0, -1249.0), -2).values == [1300, -1200]
    assert run("round", doubles(1.5), 1).array.type == pa.float64()
    assert run("ceil", doubles(1.5), longs(-1)).values == [10.0]


def test_digits_beyond_those_there_change_nothing() -> None:
    for name in ROUNDINGS:
        assert call(name, doubles(0.07, 1.1, 2**60 + 0.0, 1e300, 5e-324, -0.0), 400)[0] == [
            0.07,
            1.1,
            2.0**60,
            1e300,
            5e-324,
            0.0,
        ]
        assert call(name, doubles(0.07, 1.1, 0.29), 2)[0] == [0.07, 1.1, 0.29]


def test_a_double_that_no_long_holds_is_null_and_counted() -> None:
    got = call("round", doubles(1e19, -1e19, math.inf, math.nan, -(2.0**63), None))
    assert got == ([None, None, None, None, -(2**63), None], {"overflow": 4})
    assert call("ceil", doubles(5.0, -5.0, 0.0), -400) == ([None, 0, 0], {"overflow": 1})


@quick
@given(st.lists(st.tuples(st.none() | LONGS, st.none() | LONGS), min_size=1, max_size=6))
def test_mod_and_div_of_longs(rows: list[tuple[int | None, int | None]]) -> None:
    a, b = (list(c) for c in zip(*rows, strict=True))
    rest: list[int | None] = []
    quotient: list[int | None] = []
    for x, y in rows:
        if x is None or y is None or y == 0:
            rest.append(None)
            quotient.append(None)
            continue
        q = abs(x) // abs(y) * (1 if (x < 0) == (y < 0) else -1)
        quotient.append(fit(q))
        rest.append(x - q * y)
    zeros = sum(x is not None and y == 0 for x, y in rows)
    counted = {"div0": zeros} if zeros else {}
    assert call("mod", longs(*a), longs(*b)) == (rest, counted)
    over = sum(x == -(2**63) and y == -1 for x, y in rows)
    assert call("div", longs(*a), longs(*b)) == (quotient, counted | ({"overflow": over} if over else {}))


@quick
@given(st.lists(st.tuples(DOUBLES, DOUBLES.filter(bool)), min_size=1, max_size=6))
def test_mod_of_doubles_has_the_sign_of_a(rows: list[tuple[float, float]]) -> None:
    a, b = (list(c) for c in zip(*rows, strict=True))
    assert call("mod", doubles(*a), doubles(*b))[0] == [math.fmod(x, y) for x, y in rows]
    expected = [
        math.inf if abs(q := Fraction(x) / Fraction(y)) > 2**1024 else float(int(q))
        for x, y in rows
        if abs(x / y) < 1e15
    ]
    got = [q for q, (x, y) in zip(call("div", doubles(*a), doubles(*b))[0], rows, strict=True) if abs(x / y) < 1e15]
    assert all(abs(e - g) <= 1 for e, g in zip(expected, got, strict=True))


def test_mod_and_div_by_zero_are_null_and_counted() -> None:
    assert call("mod", longs(1, None), 0) == ([None, None], {"div0": 1})
    assert call("mod", doubles(1.5), 0.0) == ([None], {"div0": 1})
    assert call("div", longs(7, -7), longs(0, 2)) == ([None, -3], {"div0": 1})
    assert call("mod", 7, 0) == ([None], {"div0": 1})
    assert call("div", doubles(7.5), 2)[0] == [3.0]


def test_abs_and_sign() -> None:
    assert call("abs", longs(-3, None, -(2**63))) == ([3, None, None], {"overflow": 1})
    assert call("abs", doubles(-2.5, -math.inf))[0] == [2.5, math.inf]
    assert call("sign", doubles(-2.5, 0.0, 3.0, math.nan, None)) == ([-1, 0, 1, None, None], {"domain": 1})
    assert call("sign", longs(-(2**63), 0, 9))[0] == [-1, 0, 1]


@pytest.mark.parametrize(
    "name", ["abs", "sign", "round", "ceil", "floor", "trunc", "sqrt", "log", "sin", "cbrt", "radians"]
)
def test_text_is_null_and_counted(name: str) -> None:
    assert call(name, strings("1", None)) == ([None, None], {"type": 1})


@pytest.mark.parametrize("name", ["abs", "sign", "round", "sqrt", "log", "cos", "degrees", "exp"])
def test_no_rows(name: str) -> None:
    assert call(name, doubles()) == ([], {})


VALUES = st.none() | st.sampled_from([1.5, -2.0, math.inf, -math.inf, math.nan, 0.0, 7.0])


def rank(x: float) -> tuple[bool, float]:
    return (math.isnan(x), 0.0 if math.isnan(x) else x)


@quick
@given(st.lists(st.tuples(VALUES, VALUES, VALUES), min_size=1, max_size=6))
def test_max_and_min_skip_nulls_and_nan_is_last(rows: list[tuple[Any, Any, Any]]) -> None:
    columns = [doubles(*c) for c in zip(*rows, strict=True)]
    for name, best in (("max", max), ("min", min)):
        there = [[x for x in r if x is not None] for r in rows]
        expected = [best(r, key=rank) if r else None for r in there]
        assert repr(call(name, *columns)[0]) == repr(expected) or call(name, *columns)[0] == expected


def test_max_and_min_of_other_kinds() -> None:
    assert call("max", strings("a", None, "b"), "aa", None)[0] == ["aa", "aa", "b"]
    assert call("min", strings("한", "z"), strings("글", None))[0] == ["글", "z"]
    assert call("max", longs(1, 2), doubles(1.5, None))[0] == [1.5, 2.0]
    assert call("max", longs(2**62 + 1), longs(2**62))[0] == [2**62 + 1]
    assert call("min", dates(5, None), date(7))[0] == [5, 7]
    assert call("max", dates(5, None), dates(6001, None, unit="ns"))[0] == [6001, None]
    assert call("max", pa.array([True, False, None]), False)[0] == [True, False, False]
    assert call("max", None, None)[0] == [None]
    v4 = [b"\4" + bytes(12) + bytes([10, 0, 0, last]) for last in (9, 10)]
    assert call("max", pa.array(v4[:1], pa.binary(17)), pa.array(v4[1:], pa.binary(17)))[0] == [v4[1]]


def test_text_beside_numbers_is_parsed() -> None:
    assert call("max", strings("10", "x", None), 9) == ([10.0, 9.0, 9.0], {"number": 1})
    assert run("min", strings("10"), 9).warnings == ["W320"]


def test_max_of_unrelated_kinds_is_refused() -> None:
    with pytest.raises(QueryError, match="E330"):
        call("max", dates(1), 3)
    with pytest.raises(QueryError, match="E330"):
        call("min", pa.array([[1]]), 3)


def test_clip() -> None:
    assert call("clip", longs(-5, 5, 15, None), 0, 10)[0] == [0, 5, 10, None]
    assert call("clip", doubles(0.5, 2.0, None), 0, 1)[0] == [0.5, 1.0, None]
    assert call("clip", longs(5), None, 10)[0] == [None]


REALS = [
    "exp",
    "log",
    "log10",
    "log2",
    "sqrt",
    "sin",
    "cos",
    "tan",
    "asin",
    "acos",
    "atan",
    "cbrt",
    "degrees",
    "radians",
]


@quick
@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=8))
def test_real_functions_agree_with_the_math_module(values: list[float]) -> None:
    for name in REALS:
        got, rejects = call(name, doubles(*values))
        odd = 0
        for x, y in zip(values, got, strict=True):
            try:
                expected = getattr(math, name)(x)
            except OverflowError:
                expected = math.inf
            except ValueError:
                odd += 1
                expected = -math.inf if x == 0 else math.nan
            assert math.isclose(expected, y, rel_tol=1e-15) or repr(expected) == repr(y)
        assert rejects == ({"domain": odd} if odd else {})


def test_logarithms_and_roots_out_of_domain_are_counted() -> None:
    for name, bad in (("log", 2), ("log10", 2), ("log2", 2), ("sqrt", 1)):
        got, rejects = call(name, doubles(0.0, -1.0, 1.0, None))
        assert repr(got[1]) == "nan"
        assert rejects == {"domain": bad}
    assert call("log", longs(0))[0] == [-math.inf]
    assert repr(call("asin", doubles(2.0))) == "([nan], {'domain': 1})"
    assert repr(call("sqrt", doubles(math.nan))) == "([nan], {})"


def test_pow_is_a_double() -> None:
    assert call("pow", longs(2, -2), 3) == ([8.0, -8.0], {})
    assert repr(call("pow", doubles(-1.0), 0.5)) == "([nan], {'domain': 1})"
    assert call("pow", doubles(0.0), -1) == ([math.inf], {"domain": 1})
    assert call("pow", doubles(10.0), 400) == ([math.inf], {})


def test_atan2_and_pi() -> None:
    assert call("atan2", doubles(1.0, -1.0, 0.0), doubles(1.0, -1.0, -1.0))[0] == [
        math.atan2(1, 1),
        math.atan2(-1, -1),
        math.pi,
    ]
    assert call("pi")[0] == [math.pi]
