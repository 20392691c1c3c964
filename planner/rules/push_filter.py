"""A filter moves towards the source, part by part, past stages that neither change what it reads nor count rows.

Never below a limit, never past a stage that may refuse rows: the notes must stay as they are.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import accumulate
from operator import and_

from .. import ast
from ..expr import Bound, Call, Expr, conjuncts, fields_of, is_volatile
from ..plan import Filter, Keep, Node, Order, Project, Rename, Sort
from . import Helpers
from .total import is_total


def push_filter(node: Node, helpers: Helpers) -> Node | None:
    if not isinstance(node, Filter) or node.predicate is None or node.limit is not None:
        return None
    below = node.inputs[0]
    if not _passable(below):
        return None
    parts = conjuncts(node.predicate.expr)
    written = written_parts(node.predicate.parsed, len(parts))
    if written is None:
        parts, written = (node.predicate.expr,), (node.predicate.parsed,)
    if any(map(is_volatile, parts)):  # it counts the rows that come to this stage
        return None
    quiet = list(accumulate(map(is_total, parts), and_))  # what stands behind a part that refuses rows runs behind it
    go = [q and below.lets_filter_through(fields_of(p)) for q, p in zip(quiet, parts, strict=True)]
    if not any(go):
        return None
    passing = joined([(p, w) for p, w, g in zip(parts, written, go, strict=True) if g], node.predicate.expr)
    moved = replace(node, inputs=below.inputs, predicate=passing)
    above = replace(below, inputs=(moved,))
    if all(go):
        return above
    staying = joined([(p, w) for p, w, g in zip(parts, written, go, strict=True) if not g], node.predicate.expr)
    return replace(node, inputs=(above,), predicate=staying)


def _passable(below: Node) -> bool:
    if len(below.inputs) != 1 or below.writes:
        return False
    if isinstance(below, Project):
        return all(is_total(a.value.expr) for a in below.assigns)
    if isinstance(below, Keep | Rename | Sort):
        return True
    return below.refuses_nothing() or (type(below).order is Order.KEEPS and type(below).__name__ == "Bypass")


def written_parts(parsed: ast.Expr, n: int) -> tuple[ast.Expr, ...] | None:
    """The parsed form of each part; None where it was written otherwise."""
    if n == 1:
        return (parsed,)
    if isinstance(parsed, ast.Call) and parsed.op and parsed.name == "and" and len(parsed.args) == n:
        return parsed.args
    return None


def joined(parts: list[tuple[Expr, ast.Expr]], whole: Expr) -> Bound:
    if len(parts) == 1:
        return Bound(*parts[0])
    assert isinstance(whole, Call)
    expr = replace(whole, args=tuple(p for p, _ in parts))
    return Bound(expr, ast.Call(name="and", op=True, args=tuple(w for _, w in parts)))
