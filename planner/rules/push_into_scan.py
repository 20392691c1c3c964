"""A filter that stands on a scan is offered to the source: it may apply it, or skip what can hold no such row."""

from __future__ import annotations

from dataclasses import replace
from itertools import takewhile

from ..catalog import Pushdown
from ..expr import conjuncts, is_volatile
from ..plan import Filter, Node, Scan
from . import Helpers
from .total import is_total


def push_into_scan(node: Node, helpers: Helpers) -> Node | None:
    if not isinstance(node, Filter) or node.predicate is None or node.limit is not None:
        return None
    between, scan = _below(node)
    if scan is None:
        return None
    known = set(scan.request.filters)
    parts = conjuncts(node.predicate.expr)
    quiet = takewhile(is_total, parts) if not any(map(is_volatile, parts)) else ()  # as in push_filter
    new = [p for p in quiet if p not in known and scan.relation.pushdown(p) is not Pushdown.NO]
    if not new:
        return None
    out: Node = replace(scan, request=replace(scan.request, filters=(*scan.request.filters, *new)))
    for other in reversed(between):
        out = replace(other, inputs=(out,))
    applied = all(p in new and scan.relation.pushdown(p) is Pushdown.EXACT for p in parts)
    return out if applied else replace(node, inputs=(out,))


def _below(node: Node) -> tuple[list[Filter], Scan | None]:
    """The scan below, with the filters between that refuse nothing."""
    between: list[Filter] = []
    below = node.inputs[0]
    while (
        isinstance(below, Filter)
        and below.limit is None
        and (below.predicate is None or is_total(below.predicate.expr))
    ):
        between.append(below)
        below = below.inputs[0]
    return between, below if isinstance(below, Scan) else None
