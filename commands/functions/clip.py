"""`clip`: a value that stays between two others, of any kind that has an order."""

from __future__ import annotations

import numpy as np

from ...engine import choose, compare
from ...engine.arrow import array_from, call, is_valid, no_value
from ...engine.datecolumns import to_nanoseconds
from ...engine.exprs import Eval, Value
from ...engine.strings import Mask
from ...engine.values import unify
from ...planner.types import join
from ..base import ANY_ARG, NUMBER, PARSED, CallBinder, Type, converted, function
from .compare import TEXTS, plan_typed, read_constant
from .numbers import GROUP, same_kind

NUMBERS = {"long", "double", "decimal"}


def _clip_type(bound: CallBinder) -> Type:
    """Numbers widen, and text beside them is parsed; any other kind must be comparable with `<`."""
    kinds = {t.kind for t in bound.types if t.kind != "null"}
    bound.data = None
    if kinds <= NUMBERS:
        bound.args = [converted(bound, a, NUMBER) for a in bound.args]
        return same_kind(bound)
    if kinds & NUMBERS and kinds <= {*NUMBERS, *TEXTS}:
        at = next(i for i, t in enumerate(bound.types) if t.kind in TEXTS)
        if bound.type_of(at).kind == "string":
            bound.warn("W320", "clip reads text as numbers here", at, hint="double(x) says so")
        bound.args = [converted(bound, a, PARSED) for a in bound.args]
        return same_kind(bound)
    other = next((t for t in bound.types if t.kind not in TEXTS and t.kind != "null"), None)
    if other is not None:
        for i in range(3):
            read_constant(bound, i, other)
    for low, high in ((0, 1), (0, 2), (1, 2)):
        plan_typed(bound, "<", low, high)
    kind = join(bound.types)
    bound.data = kind, list(bound.types)
    return kind


@function(
    "clip", args=(ANY_ARG, ANY_ARG, ANY_ARG), returns=_clip_type, group=GROUP,
    syntax="clip(E, LO, HI)",
    summary="E, but at least LO and at most HI: numbers, dates, durations, texts, all of one kind. Null if one of them is null.",
    examples=[("clip(12, 0, 10)", "10"), ("clip(-0.5, 0, 1)", "0.0"), ("clip(90m, 5m, 1h)", "1h"), ('clip("b", "c", "d")', '"c"')],
    details="Values are compared as `<` compares them: dates as instants (constant text is read as a date beside one), text by code point. "
    "Kinds that cannot be compared are E330. NaN stays. Where LO is above HI the answer is HI.",
)  # fmt: skip
def clip(ev: Eval, value: Value, low: Value, high: Value) -> Value:
    if ev.data is not None:
        return _by_order(ev, value, low, high)
    parts = [ev.numbers(v) for v in (value, low, high)]
    if any(v.dtype == np.float64 for v, _ in parts):
        parts = [(v.astype(np.float64, copy=False), ok) for v, ok in parts]
    (x, a), (lo, b), (hi, c) = parts
    with np.errstate(invalid="ignore"):
        x = choose.numbers(x < lo, lo, x, ev.compiled)
        return array_from(choose.numbers(x > hi, hi, x, ev.compiled), ~(a & b & c))


def _by_order(ev: Eval, *values: Value) -> Value:
    """Compared as they stand; only what was chosen is brought to the common type."""
    kind, types = ev.data
    parts = [ev.array(v) for v in values]
    known = np.logical_and.reduce([is_valid(p) for p in parts])

    def less(i: int, j: int) -> Mask:
        return compare.of_columns(parts[i], types[i], parts[j], types[j])[0]

    below = less(0, 1)
    above = np.where(below, less(2, 1), less(2, 0))
    chosen = (~(below | above), below & ~above, above)
    out: Value = no_value(kind.arrow)
    for part, type_, rows in zip(parts, types, chosen, strict=True):
        column = call("if_else", array_from(rows & known), part, no_value(part.type))
        if kind.unit == "ns" and type_.kind == "date":
            column, beyond = to_nanoseconds(column)
            ev.reject("overflow", beyond, part)
        out = call("if_else", array_from(rows & known), unify(column, type_, kind, ev.zone), out)
    return out
