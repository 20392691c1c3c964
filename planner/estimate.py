"""How many rows a plan gives, about; None where nobody knows. Only choices that change no result are made by it."""

from __future__ import annotations

from .combine import Union
from .expr import conjuncts
from .plan import Aggregate, Filter, Limit, Node, Scan, Sort, Tail, line_of

PASSES = 0.25  # share of the rows that one condition lets through, as other engines guess
A_GROUP = 10  # rows of a group


def rows(plan: Node) -> float | None:
    line = line_of(plan)
    found = _first(line[-1])
    for node in reversed(line[:-1]):
        found = _after(node, found)
    return found


def _first(node: Node) -> float | None:
    if not isinstance(node, Scan):
        return None
    known = getattr(node.relation, "n_rows", None)
    return None if known is None else known * PASSES ** len(node.request.filters)


def _after(node: Node, found: float | None) -> float | None:
    most: float | None = None
    if isinstance(node, Union):
        parts = [found, *(rows(n) for n in node.inputs[1:])]
        return None if None in parts else sum(p for p in parts if p is not None)
    if isinstance(node, Limit | Tail):
        most = float(node.count)
    elif isinstance(node, Sort) and not node.by:
        most = None if node.limit is None else float(node.limit)
    elif isinstance(node, Filter):
        most = None if node.limit is None else float(node.limit)
        if found is not None and node.predicate is not None:
            found *= PASSES ** len(conjuncts(node.predicate.expr))
    elif isinstance(node, Aggregate):
        if not node.keys:
            return 1.0
        found = None if found is None else max(1.0, found / A_GROUP)
    if most is None:
        return found
    return most if found is None else min(found, most)
