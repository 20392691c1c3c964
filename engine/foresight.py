"""What a plan tells of its rows before it runs: whether their order matters, and whether more of them are near."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from ..planner.combine import Union
from ..planner.expr import Expr
from ..planner.plan import Aggregate, Filter, Keep, Limit, Node, Project, Rename, Scan
from ..planner.rules.total import is_total


def needs_its_own_line(transform: Any) -> bool:
    """It may end its source, hold rows back, or want all rows whatever others do."""
    is_steady = not transform.needs_order or getattr(transform, "is_steady", False)
    return not is_steady or getattr(transform, "swallows_done", False)


def is_order_free(nodes: Sequence[Node]) -> bool:
    """Whether what stands behind gives the same for rows in any order: an aggregation that asks for none, before all else.

    Nothing of it may refuse values: notes show the first rows in order.
    """
    for node in nodes:
        if not isinstance(node, Filter | Project | Keep | Rename | Aggregate) or node.needs_order:
            return False
        if not all(map(is_total, _computed(node))):
            return False
        if isinstance(node, Aggregate):
            return type(node) is Aggregate and not any(a.function.ordered for a in node.aggs)
    return False


def _computed(node: Node) -> Iterator[Expr]:
    if isinstance(node, Filter) and node.predicate is not None:
        yield node.predicate.expr
    if isinstance(node, Project):
        yield from (a.value.expr for a in node.assigns)
    if isinstance(node, Aggregate):
        yield from (k.expr.expr for k in node.keys)
        yield from (b.expr for a in node.aggs for b in (*a.args, a.where) if b is not None)


def is_next_near(below: Node) -> bool:
    """Whether the next row comes without a search: each row of the source is one here, and none is waited for."""
    while isinstance(below, Limit) or below.writes or below.lets_limit_through():
        below = below.inputs[0]
    if isinstance(below, Union):
        return all(map(is_next_near, below.inputs))
    if isinstance(below, Scan):
        return not below.request.filters and not getattr(below.relation, "is_live", False)
    return below.blocking
