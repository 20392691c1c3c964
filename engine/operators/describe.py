"""`describe`: what was aggregated of each field becomes a row for each field."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from ...planner.records import dataclass
from ...planner.types import Schema, Type
from ..arrow import array_from, bools_of, call, concat, indices, numbers_of
from ..arrow import nulls as null_array
from ..batch import Batch
from ..context import Context
from ..notes import At
from ..operator import Emit, Flow, StreamTransform
from ..values import to_text

ESTIMATED = "distinct values above 1,000,000 are estimated"
HINT = "they have no top; stats dc(F) counts exactly, top limit=1 F finds the most frequent"


@dataclass(frozen=True, slots=True)
class Described:
    """One field: where each figure stands among the columns of the groups (None: it has none), and of which type it is."""

    name: str
    type: str
    figures: tuple[tuple[str, int, Type], ...]

    def figure(self, name: str) -> tuple[int, Type] | None:
        return next(((at, type_) for figure, at, type_ in self.figures if figure == name), None)


class DescribeTransform(StreamTransform):
    """Rows `keys, number of rows, figures of each field` become a row a field, in order of the fields."""

    def __init__(self, schema: Schema, n_keys: int, fields: Sequence[Described], at: At) -> None:
        self._schema, self._n_keys, self._fields, self._at = schema, n_keys, tuple(fields), at

    def push(self, batch: Batch, local: Context, emit: Emit) -> Flow:
        n, n_fields = batch.n_rows, len(self._fields)
        if not n or not n_fields:
            return Flow.MORE
        for field in self._fields:
            self._tell(batch, field, local)
        # a field's rows stand together at first; then the fields of each group do
        order = indices(np.arange(n * n_fields).reshape(n_fields, n).T.reshape(-1))
        groups = indices(np.repeat(np.arange(n), n_fields))
        columns: list[Any] = [batch.array(i).take(groups) for i in range(self._n_keys)]
        for name, type_ in self._schema.fields[self._n_keys :]:
            parts = [self._part(batch, f, name, type_, local.settings.timezone) for f in self._fields]
            columns.append(concat(parts).take(order))
        return emit(Batch(n * n_fields, tuple(columns), batch.origin))

    def _part(self, batch: Batch, field: Described, name: str, type_: Type, zone: str) -> pa.Array[Any]:
        n = batch.n_rows
        if name in ("field", "type"):
            text = field.name if name == "field" else field.type
            return pa.array([text] * n, pa.string())
        if name == "nulls":
            rows = numbers_of(batch.array(self._n_keys))
            return array_from(rows - numbers_of(self._part(batch, field, "count", type_, zone)))
        found = field.figure(name)
        if found is None:
            return null_array(n, type_.arrow)
        return brought(batch.array(found[0]), found[1], type_, zone)

    def _tell(self, batch: Batch, field: Described, ctx: Context) -> None:
        found = field.figure("estimated")
        if found is not None:
            over = int(bools_of(batch.array(found[0])).sum())
            if over:
                ctx.notes.count(self._at, "info", ESTIMATED, over, HINT, [field.name])


def brought(column: pa.Array[Any], type_: Type, wanted: Type, zone: str) -> pa.Array[Any]:
    """A figure in the type of its column; null where that cannot hold it."""
    if column.type == wanted.arrow:
        return column
    if wanted.kind == "string":
        return to_text(column, type_, zone)
    if wanted.kind == "double" and type_.kind == "long":
        return call("cast", column, pa.float64(), safe=False)
    if wanted.kind == "date" and type_.kind == "date":
        return call("cast", column, wanted.arrow, safe=False)
    return null_array(len(column), wanted.arrow)
