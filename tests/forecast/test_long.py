"""Long and several seasons."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from cortado.engine.forecast import simple, theta
from cortado.engine.forecast.backtest import backtest
from cortado.engine.forecast.batch import Batch, Outcome
from cortado.engine.forecast.long import Long, cycle

from .making import LEVELS, batch_of, holds_for_all

HOURS = np.arange(24 * 7 * 6.0)
DAILY, WEEKLY = 10 * np.sin(2 * np.pi * HOURS / 24), 6 * np.sign(np.sin(2 * np.pi * HOURS / 168))


def test_every_series_is_answered_and_none_depends_on_another() -> None:
    def fit(batch: Batch, levels: Sequence[float]) -> Outcome:
        return Long(theta.theta, [[p] for p in batch.period.tolist()])(batch, levels)

    holds_for_all(fit)


def test_two_seasons_and_a_trend_go_on() -> None:
    rng = np.random.default_rng(1)
    clean = 100 + 0.02 * HOURS + DAILY + WEEKLY
    y = clean + rng.normal(size=len(HOURS))
    made = Long(theta.theta, [[168, 24]])(batch_of([y[:-168]], 24, 168), LEVELS)
    error = made.mean[0] - clean[-168:]
    assert np.sqrt(np.mean(error**2)) < 1.5
    plain = simple.snaive(batch_of([y[:-168]], 168, 168), LEVELS).mean[0] - clean[-168:]
    assert np.sqrt(np.mean(error**2)) < 1.1 * np.sqrt(np.mean(plain**2))
    assert made.model[0].startswith("MSTL 24, 168 + theta")


def test_holes_stay_holes_for_what_forecasts_the_rest() -> None:
    y = 50 + DAILY.copy()
    y[30:40] = np.nan
    seen: list[Batch] = []

    def told(batch: Batch, levels: Sequence[float]) -> Outcome:
        seen.append(batch)
        return simple.naive(batch, levels)

    made = Long(told, [[24]])(batch_of([y], 24, 30), LEVELS)
    np.testing.assert_array_equal(np.isnan(seen[0].values), np.isnan(y))
    assert seen[0].period.tolist() == [1]
    np.testing.assert_allclose(
        made.mean[0], 50 + 10 * np.sin(2 * np.pi * np.arange(len(y), len(y) + 30) / 24), atol=0.5
    )


def test_a_season_that_is_not_there_twice_is_left_out() -> None:
    y = np.arange(40.0)
    made = Long(simple.linear, [[30, 25]])(batch_of([y], 1, 3), LEVELS)
    np.testing.assert_array_equal(made.mean, simple.linear(batch_of([y], 1, 3), LEVELS).mean)
    assert made.model == ["linear"]


@pytest.mark.parametrize(("period", "n_cycles"), [(30, 2), (30, 3), (30, 8), (48, 20)])
def test_the_band_covers_what_it_says_for_few_and_for_many_cycles(period: int, n_cycles: int) -> None:
    rng = np.random.default_rng(period + n_cycles)
    n = period * n_cycles
    inside = []
    for _ in range(20):
        season = np.tile(rng.normal(size=period) * 5, n_cycles + 1)
        y = season + rng.normal(size=n + period)
        made = Long(theta.theta, [[period]])(batch_of([y[:n]], period, period), (0.9,))
        inside.append((made.lower[0, 0] <= y[n:]) & (y[n:] <= made.upper[0, 0]))
    assert 0.82 < np.mean(inside) < 0.98


def test_a_part_takes_its_own_periods() -> None:
    y = 50 + DAILY + np.random.default_rng(3).normal(size=len(DAILY))
    batch = batch_of([np.arange(3.0), y, -y], [1, 24, 24], 24)
    made = backtest(batch, Long(theta.theta, [[], [24], [24]]), 2)
    assert made.model.n_origins.tolist() == [0, 2, 2]
    assert made.model.overall["mase"] < made.naive.overall["mase"]


def test_a_season_is_the_mean_of_its_cycles_or_the_last_where_it_changes() -> None:
    rng = np.random.default_rng(4)
    season = rng.normal(size=12) * 5
    steady = cycle(np.tile(season, 20) + rng.normal(size=240), 12)
    assert steady.share == pytest.approx(1 / 20, abs=0.06) and steady.noise == pytest.approx(1, rel=0.3)
    np.testing.assert_allclose(steady.season, season, atol=1.2)
    walk = np.cumsum(rng.normal(size=(20, 12)) * 3, axis=0)
    moving = cycle((walk + 0.1 * rng.normal(size=walk.shape)).reshape(-1), 12)
    assert moving.share > 0.7
    np.testing.assert_allclose(moving.season, walk[-1], atol=2.5)


def test_a_cycle_begins_behind_the_series_whatever_its_length() -> None:
    made = cycle(np.array([9.0, 1, 2, 3, 1, np.nan, 3]), 3)
    np.testing.assert_array_equal(made.season, [1, 2, 3 if made.share < 0.6 else made.season[2]])
    assert cycle(np.array([4.0]), 1).season.tolist() == [4.0]
