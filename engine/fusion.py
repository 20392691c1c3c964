"""What operators behind a scan ask it to do on its way over the bytes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..planner.plan import Node
from .operators.rex import RexTransform
from .sources.textfile import TextSource


def ask_for_captures(source: Any, operator: Any, behind: Sequence[Node]) -> None:
    """A `rex` that stands first behind the scan of a text file: its captures are found where lines are. `behind`: what follows."""
    if not isinstance(source, TextSource) or not isinstance(operator, RexTransform):
        return
    pattern = operator.wanted_of("line")
    if pattern is None:
        return
    wanted = frozenset(behind[-1].schema.names()) if behind else frozenset(("line",))
    for node in reversed(behind):
        wanted = node.needs(wanted)
    source.capture(pattern, "line" in wanted)
