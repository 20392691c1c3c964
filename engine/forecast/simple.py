"""The forecasts that others are measured by: the last value, the last season, and a straight line.

Formulas of the intervals: Hyndman & Athanasopoulos, "Forecasting: Principles and Practice", 3rd ed., 5.5 (naive, seasonal
naive) and 7.6 (regression). Steps without a value are skipped: a change over g steps counts as one of g times the variance.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..random import normal_quantile
from .batch import F64, Batch, Ints, Outcome, empty
from .ragged import bands, last_known, ratio, running, scaled, series, sums, within


def _z(p: float) -> float:
    return float(normal_quantile(np.array([p]))[0])


def _random_walk(
    batch: Batch, levels: Sequence[float], previous: Ints, gap: Ints, n_seasons: Ints, mean: F64
) -> Outcome:
    """`previous` int64[N]: the place of the value that each step repeats, -1: none; `gap`: how many repeats ago that was."""
    out = empty(batch, len(levels))
    out.mean = mean
    has = previous >= 0
    out.fitted = np.where(has, batch.values[previous], np.nan)
    seen = has & ~np.isnan(batch.values)
    error = np.where(seen, batch.values - out.fitted, 0.0)
    squares, count = sums(batch, ratio(error * error, gap, 0.0)), sums(batch, seen.astype(np.float64))
    out.sigma = np.sqrt(ratio(squares, count))
    bands(out, levels, out.sigma[:, None] * np.sqrt(n_seasons), _z)
    return out


@scaled
def naive(batch: Batch, levels: Sequence[float]) -> Outcome:
    """The last value; its band is sigma * sqrt(h), sigma the root mean square of the changes. Of one value no width is known. O(N)."""
    at = last_known(np.repeat(batch.offsets[:-1], np.diff(batch.offsets)), ~np.isnan(batch.values))
    previous = np.concatenate([[-1], at[:-1]])[: len(at)]
    previous = np.where(previous >= np.repeat(batch.offsets[:-1], np.diff(batch.offsets)), previous, -1)
    last = batch.values[batch.offsets[1:] - 1]
    ahead = np.broadcast_to(np.arange(1, batch.horizon + 1), (len(batch), batch.horizon))
    mean = np.repeat(last[:, None], batch.horizon, axis=1)
    out = _random_walk(batch, levels, previous, np.arange(len(at)) - previous, ahead, mean)
    out.trend, out.trend_ahead = batch.values[at], out.mean.copy()
    out.model = ["naive"] * len(batch)
    return out


@scaled
def snaive(batch: Batch, levels: Sequence[float]) -> Outcome:
    """The last value of the same step of the season; its band is sigma * sqrt(floor((h - 1) / m) + 1). O(N log N).

    A step of the season that never had a value takes the last value. The trend is the mean of the last season.
    """
    step, number = within(batch), series(batch)
    period = np.minimum(batch.period, np.diff(batch.offsets))
    m = period[number]
    order = np.lexsort((step, step % m, number))  # steps of a season one behind the other
    group = (batch.offsets[number] + step % m)[order]
    first = np.concatenate([[True], group[1:] != group[:-1]])[: len(order)]
    starts = np.maximum.accumulate(np.where(first, np.arange(len(order)), 0))
    at = last_known(starts, ~np.isnan(batch.values[order]))
    before = np.concatenate([[-1], at[:-1]])[: len(order)]
    before = np.where(before >= starts, before, -1)
    now, previous = np.empty_like(order), np.empty_like(order)
    now[order], previous[order] = np.where(at >= 0, order[at], -1), np.where(before >= 0, order[before], -1)

    ahead = np.arange(batch.horizon) % period[:, None]
    last_season = now[batch.offsets[1:, None] - period[:, None] + ahead]
    mean = np.where(last_season >= 0, batch.values[last_season], batch.values[batch.offsets[1:] - 1][:, None])
    n_seasons = np.arange(batch.horizon) // period[:, None] + 1
    gap = np.where(previous >= 0, (step - step[previous]) // m, 1)
    out = _random_walk(batch, levels, previous, gap, n_seasons, mean)
    out.trend = _season_means(batch, np.where(now >= 0, batch.values[now], np.nan), step, m)
    out.trend_ahead = np.repeat(out.trend[batch.offsets[1:] - 1][:, None], batch.horizon, axis=1)
    out.model = ["snaive" if p > 1 else "naive" for p in period.tolist()]
    return out


def _season_means(batch: Batch, values: F64, step: Ints, m: Ints) -> F64:
    """The mean of the last m of `values`, or of as many as there are; NaN are left out. The first has a value."""
    has = ~np.isnan(values)
    total, count = running(batch, np.where(has, values, 0.0)), running(batch, has.astype(np.float64))
    back = np.arange(len(values)) - m
    inside = step >= m
    total = total - np.where(inside, total[back], 0.0)
    return ratio(total, count - np.where(inside, count[back], 0.0))


@scaled
def linear(batch: Batch, levels: Sequence[float]) -> Outcome:
    """A least squares line, with one height for each step of the season where there is one; prediction interval by Student's t. O(N).

    The line has one slope b: of deviations from the means of each step of the season (Frisch & Waugh), so that
    y(t) = mean_p + b (t - t_p) and its variance is s^2 (1 + 1 / n_p + (t - t_p)^2 / Sxx) with n - m - 1 degrees of freedom.
    A season needs a value in each of its steps and m + 2 of them. `fitted` is the line itself, over all of the data.
    """
    from scipy.special import stdtrit  # type: ignore[import-untyped,unused-ignore]

    period = _fitting_periods(batch)
    step, number = within(batch), series(batch)
    has = ~np.isnan(batch.values)
    y, t = np.where(has, batch.values, 0.0), step.astype(np.float64)
    first = np.concatenate([[0], np.cumsum(period)])  # of the steps of each series' season
    cell = first[number] + step % period[number]

    def means(values: F64) -> F64:
        return ratio(np.bincount(cell, np.where(has, values, 0.0), int(first[-1])), count, 0.0)

    count = np.bincount(cell, has.astype(np.float64), int(first[-1]))
    y_mean, t_mean = means(y), means(t)
    dt, dy = np.where(has, t - t_mean[cell], 0.0), np.where(has, y - y_mean[cell], 0.0)
    sxx = sums(batch, dt * dt)
    slope = ratio(sums(batch, dt * dy), sxx, 0.0)
    rest = dy - slope[number] * dt
    free = sums(batch, has.astype(np.float64)) - period - 1
    s = np.sqrt(ratio(sums(batch, rest * rest), np.maximum(free, 0)))

    out = empty(batch, len(levels))
    lengths = np.diff(batch.offsets)
    future = lengths[:, None] + np.arange(batch.horizon)
    at = first[:-1, None] + future % period[:, None]
    away = future - t_mean[at]
    out.mean = y_mean[at] + slope[:, None] * away
    spread = s[:, None] * np.sqrt(1 + 1 / count[at] + ratio(away * away, sxx[:, None], 0.0))
    bands(out, levels, spread, lambda p: stdtrit(np.maximum(free, 1), p))
    out.fitted = y_mean[cell] + slope[number] * (t - t_mean[cell])
    height = ratio(
        np.bincount(np.repeat(np.arange(len(batch)), period), y_mean - np.repeat(slope, period) * t_mean, len(batch)),
        period,
    )
    out.trend, out.trend_ahead = height[number] + slope[number] * t, height[:, None] + slope[:, None] * future
    out.sigma = s
    out.model = ["linear" if p == 1 else "linear, season" for p in period.tolist()]
    return out


def _fitting_periods(batch: Batch) -> Ints:
    """The season, or 1 where it cannot be fitted."""
    step, number = within(batch), series(batch)
    has = ~np.isnan(batch.values)
    period = np.where(batch.period <= np.diff(batch.offsets), batch.period, 1)
    first = np.concatenate([[0], np.cumsum(period)])
    cell = first[number] + step % period[number]
    filled = np.bincount(cell, has.astype(np.float64), int(first[-1])) > 0
    n_filled = np.bincount(np.repeat(np.arange(len(batch)), period), filled, len(batch))
    enough = (n_filled == period) & (sums(batch, has.astype(np.float64)) >= period + 2)
    return np.where(enough, period, 1)
