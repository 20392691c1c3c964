"""`search`: keeps the rows for which a predicate is truthy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ...planner.expr import Expr, is_volatile
from ...planner.records import dataclass
from ...planner.rules.total import is_total
from ...planner.types import Schema
from ..batch import Batch
from ..context import Context
from ..exprs import evaluate, over, truth
from ..notes import At
from ..operator import Emit, Flow
from .ranges import ranges_of, rows_of


@dataclass(frozen=True, slots=True)
class Choice:
    """What a filter asks of a source. `carried`: the fields that it hands on; `mark`: goes into the origin of its rows."""

    predicate: Expr
    schema: Schema
    at: At
    carried: tuple[str, ...]
    mark: object


@dataclass(slots=True)
class FilterLocal:
    ctx: Context
    seen: int = 0  # rows before this batch, in sequence; only with needs_order
    left: int = -1  # rows that may still pass; -1: no limit


class FilterTransform:
    """`carried`: the columns that go on; None: all.

    `is_silent`: rows that nobody wants may be kept from it, as it tells of none.
    """

    def __init__(
        self,
        predicate: Expr | None,
        schema: Schema,
        at: At,
        limit: int | None = None,
        carried: Sequence[int] | None = None,
    ) -> None:
        self._predicate, self._schema, self._at, self._limit, self._carried = predicate, schema, at, limit, carried
        self._ranges = ranges_of(predicate, schema)
        self.is_steady = limit is None
        self.is_quick = self._ranges is not None
        self.needs_order = limit is not None or (predicate is not None and is_volatile(predicate))
        self.is_silent = not self.needs_order and (predicate is None or is_total(predicate))

    def offer(self, source: Any) -> None:
        """The source behind which it stands may apply it itself: its rows then come with this filter's mark, and with no
        column but those that go on."""
        choose = getattr(source, "choose", None)
        if choose is not None and self._predicate is not None and self.is_silent:
            names = self._schema.names()
            carried = names if self._carried is None else [names[i] for i in self._carried]
            choose(Choice(self._predicate, self._schema, self._at, tuple(carried), self))

    def open(self, ctx: Context) -> FilterLocal:
        return FilterLocal(ctx, left=-1 if self._limit is None else self._limit)

    def push(self, batch: Batch, local: FilterLocal, emit: Emit) -> Flow:
        passed = self._passed(batch, local)
        local.seen += batch.n_rows
        if local.left >= 0:
            if passed.n_rows > local.left:
                passed = passed.slice(0, local.left)
            local.left -= passed.n_rows
        flow = emit(passed) if passed.n_rows else Flow.MORE
        if local.left == 0:
            if flow is Flow.MORE:
                local.ctx.last_row(passed, passed.n_rows - 1)
            return Flow.DONE
        return flow

    def _passed(self, batch: Batch, local: FilterLocal) -> Batch:
        if batch.origin.chosen_by is self:
            return batch
        carried = batch if self._carried is None else batch.select(self._carried)
        if self._predicate is None:
            return carried
        if self._ranges is not None and local.ctx.compiled:
            rows = rows_of(self._ranges, batch, local.ctx)
            if rows is not None:
                return carried if len(rows) == batch.n_rows else carried.take(rows.copy())
        ev = over(batch, self._schema, local.ctx, self._at, (0, local.seen))
        mask = truth(evaluate(self._predicate, ev), batch.n_rows)
        count = int(np.count_nonzero(mask))
        if count == batch.n_rows:
            return carried
        return carried.pick(mask) if count else carried.slice(0, 0)

    def finish(self, local: Any, emit: Emit) -> None:
        return None
