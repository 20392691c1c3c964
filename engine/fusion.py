"""What operators behind a scan ask it to do on its way over the bytes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..planner.expr import Call, FieldRef, Literal, conjuncts
from ..planner.plan import Filter, Node, Project
from ..planner.rules.total import is_total

FALSE_FOR_NULL = frozenset(("isnotnull", "==", "contains", "startswith", "endswith", "match"))


def ask_for_captures(source: Any, operator: Any, behind: Sequence[Node]) -> None:
    """A `rex` that stands first behind the scan of a text file: its captures are found where lines are. `behind`: what follows."""
    capture, ask = getattr(source, "capture", None), getattr(operator, "asked_of_scan", None)
    if capture is None or ask is None or (asked := ask("line")) is None:
        return
    wanted = frozenset(behind[-1].schema.names()) if behind else frozenset(("line",))
    for node in reversed(behind):
        wanted = node.needs(wanted)
    numbers = _read_as_numbers(behind[0]) if behind else frozenset()
    drops = bool(behind) and operator.rejects_unmatched(_has_to_have(behind[0]))
    capture(asked, frozenset(g for g, name in operator.captures() if name in numbers), "line" in wanted, drops)


def _read_as_numbers(node: Node) -> frozenset[str]:
    """Fields of which `long(F)` is worked out first of all."""
    if not isinstance(node, Project):
        return frozenset()
    calls = [a.value.expr for a in node.assigns]
    return frozenset(
        c.args[0].name
        for c in calls
        if isinstance(c, Call) and c.function.name == "long" and len(c.args) == 1 and isinstance(c.args[0], FieldRef)
    )


def _has_to_have(node: Node) -> frozenset[str]:
    """Fields of which no row passes that has null there, where the filter does nothing but choose rows."""
    if type(node) is not Filter or node.predicate is None or node.needs_order or not is_total(node.predicate.expr):
        return frozenset()
    return frozenset(
        c.args[0].name
        for c in conjuncts(node.predicate.expr)
        if isinstance(c, Call) and c.function.name in FALSE_FOR_NULL and c.args and isinstance(c.args[0], FieldRef)
        if all(isinstance(a, Literal) and a.value is not None for a in c.args[1:])
    )
