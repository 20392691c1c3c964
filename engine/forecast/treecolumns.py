"""What trees look at of a step: values before it about their level, its place in the calendar, and columns as they are given.

The same columns are made of every step that was, at once, and of the next step of all series, one after the other.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

import numpy as np

from ...planner.records import dataclass
from .batch import F64, Batch, Ints
from .calendardesign import DAY
from .ragged import running, series, within

NEAR = 7  # lags 1 .. NEAR


class View(Protocol):
    """What was before some steps: `lag(1)` is the value just before each."""

    def lag(self, n: int) -> F64: ...
    def mean(self, n: int) -> F64: ...
    def spread(self, n: int) -> F64: ...


class Past:
    """Of every step of a batch without holes."""

    def __init__(self, batch: Batch) -> None:
        self._values, self._step = batch.values, within(batch)
        self._sums, self._squares = running(batch, batch.values), running(batch, batch.values * batch.values)

    def lag(self, n: int) -> F64:
        return np.where(self._step >= n, self._values[np.maximum(np.arange(len(self._values)) - n, 0)], np.nan)

    def _mean(self, sums: F64, n: int) -> F64:
        at = np.arange(len(sums))
        total = np.where(self._step > 0, sums[at - 1], np.nan) - np.where(
            self._step > n, sums[np.maximum(at - 1 - n, 0)], 0.0
        )
        return np.asarray(total / np.clip(self._step, 1, n))

    def mean(self, n: int) -> F64:
        return self._mean(self._sums, n)

    def spread(self, n: int) -> F64:
        mean = self._mean(self._sums, n)
        return np.sqrt(np.maximum(self._mean(self._squares, n) - mean * mean, 0.0))


class Tail:
    """Of the next step of each series: `values` float64[K, W], the last W, NaN before the first."""

    def __init__(self, values: F64) -> None:
        self.values = values

    def lag(self, n: int) -> F64:
        return self.values[:, -n] if n <= self.values.shape[1] else np.full(len(self.values), np.nan)

    def _mean(self, values: F64, n: int) -> F64:
        total, count = np.zeros(len(values)), np.zeros(len(values))
        for i in range(1, min(n, values.shape[1]) + 1):
            has = ~np.isnan(values[:, -i])
            total += np.where(has, values[:, -i], 0.0)
            count += has
        return np.asarray(total / count)

    def mean(self, n: int) -> F64:
        return self._mean(self.values, n)

    def spread(self, n: int) -> F64:
        mean = self.mean(n)
        return np.sqrt(np.maximum(self._mean(self.values * self.values, n) - mean * mean, 0.0))


@dataclass(frozen=True, slots=True)
class Shape:
    """Which columns there are: the same of steps that were and of steps ahead."""

    level: int
    lags: tuple[int, ...]
    windows: tuple[int, ...]
    parts: tuple[str, ...]  # of the time of a step

    @property
    def width(self) -> int:
        return max(self.level, *self.lags, *self.windows)

    def columns(self, view: View, level: F64, unit: F64, clock: Ints | None, fixed: Sequence[F64]) -> Iterator[F64]:
        """`level`, `unit`: of each row. `clock`: its time in microseconds. `fixed`: columns as they are."""
        for lag in self.lags:
            yield (view.lag(lag) - level) / unit
        for window in self.windows:
            yield (view.mean(window) - level) / unit
            yield view.spread(window) / unit
        yield level / unit
        if clock is not None:
            for part in self.parts:
                yield _clock(clock, part)
        yield from fixed


def _clock(us: Ints, part: str) -> F64:
    days = us // DAY
    match part:
        case "weekday":
            made = (days + 3) % 7
        case "hour":
            made = us % DAY // (DAY // 24)
        case "minute":
            made = us % DAY // (DAY // 1440)
        case "day":
            dates = days.astype("datetime64[D]")
            made = (dates - dates.astype("datetime64[M]").astype("datetime64[D]")).astype(np.int64)
        case _:
            dates = days.astype("datetime64[D]")
            made = (dates - dates.astype("datetime64[Y]").astype("datetime64[D]")).astype(np.int64)
    return made.astype(np.float64)


def shape_of(batch: Batch, seasons: Sequence[int], times: Ints | None) -> Shape:
    """`seasons`: lengths in steps that any series has; `times` int64[N]."""
    longest = int(np.diff(batch.offsets).max(initial=1))
    found = sorted({p for p in [*seasons, *np.unique(batch.period).tolist()] if 1 < p <= longest // 2})
    lags = {*range(1, min(NEAR, longest) + 1), *found, *(2 * p for p in found), *(p + 1 for p in found)}
    level = min(2 * found[0] if found else 8, longest)
    windows = {min(3, longest), level, *found, min(4 * level, longest)}
    parts: tuple[str, ...] = ()
    if times is not None and len(times) > 1:
        step = int(np.median(np.diff(times)[np.diff(series(batch)) == 0])) if longest > 1 else DAY
        parts = ("yearday", *(("day", "weekday") if step <= DAY else ()), *(("hour",) if step < DAY else ()))
        parts += ("minute",) if step < DAY // 24 else ()
    return Shape(level, tuple(sorted(lag for lag in lags if lag <= longest)), tuple(sorted(windows)), parts)
