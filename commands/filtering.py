"""What `search` and `where` share, being one command under two names."""

from __future__ import annotations

from collections.abc import Iterator

from ..planner import ast
from ..planner.plan import Filter
from .base import Args, Node


def filter_node(args: Args, source: Node) -> Filter:
    expr = args.one("expr")
    predicate = args.expr(expr) if expr is not None else None
    if expr is not None:
        for constant in _constants(expr):
            args.warn(
                "W331",
                f"{constant.text()} alone is true in every row: it looks at no field",
                constant.span,
                hint=_hint(args, constant),
            )
    return Filter(**args.common, inputs=(source,), predicate=predicate, limit=args.option("limit"))


def _constants(expr: ast.Expr) -> Iterator[ast.Expr]:
    """Constants that stand where a condition should. `true` and `false` are meant, and so is a parameter."""
    todo = [expr]
    while todo:
        e = todo.pop()
        if isinstance(e, ast.Text | ast.Number | ast.Duration):
            yield e
        elif isinstance(e, ast.Call) and e.name in ("and", "or", "not"):
            todo.extend(reversed(e.args))


def _hint(args: Args, constant: ast.Expr) -> str:
    """How the condition may have been meant, with a field that is there."""
    fields = args.schema.fields
    if not isinstance(constant, ast.Text):
        number = next((ast.quote_name(n) for n, t in fields if t.is_number), "FIELD")
        return f"{number} == {constant.text()} compares a field with it"
    texts = [n for n, t in fields if t.kind in ("string", "any")]
    field = "line" if "line" in texts or not texts else texts[0]
    return f"contains({ast.quote_name(field)}, {constant.text()}) finds it in the text of a field"
