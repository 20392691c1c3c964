"""What `gapfill` tells of rows before it sorts them: those without a time are left out, those between bounds are counted."""

from __future__ import annotations

import numpy as np

from ..arrow import is_valid
from ..batch import Batch
from ..calendar import Span, bucket_start
from ..context import Context
from ..datecolumns import plain_instants, ticks_of
from ..notes import At
from ..operator import Emit, Flow, StreamTransform
from .buckets import Extent, within


class OnGridTransform(StreamTransform):
    """`time`: the column of the row's time."""

    def __init__(self, time: int, span: Span, at: At) -> None:
        self._time, self._span, self._at = time, span, at
        self.extent = Extent()

    def push(self, batch: Batch, local: Context, emit: Emit) -> Flow:
        times = batch.array(self._time)
        if times.null_count:
            valid = is_valid(times)
            local.notes.rows(self._at, "drop", "null time", batch, np.flatnonzero(~valid), None)
            batch = batch.pick(valid)
        batch, ends = within(batch, self._time, self._span, self._at, local)
        if ends is None:
            return Flow.MORE
        self.extent.add(ends)
        times = batch.array(self._time)
        instants = plain_instants(times)
        off = bucket_start(instants, self._span, local.settings.timezone, ticks_of(times)) != instants
        if off.any():
            local.notes.rows(
                self._at, "info", "off the grid", batch, np.flatnonzero(off), times, "the row stays as it is"
            )
        return emit(batch)
