"""Expressions that never refuse a row: only these may be moved or left out, or the result's notes would change."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..expr import Call, Expr, FieldRef, Literal, walk

if TYPE_CHECKING:
    from ..plan import AggCall

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
        "@text",
    ]
)
TOTAL_AGGREGATES = frozenset(
    [
        "count",
        "c",
        "countif",
        "avg",
        "mean",
        "min",
        "max",
        "first",
        "last",
        "any",
        "dc",
        "mode",
        "median",
        "percentile",
        "stddev",
        "stddev_pop",
        "stddev_samp",
        "var",
        "var_pop",
        "var_samp",
        "anytrue",
        "alltrue",
        "argmin",
        "argmax",
        "arg_min",
        "arg_max",
        "cov",
        "covar",
        "cov_samp",
        "corr",
        "correl",
        "slope",
        "intercept",
        "r2",
        "ema",
        "twap",
    ]
) | {f"p{n}" for n in range(1, 100)}
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
    return e.function.name in TOTAL and not _narrows(e)


def _narrows(e: Call) -> bool:
    """Whether a date in microseconds becomes one in nanoseconds, which not all do."""
    return e.type.unit == "ns" and any(a.type.kind == "date" and a.type.unit != "ns" for a in e.args)


def _same_kind(e: Call) -> bool:
    """Nothing has to be parsed to compare these."""
    kinds = {a.type.kind for a in e.args} - {"null"}
    if not kinds <= ORDERED:
        return False
    if e.function.name == "==" and isinstance(e.args[1], Literal) and e.args[1].pattern is not None:
        return True
    return len(kinds) <= 1 or kinds <= {"long", "double"}


def is_total_aggregate(agg: AggCall) -> bool:
    """Sums of whole numbers may overflow, lists may be cut: those are told whether or not they are read."""
    parts = (*agg.args, *((agg.where,) if agg.where is not None else ()))
    total = agg.function.name in TOTAL_AGGREGATES or (agg.function.name == "sum" and agg.type.kind == "double")
    return total and all(is_total(p.expr) for p in parts)
