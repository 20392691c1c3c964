"""Calls of procedures go: their stages stand in their place already. In one pass, as no other rule sees past a call."""

from __future__ import annotations

from dataclasses import replace

from ..plan import Node, Procedure, line_of


def inline_procedures(plan: Node) -> Node:
    chain = line_of(plan)
    if not any(isinstance(n, Procedure) or len(n.inputs) > 1 for n in chain):
        return plan
    out = chain[-1]
    for node in reversed(chain[:-1]):
        if not isinstance(node, Procedure):
            out = replace(node, inputs=(out, *map(inline_procedures, node.inputs[1:])))
    return out
