"""Groups of which one key is a bucket of time."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from ...planner.plan import Aggregate
from ...planner.types import Schema
from ..arrow import array_from, coded, is_valid, numbers_of
from ..batch import Batch
from ..calendar import Span, beyond, bucket_codes, next_bucket
from ..context import Context
from ..datecolumns import dates_from, instants_of, ticks_of
from ..notes import At
from ..operator import Flow
from .aggregate import AggregateSink, Local
from .groupprogram import Values
from .states.base import Bounds


class Extent:
    """The first and the last time of all rows."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._ends: tuple[int, int] | None = None

    def add(self, times: pa.Array[Any]) -> None:
        """None of them is null."""
        if not len(times):
            return
        values = numbers_of(times)[: len(times)]
        low, high = int(values.min()), int(values.max())
        with self._lock:
            before = self._ends or (low, high)
            self._ends = min(low, before[0]), max(high, before[1])

    def ends(self) -> tuple[int, int] | None:
        """When all rows were seen; None: there was none."""
        return self._ends


def within(batch: Batch, time: int, grid: Span, at: At, ctx: Context) -> Batch:
    """The rows whose bucket 64 bits hold; the others are left out and counted. No time is null."""
    times = batch.array(time)
    far = beyond(instants_of(times)[0], grid, ticks_of(times))
    if far is None:
        return batch
    ctx.notes.rows(at, "drop", "time beyond the grid", batch, np.flatnonzero(far), times)
    return batch.pick(~far)


class BucketSink(AggregateSink):
    """Rows without a time are left out; rates and the like learn the bounds of their bucket.

    `time`: the column of the row's time; `key`: which of the keys is its bucket.
    """

    def __init__(self, node: Aggregate, schema: Schema, at: At, time: int, grid: Span, key: int = 0) -> None:
        super().__init__(node, schema, at, True, self._bounds)
        self._time, self._grid, self._key, self._zone = time, grid, key, "UTC"
        self.extent = Extent()

    def push(self, batch: Batch, local: Local) -> Flow:
        times = batch.array(self._time)
        if times.null_count:
            valid = is_valid(times)
            local.ctx.notes.rows(self._at, "drop", "null time", batch, np.flatnonzero(~valid), None)
            batch = batch.pick(valid)
            times = batch.array(self._time)
        batch = within(batch, self._time, self._grid, self._at, local.ctx)
        times = batch.array(self._time)
        self.extent.add(times)
        return super().push(batch, local)

    def prepare(self, values: Values) -> None:
        """The bucket key as codes: the few buckets of a batch are numbered, not its many rows."""
        times = values.batch.array(self._time)
        ticks = ticks_of(times)
        found = bucket_codes(instants_of(times)[0], self._grid, values.ev.zone, ticks, values.ev.compiled)
        if found is not None:
            key = self._program.keys[self._key]
            values.known[key] = coded(array_from(found[0]), dates_from(found[1], None, ticks))

    def merge(self, ctx: Context) -> Sequence[Callable[[], None]]:
        self._zone = ctx.settings.timezone
        return super().merge(ctx)

    def _bounds(self, keys: Sequence[pa.Array[Any]]) -> Bounds:
        starts, ticks = instants_of(keys[self._key])[0], ticks_of(keys[self._key])
        return Bounds(starts, next_bucket(starts, self._grid, self._zone, ticks), ticks)
