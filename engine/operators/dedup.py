"""`dedup keep=first`: rows pass until their key has had `limit` of them.

The keys seen so far are kept in memory. When they are too many, all of them and every later row are set aside, sorted by
key on disk, and what survives is put back into input order: all of it comes behind the rows that passed before.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from ...planner.plan import SortKey
from ...planner.records import dataclass
from ...planner.types import Schema
from ..batch import Batch
from ..context import Context
from ..memory import Reservation
from ..notes import REMOVED, At
from ..operator import Emit, Flow
from .dedupahead import DedupAhead
from .dedupseen import Seen
from .homes import Homes
from .keyways import KeyWays
from .resort import PLACE, Sorter

CHUNK_KEYS = 1 << 16


@dataclass(slots=True)
class DedupLocal:
    ctx: Context
    seen: Seen
    reservation: Reservation
    charged: int = 0
    n_in: int = 0
    n_out: int = 0
    is_done: bool = False
    aside: Sorter | None = None  # once the keys were too many
    homes: Homes | None = None


def dedup_first(places: Sequence[int], limit: int, schema: Schema, at: At) -> list[Any]:
    """The operators of `dedup keep=first`. `places`: the key columns."""
    ahead = DedupAhead(places, schema)
    made = DedupTransform(places, limit, schema, at, ahead)
    return [ahead, made] if limit == 1 and ahead.texts else [made]


class DedupTransform:
    """`places`: the key columns. `ahead`: what stands before the order gate, if anything does."""

    needs_order = True
    may_spill = True

    def __init__(self, places: Sequence[int], limit: int, schema: Schema, at: At, ahead: DedupAhead) -> None:
        self._places, self._limit, self._schema, self._at = list(places), limit, schema, at
        self._types = [schema.fields[i][1] for i in places]
        self._opened: list[Sorter] = []
        self._spilled_bytes = 0
        self._ways = KeyWays()
        self._ahead = ahead

    def open(self, ctx: Context) -> DedupLocal:
        half = ctx.memory.limit // 2  # the other half is for sorting what is set aside
        shared = self._ahead.begin() if ctx.compiled and self._limit == 1 and ctx.settings.threads > 1 else {}
        seen = Seen(self._types, self._limit, ctx.compiled, shared)
        return DedupLocal(ctx, seen, ctx.memory.reserve(self._at.command, half))

    def push(self, batch: Batch, local: DedupLocal, emit: Emit) -> Flow:
        if not batch.n_rows:
            return Flow.MORE
        local.n_in += batch.n_rows
        batch, codes = self._ahead.codes_in(batch)
        columns = [batch.columns[i] for i in self._places]
        rows = local.seen.passing(batch, columns, local.ctx, {} if local.aside is not None else codes)
        flow = Flow.MORE
        if len(rows):
            passing = batch if len(rows) == batch.n_rows else batch.take(rows.astype(np.int32))
            if local.aside is None:
                local.n_out += passing.n_rows
                flow = emit(passing)
            else:
                assert local.homes is not None
                local.aside.add(local.homes.noted(passing, local.n_in - batch.n_rows))
        local.is_done = flow is Flow.DONE
        if not local.is_done:
            self._charge(local)
        return flow

    def _charge(self, local: DedupLocal) -> None:
        now = local.seen.nbytes()
        if now <= local.charged:
            return
        if local.reservation.grow(now - local.charged):
            local.charged = now
            return
        if local.aside is None:
            self._begin_aside(local)
        self._ways.add(local.seen.ended())
        self._ahead.end()
        # from here on it only spares the disk rows that are known at once
        local.seen = Seen(self._types, self._limit, local.ctx.compiled)
        local.reservation.release()
        local.charged = 0

    def _begin_aside(self, local: DedupLocal) -> None:
        """The keys so far stand for the rows that passed: as many for each, before all rows."""
        names = [self._schema.fields[i][0] for i in self._places]
        local.homes = Homes(self._schema)
        local.aside = Sorter(local.homes.schema, local.ctx, self._at, by=names, limit=self._limit, part=0.4)
        self._opened.append(local.aside)
        counts, keys = local.seen.counts(), local.seen.values()
        for low in range(0, len(counts), CHUNK_KEYS):
            values = [k.slice(low, CHUNK_KEYS) for k in keys]
            n = min(CHUNK_KEYS, len(counts) - low)
            batch = local.homes.homeless(dict(zip(self._places, values, strict=True)), n)
            many = np.repeat(np.arange(n, dtype=np.int32), counts[low : low + n])
            local.aside.add(batch if len(many) == n else batch.take(many))

    def finish(self, local: DedupLocal, emit: Emit) -> None:
        self._ways.add(local.seen.ended())
        local.reservation.release()
        if local.aside is not None and not local.is_done:
            for batch in self._survivors(local):
                local.ctx.pause(batch.origin.seq)
                local.n_out += batch.n_rows
                if emit(batch) is Flow.DONE:
                    break
        removed = local.n_in - local.n_out
        if removed:
            local.ctx.notes.count(self._at, "info", REMOVED, removed)

    def _survivors(self, local: DedupLocal) -> Iterator[Batch]:
        """Rows set aside that are among the first of their key, in input order, in batches of one partition each."""
        assert local.aside is not None and local.homes is not None
        back = Sorter(local.homes.schema, local.ctx, self._at, keys=[SortKey(PLACE)], part=0.4)
        self._opened.append(back)
        for batch in local.aside.batches():
            real = local.homes.real(batch)
            if real.n_rows:
                back.add(real)
        self._spilled_bytes += local.aside.spilled_bytes
        local.aside.close()
        for batch in back.batches():
            yield from local.homes.sent_home(batch)
        self._spilled_bytes += back.spilled_bytes
        back.close()

    def close(self) -> None:
        for sorter in self._opened:
            sorter.close()

    def describe_run(self) -> dict[str, int | str]:
        return {**self._ways.told(), "spilled_bytes": self._spilled_bytes}
