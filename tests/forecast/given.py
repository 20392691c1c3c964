"""A model with parameters that are given, put to the kernels."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from cortado.engine.forecast import codes
from cortado.engine.forecast.batch import Batch
from cortado.engine.forecast.running import plain, work
from cortado.engine.forecast.settings import ML
from cortado.engine.kernels.etscode import FITTED, MOST_PERIOD, SHARED

FIXED = replace(ML, free=0)  # seasonals as they are given


def one(values: Any, period: int = 1, horizon: int = 12, key: int = 1) -> Batch:
    """A batch of one series."""
    y = np.asarray(values, float)
    return Batch(y, np.array([0, len(y)]), np.array([period]), np.array([key], np.uint64), horizon)


def many(series: list[Any], period: int = 1, horizon: int = 12) -> Batch:
    offsets = np.cumsum([0, *map(len, series)])
    values = np.concatenate([*map(np.asarray, series), np.empty(0)]).astype(float)
    return Batch(values, offsets, np.full(len(series), period), np.arange(len(series), dtype=np.uint64), horizon)


def parameters(
    code: str, alpha: float, beta: float, gamma: float, phi: float, level: float, slope: float, scale: float = 1.0
) -> list[float]:
    """th of the kernels: shares in place of beta and gamma, states divided by `scale`."""
    _, trend, season = codes.parse(code)
    th = [alpha]
    if trend:
        th.append(beta / alpha)
    if season:
        th.append(gamma / (1 - alpha))
    if trend in (2, 4):
        th.append(phi)
    th.append(level / scale)
    if trend:
        th.append(slope if trend > 2 else slope / scale)
    return th


def log_likelihood(y: Any, m: int, code: str, th: list[float], seasons: list[float]) -> float:
    """As R counts it, without constants."""
    n = len(y)
    arrays = [[0.0] * n for _ in range(3)]
    s0 = [*seasons, *seasons] if seasons else [0.0, 0.0]
    seen = int(np.count_nonzero(~np.isnan(y)))
    squares = plain("etsfilter").walk(
        list(y), n, m if seasons else 1, *codes.parse(code), th, 0, s0, [0.0] * m, *arrays, [0.0] * 8
    )
    return float(-0.5 * seen * np.log(squares))


def forecast(y: Any, m: int, code: str, th: list[float], seasons: list[float], h: int, settings: Any = FIXED) -> Any:
    """Mean and standard deviation [h]; th and seasons of values scaled to mean size 1."""
    number = codes.number(*codes.parse(code))
    sizes, steps = work(len(y) + 1, h, 1)
    s0 = [0.0] * (2 * MOST_PERIOD)
    s0[: 2 * len(seasons)] = [*seasons, *seasons]
    mean, sd, path, fitted, trend = ([0.0] * n for n in (h, h, h, len(y), len(y)))
    plain("etsforecast").forecast(
        list(y), [0], [len(y)], [0], [m], h, [number], 0, settings.vector().tolist(), tuple([0.0] * n for n in sizes[:SHARED]),
        tuple([0.0] * n for n in steps), th, [0.0], s0, [FITTED], mean, sd, path, fitted, trend, [0.0],
        [0.0] * (2 + MOST_PERIOD), [0.0], [0], np.zeros(1, np.uint8),
    )  # fmt: skip
    return np.array(mean), np.array(sd)
