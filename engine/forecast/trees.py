"""One model of all series: boosted trees on what was (lags, means, spread), on the calendar, on who a series is, and on given fields.

Each series is taken about its own level, the mean of its last seasons, and in units of its own changes, so that the trees see
shapes that series share, and forecasts follow a level that trees could not extrapolate. Steps ahead are forecast one after the
other, each from those before it. Bands are quantiles of the errors, in the same units, that a model of the earlier rows made
over the last steps of all series. (Montero-Manso & Hyndman 2021 on pooled models; Makridakis et al. 2022 on what won M5.)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ...planner.records import dataclass
from .batch import F64, Batch, Ints, Outcome, empty
from .boosting import Growth, Trees, binned, bounds_of, grown
from .origins import Part, ahead_of, chosen, means, rows_of, scale
from .ragged import last_known, running, scaled, series, within
from .treecolumns import Past, Shape, Tail, shape_of

MOST_ROWS = 500_000  # that a model learns from; of more the latest of each series
GROWTH = Growth()
ERRORS = 2000  # that a quantile is taken from at least, if there are as many: steps beside are taken too


@dataclass(frozen=True, slots=True)
class Pooled:
    """What trees may look at beside the values. `seasons`: lengths in steps that any series has, ascending. `times` int64[N], `ahead`
    int64[K, H]: wall time in microseconds. `codes` float64[K, G]: numbers of the groups' keys. `given` float64[N + K * H, R]: fields
    known for both, history first. `compiled`: whether the kernels are there; they give the same bits, and `stop` ends them early."""

    seasons: Sequence[int] = ()
    times: Ints | None = None
    ahead: Ints | None = None
    codes: F64 | None = None
    given: F64 | None = None
    growth: Growth = GROWTH
    compiled: bool = False
    stop: NDArray[np.uint8] | None = None
    offsets: Ints | None = None  # of the whole batch, and its horizon: needed to be cut to parts
    horizon: int = 0

    def of(self, part: Part) -> Pooled:
        assert self.offsets is not None
        past, future = rows_of(self.offsets, part), ahead_of(self.offsets, part, self.horizon)
        made = replace(self, offsets=np.concatenate([[0], np.cumsum(part.lengths)]).astype(np.int64))
        if self.codes is not None:
            made = replace(made, codes=self.codes[part.series])
        if self.times is not None and self.ahead is not None:
            times = np.concatenate([self.times, self.ahead.reshape(-1)])
            made = replace(made, times=times[past], ahead=times[future])
        if self.given is not None:
            made = replace(made, given=self.given[np.concatenate([past, future.reshape(-1)])])
        return made

    def __call__(self, batch: Batch, levels: Sequence[float]) -> Outcome:
        """Series in any order give the same bits: the model takes them by their keys."""
        order = np.argsort(batch.keys, kind="stable")
        lengths = np.diff(batch.offsets)
        part = Part(order, lengths[order])
        own = replace(self, offsets=batch.offsets, horizon=batch.horizon)
        made = _fit(chosen(batch, part), levels, own.of(part))
        out, rows = empty(batch, len(levels)), rows_of(batch.offsets, part)
        for name in ("mean", "lower", "upper", "trend_ahead", "sigma"):
            getattr(out, name)[order] = getattr(made, name)
        out.trend[rows], out.fitted[rows] = made.trend, made.fitted
        out.model = ["trees"] * len(batch)
        return out


@scaled
def _fit(batch: Batch, levels: Sequence[float], pooled: Pooled) -> Outcome:
    out = empty(batch, len(levels))
    if not len(batch):
        return out
    stop = pooled.stop if pooled.stop is not None else np.zeros(1, np.uint8)
    starts = np.repeat(batch.offsets[:-1], np.diff(batch.offsets))
    filled = replace(batch, values=batch.values[last_known(starts, ~np.isnan(batch.values))])
    shape, spread, last = (
        shape_of(batch, pooled.seasons, pooled.times),
        _unit(batch),
        batch.values[batch.offsets[1:] - 1],
    )
    unit = np.where(spread > 0, spread, np.where(last != 0, np.abs(last), 1.0))
    rows = Rows(batch, filled, pooled, shape, unit)
    held = np.minimum(batch.horizon, np.diff(batch.offsets) // 3)  # steps whose errors are looked at
    errors = np.zeros((0, batch.horizon))
    if levels and held.max() > 0:
        early, _ = rows.model(held, stop)
        errors = rows.errors(early, held)
    model, said = rows.model(np.zeros(len(batch), np.int64), stop)
    out.fitted = said
    out.mean, out.trend_ahead = rows.ahead(model, np.diff(batch.offsets), batch.horizon)
    out.trend = _levels(filled, shape.level)
    flat = _flat(batch)
    out.mean, out.trend_ahead = (np.where(flat[:, None], last[:, None], x) for x in (out.mean, out.trend_ahead))
    error = np.where(np.isnan(out.fitted) | np.isnan(batch.values), np.nan, out.fitted - batch.values)
    out.sigma = _root_mean(error, batch)
    width = np.where(spread > 0, spread, np.nan)[:, None]  # of a single value none is known
    for i, level in enumerate(levels):
        low, high = (_quantiles(errors, p, batch.horizon) for p in ((1 - level) / 2, (1 + level) / 2))
        out.lower[:, i] = np.where(flat[:, None], out.mean, out.mean + width * np.minimum(low, 0.0))
        out.upper[:, i] = np.where(flat[:, None], out.mean, out.mean + width * np.maximum(high, 0.0))
    return out


def _levels(filled: Batch, n: int) -> F64:
    """The mean of the last n steps up to each, of as many as there are."""
    step, total = within(filled), running(filled, filled.values)
    window = np.minimum(step + 1, n)
    before = np.where(step >= window, total[np.maximum(np.arange(len(total)) - window, 0)], 0.0)
    return np.asarray((total - before) / window)


def _flat(batch: Batch) -> NDArray[np.bool_]:
    """Which series have one value over and over."""
    low, high = (f.reduceat(batch.values, batch.offsets[:-1]) for f in (np.fmin, np.fmax))
    return np.asarray((low == high) & (np.diff(batch.offsets) > 1), np.bool_)


def _unit(batch: Batch) -> F64:
    """float64[K]: the mean size of changes over a season, or from step to step; 0 where there is none."""
    season, step = (scale(b)[0] for b in (batch, replace(batch, period=np.ones_like(batch.period))))
    return np.where(season > 0, season, np.where(step > 0, step, 0.0))


def _root_mean(error: F64, batch: Batch) -> F64:
    return np.sqrt(means(error * error, batch.offsets))


def _quantiles(errors: F64, p: float, horizon: int) -> F64:
    """float64[H]: of the errors float64[K, H] (NaN where there are none) of each step and, if they are few, of those beside it."""
    out = np.full(horizon, np.nan)
    seen = ~np.isnan(errors)
    if not seen.any():
        return out
    counts = seen.sum(axis=0)
    for h in range(horizon):
        low, high = h, h + 1
        while counts[low:high].sum() < ERRORS and (low > 0 or high < horizon) and high - low < max(7, horizon // 4):
            low, high = max(low - 1, 0), min(high + 1, horizon)
        near = errors[:, low:high][seen[:, low:high]]
        if len(near):
            out[h] = np.quantile(near, p)
    known = np.flatnonzero(~np.isnan(out))
    growth = np.sqrt(np.maximum(np.arange(horizon) - known[-1], 0) / (known[-1] + 1.0) + 1)
    return np.asarray(np.interp(np.arange(horizon), known, out[known]) * growth)


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows to learn from, and steps to forecast, of one batch. `filled`: without holes, each filled by the value before it."""

    batch: Batch
    filled: Batch
    pooled: Pooled
    shape: Shape
    unit: F64

    def model(self, held: Ints, stop: NDArray[np.uint8]) -> tuple[Trees, F64]:
        """Of all steps but the last `held` of each series; and its one-step forecast of each step it learnt from."""
        batch, number, step = self.batch, series(self.batch), within(self.batch)
        lengths = np.diff(batch.offsets) - held
        most = _longest_within(lengths, MOST_ROWS)
        wanted = (step > 0) & (step < lengths[number]) & (step >= lengths[number] - most) & ~np.isnan(batch.values)
        at = np.flatnonzero(wanted)
        view = Past(self.filled)
        level, unit = view.mean(self.shape.level), self.unit[number]
        bounds, columns = [], []
        for column in self.shape.columns(
            view, level, unit, self.pooled.times, self._fixed(number, np.arange(len(number)))
        ):
            bounds.append(bounds_of(column[at]))
            columns.append(binned(column[at], bounds[-1]))
        bins = np.stack(columns, axis=1) if columns else np.zeros((len(at), 0), np.uint8)
        target = (batch.values[at] - level[at]) / unit[at]
        trees, said = grown(bins, bounds, np.clip(target, -50, 50), self.pooled.growth, self.pooled.compiled, stop)
        out = np.full(len(batch.values), np.nan)
        out[at] = level[at] + unit[at] * said
        return trees, out

    def ahead(self, trees: Trees, lengths: Ints, horizon: int) -> tuple[F64, F64]:
        """float64[K, horizon] each: forecasts behind the first `lengths` steps of each series, and the level that each went from."""
        k, width = len(self.batch), self.shape.width
        back = lengths[:, None] - width + np.arange(width)
        first = self.batch.offsets[:-1, None]
        values = np.where(back >= 0, self.filled.values[first + np.maximum(back, 0)], np.nan)
        mean, levels = np.zeros((k, horizon)), np.zeros((k, horizon))
        who = np.arange(k)
        for h in range(horizon):
            view = Tail(values)
            level = view.mean(self.shape.level)
            at = self._place(lengths + h)
            clock = None if self.pooled.times is None else self._clock_at(at)
            bins = trees.binned(self.shape.columns(view, level, self.unit, clock, self._fixed(who, at)))
            mean[:, h] = level + self.unit * trees.predicted(bins)
            levels[:, h] = level
            values = np.concatenate([values[:, 1:], mean[:, h : h + 1]], axis=1)
        return mean, levels

    def errors(self, trees: Trees, held: Ints) -> F64:
        """float64[K, H] in units of each series: actual less forecast of the last `held` steps, NaN behind them."""
        lengths = np.diff(self.batch.offsets) - held
        horizon = int(held.max())
        mean, _ = self.ahead(trees, np.maximum(lengths, 1), horizon)
        at = self.batch.offsets[:-1, None] + lengths[:, None] + np.arange(horizon)
        has = np.arange(horizon) < held[:, None]
        actual = np.where(has, self.batch.values[np.minimum(at, len(self.batch.values) - 1)], np.nan)
        out = np.full((len(held), self.batch.horizon), np.nan)
        out[:, :horizon] = (actual - mean) / self.unit[:, None]
        out[_flat(self.batch)] = np.nan
        return out

    def _place(self, step: Ints) -> Ints:
        """Where this step of each series stands among N + K * H rows, history first."""
        lengths, n = np.diff(self.batch.offsets), len(self.batch.values)
        later = n + np.arange(len(lengths)) * self.batch.horizon + step - lengths
        return np.where(step < lengths, self.batch.offsets[:-1] + step, later)

    def _clock_at(self, at: Ints) -> Ints:
        assert self.pooled.times is not None
        assert self.pooled.ahead is not None
        return np.concatenate([self.pooled.times, self.pooled.ahead.reshape(-1)])[at]

    def _fixed(self, number: Ints, at: Ints) -> list[F64]:
        """Columns of the series `number` at the rows `at`: their keys, their size, given fields."""
        out: list[F64] = []
        if self.pooled.codes is not None:
            out.extend(self.pooled.codes[number, g] for g in range(self.pooled.codes.shape[1]))
        if self.pooled.given is not None:
            out.extend(self.pooled.given[at, r] for r in range(self.pooled.given.shape[1]))
        return out


def _longest_within(lengths: Ints, most: int) -> int:
    """The greatest length that each series may be cut to so that all have `most` steps at the most together."""
    low, high = 1, int(lengths.max(initial=1))
    while low < high:
        middle = (low + high + 1) // 2
        if int(np.minimum(np.maximum(lengths, 0), middle).sum()) <= most:
            low = middle
        else:
            high = middle - 1
    return low
