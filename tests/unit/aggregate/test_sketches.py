"""estdc, estpercentile, skew, kurt: against what they estimate, and against fractions."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from cortado.engine.operators.states import census, logbuckets, sketch
from cortado.engine.operators.states.base import Rows
from cortado.planner.types import LONG

from .conftest import WORLDS, bits, run_sink


def value(table: pa.Table, *agg: Any, keys: tuple[str, ...] = ()) -> list[Any]:
    """The aggregate a group; the same bits in every world."""
    outcomes = [run_sink(table, keys, [agg], w).table for w in WORLDS]
    assert all(bits(o) == bits(outcomes[0]) for o in outcomes)
    return outcomes[0].columns[-1].to_pylist()


@pytest.mark.parametrize("n", [0, 1, 2, 10, 1000, 50_000])
@pytest.mark.parametrize("digits", [8, 12, 16])
def test_distinct_values_are_estimated_within_four_errors(n: int, digits: int) -> None:
    rng = np.random.default_rng(n)
    values = np.concatenate([np.arange(n), rng.integers(0, max(n, 1), n)]) * 0.5
    got = value(pa.table({"x": pa.array(values, pa.float64())}), "estdc", "x", digits)[0]
    assert abs(got - n) <= max(1 if n > 1 else 0, 4 * 1.04 * n / 2 ** (digits / 2))


def test_a_matrix_and_words_estimate_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(3)
    table = pa.table(
        {"g": rng.integers(0, 300, 20_000), "x": pa.array([f"t{i}" for i in rng.integers(0, 900, 20_000)])}
    )
    want = value(table, "estdc", "x", 10, keys=("g",))
    monkeypatch.setattr(sketch, "MOST_DENSE", 1 << 12)
    monkeypatch.setattr(sketch, "SLACK", 100)
    assert value(table, "estdc", "x", 10, keys=("g",)) == want


def test_how_often_a_value_occurs_does_not_matter() -> None:
    x = np.arange(3000)
    once, often = pa.table({"x": x}), pa.table({"x": np.repeat(x, 5)[::-1]})
    assert value(once, "estdc", "x") == value(often, "estdc", "x")


def exact(values: Any, percent: float) -> float:
    return float(np.percentile(values, percent))


@pytest.mark.parametrize("percent", [0, 1, 25, 50, 95, 99.9, 100])
@pytest.mark.parametrize("kind", ["positive", "negative", "both", "whole", "tiny", "huge"])
def test_percentiles_are_estimated_within_half_a_percent(kind: str, percent: float) -> None:
    rng = np.random.default_rng(5)
    reals = np.exp(rng.normal(size=999) * 5)
    values: Any = {
        "positive": reals, "negative": -reals, "both": np.concatenate([reals, -reals, [0.0]]),
        "whole": rng.integers(-(2**62), 2**62, 999), "tiny": reals * 1e-310, "huge": reals * 1e300,
    }[kind]  # fmt: skip
    values = np.clip(values, -1e308, 1e308) if values.dtype == np.float64 else values
    got = value(pa.table({"x": values}), "estpercentile", "x", percent)[0]
    want = exact(values.astype(float), percent)
    assert math.isclose(got, want, rel_tol=0.005, abs_tol=5e-324), (got, want)


def test_small_whole_numbers_and_zero_are_exact() -> None:
    x = np.arange(-255, 256)
    middles = logbuckets.middles(logbuckets.codes_of(x), whole=True)
    assert (middles == x).all()
    assert value(pa.table({"x": [0.0, -0.0, 0.0]}), "estpercentile", "x", 50) == [0.0]


def test_buckets_are_in_order_of_value() -> None:
    rng = np.random.default_rng(7)
    x = np.concatenate([rng.normal(size=5000) * 10.0 ** rng.integers(-320, 300, 5000),
                        [0.0, 5e-324, -5e-324, 2.0**-1022, 2.0**1023, np.inf, -np.inf, np.nan]])  # fmt: skip
    codes = logbuckets.codes_of(np.sort(x))
    assert (np.diff(codes) >= 0).all()


def moments(values: list[float]) -> tuple[float | None, float | None]:
    x = [Fraction(v) for v in values]
    mean = sum(x) / len(x)
    second, third, fourth = (sum((v - mean) ** k for v in x) / len(x) for k in (2, 3, 4))
    if not second:
        return None, None
    size = math.sqrt(third * third / second**3)
    return math.copysign(size, third), float(fourth / second**2 - 3)


@pytest.mark.parametrize("scale", [1.0, 1e-100, 1e100, 3e-5])
@pytest.mark.parametrize("shift", [0.0, 1e9, -1e12])
def test_shape_is_exact_however_far_the_mean(shift: float, scale: float) -> None:
    rng = np.random.default_rng(11)
    values = ((rng.gamma(2.0, size=300) + shift) * scale).tolist()
    skew, kurt = moments(values)
    table = pa.table({"x": values})
    assert value(table, "skew", "x")[0] == pytest.approx(skew, rel=1e-15)
    assert value(table, "kurt", "x")[0] == pytest.approx(kurt, rel=1e-15)


@pytest.mark.parametrize("values", [[], [None], [3.0], [2.0, 2.0, None], [1e308], [np.inf]])
def test_without_spread_there_is_no_shape(values: list[float | None]) -> None:
    table = pa.table({"x": pa.array(values, pa.float64())})
    assert value(table, "skew", "x") == value(table, "kurt", "x") == [None]


@pytest.mark.parametrize("odd", [np.nan, np.inf, 1e200])
def test_what_no_double_can_hold_makes_the_shape_nan(odd: float) -> None:
    table = pa.table({"x": [1.0, 2.0, odd]})
    assert math.isnan(value(table, "skew", "x")[0]) and math.isnan(value(table, "kurt", "x")[0])


OUTS = ("distinct", "top", "top_count", "estimated")


def counted(groups: Any, values: Any, split: int) -> dict[str, list[Any]]:
    """What a census says if the rows are split, some parts are written and read, and all are merged."""
    n = int(groups.max()) + 1
    into, every = census.Census(LONG), np.arange(n, dtype=np.int32)
    into.resize(n)
    for i, rows in enumerate(np.array_split(np.arange(len(groups)), split)):
        part = census.Census(LONG)
        part.resize(n)
        for some in np.array_split(rows, 4):
            column = pa.array(values[some], mask=values[some] < 0)
            part.update(Rows(groups[some], [column], None, bool(i % 2), np.zeros(1, np.uint8)))
        part.seal()
        if i % 3 == 1:
            loaded = census.Census(LONG)
            loaded.resize(n)
            loaded.load(part.export(every[::-1]))
            into.merge(loaded, every, every[::-1].copy(), bool(i % 2))
        else:
            into.merge(part, every, every, bool(i % 2))
    return {out: into.finish(n, out, True).values.to_pylist() for out in OUTS}


def test_a_census_is_exact_up_to_its_limit_and_the_same_however_it_is_split(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(census, "MOST", 100)
    rng = np.random.default_rng(2)
    groups = rng.integers(0, 5, 6000).astype(np.int32)
    kinds = np.array([3, 100, 101, 150, 900])  # of which group 1 has at most as many as are counted
    values = rng.integers(-1, kinds[groups])
    want = [set(values[(groups == g) & (values >= 0)].tolist()) for g in range(5)]
    found = [counted(groups, values, split) for split in (1, 2, 5, 9)]
    assert all(f == found[0] for f in found)
    assert found[0]["estimated"] == [len(w) > 100 for w in want] == [False, False, True, True, True]
    for g, values_ in enumerate(want):
        distinct = found[0]["distinct"][g]
        assert distinct == len(values_) if len(values_) <= 100 else abs(distinct - len(values_)) <= 0.02 * len(values_)
        own = values[(groups == g) & (values >= 0)]
        counts = np.bincount(own)
        best = (int(counts.argmax()), int(counts.max())) if len(values_) <= 100 else (None, None)
        assert (found[0]["top"][g], found[0]["top_count"][g]) == best
