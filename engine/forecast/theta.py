"""The Theta method: Assimakopoulos & Nikolopoulos 2000 (the winner of M3), optimised as by Fiorucci, Pellegrini, Louzada, Petropoulos
& Koehler 2016.

Without its season, a series is forecast by c times its least squares line L plus simple exponential smoothing of what is left,
with c = 1 - 1 / theta; theta = 2 is the standard method. For one smoothing constant alpha the one-step errors
  e(t) = y(t) - s(t) - c (L(t) - r(t)) - (1 - alpha)^(t - 1) l
are linear in c and in l (s and r are y and L smoothed from their first values, l is added to that level), so that both are found
by least squares, and only alpha is looked for.

A free theta forecasts worse than 2, as short series tell little of it; drawn to 2 by a prior it forecasts better (`benchmarks/
forecast_theta.py`). The prior's weight and how far seasons are drawn to none are chosen on the series of M1 and M3.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from ..random import normal_quantile
from .batch import F64, Batch, Outcome, empty
from .ragged import Steps, bands, ratio, scaled, series, steps, sums, within
from .seasonal import decomposed, is_seasonal

FIRST = np.array([0.01, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.99])
PRIOR_C, PRIOR_LEVEL = 25.0, 1.0  # what (c - 1/2)^2 costs, in variances of the errors, and l^2 in squared errors
SHRUNK = 0.5  # seasons that a season is drawn to none by
FEW, PARAMETERS, STEP = 20.0, 0.5, 0.4  # how much wider bands of few steps are
ROUNDS, PARTS = 2, 8  # each round looks at the places between the neighbours of the best, cut into so many parts


@dataclass(frozen=True, slots=True)
class Laid:
    """Values and their line, step by step. `is_free`: c is looked for, with the prior; else it is 1/2, without."""

    layout: Steps
    y: F64
    x: F64
    is_free: bool


@dataclass(frozen=True, slots=True)
class Found:
    """float64[K], or float64[K, A] for several alphas: the least sum of squared errors, and c and the first level that give it."""

    alpha: F64
    cost: F64
    c: F64
    level: F64


@scaled
def theta(batch: Batch, levels: Sequence[float]) -> Outcome:
    """theta from 1 (no line) upwards, found with alpha; seasons drawn to none. `beta` of the outcome is the slope of its forecast.
    O(N) for each alpha that is tried, 30 of them."""
    return _fit(batch, levels, "theta", True)


@scaled
def standard(batch: Batch, levels: Sequence[float]) -> Outcome:
    """theta = 2, nothing is shrunk."""
    return _fit(batch, levels, "standard theta", False)


def _fit(batch: Batch, levels: Sequence[float], name: str, is_free: bool) -> Outcome:
    out = empty(batch, len(levels))
    number, step = series(batch), within(batch)
    season = decomposed(batch, is_seasonal(batch), SHRUNK if is_free else 0.0)
    plain = replace(batch, values=season.without(batch.values, number, step))
    height, slope = _line(plain)
    line = height[number] + slope[number] * step
    layout = steps(plain)
    laid = Laid(layout, layout.laid(plain.values), layout.laid(line), is_free)
    count = sums(batch, (~np.isnan(batch.values)).astype(np.float64))
    found = _search(laid, count)
    before, after, last = _levels(laid, found)

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


def _search(laid: Laid, count: F64) -> Found:
    grid = np.broadcast_to(FIRST, (len(count), len(FIRST)))
    best: Found | None = None
    for _ in range(ROUNDS + 1):
        tried = _costs(laid, count, grid)
        at = np.argmin(tried.cost, axis=1)[:, None]
        now = Found(*(np.take_along_axis(a, at, 1)[:, 0] for a in (tried.alpha, tried.cost, tried.c, tried.level)))
        if best is None:
            best = now
        else:
            better = now.cost < best.cost
            pairs = ((now.alpha, best.alpha), (now.cost, best.cost), (now.c, best.c), (now.level, best.level))
            best = Found(*(np.where(better, new, old) for new, old in pairs))
        low = np.take_along_axis(grid, np.maximum(at - 1, 0), 1)
        high = np.take_along_axis(grid, np.minimum(at + 1, grid.shape[1] - 1), 1)
        grid = low + (high - low) * (np.arange(PARTS + 1) / PARTS)
    assert best is not None
    return best


def _costs(laid: Laid, count: F64, alpha: F64) -> Found:
    """For alpha float64[K, A] the best c and first level, and what they cost. `count` float64[K]: known steps."""
    u2, v2, w2, uv, uw, vw = _sums(laid, alpha)
    ridge, w2 = 0.0, w2 + (PRIOR_LEVEL if laid.is_free else 0.0)
    if laid.is_free:
        ridge = PRIOR_C * np.maximum(u2 - uv + 0.25 * v2, 0.0) / np.maximum(count - 2, 1)[:, None]
    top, bottom = uv - uw * vw / w2, np.maximum(v2 - vw * vw / w2, 0.0)
    c = np.clip(ratio(top + 0.5 * ridge, bottom + ridge, 0.5), 0.0, 1.0) if laid.is_free else np.full(alpha.shape, 0.5)
    level = (uw - c * vw) / w2
    cost = u2 - uw * uw / w2 - 2 * c * top + c * c * bottom + ridge * (c - 0.5) * (c - 0.5)
    return Found(alpha, np.maximum(cost, 0.0), c, level)


def _sums(laid: Laid, alpha: F64) -> F64:
    """float64[6, K, A]: squares of u, v and w, and products uv, uw and vw, over the steps. One pass. O(N A).

    u and v are the one-step errors of y and of its line, w the weight that the first level has.
    """
    layout = laid.layout
    alpha = alpha[layout.order]
    total = np.zeros((6, *alpha.shape))
    y_level, x_level, weight = np.zeros(alpha.shape), np.zeros(alpha.shape), np.ones(alpha.shape)
    for t, (low, high) in enumerate(pairwise(layout.starts.tolist())):
        n = high - low
        y, x, a = laid.y[low:high, None], laid.x[low:high, None], alpha[:n]
        if t == 0:
            y_level[:], x_level[:] = y, x
        u, v, w = y - y_level[:n], x - x_level[:n], weight[:n]
        holes = np.isnan(y)
        if holes.any():
            u, v, w = np.where(holes, 0.0, u), np.where(holes, 0.0, v), np.where(holes, 0.0, w)
        for into, one, other in zip(total, (u, v, w, u, u, v), (u, v, w, v, w, w), strict=True):
            into[:n] += one * other
        y_level[:n] += a * u
        x_level[:n] += a * v
        weight[:n] -= a * w
    out = np.empty_like(total)
    out[:, layout.order] = total
    return out


def _levels(laid: Laid, found: Found) -> tuple[F64, F64, F64]:
    """What is added to c times the line: float64[N] before and after each step, float64[K] at the end."""
    layout = laid.layout
    alpha, c = found.alpha[layout.order], found.c[layout.order]
    rest = laid.y - np.concatenate(
        [c[: high - low] * laid.x[low:high] for low, high in pairwise(layout.starts.tolist())]
    )
    before, after = np.empty_like(rest), np.empty_like(rest)
    level = rest[: len(c)] + found.level[layout.order]
    for low, high in pairwise(layout.starts.tolist()):
        n = high - low
        before[low:high] = level[:n]
        error = rest[low:high] - level[:n]
        level[:n] += alpha[:n] * np.where(np.isnan(error), 0.0, error)
        after[low:high] = level[:n]
    last = np.empty_like(level)
    last[layout.order] = level
    return before[layout.place], after[layout.place], last
