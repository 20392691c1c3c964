"""Which step a series has, and where its rows stand on the grid of that step."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ...planner.records import dataclass
from ..calendar import civil_of_day, to_local
from ..zones import US

Ints = NDArray[np.int64]
ON_GRID = 0.8  # the part of the rows that must lie on one grid
NEAR = 4  # a time belongs to a point of the grid if it is within 1/NEAR of a step
SPARSE = 2  # cells for each row, at most


@dataclass(frozen=True, slots=True)
class Grid:
    """Cell numbers from 0 of rows in order of time. The step: calendar months, or ticks; both 0: rows without times."""

    cells: Ints
    months: int = 0
    ticks: int = 0

    @property
    def n(self) -> int:
        return int(self.cells[-1]) + 1 if len(self.cells) else 0


def by_rows(n: int) -> Grid:
    """Each row is one step."""
    return Grid(np.arange(n))


def by_time(times: Ints, zone: str, ticks_per_s: int = US) -> Grid | None:
    """`times`: ascending instants, one or more. None: fewer than 80 % of them lie on one grid.

    The step is the commonest distance of different times (the least of equally common ones). Times of one day of the
    month and one time of the day, by the wall clock of the zone, step in months.
    """
    different = np.unique(times)
    if len(different) < 2:
        return Grid(np.zeros(len(times), np.int64), ticks=1)
    monthly = _monthly(different, times, zone, ticks_per_s)
    if monthly is not None:
        return monthly
    gaps, counts = np.unique(np.diff(different), return_counts=True)
    step = int(gaps[np.argmax(counts)])
    phase = _phase(times, step)
    cells = (times - phase + step // 2) // step
    off = np.abs(times - phase - cells * step)
    if np.count_nonzero(NEAR * off <= step) < ON_GRID * len(times):
        return None
    return Grid(cells - cells[0], ticks=step)


def _phase(times: Ints, step: int) -> int:
    """Where the grid stands: where most times stand; the first time's place if they scatter."""
    places, counts = np.unique(times % step, return_counts=True)
    best = int(np.argmax(counts))
    return int(places[best]) if counts[best] * 5 >= len(times) else int(times[0] % step)


def _monthly(different: Ints, times: Ints, zone: str, ticks_per_s: int) -> Grid | None:
    if int(np.diff(different).min()) < 27 * 86_400 * ticks_per_s:
        return None
    day_ticks = 86_400 * ticks_per_s
    walls = to_local(times, zone, ticks_per_s)
    years, months, days = civil_of_day(walls // day_ticks)
    if (days != days[0]).any() or (walls % day_ticks != walls[0] % day_ticks).any():
        return None
    number = years * 12 + months
    gaps, counts = np.unique(np.diff(np.unique(number)), return_counts=True)
    step = int(gaps[np.argmax(counts)])
    cells = (number - number[0]) // step
    on = (number - number[0]) % step == 0
    return Grid(cells, months=step) if np.count_nonzero(on) >= ON_GRID * len(times) else None


def steps_in(grid: Grid, months: int, ticks: int) -> int | None:
    """How many steps a length is: None where they do not make it up. Of fixed steps months are of no whole number."""
    whole, step = (months, grid.months) if months else (ticks, grid.ticks)
    return whole // step if step and whole % step == 0 else None
