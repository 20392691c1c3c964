"""Long seasons, and several: taken out by STL or MSTL, the rest forecast without a season, and each season's last cycle repeated.

Method: Bandara, Hyndman & Bergmeir 2021 (MSTL); Hyndman & Athanasopoulos, "Forecasting", 3rd ed., 5.7.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from ..analytics import stl
from ..random import normal_quantile
from .batch import F64, Batch, Outcome
from .origins import Fit, Part
from .ragged import scaled

Decompose = Callable[[F64, Sequence[int], bool], stl.Parts]
WINDOW, WIDER = 7, 4  # cycles that STL smooths a season over; MSTL's i-th season has 4 i more


@dataclass(frozen=True, slots=True)
class Long:
    """`trend_fit` forecasts what is left without season (its batch has period 1). `periods[k]`: the seasons of series k, any order.
    `robust`: outliers count less in the seasons."""

    trend_fit: Fit
    periods: Sequence[Sequence[int]]
    robust: bool = False
    decompose: Decompose = stl.decompose

    def of(self, part: Part) -> Fit:
        return replace(self, periods=[self.periods[k] for k in part.series.tolist()])

    def __call__(self, batch: Batch, levels: Sequence[float]) -> Outcome:
        return _fit(batch, levels, self)


@scaled
def _fit(batch: Batch, levels: Sequence[float], how: Long) -> Outcome:
    season, trend = np.zeros_like(batch.values), np.full_like(batch.values, np.nan)
    ahead, extra = np.zeros((len(batch), batch.horizon)), np.zeros(len(batch))
    names: list[str] = []
    for k, (low, high) in enumerate(zip(batch.offsets[:-1].tolist(), batch.offsets[1:].tolist(), strict=True)):
        y = batch.values[low:high]
        periods = sorted({p for p in how.periods[k] if p > 1 and 2 * p <= high - low})
        names.append(
            ("STL " if len(periods) == 1 else "MSTL ") + ", ".join(map(str, periods)) + " + " if periods else ""
        )
        if not periods:
            continue
        made = how.decompose(y, periods, how.robust)
        trend[low:high] = made.trend
        for period, found in zip(periods, made.seasons, strict=True):
            season[low:high] += found
            ahead[k] += found[len(found) - period + np.arange(batch.horizon) % period]
        extra[k] = _extra(y, made, periods)
    out = how.trend_fit(replace(batch, values=batch.values - season, period=np.ones_like(batch.period)), levels)
    for i, level in enumerate(levels):
        z = float(normal_quantile(np.array([(1 + level) / 2]))[0])
        more = (z * z * extra)[:, None]
        out.lower[:, i] = out.mean - np.sqrt((out.mean - out.lower[:, i]) ** 2 + more) + ahead
        out.upper[:, i] = out.mean + np.sqrt((out.upper[:, i] - out.mean) ** 2 + more) + ahead
    out.mean = out.mean + ahead
    out.fitted = out.fitted + season
    out.model = [name + model for name, model in zip(names, out.model, strict=True)]
    return out


def _extra(y: F64, made: stl.Parts, periods: Sequence[int]) -> float:
    """The variance of the forecast's season, and of what the season took from the remainder, beyond that of the remainder.

    The remainder is too small where a season is smoothed over few cycles, since it follows them. Changes from cycle to cycle of what is
    left without trend and shorter seasons do not know that: their variance is twice that of the noise.
    """
    longest = periods[-1]
    rest = y - made.trend - sum(made.seasons[:-1], np.zeros(len(y)))
    changes = rest[longest:] - rest[:-longest]
    left = rest - made.seasons[-1]
    noise = float(np.nanmean(changes * changes)) / 2 if np.isfinite(changes).any() else 0.0
    remainder = float(np.nanmean(left * left))
    share = 0.0
    for i, period in enumerate(periods):
        share += _share(min(len(y) // period, 50), WINDOW + (WIDER * (i + 1) if len(periods) > 1 else 0))
    return max(0.0, noise * (1 + share) - remainder)


@lru_cache(maxsize=1024)
def _share(n_cycles: int, window: int) -> float:
    """The variance of a season's last cycle over that of the noise: the sum of squares of what LOESS weighs each cycle with at its end."""
    away = np.arange(n_cycles, dtype=np.float64)
    reach = float(min(window, n_cycles) - 1) * max(1.0, window / n_cycles) or 1.0
    weight = np.clip(1 - (away / (reach * 1.001)) ** 3, 0, None) ** 3
    weight = weight / np.sum(weight)
    mean = np.sum(weight * away)
    spread = np.sum(weight * (away - mean) ** 2)
    lever = weight * (1 - mean * (away - mean) / spread) if spread > 0 else weight
    return float(np.sum(lever * lever))
