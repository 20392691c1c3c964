"""The rule: at R's parameters R's likelihood, forecasts and bands; and a converged fit that is never below R's."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from cortado.engine.forecast import codes, ets
from cortado.engine.forecast.running import plain
from cortado.engine.forecast.smoothed import Smoothed

from .given import forecast, log_likelihood, one, parameters
from .published import (
    AICC,
    AIRPASSENGERS,
    AUSTOURISTS,
    LOG_LIKELIHOOD,
    OIL,
    R_AIR,
    R_AIR_FORECAST,
    SERIES,
    fits_by_r,
)  # fmt: skip

BY_R = fits_by_r()
LISTED = [(series, code) for series, fits in LOG_LIKELIHOOD.items() for code in fits]


def n_parameters(code: str, m: int) -> int:
    _, trend, season = codes.parse(code)
    return 2 + 2 * (trend > 0) + (trend in (2, 4)) + (season > 0) * m


def fitted(y: Any, m: int, code: str, horizon: int = 4) -> tuple[Smoothed, float]:
    """A converged fit and its log-likelihood."""
    out = ets.fit(one(y, m, horizon), code, "ml", compiled=lambda: True)
    k = n_parameters(code, m) + 1
    return out, -0.5 * (out.aicc[0] - 2 * k - 2 * k * (k + 1) / (len(y) - k - 1))


def of_r(fit: dict[str, Any], series: str, code: str) -> tuple[list[float], list[float], float]:
    """th, seasonals by place in the period, and scale of a fit by R."""
    _, trend, season = codes.parse(code)
    value = {name: float(fit[name][0]) for name in ("alpha", "beta", "gamma", "phi")}
    states = fit["initstate"]
    scale = float(np.mean(np.abs(SERIES[series][0])))
    slope = states[1] if trend else 0.0
    seasons = states[2 if trend else 1 :][::-1] if season else []
    if season == 1:
        seasons = [s / scale for s in seasons]
    th = parameters(code, value["alpha"], value["beta"], value["gamma"], value["phi"], states[0], slope, scale)
    return th, seasons, scale


@pytest.mark.parametrize(("series", "code"), sorted(BY_R))
def test_likelihood_and_forecast_at_the_parameters_of_r(series: str, code: str) -> None:
    y, m = SERIES[series]
    fit = BY_R[series, code]
    th, seasons, scale = of_r(fit, series, code)
    got = log_likelihood(y / scale, m, code, th, seasons) - len(y) * np.log(scale)
    assert got == pytest.approx(fit["loglik"][0], rel=1e-3)
    mean, _ = forecast(y, m, code, th, seasons, len(fit["forecast"]))
    np.testing.assert_allclose(mean, fit["forecast"], rtol=1e-3)


@pytest.mark.parametrize(
    ("series", "code"), sorted(k for k in BY_R if k[1] not in ("ANN", "MNN"))
)  # of those R's states are flat
def test_states_and_paths_at_the_parameters_of_r(series: str, code: str) -> None:
    """Every state behind every value; and a path whose errors are R's residuals is the series."""
    y, m = SERIES[series]
    fit = BY_R[series, code]
    error, trend, season = codes.parse(code)
    th, seasons, scale = of_r(fit, series, code)
    n, period = len(y), m if season else 1
    level, slope, place = ([0.0] * n for _ in range(3))
    end = [0.0] * 8
    plain("etsfilter").walk(
        (y / scale).tolist(),
        n,
        period,
        error,
        trend,
        season,
        th,
        0,
        [*seasons, *seasons],
        [0.0] * m,
        level,
        slope,
        place,
        end,
    )
    states = np.array(fit["states"])
    np.testing.assert_allclose(np.array([*level, end[0]]) * scale, states[:, 0], rtol=1e-6)
    if trend:
        np.testing.assert_allclose(
            np.array([*slope, end[1]]) * (1 if trend > 2 else scale), states[:, 1], rtol=1e-5, atol=1e-5
        )
    if season:
        np.testing.assert_allclose(
            np.array(place) * (scale if season == 1 else 1), states[:-1, -1], rtol=1e-5, atol=1e-5
        )
    value = {name: float(fit[name][0]) for name in ("alpha", "beta", "gamma", "phi")}
    errors = np.array(fit["residuals"]) / (1 if error else scale)
    out = [0.0] * n
    plain("etspaths").paths(
        error, trend, season, period, n, value["alpha"], value["beta"] if trend else 0.0, value["gamma"] if season else 0.0,
        value["phi"] if trend in (2, 4) else 1.0, 1.0, [level[0], slope[0], *seasons], 0, [1.0] * n, errors.tolist(),
        [0.0] * (2 + m + n), 1, out, np.zeros(1, np.uint8),
    )  # fmt: skip
    np.testing.assert_allclose(np.array(out) * scale, y, rtol=1e-6)


def test_r_was_read_whole() -> None:
    assert {
        ("AUSTOURISTS", "AAdA"),
        ("AUSTOURISTS", "MAM"),
        ("AUSTOURISTS", "MMdM"),
        ("OIL", "AAdN"),
        ("OIL", "MMN"),
    } <= set(BY_R)
    for series, code in set(LISTED) & set(BY_R):
        assert BY_R[series, code]["loglik"][0] == pytest.approx(LOG_LIKELIHOOD[series][code], abs=1e-3)


