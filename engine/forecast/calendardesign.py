"""The columns that a series is explained by over the calendar: a trend that bends, seasons as Fourier terms, holidays, given fields."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ...planner.records import dataclass
from .batch import F64, Ints

DAY = 86_400_000_000  # microseconds
WEEK, YEAR = 7 * DAY, 365.25 * DAY
BENDS, PART = 25, 0.8  # change points, over this part of the history, as Prophet has them
ORDERS = {"year": 10, "week": 3, "day": 6, "period": 5}  # Fourier terms at most
CONSTANT, SLOPE, BEND, SEASON, HOLIDAY, GIVEN = range(6)  # kinds of columns, each with a prior of its own


@dataclass(frozen=True, slots=True)
class Design:
    """`columns` float64[n + H, p]; `kinds` int64[p]. `rate`: change points in a unit of the trend's time, which is the history's length."""

    columns: F64
    kinds: Ints
    time: F64
    rate: float


@dataclass(frozen=True, slots=True)
class Days:
    """Holidays: of each step a number 1 .. of its name, 0 where there is none."""

    number: Ints
    names: Sequence[str]


def designed(
    times: Ints, n: int, period: int, holidays: Days | None, periods: Sequence[int] | None = None
) -> Design:  # fmt: skip
    """`times` int64[n + H]: wall time in microseconds, of `n` steps that were and those ahead. `periods`: the seasons in steps, where
    they were asked for; None: year, week and day, and `period` if it is none of these."""
    step = int(np.median(np.diff(times))) if len(times) > 1 else DAY
    span = int(times[n - 1] - times[0]) + step
    time = (times - times[0]) / max(int(times[n - 1] - times[0]), 1)
    made: list[tuple[int, F64]] = [(CONSTANT, np.ones((len(times), 1))), (SLOPE, time[:, None])]
    n_bends = min(BENDS, n // 4)
    if n_bends:
        at = np.rint(np.linspace(0, max(int(n * PART) - 1, 0), n_bends + 1)).astype(np.int64)[1:]
        made.append((BEND, np.maximum(time[:, None] - time[at], 0.0)))
    lengths = {"year": YEAR, "week": float(WEEK), "day": float(DAY)}
    shown = {name: length for name, length in lengths.items() if step * 2 < length and span >= 2 * length * 0.998}
    own = float(period * step)
    if periods is not None:
        shown = {f"period {p}": float(p * step) for p in periods if n >= 2 * p}
    elif period > 1 and n >= 2 * period and all(abs(own / length - 1) > 0.05 for length in lengths.values()):
        shown["period"] = own
    for name, length in shown.items():
        made.append((SEASON, fourier(times, length, _order(name, length, step))))
    off = np.zeros(len(times), np.bool_) if holidays is None else holidays.number > 0
    if "day" in shown and "week" in shown:
        weekend = (times // DAY + 3) % 7 >= 5  # the first of January 1970 was a Thursday
        free = (off | weekend)[:, None]
        made.append((SEASON, np.where(free, fourier(times, float(DAY), _order("day", float(DAY), step)), 0.0)))
    if holidays is not None and step <= DAY:
        made.extend(_holidays(holidays, n))
    kinds = np.concatenate([np.full(columns.shape[1], kind) for kind, columns in made])
    return Design(np.concatenate([columns for _, columns in made], axis=1), kinds, time, n_bends / PART)


def _order(name: str, length: float, step: int) -> int:
    return max(1, min(ORDERS.get(name, ORDERS["period"]), int((length / step - 0.5) / 2)))


def fourier(times: Ints, length: float, order: int) -> F64:
    """sin and cos of 1 .. order turns in a length."""
    turn = 2 * np.pi * np.mod(times, length)[:, None] / length * np.arange(1, order + 1)
    return np.concatenate([np.sin(turn), np.cos(turn)], axis=1)


def _holidays(days: Days, n: int) -> list[tuple[int, F64]]:
    """One column for any holiday, and one for each name that the history has: a name that it lacks is any holiday."""
    seen = np.unique(days.number[:n][days.number[:n] > 0])
    if not len(seen):
        return []
    any_: NDArray[np.bool_] = days.number > 0
    return [(HOLIDAY, np.concatenate([any_[:, None], days.number[:, None] == seen], axis=1).astype(np.float64))]
