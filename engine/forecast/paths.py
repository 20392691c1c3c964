"""Simulated paths of fitted models, and bands from them where no formula gives one."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from ..random import bits, normal, normal_quantile
from . import codes
from .batch import F64, Batch
from .running import Stop, plain
from .smoothed import Models

SITE = 0xF0CA57  # of draws
N_PATHS = 2000  # of a band
FARTHEST = 1e300


def bands(
    batch: Batch, models: Models, mean: F64, sd: F64, levels: Sequence[float], seed: int, stop: Stop, compiled: Callable[[], bool]
) -> tuple[F64, F64]:  # fmt: skip
    """Lower and upper bounds [K, L, h]: normal quantiles, or those of paths, whose deviation is then written to `sd`."""
    z = normal_quantile(0.5 + np.array(levels, np.float64) / 200.0)
    with np.errstate(over="ignore"):
        half = z[None, :, None] * sd[:, None, :]
        lower, upper = mean[:, None, :] - half, mean[:, None, :] + half
    most = float(np.finfo(np.float64).max)
    np.clip(lower, -most, most, out=lower)
    np.clip(upper, -most, most, out=upper)
    needs = np.array([not codes.has_formula(int(c)) for c in models.codes])
    for k in np.flatnonzero(models.weight @ needs > 0):
        if stop[0]:
            break
        drawn = simulated(batch, models, int(k), mean[k], sd[k], N_PATHS, batch.horizon, seed, stop, compiled)
        sd[k] = np.std(drawn / models.scale[k], axis=0) * models.scale[k]
        share = np.array(levels, np.float64) / 200.0
        lower[k] = np.quantile(drawn, 0.5 - share, axis=0)
        upper[k] = np.quantile(drawn, 0.5 + share, axis=0)
    return lower, upper


def simulated(
    batch: Batch, models: Models, k: int, mean: F64, sd: F64, n_paths: int, steps: int, seed: int, stop: Stop, compiled: Callable[[], bool]
) -> F64:  # fmt: skip
    """Paths [n_paths, steps] of series k: of each model in turn, as many as it has weight. Without a model a random walk.

    They begin behind the last value that is there; steps of a gap behind it are left out.
    """
    gap = int(models.gaps[k])
    steps += gap
    key = (seed & (2**64 - 1)) ^ int(batch.keys[k])
    draws = normal(bits(key - (1 << 64) if key >> 63 else key, SITE, 0, n_paths * steps))
    if not models.weight[k].any():
        step = 0.0 if np.isnan(sd[0]) else float(sd[0])
        walk: F64 = mean[0] + step / np.sqrt(gap + 1.0) * np.cumsum(draws.reshape(n_paths, steps), axis=1)
        return walk[:, gap:]
    ends = np.floor(np.cumsum(models.weight[k]) * n_paths + 0.5).astype(np.int64)
    ends[np.flatnonzero(models.weight[k])[-1] :] = n_paths
    out = np.empty(n_paths * steps)
    before = 0
    for c, end in enumerate(ends.tolist()):
        if end > before:
            part = slice(before * steps, end * steps)
            out[part] = _of_model(batch, models, k, c, steps, draws[part], stop, compiled)
            before = end
    far = FARTHEST / models.scale[k] if models.scale[k] > 1.0 else FARTHEST
    scaled: F64 = np.clip(out, -far, far).reshape(n_paths, steps) * models.scale[k]
    return scaled[:, gap:]


def _of_model(
    batch: Batch, models: Models, k: int, c: int, steps: int, draws: F64, stop: Stop, compiled: Callable[[], bool]
) -> F64:
    """Flat paths of one model, scaled."""
    error, trend, season = codes.triple(int(models.codes[c]))
    m = int(batch.period[k]) if season else 1
    th, free = models.parameters[k, c].tolist(), models.settings.free > 0
    alpha = th[0]
    beta = th[1] * alpha if trend else 0.0
    gamma = th[1 + (trend > 0)] * (1.0 - alpha) if season else 0.0
    phi = th[1 + (trend > 0) + (season > 0)] if trend in (2, 4) else 1.0
    full = _counted(trend, season, m, free, models.settings.season_share)
    widening, cfg = plain("etsforecast").widening, models.settings.vector().tolist()
    widen = [widening(cfg, int(models.n_seen[k]), full, i + 1) for i in range(steps)]
    n = len(draws) // steps
    head = (error, trend, season, m, steps, alpha, beta, gamma, phi, float(models.sigma[k, c]))
    size = 2 + m + steps
    if compiled():
        from ..kernels import etspaths

        out = np.zeros(len(draws))
        etspaths.paths(*head, models.states[k, c], 0, np.array(widen), draws, np.zeros(size), n, out, stop)
        return out
    values = [0.0] * len(draws)
    plain("etspaths").paths(
        *head, models.states[k, c].tolist(), 0, widen, draws.tolist(), [0.0] * size, n, values, stop
    )
    return np.array(values)


def _counted(trend: int, season: int, m: int, free: bool, share: float) -> float:
    """Parameters of a model as its variance counts them."""
    p = 2 + 2 * (trend > 0) + (season > 0) + (trend in (2, 4))
    return p + (season > 0) * (m - 1) * (1.0 if free else share)
