"""Buckets by number: of two that follow each other the numbers do, too, so that grids can be counted before they are made."""

from __future__ import annotations

import numpy as np

from .calendar import Span, bucket_range, bucket_start, hour_breaks, next_bucket
from .zones import NS, US, Ints, Zone, zone


class Ruler:
    """Numbers the buckets from the one of instant `low` (0) to the one behind that of `high`.

    `number` and `start` hold for instants and numbers between. Grids of equal steps take no memory, however long they are;
    bounds by the wall clock, which are hours apart at least, are held in a table.
    """

    def __init__(self, low: int, high: int, span: Span, where: Zone | str, ticks: int = US) -> None:
        found = zone(where) if isinstance(where, str) else where
        self.low, self.high = low, high
        first, last = bucket_start(np.array([low, high]), span, found, ticks).tolist()
        end = int(next_bucket(np.array([last]), span, found, ticks)[0])
        self._table = bucket_range(first, end + 1, span, found, ticks) if span.by_wall else None
        # stretches of equal steps: where each begins, its second bound, and the number of its first
        self._step = max(1, span.ns * ticks // NS)
        begins = [first]
        if span.in_hour:
            begins += [b for b in hour_breaks(first, end, span, found, ticks) if first < b <= end]
        self._begins = np.array(begins, np.int64)
        if self._table is None:
            self._second = next_bucket(self._begins, span, found, ticks)
            self._numbers = np.zeros(len(begins), np.int64)
            self._numbers[1:] = np.cumsum(1 + -((self._second[:-1] - self._begins[1:]) // self._step))

    def covers(self, low: int, high: int) -> bool:
        return self.low <= low and high <= self.high

    def number(self, instants: Ints) -> Ints:
        """Of each instant's bucket."""
        if self._table is not None:
            return np.searchsorted(self._table, instants, "right").astype(np.int64) - 1
        at = np.searchsorted(self._begins, instants, "right") - 1 if len(self._begins) > 1 else 0
        out: Ints = self._numbers[at] + np.maximum((instants - self._second[at]) // self._step + 1, 0)
        return out

    def start(self, numbers: Ints) -> Ints:
        """Of each number's bucket."""
        if self._table is not None:
            bounds: Ints = self._table[numbers]
            return bounds
        at = np.searchsorted(self._numbers, numbers, "right") - 1 if len(self._numbers) > 1 else 0
        within = numbers - self._numbers[at]
        out: Ints = np.where(within == 0, self._begins[at], self._second[at] + (within - 1) * self._step)
        return out
