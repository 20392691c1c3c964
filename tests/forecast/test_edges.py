"""Series as they come: short, constant, empty, with gaps, zeros, negatives; and what is said of each."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from cortado.engine.forecast import codes, ets
from cortado.engine.forecast.batch import Batch
from cortado.engine.forecast.smoothed import Smoothed

from .given import many, one
from .published import AIRPASSENGERS, OIL

NAN = float("nan")


def fit(values: Any, period: int = 1, horizon: int = 4, model: str = "auto", **more: Any) -> Smoothed:
    return ets.fit(one(values, period, horizon), model, compiled=lambda: False, **more)


def test_no_values() -> None:
    for values in ([], [NAN], [NAN] * 30):
        out = fit(values)
        assert np.isnan(out.mean).all() and np.isnan(out.sd).all() and np.isnan(out.lower).all()
        assert (out.model, out.note) == (["none"], ["no values"])


def test_one_value_goes_on_without_a_band() -> None:
    out = fit([NAN, 7.0, NAN])
    assert out.mean.tolist() == [[7.0] * 4]
    assert np.isnan(out.sd).all() and np.isnan(out.upper).all()
    assert out.model == ["naive"] and "1 value" in out.note[0]
    assert np.isnan(out.trend_history[0]) and out.trend_history[1:].tolist() == [7.0, 7.0]


def test_two_and_three_values_are_a_random_walk() -> None:
    out = fit([3.0, 5.0])
    assert out.mean.tolist() == [[5.0] * 4]
    np.testing.assert_allclose(out.sd[0], 2 * np.sqrt([1, 2, 3, 4]))
    np.testing.assert_allclose(out.upper[0, 0], 5 + 1.959963984540054 * out.sd[0])
    out = fit([1.0, 2.0, NAN, 5.0])
    assert out.note == ["3 values: the last goes on"]
    np.testing.assert_allclose(out.sd[0, 0] ** 2, (1 + 9 / 2) / 2)  # a step over a gap of two is two steps
    np.testing.assert_allclose(out.fitted, [1, 1, 2, 2])


@pytest.mark.parametrize("value", [0.0, 4.5, -3.0])
def test_a_constant_has_a_band_of_no_width(value: float) -> None:
    out = fit([value, value, NAN] + [value] * 20, 4)
    assert out.model == ["constant"] and out.note == [""]
    assert (
        (out.mean == value).all()
        and (out.lower == value).all()
        and (out.upper == value).all()
        and (out.trend_future == value).all()
    )


def test_leading_gaps_are_nothing() -> None:
    padded = fit([NAN, NAN, *OIL])
    plain = fit(OIL)
    np.testing.assert_array_equal(padded.mean, plain.mean)
    np.testing.assert_array_equal(padded.sd, plain.sd)
    assert np.isnan(padded.fitted[:2]).all() and np.isnan(padded.trend_history[:2]).all()
    np.testing.assert_array_equal(padded.fitted[2:], plain.fitted)


def test_gaps_inside_and_behind() -> None:
    y = AIRPASSENGERS.copy()
    y[50:53] = NAN
    y[-2:] = NAN
    out = fit(y, 12, 12)
    assert np.isfinite(out.fitted).all() and np.isfinite(out.trend_history).all()
    whole = fit(AIRPASSENGERS[:-2], 12, 14)
    np.testing.assert_allclose(
        out.mean[0], whole.mean[0, 2:], rtol=0.03
    )  # the first forecast is of the step behind the gap
    np.testing.assert_allclose(out.sd[0], whole.sd[0, 2:], rtol=0.15)
    for model in ("MAM", "AMN"):  # by a formula and by paths
        behind = fit(np.append(AIRPASSENGERS, [NAN, NAN, NAN]), 12, 5, model)
        before = fit(AIRPASSENGERS, 12, 8, model)
        np.testing.assert_array_equal(behind.mean, before.mean[:, 3:])
        np.testing.assert_array_equal(behind.sd, before.sd[:, 3:])
        np.testing.assert_array_equal(behind.upper, before.upper[:, :, 3:])
        np.testing.assert_allclose(behind.fitted[-3:], before.mean[0, :3])
        np.testing.assert_allclose(behind.trend_history[-3:], before.trend_future[0, :3])


def test_gaps_behind_without_a_model() -> None:
    out = fit([1.0, 3.0, NAN, NAN], horizon=2)
    np.testing.assert_allclose(out.sd[0], 2 * np.sqrt([3, 4]))
    assert out.fitted.tolist() == [1, 1, 3, 3]
    paths = ets.simulate(one([1.0, 3.0, NAN, NAN], horizon=2), out, 2000, 2, compiled=lambda: False)
    np.testing.assert_allclose(paths[0].std(axis=0), out.sd[0], rtol=0.06)


def test_zeros_and_negatives_have_additive_models_only() -> None:
    for shift in (-AIRPASSENGERS.min(), -300):
        out = fit(AIRPASSENGERS + shift, 12)
        used = out.models.codes[out.models.weight[0] > 0]
        assert len(used) and all(codes.triple(int(c))[0] == 0 and codes.triple(int(c))[2] < 2 for c in used)


def test_a_season_needs_two_periods_and_five_more_values_than_one() -> None:
    y = AIRPASSENGERS
    for n, period, has in ((24, 12, True), (23, 12, False), (9, 4, True), (8, 4, False), (7, 2, True), (6, 2, False)):
        out = fit(y[:n], period)
        seasonal = any(
            np.isfinite(w) and w > 0 and codes.triple(int(c))[2]
            for c, w in zip(out.models.codes, out.models.weight[0], strict=True)
        )
        assert ("too short for a season" in out.note[0]) is not has
        assert has or not seasonal
    wave = np.tile([1.0, 5.0, 9.0, 3.0], 5) + np.random.default_rng(1).normal(0, 0.1, 20)
    assert (np.abs(fit(wave, 4).mean[0] - [1, 5, 9, 3]) < 0.7).all()


def test_long_seasons_are_said_not_to_be_modelled() -> None:
    wave = 5 + np.sin(np.arange(200) * 2 * np.pi / 25)
    out = fit(wave, 25)
    assert out.note == ["a season of 25 steps is longer than 24: none is modelled"]
    np.testing.assert_array_equal(out.mean, fit(wave, 1).mean)
    assert fit(wave, 24).note == [""]


def test_a_code_that_is_not_possible_gives_its_nearest() -> None:
    out = fit(AIRPASSENGERS - 300, 12, model="MAdM")
    assert out.model == ["ETS(A,Ad,A)"] and out.note == ["MAdM is not possible here: ETS(A,Ad,A)"]
    out = fit(AIRPASSENGERS[:20], 12, model="MAdM")
    assert (
        out.model == ["ETS(M,Ad,N)"]
        and "MAdM is not possible" in out.note[0]
        and "too short for a season" in out.note[0]
    )
    assert fit(AIRPASSENGERS[:5], 12, model="MAdM").model[0].endswith("N)")
    assert fit(-OIL, model="MMdN").model == ["ETS(A,Ad,N)"]
    assert fit(AIRPASSENGERS, 12, model="ets(m,a,m)").model == ["ETS(M,A,M)"]


def test_the_name_of_a_blend() -> None:
    out = fit(AIRPASSENGERS, 12)
    weights = sorted(out.models.weight[0], reverse=True)
    first, second = (round(100 * w) for w in weights[:2])
    assert f" {first} % + " in out.model[0] and f" {second} % + " in out.model[0]
    assert out.model[0].endswith(f"{np.count_nonzero(weights) - 2} more")
    best = fit(AIRPASSENGERS, 12, model="best")
    assert best.model[0].startswith("ETS(") and "+" not in best.model[0]
    assert np.isfinite([best.aicc[0], best.alpha[0], best.gamma[0], best.sigma[0]]).all()


def test_what_is_not_asked_rightly() -> None:
    for model in ("", "XYZ", "MAX", "AAAA"):
        with pytest.raises(ValueError, match="no ETS model"):
            fit(OIL, model=model)
    with pytest.raises(ValueError, match="no fit"):
        fit(OIL, fit="least")
    for level in (0.0, 100.0, NAN):
        with pytest.raises(ValueError, match="percentage"):
            fit(OIL, levels=(level,))


def test_arrays_of_others() -> None:
    """Read-only as Arrow's are, with strides, of other widths."""
    told = Batch(
        np.repeat(OIL, 2)[::2], np.array([0, 49], np.int32), np.array([1], np.int16), np.array([1], np.uint64), 4
    )
    told.values.flags.writeable = False
    np.testing.assert_array_equal(ets.fit(told, compiled=lambda: True).mean, fit(OIL).mean)
    for wrong in (
        Batch(OIL, np.array([0]), np.array([1]), np.array([1], np.uint64), 4), Batch(OIL, np.array([0, 49]), np.array([1]), np.array([1], np.uint64), 0),
        Batch(np.append(OIL, np.inf), np.array([0, 50]), np.array([1]), np.array([1], np.uint64), 4),
    ):  # fmt: skip
        with pytest.raises(ValueError, match=r"a batch|infinite"):
            ets.fit(wrong)
    none = Batch(np.empty(0), np.array([0]), np.empty(0, np.int64), np.empty(0, np.uint64), 4)
    assert ets.fit(none, compiled=lambda: True).mean.shape == (0, 4)


