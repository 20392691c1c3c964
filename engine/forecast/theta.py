"""The Theta method: Assimakopoulos & Nikolopoulos 2000 (the winner of M3), optimised as by Fiorucci, Pellegrini, Louzada, Petropoulos
& Koehler 2016.

Without its season, a series is forecast by c times its least squares line L plus simple exponential smoothing of what is left,
with c = 1 - 1 / theta; theta = 2 is the standard method. For one smoothing constant alpha the one-step errors
  e(t) = y(t) - s(t) - c (L(t) - r(t)) - (1 - alpha)^(t - 1) l
are linear in c and in l (s and r are y and L smoothed from their first values, l is added to that level), so that both are found
by least squares, and only alpha is looked for.

A free theta forecasts worse than 2, as short series tell little of it; drawn to 2 by a prior it forecasts better
(`benchmarks/forecast_models.py` prints both). Its weight, and how far seasons are drawn to none, are chosen on M1 and M3.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ..random import normal_quantile
from .batch import F64, Batch, Outcome, empty
from .ragged import bands, ratio, scaled, series, sums, within
from .seasonal import decomposed, is_seasonal
from .thetasearch import Found, Rows, levelled, search

Stop = NDArray[np.uint8] | None
SHRUNK = 0.5  # seasons that a season is drawn to none by
FEW, PARAMETERS, STEP = 20.0, 0.5, 0.4  # how much wider bands of few steps are


@scaled
def theta(batch: Batch, levels: Sequence[float], compiled: bool = False, stop: Stop = None) -> Outcome:
    """theta from 1 (no line) upwards, found with alpha; seasons drawn to none. `beta` of the outcome is the slope of its forecast.
    O(N) for each alpha that is tried, 30 of them. `compiled`: the kernels are there, which give the same bits; `stop`: a byte that
    ends them early, of no use to the outcome then."""
    return _fit(batch, levels, True, compiled, stop)


@scaled
def standard(batch: Batch, levels: Sequence[float], compiled: bool = False, stop: Stop = None) -> Outcome:
    """theta = 2, nothing is shrunk."""
    return _fit(batch, levels, False, compiled, stop)


def _fit(batch: Batch, levels: Sequence[float], is_free: bool, compiled: bool, stop: Stop) -> Outcome:
    out = empty(batch, len(levels))
    number, step = series(batch), within(batch)
    season = decomposed(batch, is_seasonal(batch), SHRUNK if is_free else 0.0)
    plain = replace(batch, values=season.without(batch.values, number, step))
    height, slope = _line(plain)
    line = height[number] + slope[number] * step
    count = sums(batch, (~np.isnan(batch.values)).astype(np.float64))
    rows = Rows(batch.offsets, plain.values, line, compiled, stop if stop is not None else np.zeros(1, np.uint8))
    found = search(rows, count, is_free)
    before, after = levelled(rows, found, number)
    last = after[batch.offsets[1:] - 1]

    future = np.diff(batch.offsets)[:, None] + np.arange(batch.horizon)
    c = found.c
    out.trend_ahead = (c * height + last)[:, None] + (c * slope)[:, None] * future
    who = np.broadcast_to(np.arange(len(batch))[:, None], future.shape)
    out.mean = season.with_(out.trend_ahead, who, future)
    out.trend = c[number] * line + after
    out.fitted = season.with_(c[number] * line + before, number, step)
    out.fitted[batch.offsets[:-1]] = np.nan
    error = out.fitted - batch.values
    seen = ~np.isnan(error)
    free = np.where(count > 1, np.maximum(count - 3, 1), 0)  # alpha, the first level and the slope
    out.sigma = np.sqrt(ratio(sums(batch, np.where(seen, error, 0.0) ** 2), free))
    out.alpha, out.beta = found.alpha, c * slope
    spread = out.sigma[:, None] * np.sqrt(_growth(found, count, batch.horizon))
    bands(out, levels, spread, lambda p: normal_quantile(np.array([p])))
    told = {(True, True): ", season *", (True, False): ", season +"}
    pairs = zip((season.period > 1).tolist(), season.is_factor.tolist(), strict=True)
    name = "theta" if is_free else "standard theta"
    out.model = [name + told.get(pair, "") for pair in pairs]
    return out


def _growth(found: Found, count: F64, horizon: int) -> F64:
    """float64[K, H]: the variance of each step's error over that of the first: 1 + (h - 1) alpha^2 (Hyndman & Billah 2003), and for
    what a short series cannot tell (its slope above all) a factor that tends to 1, chosen on M1 and M3."""
    ahead = np.arange(horizon)
    short = (FEW / np.maximum(count, 2.0))[:, None]
    return (1 + ahead * (found.alpha * found.alpha)[:, None]) * (1 + (PARAMETERS + STEP * (ahead + 1)) * short * short)


def _line(batch: Batch) -> tuple[F64, F64]:
    """The height at step 0 and the slope of the least squares line of each series."""
    has = ~np.isnan(batch.values)
    number, step = series(batch), within(batch).astype(np.float64)
    count = sums(batch, has.astype(np.float64))
    t_mean = ratio(sums(batch, np.where(has, step, 0.0)), count)
    y_mean = ratio(sums(batch, np.where(has, batch.values, 0.0)), count)
    dt, dy = np.where(has, step - t_mean[number], 0.0), np.where(has, batch.values - y_mean[number], 0.0)
    slope = ratio(sums(batch, dt * dy), sums(batch, dt * dt), 0.0)
    return y_mean - slope * t_mean, slope
