"""Several columns computed from a batch at once: none of the expressions sees what another one makes."""

from __future__ import annotations

from collections.abc import Sequence

from ...planner.expr import Expr
from ...planner.types import Schema
from ..batch import Batch
from ..context import Context
from ..exprs import evaluate, over
from ..notes import At
from ..operator import Emit, Flow, StreamTransform
from .project import as_column


class ComputeTransform(StreamTransform):
    """Puts the value of each expression into its column of `out`; new columns stand at the end, in order."""

    def __init__(self, made: Sequence[tuple[str, Expr]], schema: Schema, out: Schema, at: At) -> None:
        self._exprs = [e for _, e in made]
        self._places = [out.index(n) for n, _ in made]
        self._schema, self._at = schema, at

    def push(self, batch: Batch, local: Context, emit: Emit) -> Flow:
        ev = over(batch, self._schema, local, self._at)
        columns = [as_column(evaluate(e, ev), batch.n_rows, e.type) for e in self._exprs]
        return emit(batch.put(self._places, columns))