def test_several_levels() -> None:
    out = fit(OIL, levels=(50, 80, 99))
    assert out.lower.shape == (1, 3, 4)
    assert (np.diff(out.lower[0], axis=0) < 0).all() and (np.diff(out.upper[0], axis=0) > 0).all()
    np.testing.assert_allclose((out.upper[0, 1] - out.mean[0]) / out.sd[0], 1.2815515655446004)


def test_the_trend_is_the_path_without_season() -> None:
    t = np.arange(48)
    y = 100 + 2.0 * t + np.tile([10.0, -5.0, -15.0, 10.0], 12) + np.random.default_rng(2).normal(0, 0.5, 48)
    out = fit(y, 4, 8)
    np.testing.assert_allclose(out.trend_history[8:], 100 + 2.0 * t[8:], atol=2)
    np.testing.assert_allclose(out.trend_future[0], 100 + 2.0 * (48 + np.arange(8)), rtol=0.02)
    np.testing.assert_allclose(out.fitted[8:], y[8:], atol=4)


def test_a_forecast_stays_within_ten_ranges() -> None:
    y = np.concatenate([1.5 ** np.arange(30.0), [1.5**30 * 3]])
    out = fit(y, horizon=40, model="MMN")
    assert out.note == ["kept to the last value: all forecasts went beyond 10 times the range of the series"]
    assert out.model == ["naive"] and (out.mean == y[-1]).all() and np.isfinite(out.upper).all()
    assert (np.abs(fit(y, horizon=400).mean) <= y.max() + 10 * np.ptp(y)).all()


