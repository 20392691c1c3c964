"""Long seasons, and several: taken out by STL or MSTL, the rest forecast without a season, and each season repeated.

Method: Bandara, Hyndman & Bergmeir 2021 (MSTL); Hyndman & Athanasopoulos, "Forecasting", 3rd ed., 5.7, which repeat the last cycle of
the smoothed season. That cycle follows its own noise; here it is a mean over cycles, with as long a memory as the series favours.
The remainder is too small where a season follows few cycles, so that bands go by the errors of forecasting each cycle from
those before it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np

from ...planner.records import dataclass
from ..analytics import stl
from ..analytics.seasonal import Effort
from ..random import normal_quantile
from .batch import F64, Batch, Outcome
from .origins import Fit, Part
from .ragged import ratio, scaled

Decompose = Callable[[Sequence[F64], Sequence[Sequence[int]]], list[stl.Parts]]


def decomposed_generally(grids: Sequence[F64], periods: Sequence[Sequence[int]]) -> list[stl.Parts]:
    return stl.decompose(grids, periods, Effort())


KEPT = (1.0, 0.95, 0.9, 0.8, 0.65, 0.5, 0.3, 0.1)  # what a cycle's weight is of that of the one after it


@dataclass(frozen=True, slots=True)
class Long:
    """`trend_fit` forecasts what is left without season (its batch has period 1). `periods[k]`: the seasons of series k, any order.
    `decompose` takes out the seasons of many series at once."""

    trend_fit: Fit
    periods: Sequence[Sequence[int]]
    decompose: Decompose = decomposed_generally

    def of(self, part: Part) -> Fit:
        return replace(self, periods=[self.periods[k] for k in part.series.tolist()])

    def __call__(self, batch: Batch, levels: Sequence[float]) -> Outcome:
        return _fit(batch, levels, self)


@dataclass(frozen=True, slots=True)
class Plain:
    """`batch`: the series without `season` float64[N], all of period 1; `ahead` float64[K, H]: the season to come; `extra` float64[K]:
    variance that its errors add to that of what is left."""

    batch: Batch
    season: F64
    ahead: F64
    extra: F64
    names: list[str]


@scaled
@np.errstate(over="ignore", invalid="ignore")  # of the greatest doubles squares are infinite
def _fit(batch: Batch, levels: Sequence[float], how: Long) -> Outcome:
    plain = plain_of(batch, how)
    out = how.trend_fit(plain.batch, levels)
    for i, level in enumerate(levels):
        z = float(normal_quantile(np.array([(1 + level) / 2]))[0])
        more = (z * z * plain.extra)[:, None]
        out.lower[:, i] = out.mean - np.sqrt((out.mean - out.lower[:, i]) ** 2 + more) + plain.ahead
        out.upper[:, i] = out.mean + np.sqrt((out.upper[:, i] - out.mean) ** 2 + more) + plain.ahead
    out.mean = out.mean + plain.ahead
    out.fitted = out.fitted + plain.season
    out.model = [name + model for name, model in zip(plain.names, out.model, strict=True)]
    return out


def paths(batch: Batch, steps: int, how: Long, draw: Callable[[Batch], F64]) -> F64:
    """float64[K, P, steps]: what `draw` simulates of the series without seasons, and their seasons to come. Without the
    season's own error, which a lead time has all of one sign."""
    plain = plain_of(replace(batch, horizon=steps), how)
    return draw(plain.batch) + plain.ahead[:, None, :]


def plain_of(batch: Batch, how: Long) -> Plain:
    season = np.zeros_like(batch.values)
    ahead, extra = np.zeros((len(batch), batch.horizon)), np.zeros(len(batch))
    series = [batch.values[low:high] for low, high in pairwise(batch.offsets.tolist())]
    seasons = [
        sorted({p for p in own if p > 1 and 2 * p <= len(y)}) for own, y in zip(how.periods, series, strict=True)
    ]
    seasonal = [k for k, periods in enumerate(seasons) if periods]
    parts = how.decompose([series[k] for k in seasonal], [seasons[k] for k in seasonal]) if seasonal else []
    for k, made in zip(seasonal, parts, strict=True):
        total = np.sum(made.seasons, axis=0)
        season[batch.offsets[k] : batch.offsets[k + 1]] = total
        ahead[k], extra[k] = _to_come(series[k], made, total, seasons[k], batch.horizon)
    values = replace(batch, values=batch.values - season, period=np.ones_like(batch.period))
    return Plain(values, season, ahead, extra, [_named(periods) for periods in seasons])


def _to_come(y: F64, made: stl.Parts, total: F64, periods: Sequence[int], horizon: int) -> tuple[F64, float]:
    ahead = np.zeros(horizon)
    share = noise = 0.0
    for period, found in zip(periods, made.seasons, strict=True):
        to_come = cycle(y - made.trend - (total - found), period)
        mean = np.mean(found[len(found) - period :]) - np.mean(to_come.season)  # the level is the trend's
        ahead += to_come.season[np.arange(horizon) % period] + mean
        share, noise = share + to_come.share, to_come.noise if np.isfinite(to_come.noise) else noise
    left = y - made.trend - total
    return ahead, max(0.0, noise * (1 + share) - float(np.nanmean(left * left)))


def _named(periods: Sequence[int]) -> str:
    if not periods:
        return ""
    return ("STL " if len(periods) == 1 else "MSTL ") + ", ".join(map(str, periods)) + " + "


@dataclass(frozen=True, slots=True)
class Cycle:
    """A season to come, by step of the period. `share`: its variance over that of the noise; `noise`: that variance, NaN if unknown."""

    season: F64
    share: float
    noise: float


def cycle(rest: F64, period: int) -> Cycle:
    """`rest` float64[n]: a season and noise, NaN where nothing is known; the season begins behind it.

    Each step of the season is the mean of its values with weights that fall by a factor a cycle: the factor that would have forecast
    each cycle from those before it best.
    """
    n_cycles = -(-len(rest) // period)
    padded = np.concatenate([np.full(n_cycles * period - len(rest), np.nan), rest])
    table = padded.reshape(n_cycles, period)
    has = ~np.isnan(table)
    values = np.where(has, table, 0.0)
    least, best = np.inf, Cycle(np.zeros(period), 1.0, np.nan)
    for keep in KEPT:
        total, weight, squares = np.zeros((3, period))
        error = fair = counted = 0.0
        for row, seen in zip(values, has, strict=True):
            told = seen & (weight > 0)
            off = np.where(told, row - _over(total, weight), 0.0)
            error += float(np.sum(off * off))
            fair += float(np.sum(off * off / (1 + _over(squares, weight * weight))))
            counted += float(np.sum(told))
            total, weight, squares = keep * total + row, keep * weight + seen, keep * keep * squares + seen
        if keep == KEPT[0] or error < least:
            share = float(np.mean(_over(squares, weight * weight)))
            least, best = error, Cycle(_over(total, weight), share, fair / counted if counted else np.nan)
    return best


def _over(top: F64, bottom: F64) -> F64:
    """Quotients, 0 where nothing is known."""
    return ratio(top, bottom, 0.0)
