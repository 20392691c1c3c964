"""Calls whose arguments are all known become their value, unless that refuses something which has to be counted."""

from __future__ import annotations

from dataclasses import replace

from ..expr import Bound, Call, Expr, Literal, rewrite
from ..plan import Aggregate, Assignment, Filter, Node, Project
from . import Helpers

KINDS = frozenset({"bool", "long", "double", "string", "date", "duration", "null"})


def fold_constants(node: Node, helpers: Helpers) -> Node | None:
    def fold(e: Expr) -> Expr | None:
        if not isinstance(e, Call) or e.function.volatile or e.type.kind not in KINDS:
            return None
        if not all(isinstance(a, Literal) for a in e.args):
            return None
        if e.function.name == "!=" and any(isinstance(a, Literal) and a.value is None for a in e.args):
            return None  # it tells how many rows it left out
        value, refused = helpers.evaluate(e)
        return None if refused else Literal(type=e.type, value=value, span=e.span)

    def folded(bound: Bound) -> Bound:
        made = rewrite(bound.expr, fold)
        return bound if made is bound.expr else Bound(made, bound.parsed)

    if isinstance(node, Filter) and node.predicate is not None:
        predicate = folded(node.predicate)
        if isinstance(predicate.expr, Literal) and node.limit is None and _always(predicate.expr):
            return node.inputs[0]
        return None if predicate is node.predicate else replace(node, predicate=predicate)
    if isinstance(node, Project):
        assigns = tuple(Assignment(a.names, folded(a.value)) for a in node.assigns)
        return (
            None
            if _same([a.value for a in assigns], [a.value for a in node.assigns])
            else replace(node, assigns=assigns)
        )
    if isinstance(node, Aggregate):
        aggs = tuple(
            replace(a, args=tuple(map(folded, a.args)), where=folded(a.where) if a.where else None) for a in node.aggs
        )
        before = [b for a in node.aggs for b in (*a.args, a.where) if b]
        after = [b for a in aggs for b in (*a.args, a.where) if b]
        return None if _same(before, after) else replace(node, aggs=aggs)
    return None


def _same(a: list[Bound], b: list[Bound]) -> bool:
    return all(x is y for x, y in zip(a, b, strict=True))


def _always(literal: Literal) -> bool:
    return literal.value is not None and literal.value is not False
