"""Exponential smoothing of many series: fitted by least squares with priors, blended by their information criteria.

Hyndman, Koehler, Ord & Snyder, "Forecasting with Exponential Smoothing", 2008; the fit is Levenberg-Marquardt on the equivalent
sum of squares (kernels/etssearch.py), with starting states from a shrunk decomposition.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from ..kernels import load
from . import codes
from .batch import F64, I64, Batch
from .describe import model_names, notes
from .paths import bands, simulated
from .running import Stop, Tables, Task, run
from .settings import ML, SHRUNK, Settings, plainly
from .smoothed import Models, Smoothed

AUTOMATIC = ("auto", "ets", "best")
LARGEST = float(np.finfo(np.float64).max)


def fit(
    batch: Batch,
    model: str = "auto",
    fit: str = "shrunk",
    levels: Sequence[float] = (95.0,),
    seed: int = 0,
    stop: Stop | None = None,
    *,
    compiled: Callable[[], bool] = load.ready,
    threads: int = 1,
    settings: Settings | None = None,
) -> Smoothed:
    """Forecasts of each series, `batch.horizon` steps.

    `model`: `auto` or `ets` the blend, `best` the one of lowest AICc, or a code such as `MAdM`, for which a series that does not
    allow it gets the nearest that it does, and a note. `fit`: `shrunk` with the priors, or `ml` plain maximum likelihood.
    `levels`: percent, each above 0 and below 100. `stop`: a byte that ends it early; the outcome is then of no use.
    `compiled`: whether the compiled kernels may be used by now. Raises ValueError for a model, fit, level or batch that is none.
    """
    stop = np.zeros(1, np.uint8) if stop is None else stop
    batch = _fit_for_kernels(batch)
    task = _task(batch, model, fit, settings)
    if not all(0.0 < level < 100.0 for level in levels):
        raise ValueError("a level is a percentage between 0 and 100")
    out = run(task, stop, compiled, threads)
    models = _models(task, out)
    for table in (out.mean, out.sd, out.path, out.fitted, out.trend):
        np.clip(table, -LARGEST, LARGEST, out=table)
    lower, upper = bands(batch, models, out.mean, out.sd, levels, seed, stop, compiled)
    heaviest = np.argmax(models.weight, axis=1)
    return Smoothed(
        out.mean, out.sd, lower, upper, out.path, out.trend, out.fitted, model_names(task, out),
        *_parameters(task, out, models, heaviest), notes(task, out, model), models,
    )  # fmt: skip


def simulate(
    batch: Batch,
    outcome: Smoothed,
    paths: int,
    steps: int,
    seed: int = 0,
    stop: Stop | None = None,
    compiled: Callable[[], bool] = load.ready,
) -> F64:
    """Paths that the series may take: [K, paths, steps], from the blend of `outcome`, each model as many as it has weight.

    Draws depend on `seed` and the key of a series alone. NaN for a series without values; one without a band has no spread.
    """
    stop = np.zeros(1, np.uint8) if stop is None else stop
    out = np.full((len(batch), paths, steps), np.nan)
    for k in range(len(batch)):
        if stop[0]:
            break
        out[k] = simulated(batch, outcome.models, k, outcome.mean[k], outcome.sd[k], paths, steps, seed, stop, compiled)
    return out


def _fit_for_kernels(batch: Batch) -> Batch:
    """The same in arrays that kernels take: contiguous, writable, of 64 bits. Raises ValueError for what no series can be."""
    if batch.horizon < 1 or len(batch.offsets) != len(batch) + 1 or len(batch.keys) != len(batch):
        raise ValueError("a batch of K series has K + 1 offsets, K periods, K keys, and a horizon of 1 or more")
    if np.isinf(batch.values).any():
        raise ValueError("a value is infinite")
    values = np.require(batch.values, np.float64, ["C", "W"])
    offsets, period = (np.require(a, np.int64, ["C", "W"]) for a in (batch.offsets, batch.period))
    return Batch(values, offsets, period, batch.keys, batch.horizon)


def _task(batch: Batch, model: str, fit: str, settings: Settings | None) -> Task:
    if fit not in ("shrunk", "ml"):
        raise ValueError(f"{fit} is no fit: shrunk or ml")
    settings = settings or (ML if fit == "ml" else SHRUNK)
    if model in AUTOMATIC:
        mode = 2 if model == "best" else 0
        settings = plainly(settings) if mode else settings
        asked = codes.candidates()
    else:
        mode = 1
        asked = codes.fallbacks(codes.parse(model))
    is_there = np.flatnonzero(~np.isnan(batch.values))
    place = np.searchsorted(is_there, batch.offsets)
    starts, ends = batch.offsets[1:].copy(), batch.offsets[1:].copy()
    has = place[1:] > place[:-1]
    starts[has] = is_there[place[:-1][has]]
    ends[has] = is_there[place[1:][has] - 1] + 1
    return Task(batch, starts, ends, batch.offsets[1:] - ends, np.array(asked, np.int64), mode, settings)


def _models(task: Task, out: Tables) -> Models:
    is_there = np.concatenate([[0], np.cumsum(~np.isnan(task.batch.values))])
    n_seen = is_there[task.ends] - is_there[task.starts]
    return Models(
        task.codes, task.settings, out.parameters, out.weight, out.states, out.sigma, out.scale, n_seen, task.gaps
    )


def _parameters(task: Task, out: Tables, models: Models, heaviest: I64) -> tuple[F64, F64, F64, F64, F64, F64]:
    """AICc, alpha, beta, gamma, phi, sigma of the heaviest model of each series; NaN for none."""
    k = np.arange(len(task.batch))
    code = task.codes[heaviest]
    error, trend, season = code % 2, code // 2 % 5, code // 10
    th = out.parameters[k, heaviest]
    has = models.weight.sum(axis=1) > 0
    alpha = np.where(has, th[:, 0], np.nan)
    beta = np.where(trend > 0, th[:, 1] * alpha, np.nan)
    gamma = np.where(season > 0, th[k, 1 + (trend > 0)] * (1.0 - alpha), np.nan)
    phi = np.where(has & (trend % 2 == 0) & (trend > 0), th[k, 1 + (trend > 0) + (season > 0)], np.nan)
    sigma = np.where(has, out.sigma[k, heaviest] * np.where(error == 0, out.scale, 1.0), np.nan)
    aicc = out.aicc[k, heaviest] + 2.0 * models.n_seen * np.log(out.scale)
    return np.where(has & np.isfinite(aicc), aicc, np.nan), alpha, beta, gamma, phi, sigma
