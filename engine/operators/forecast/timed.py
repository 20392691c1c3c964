"""What `forecast` tells of rows before it sorts them: those without a time are left out, numbers that are none are counted."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from ...arrow import is_valid, numbers_of
from ...batch import Batch
from ...context import Context
from ...notes import NOT_FINITE, At
from ...operator import Emit, Flow, StreamTransform


class TimedTransform(StreamTransform):
    """`time`: the column of the row's time, None where rows have none. `measures`: columns that hold numbers."""

    def __init__(self, time: int | None, measures: tuple[int, ...], at: At) -> None:
        self._time, self._measures, self._at = time, measures, at

    def push(self, batch: Batch, local: Context, emit: Emit) -> Flow:
        if self._time is not None:
            times = batch.array(self._time)
            if times.null_count:
                valid = is_valid(times)
                local.notes.rows(self._at, "drop", "null time", batch, np.flatnonzero(~valid), None)
                batch = batch.pick(valid)
        for place in self._measures:
            column = batch.array(place)
            if pa.types.is_floating(column.type):
                odd = np.flatnonzero(is_valid(column) & ~np.isfinite(numbers_of(column)[: len(column)]))
                if len(odd):
                    local.notes.rows(self._at, "reject", NOT_FINITE, batch, odd, column, "it counts as missing")
        return emit(batch) if batch.n_rows else Flow.MORE
