"""Periods that are found, and series that are decomposed: against statsmodels, and against what they were made of."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from numpy.typing import NDArray

import cortado
from cortado.engine.analytics.grid import by_time, steps_in
from cortado.engine.analytics.period import autocorrelation, found_period
from cortado.engine.analytics.stl import decompose

F64 = NDArray[np.float64]
HOUR = 3_600_000_000


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(11)


def test_one_period_is_statsmodels_stl(rng: np.random.Generator) -> None:
    from statsmodels.tsa.seasonal import STL

    x = 10 + np.sin(np.arange(200) / 12 * 2 * np.pi) + rng.normal(size=200)
    for robust in (False, True):
        made, peer = decompose(x, (12,), robust), STL(x, period=12, robust=robust).fit()
        np.testing.assert_array_equal(made.trend, peer.trend)
        np.testing.assert_array_equal(made.seasons[0], peer.seasonal)


def test_several_periods_are_statsmodels_mstl(rng: np.random.Generator) -> None:
    from statsmodels.tsa.seasonal import MSTL

    t = np.arange(400)
    x = t / 50 + np.sin(t / 12 * 2 * np.pi) + 3 * np.cos(t / 50 * 2 * np.pi) + rng.normal(size=400)
    made, peer = decompose(x, (12, 50), False), MSTL(x, periods=(12, 50)).fit()
    np.testing.assert_allclose(made.trend, peer.trend, atol=1e-12)
    np.testing.assert_allclose(np.array(made.seasons).T, peer.seasonal, atol=1e-12)


@pytest.mark.parametrize("robust", [False, True])
def test_without_a_period_the_trend_is_statsmodels_lowess(rng: np.random.Generator, robust: bool) -> None:
    from statsmodels.nonparametric.smoothers_lowess import lowess

    x = np.cumsum(rng.normal(size=90))
    peer = lowess(x, np.arange(90), frac=30 / 90, it=3 if robust else 0, return_sorted=False)
    np.testing.assert_allclose(decompose(x, (), robust).trend, peer, rtol=1e-10, atol=1e-12)


def test_holes_get_what_the_season_says(rng: np.random.Generator) -> None:
    t = np.arange(240)
    whole = 5 + t / 100 + 4 * np.sin(t / 24 * 2 * np.pi)
    holed = whole.copy()
    holed[rng.choice(np.arange(1, 239), 40, replace=False)] = np.nan
    holed[60:72] = np.nan  # half of a period
    made = decompose(holed, (24,), False)
    np.testing.assert_allclose(made.trend + made.seasons[0], whole, atol=0.05)


def made_of(period: int, n: int, noise: float, rng: np.random.Generator) -> F64:
    season = rng.normal(size=period)
    return np.tile(season / season.std(), n // period + 1)[:n] + noise * rng.normal(size=n) + np.arange(n) * 0.02


@pytest.mark.parametrize(
    ("period", "n", "natural"),
    [(7, 70, (7, 365)), (12, 60, (12,)), (24, 240, (24, 168)), (10, 200, ()), (52, 260, (52,))],
)
def test_a_period_is_found(period: int, n: int, natural: tuple[int, ...], rng: np.random.Generator) -> None:
    found = [found_period(made_of(period, n, 0.4, rng), natural) for _ in range(50)]
    assert found.count(period) >= 48


SERIES: dict[str, Callable[[np.random.Generator, int], F64]] = {
    "noise": lambda rng, n: rng.normal(size=n),
    "random walk": lambda rng, n: np.cumsum(rng.normal(size=n)),
    "line": lambda rng, n: np.arange(n) + rng.normal(size=n),
    "growth": lambda rng, n: np.exp(np.arange(n) / n * 3) + 0.1 * rng.normal(size=n),
}


@pytest.mark.parametrize("kind", SERIES)
@pytest.mark.parametrize("n", [30, 200, 900])
def test_chance_has_no_period(kind: str, n: int, rng: np.random.Generator) -> None:
    found = [found_period(SERIES[kind](rng, n)) for _ in range(100)]
    assert sum(p is not None for p in found) <= 4


def test_what_cannot_have_a_period() -> None:
    assert found_period(np.full(100, 3.0)) is None
    assert found_period(np.arange(100.0)) is None
    assert found_period(np.array([1.0, 2.0] * 3)) is None  # too few
    assert found_period(np.array([1.0, 2.0] * 6)) == 2


def test_autocorrelation_is_that_of_the_definition(rng: np.random.Generator) -> None:
    x = rng.normal(size=37)
    x -= x.mean()
    direct = np.array([np.mean(x[: 37 - k] * x[k:]) for k in range(12)])
    np.testing.assert_allclose(autocorrelation(x, 12), np.clip(direct / direct[0], -1, 1), atol=1e-12)


def test_a_grid_over_a_change_of_the_clock() -> None:
    """Daily midnights of Berlin are 25 hours apart in October; the step is a day all the same."""
    days = np.arange("2026-10-20", "2026-11-05", dtype="datetime64[D]").astype("datetime64[us]").astype(np.int64)
    utc = days - np.where(np.arange(len(days)) < 6, 2, 1) * HOUR
    grid = by_time(utc, "Europe/Berlin")
    assert grid is not None and grid.ticks == 24 * HOUR
    assert grid.cells.tolist() == list(range(16))


def test_months_are_steps_and_quarters_are_three_of_them() -> None:
    months = np.arange("2024-01", "2026-01", dtype="datetime64[M]").astype("datetime64[us]").astype(np.int64)
    grid = by_time(months, "UTC")
    assert grid is not None and (grid.months, grid.n) == (1, 24)
    assert steps_in(grid, 12, 0) == 12 and steps_in(grid, 0, 30 * 24 * HOUR) is None
    assert by_time(np.sort(np.random.default_rng(2).integers(0, 10**12, 50)), "UTC") is None


def test_thousands_of_groups_keep_their_order_and_their_period(rng: np.random.Generator) -> None:
    n_groups, n = 1500, 24
    k = rng.permutation(np.repeat(np.arange(n_groups), n))
    number = np.zeros(len(k), np.int64)
    order = np.argsort(k, kind="stable")
    number[order] = np.tile(np.arange(n), n_groups)
    table = pa.table({"k": k, "x": number % 4 + k * 0.5})
    with cortado.connect(timezone="UTC") as s:
        made = s.query("table t | stl period=4 x by k", sources={"t": table}).run().to_arrow()
    assert made["k"].to_numpy().tolist() == k.tolist()
    np.testing.assert_allclose(made["_error"].to_numpy(), 0, atol=1e-9)
    np.testing.assert_allclose(made["_seasonal"].to_numpy(), number % 4 - 1.5, atol=1e-9)


def test_statsmodels_comes_with_the_first_such_query(tmp_path: Any) -> None:
    import subprocess
    import sys

    code = (
        "import sys, cortado; s = cortado.connect(timezone='UTC');"
        "s.query('json \"{}\" | repeat count=8 | eval x = 1 | anomalies x').run();"
        "assert 'statsmodels' not in sys.modules and 'sklearn' not in sys.modules;"
        "s.query('json \"{}\" | repeat count=8 | eval x = mod(seq(), 2) | stl period=2 x').run();"
        "assert 'statsmodels' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=tmp_path)
