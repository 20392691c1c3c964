"""Series explained by the calendar: what Taylor & Letham 2018 ("Forecasting at scale", Prophet) do by sampling, in closed form.

A trend whose slope bends at change points with Laplace-like sizes, Fourier seasons of year, week and day, holidays and given
fields: a ridge regression whose weights are worked out anew from the sizes of the bends (a Laplace prior as a mixture of normal
ones). What is left is an autoregression of order 1, which forecasts go on with. Bands hold the noise, what the data do not
tell about the coefficients, and bends to come as often and as large as those that were.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import field, replace

import numpy as np
from numpy.typing import NDArray

from ...planner.records import dataclass
from ..random import normal_quantile
from .batch import F64, Batch, Ints, Outcome, empty
from .calendardesign import BEND, CONSTANT, DAY, GIVEN, HOLIDAY, SEASON, SLOPE, Days, Design, designed
from .calendarridge import Ridge, ridge
from .origins import Part, ahead_of, rows_of
from .ragged import scaled

BEND_SCALE = 0.3  # of a bend's Laplace prior, in standard deviations of the values over the length of the history
PRIOR = {
    CONSTANT: 1e-8,
    SLOPE: 0.04,
    SEASON: 1.0,
    HOLIDAY: 1.0,
    GIVEN: 0.01,
}  # variances of the noise over those of a coefficient
ROUNDS = 4
MOST_PHI = 0.97


@dataclass(frozen=True, slots=True)
class Calendar:
    """The model with what it needs beside the values.

    `times` int64[N], `ahead` int64[K, H]: wall time in microseconds (of the zone whose days and holidays are meant). `given` float64[N +
    K * H, R]: fields known for both, history first. `country`: its holidays count, with those of `subdivision` (needs the extra `holidays`).
    `periods`: the seasons in steps where they were asked for.
    """

    times: Ints
    ahead: Ints
    offsets: Ints
    given: F64 | None = None
    country: str | None = None
    subdivision: str | None = None
    periods: tuple[int, ...] | None = None
    _last: list[tuple[Ints, int, int, Design, Ridge]] = field(default_factory=list, compare=False)

    def of(self, part: Part) -> Calendar:
        """The same of earlier ends: what comes behind them is what came."""
        past, future = rows_of(self.offsets, part), ahead_of(self.offsets, part, self.ahead.shape[1])
        times = np.concatenate([self.times, self.ahead.reshape(-1)])
        offsets = np.concatenate([[0], np.cumsum(part.lengths)]).astype(np.int64)
        given = None if self.given is None else self.given[np.concatenate([past, future.reshape(-1)])]
        return replace(self, times=times[past], ahead=times[future], offsets=offsets, given=given, _last=[])

    def __call__(self, batch: Batch, levels: Sequence[float]) -> Outcome:
        return _fit(batch, levels, self)

    def design(self, batch: Batch, k: int) -> tuple[Design, Ridge]:
        """Of series k, as if it had no holes and no given fields; series of one calendar share it."""
        low, high = int(self.offsets[k]), int(self.offsets[k + 1])
        times = np.concatenate([self.times[low:high], self.ahead[k]])
        period = int(batch.period[k])
        if self._last:
            held_times, n, held_period, design, made = self._last[-1]
            if (n, held_period) == (high - low, period) and np.array_equal(held_times, times):
                return design, made
        design = designed(times, high - low, period, self._holidays(times), self.periods)
        made = _ridge(design.columns, design.kinds, high - low)
        self._last[:] = [(times, high - low, period, design, made)]
        return design, made

    def _holidays(self, times: Ints) -> Days | None:
        if self.country is None:
            return None
        from ..holidays import checked, table

        days = times // DAY
        found, names = table(*checked(self.country, self.subdivision), int(days.min()), int(days.max()) + 1)
        distinct = sorted(set(names))
        number = np.array([distinct.index(name) + 1 for name in names], np.int64)
        at = np.searchsorted(found, days)
        hit = (
            (at < len(found)) & (found[np.minimum(at, len(found) - 1)] == days)
            if len(found)
            else np.zeros(len(days), np.bool_)
        )
        return Days(np.where(hit, np.append(number, 0)[np.minimum(at, len(number))], 0), distinct)

    def fields(self, k: int, n: int) -> F64 | None:
        """float64[n + H, R] of series k, in standard deviations of its history; NaN where nothing is known."""
        if self.given is None or not self.given.shape[1]:
            return None
        low, horizon = int(self.offsets[k]), self.ahead.shape[1]
        future = len(self.times) + k * horizon
        rows = np.concatenate([self.given[low : low + n], self.given[future : future + horizon]])
        past = rows[:n]
        known = np.isfinite(past)
        count = np.maximum(known.sum(axis=0), 1)
        mean = np.where(known, past, 0.0).sum(axis=0) / count
        sd = np.sqrt((np.where(known, past - mean, 0.0) ** 2).sum(axis=0) / count)
        out: F64 = np.where(np.isfinite(rows), (rows - mean) / np.where(sd > 0, sd, 1.0), np.nan)
        return out


@dataclass(frozen=True, slots=True)
class Line:
    """A regression of one series, in its units: `mean`, `variance`, `trend_ahead` float64[H]; `trend`, `fitted` float64[n]."""

    mean: F64
    variance: F64
    trend: F64
    trend_ahead: F64
    fitted: F64
    sigma: float
    phi: float
    cost: float  # twice the negative log likelihood, but for a constant


@scaled
def _fit(batch: Batch, levels: Sequence[float], calendar: Calendar) -> Outcome:
    out = empty(batch, len(levels))
    for k, (low, high) in enumerate(zip(batch.offsets[:-1].tolist(), batch.offsets[1:].tolist(), strict=True)):
        y = batch.values[low:high]
        (design, made), given = calendar.design(batch, k), calendar.fields(k, high - low)
        columns, kinds = design.columns, design.kinds
        if given is not None:
            lacks = np.isnan(given)
            if lacks[high - low :].any():
                out.note[k] = "a given field is not known ahead: its mean is taken"
            y = np.where(lacks[: high - low].any(axis=1), np.nan, y)
            columns = np.concatenate([columns, np.where(lacks, 0.0, given)], axis=1)
            kinds = np.append(kinds, np.full(given.shape[1], GIVEN))
        if np.isnan(y).all():
            y = batch.values[low:high]
        if given is not None or np.isnan(y).any():
            made = _ridge(
                np.where(np.append(np.isnan(y), np.zeros(batch.horizon, np.bool_))[:, None], 0.0, columns),
                kinds,
                high - low,
            )
        line = regressed(y, columns, kinds, design, made)
        is_log = False
        if np.nanmin(y) > 0 and np.count_nonzero(~np.isnan(y)) > 4:
            logs = regressed(np.log(y), columns, kinds, design, made)
            jacobian = 2 * float(np.nansum(np.log(y)))
            is_log = logs.cost + jacobian < line.cost
            line = logs if is_log else line
        _enter(out, k, low, high, line, is_log, levels, y)
    return out


def _enter(
    out: Outcome, k: int, low: int, high: int, line: Line, is_log: bool, levels: Sequence[float], y: F64
) -> None:  # fmt: skip
    mean, trend_ahead = line.mean, line.trend_ahead
    if is_log:  # no forecast leaves what was by more than twice its range
        logs = np.log(y[~np.isnan(y)])
        reach = 2 * (logs.max() - logs.min()) + 1
        mean, trend_ahead = (np.clip(x, logs.min() - reach, logs.max() + reach) for x in (mean, trend_ahead))

    def back(x: F64) -> F64:
        return np.asarray(np.exp(x)) if is_log else x

    out.mean[k], out.trend_ahead[k] = back(mean), back(trend_ahead)
    out.trend[low:high], out.fitted[low:high] = back(line.trend), back(line.fitted)
    if np.count_nonzero(~np.isnan(y)) > 1:
        for i, level in enumerate(levels):
            z = float(normal_quantile(np.array([(1 + level) / 2]))[0])
            width = z * np.sqrt(line.variance)
            if is_log:
                width = np.minimum(width, 300.0)
            out.lower[k, i], out.upper[k, i] = back(mean - width), back(mean + width)
    out.sigma[k], out.phi[k] = line.sigma, line.phi
    out.model[k] = "calendar, log" if is_log else "calendar"


def _ridge(columns: F64, kinds: Ints, n: int) -> Ridge:
    penalty = np.array([PRIOR.get(kind, 1.0) for kind in kinds.tolist()])
    return ridge(columns[:n], columns[n:], kinds == BEND, penalty)


def regressed(y: F64, columns: F64, kinds: Ints, design: Design, made: Ridge) -> Line:
    """`y` float64[n], NaN where nothing is known; one value at least. `columns` float64[n + H, p]; `made`: of the rows that are known,
    the others 0. O(n p + p^2)."""
    n = len(y)
    known = np.flatnonzero(~np.isnan(y))
    centre, unit = float(np.mean(y[known])), float(np.std(y[known]))
    h = np.arange(1, len(columns) - n + 1, dtype=np.float64)
    if unit <= 1e-12 * abs(centre) or len(known) < 3:
        last = centre if len(known) >= 3 else float(y[known[-1]])
        flat = np.full(n, last)
        return Line(
            np.full(len(h), last), unit * unit * h, flat, np.full(len(h), last), flat.copy(), unit, 0.0, -np.inf
        )
    target = np.zeros(n)
    target[known] = (y[known] - centre) / unit
    moments = made.moments(target)
    noise, phi, size = 0.25, 0.0, np.full(len(made.bends), BEND_SCALE)
    for _ in range(ROUNDS):
        penalty = noise * (1 + phi) / (1 - phi) / (BEND_SCALE * np.maximum(size, BEND_SCALE / 20))
        beta = made.solved(*moments, penalty)
        rest = target[known] - made.past.times(beta)[known]
        size = np.abs(beta[made.bends])
        noise = max(float(np.sum(rest * rest)) / max(len(known) - 2, 1), 1e-12)
        phi = _phi(rest, known)
    told, used = made.told(penalty)
    sigma2 = float(np.sum(rest * rest)) / max(len(known) - used, 1.0)
    since = n - 1 - int(known[-1])
    ahead = made.ahead.times(beta)
    own = sigma2 * (1 - phi ** (2.0 * (h + since)))
    slopes = 2 * float(np.mean(size)) ** 2 if len(size) else 0.0
    variance = (
        own
        + sigma2 * (1 + phi) / (1 - phi) * told
        + design.rate * slopes * np.maximum(design.time[n:] - 1, 0.0) ** 3 / 3
    )
    is_trend = (kinds == CONSTANT) | (kinds == SLOPE) | (kinds == BEND)
    trend = np.einsum("ij,j->i", columns, np.where(is_trend, beta, 0.0))  # BLAS would start threads for it
    fit = np.einsum("ij,j->i", columns, beta)
    fitted, errors = _followed(fit[:n], rest, known, phi)
    innovation = float(np.sum(errors * errors)) / len(known)
    return Line(
        centre + unit * (ahead + phi ** (h + since) * rest[-1]), unit * unit * variance, centre + unit * trend[:n], centre + unit * trend[n:],
        centre + unit * fitted, unit * float(np.sqrt(sigma2 * (1 - phi * phi))), phi,
        len(known) * float(np.log(max(innovation, 1e-24) * unit * unit)),
    )  # fmt: skip


def _followed(fitted: F64, rest: F64, known: Ints, phi: float) -> tuple[F64, F64]:
    """With what the error of the step before tells: the fit, and the errors that are left."""
    before = np.flatnonzero(np.diff(known) == 1)
    fitted[known[before + 1]] += phi * rest[before]
    errors = rest.copy()
    errors[before + 1] -= phi * rest[before]
    return fitted, errors


def _phi(rest: F64, known: NDArray[np.int64]) -> float:
    """The autocorrelation of neighbours, 0 at least."""
    pairs = np.flatnonzero(np.diff(known) == 1)
    total = float(np.sum(rest * rest))
    if total <= 0 or len(pairs) < 3:
        return 0.0
    return min(max(float(np.sum(rest[pairs] * rest[pairs + 1])) / total, 0.0), MOST_PHI)
