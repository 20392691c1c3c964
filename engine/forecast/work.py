"""A piece of series with all that models may look at beside their values, and how it is cut to fewer or shorter ones."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...planner.records import dataclass
from .batch import F64, Batch, Ints
from .origins import Part, rows_of


@dataclass(frozen=True, slots=True)
class Work:
    """K series of one horizon. `periods`: all seasons of each, shortest first; `batch.period` has the first, or 1. `lead` float64[K]:
    the lead time in steps. `times` int64[N], `times_ahead` int64[K, H]: wall times in microseconds, where a model wants them. `beside`: float64[R, N] and float64[R, K, H] of other fields. `codes`
    float64[K, G]: numbers of the keys."""

    batch: Batch
    periods: list[tuple[int, ...]]
    lead: F64 | None = None
    times: Ints | None = None
    times_ahead: Ints | None = None
    beside: tuple[F64, F64] | None = None
    codes: F64 | None = None

    @staticmethod
    def of(
        values: F64, offsets: Ints, periods: list[tuple[int, ...]], keys: NDArray[np.uint64], horizon: int, *,
        lead: F64 | None, times: Ints | None, times_ahead: Ints | None, beside: tuple[F64, F64] | None, codes: F64 | None,
    ) -> Work:  # fmt: skip
        first = np.array([p[0] if p else 1 for p in periods], np.int64)
        ahead = None if times_ahead is None else times_ahead.reshape(-1, horizon)
        return Work(Batch(values, offsets, first, keys, horizon), periods, lead, times, ahead, beside, codes)

    def cut(self, part: Part, batch: Batch) -> Work:
        """`batch`: the parts' values. What came behind a part is ahead of it."""
        periods = [tuple(p for p in self.periods[k] if 2 * p <= n) for k, n in _pairs(part)]
        first = np.array([p[0] if p else 1 for p in periods], np.int64)
        rows = rows_of(self.batch.offsets, part)
        lead = None if self.lead is None else self.lead[part.series]
        times = None if self.times is None else self.times[rows]
        times_ahead = None
        if self.times is not None and self.times_ahead is not None:
            times_ahead = self._ahead(self.times, self.times_ahead, part)
        beside = None
        if self.beside is not None:
            behind, ahead = self.beside
            before = [self._ahead(b, a, part) for b, a in zip(behind, ahead, strict=True)]
            beside = behind[:, rows], np.array(before)
        return Work(
            replace(batch, period=first), periods, lead, times, times_ahead, beside,
            None if self.codes is None else self.codes[part.series],
        )  # fmt: skip

    def given(self) -> F64 | None:
        """The other fields as float64[N + K * H, R], history first."""
        if self.beside is None:
            return None
        behind, ahead = self.beside
        return np.concatenate([behind.T, ahead.reshape(len(ahead), -1).T])

    def _ahead(self, behind: NDArray[Any], ahead: NDArray[Any], part: Part) -> NDArray[Any]:
        """Of each part the H values that follow it, those behind it before those ahead of the whole."""
        horizon = self.batch.horizon
        out = np.empty((len(part.series), horizon), behind.dtype)
        for i, (k, n) in enumerate(_pairs(part)):
            low, high = int(self.batch.offsets[k]) + n, int(self.batch.offsets[k + 1])
            out[i] = np.concatenate([behind[low:high], ahead[k]])[:horizon]
        return out


def _pairs(part: Part) -> list[tuple[int, int]]:
    return list(zip(part.series.tolist(), part.lengths.tolist(), strict=True))
