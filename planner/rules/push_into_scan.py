"""A filter that stands on a scan is offered to the source: it may apply it, or skip what can hold no such row."""

from __future__ import annotations

from dataclasses import replace

from ..catalog import Pushdown
from ..expr import conjuncts
from ..plan import Filter, Node, Scan
from . import Helpers
from .total import is_total


def push_into_scan(node: Node, helpers: Helpers) -> Node | None:
    if not isinstance(node, Filter) or node.predicate is None or node.limit is not None:
        return None
    scan = node.inputs[0]
    if not isinstance(scan, Scan):
        return None
    known = set(scan.request.filters)
    new = []
    for part in conjuncts(node.predicate.expr):
        if part not in known and is_total(part) and scan.relation.pushdown(part) is not Pushdown.NO:
            new.append(part)
    if not new:
        return None
    request = replace(scan.request, filters=(*scan.request.filters, *new))
    left = [p for p in conjuncts(node.predicate.expr) if scan.relation.pushdown(p) is not Pushdown.EXACT]
    pushed = replace(scan, request=request)
    return replace(node, inputs=(pushed,)) if left else pushed
