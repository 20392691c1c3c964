"""The kernels: derivatives against differences, formulas against paths, compiled against plain, and whatever else must change no bit."""

from __future__ import annotations

import importlib
import subprocess
import sys
import threading
from typing import Any

import numpy as np
import pytest

from cortado.engine.forecast import codes, ets
from cortado.engine.forecast.batch import Batch
from cortado.engine.forecast.running import plain
from cortado.engine.forecast.settings import ML, SHRUNK, Settings
from cortado.engine.forecast.smoothed import Smoothed
from cortado.engine.kernels import etscode

from .given import forecast, many, one, parameters
from .published import AIRPASSENGERS, OIL

ARRAYS = [
    "mean",
    "sd",
    "lower",
    "upper",
    "trend_future",
    "trend_history",
    "fitted",
    "aicc",
    "alpha",
    "beta",
    "gamma",
    "phi",
    "sigma",
]
CODES = [codes.number(e, t, s) for e in (0, 1) for t in range(5) for s in range(3)]


def names(numbers: list[int]) -> list[str]:
    return [codes.title(n)[4:-1].replace(",", "") for n in numbers]


def equal(a: Smoothed, b: Smoothed) -> None:
    for name in ARRAYS:
        np.testing.assert_array_equal(getattr(a, name), getattr(b, name), err_msg=name)
    assert (a.model, a.note) == (b.model, b.note)


def random_series(n_series: int, seed: int, period: int = 4) -> list[Any]:
    """Of all shapes, with gaps; some short, negative, or flat at times."""
    rng = np.random.default_rng(seed)
    out = []
    for k in range(n_series):
        n = int(rng.integers(1, 60))
        t = np.arange(n)
        y = (
            50
            + rng.normal() * t
            + 10 * rng.uniform() * np.sin(2 * np.pi * t / period)
            + rng.normal(0, 3 * rng.uniform(), n).cumsum()
        )
        if k % 3:
            y = np.abs(y) + 1
        if k % 4 == 0:
            y[rng.uniform(size=n) < 0.2] = np.nan
        out.append(y * 10.0 ** rng.integers(-3, 6))
    return out


def test_settings_are_in_the_order_of_the_kernels() -> None:
    assert tuple(Settings.__dataclass_fields__) == etscode.FIELDS
    for place, name in enumerate(etscode.FIELDS):
        constant = name.upper().replace("_PRECISION", "_W").replace("_WEIGHT", "_W").replace("SEASON_SHRINK", "SHRINK")
        assert getattr(etscode, constant) == place


@pytest.mark.parametrize("code", names(CODES))
@pytest.mark.parametrize("free", [0, 1])
def test_derivatives(code: str, free: int) -> None:
    error, trend, season = codes.parse(code)
    m = 4 if season else 1
    rng = np.random.default_rng(CODES.index(codes.number(error, trend, season)))
    n = 30
    y = (1 + 0.3 * np.sin(np.arange(n) * np.pi / 2) + 0.1 * rng.normal(size=n)).tolist()
    y[7] = y[8] = y[20] = np.nan
    none = 0.0 if season == 1 else 1.0
    th = parameters(code, 0.3, 0.06, 0.2, 0.9, 1.0, 1.01 if trend > 2 else 0.01)
    if season and free:
        th += [none + 0.1, none + 0.3, none - 0.1]
    s0 = [0.1, 0.2, -0.1, -0.2, 1.1, 1.2, 0.9, 0.8] if season else [0.0, 0.0]
    p = len(th)

    def squares(at: list[float]) -> float:
        arrays = [[0.0] * n for _ in range(3)]
        return float(
            plain("etsfilter").walk(y, n, m, error, trend, season, at, free, s0, [0.0] * m, *arrays, [0.0] * 8)
        )

    a, g = [0.0] * (2 * etscode.MOST**2), [0.0] * (2 * etscode.MOST)
    got = plain("etsslopes").slopes(
        y,
        n,
        m,
        error,
        trend,
        season,
        th,
        p,
        free,
        s0,
        etscode.MOST,
        [0.0] * m,
        a,
        g,
        [0.0] * (4 * etscode.MOST),
        [0.0] * (m * p),
    )
    assert got == pytest.approx(squares(th), rel=1e-12)
    step = 1e-6
    for i in range(p):
        up, down = list(th), list(th)
        up[i] += step
        down[i] -= step
        assert 2 * g[etscode.MOST + i] == pytest.approx((squares(up) - squares(down)) / (2 * step), rel=1e-5, abs=1e-7)
    assert a[: etscode.MOST**2] == [0.0] * etscode.MOST**2
    matrix = np.array(a[etscode.MOST**2 : etscode.MOST**2 + p * p]).reshape(p, p)
    matrix = np.tril(matrix) + np.tril(matrix, -1).T
    np.testing.assert_allclose(
        matrix, gauss_newton(squares_of(y, n, m, error, trend, season, free, s0), th), rtol=2e-4, atol=1e-6
    )


