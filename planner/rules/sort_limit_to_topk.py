"""`sort | limit` keeps only the rows that the limit lets through, and one more, so that the limit still knows of the rest."""

from __future__ import annotations

from dataclasses import replace

from ..plan import Limit, Node, Sort
from . import Helpers

MOST = 1 << 20  # beyond that a full sort, which spills, is the better way


def sort_limit_to_topk(node: Node, helpers: Helpers) -> Node | None:
    if not isinstance(node, Limit) or not isinstance(node.inputs[0], Sort):
        return None
    sort, count = node.inputs[0], node.offset + node.count + 1
    if sort.by or sort.limit is not None or count > MOST:
        return None
    return replace(node, inputs=(replace(sort, limit=count),))
