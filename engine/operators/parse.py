"""`parse`: fields cut out of text by patterns, brought to their types."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ...planner.expr import Expr
from ...planner.types import Schema
from ..arrow import is_valid, nulls
from ..batch import Batch, Column, Spans
from ..context import Context
from ..exprs import evaluate, over, plain, spread
from ..notes import At
from ..operator import Emit, Flow, StreamTransform
from ..regex import Pattern, extract


@dataclass(frozen=True, slots=True)
class Cut:
    """One pattern and the groups wanted of it; each becomes a text column of the scratch schema."""

    pattern: Pattern
    groups: tuple[int, ...]


class ParseTransform(StreamTransform):
    """`texts`: the scratch schema of all wanted groups as text; `values`: for each output field an expression over it, or a
    place in the input. A row counts as refused when its text is there and one of the patterns does not match."""

    def __init__(
        self, column: int | None, cuts: Sequence[Cut], texts: Schema, values: Sequence[Expr | int], out: Schema, at: At
    ) -> None:
        self._column, self._cuts, self._texts, self._values, self._out, self._at = column, cuts, texts, values, out, at

    def push(self, batch: Batch, local: Context, emit: Emit) -> Flow:
        n = batch.n_rows
        text: Column = batch.columns[self._column] if self._column is not None else nulls(n, pa.string())
        columns, matched = self._cut(text)
        refused = ~matched & _has_value(text)
        if refused.any():
            local.notes.rows(self._at, "reject", "no match", batch, np.flatnonzero(refused), text, "the parsed fields are null")
        scratch = Batch(n, tuple(columns), batch.origin)
        ev = over(scratch, self._texts, local, self._at)
        made: list[Column] = []
        for value in self._values:
            if isinstance(value, int):
                made.append(batch.columns[value])
            else:
                got = evaluate(value, ev)
                made.append(spread(got, n) if isinstance(got, pa.Scalar) else got)
        return emit(Batch(n, tuple(made), batch.origin))

    def _cut(self, text: Column) -> tuple[list[Column], NDArray[np.bool_]]:
        n = len(text)
        source = text if isinstance(text, Spans) else plain(text, n)
        columns: list[Column] = []
        matched = np.ones(n, np.bool_)
        for cut in self._cuts:
            found: list[Any] = extract(source, cut.pattern, [0, *cut.groups])
            matched &= _has_value(found[0])
            columns += found[1:]
        return columns, matched


def _has_value(column: Column) -> NDArray[np.bool_]:
    return column.length >= 0 if isinstance(column, Spans) else is_valid(column)
