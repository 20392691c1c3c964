"""Naive, seasonal naive and the line: against statsmodels' regression and textbook formulas."""

from __future__ import annotations

import numpy as np
import pytest

from cortado.engine.forecast import simple

from .making import LEVELS, Fit, batch_of, holds_for_all

Z80, Z95 = 1.2815515655446004, 1.959963984540054


@pytest.mark.parametrize("fit", [simple.naive, simple.snaive, simple.linear])
def test_every_series_is_answered_and_none_depends_on_another(fit: Fit) -> None:
    holds_for_all(fit)


def test_naive_repeats_the_last_value_in_a_band_of_the_root_of_h() -> None:
    made = simple.naive(batch_of([[3.0, 5, 4, 8]], horizon=4), LEVELS)
    sigma = np.sqrt((4 + 1 + 16) / 3)
    np.testing.assert_array_equal(made.mean, [[8.0] * 4])
    np.testing.assert_allclose(made.upper[0], 8 + np.outer([Z80, Z95], sigma * np.sqrt([1, 2, 3, 4])), rtol=1e-14)
    np.testing.assert_allclose(made.lower[0], 8 - np.outer([Z80, Z95], sigma * np.sqrt([1, 2, 3, 4])), rtol=1e-14)
    np.testing.assert_array_equal(made.fitted, [np.nan, 3, 5, 4])


def test_a_change_over_two_steps_has_twice_the_variance() -> None:
    made = simple.naive(batch_of([[3.0, np.nan, 5, 4]]), LEVELS)
    np.testing.assert_allclose(made.sigma, np.sqrt((4 / 2 + 1) / 2))
    np.testing.assert_array_equal(made.fitted, [np.nan, 3, 3, 5])
    assert np.isnan(simple.naive(batch_of([[3.0]]), LEVELS).lower).all()


def test_seasonal_naive_repeats_the_season_and_widens_with_each() -> None:
    y = [1.0, 10, 100, 2, 12, 99, 4, 11, 97]
    made = simple.snaive(batch_of([y], 3, 7), (0.95,))
    np.testing.assert_array_equal(made.mean, [[4, 11, 97, 4, 11, 97, 4]])
    sigma = np.sqrt(np.mean(np.square([1, 2, -1, 2, -1, -2])))
    np.testing.assert_allclose(made.upper[0, 0] - made.mean[0], Z95 * sigma * np.sqrt([1, 1, 1, 2, 2, 2, 3]))
    np.testing.assert_array_equal(made.fitted, [np.nan] * 3 + y[:6])
    np.testing.assert_allclose(made.trend[[0, 1, 2, 3, 8]], [1, 5.5, 37, 112 / 3, 112 / 3])


def test_a_hole_in_the_last_season_is_filled_from_the_one_before() -> None:
    made = simple.snaive(batch_of([[1.0, 10, 2, np.nan, 4]], 2, 3), (0.95,))
    np.testing.assert_array_equal(made.mean, [[10, 4, 10]])
    unseen = simple.snaive(batch_of([[1.0, np.nan, 2, np.nan, 4]], 2, 3), (0.95,))
    np.testing.assert_array_equal(unseen.mean, [[4, 4, 4]])


def test_the_line_is_statsmodels_least_squares() -> None:
    import statsmodels.api as sm

    rng = np.random.default_rng(2)
    y = 3 + 0.5 * np.arange(30) + rng.normal(size=30)
    y[[4, 5, 11]] = np.nan
    made = simple.linear(batch_of([y], horizon=5), LEVELS)
    t, ahead, ok = np.arange(30.0), np.arange(30.0, 35.0), ~np.isnan(y)
    peer = sm.OLS(y[ok], sm.add_constant(t[ok])).fit().get_prediction(sm.add_constant(ahead))
    np.testing.assert_allclose(made.mean[0], peer.predicted_mean, rtol=1e-12)
    for i, level in enumerate(LEVELS):
        band = peer.conf_int(obs=True, alpha=1 - level)
        np.testing.assert_allclose(made.lower[0, i], band[:, 0], rtol=1e-10)
        np.testing.assert_allclose(made.upper[0, i], band[:, 1], rtol=1e-10)


def test_the_line_with_a_season_is_statsmodels_dummies() -> None:
    import statsmodels.api as sm

    rng = np.random.default_rng(3)
    t = np.arange(41.0)
    y = np.tile([5.0, -2, 0, 9], 11)[:41] + 0.1 * t + rng.normal(size=41)
    y[[7, 8]] = np.nan
    made = simple.linear(batch_of([y], 4, 9), LEVELS)

    def design(t: np.ndarray) -> np.ndarray:
        return np.column_stack([t, *[t % 4 == p for p in range(4)]]).astype(float)

    ok = ~np.isnan(y)
    peer = sm.OLS(y[ok], design(t[ok])).fit()
    ahead = peer.get_prediction(design(np.arange(41.0, 50.0)))
    np.testing.assert_allclose(made.mean[0], ahead.predicted_mean, rtol=1e-11)
    np.testing.assert_allclose(made.upper[0, 1], ahead.conf_int(obs=True, alpha=0.05)[:, 1], rtol=1e-10)
    np.testing.assert_allclose(made.trend, peer.params[1:].mean() + peer.params[0] * t, rtol=1e-10)


def test_a_season_that_cannot_be_fitted_is_left_out() -> None:
    y = np.arange(10.0)
    made = simple.linear(batch_of([y, y], [9, 1], 3), LEVELS)
    np.testing.assert_allclose(made.mean, [[10, 11, 12]] * 2)
    assert made.model == ["linear", "linear"]
