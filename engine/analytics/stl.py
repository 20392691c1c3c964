"""Trend, seasons and what is left: STL (Cleveland, Cleveland, McRae & Terpenning 1990) and MSTL (Bandara, Hyndman & Bergmeir
2021) as statsmodels computes them, over grids with holes; a series without a period by LOESS (Cleveland 1979).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

F64 = NDArray[np.float64]
Ints = NDArray[np.int64]
TREND_SHARE = 3  # a trend without seasons looks at a third of the points
LEAST_SPAN = 7
MSTL_ROUNDS = 2
FILLS = 3  # times that holes are filled anew
LARGE = 2000  # points from which lines are drawn between places, as the paper says


@dataclass(frozen=True, slots=True)
class Parts:
    """Of each cell of the grid; one season for each period."""

    trend: F64
    seasons: tuple[F64, ...]


def decompose(grid: F64, periods: Sequence[int], robust: bool) -> Parts:
    """`grid`: one value a step, NaN where none is known (the first and the last are). `periods`: ascending, each 2 or
    more and twice within the grid; none: no season.

    Holes are filled by a line between their neighbours; with seasons, three times more by the line between what is left of the
    neighbours without their season (as Hyndman & Khandakar's `na.interp` does once), since a line alone would flatten the season.
    """
    holes = np.isnan(grid)
    filled = _lines(grid, holes)
    if not periods:
        return Parts(_loess(filled, robust), ())
    made = _seasonal(filled, periods, robust)
    for _ in range(FILLS if holes.any() else 0):
        season = np.sum(made.seasons, axis=0)
        filled = np.where(holes, _lines(grid - season, holes) + season, grid)
        made = _seasonal(filled, periods, robust)
    return made


def _lines(values: F64, holes: NDArray[np.bool_]) -> F64:
    if not holes.any():
        return values
    at = np.flatnonzero(~holes)
    return np.interp(np.arange(len(values)), at, values[at])


def _seasonal(values: F64, periods: Sequence[int], robust: bool) -> Parts:
    """MSTL takes out one season after the other, twice over, with ever wider windows; of one period it is STL."""
    from statsmodels.tsa.seasonal import STL

    if len(periods) == 1:
        one = STL(values, period=periods[0], robust=robust).fit()
        return Parts(np.asarray(one.trend), (np.asarray(one.seasonal),))
    seasons = [np.zeros(len(values)) for _ in periods]
    rest, trend = values, values
    for _ in range(MSTL_ROUNDS):
        for i, period in enumerate(periods):
            rest = rest + seasons[i]
            made = STL(rest, period=period, seasonal=7 + 4 * (i + 1), robust=robust).fit()
            seasons[i], trend = np.asarray(made.seasonal), np.asarray(made.trend)
            rest = rest - seasons[i]
    return Parts(trend, tuple(seasons))


def _loess(values: F64, robust: bool) -> F64:
    from statsmodels.nonparametric.smoothers_lowess import lowess

    n = len(values)
    share = min(1.0, max(LEAST_SPAN, -(-n // TREND_SHARE)) / n)
    skip = 0.005 * n if n > LARGE else 0.0
    x = np.arange(n, dtype=np.float64)
    made = lowess(values, x, frac=share, it=3 if robust else 0, delta=skip, is_sorted=True, return_sorted=False)
    return np.asarray(made, np.float64)
