"""`eval`, `fields`, `rename`: columns computed, chosen, put in another order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from ...planner.expr import is_volatile
from ...planner.plan import Aggregate, Assignment, is_hidden
from ...planner.records import dataclass
from ...planner.types import Schema, Type
from ..arrow import nulls
from ..batch import Batch, Column
from ..context import Context
from ..exprs import Value, evaluate, over, spread
from ..notes import At
from ..operator import Emit, Flow, StreamTransform


@dataclass(slots=True)
class ProjectLocal:
    ctx: Context
    seen: int = 0


class ProjectTransform:
    """Each assignment in turn; later ones see earlier ones."""

    def __init__(self, assigns: Sequence[Assignment], schema: Schema, at: At) -> None:
        self._at = at
        self._steps: list[tuple[Assignment, Schema, list[int]]] = []
        for a in assigns:
            before = schema
            for name in reversed(a.names):
                schema = schema.put(name, a.value.type)
            self._steps.append((a, before, [schema.index(n) for n in a.names]))
        self.needs_order = any(is_volatile(a.value.expr) for a in assigns)
        self.is_steady = True

    def open(self, ctx: Context) -> ProjectLocal:
        return ProjectLocal(ctx)

    def push(self, batch: Batch, local: ProjectLocal, emit: Emit) -> Flow:
        place = (0, local.seen)
        local.seen += batch.n_rows
        for assign, schema, targets in self._steps:
            value = evaluate(assign.value.expr, over(batch, schema, local.ctx, self._at, place))
            column = as_column(value, batch.n_rows, assign.value.type)
            batch = batch.put(sorted(set(targets)), [column] * len(set(targets)))
        return emit(batch)

    def finish(self, local: Any, emit: Emit) -> None:
        return None


def as_column(value: Value, n: int, type_: Type) -> Column:
    """A value as a column of the type's physical form."""
    if isinstance(value, pa.Scalar):
        value = spread(value, n)
    if isinstance(value, pa.Array) and pa.types.is_null(value.type) and type_.kind != "null":
        return nulls(n, type_.arrow)
    return value


class SelectTransform(StreamTransform):
    """Columns by place; a place of None is a column of nulls. `is_silent`: those that are kept have their names still."""

    is_quick = True

    def __init__(self, places: Sequence[int | None], schema: Schema, *, is_silent: bool = False) -> None:
        self.is_silent = is_silent
        self._places = tuple(places)
        self._types = [t for _, t in schema.fields]

    def push(self, batch: Batch, local: Context, emit: Emit) -> Flow:
        known = [p for p in self._places if p is not None]
        if len(known) == len(self._places):
            return emit(batch.select(known))
        n = batch.n_rows
        columns = [
            batch.columns[p] if p is not None else nulls(n, t.arrow)
            for p, t in zip(self._places, self._types, strict=True)
        ]
        return emit(Batch(n, tuple(columns), batch.origin))


def derived(node: Aggregate, at: At, keep: Sequence[str] = ()) -> list[Any]:
    """What works out expressions over aggregates behind the grouping, and leaves their parts out.

    `keep`: hidden columns that stay, behind the others.
    """
    if not node.derived:
        return []
    grouped = node.grouped()
    shown = [i for i, (name, _) in enumerate(grouped.fields) if not is_hidden(name)]
    kept = [(n, grouped.fields[grouped.index(n)][1]) for n in keep if n in grouped]
    keys = tuple((k.name, k.expr.type) for k in node.keys)
    made = ProjectTransform([d.assignment() for d in node.derived], grouped, at)
    return [
        made,
        SelectTransform([*shown, *(grouped.index(n) for n, _ in kept)], Schema((*keys, *node.columns(), *kept))),
    ]


class PassTransform(StreamTransform):
    """All rows as they are."""

    def push(self, batch: Batch, local: Context, emit: Emit) -> Flow:
        return emit(batch)


class DropTransform(StreamTransform):
    """No row at all; the rows are read all the same, so that writers before it get them."""

    def push(self, batch: Batch, local: Context, emit: Emit) -> Flow:
        return Flow.MORE
