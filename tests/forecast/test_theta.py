"""Theta: against its definition by theta lines, minimised by another's search; seasons against statsmodels."""

from __future__ import annotations

import csv
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from cortado.engine.forecast import theta
from cortado.engine.forecast.seasonal import decomposed, is_seasonal

from .making import F64, LEVELS, Fit, batch_of, holds_for_all, mixed

RNG = np.random.default_rng(12)
T = np.arange(50.0)
WALK = 100 + RNG.normal(size=50).cumsum() + 0.4 * T


KERNELS = [partial(fit, compiled=is_) for fit in (theta.theta, theta.standard) for is_ in (False, True)]


@pytest.mark.parametrize("fit", KERNELS)
def test_every_series_is_answered_and_none_depends_on_another(fit: Fit) -> None:
    holds_for_all(fit)


def test_kernels_give_the_same_bits() -> None:
    batch = mixed()
    for fit in (theta.theta, theta.standard):
        general, compiled = fit(batch, LEVELS), fit(batch, LEVELS, True)
        for name in ("mean", "lower", "upper", "trend", "fitted", "sigma", "alpha", "beta"):
            assert getattr(general, name).tobytes() == getattr(compiled, name).tobytes(), name


def smoothed(y: F64, alpha: float, level: float) -> tuple[F64, float]:
    out = np.empty(len(y))
    for i, value in enumerate(y):
        out[i] = level
        if not np.isnan(value):
            level = alpha * value + (1 - alpha) * level
    return out, level


def by_definition(y: F64, horizon: int, alpha: float, level: float, theta_: float) -> tuple[F64, float]:
    """Theta lines as Assimakopoulos & Nikolopoulos combine them: line 0, and line theta smoothed, weighed by 1 - 1/theta and 1/theta."""
    t = np.arange(len(y))
    ok = ~np.isnan(y)
    slope, height = np.polyfit(t[ok], y[ok], 1)
    line = height + slope * np.arange(len(y) + horizon)
    bent = theta_ * y + (1 - theta_) * line[: len(y)]
    fitted, last = smoothed(bent, alpha, level)
    weight = 1 / theta_
    error = y - (1 - weight) * line[: len(y)] - weight * fitted
    return (1 - weight) * line[len(y) :] + weight * last, float(np.nansum(error * error))


def searched(y: F64) -> tuple[float, float, float]:
    """alpha, level and cost of theta = 2 by scipy's search from three starts."""
    from scipy.optimize import minimize  # type: ignore[import-untyped,unused-ignore]

    def cost(p: F64) -> float:
        return by_definition(y, 5, float(p[0]), float(p[1]), 2)[1]

    made = [minimize(cost, (alpha, y[0]), bounds=[(0.01, 0.99), (None, None)]) for alpha in (0.1, 0.5, 0.9)]
    best = min(made, key=lambda r: float(r.fun))
    return float(best.x[0]), float(best.x[1]), float(best.fun)


def test_the_standard_method_is_the_mean_of_two_theta_lines() -> None:
    holes = WALK.copy()
    holes[[7, 8, 30]] = np.nan
    for y in (WALK, holes, WALK[:7]):
        alpha, level, cost = searched(y)
        made = theta.standard(batch_of([y], horizon=5), LEVELS)
        np.testing.assert_allclose(made.alpha[0], alpha, atol=0.02)
        np.testing.assert_allclose(made.mean[0], by_definition(y, 5, alpha, level, 2)[0], rtol=2e-3)
        assert np.nansum((made.fitted - y)[1:] ** 2) <= cost * 1.0005


def test_an_alpha_that_is_given_back_gives_the_forecast() -> None:
    made = theta.standard(batch_of([WALK], horizon=5), LEVELS)
    levels = np.linspace(90, 110, 20001)
    costs = [by_definition(WALK, 5, made.alpha[0], level, 2)[1] for level in levels[::200]]
    near = levels[::200][int(np.argmin(costs))]
    fine = np.linspace(near - 0.4, near + 0.4, 401)
    best = fine[int(np.argmin([by_definition(WALK, 5, made.alpha[0], level, 2)[1] for level in fine]))]
    np.testing.assert_allclose(made.mean[0], by_definition(WALK, 5, made.alpha[0], best, 2)[0], rtol=1e-4)


def test_a_straight_line_goes_on_and_a_constant_stays() -> None:
    made = theta.theta(batch_of([3 * T + 5, np.full(30, 4.0)], horizon=3), LEVELS)
    np.testing.assert_allclose(made.mean, [[155, 158, 161], [4, 4, 4]], rtol=0.01)
    np.testing.assert_allclose((made.upper - made.lower)[1], 0, atol=1e-12)


def test_the_season_is_statsmodels_classical_one() -> None:
    from statsmodels.tsa.seasonal import seasonal_decompose

    for m, model in ((4, "multiplicative"), (5, "multiplicative"), (4, "additive")):
        y = WALK * (1 + 0.3 * np.sin(2 * np.pi * T / m)) - (150 if model == "additive" else 0)
        batch = batch_of([y], m)
        made = decomposed(batch, np.array([True]))
        peer = seasonal_decompose(y, model=model, period=m).seasonal[:m]
        np.testing.assert_allclose(made.index, peer, rtol=1e-10)
        np.testing.assert_allclose(
            made.without(y, np.zeros(50, int), np.arange(50))[: 2 * m],
            (y / np.tile(peer, 15)[:50] if model[0] == "m" else y - np.tile(peer, 15)[:50])[: 2 * m],
            rtol=1e-10,
        )


def test_the_autocorrelation_test_is_statsmodels_and_bartletts() -> None:
    from statsmodels.tsa.stattools import acf

    seen = []
    for seed in range(40):
        rng = np.random.default_rng(seed)
        y = rng.normal(size=40) + (seed % 4) * 0.4 * np.sin(2 * np.pi * np.arange(40) / 6)
        r = acf(y, nlags=6)
        want = abs(r[6]) > 1.6448536 * np.sqrt((1 + 2 * np.sum(r[1:6] ** 2)) / 40)
        assert is_seasonal(batch_of([y], 6))[0] == want
        seen.append(bool(want))
    assert 5 < sum(seen) < 35
    assert not is_seasonal(batch_of([np.tile([1.0, 2, 3], 2)], 3))[0]


def test_passengers_are_near_what_statsforecast_says() -> None:
    """statsforecast 2.1.1's Theta(12) on the 144 months; it finds alpha and the level by another search."""
    with open(Path(__file__).parents[1] / "data" / "passengers.csv", encoding="utf-8") as f:
        y = [float(row["passengers"]) for row in csv.DictReader(f)]
    made = theta.standard(batch_of([y], 12, 4), LEVELS)
    np.testing.assert_allclose(made.mean[0], [440.96919545, 429.24924183, 490.69318724, 476.65992046], rtol=2e-3)
    assert made.model == ["standard theta, season *"]
    assert (made.lower[0, 1] < made.lower[0, 0]).all() and (np.diff(made.upper[0, 1] - made.lower[0, 1])[:1] != 0).all()


def test_the_band_of_a_random_walk_covers_what_it_says() -> None:
    rng = np.random.default_rng(21)
    y = rng.normal(size=(300, 70)).cumsum(axis=1)
    made = theta.theta(batch_of(list(y[:, :60]), horizon=10), (0.95,))
    inside = (made.lower[:, 0] <= y[:, 60:]) & (y[:, 60:] <= made.upper[:, 0])
    assert 0.90 < inside.mean() < 0.98