def test_paths_of_series_without_a_model() -> None:
    batch = many([[NAN], [5.0], [1.0, 3.0], [4.0] * 9], 1, 3)
    out = ets.fit(batch, compiled=lambda: False)
    paths = ets.simulate(batch, out, 400, 3, compiled=lambda: False)
    assert np.isnan(paths[0]).all() and (paths[1] == 5).all() and (paths[3] == 4).all()
    np.testing.assert_allclose(paths[2].std(axis=0), 2 * np.sqrt([1, 2, 3]), rtol=0.15)


def odd(rng: Any) -> Any:
    """A series that somebody could have."""
    n = int(rng.choice([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 13, 24, 25, 30, 49, 80]))
    t = np.arange(n)
    kind = rng.integers(0, 14)
    size = 10.0 ** rng.integers(-300, 300) if rng.uniform() < 0.3 else 10.0 ** rng.integers(-6, 7)
    noise = rng.normal(size=n)
    y = [
        noise, np.exp(noise * 5), (rng.uniform(size=n) < 0.2) * rng.integers(0, 9, n), np.exp(0.5 * t), np.exp(-0.5 * t), (t == n // 2) * 1.0,
        1e6 + noise, t**3.0, np.sign(noise), 1e-9 + np.abs(noise) * 1e-12, np.where(t % 12 == 0, 1e9, 1e-9), np.where(t > n // 2, 1e8, 1.0),
        rng.standard_cauchy(n), 1 + (t % 4 == 0) * 1e-13,
    ][kind].astype(float)  # fmt: skip
    with np.errstate(over="ignore", invalid="ignore"):
        y = np.clip(y * size, -1.7e308, 1.7e308)
    if rng.uniform() < 0.4:
        y[rng.uniform(size=n) < rng.uniform()] = NAN
    return y


@pytest.mark.parametrize(("model", "fit_", "n"), [("auto", "shrunk", 3000), ("best", "shrunk", 500), ("MMdM", "shrunk", 500), ("AAM", "shrunk", 300), ("auto", "ml", 60), ("MAdM", "ml", 300)])  # fmt: skip
def test_odd_series_never_give_nan_or_infinity(model: str, fit_: str, n: int) -> None:
    rng = np.random.default_rng(11)
    series = [odd(rng) for _ in range(n)]
    offsets = np.cumsum([0, *map(len, series)])
    periods = rng.choice([1, 2, 4, 12, 24, 30], n)
    batch = Batch(np.concatenate(series), offsets, periods, np.arange(n, dtype=np.uint64), 15)
    out = ets.fit(batch, model, fit_, compiled=lambda: True)
    paths = ets.simulate(batch, out, 5, 4, compiled=lambda: True)
    for k, y in enumerate(series):
        there = y[~np.isnan(y)]
        if not len(there):
            assert out.model[k] == "none"
            continue
        for table in (out.mean, out.trend_future, paths):
            assert np.isfinite(table[k]).all(), (k, y)
        if len(there) > 1:
            for table in (out.sd, out.lower, out.upper):
                assert np.isfinite(table[k]).all(), (k, y)
        low, high = there.min(), there.max()
        with np.errstate(over="ignore"):
            spread = 10.0001 * (high - low) + 1e-9 * abs(high)
            assert (out.mean[k] >= low - spread).all() and (out.mean[k] <= high + spread).all()
        first = int(np.flatnonzero(~np.isnan(y))[0])
        for path in (out.fitted, out.trend_history):
            part = path[offsets[k] : offsets[k + 1]]
            assert np.isnan(part[:first]).all() and np.isfinite(part[first:]).all()
        assert out.model[k] not in ("", "none")
