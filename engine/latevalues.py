"""Parameters that a subquery gives: its first row, and plans in which its values stand."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import pyarrow as pa

from ..planner.expr import Bound, Expr, Late, Literal, is_late, rewrite
from ..planner.plan import Filter, Node, line_of
from ..planner.records import dataclass
from ..planner.types import Schema, Type
from .arrow import call, no_value
from .batch import Batch
from .context import Context
from .notes import At
from .operator import Flow

SPELLED = frozenset({"bool", "long", "double", "string", "date", "duration"})
Names = Sequence[tuple[str, str]]


@dataclass(slots=True)
class First:
    ctx: Context


class FirstRow:
    """Keeps the first row; its result is the values by the names that `Late` expressions have."""

    needs_order = True

    def __init__(self, names: Names, at: At) -> None:
        self._names, self._at = names, at
        self.schema = Schema()  # set by whoever lowers what comes before: it may not be known earlier
        self._found: dict[str, tuple[pa.Scalar[Any], Type]] | None = None

    def open(self, ctx: Context) -> First:
        return First(ctx)

    def push(self, batch: Batch, local: First) -> Flow:
        if self._found is None and batch.n_rows:
            row, kinds = batch.slice(0, 1), dict(self.schema.fields)
            self._found = {key: (row.array(self.schema.index(n))[0], kinds[n]) for n, key in self._names}
            local.ctx.last_row(batch, 0)
        return Flow.MORE if self._found is None else Flow.DONE

    def combine(self, local: First) -> None:
        return None

    def merge(self, ctx: Context) -> Sequence[Callable[[], None]]:
        return ()

    def result(self, ctx: Context) -> Any:
        found = self._found
        if found is None:
            ctx.notes.count(
                self._at, "info", "no row", 1, "the subquery has no row: the parameters that it gives are null"
            )
            kinds = dict(self.schema.fields)
            found = {key: (no_value(kinds[n].arrow), kinds[n]) for n, key in self._names}
        ctx.query.late.update(found)
        return found

    def close(self) -> None:
        return None


def with_values(plan: Node, known: Mapping[str, tuple[pa.Scalar[Any], Type]]) -> Node:
    """The plan with these values in its filters, so that they may move to the sources as others do.

    Elsewhere they are looked up as the expression is computed.
    """
    line = line_of(plan)
    made = line[-1]
    for node in reversed(line[:-1]):
        others = (with_values(n, known) for n in node.inputs[1:])
        made = _placed(replace(node, inputs=(made, *others)), known)
    return made


def _placed(node: Node, known: Mapping[str, tuple[pa.Scalar[Any], Type]]) -> Node:
    if not isinstance(node, Filter) or node.predicate is None or not is_late(node.predicate.expr):
        return node

    def value(e: Expr) -> Expr | None:
        if not isinstance(e, Late) or e.name not in known or e.type.kind not in SPELLED:
            return None
        return Literal(type=e.type, value=_plain(known[e.name][0], e.type), span=e.span)

    return replace(node, predicate=Bound(rewrite(node.predicate.expr, value), node.predicate.parsed))


def _plain(value: pa.Scalar[Any], kind: Type) -> Any:
    """As a literal holds it: dates and durations as whole numbers of their unit."""
    if not value.is_valid:
        return None
    if kind.kind in ("date", "duration"):
        return call("cast", pa.array([value]), pa.int64())[0].as_py()
    return value.as_py()
