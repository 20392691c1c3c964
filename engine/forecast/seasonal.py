"""Classical decomposition, and whether there is a season at all: what simple methods take out of a series first."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ...planner.records import dataclass
from .batch import F64, Batch, Ints
from .ragged import ratio, running, series, sums, within

TEST = 1.6448536269514722  # 90 % on both sides, as in Assimakopoulos & Nikolopoulos 2000


@dataclass(frozen=True, slots=True)
class Seasons:
    """`index`: of each series one value for each step of its season, at `first[k] : first[k] + period[k]`; factors with mean 1 where
    `is_factor`, else what is added, with mean 0. `period` int64[K]: 1 where there is no season."""

    index: F64
    first: Ints
    period: Ints
    is_factor: NDArray[np.bool_]

    def at(self, number: Ints, step: Ints) -> F64:
        """Of these steps of these series."""
        return self.index[self.first[number] + step % self.period[number]]

    def without(self, values: F64, number: Ints, step: Ints) -> F64:
        index = self.at(number, step)
        return np.where(self.is_factor[number], values / np.where(self.is_factor[number], index, 1.0), values - index)

    def with_(self, values: F64, number: Ints, step: Ints) -> F64:
        index = self.at(number, step)
        return np.where(self.is_factor[number], values * index, values + index)


def is_seasonal(batch: Batch) -> NDArray[np.bool_]:
    """bool[K]: more than two seasons long, and the autocorrelation at the lag of the season lies beyond Bartlett's limit. O(N m)."""
    number, step = series(batch), within(batch)
    has = ~np.isnan(batch.values)
    mean = ratio(sums(batch, np.where(has, batch.values, 0.0)), sums(batch, has.astype(np.float64)))
    off = np.where(has, batch.values - mean[number], 0.0)
    total, count = sums(batch, off * off), sums(batch, has.astype(np.float64))
    open_ = (batch.period > 1) & (np.diff(batch.offsets) > 2 * batch.period) & (total > 0)
    squares, last = np.zeros((2, len(batch)))
    for lag in range(1, int(batch.period[open_].max(initial=0)) + 1):
        pairs = np.where(step >= lag, off * off[np.arange(len(off)) - lag], 0.0)
        r = ratio(sums(batch, pairs), total, 0.0)
        squares += np.where(lag < batch.period, r * r, 0.0)
        last = np.where(lag == batch.period, r, last)
    return np.asarray(open_ & (np.abs(last) > TEST * np.sqrt((1 + 2 * squares) / np.maximum(count, 1))), np.bool_)


def decomposed(batch: Batch, wanted: NDArray[np.bool_], shrunk: float = 0.0) -> Seasons:
    """Seasons of the `wanted` series: means of each step of the season, of values over (or less) their centred moving average;
    factors where every value is above 0. A season that would have a factor of 0 is left out. Of a series of n seasons the season is
    n / (n + shrunk) of what was found."""
    number, step = series(batch), within(batch)
    has = ~np.isnan(batch.values)
    low = np.minimum.reduceat(np.where(has, batch.values, np.inf), batch.offsets[:-1]) if len(batch) else np.zeros(0)
    is_factor = low > 0
    period = np.where(wanted, batch.period, 1)
    average = _centred(batch, period[number])
    with np.errstate(invalid="ignore", divide="ignore"):
        off = np.where(is_factor[number], batch.values / average, batch.values - average)
    seen = np.isfinite(off) & has
    first = np.concatenate([[0], np.cumsum(period)])
    cell, size = first[number] + step % period[number], int(first[-1])
    count = np.bincount(cell[seen], minlength=size).astype(np.float64)
    owner = np.repeat(np.arange(len(batch)), period)
    index = ratio(np.bincount(cell[seen], off[seen], size), count)
    centre = np.where(is_factor[owner], 1.0, 0.0)
    index = np.where(np.isnan(index), centre, index)
    mean = ratio(np.bincount(owner, index, len(batch)), period)
    index = np.where(is_factor[owner], ratio(index, mean[owner], 1.0), index - mean[owner])
    cycles = np.diff(batch.offsets) / period
    part = (cycles / (cycles + shrunk))[owner]
    index = centre + part * (index - centre)
    least = np.minimum.reduceat(index, first[:-1]) if len(batch) else np.zeros(0)
    none = (period == 1) | (is_factor & (least < 1e-6))
    index = np.where(none[owner], centre, index)
    return Seasons(index, first[:-1], period, is_factor)


def _centred(batch: Batch, m: Ints) -> F64:
    """The mean of m steps about each (of even m the two at the ends count half), of those known; NaN where they reach beyond an end."""
    has = ~np.isnan(batch.values)
    half, even = m // 2, m % 2 == 0
    step, length = within(batch), np.repeat(np.diff(batch.offsets), np.diff(batch.offsets))
    inside = (step >= half) & (step + half < length)
    at = np.arange(len(m))
    before, behind = np.where(inside, at - half, at), np.where(inside, at + half, at)

    def summed(values: F64) -> F64:
        total = running(batch, values)
        full = total[behind] - total[before] + values[before]
        return full - np.where(even, 0.5 * (values[before] + values[behind]), 0.0)

    average = ratio(summed(np.where(has, batch.values, 0.0)), summed(has.astype(np.float64)))
    return np.where(inside, average, np.nan)
