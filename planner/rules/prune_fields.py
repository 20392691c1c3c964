"""Only the fields that something behind asks for are read and carried. One pass over the whole plan, from the result down."""

from __future__ import annotations

from dataclasses import replace

from ..plan import Names, Node, Pending, Project, Scan, rebuilt
from .total import is_total


def prune_fields(plan: Node) -> Node:
    """The same plan with smaller scans; its own columns stay as they are."""
    return _line(plan, frozenset(plan.schema.names()), everything=plan.schema.open)


def _line(plan: Node, wanted: Names, *, everything: bool) -> Node:
    """From a plan's end down to its source, and on along each subquery on the way."""
    chain: list[Node] = []
    node = plan
    while True:
        pruned = node if everything else _pruned(node, wanted)
        if not node.inputs:
            break
        if len(node.inputs) > 1:
            each = [frozenset(n.schema.names()) for n in node.inputs] if everything else pruned.needs_each(wanted)
            others = zip(node.inputs[1:], each[1:], strict=True)
            made = tuple(_line(n, w, everything=everything or n.schema.open) for n, w in others)
            pruned, wanted = replace(pruned, inputs=(node.inputs[0], *made)), each[0]
        else:
            everything = isinstance(node, Pending) or (everything and not node.bounded)
            wanted = frozenset(node.inputs[0].schema.names()) if everything else pruned.needs(wanted)
        chain.append(pruned)
        node = node.inputs[0]
        everything = everything or node.schema.open
    if isinstance(pruned, Scan) and not everything:
        pruned = _scanned(pruned, wanted)
    return rebuilt(chain, pruned)


def _pruned(node: Node, wanted: Names) -> Node:
    if isinstance(node, Project):
        return _without_unused(node, wanted)
    return node.prune(wanted)


def _without_unused(node: Project, wanted: Names) -> Node:
    """Assignments that nobody reads go, unless they may refuse rows: those are counted whether or not they are read."""
    from ..expr import fields_of

    kept = []
    placed = wanted - frozenset(node.inputs[0].schema.names())  # the first assignment gives the new column its place
    for i, a in reversed(list(enumerate(node.assigns))):
        new = placed & frozenset(a.names) - {n for b in node.assigns[:i] for n in b.names}
        if wanted & frozenset(a.names) or new or not is_total(a.value.expr):
            wanted = wanted - frozenset(a.names) | fields_of(a.value.expr)
            kept.append(a)
    kept.reverse()
    if not kept:
        return replace(node, assigns=())
    return node if len(kept) == len(node.assigns) else replace(node, assigns=tuple(kept))


def _scanned(scan: Scan, wanted: Names) -> Scan:
    fields = tuple(n for n in scan.relation.schema.names() if n in wanted)
    if scan.relation.schema.open or scan.request.fields == fields or fields == scan.relation.schema.names():
        return scan
    return replace(scan, request=replace(scan.request, fields=fields))
