"""`stl`: trend, seasons and remainder of each group, in order of time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from ....planner import ast
from ....planner.records import dataclass
from ...analytics.grid import SPARSE, Grid, by_rows, by_time, steps_in
from ...analytics.period import NATURAL, NATURAL_MONTHS, found_period
from ...analytics.seasonal import Effort
from ...analytics.stl import decompose
from ...zones import NS, US
from .evaluation import Evaluation, Made
from .segment import I64
from .whole import WholeFunction, doubles_out

LEAST = 4  # values a group
CELLS = 1 << 18  # of the groups that are decomposed at once
F64 = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Wanted:
    """A period: steps, or a length of time."""

    steps: int = 0
    months: int = 0
    us: int = 0


@dataclass(frozen=True, slots=True)
class Series:
    """A group on its grid: NaN where a step has no value; the places of its live rows, and the cell of each."""

    grid: F64
    periods: Sequence[int]
    low: int
    live: I64
    cells: I64


class Refused(Exception):
    """Why a group is not decomposed."""


@dataclass(frozen=True, slots=True)
class Decompose(WholeFunction):
    """`periods` None: found in the data; empty: none. Columns: trend, error, season 0, season 1, ..."""

    periods: tuple[Wanted, ...] | None = None
    robust: bool = False

    def columns(self, ev: Evaluation) -> Mapping[str, Made]:
        names = ("trend", "error", *(f"season {i}" for i in range(1 if self.periods is None else len(self.periods))))
        outs = {name: np.full(ev.n, np.nan) for name in names}
        values, mask = ev.doubles(), ev.mask(0)
        good = np.isfinite(values) if mask is None else np.isfinite(values) & mask
        held: list[Series] = []
        n_cells = 0
        for low, high in self.groups(ev):
            live = np.flatnonzero(good[low:high]) + low
            if not len(live):
                continue  # its rows are counted as they came
            try:
                held.append(self._series(ev, values, live, low, high))
            except Refused as why:
                self.told.drop(str(why), len(live), self.keys(ev, low))
                continue
            n_cells += len(held[-1].grid)
            if n_cells >= CELLS:
                self._decompose(ev, values, held, outs)
                held, n_cells = [], 0
        self._decompose(ev, values, held, outs)
        return {name: doubles_out(out) for name, out in outs.items()}

    def _decompose(self, ev: Evaluation, values: F64, held: Sequence[Series], outs: Mapping[str, F64]) -> None:
        effort = Effort(self.robust, stop=ev.ctx.stop if ev.ctx.compiled else None, check=ev.ctx.check)
        with np.errstate(all="ignore"):
            made = decompose([s.grid for s in held], [s.periods for s in held], effort)
        for series, parts in zip(held, made, strict=True):
            if not all(np.isfinite(part).all() for part in (parts.trend, *parts.seasons)):
                self.told.drop("values too large", len(series.live), self.keys(ev, series.low))
                continue
            live, cells = series.live, series.cells
            outs["trend"][live] = parts.trend[cells]
            rest = values[live] - parts.trend[cells]
            for i, season in enumerate(parts.seasons):
                outs[f"season {i}"][live] = season[cells]
                rest = rest - season[cells]
            outs["error"][live] = rest

    def _series(self, ev: Evaluation, values: F64, live: I64, low: int, high: int) -> Series:
        """The group's grid. Rows without a value hold their place in it."""
        if len(live) < LEAST:
            raise Refused(f"fewer than {LEAST} values")
        grid = self._grid(ev, low, high)
        cells = grid.cells[live - low] - grid.cells[live[0] - low]
        n = int(cells[-1]) + 1
        if n > SPARSE * len(live) + LEAST:
            raise Refused("more than half of the steps have no value")
        series, held = _on_grid(values[live], cells, n)
        self.told.count("rows of one time: their mean was decomposed", len(live) - held)
        self.told.count("steps without a value: filled for the fit", n - held)
        return Series(series, self._periods(series, grid), low, live, cells)

    def _grid(self, ev: Evaluation, low: int, high: int) -> Grid:
        if ev.time is None:
            return by_rows(high - low)
        grid = by_time(ev.time[low:high], ev.ctx.settings.timezone, NS if ev.ns else US)
        if grid is None:
            raise Refused("times on no one grid")
        return grid if ev.ns or not grid.ticks else Grid(grid.cells, 0, grid.ticks * 1000)

    def _periods(self, series: F64, grid: Grid) -> Sequence[int]:
        """In steps, ascending."""
        if self.periods is None:
            filled = np.interp(np.arange(len(series)), np.flatnonzero(~np.isnan(series)), series[~np.isnan(series)])
            found = found_period(filled, natural(grid))
            self.told.choose(f"no period found{_step(grid)}" if found is None else f"period {found}{_step(grid)}")
            return () if found is None else (found,)
        made = []
        for wanted in self.periods:
            steps = wanted.steps or steps_in(grid, wanted.months, wanted.us * 1000)
            if steps is None or steps < 2:
                raise Refused(f"the period is not two or more whole steps{_step(grid)}")
            if 2 * steps > len(series):
                raise Refused(f"fewer than two periods of {steps} steps")
            made.append(steps)
        if made and (grid.months or grid.ticks):
            self.told.choose(f"period {', '.join(map(str, made))}{_step(grid)}")
        return made


def _on_grid(values: F64, cells: I64, n: int) -> tuple[F64, int]:
    """The mean of each cell, NaN where it has none; and how many have one."""
    counts = np.bincount(cells, minlength=n)
    held = int(np.count_nonzero(counts))
    if held == len(values):
        series = np.full(n, np.nan)
        series[cells] = values
        return series, held
    sums = np.bincount(cells, weights=values, minlength=n)
    with np.errstate(invalid="ignore"):
        return sums / counts, held


def natural(grid: Grid) -> tuple[int, ...]:
    """Periods that people live by, in steps of this grid (its ticks are nanoseconds)."""
    if grid.months:
        return NATURAL_MONTHS.get(grid.months, ())
    seconds, odd = divmod(grid.ticks, NS)
    return () if odd else NATURAL.get(seconds, ())


def _step(grid: Grid) -> str:
    if not grid.months and not grid.ticks:
        return ""
    return f", step {ast.Duration(months=grid.months, ns=grid.ticks).text()}"
