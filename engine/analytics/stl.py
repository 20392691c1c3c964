"""Trend, seasons and what is left of grids with holes; a series without a period by LOESS (Cleveland 1979)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ...planner.records import dataclass
from .seasonal import Effort, mstl

F64 = NDArray[np.float64]
TREND_SHARE = 3  # a trend without seasons looks at a third of the points
LEAST_SPAN = 7
FILLS = 3  # times that holes are filled anew
LARGE = 2000  # points from which lines are drawn between places, as the paper says


@dataclass(frozen=True, slots=True)
class Parts:
    """Of each cell of the grid; one season for each period."""

    trend: F64
    seasons: tuple[F64, ...]


def decompose(grids: Sequence[F64], periods: Sequence[Sequence[int]], effort: Effort) -> list[Parts]:
    """`grids`: of each series one value a step, NaN where none is known (the first and the last are). `periods`: of each ascending, each
    2 or more and twice within the grid; none: no season.

    A series of one value is its own trend, without rests of rounding. Holes are filled by a line between their neighbours; with seasons, three times more by the line between what is left of the
    neighbours without their season (as Hyndman & Khandakar's `na.interp` does once), since a line alone would flatten the season.
    """
    flat = {i: float(grid[0]) for i, grid in enumerate(grids) if np.nanmin(grid) == np.nanmax(grid)}
    rest = [i for i in range(len(grids)) if i not in flat]
    made = iter(_decomposed([grids[i] for i in rest], [periods[i] for i in rest], effort))
    return [
        Parts(np.full(len(grid), flat[i]), tuple(np.zeros(len(grid)) for _ in periods[i])) if i in flat else next(made)
        for i, grid in enumerate(grids)
    ]


def _decomposed(grids: Sequence[F64], periods: Sequence[Sequence[int]], effort: Effort) -> list[Parts]:
    holes = [np.isnan(grid) for grid in grids]
    filled = [_lines(grid, gaps) for grid, gaps in zip(grids, holes, strict=True)]
    made = _parts(filled, periods, effort)
    again = [i for i, gaps in enumerate(holes) if periods[i] and gaps.any()]
    for _ in range(FILLS if again else 0):
        for i in again:
            season = np.sum(made[i].seasons, axis=0)
            filled[i] = np.where(holes[i], _lines(grids[i] - season, holes[i]) + season, grids[i])
        for i, part in zip(again, _parts([filled[i] for i in again], [periods[i] for i in again], effort), strict=True):
            made[i] = part
    return made


def _lines(values: F64, holes: NDArray[np.bool_]) -> F64:
    if not holes.any():
        return values
    at = np.flatnonzero(~holes)
    return np.interp(np.arange(len(values)), at, values[at])


def _parts(series: Sequence[F64], periods: Sequence[Sequence[int]], effort: Effort) -> list[Parts]:
    made: list[Parts | None] = [None] * len(series)
    seasonal = [i for i, p in enumerate(periods) if p]
    if seasonal:
        offsets = np.append(0, np.cumsum([len(series[i]) for i in seasonal]))
        found = mstl(np.concatenate([series[i] for i in seasonal]), offsets, [periods[i] for i in seasonal], effort)
        for k, i in enumerate(seasonal):
            own = slice(int(offsets[k]), int(offsets[k + 1]))
            made[i] = Parts(found.trend[own], tuple(s[own] for s in found.seasons[: len(periods[i])]))
    out = []
    for values, part in zip(series, made, strict=True):
        if part is None:
            effort.check()
            part = Parts(_loess(values, effort.robust), ())
        out.append(part)
    return out


def _loess(values: F64, robust: bool) -> F64:
    from statsmodels.nonparametric.smoothers_lowess import lowess

    n = len(values)
    share = min(1.0, max(LEAST_SPAN, -(-n // TREND_SHARE)) / n)
    skip = 0.005 * n if n > LARGE else 0.0
    x = np.arange(n, dtype=np.float64)
    made = lowess(values, x, frac=share, it=3 if robust else 0, delta=skip, is_sorted=True, return_sorted=False)
    return np.asarray(made, np.float64)
