"""Forecasts of intermittent demand: Croston 1972, Syntetos & Boylan 2005 (`sba`), Teunter, Syntetos & Babai 2011 (`tsb`).

Sizes and gaps are smoothed at each demand, and the forecast is their quotient; `sba` takes out its bias with 1 - alpha / 2. `tsb`
smooths the chance of a demand at every step, so that it falls while nothing is asked for. Bands are quantiles of simulated
demand, which is 0 at most steps: the band of a step may lie beside the mean.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np

from .batch import F64, Batch, Ints, Outcome, empty
from .demand import Demand, chances, chunks, demands, is_intermittent, layout_of, renewals, smoothed
from .ragged import known, last_known, ratio, scaled, series, steps, sums

__all__ = ["croston", "is_intermittent", "paths", "sba", "tsb"]

Method = Literal["croston", "sba", "tsb"]
ALPHA = 0.1
ALPHAS = np.arange(5, 31) / 100  # where the best is looked for: Syntetos & Boylan take 0.05 to 0.3 to be sensible
N_PATHS = 256


def croston(batch: Batch, levels: Sequence[float], alpha: float | None = ALPHA, seed: int = 0) -> Outcome:
    """`alpha` None: of each series the best for its one-step errors. O(N + K * N_PATHS * H)."""
    return _fit(batch, levels, "croston", alpha, seed)


def sba(batch: Batch, levels: Sequence[float], alpha: float | None = ALPHA, seed: int = 0) -> Outcome:
    return _fit(batch, levels, "sba", alpha, seed)


def tsb(batch: Batch, levels: Sequence[float], alpha: float | None = ALPHA, seed: int = 0) -> Outcome:
    """`beta` of the outcome is the constant of the chance, the same as `alpha` of the sizes."""
    return _fit(batch, levels, "tsb", alpha, seed)


def paths(
    batch: Batch, n_paths: int, n_steps: int, seed: int, method: Method = "sba", alpha: float | None = ALPHA
) -> F64:
    """float64[K, n_paths, n_steps]: demand that may come, as the bands take it. Draws depend on (seed, key, path, step)."""
    demand = demands(batch)
    out = np.zeros((len(batch), n_paths, n_steps))
    constants = _constants(demand, alpha)
    chance = _chance(batch, demand, constants)[batch.offsets[1:] - 1][demand.at] if method == "tsb" else None
    for low, high in chunks(demand, n_paths, n_steps):
        out[demand.at[low:high]] = _simulated(demand, constants, chance, low, high, n_paths, n_steps, seed)
    return out


def _simulated(
    demand: Demand, alpha: F64, chance: F64 | None, low: int, high: int, n_paths: int, n_steps: int, seed: int
) -> F64:
    if chance is None:
        return renewals(demand, alpha, low, high, n_paths, n_steps, seed)
    return chances(demand, alpha, chance, low, high, n_paths, n_steps, seed)


@scaled
def _fit(batch: Batch, levels: Sequence[float], method: Method, alpha: float | None, seed: int) -> Outcome:
    out = empty(batch, len(levels))
    demand = demands(batch)
    constants = _constants(demand, alpha)
    layout = layout_of(demand)
    size = smoothed(layout, demand.events.values, constants)
    state = np.maximum(demand.state, np.append(demand.events.offsets[:-1], 0)[_rank(batch, demand)][series(batch)])
    has = np.isin(series(batch), demand.at)
    chance = None
    if method == "tsb":
        by_step = _chance(batch, demand, constants)
        out.trend = np.where(has, by_step * _picked(size, state), 0.0)
        chance = by_step[batch.offsets[1:] - 1][demand.at]
    else:
        gap = smoothed(layout, demand.gaps, constants)
        rate = ratio(size, gap)
        if method == "sba":
            rate *= np.repeat(1 - constants / 2, np.diff(demand.events.offsets))
        out.trend = np.where(has, _picked(rate, state), 0.0)
    out.mean[:] = out.trend[batch.offsets[1:] - 1][:, None]
    out.trend_ahead = out.mean.copy()
    out.fitted = np.concatenate([[np.nan], out.trend[:-1]])
    before = np.concatenate([[-1], demand.state[:-1]])
    out.fitted[(before < 0) & has] = np.nan
    out.fitted[batch.offsets[:-1]] = np.nan
    error = out.fitted - batch.values
    seen = ~np.isnan(error)
    out.sigma = np.sqrt(ratio(sums(batch, np.where(seen, error, 0.0) ** 2), sums(batch, seen.astype(np.float64))))
    out.alpha[demand.at] = constants
    if method == "tsb":
        out.beta[demand.at] = constants
    out.lower[:], out.upper[:] = 0.0, 0.0
    for low, high in chunks(demand, N_PATHS, batch.horizon) if levels else ():
        drawn = np.sort(_simulated(demand, constants, chance, low, high, N_PATHS, batch.horizon, seed), axis=1)
        for i, level in enumerate(levels):
            out.lower[demand.at[low:high], i] = _quantile(drawn, (1 - level) / 2)
            out.upper[demand.at[low:high], i] = _quantile(drawn, (1 + level) / 2)
    out.model = [method] * len(batch)
    for k in np.setdiff1d(np.arange(len(batch)), demand.at).tolist():
        out.note[k] = "no demand"
    return out


def _rank(batch: Batch, demand: Demand) -> Ints:
    """int64[K]: of each series its number among those with demand; of the others one behind the last."""
    rank = np.full(len(batch), len(demand.at))
    rank[demand.at] = np.arange(len(demand.at))
    return rank


def _picked(values: F64, at: Ints) -> F64:
    out: F64 = np.append(values, 0.0)[np.minimum(at, len(values))]
    return out


def _quantile(drawn: F64, p: float) -> F64:
    """Of sorted paths float64[J, P, S], with a line between two of them."""
    place = p * (drawn.shape[1] - 1)
    low = int(place)
    high = min(low + 1, drawn.shape[1] - 1)
    return np.asarray(drawn[:, low] + (place - low) * (drawn[:, high] - drawn[:, low]))


def _chance(batch: Batch, demand: Demand, alpha: F64) -> F64:
    """float64[N]: the smoothed chance of a demand after each step."""
    some, places = known(batch)
    constants = np.full(len(batch), ALPHA)
    constants[demand.at] = alpha
    level = smoothed(steps(some), (some.values != 0).astype(np.float64), constants)
    out = np.zeros(len(batch.values))
    out[places] = level
    has = np.zeros(len(out), np.bool_)
    has[places] = True
    return out[last_known(np.repeat(batch.offsets[:-1], np.diff(batch.offsets)), has)]


def _constants(demand: Demand, alpha: float | None) -> F64:
    """float64[J]. The best: of the least squared one-step errors of sizes and of gaps, each over the square of its mean."""
    n = len(demand.at)
    if alpha is not None or not n:
        return np.full(n, ALPHA if alpha is None else alpha)
    layout, offsets = layout_of(demand), demand.events.offsets
    cost = np.zeros((len(ALPHAS), n))
    for values in (demand.events.values, demand.gaps):
        mean = np.add.reduceat(np.abs(values), offsets[:-1]) / np.diff(offsets)
        for i, constant in enumerate(ALPHAS.tolist()):
            level = smoothed(layout, values, constant)
            error = values - np.concatenate([[0.0], level[:-1]])
            error[offsets[:-1]] = 0.0
            cost[i] += np.add.reduceat(error * error, offsets[:-1]) / (mean * mean)
    return np.asarray(ALPHAS[np.argmin(cost, axis=0)])
