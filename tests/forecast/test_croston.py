"""Intermittent demand: statsforecast 2.1.1's figures, and what simulated demand must average to."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest

from cortado.engine.forecast.croston import croston, is_intermittent, paths, sba, tsb

from .making import Fit, batch_of, holds_for_all

PARTS = [0, 0, 5, 0, 0, 0, 3, 7, 0, 0, 0, 0, 2, 0, 0, 9, 0, 1, 0, 0, 0.0]
# statsforecast 2.1.1 on PARTS: CrostonClassic, CrostonSBA, TSB(0.1, 0.1), TSB(0.2, 0.2), forecast and fitted values
CLASSIC, SBA, TSB1, TSB2 = 1.58681472, 1.50747398, 1.12753852, 1.0112967
CLASSIC_FITTED = (
    [1.66666667] * 4 + [1.5483871] + [1.73702422] * 5 + [1.5214447] * 3 + [1.66495196] * 2 + [1.58681472] * 3
)
TSB_FITTED = [0.5, 0.45, 0.405, 0.3645, 0.794928, 1.25022598, 1.12520338, 1.01268304, 0.91141474, 0.82027327, 1.16563353,
              1.04907018, 0.94416316, 1.44148885, 1.29733996, 1.54669207, 1.39202286, 1.25282058]  # fmt: skip


@pytest.mark.parametrize("fit", [croston, sba, tsb, partial(croston, alpha=None), partial(tsb, alpha=None)])
def test_every_series_is_answered_and_none_depends_on_another(fit: Fit) -> None:
    holds_for_all(fit)


def test_statsforecast_gives_the_same() -> None:
    batch = batch_of([PARTS], horizon=2)
    for fit, want in ((croston, CLASSIC), (sba, SBA), (tsb, TSB1), (partial(tsb, alpha=0.2), TSB2)):
        np.testing.assert_allclose(fit(batch, ()).mean, [[want] * 2], rtol=1e-8)
    np.testing.assert_allclose(croston(batch, ()).fitted, [np.nan] * 3 + CLASSIC_FITTED, rtol=1e-7)
    np.testing.assert_allclose(tsb(batch, ()).fitted, [np.nan] * 3 + TSB_FITTED, rtol=1e-7)


def test_an_installed_statsforecast_gives_the_same_on_random_demand() -> None:
    models = pytest.importorskip("statsforecast.models")
    rng = np.random.default_rng(8)
    ys = [np.where(rng.random(n) < 0.3, rng.integers(1, 20, n), 0).astype(float) for n in (30, 50, 200)]
    for ours, theirs in ((croston, models.CrostonClassic()), (sba, models.CrostonSBA()), (tsb, models.TSB(0.1, 0.1))):
        want = [theirs.forecast(y=y, h=6)["mean"] for y in ys]
        np.testing.assert_allclose(ours(batch_of(ys), ()).mean, want, rtol=1e-6)


def test_steps_without_a_value_count_for_no_gap() -> None:
    holes = np.insert(np.array(PARTS), [1, 5, 5, 14], np.nan)
    np.testing.assert_array_equal(croston(batch_of([holes]), ()).mean, croston(batch_of([PARTS]), ()).mean)
    np.testing.assert_array_equal(tsb(batch_of([holes]), ()).mean, tsb(batch_of([PARTS]), ()).mean)


def test_no_demand_is_forecast_as_none_and_told() -> None:
    made = sba(batch_of([np.zeros(9), PARTS]), (0.95,))
    assert (made.mean[0] == 0).all() and (made.lower[0] == 0).all() and (made.upper[0] == 0).all()
    assert made.note == ["no demand", ""]


@pytest.mark.parametrize(
    ("y", "is_so"),
    [
        (PARTS, True), ([0, 1, 2, 3], False), ([3, 0, 4, 5], True), ([3, 0, 4, 5, 2], False), ([3, -1, 0, 0, 0, 2], False),
        (np.zeros(5), False), ([0, 0, 0, 4], False), ([4, 0, 0, 0], True), ([4, np.nan, np.nan, 2], False),
    ],
)  # fmt: skip
def test_demand_is_intermittent_above_1_32_steps_a_demand(y: list[float], is_so: bool) -> None:
    assert is_intermittent(batch_of([[1.0, 1], y, [0.0, 1]])).tolist() == [False, is_so, False]


def test_simulated_demand_averages_to_the_forecast() -> None:
    batch = batch_of([PARTS, PARTS[3:], np.tile([0.0, 0, 6], 20)])
    drawn = paths(batch, 20_000, 40, 7, "tsb")
    np.testing.assert_allclose(drawn.mean(axis=(1, 2)), tsb(batch, ()).mean[:, 0], rtol=0.02)
    drawn = paths(batch, 20_000, 400, 7, "croston")[:, :, 200:]  # far from the start of the renewals
    np.testing.assert_allclose(drawn.mean(axis=(1, 2)), croston(batch, ()).mean[:, 0], rtol=0.02)


def test_regular_demand_comes_when_it_is_due() -> None:
    batch = batch_of([[0.0, 0, 6] * 8 + [0.0]], horizon=6)
    made = croston(batch, (0.5, 0.95))
    np.testing.assert_array_equal(made.upper[0, 1], [0, 6, 0, 0, 6, 0])
    np.testing.assert_array_equal(made.lower[0, 1], [0, 6, 0, 0, 6, 0])


def test_another_seed_draws_another_future() -> None:
    batch = batch_of([PARTS])
    assert not (paths(batch, 50, 20, 1) == paths(batch, 50, 20, 2)).all()
    np.testing.assert_array_equal(paths(batch, 50, 20, 1)[:, :30], paths(batch, 30, 20, 1))
    np.testing.assert_array_equal(paths(batch, 50, 20, 1)[:, :, :9], paths(batch, 50, 9, 1))


def test_the_constant_that_fits_is_found() -> None:
    rng = np.random.default_rng(3)
    size = np.exp(np.cumsum(rng.normal(size=60) * 0.3))  # a random walk: the newest counts most
    y = np.zeros(180)
    y[2::3] = size
    walk = croston(batch_of([y]), (), None)
    noise = croston(batch_of([np.where(np.arange(180) % 3 == 2, 5 + rng.random(180), 0)]), (), None)
    assert walk.alpha[0] == 0.3 and noise.alpha[0] == 0.05
