"""Runs the ETS kernels over a batch: compiled where they are ready, the same source as plain Python until then."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...planner.records import dataclass
from ..kernels.etscode import MOST, MOST_PERIOD, SHARED
from .batch import F64, I64, Batch
from .settings import Settings

BLOCK = 64  # series of one call of a kernel
Stop = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Tables:
    """What the kernels write; K series, C models, h steps, N values."""

    parameters: F64  # [K, C, width]
    ic: F64  # [K, C]
    aicc: F64  # [K, C]
    seasons: F64  # [K, 2 MOST_PERIOD]
    scale: F64  # [K]
    status: I64  # [K]
    mean: F64  # [K, h]
    sd: F64
    path: F64
    weight: F64  # [K, C]
    states: F64  # [K, C, 2 + m]
    sigma: F64  # [K, C]
    dropped: I64  # [K]
    fitted: F64  # [N]
    trend: F64  # [N]


@dataclass(frozen=True, slots=True)
class Task:
    """A batch from first value to last: series k is values[starts[k] : ends[k]], and gaps[k] are missing behind it.

    `mode`: 0 blend, 1 first that fits, 2 best.
    """

    batch: Batch
    starts: I64
    ends: I64
    gaps: I64
    codes: I64
    mode: int
    settings: Settings


def tables(task: Task) -> Tables:
    k, c, h, n = len(task.batch), len(task.codes), task.batch.horizon, len(task.batch.values)
    m = int(np.minimum(task.batch.period, MOST_PERIOD).max(initial=1))
    width = 6 + (m - 1 if task.settings.free else 0)
    return Tables(
        np.zeros((k, c, width)), np.full((k, c), np.inf), np.full((k, c), np.inf), np.zeros((k, 2 * MOST_PERIOD)),
        np.ones(k), np.zeros(k, np.int64), np.full((k, h), np.nan), np.full((k, h), np.nan), np.full((k, h), np.nan),
        np.zeros((k, c)), np.zeros((k, c, 2 + m)), np.full((k, c), np.nan), np.zeros(k, np.int64),
        np.full(n, np.nan), np.full(n, np.nan),
    )  # fmt: skip


def work(n: int, h: int, n_models: int) -> tuple[list[int], list[int]]:
    """Sizes of the work arrays of `fit` and `forecast` for series of up to n values and h steps, gaps behind them included."""
    wide = max(h, 2 * MOST_PERIOD)
    shared = [n, n, n, n, n, n, 2 * MOST_PERIOD, MOST, MOST_PERIOD, 8]
    of_fit = [MOST, 2 * MOST * MOST, 2 * MOST, MOST * MOST, 4 * MOST, MOST_PERIOD * MOST, 5 * MOST, wide, wide, wide]
    return shared + of_fit, [n_models * h] * 3 + [h] * 6


def plain(name: str) -> Any:
    """A module of the kernels as plain Python."""
    return importlib.import_module(f"{__package__}.plain.{name}")


def run(task: Task, stop: Stop, compiled: Callable[[], bool], threads: int) -> Tables:
    """Fits and forecasts. The bits do not depend on `threads`, nor on which kernels answered. Incomplete if stopped."""
    out = tables(task)
    blocks = [range(a, min(a + BLOCK, len(task.batch))) for a in range(0, len(task.batch), BLOCK)]
    if threads > 1 and len(blocks) > 1:
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(lambda block: _block(task, out, block, stop, compiled), blocks))
    else:
        for block in blocks:
            _block(task, out, block, stop, compiled)
    return out


def _block(task: Task, out: Tables, block: range, stop: Stop, compiled: Callable[[], bool]) -> None:
    for k in block:
        if stop[0]:
            return
        if compiled():
            _compiled(task, out, k, block.stop, stop)
            return
        _plain(task, out, k, stop)


def _compiled(task: Task, out: Tables, first: int, last: int, stop: Stop) -> None:
    from ..kernels import etsfit, etsforecast

    at = slice(first, last)
    starts, ends, gaps, period = task.starts[at], task.ends[at], task.gaps[at], task.batch.period[at]
    h, cfg = task.batch.horizon, task.settings.vector()
    sizes, step_sizes = work(int((ends - starts).max(initial=0)) + 1, h + int(gaps.max(initial=0)), len(task.codes))
    scratch, steps = tuple(map(np.zeros, sizes)), tuple(map(np.zeros, step_sizes))
    parameters, ic, aicc, seasons = (t[at].reshape(-1) for t in (out.parameters, out.ic, out.aicc, out.seasons))
    status = out.status[at]
    etsfit.fit(
        task.batch.values, starts, ends, period, h, task.codes, task.mode % 2, cfg, scratch,
        parameters, ic, aicc, seasons, out.scale[at], status, stop,
    )  # fmt: skip
    mean, sd, path, weight, states, sigma = (
        t[at].reshape(-1) for t in (out.mean, out.sd, out.path, out.weight, out.states, out.sigma)
    )
    etsforecast.forecast(
        task.batch.values, starts, ends, gaps, period, h, task.codes, task.mode, cfg, scratch[:SHARED], steps, parameters,
        _rank(task, ic, aicc), seasons, status, mean, sd, path, out.fitted, out.trend, weight, states, sigma,
        out.dropped[at], stop,
    )  # fmt: skip


def _rank(task: Task, ic: F64, aicc: F64) -> F64:
    """What the models of a series are weighed by: for the single best AICc as it is, if only there are values enough for it."""
    if task.mode != 2:
        return ic
    by_series = aicc.reshape(-1, len(task.codes))
    has = np.isfinite(by_series).any(axis=1, keepdims=True)
    return np.where(has, by_series, ic.reshape(by_series.shape)).reshape(-1)


def _plain(task: Task, out: Tables, k: int, stop: Stop) -> None:
    first, last, gap, h = int(task.starts[k]), int(task.ends[k]), int(task.gaps[k]), task.batch.horizon
    values, period, codes = task.batch.values[first:last].tolist(), [int(task.batch.period[k])], task.codes.tolist()
    sizes, step_sizes = work(len(values) + 1, h + gap, len(codes))
    scratch, steps = tuple([0.0] * n for n in sizes), tuple([0.0] * n for n in step_sizes)
    cfg = task.settings.vector().tolist()
    tables_ = {
        name: getattr(out, name)[k : k + 1]
        for name in ("parameters", "ic", "aicc", "seasons", "scale", "status", "mean", "sd", "path", "weight", "states", "sigma", "dropped")
    }  # fmt: skip
    tables_ |= {"fitted": out.fitted[first : last + gap], "trend": out.trend[first : last + gap]}
    lists = {name: table.reshape(-1).tolist() for name, table in tables_.items()}
    plain("etsfit").fit(
        values, [0], [len(values)], period, h, codes, task.mode % 2, cfg, scratch,
        *(lists[name] for name in ("parameters", "ic", "aicc", "seasons", "scale", "status")), stop,
    )  # fmt: skip
    rank = _rank(task, np.array(lists["ic"]), np.array(lists["aicc"])).tolist()
    plain("etsforecast").forecast(
        values, [0], [len(values)], [gap], period, h, codes, task.mode, cfg, scratch[:SHARED], steps, lists["parameters"], rank, lists["seasons"],
        *(lists[name] for name in ("status", "mean", "sd", "path", "fitted", "trend", "weight", "states", "sigma", "dropped")), stop,
    )  # fmt: skip
    for name, table in tables_.items():
        table.reshape(-1)[:] = lists[name]
