"""Trend and seasons of many series: STL (Cleveland, Cleveland, McRae & Terpenning 1990) and MSTL (Bandara, Hyndman & Bergmeir 2021).

Windows are those that statsmodels gives them (0.14), and so are the steps, which go back to the authors' program.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from ...planner.records import dataclass
from .loess import Lines

F64 = NDArray[np.float64]
I64 = NDArray[np.int64]
Ints = Sequence[int] | I64
SEASON = 7  # cycles that a season looks at
ROUNDS = 2  # of MSTL
CELLS = 1 << 17  # of series that the general path works on side by side
ROUNDING = 1e-12  # part of the greatest value that counts as what rounding left


@dataclass(frozen=True, slots=True)
class Effort:
    """`robust`: values far from their season and trend weigh less; `jumps`: of the season's, the trend's, the low-pass lines.

    `stop`: kernels may be used; the byte that ends them early. `check`: raises when it is set.
    """

    robust: bool = False
    jumps: tuple[int, int, int] = (1, 1, 1)
    stop: NDArray[np.uint8] | None = None
    check: Callable[[], None] = lambda: None

    @property
    def loops(self) -> tuple[int, int]:
        """Inner and outer."""
        return (2, 15) if self.robust else (5, 0)


@dataclass(frozen=True, slots=True)
class Decomposed:
    """Of each value; `seasons`: one for each period, 0 in series that have fewer. `weight`: 1 but where `robust`."""

    trend: F64
    seasons: tuple[F64, ...]
    weight: F64


def stl(values: F64, offsets: I64, periods: Ints, effort: Effort, season: int = SEASON) -> Decomposed:
    """Series k is `offsets[k] .. offsets[k + 1]` of `values` (finite), its period 2 or more and twice within it.

    `season`: span of the season's lines, odd, 3 or more. Time: values * spans (of trend and low-pass about 2 and 1 periods), by the jumps.
    """
    every = np.asarray(periods, np.int64)
    spans = np.stack([np.full(len(every), season), *_spans(every, season)], axis=1)
    made = Decomposed(np.empty(len(values)), (np.empty(len(values)),), np.empty(len(values)))
    inner, outer = effort.loops
    if effort.stop is not None:
        from ..kernels import stl as kernel

        kernel.decompose(
            values, offsets, every, np.ascontiguousarray(spans.reshape(-1)), inner, outer, np.array(effort.jumps, np.int64),
            made.trend, made.seasons[0], made.weight, effort.stop,
        )  # fmt: skip
        effort.check()
        return made
    for which, period, span in _alike(np.diff(offsets), every, spans):
        rows = offsets[which] + np.arange(int(offsets[which[0] + 1] - offsets[which[0]]))[:, None]
        found = _decomposed(values[rows], period, span, effort)
        made.trend[rows], made.seasons[0][rows], made.weight[rows] = found
    return made


def _alike(sizes: I64, periods: I64, spans: I64) -> Iterator[tuple[NDArray[np.intp], int, list[int]]]:
    """Series of one size and period, some at a time, which are worked on side by side."""
    _, kind = np.unique(np.stack([sizes, periods], axis=1), axis=0, return_inverse=True)
    order = np.argsort(kind.reshape(-1), kind="stable")
    for alike in np.split(order, np.flatnonzero(np.diff(kind.reshape(-1)[order])) + 1):
        if len(alike):
            step = max(1, CELLS // int(sizes[alike[0]]))
            for i in range(0, len(alike), step):
                yield alike[i : i + step], int(periods[alike[0]]), spans[alike[0]].tolist()


def mstl(values: F64, offsets: I64, periods: Sequence[Ints], effort: Effort) -> Decomposed:
    """As `stl`, of several periods a series, ascending: one season after the other is taken out, twice over, with ever wider windows.

    Series with one period are those of `stl`.
    """
    n_periods = np.array([len(p) for p in periods], np.int64)
    seasons = tuple(np.zeros(len(values)) for _ in range(int(n_periods.max(initial=0))))
    out = Decomposed(values.copy(), seasons, np.ones(len(values)))
    one = np.flatnonzero(n_periods == 1)
    if len(one):
        _put(
            out,
            0,
            one,
            values,
            offsets,
            stl(*_taken(values, offsets, one), [int(periods[k][0]) for k in one.tolist()], effort),
        )
    rest = values.copy()
    for _ in range(ROUNDS):
        for i in range(len(seasons)):
            mine = np.flatnonzero(n_periods > max(1, i))
            if not len(mine):
                continue
            rest += seasons[i]
            part, cuts = _taken(rest, offsets, mine)
            made = stl(part, cuts, [int(periods[k][i]) for k in mine.tolist()], effort, SEASON + 4 * (i + 1))
            _put(out, i, mine, values, offsets, made)
            rest -= seasons[i]
    return out


def _rows(offsets: I64, which: NDArray[np.intp]) -> I64:
    sizes = np.diff(offsets)[which]
    ends = np.cumsum(sizes)
    rows: I64 = np.arange(int(sizes.sum())) + np.repeat(offsets[which] - (ends - sizes), sizes)
    return rows


def _taken(values: F64, offsets: I64, which: NDArray[np.intp]) -> tuple[F64, I64]:
    """Some of the series, one behind the other."""
    sizes = np.diff(offsets)[which]
    if len(which) == len(offsets) - 1:
        return values, offsets
    return values[_rows(offsets, which)], np.append(0, np.cumsum(sizes))


def _put(out: Decomposed, i: int, which: NDArray[np.intp], values: F64, offsets: I64, made: Decomposed) -> None:
    rows = _rows(offsets, which)
    out.trend[rows], out.seasons[i][rows], out.weight[rows] = made.trend, made.seasons[0], made.weight


def _spans(periods: I64, season: int) -> tuple[I64, I64]:
    """Of the trend's and the low-pass lines: the least odd numbers from 1.5 periods / (1 - 1.5 / season) on, and above the period."""
    trend = np.ceil(1.5 * periods / (1 - 1.5 / season)).astype(np.int64)
    return trend | 1, (periods + 1) | 1


