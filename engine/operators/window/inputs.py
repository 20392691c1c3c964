"""Evaluates what keys, arguments and conditions are made of, and hands it on as columns behind the fields."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ....planner.expr import is_volatile
from ....planner.records import dataclass
from ....planner.types import Schema
from ...batch import Batch, Column
from ...context import Context
from ...exprs import Eval, over, truth
from ...notes import At
from ...operator import Emit, Flow
from ..project import as_column
from .spec import Computed


@dataclass(slots=True)
class InputsLocal:
    ctx: Context
    seen: int = 0


class InputsTransform:
    """Equal expressions are evaluated once. A condition stands before the arguments that it guards."""

    def __init__(self, exprs: Sequence[Computed], schema: Schema, at: At) -> None:
        self._exprs, self._schema, self._at = exprs, schema, at
        self.needs_order = any(is_volatile(e.expr) for e in exprs)

    def open(self, ctx: Context) -> InputsLocal:
        return InputsLocal(ctx)

    def push(self, batch: Batch, local: InputsLocal, emit: Emit) -> Flow:
        ev = over(batch, self._schema, local.ctx, self._at, (0, local.seen))
        local.seen += batch.n_rows
        made: list[Column] = []
        for computed in self._exprs:
            value = ev.run(computed.expr, _active(computed, made, ev))
            made.append(as_column(value, batch.n_rows, computed.expr.type))
        return emit(batch.with_columns(made))

    def finish(self, local: InputsLocal, emit: Emit) -> None:
        return None


def _active(computed: Computed, made: Sequence[Column], ev: Eval) -> NDArray[np.bool_] | None:
    if not computed.guards:
        return None
    active = np.zeros(ev.n, np.bool_)
    for guard in computed.guards:
        active |= truth(made[guard], ev.n)
    return active
