"""`fillnull method=prev`: the last value of the group goes on, as rows pass.

The last values of all groups are kept in memory. When they are too many, they and every later row are set aside and filled
in order of the groups, on disk; those rows come out at the end.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ...planner.records import dataclass
from ...planner.types import Schema
from ..arrow import array_from, concat, is_valid, nulls, own
from ..batch import Batch
from ..context import Context
from ..memory import Reservation
from ..notes import At
from ..operator import Emit, Flow
from .fillcarry import NOBODY, Fill, holders, patched
from .fillgaps import GapPasses, Gaps
from .grouping import Keys, new_keys
from .homes import Homes
from .occurrence import in_order_of

CHUNK_KEYS = 1 << 16


@dataclass(slots=True)
class PrevLocal:
    ctx: Context
    keys: Keys
    last: list[pa.Array[Any]]  # of each column the value of each group
    reservation: Reservation
    charged: int = 0
    n_in: int = 0
    is_done: bool = False
    aside: GapPasses | None = None
    homes: Homes | None = None


class FillPrevTransform:
    """`gaps`: which columns are filled, by which keys."""

    needs_order = True
    may_spill = True

    def __init__(self, gaps: Gaps, schema: Schema, at: At) -> None:
        self._gaps, self._schema, self._at = gaps, schema, at
        self._types = [schema.fields[i][1] for i in gaps.keys]
        self._opened: list[GapPasses] = []

    def open(self, ctx: Context) -> PrevLocal:
        last = [nulls(0, self._schema.fields[i][1].arrow) for i in self._gaps.targets]
        half = ctx.memory.limit // 2  # the other half is for sorting what is set aside
        return PrevLocal(ctx, new_keys(self._types, ctx.compiled), last, ctx.memory.reserve(self._at.command, half))

    def push(self, batch: Batch, local: PrevLocal, emit: Emit) -> Flow:
        first, n = local.n_in, batch.n_rows
        local.n_in += n
        if not n:
            return Flow.MORE
        if local.aside is not None:
            assert local.homes is not None
            local.aside.add(local.homes.noted(batch, first))
            return Flow.MORE
        flow = emit(self._filled(batch, local))
        local.is_done = flow is Flow.DONE
        if not local.is_done:
            self._charge(local)
        return flow

    def _filled(self, batch: Batch, local: PrevLocal) -> Batch:
        ctx, n = local.ctx, batch.n_rows
        if ctx.compiled and not local.keys.compiled:
            local.keys.compile(ctx.stop)
        ids = local.keys.ids([batch.columns[i] for i in self._gaps.keys], n, ctx.stop)
        ctx.check()
        if not self._gaps.keys:
            return batch.put(
                self._gaps.targets, [self._carried(batch.array(i), local, j) for j, i in enumerate(self._gaps.targets)]
            )
        order = in_order_of(ids, local.keys.n)
        ordered = ids[order]
        begins = np.diff(ordered, prepend=np.int32(-1)) != 0
        ends = np.append(np.flatnonzero(begins)[1:] - 1, n - 1)
        made: list[pa.Array[Any]] = []
        for j, i in enumerate(self._gaps.targets):
            column = batch.array(i)
            held = holders(is_valid(column)[order], begins)
            source = np.where(held == NOBODY, n + ordered, order[np.maximum(held, 0)])
            known = self._known(column, local, j)
            made.append(self._column(column, known, source, order))
            latest = np.arange(n, n + local.keys.n)
            latest[ordered[ends]] = source[ends]
            local.last[j] = own(known.take(array_from(latest)))
        return batch.put(self._gaps.targets, made)

    def _carried(self, column: pa.Array[Any], local: PrevLocal, j: int) -> pa.Array[Any]:
        """A column that is one group: only its nulls are looked at."""
        known, n = self._known(column, local, j), len(column)
        valid = is_valid(column)
        there, rows = np.flatnonzero(valid), np.flatnonzero(~valid)
        places = np.append(n, there)  # what stood before the batch, then its values
        local.last[j] = own(known.slice(int(places[-1]), 1))
        return patched(column, rows, known, places[rows - np.arange(len(rows))])

    def _known(self, column: pa.Array[Any], local: PrevLocal, j: int) -> pa.Array[Any]:
        """The batch's values, then those that the groups have from before."""
        fresh = local.keys.n - len(local.last[j])
        return concat([column, local.last[j], nulls(fresh, column.type)])

    def _column(
        self, column: pa.Array[Any], known: pa.Array[Any], source: NDArray[np.int64], order: NDArray[np.int64]
    ) -> pa.Array[Any]:
        if not column.null_count:
            return column
        rows = np.flatnonzero(~is_valid(column)[order])
        return patched(column, order[rows], known, source[rows])

    def _charge(self, local: PrevLocal) -> None:
        now = local.keys.nbytes() + sum(a.nbytes for a in local.last)
        if now <= local.charged:
            return
        if local.reservation.grow(now - local.charged):
            local.charged = now
        else:
            self._begin_aside(local)

    def _begin_aside(self, local: PrevLocal) -> None:
        """What the groups had last stands before all later rows."""
        local.homes = Homes(self._schema)
        local.aside = GapPasses(self._gaps, local.homes.schema, local.ctx, self._at)
        self._opened.append(local.aside)
        keys, n_keys = local.keys.values(), local.keys.n
        for low in range(0, n_keys, CHUNK_KEYS):
            values = [*keys, *local.last]
            places = [*self._gaps.keys, *self._gaps.targets]
            n = min(CHUNK_KEYS, n_keys - low)
            cut: dict[int, Any] = {p: v.slice(low, CHUNK_KEYS) for p, v in zip(places, values, strict=True)}
            local.aside.add(local.homes.homeless(cut, n))
        local.keys, local.last = new_keys(self._types, False), []
        local.reservation.release()

    def finish(self, local: PrevLocal, emit: Emit) -> None:
        if local.aside is None or local.is_done:
            return
        for batch in self._late(local):
            local.ctx.pause(batch.origin.seq)
            if emit(batch) is Flow.DONE:
                return

    def _late(self, local: PrevLocal) -> Iterator[Batch]:
        assert local.aside is not None and local.homes is not None
        for batch in local.aside.batches():
            real = local.homes.real(batch)
            if real.n_rows:
                yield from local.homes.sent_home(real)

    def close(self) -> None:
        for passes in self._opened:
            passes.close()

    def describe_run(self) -> dict[str, int]:
        return {"spilled_bytes": sum(p.spilled_bytes for p in self._opened)}


def fills_as_rows_pass(fill: Fill) -> bool:
    """Whether a row's value is known as soon as the row is."""
    return fill.method == "prev" and not fill.is_limited
