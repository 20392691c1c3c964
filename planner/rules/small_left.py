"""A join whose left is much smaller than its right reads the left first, and keeps of the right only rows that match it.

The rows and their order stay the same; the right's table is as small as the left lets it be. Not where the left may refuse
values: all of it is read, and a limit behind the join would have left some of them alone.
Source of the idea: semi-join reduction (Bernstein, Chiu, "Using Semi-Joins to Solve Relational Queries", JACM 28, 1981).
"""

from __future__ import annotations

from dataclasses import replace

from .. import estimate
from ..combine import Join
from ..plan import Filter, Keep, Limit, Node, Project, Rename, Scan, line_of
from . import Helpers
from .total import is_total

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
    return replace(node, left_first=True) if _is_quiet(node.left) else None


def _is_quiet(left: Node) -> bool:
    """Whether reading all of it tells no more than reading some: a limit behind the join may end it early."""
    for node in line_of(left):
        if node.blocking:
            return True
        match node:
            case Project():
                exprs = [a.value.expr for a in node.assigns]
            case Filter():
                exprs = [] if node.predicate is None else [node.predicate.expr]
            case Keep() | Rename() | Limit() | Scan():
                exprs = []
            case _:
                return False
        if not all(map(is_total, exprs)):
            return False
    return True
