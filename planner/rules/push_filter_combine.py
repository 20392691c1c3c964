"""A filter behind a join or a union moves into the inputs whose fields it reads, where neither rows nor notes change.

Into a union: into each branch that has the fields in the same types. Into a join that overwrites nothing: into the left, of
types that give no row without a left; into the right, of types that give no row without a right.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import accumulate
from operator import and_

from ..combine import KEEPS_LEFT, Join, Union
from ..expr import Expr, FieldRef, conjuncts, fields_of, is_volatile, rewrite
from ..plan import Filter, Node
from . import Helpers
from .push_filter import joined, written_parts
from .total import is_total


def push_filter_combine(node: Node, helpers: Helpers) -> Node | None:
    if not isinstance(node, Filter) or node.predicate is None or node.limit is not None or node.carried is not None:
        return None
    below = node.inputs[0]
    if isinstance(below, Union):
        return _into_union(node, below)
    return _into_join(node, below) if isinstance(below, Join) else None


def _into_union(node: Filter, union: Union) -> Node | None:
    assert node.predicate is not None
    expr = node.predicate.expr
    if not is_total(expr) or is_volatile(expr) or union.narrowed():
        return None
    wanted = fields_of(expr)
    for part in union.inputs:
        if part.schema.open or any(part.schema.type(n) != union.schema.type(n) for n in wanted):
            return None
    return replace(union, inputs=tuple(replace(node, inputs=(part,)) for part in union.inputs))


def _into_join(node: Filter, join: Join) -> Node | None:
    assert node.predicate is not None
    if join.clashes or join.left.schema.open or join.right.schema.open:
        return None
    parts = conjuncts(node.predicate.expr)
    written = written_parts(node.predicate.parsed, len(parts))
    if written is None:
        parts, written = (node.predicate.expr,), (node.predicate.parsed,)
    if any(map(is_volatile, parts)):
        return None
    quiet = list(accumulate(map(is_total, parts), and_))
    sides = [_side(join, p) if q else None for p, q in zip(parts, quiet, strict=True)]
    if not any(sides):
        return None
    inputs = list(join.inputs)
    for at, side in enumerate(("left", "right")):
        mine = [(p, w) for p, w, s in zip(parts, written, sides, strict=True) if s == side]
        if mine:
            moved = [(_renamed(join, p) if at else p, w) for p, w in mine]
            inputs[at] = replace(node, inputs=(inputs[at],), predicate=joined(moved, node.predicate.expr))
    made = replace(join, inputs=tuple(inputs))
    staying = [(p, w) for p, w, s in zip(parts, written, sides, strict=True) if s is None]
    return made if not staying else replace(node, inputs=(made,), predicate=joined(staying, node.predicate.expr))


def _side(join: Join, part: Expr) -> str | None:
    """The input that may drop the rows which fail."""
    wanted = fields_of(part)
    if not wanted:
        return None
    left = join.left.schema
    if join.type in KEEPS_LEFT and not join.quiet and all(n in left for n in wanted):
        return "left"
    theirs = {ours for _, ours in join.fresh()}
    if join.type in ("inner", "cross", "right") and not join.quiet and not join.first and wanted <= theirs:
        return "right"
    return None


def _renamed(join: Join, part: Expr) -> Expr:
    """The predicate over the right's own names."""
    names = {ours: theirs for theirs, ours in join.fresh()}

    def own(e: Expr) -> Expr | None:
        return replace(e, name=names[e.name]) if isinstance(e, FieldRef) and names[e.name] != e.name else None

    return rewrite(part, own)
