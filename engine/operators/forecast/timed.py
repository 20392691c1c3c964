"""What `forecast` tells of rows before it sorts them: those without a time are left out, numbers that are none are counted."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import pyarrow as pa

from ...arrow import is_valid, numbers_of
from ...batch import Batch
from ...context import Context
from ...datecolumns import ticks_of
from ...notes import NOT_FINITE, At
from ...operator import Emit, Flow, StreamTransform
from ...zones import Ints

MOST_TIMES = 1 << 20


class Moments:
    """The different times of all rows, ascending, from any thread; None once there are too many to be a calendar of all groups."""

    def __init__(self) -> None:
        self.times: Ints | None = np.empty(0, np.int64)
        self.ticks = 0
        self._lock = threading.Lock()

    def add(self, column: pa.Array[Any]) -> None:
        if self.times is None or not len(column):
            return
        found = np.unique(numbers_of(column)[: len(column)])
        with self._lock:
            self.ticks = ticks_of(column)
            if self.times is not None:
                merged = np.union1d(self.times, found)
                self.times = merged if len(merged) <= MOST_TIMES else None


class TimedTransform(StreamTransform):
    """`time`: the column of the row's time, None where rows have none. `measures`: columns that hold numbers. `moments`: where
    there are groups, what collects their times."""

    def __init__(self, time: int | None, measures: tuple[int, ...], moments: Moments | None, at: At) -> None:
        self._time, self._measures, self._moments, self._at = time, measures, moments, at

    def push(self, batch: Batch, local: Context, emit: Emit) -> Flow:
        if self._time is not None:
            times = batch.array(self._time)
            if times.null_count:
                valid = is_valid(times)
                local.notes.rows(self._at, "drop", "null time", batch, np.flatnonzero(~valid), None)
                batch = batch.pick(valid)
            if self._moments is not None:
                self._moments.add(batch.array(self._time))
        for place in self._measures:
            column = batch.array(place)
            if pa.types.is_floating(column.type):
                odd = np.flatnonzero(is_valid(column) & ~np.isfinite(numbers_of(column)[: len(column)]))
                if len(odd):
                    local.notes.rows(self._at, "reject", NOT_FINITE, batch, odd, column, "it counts as missing")
        return emit(batch) if batch.n_rows else Flow.MORE
