"""From a piece of series to what its models say: which model goes on with which series, and what holds for all of them."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from .asked import Asked
from .batch import F64, Batch, Ints, Outcome


@dataclass(frozen=True, slots=True)
class Work:
    """K series of one horizon. `periods`: all seasons of each; `batch.period` has the first, or 1. `least` float64[K]: the least value
    of each. `lead` float64[K]: the lead time in steps. `times` int64[N], `times_ahead` int64[K, H]: instants in ticks, where a
    model wants them. `beside`: float64[R, N] and float64[R, K, H] of other fields."""

    batch: Batch
    periods: list[tuple[int, ...]]
    least: F64
    lead: F64 | None = None
    times: Ints | None = None
    times_ahead: Ints | None = None
    beside: tuple[F64, F64] | None = None
    ticks: int = 10**6

    @staticmethod
    def of(
        values: F64, offsets: Ints, periods: list[tuple[int, ...]], keys: NDArray[np.uint64], horizon: int, *, least: F64,
        lead: F64 | None, times: Ints | None, times_ahead: Ints | None, beside: tuple[F64, F64] | None, ticks: int,
    ) -> Work:  # fmt: skip
        first = np.array([p[0] if p else 1 for p in periods], np.int64)
        ahead = None if times_ahead is None else times_ahead.reshape(-1, horizon)
        return Work(Batch(values, offsets, first, keys, horizon), periods, least, lead, times, ahead, beside, ticks)


@dataclass(slots=True)
class Made:
    outcome: Outcome
    safety: F64
    reorder: F64
    scores: dict[str, F64] = field(default_factory=dict)


def run(work: Work, asked: Asked, stop: NDArray[np.uint8]) -> Made:
    from . import ets

    k = len(work.batch)
    outcome = ets.fit(work.batch, asked.levels, model=asked.model, how=asked.how, seed=asked.seed, stop=stop)
    _bound(outcome, work, asked)
    return Made(outcome, np.full(k, np.nan), np.full(k, np.nan))


def _bound(outcome: Outcome, work: Work, asked: Asked) -> None:
    """What holds of any model: widths that were not to grow, and no less than 0 where there never was."""
    if not asked.accumulate:
        for side in (outcome.lower, outcome.upper):
            side[:] = outcome.mean[:, None, :] + (side - outcome.mean[:, None, :])[:, :, :1]
    floor = work.least >= 0 if asked.nonneg is None else np.full(len(work.batch), asked.nonneg)
    for part in (outcome.mean, outcome.lower, outcome.upper, outcome.trend_ahead):
        part[floor] = np.maximum(part[floor], 0.0)