def _decomposed(y: F64, period: int, spans: Sequence[int], effort: Effort) -> tuple[F64, F64, F64]:
    """A series a column."""
    n, wide = y.shape
    of_season, of_trend, of_low = (
        Lines(span, beyond, jump, effort.check)
        for span, beyond, jump in zip(spans, (1, 0, 0), effort.jumps, strict=True)
    )
    inner, outer = effort.loops
    trend, season, weight = np.zeros_like(y), np.zeros_like(y), np.ones_like(y)
    lost = np.zeros(wide, np.bool_)
    with np.errstate(all="ignore"):
        for loop in range(outer + 1):
            weighs = weight.reshape(-1) if loop else None
            for _ in range(inner):
                cycle = of_season.smooth((y - trend).reshape(-1), period * wide, weighs).reshape(-1, wide)
                low = of_low.smooth(_mean(_mean(_mean(cycle, period), period), 3).reshape(-1), wide)
                season = cycle[period : period + n] - low.reshape(-1, wide)
                trend = of_trend.smooth((y - season).reshape(-1), wide, weighs).reshape(-1, wide)
            if loop < outer:
                left = np.abs(y - (trend + season))
                lost |= ~np.isfinite(left).all(axis=0)
                weight = _bisquare(left, np.abs(y).max(axis=0))
    for part in (trend, season, weight):
        part[:, lost] = np.nan
    return trend, season, weight


def _mean(values: F64, size: int) -> F64:
    """Of each `size` neighbours, by a running sum."""
    steps = np.concatenate([np.cumsum(values[:size], axis=0)[-1:], values[size:] - values[:-size]])
    out: F64 = np.cumsum(steps, axis=0) / float(size)
    return out


def _bisquare(left: F64, largest: F64) -> F64:
    """1 - (r / 6 medians)^2, squared. Where most is left only what rounding left, the greatest value counts instead of the medians."""
    n = len(left)
    two = np.partition(left, [n // 2, n - n // 2 - 1], axis=0)
    most = np.maximum(3.0 * (two[n // 2] + two[n - n // 2 - 1]), ROUNDING * largest)
    u = left / most
    t = 1.0 - u * u
    return np.where((most == 0.0) | (left <= 0.001 * most), 1.0, np.where(left <= 0.999 * most, t * t, 0.0))
