"""The text that a line must hold for a filter to let it through."""

from __future__ import annotations

from collections.abc import Iterable

from ...planner.expr import Call, Expr, FieldRef, Literal


def literal_in(predicate: Expr, field: str) -> str | None:
    """Text that every value of the field that passes holds: `field == "*text*"`, `contains(field, "text")`. None: not known.

    Of several pieces of a pattern the longest; texts that may reach beyond the end of a line are none.
    """
    if not isinstance(predicate, Call) or len(predicate.args) != 2:
        return None
    left, right = predicate.args
    if not isinstance(left, FieldRef) or left.name != field or left.type.kind != "string":
        return None
    name, data = predicate.function.name, predicate.data
    if name == "contains" and isinstance(right, Literal) and isinstance(right.value, str):
        return _longest([right.value])
    if name in ("==", "like") and getattr(data, "way", "") == "pattern":
        return _longest(data.pieces)
    return None


def _longest(pieces: Iterable[str]) -> str | None:
    good = [p for p in pieces if p and not set(p) & {"\r", "\n"} and p.isprintable()]
    return max(good, key=lambda p: len(p.encode()), default=None)


def longest_of(predicates: Iterable[Expr], field: str) -> str | None:
    """The longest that several filters, all of which a row must pass, ask for."""
    return _longest(t for p in predicates if (t := literal_in(p, field)) is not None)
