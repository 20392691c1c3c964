"""The left of a join, read first: its rows, and a look-up by which the right keeps only rows that match one of them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ...planner.combine import Join
from ...planner.records import dataclass
from ..batch import Batch
from ..context import Context
from ..memory import Reservation
from ..notes import At
from ..operator import Emit, Flow, Source
from .collect import CollectSink
from .finder import Finder
from .grouping import Keys, ManyKeys, new_keys
from .joinkeys import null_rows, sides
from .sort import SortLocal


@dataclass(slots=True)
class LeftLocal:
    ctx: Context
    sort: SortLocal
    keys: Keys
    reservation: Reservation
    held: int = 0
    is_full: bool = False  # too many keys: the right is taken whole


class LeftSink:
    """Keeps the rows, and gives them in order; `keys` has the distinct keys of those that can match."""

    needs_order = False

    def __init__(self, node: Join, at: At) -> None:
        self._rows = CollectSink(at)
        self._rows.schema = node.left.schema
        self._at = at
        self._side, _ = sides(node, node.left.schema, node.right.schema)
        self._lock = threading.Lock()
        self._locals: list[LeftLocal] = []
        self.keys: Keys | None = None

    def open(self, ctx: Context) -> LeftLocal:
        share = ctx.memory.limit // ctx.settings.threads // 4
        keys = new_keys(self._side.types, ctx.compiled)
        local = LeftLocal(ctx, self._rows.open(ctx), keys, ctx.memory.reserve(self._at.command, share))
        with self._lock:
            self._locals.append(local)
        return local

    def push(self, batch: Batch, local: LeftLocal) -> Flow:
        if not local.is_full and batch.n_rows:
            columns, _ = self._side.keys(batch)
            local.keys.ids(columns, batch.n_rows, local.ctx.stop)
            more = local.keys.nbytes() - local.held
            if more > 0 and not local.reservation.grow(more):
                local.is_full, local.keys = True, new_keys((), False)  # they are let go of
                local.reservation.release()
            local.held += max(0, more)
        return self._rows.push(batch, local.sort)

    def combine(self, local: LeftLocal) -> None:
        self._rows.combine(local.sort)

    def merge(self, ctx: Context) -> Sequence[Callable[[], None]]:
        """The keys of all workers are one table before the right is read."""
        if not any(local.is_full for local in self._locals):
            tables: list[Any] = [local.keys for local in self._locals]
            keys = tables[0]
            for other in tables[1:]:
                keys.merge(other, np.arange(other.n, dtype=np.int32), ctx.stop)
            if isinstance(keys, ManyKeys):
                keys.freeze(ctx.stop)
            self.keys = keys
        return self._rows.merge(ctx)

    def result(self, ctx: Context) -> Source:
        return self._rows.result(ctx)

    def close(self) -> None:
        self._rows.close()
        for local in self._locals:
            local.reservation.release()

    def describe_run(self) -> Any:
        return self._rows.describe_run()


class MatchTransform:
    """Of the right: rows whose keys a row of the left has."""

    needs_order = False

    def __init__(self, node: Join, left: LeftSink) -> None:
        self._node, self._left = node, left
        _, self._side = sides(node, node.left.schema, node.right.schema)

    def open(self, ctx: Context) -> tuple[Context, Finder | None]:
        return ctx, Finder(self._left.keys) if self._left.keys is not None else None

    def push(self, batch: Batch, local: tuple[Context, Finder | None], emit: Emit) -> Flow:
        _, finder = local
        if finder is None:
            return emit(batch)
        columns, never = self._side.keys(batch)
        met = finder.find(columns, batch.n_rows) >= 0
        if never is not None:
            met &= ~never
        if not self._node.nulls_match:
            nulls = null_rows(columns)
            met = met if nulls is None else met & ~nulls
        n = int(np.count_nonzero(met))
        return emit(batch if n == batch.n_rows else batch.pick(met)) if n else Flow.MORE

    def finish(self, local: Any, emit: Emit) -> None:
        return None