@pytest.mark.parametrize(("series", "code"), LISTED)
def test_a_converged_fit_is_not_below_r(series: str, code: str) -> None:
    y, m = SERIES[series]
    out, likelihood = fitted(y, m, code)
    assert out.model == [codes.title(codes.number(*codes.parse(code)))]
    assert likelihood > LOG_LIKELIHOOD[series][code] - 1e-3
    if (series, code) in BY_R:
        assert likelihood > BY_R[series, code]["loglik"][0] - 1e-3


@pytest.mark.parametrize(("series", "code"), sorted(k for k in BY_R if "M" in k[1][1:]))
def test_a_multiplicative_trend_is_not_below_r(series: str, code: str) -> None:
    y, m = SERIES[series]
    out, likelihood = fitted(y, m, code)
    if out.model == [codes.title(codes.number(*codes.parse(code)))]:
        assert likelihood > BY_R[series, code]["loglik"][0] - 1e-3
    else:
        assert "not possible" in out.note[0]


@pytest.mark.parametrize("code", AICC)
def test_aicc_is_counted_as_r_counts_it(code: str) -> None:
    r = LOG_LIKELIHOOD["AIRPASSENGERS"][code]
    k = n_parameters(code, 12) + 1
    assert -2 * r + 2 * k + 2 * k * (k + 1) / (144 - k - 1) == pytest.approx(AICC[code], abs=0.01)
    assert fitted(AIRPASSENGERS, 12, code)[0].aicc[0] < AICC[code] + 0.01


def test_airpassengers_at_the_parameters_of_r() -> None:
    scale = float(np.mean(AIRPASSENGERS))
    r: Any = R_AIR
    th = parameters("MAdM", r["alpha"], r["beta"], r["gamma"], r["phi"], r["level"], r["slope"], scale)
    got = log_likelihood(AIRPASSENGERS / scale, 12, "MAdM", th, r["seasons"]) - 144 * np.log(scale)
    assert -2 * got + 2 * 18 == pytest.approx(1395.166, rel=1e-5)
    mean, sd = forecast(AIRPASSENGERS, 12, "MAdM", th, r["seasons"], 11)
    z = 1.959963984540054
    np.testing.assert_allclose(mean, R_AIR_FORECAST[:, 0], rtol=1e-3)
    half = (R_AIR_FORECAST[:, 2] - R_AIR_FORECAST[:, 1]) / 2
    np.testing.assert_allclose(z * sd, half, rtol=3e-3)
    np.testing.assert_allclose(mean - z * sd, R_AIR_FORECAST[:, 1], rtol=3e-3)
    np.testing.assert_allclose(mean + z * sd, R_AIR_FORECAST[:, 2], rtol=3e-3)


def test_the_best_model_of_airpassengers() -> None:
    out = ets.fit(one(AIRPASSENGERS, 12), "best", "ml", compiled=lambda: True)
    assert out.model == ["ETS(M,A,M)"]
    assert out.aicc[0] == pytest.approx(1390.84, abs=0.02)
    out, likelihood = fitted(AIRPASSENGERS, 12, "MAdM")
    assert likelihood > -679.583
    assert out.phi[0] == pytest.approx(0.98, abs=1e-3)
    assert out.sigma[0] == pytest.approx(0.0392, abs=5e-4)


def test_forecasts_of_converged_fits() -> None:
    assert fitted(AIRPASSENGERS, 12, "ANN")[0].mean[0, 0] == pytest.approx(431.9957926, rel=1e-4)
    assert fitted(OIL, 1, "ANN")[0].mean[0, 0] == pytest.approx(542.3412, rel=1e-4)
    first = {"ANA": 75.329, "MNA": 75.205}  # where R's optimum is the optimum
    for code, value in first.items():
        assert fitted(AUSTOURISTS, 4, code)[0].mean[0, 0] == pytest.approx(value, rel=2e-3)


def test_forecasting_principles_and_practice() -> None:
    """Chapter 7 of both editions: oil from 1996; oil of 1996 to 2007 and tourists of 2005 to 2010, whose data were revised since."""
    assert fitted(OIL[31:], 1, "ANN")[0].alpha[0] == pytest.approx(0.8339, abs=0.002)
    published: list[tuple[Any, int, str, list[float], list[float], float]] = [
        (OIL[31:43], 1, "ANN", [0.892, 0.0, 0.0, 1.0, 447.489, 0.0], [], 0.0),
        (AUSTOURISTS[24:48], 4, "MAM", [0.4504, 4e-4, 0.0046, 1.0, 32.4349, 0.6533], [1.2648, 0.7613, 0.9463, 1.0275], -44.986),
    ]  # fmt: skip
    for y, m, code, values, seasons, likelihood in published:
        scale = float(np.mean(y))
        theirs = log_likelihood(
            y / scale, m, code, parameters(code, *values[:4], *[v / scale for v in values[4:]]), seasons
        ) - len(y) * np.log(scale)
        assert fitted(y, m, code)[1] > theirs - 1e-3
        if likelihood:  # AIC 105.972 and AICc 115.572, of 8 parameters; 2 % for the revision
            assert theirs == pytest.approx(likelihood, rel=0.02)
            assert fitted(y, m, code)[1] > likelihood - 1e-3
