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
from cortado.engine.analytics.seasonal import Effort, stl
from cortado.engine.analytics.stl import Parts, decompose

F64 = NDArray[np.float64]
HOUR = 3_600_000_000


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(11)


STOP = np.zeros(1, np.uint8)


def one(x: F64, periods: tuple[int, ...], robust: bool, stop: Any = None) -> Parts:
    return decompose([x], [periods], Effort(robust, stop=stop))[0]


def same(a: Any, b: Any) -> None:
    """To the bit."""
    np.testing.assert_array_equal(np.asarray(a).view(np.int64), np.asarray(b).view(np.int64))


def passengers() -> F64:
    """Box & Jenkins' series G (monthly airline passengers, 1949 to 1960)."""
    text = """112 118 132 129 121 135 148 148 136 119 104 118 115 126 141 135 125 149 170 170 158 133 114 140 145 150 178 163 172
    178 199 199 184 162 146 166 171 180 193 181 183 218 230 242 209 191 172 194 196 196 236 235 229 243 264 272 237 211 180 201
    204 188 235 227 234 264 302 293 259 229 203 229 242 233 267 269 270 315 364 347 312 274 237 278 284 277 317 313 318 374 413
    405 355 306 271 306 315 301 356 348 355 422 465 467 404 347 305 336 340 318 362 348 363 435 491 505 404 359 310 337 360 342
    406 396 420 472 548 559 463 407 362 405 417 391 419 461 472 535 622 606 508 461 390 432"""
    return np.array(text.split(), np.float64)


CASES = [
    (144, 12),
    (24, 12),
    (25, 12),
    (96, 24),
    (97, 24),
    (100, 7),
    (61, 7),
    (30, 3),
    (20, 2),
    (2000, 12),
    (1000, 365),
    (6000, 500),
]


@pytest.mark.parametrize(("n", "period"), CASES)
@pytest.mark.parametrize("robust", [False, True])
@pytest.mark.parametrize("jumps", [(1, 1, 1), (2, 5, 3)])
def test_stl_is_that_of_statsmodels(
    n: int, period: int, robust: bool, jumps: tuple[int, int, int], rng: np.random.Generator
) -> None:
    """Also where few have most of the weight; both paths give the same bits. Two cycles are fitted to the last bit: no weights."""
    from statsmodels.tsa.seasonal import STL

    x = passengers() if n == 144 else 100 + 3 * np.sin(np.arange(n) / period * 2 * np.pi) + rng.normal(size=n)
    x[rng.random(n) < 0.05] *= 3
    offsets = np.array([0, n])
    made, kernel = (stl(x, offsets, [period], Effort(robust, jumps, stop)) for stop in (None, STOP))
    for a, b in ((made.trend, kernel.trend), (made.seasons[0], kernel.seasons[0]), (made.weight, kernel.weight)):
        same(a, b)
    if robust and n == 2 * period:
        return
    season, trend, low = jumps
    peer = STL(x, period=period, robust=robust, seasonal_jump=season, trend_jump=trend, low_pass_jump=low).fit()
    np.testing.assert_allclose(made.trend, peer.trend, rtol=0, atol=1e-9)
    np.testing.assert_allclose(made.seasons[0], peer.seasonal, rtol=0, atol=1e-9)


def test_many_series_of_all_lengths_at_once(rng: np.random.Generator) -> None:
    """Each is what it is alone, whatever stands beside it; one too large for doubles is NaN and harms no other."""
    sizes, periods = rng.integers(48, 120, 200), rng.choice([5, 7, 12, 24], 200)
    offsets = np.append(0, np.cumsum(sizes))
    x = rng.normal(size=offsets[-1])
    x[offsets[3] : offsets[3] + 20] = 1e308
    for robust in (False, True):
        made, kernel = (stl(x, offsets, periods, Effort(robust, stop=stop)) for stop in (None, STOP))
        for k in (0, 1, 2, 4, 77, 199):
            part = slice(offsets[k], offsets[k + 1])
            alone = stl(x[part], np.array([0, sizes[k]]), periods[k : k + 1], Effort(robust))
            same(alone.trend, made.trend[part])
            same(alone.trend, kernel.trend[part])
            same(alone.seasons[0], kernel.seasons[0][part])
        assert np.isnan(made.trend).sum() == np.isnan(kernel.trend).sum() <= sizes[3]


def test_a_series_without_noise_keeps_its_weights() -> None:
    """What is left is what rounding left: that is no ground to weigh values."""
    x: F64 = np.tile([1.0, 5.0, 3.0], 12) + np.arange(36.0)
    for stop in (None, STOP):
        made = stl(x, np.array([0, 36]), [3], Effort(True, stop=stop))
        assert made.weight.min() > 0.99
        np.testing.assert_allclose(made.trend + made.seasons[0], x, atol=1e-12)


@pytest.mark.parametrize("robust", [False, True])
def test_several_periods_are_statsmodels_mstl(robust: bool, rng: np.random.Generator) -> None:
    from statsmodels.tsa.seasonal import MSTL

    t = np.arange(400)
    x = t / 50 + np.sin(t / 12 * 2 * np.pi) + 3 * np.cos(t / 50 * 2 * np.pi) + rng.normal(size=400)
    periods: list[tuple[int, ...]] = [(12, 50), (7,), (5, 10, 30)]
    made, kernel = (decompose([x, x[:90], x[50:300]], periods, Effort(robust, stop=stop)) for stop in (None, STOP))
    for part, other, y, p in zip(made, kernel, (x, x[:90], x[50:300]), periods, strict=True):
        assert len(part.seasons) == len(p)
        same(part.seasons, other.seasons)
        same(part.trend, other.trend)
        if len(p) > 1:
            peer = MSTL(y, periods=p, stl_kwargs={"robust": robust}).fit()
            np.testing.assert_allclose(part.trend, peer.trend, atol=1e-9)
            np.testing.assert_allclose(np.array(part.seasons).T, peer.seasonal, atol=1e-9)


@pytest.mark.parametrize("robust", [False, True])
def test_without_a_period_the_trend_is_statsmodels_lowess(rng: np.random.Generator, robust: bool) -> None:
    from statsmodels.nonparametric.smoothers_lowess import lowess

    x = np.cumsum(rng.normal(size=90))
    peer = lowess(x, np.arange(90), frac=30 / 90, it=3 if robust else 0, return_sorted=False)
    np.testing.assert_allclose(one(x, (), robust).trend, peer, rtol=1e-10, atol=1e-12)


def test_holes_get_what_the_season_says(rng: np.random.Generator) -> None:
    t = np.arange(240)
    whole = 5 + t / 100 + 4 * np.sin(t / 24 * 2 * np.pi)
    holed = whole.copy()
    holed[rng.choice(np.arange(1, 239), 40, replace=False)] = np.nan
    holed[60:72] = np.nan  # half of a period
    made = one(holed, (24,), False)
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


def test_statsmodels_comes_with_the_first_series_that_has_no_period(tmp_path: Any) -> None:
    import subprocess
    import sys

    code = (
        "import sys, cortado; s = cortado.connect(timezone='UTC');"
        "q = 'json \"{}\" | repeat count=8 | eval x = mod(seq(), 2) | ';"
        "s.query(q + 'anomalies x').run(); s.query(q + 'stl period=2 x').run();"
        "assert 'statsmodels' not in sys.modules and 'sklearn' not in sys.modules;"
        "s.query(q + 'stl period=none x').run();"
        "assert 'statsmodels' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=tmp_path)
