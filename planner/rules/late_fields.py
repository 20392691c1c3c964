"""A sort that keeps few rows of a scan reads its keys first; the other fields are fetched for the rows that it kept.

Runs when no other rule applies any more. Source of the idea: "late materialization" of column stores (Abadi et al.,
"Materialization Strategies in a Column-Oriented DBMS", ICDE 2007).
"""

from __future__ import annotations

from dataclasses import replace
from typing import cast

from ..catalog import LateRelation
from ..expr import fields_of
from ..plan import Fetch, Filter, Keep, Node, Scan, Sort, line_of, rebuilt

MOST_ROWS = 1000  # more lie in so many places that little is saved


def late_fields(plan: Node) -> Node:
    chain = line_of(plan)
    if any(len(n.inputs) > 1 for n in chain):
        chain = line_of(_within(chain))
    for at in range(len(chain) - 1, -1, -1):
        node = chain[at]
        if isinstance(node, Sort):
            made = _split(node, chain[at + 1 :])
            return chain[0] if made is None else rebuilt(chain[:at], made)
    return chain[0]


def _within(chain: list[Node]) -> Node:
    """The same plan, done to its subqueries."""
    made = chain[-1]
    for node in reversed(chain[:-1]):
        made = replace(node, inputs=(made, *map(late_fields, node.inputs[1:])))
    return made


def _split(sort: Sort, below: list[Node]) -> Node | None:
    """`below`: from the sort's input down to the scan."""
    scan = below[-1]
    if sort.limit is None or sort.limit > MOST_ROWS or sort.by or not isinstance(scan, Scan):
        return None
    if scan.schema.open or not hasattr(scan.relation, "late_fields"):
        return None
    relation, names = cast(LateRelation, scan.relation), scan.schema.names()
    early = {k.name for k in sort.keys}
    filters: list[Filter] = []
    for node in below[:-1]:
        if isinstance(node, Filter) and not node.needs_order:
            filters.append(node)
            early |= fields_of(node.predicate.expr) if node.predicate else set()
        elif not (isinstance(node, Keep) and set(node.schema.names()) <= set(names)):
            return None
    late = relation.late_fields([n for n in names if n not in early])
    if not late:
        return None
    placed, place = relation.placed()
    request = replace(scan.request, fields=(*(n for n in names if n not in late), place))
    inner: Node = replace(scan, relation=placed, request=request)
    for kept in reversed(filters):
        inner = replace(kept, inputs=(inner,), carried=None)
    return Fetch(
        span=scan.span, stage=scan.stage, written=scan.written, inputs=(replace(sort, inputs=(inner,)),),
        relation=relation, request=replace(scan.request, fields=tuple(n for n in names if n in late)),
        place=place, columns=sort.schema,
    )  # fmt: skip