def squares_of(y: list[float], n: int, m: int, error: int, trend: int, season: int, free: int, s0: list[float]) -> Any:
    """The residuals whose squares sum up, by th."""

    def residuals(th: list[float]) -> Any:
        level, slope, seasons = ([0.0] * n for _ in range(3))
        end = [0.0] * 8
        plain("etsfilter").walk(y, n, m, error, trend, season, th, free, s0, [0.0] * m, level, slope, seasons, end)
        damped = trend in (2, 4)
        phi = th[1 + (trend > 0) + (season > 0)] if damped else 1.0
        b, lev, s = np.array(slope), np.array(level), np.array(seasons)
        q = lev * b**phi if trend > 2 else lev + phi * b
        f = q + s if season == 1 else q * s if season == 2 else q
        e = np.array(y) - f
        if error:
            e = e / f * np.exp(end[3] / 2)
        return e[~np.isnan(e)]

    return residuals


def gauss_newton(residuals: Any, th: list[float]) -> Any:
    """J'J by differences."""
    step = 1e-6
    columns = []
    for i in range(len(th)):
        up, down = list(th), list(th)
        up[i] += step
        down[i] -= step
        columns.append((residuals(up) - residuals(down)) / (2 * step))
    j = np.array(columns).T
    return j.T @ j


@pytest.mark.parametrize("code", ["ANN", "AAdA", "MAN", "MNA", "MAdM", "MNM"])
def test_formulas_of_the_variance_against_paths(code: str) -> None:
    out = ets.fit(one(AIRPASSENGERS, 12, 24), code, "ml", compiled=lambda: True)
    drawn = ets.simulate(one(AIRPASSENGERS, 12, 24), out, 40_000, 24, seed=3, compiled=lambda: True)[0]
    np.testing.assert_allclose(drawn.std(axis=0), out.sd[0], rtol=0.02)
    np.testing.assert_allclose(drawn.mean(axis=0), out.mean[0], rtol=0.01)


