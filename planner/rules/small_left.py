"""A join whose left is much smaller than its right reads the left first, and keeps of the right only rows that match it.

The rows and their order stay the same; the right's table is as small as the left lets it be.
Source of the idea: semi-join reduction (Bernstein, Chiu, "Using Semi-Joins to Solve Relational Queries", JACM 28, 1981).
"""

from __future__ import annotations

from dataclasses import replace

from .. import estimate
from ..combine import Join
from ..plan import Node
from . import Helpers

MUCH = 8  # times as many rows on the right
LEAST = 100_000  # rows of the right for which it is worth a second look at the left
MOST = 1_000_000  # rows of the left that are kept


def small_left(node: Node, helpers: Helpers) -> Node | None:
    if not isinstance(node, Join) or node.left_first or node.first or not node.may_spill:
        return None
    if node.type not in ("inner", "left", "leftonly"):
        return None
    left, right = estimate.rows(node.left), estimate.rows(node.right)
    if left is None or right is None or right < LEAST or left > MOST or right < MUCH * left:
        return None
    return replace(node, left_first=True)
