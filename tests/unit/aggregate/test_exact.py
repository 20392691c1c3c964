"""Sums and moments against fractions: correctly rounded where the window holds everything, and free of order."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import pyarrow as pa
import pytest

MAX = 2**63 - 1


def column(values: list[Any], groups: list[int] | None = None) -> pa.Table:
    return pa.table({"g": pa.array(groups or [0] * len(values), pa.int64()), "x": pa.array(values)})


def exact_var(values: list[float], less: int = 0) -> float:
    whole = [Fraction(v) for v in values]
    mean = sum(whole) / len(whole)
    return float(sum((v - mean) ** 2 for v in whole) / (len(whole) - less))


SPREADS: list[Callable[[random.Random], float]] = [
    lambda r: r.uniform(-1, 1),
    lambda r: 1e9 + r.random(),
    lambda r: 1e15 + r.randrange(9),
    lambda r: r.choice([1e-300, 3e-301, -2e-300]),
    lambda r: r.choice([1e150, -3e149, 1e152]),
    lambda r: float(r.randrange(3)),
    lambda r: 5e-324 * r.randrange(9),
]


@pytest.mark.parametrize("kind", range(len(SPREADS)))
def test_variance_is_rounded_once(kind: int, same_everywhere: Any) -> None:
    r = random.Random(kind)
    groups = [r.randrange(7) for _ in range(300)]
    values = [SPREADS[kind](r) for _ in groups]
    aggs = [("sum", "x"), ("var", "x"), ("var_samp", "x"), ("stddev", "x")]
    got = same_everywhere(column(values, groups), ("g",), aggs).table
    for row in got.to_pylist():
        mine = [v for v, g in zip(values, groups, strict=True) if g == row["g"]]
        assert row["a0"] == math.fsum(mine)
        assert row["a1"] == exact_var(mine)
        assert row["a2"] == exact_var(mine, 1)
        assert row["a3"] == pytest.approx(math.sqrt(exact_var(mine)), rel=3e-16)


def test_regression_against_fractions(same_everywhere: Any) -> None:
    r = random.Random(4)
    x = [1e6 + r.random() for _ in range(200)]
    y = [3 * v - 7 + r.gauss(0, 1e-3) for v in x]
    t = pa.table({"x": x, "y": y})
    names = ("cov", "cov_samp", "slope", "intercept", "corr", "r2")
    got = same_everywhere(t, (), [(n, "x", "y") for n in names]).table.to_pylist()[0]
    fx, fy, n = [Fraction(v) for v in x], [Fraction(v) for v in y], len(x)
    mx, my = sum(fx) / n, sum(fy) / n
    sxy = sum((a - mx) * (b - my) for a, b in zip(fx, fy, strict=True))
    sxx, syy = sum((a - mx) ** 2 for a in fx), sum((b - my) ** 2 for b in fy)
    assert got["a0"] == float(sxy / n)
    assert got["a1"] == float(sxy / (n - 1))
    assert got["a2"] == float(sxy / sxx)
    assert got["a3"] == float(my - sxy / sxx * mx)
    assert got["a4"] == pytest.approx(math.sqrt(sxy**2 / (sxx * syy)), rel=3e-16)
    assert got["a5"] == float(sxy**2 / (sxx * syy))


def test_sums_of_doubles_match_fsum(same_everywhere: Any) -> None:
    r = random.Random(3)
    groups = [r.randrange(5) for _ in range(2000)]
    values = [r.uniform(-1, 1) * 10.0 ** r.randrange(-6, 7) for _ in groups]
    got = same_everywhere(column(values, groups), ("g",), [("sum", "x"), ("avg", "x")]).table.to_pylist()
    for row in got:
        mine = [v for v, g in zip(values, groups, strict=True) if g == row["g"]]
        assert row["a0"] == math.fsum(mine)
        assert row["a1"] == math.fsum(mine) / len(mine)


@pytest.mark.parametrize(
    ("values", "total"),
    [
        ([math.inf, 1.0], math.inf),
        ([-math.inf, 1.0], -math.inf),
        ([math.inf, -math.inf], math.nan),
        ([math.nan, 1.0], math.nan),
        ([5e-324, 5e-324], 1e-323),
        ([1.7e308, 1.7e308, -1.7e308], 1.7e308),
        ([1.7e308, 1.7e308], math.inf),
        ([0.1] * 10, 1.0),
        ([-0.0, -0.0], 0.0),
    ],
)
def test_edges_of_double_sums(values: list[float], total: float, same_everywhere: Any) -> None:
    row = same_everywhere(column(values), (), [("sum", "x"), ("var", "x")]).table.to_pylist()[0]
    assert row["a0"] == total or (math.isnan(total) and math.isnan(row["a0"]))
    if not all(map(math.isfinite, values)):
        assert math.isnan(row["a1"])


def test_long_sums_are_128_bits_wide_inside(same_everywhere: Any) -> None:
    out = same_everywhere(column([MAX, MAX, -MAX, -1]), (), [("sum", "x"), ("avg", "x"), ("range", "x")])
    assert out.table.to_pylist() == [{"a0": MAX - 1, "a1": (MAX - 1) / 4, "a2": None}]
    assert out.notes == {("reject", "overflow"): 1}


def test_a_sum_beyond_64_bits_is_null_and_counted(same_everywhere: Any) -> None:
    out = same_everywhere(column([MAX, 1, -5, 2], [1, 1, 2, 3]), ("g",), [("sum", "x"), ("avg", "x")])
    assert out.table["a0"].to_pylist() == [None, -5, 2]
    assert out.table["a1"].to_pylist() == [float(Fraction(MAX + 1, 2)), -5.0, 2.0]
    assert out.notes == {("reject", "overflow"): 1}


def test_avg_of_longs_is_rounded_once(same_everywhere: Any) -> None:
    values = [2**53 + 1, 2**53 + 1, 2**53 + 3]
    row = same_everywhere(column(values), (), [("avg", "x")]).table.to_pylist()[0]
    assert row["a0"] == float(Fraction(sum(values), 3))


def test_one_value_has_no_spread(same_everywhere: Any) -> None:
    aggs = [("var", "x"), ("stddev", "x"), ("var_samp", "x"), ("stddev_samp", "x"), ("corr", "x", "x"),
            ("slope", "x", "x"), ("cov", "x", "x"), ("cov_samp", "x", "x"), ("r2", "x", "x")]  # fmt: skip
    row = same_everywhere(column([0.1]), (), aggs).table.to_pylist()[0]
    assert list(row.values()) == [0.0, 0.0, None, None, None, None, 0.0, None, None]
