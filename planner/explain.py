"""A plan as text: one line an operator, the result first, its input indented below it."""

from __future__ import annotations

from .plan import Node
from .types import Schema

SHOWN = 8


def explain(plan: Node) -> str:
    lines: list[str] = []
    todo: list[tuple[Node, int]] = [(plan, 0)]
    while todo:
        node, depth = todo.pop()
        lines.append(f"{'  ' * min(depth, 40)}{line(node)}")
        todo.extend((i, depth + 1) for i in reversed(node.inputs))
    return "\n".join(lines)


def line(node: Node) -> str:
    detail = detail_of(node)
    head = f"{type(node).__name__} {detail}".rstrip()
    return f"{head}   [{mode(node)}, order {order(node)}; {columns(node.schema)}]"


def detail_of(node: Node) -> str:
    """Of a plan that was not run."""
    said = node.foretold()
    return f"{node.detail()} ({said})" if said else node.detail()


def mode(node: Node) -> str:
    return "blocking" if node.blocking else "streaming"


def order(node: Node) -> str:
    return "needs" if node.needs_order else type(node).order.value


def columns(schema: Schema) -> str:
    shown = [f"{n}: {t}" for n, t in schema.fields[:SHOWN]]
    more = len(schema.fields) - SHOWN
    return ", ".join(shown) + (f", {more} more" if more > 0 else "") + (", ..." if schema.open else "")