def test_simulated_bands_of_other_models() -> None:
    for code in ("MMN", "MMdM", "AMA", "AAM"):
        out = ets.fit(one(AIRPASSENGERS, 12, 12), code, levels=(80, 95), compiled=lambda: True)
        assert out.model == [codes.title(codes.number(*codes.parse(code)))]
        low80, low95, high80, high95 = out.lower[0, 0], out.lower[0, 1], out.upper[0, 0], out.upper[0, 1]
        assert (
            (low95 < low80).all()
            and (low80 < out.mean[0]).all()
            and (out.mean[0] < high80).all()
            and (high80 < high95).all()
        )
        plain_like = ets.fit(one(AIRPASSENGERS, 12, 12), "MA" + code[-1], compiled=lambda: True)
        assert 0.4 < out.sd[0, 0] / plain_like.sd[0, 0] < 3


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("code", ["ANN", "AAdN", "MAN", "AMN", "MMdN", "ANA", "AAA", "AMdA", "MAA", "MMdA"])
def test_paths_are_those_of_statsmodels(code: str) -> None:
    """The same parameters, first states and errors; its filter, too. Not with a multiplicative season: it divides by the new level."""
    from statsmodels.tsa.exponential_smoothing.ets import ETSModel

    error, trend, season = codes.parse(code)
    y, m, steps = AIRPASSENGERS[:60], 12, 8
    seasons = [0.1 * ((5 * j) % 12 - 5.5) for j in range(m)]
    first = [s * 30 for s in seasons]
    alpha, beta, gamma, phi, level, slope = 0.4, 0.05, 0.2, 0.9, 120.0, 1.01 if trend > 2 else 1.5
    kind = {0: None, 1: "add", 2: "mul"}
    model = ETSModel(
        y, error=kind[error + 1], trend=kind[(trend + 1) // 2], damped_trend=trend in (2, 4), seasonal=kind[season],
        seasonal_periods=m if season else None, initialization_method="known", initial_level=level,
        initial_trend=slope if trend else None, initial_seasonal=first if season else None,
    )  # fmt: skip
    told = [alpha] + [beta] * (trend > 0) + [gamma] * (season > 0) + [phi] * (trend in (2, 4))
    fit = model.smooth(np.array(told))
    draws = np.random.default_rng(3).normal(size=(5, steps))
    sigma = 0.05 if error else 6.0
    theirs = fit.simulate(steps, anchor="end", repetitions=5, random_errors=(sigma * draws).T).reshape(steps, 5).T
    scale = float(np.mean(y))
    th = parameters(code, alpha, beta, gamma, phi, level, slope, scale)
    s0 = [s / scale for s in first] * 2
    arrays = [[0.0] * 60 for _ in range(3)]
    s, end = [0.0] * m, [0.0] * 8
    period = m if season else 1
    plain("etsfilter").walk((y / scale).tolist(), 60, period, error, trend, season, th, 0, s0, s, *arrays, end)
    states = [end[0], end[1], *s]  # 60 is whole periods
    ours = [0.0] * (5 * steps)
    plain("etspaths").paths(
        error, trend, season, period, steps, alpha, beta if trend else 0.0, gamma if season else 0.0,
        phi if trend in (2, 4) else 1.0, sigma if error else sigma / scale, states, 0, [1.0] * steps, draws.reshape(-1).tolist(),
        [0.0] * (2 + m + steps), 5, ours, np.zeros(1, np.uint8),
    )  # fmt: skip
    np.testing.assert_allclose(np.array(ours).reshape(5, steps) * scale, theirs, rtol=1e-9)
    np.testing.assert_allclose(
        fit.forecast(steps), forecast(y, period, code, th, s0[:m] if season else [], steps)[0], rtol=1e-9
    )


def test_a_blend_is_the_mixture_of_its_models() -> None:
    batch = one(AIRPASSENGERS, 12, 12)
    out = ets.fit(batch, compiled=lambda: True)
    weight = out.models.weight[0]
    assert weight.sum() == pytest.approx(1.0)
    drawn = ets.simulate(batch, out, 60_000, 12, compiled=lambda: True)[0]
    np.testing.assert_allclose(drawn.mean(axis=0), out.mean[0], rtol=0.01)
    np.testing.assert_allclose(drawn.std(axis=0), out.sd[0], rtol=0.03)


@pytest.mark.parametrize(("model", "fit", "n"), [("auto", "shrunk", 60), ("best", "shrunk", 30), ("auto", "ml", 6), ("MMdM", "shrunk", 30), ("AAM", "ml", 6), ("MAdA", "shrunk", 30)])  # fmt: skip
def test_plain_python_gives_the_same_bits(model: str, fit: str, n: int) -> None:
    batch = many(random_series(n, 5), 4, 9)
    equal(ets.fit(batch, model, fit, compiled=lambda: True), ets.fit(batch, model, fit, compiled=lambda: False))


def test_plain_paths_are_the_same_bits() -> None:
    batch = many(random_series(12, 8), 4, 9)
    out = ets.fit(batch, compiled=lambda: True)
    a, b = (ets.simulate(batch, out, 50, 7, seed=2, compiled=lambda c=c: c) for c in (True, False))  # type: ignore[misc]
    np.testing.assert_array_equal(a, b)


def test_the_source_is_one() -> None:
    compiled = importlib.import_module("cortado.engine.kernels.etsfit")
    source = plain("etsfit")
    assert source.__file__ == compiled.__file__
    assert not hasattr(source.fit, "py_func") and hasattr(compiled.fit, "py_func")


def test_kernels_that_come_while_it_runs() -> None:
    batch = many(random_series(90, 6), 4, 9)
    asked = iter(range(10**6))
    equal(ets.fit(batch, compiled=lambda: next(asked) > 20), ets.fit(batch, compiled=lambda: True))


def test_threads_chunks_and_order() -> None:
    series = random_series(300, 7)
    batch = many(series, 4, 9)
    whole = ets.fit(batch, compiled=lambda: True)
    equal(ets.fit(batch, compiled=lambda: True, threads=4), whole)
    back = many(series[::-1], 4, 9)
    turned = ets.fit(
        Batch(back.values, back.offsets, back.period, batch.keys[::-1].copy(), 9),
        "AAM",
        compiled=lambda: True,
        threads=2,
    )
    straight = ets.fit(batch, "AAM", compiled=lambda: True)
    np.testing.assert_array_equal(turned.mean[::-1], straight.mean)
    np.testing.assert_array_equal(turned.upper[::-1], straight.upper)
    for a, b in ((0, 1), (1, 130), (130, 300)):
        part = many(series[a:b], 4, 9)
        got = ets.fit(Batch(part.values, part.offsets, part.period, batch.keys[a:b].copy(), 9), compiled=lambda: True)
        np.testing.assert_array_equal(got.mean, whole.mean[a:b])
        np.testing.assert_array_equal(got.sd, whole.sd[a:b])
        np.testing.assert_array_equal(got.fitted, whole.fitted[batch.offsets[a] : batch.offsets[b]])


def test_seeds() -> None:
    batch = one(OIL, 1, 6)
    out = ets.fit(batch, compiled=lambda: True)
    first, again, other = (ets.simulate(batch, out, 10, 6, seed=s, compiled=lambda: True) for s in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert (first != other).all()
    key = ets.simulate(one(OIL, 1, 6, key=2**63 + 5), out, 10, 6, seed=1, compiled=lambda: True)
    assert (key != first).all()


def test_it_stops() -> None:
    stop = np.ones(1, np.uint8)
    for is_compiled in (True, False):
        out = ets.fit(many([OIL] * 3), stop=stop, compiled=lambda c=is_compiled: c)  # type: ignore[misc]
        assert np.isnan(out.mean).all()


def test_it_stops_within_a_series() -> None:
    """All starts of a model of many seasons on a long series would take minutes."""
    y = np.tile(np.arange(24.0) + 5, 2500) + np.random.default_rng(1).normal(size=60_000)
    stop = np.zeros(1, np.uint8)
    threading.Timer(0.5, stop.fill, (1,)).start()
    assert np.isnan(ets.fit(one(y, 24), "best", "ml", stop=stop, compiled=lambda: True).mean).all()


def test_the_many_step_score() -> None:
    """Against the definition, by forecasts from each value on."""
    rng = np.random.default_rng(4)
    n, m, h = 40, 4, 6
    y = (1 + 0.2 * np.sin(np.arange(n) * np.pi / 2) + 0.05 * rng.normal(size=n)).tolist()
    y[11] = np.nan
    seen = [0.0 if np.isnan(v) else 1.0 for v in y]
    for code in ("AAdN", "AAA", "MAdM", "MNM"):
        error, trend, season = codes.parse(code)
        period = m if season else 1
        th = parameters(code, 0.3, 0.06, 0.2, 0.9, 1.0, 0.01)
        s0 = [0.1, 0.2, -0.1, -0.2, 1.1, 1.2, 0.9, 0.8]
        arrays = [[0.0] * n for _ in range(3)]
        plain("etsfilter").walk(y, n, period, error, trend, season, th, 0, s0, [0.0] * m, *arrays, [0.0] * 8)
        phi = 0.9 if trend == 2 else 1.0
        whole = [0.0 if np.isnan(v) else v for v in y]
        got = plain("etsfilter").ahead(whole, seen, n, period, season, phi, h, *arrays, [0.0] * h, [0.0] * h, [0.0] * h)
        squares: list[list[float]] = [[] for _ in range(h)]
        for i in range(n):
            mean = started(y[:i], period, code, th, s0, h)
            for a in range(min(h, n - i)):
                if seen[i + a]:
                    squares[a].append((y[i + a] - mean[a]) ** 2)
        assert got == pytest.approx(np.mean([np.log(np.mean(s)) for s in squares]), rel=1e-9)


def started(y: list[float], m: int, code: str, th: list[float], s0: list[float], h: int) -> list[float]:
    """Forecasts behind y, which may be empty."""
    _, trend, season = codes.parse(code)
    level, slope = th[-2 if trend else -1], th[-1] if trend else 0.0
    s = s0[(season - 1) * 4 : (season - 1) * 4 + 4] if season else [0.0]
    alpha, beta, gamma, phi = th[0], th[1] * th[0] if trend else 0.0, 0.0, 0.9 if trend == 2 else 1.0
    if season:
        gamma = th[1 + (trend > 0)] * (1 - alpha)
    s = list(s)
    for i, value in enumerate(y):
        q = level + phi * slope
        j = i % m
        if np.isnan(value):
            level, slope = q, phi * slope
            continue
        u = value - q if season == 0 else value - q - s[j] if season == 1 else value / s[j] - q
        v = value / q - s[j] if season == 2 else u
        level, slope = q + alpha * u, phi * slope + beta * u
        s[j] += gamma * v
    out = []
    for a in range(h):
        f = level + slope * sum(phi ** (i + 1) for i in range(a + 1))
        j = (len(y) + a) % m
        out.append(f + s[j] if season == 1 else f * s[j] if season == 2 else f)
    return out


def test_one_forecast_of_given_parameters() -> None:
    """The widening of bands is the one that the settings say."""
    th = parameters("ANN", 0.5, 0, 0, 1, 1.0, 0.0)
    y = OIL / np.mean(OIL)
    _, narrow = forecast(y, 1, "ANN", th, [], 5)
    _, wide = forecast(y, 1, "ANN", th, [], 5, SHRUNK)
    steps = np.arange(1, 6)
    np.testing.assert_allclose(wide / narrow, np.sqrt(1 + (3 * 2 + 4 * steps) / 20 * (20 / 49) ** 2))
    assert ML.sd_steps == 0


def test_the_plain_way_needs_no_numba() -> None:
    code = """
import sys
import numpy as np
from cortado.engine.forecast import ets
from cortado.engine.forecast.batch import Batch
batch = Batch(np.arange(30.0) ** 1.5, np.array([0, 30]), np.array([4]), np.array([1], np.uint64), 3)
out = ets.fit(batch)
assert ets.simulate(batch, out, 5, 3).shape == (1, 5, 3) and np.isfinite(out.mean).all()
assert not [m for m in sys.modules if m.startswith(("numba", "scipy", "statsmodels"))]
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
