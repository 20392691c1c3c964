"""Groups of which one key is a bucket of time."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from ...planner.expr import fields_of
from ...planner.plan import Aggregate
from ...planner.types import Schema
from ..arrow import array_from, coded, int32_of, is_valid, pooled
from ..batch import Batch
from ..calendar import Codes, Ends, Span, beyond, bucket_codes, next_bucket
from ..context import Context
from ..datecolumns import dates_from, ends_of, instants_of, plain_instants, ticks_of
from ..notes import At
from ..operator import Flow
from ..zones import Ints
from .aggregate import AggregateSink
from .codes import translated
from .grouplocal import Local
from .groupprogram import Values
from .states.base import Bounds


class Extent:
    """The first and the last time of all rows."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._ends: Ends | None = None

    def add(self, ends: Ends) -> None:
        """The first and the last time of some rows."""
        with self._lock:
            before = self._ends or ends
            self._ends = min(ends[0], before[0]), max(ends[1], before[1])

    def ends(self) -> Ends | None:
        """When all rows were seen; None: there was none."""
        return self._ends


def within(batch: Batch, time: int, grid: Span, at: At, ctx: Context) -> tuple[Batch, Ends | None]:
    """The rows whose bucket 64 bits hold, and the first and the last of their times; the others are left out and counted.

    No time is null.
    """
    times = batch.array(time)
    instants = plain_instants(times)
    ends = ends_of(instants, ctx.compiled)
    far = beyond(instants, grid, ticks_of(times), ends)
    if far is None:
        return batch, ends
    ctx.notes.rows(at, "drop", "time beyond the grid", batch, np.flatnonzero(far), times)
    batch = batch.pick(~far)
    return batch, ends_of(plain_instants(batch.array(time)), ctx.compiled)


def coded_times(batch: Batch, time: int) -> Any:
    """The times as a dictionary, where they came so and none is null; else None."""
    column: Any = batch.columns[time]
    if not isinstance(column, pa.DictionaryArray) or column.indices.null_count or column.dictionary.null_count:
        return None
    return column if batch.n_rows else None


def used_ends(instants: Ints, codes: Codes, compiled: bool) -> Ends:
    """The least and the greatest instant that some row has; not all need be used."""
    low, high = int(instants[codes[0]]), int(instants[codes[-1]])
    if (low, high) == ends_of(instants, compiled):  # rows in order of time
        return low, high
    seen = np.zeros(len(instants), np.bool_)
    seen[codes] = True
    used = instants[seen]
    return int(used.min()), int(used.max())


class BucketSink(AggregateSink):
    """Rows without a time are left out; rates and the like learn the bounds of their bucket.

    `time`: the column of the row's time; `key`: which of the keys is its bucket.
    """

    def __init__(self, node: Aggregate, schema: Schema, at: At, time: int, grid: Span, key: int = 0) -> None:
        super().__init__(node, schema, at, True, self._bounds)
        self._schema = schema
        self._time, self._grid, self._key, self._zone = time, grid, key, "UTC"
        self.extent = Extent()

    @property
    def kernels(self) -> frozenset[str]:
        return super().kernels | {"buckets", "codes"}

    @property
    def is_quick(self) -> bool:
        return self._program.is_quick(but=self._program.keys[self._key])

    def keys_alone(self) -> frozenset[str]:
        """With the time, whose buckets are as many as its values at most."""
        node, name = self._node, self._schema.names()[self._time]
        others = [fields_of(k.expr.expr) for i, k in enumerate(node.keys) if i != self._key]
        return super().keys_alone() | frozenset((name,)).difference(*(a.fields() for a in node.aggs), *others)

    def push(self, batch: Batch, local: Local) -> Flow:
        told = coded_times(batch, self._time)
        if told is not None:
            instants = plain_instants(told.dictionary)
            used = used_ends(instants, int32_of(told.indices), local.ctx.compiled)
            if beyond(instants, self._grid, ticks_of(told.dictionary), used) is None:
                self.extent.add(used)
                return self.add(batch, local, used)
        times = batch.array(self._time)
        if times.null_count:
            valid = is_valid(times)
            local.ctx.notes.rows(self._at, "drop", "null time", batch, np.flatnonzero(~valid), None)
            batch = batch.pick(valid)
        batch, ends = within(batch, self._time, self._grid, self._at, local.ctx)
        if ends is not None:
            self.extent.add(ends)
        return self.add(batch, local, ends)

    def prepare(self, values: Values, ends: Ends | None) -> None:
        """The bucket key as codes: the few buckets of a batch are numbered, not its many rows."""
        told, ev, n_rows = coded_times(values.batch, self._time), values.ev, values.batch.n_rows
        times = values.batch.array(self._time) if told is None else told.dictionary
        ticks = ticks_of(times)
        whole = ends if told is None else ends_of(plain_instants(times), ev.compiled)
        found = bucket_codes(plain_instants(times), self._grid, ev.zone, ticks, ev.compiled, whole, n_rows)
        if found is None:
            return
        codes, starts = found
        if told is not None:
            of_values, codes = codes, pooled(n_rows, np.int32)
            translated(told.indices, of_values, codes, ev.compiled)
        values.known[self._program.keys[self._key]] = coded(array_from(codes), dates_from(starts, None, ticks))

    def merge(self, ctx: Context) -> Sequence[Callable[[], None]]:
        self._zone = ctx.settings.timezone
        return super().merge(ctx)

    def _bounds(self, keys: Sequence[pa.Array[Any]]) -> Bounds:
        starts, ticks = instants_of(keys[self._key])[0], ticks_of(keys[self._key])
        return Bounds(starts, next_bucket(starts, self._grid, self._zone, ticks), ticks)
