"""A plan as text."""

from __future__ import annotations

from .node import Node
from .order import Limit
from .pending import Pending, Procedure


def query_text(node: Node) -> str:
    """Canonical query: binding it again gives an equal plan. A call stands for the stages of its procedure."""
    line = [node]
    while line[-1].inputs:  # a loop along the pipeline: only subqueries nest
        line.append(line[-1].before)
    stages: list[str] = []
    at = 0
    while at < len(line):
        told, covered = line[at], 0
        before: list[str] = []
        if isinstance(told, Procedure | Pending) and told.covers:
            covered = _covered(told.covers, line[at + 1 :])
            among = [
                n for n in line[at + 1 : at + 1 + covered] if not n.stage.startswith(told.covers) and not n.implied
            ]
            # limits move down: one of the stages behind into the call, or one of the call's below the stages before it
            stages += [n.text() for n in among if isinstance(n, Limit)]
            before = [n.text() for n in among if not isinstance(n, Limit)]
        if not told.implied:
            stages.append(told.text())
        stages += before
        at += 1 + covered
    return " | ".join(reversed(stages))


def _covered(prefix: str, below: list[Node]) -> int:
    """So many nodes end with the last that is a stage of the call."""
    if not below or not (below[0].stage.startswith(prefix) or any(isinstance(n, Limit) for n in below)):
        return 0
    return max((i + 1 for i, n in enumerate(below) if n.stage.startswith(prefix)), default=0)
