"""Of two joins one behind the other, the one that leaves fewer rows comes first, where the result stays the same.

The rows of a join are in the order of its left, then of its right. So two of them may change places only where one gives at
most one row for a row of the left: a `leftonly`, or a join with a subquery whose keys are those of its last aggregation.
"""

from __future__ import annotations

from dataclasses import replace

from .. import estimate
from ..combine import Join
from ..expr import FieldRef
from ..plan import Aggregate, Filter, Keep, Node, Sort
from . import Helpers

MUCH = 4  # times as few rows on the right, or it is not worth another order


def join_order(node: Node, helpers: Helpers) -> Node | None:
    if not isinstance(node, Join) or not isinstance(node.left, Join):
        return None
    late, early = node, node.left
    if not (_is_plain(late) and _is_plain(early) and _may_swap(early, late) and _is_better(early, late)):
        return None
    first = replace(late, inputs=(early.left, late.right))
    second = replace(early, inputs=(first, early.right))
    if second.schema.names() == node.schema.names():
        return second
    return Keep(span=node.span, stage=node.stage, inputs=(second,), names=node.schema.names(), implied=True)


def _is_plain(join: Join) -> bool:
    is_open = join.left.schema.open or join.right.schema.open
    return join.type in ("inner", "leftonly") and not (join.first or join.clashes or join.left_first or is_open)


def _may_swap(early: Join, late: Join) -> bool:
    made = {ours for _, ours in early.fresh()}
    known = early.left.schema
    if any(k.left in made or k.left not in known for k in late.keys):
        return False
    if made & {ours for _, ours in late.fresh()}:
        return False
    return late.type == "leftonly" or _is_single(early) or _is_single(late)


def _is_single(join: Join) -> bool:
    """Whether a row of the left has one partner at most."""
    if join.type == "leftonly":
        return True
    below = join.right
    while isinstance(below, Filter | Sort):
        below = below.inputs[0]
    if not isinstance(below, Aggregate) or not below.keys or type(below) is not Aggregate:
        return False
    keys = {k.right for k in join.keys}
    return all(k.name in keys and isinstance(k.expr.expr, FieldRef) for k in below.keys)


def _is_better(early: Join, late: Join) -> bool:
    if late.type == "leftonly":
        return early.type != "leftonly"
    if early.type == "leftonly":
        return False
    before, after = estimate.rows(early.right), estimate.rows(late.right)
    return before is not None and after is not None and after * MUCH < before
