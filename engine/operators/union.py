"""`union`: the rows of all branches with the columns of the whole."""

from __future__ import annotations

from collections.abc import Sequence

from ...planner.combine import Union
from ...planner.types import Schema
from ..arrow import nulls
from ..batch import Batch, Column
from ..branches import Branch
from ..context import Context
from ..notes import At
from ..operator import Emit, Flow, StreamTransform
from ..sources.several import converted


class AlignTransform(StreamTransform):
    """Each batch in the columns of the union: by name, widened, null where its branch has no such field."""

    def __init__(self, node: Union, groups: Sequence[Sequence[Branch]], at: At) -> None:
        self._whole, self._at = node.schema, at
        self._parts = [(tuple(g), n.schema) for g, n in zip(groups, node.inputs, strict=True)]
        self._same = [n.schema.fields == node.schema.fields for n in node.inputs]

    def push(self, batch: Batch, local: Context, emit: Emit) -> Flow:
        seq = batch.origin.seq
        for (branches, own), same in zip(self._parts, self._same, strict=True):
            if any(b.holds(seq) for b in branches):
                return emit(batch if same else self._aligned(batch, own, local))
        return emit(batch)  # of a union around this one

    def _aligned(self, batch: Batch, own: Schema, ctx: Context) -> Batch:
        columns: list[Column] = []
        for name, kind in self._whole.fields:
            held = own.type(name)
            if name not in own or held is None:
                columns.append(nulls(batch.n_rows, kind.arrow))
                continue
            i = own.index(name)
            columns.append(converted(batch.columns[i], held, kind, batch, i, ctx, self._at))
        return Batch(batch.n_rows, tuple(columns), batch.origin)
