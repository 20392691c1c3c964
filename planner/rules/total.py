"""Expressions that never refuse a row: only these may be moved or left out, or the result's notes would change."""

from __future__ import annotations

from ..expr import Call, Expr, FieldRef, Literal, walk

TOTAL = frozenset(
    [
        "and",
        "or",
        "not",
        "if",
        "case",
        "isnull",
        "isnotnull",
        "isnum",
        "isstr",
        "isempty",
        "isnan",
        "nvl",
        "coalesce",
        "nullif",
        "same",
        "like",
        "in",
        "between",
        "match",
        "concat",
        "contains",
        "startswith",
        "endswith",
        "len",
        "lower",
        "upper",
        "trim",
        "ltrim",
        "rtrim",
        "reverse",
        "left",
        "right",
        "substr",
        "indexof",
        "lastindexof",
        "lpad",
        "rpad",
        "strjoin",
        "string",
        "str",
        "typeof",
        "pi",
        "now",
        "abs",
        "sign",
        "@text",
    ]
)
COMPARISONS = frozenset({"==", "<", "<=", ">", ">="})  # `!=` tells of the nulls that it leaves out
ORDERED = frozenset({"long", "double", "string", "bool", "date", "duration", "null", "ip"})


def is_total(expr: Expr) -> bool:
    return all(_is_total(e) for e in walk(expr))


def _is_total(e: Expr) -> bool:
    if isinstance(e, FieldRef | Literal):
        return True
    if not isinstance(e, Call) or e.function.volatile:
        return False
    if e.function.name in COMPARISONS or e.function.name == "in":
        return _same_kind(e)
    return e.function.name in TOTAL


def _same_kind(e: Call) -> bool:
    """Nothing has to be parsed to compare these."""
    kinds = {a.type.kind for a in e.args} - {"null"}
    if not kinds <= ORDERED:
        return False
    if e.function.name == "==" and isinstance(e.args[1], Literal) and e.args[1].pattern is not None:
        return True
    return len(kinds) <= 1 or kinds <= {"long", "double"}
