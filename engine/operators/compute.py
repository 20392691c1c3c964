"""Several columns computed from a batch at once: none of the expressions sees what another one makes."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from ...planner.expr import Expr
from ...planner.types import Schema
from ..batch import Batch, Column
from ..context import Context
from ..exprs import Eval, coded_of, evaluate, has_codes, over
from ..notes import At
from ..operator import Emit, Flow, StreamTransform
from .project import as_column


class ComputeTransform(StreamTransform):
    """Puts the value of each expression into its column of `out`; new columns stand at the end, in order."""

    def __init__(self, made: Sequence[tuple[str, Expr]], schema: Schema, out: Schema, at: At) -> None:
        self._exprs = [e for _, e in made]
        self._places = [out.index(n) for n, _ in made]
        self._schema, self._at = schema, at
        self._names = [n for n, _ in made]
        self._coded = [False] * len(made)
        self.is_quick = all(map(has_codes, self._exprs))

    def code(self, names: Collection[str]) -> None:
        """What stands behind only groups by these: they may be dictionaries, of any type."""
        self._coded = [n in names and has_codes(x) for n, x in zip(self._names, self._exprs, strict=True)]

    def push(self, batch: Batch, local: Context, emit: Emit) -> Flow:
        ev = over(batch, self._schema, local, self._at)
        columns = [self._column(e, ev, coded) for e, coded in zip(self._exprs, self._coded, strict=True)]
        return emit(batch.put(self._places, columns))

    @staticmethod
    def _column(expr: Expr, ev: Eval, coded: bool) -> Column:
        found = coded_of(expr, ev) if coded else None
        return as_column(evaluate(expr, ev), ev.n, expr.type) if found is None else found
