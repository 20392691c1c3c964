"""Which fields a source may tell of where it reads more than the query needs: without the optimiser.

A value that does not fit is counted where something reads it. So that counts do not depend on the optimiser, a plan that
is run as written tells of what the optimised one would read.
"""

from __future__ import annotations

from dataclasses import replace

from .plan import Node, Scan


def judged_as(plan: Node, improved: Node) -> Node:
    """The same plan; its sources tell of the fields that those of `improved` read."""
    read = {(n.stage, n.key): n.request.fields for n in improved.walk() if isinstance(n, Scan)}
    return _told(plan, read)


def _told(node: Node, read: dict[tuple[str, str], tuple[str, ...] | None]) -> Node:
    line = [node]
    while len(line[-1].inputs) == 1:
        line.append(line[-1].inputs[0])
    out = line[-1]
    if isinstance(out, Scan):
        fields = read.get((out.stage, out.key))
        if fields is None:
            return node
        out = replace(out, request=replace(out.request, judged=fields))
    elif out.inputs:
        out = replace(out, inputs=tuple(_told(n, read) for n in out.inputs))
    for above in reversed(line[:-1]):
        out = replace(above, inputs=(out,))
    return out
