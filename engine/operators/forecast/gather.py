"""Rows in order of groups and time are held until their groups are whole, some hundred thousand at a time."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import field
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ....planner.records import dataclass
from ....planner.text import fault
from ....planner.types import Schema
from ...arrow import concat, own
from ...batch import Batch
from ...context import Context
from ...forecast.asked import Asked
from ...forecast.steps import Steps, by_time
from ...memory import Reservation
from ...notes import At
from ...operator import Emit, Flow
from ..fillcarry import changes
from .chunk import UNCOUNTED, Chunk, Fields
from .emit import Writer
from .scores import Scores
from .telling import Telling
from .timed import Moments

CHUNK_ROWS = 1 << 17  # rows of whole groups that are worked on together
GENERAL_ROWS = 1 << 10  # the same while there are no compiled kernels: the first rows come out soon
GENERAL_ROWS_S = 5_000  # what models get through in a second without them
MUCH_S = 0.5  # of general work, from which compiled kernels are worth loading
LOADING_S = 4.0  # that more rows may still come


@dataclass(slots=True)
class GatherLocal:
    """`held`: the columns of batches that wait for the end of their group."""

    ctx: Context
    reservation: Reservation
    pool: ThreadPoolExecutor
    writer: Writer
    scores: Scores
    held: list[list[pa.Array[Any]]] = field(default_factory=list)
    n_held: int = 0
    n_rows: int = 0
    nbytes: int = 0
    charged: int = 0
    seq: int = 0
    is_done: bool = False

    def charge(self) -> bool:
        """Counts what is held, but for as little as any batch in flight has; False: there is no room."""
        more = max(0, self.nbytes - UNCOUNTED) - self.charged
        if more > 0 and not self.reservation.grow(more):
            return False
        if more < 0:
            self.reservation.shrink(-more)
        self.charged += more
        return True


class ForecastTransform:
    """Takes rows in order of their keys and of time; gives those and the steps that follow, group by group; or what is to be told
    of each series."""

    needs_order = True

    def __init__(
        self, asked: Asked, fields: Fields, before: Schema, after: Schema, moments: Moments | None, at: At
    ) -> None:
        self._moments = moments
        self._shared: Steps | None = None
        self._asked, self._fields, self._before, self._after, self._at = asked, fields, before, after, at
        self._telling = Telling(fields, before)
        self._key_types = [before.fields[i][1] for i in fields.keys]
        self._pool: ThreadPoolExecutor | None = None
        self.fit_cpu_ns = 0

    def open(self, ctx: Context) -> GatherLocal:
        self._pool = ThreadPoolExecutor(max(1, ctx.settings.threads), "cortado-forecast")
        writer = Writer(self._asked, self._fields, self._before, self._after, self._at)
        return GatherLocal(ctx, ctx.memory.reserve(self._at.command), self._pool, writer, Scores(self._asked))

    def push(self, batch: Batch, local: GatherLocal, emit: Emit) -> Flow:
        if local.is_done:
            return Flow.DONE
        if not batch.n_rows:
            return Flow.MORE
        local.seq = batch.origin.seq
        columns = [own(batch.array(i)) for i in range(len(self._before))]
        local.held.append(columns)
        local.n_held += batch.n_rows
        local.nbytes += sum(c.nbytes for c in columns)
        has_room = local.charge()
        if has_room and (local.n_held < self._enough(local.ctx) or not self._fields.keys or self._asked.is_pooled):
            return Flow.MORE
        return self._flush(local, emit, has_room)

    def _enough(self, ctx: Context) -> int:
        return CHUNK_ROWS if ctx.query.compiled() else GENERAL_ROWS

    def _flush(self, local: GatherLocal, emit: Emit, has_room: bool) -> Flow:
        """Works on the groups that are whole; the last one waits."""
        columns = self._columns(local)
        begins = changes([columns[i] for i in self._fields.keys], self._key_types, local.n_held)
        starts = np.flatnonzero(begins)
        cut = int(starts[-1])
        if not has_room and (cut == 0 or self._asked.is_pooled):
            raise fault("E702", f"{self._at.command} needs more memory than the query has: one group must fit",
                        hint="raise memory=, or take longer steps before: timechart, resample")  # fmt: skip
        if not cut:
            local.held = [columns]
            return Flow.MORE
        flow = self._works(columns, starts, local, emit)
        local.held = [[own(c.slice(cut)) for c in columns]]
        local.n_held -= cut
        local.nbytes = sum(c.nbytes for c in local.held[0])
        local.charge()
        local.is_done = flow is Flow.DONE
        return flow

    def finish(self, local: GatherLocal, emit: Emit) -> None:
        if local.held and not local.is_done:
            columns = self._columns(local)
            begins = changes([columns[i] for i in self._fields.keys], self._key_types, local.n_held)
            self._works(columns, np.append(np.flatnonzero(begins), local.n_held), local, emit)
        local.scores.tell(self._at, local.ctx)
        self._telling.tell(self._at, local.ctx)

    def _works(self, columns: list[pa.Array[Any]], offsets: NDArray[np.int64], local: GatherLocal, emit: Emit) -> Flow:
        """In chunks of whole groups, small ones while models have no compiled kernels."""
        n = int(offsets[-1])
        local.n_rows += n
        if local.n_rows / GENERAL_ROWS_S > MUCH_S:
            local.ctx.query.want_kernels(max(LOADING_S, n / GENERAL_ROWS_S))
        at = 0
        weight = offsets + np.arange(len(offsets)) * (self._asked.count or 0)  # rows that come in, and those ahead
        while at < len(offsets) - 1:
            size = int(weight[-1]) if self._asked.is_pooled else self._enough(local.ctx)
            to = max(at + 1, int(np.searchsorted(weight, weight[at] + size, "right")) - 1)
            low, high = int(offsets[at]), int(offsets[to])
            part = [c.slice(low, high - low) for c in columns]
            if self._work(part, offsets[at : to + 1] - low, local, emit) is Flow.DONE:
                return Flow.DONE
            at = to
        return Flow.MORE

    def _grid(self, ctx: Context) -> Steps | None:
        """Of the times of all groups together."""
        moments = self._moments
        if self._shared is None and moments is not None and moments.times is not None and len(moments.times):
            offsets = np.array([0, len(moments.times)])
            self._shared = by_time(moments.times, offsets, ctx.settings.timezone, moments.ticks, self._asked.every)
        return self._shared

    def _columns(self, local: GatherLocal) -> list[pa.Array[Any]]:
        return [concat(list(parts)) for parts in zip(*local.held, strict=True)]

    def _work(self, columns: list[pa.Array[Any]], offsets: NDArray[np.int64], local: GatherLocal, emit: Emit) -> Flow:
        chunk = Chunk(
            columns, offsets, self._asked, self._fields, self._before, local.ctx, local.pool, self._grid(local.ctx)
        )
        try:
            chunk.compute(self._telling)
            self.fit_cpu_ns += chunk.cpu_ns
            local.scores.add(chunk.answers)
            return local.writer.write(chunk, local.seq, local.ctx, emit)
        finally:
            chunk.close()

    def describe_run(self) -> dict[str, int | str]:
        return {"series": self._telling.n_series, "fit_cpu_ms": self.fit_cpu_ns // 1_000_000}

    def close(self) -> None:
        if self._pool is not None:
            self._pool.shutdown(wait=False, cancel_futures=True)
