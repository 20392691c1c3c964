"""What operators behind a scan ask it to do on its way over the bytes."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from typing import Any

from ..planner.expr import Call, Expr, FieldRef, Literal, conjuncts
from ..planner.plan import Aggregate, Filter, Keep, Node, Project
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
    numbers = _read_as_numbers(behind)
    drops = bool(behind) and operator.rejects_unmatched(_has_to_have(behind[0]))
    capture(asked, frozenset(g for g, name in operator.captures() if name in numbers), "line" in wanted, drops)


def _read_as_numbers(behind: Sequence[Node]) -> frozenset[str]:
    """Fields of which `long(F)` is worked out first of all, or behind a filter that does nothing but choose rows."""
    later = behind[1:] if behind and _has_to_have(behind[0]) else behind
    if not later or not isinstance(later[0], Project):
        return frozenset()
    found = (_read(a.value.expr) for a in later[0].assigns)
    return frozenset(name for name in found if name is not None)


def _read(expr: Expr) -> str | None:
    """F of `long(F)`."""
    if not isinstance(expr, Call) or expr.function.name != "long" or len(expr.args) != 1:
        return None
    field = expr.args[0]
    return field.name if isinstance(field, FieldRef) else None


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


def group_at_scan(source: Any, rex: Any, sink: Any, between: Sequence[Node], node: Node) -> None:
    """Groups of what a scan captures: it numbers them and adds up, and no row of which it is certain goes through the operators
    `between` (those behind `rex`). `node`: the aggregation that `sink` is of."""
    group, absorbs, names_of = (
        getattr(*x, None) for x in ((source, "group"), (sink, "absorbs"), (rex, "captures_alone"))
    )
    if group is None or absorbs is None or names_of is None or type(node) is not Aggregate or source.raw is None:
        return
    names = names_of(source.raw)
    found = _as_captured(between, names, source.raw) if names else None
    if found is not None and absorbs(*found, len(source.raw.numbers)):
        group()
        rex.leave_to_scan()


def _as_captured(
    nodes: Sequence[Node], names: Mapping[str, int], raw: Any
) -> tuple[dict[str, int], dict[str, int]] | None:
    """Fields that are captured texts, and those that are numbers read from such, by their place among these. None: rows in which all was
    captured and read do not go through the nodes as they are."""
    texts = {name: raw.asked.groups.index(g) for name, g in names.items()}
    numbers: dict[str, int] = {}
    for i, node in enumerate(nodes):
        if isinstance(node, Filter):
            if i or not raw.drops or not _asks_for_values(node, texts):
                return None
        elif isinstance(node, Project):
            for assign in node.assigns:
                name = _read(assign.value.expr)
                if name not in texts or names[name] not in raw.numbers:
                    return None
                for made in assign.names:
                    texts.pop(made, None)
                    numbers[made] = raw.numbers.index(names[name])
        elif not isinstance(node, Keep):
            return None
    return (texts, numbers) if not raw.keeps else None


def _asks_for_values(node: Filter, texts: Container[str]) -> bool:
    if node.predicate is None or node.needs_order:
        return False
    return all(
        isinstance(c, Call)
        and c.function.name == "isnotnull"
        and isinstance(f := c.args[0], FieldRef)
        and f.name in texts
        for c in conjuncts(node.predicate.expr)
    )
