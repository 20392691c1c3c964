"""`stats count` of a whole source that knows how many rows it has reads none of them."""

from __future__ import annotations

from dataclasses import replace

from ..catalog import ScanRequest
from ..plan import AggCall, Aggregate, Node, Scan
from . import Helpers


def count_of_scan(node: Node, helpers: Helpers) -> Node | None:
    if type(node) is not Aggregate or node.keys or node.derived or not node.aggs or not all(map(_counts, node.aggs)):
        return None
    scan = node.inputs[0]
    if not isinstance(scan, Scan) or scan.schema.open or scan.request.filters or scan.request.limit is not None:
        return None
    counted = getattr(scan.relation, "counted", None)
    relation = None if counted is None else counted([a.name for a in node.aggs])
    return None if relation is None else replace(scan, relation=relation, request=ScanRequest())


def _counts(agg: AggCall) -> bool:
    return agg.function.name in ("count", "c") and not agg.args and agg.where is None
