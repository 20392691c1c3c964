"""first, last, any, earliest, latest, argmin, argmax: one row of each group."""

from __future__ import annotations

from typing import Any

from ...engine.operators.states.base import Maker
from ...planner.catalog import CallBinder
from ...planner.expr import Expr, FieldRef
from ...planner.types import DATE, Type
from ..base import aggregate
from ..rowtime import time_field


def same_type(call: CallBinder) -> Type:
    return call.types[0]


def _maker(types: list[Type], mode: str) -> Maker:
    from ...engine.operators.states.best import Best

    return Maker(lambda: Best(types[0], types[1] if len(types) > 1 else None, mode))


@aggregate(
    "first",
    returns=same_type,
    aliases=("any",),
    ordered=True,
    syntax="first(E)",
    summary="First value in input order that is not null.",
    examples=(("first(x)", "1"), ("first(x + 1)", "2")),
)
def first(types: list[Type], data: Any) -> Maker:
    return _maker(types, "first")


@aggregate(
    "last",
    returns=same_type,
    ordered=True,
    syntax="last(E)",
    summary="Last value in input order that is not null.",
    examples=(("last(x)", "3"), ("last(x + 1)", "4")),
)
def last(types: list[Type], data: Any) -> Maker:
    return _maker(types, "last")


def _by_time(call: CallBinder) -> Type:
    best = "argmin" if call.name == "earliest" else "argmax"
    call.args = with_time(call, f"{best}({call.texts[0]}, F)")
    return call.types[0]


def with_time(call: CallBinder, way: str) -> list[Expr]:
    """The first argument and, as a second one, the time of its row. `way`: how else a user may name the field F."""
    if call.time is not None:
        name, kind = call.time, call.schema.type(call.time) or DATE
    else:
        name, kind = time_field(call.schema, call.fail, call.note, way)
    return [call.args[0], FieldRef(type=kind, name=name)]


@aggregate(
    "earliest",
    returns=_by_time,
    ordered=True,
    syntax="earliest(E)",
    summary="Value of the row whose time is earliest, of those where E is not null; of equal times the first in input order.",
    examples=(("earliest(x)", "1"), ("earliest(x * 2)", "2")),
)
def earliest(types: list[Type], data: Any) -> Maker:
    return _maker(types, "earliest")


@aggregate(
    "latest",
    returns=_by_time,
    ordered=True,
    syntax="latest(E)",
    summary="Value of the row whose time is latest, of those where E is not null; of equal times the last in input order.",
    examples=(("latest(x)", "3"), ("latest(x * 2)", "6")),
)
def latest(types: list[Type], data: Any) -> Maker:
    return _maker(types, "latest")


@aggregate(
    "argmin",
    least=2,
    returns=same_type,
    aliases=("arg_min",),
    ordered=True,
    syntax="argmin(E, BY)",
    summary="E of the row where BY is least; the first of ties; rows where BY is null do not count.",
    examples=(("argmin(x, -x)", "3"), ("argmin(x * 2, x)", "2")),
)
def argmin(types: list[Type], data: Any) -> Maker:
    return _maker(types, "argmin")


@aggregate(
    "argmax",
    least=2,
    returns=same_type,
    aliases=("arg_max",),
    ordered=True,
    syntax="argmax(E, BY)",
    summary="E of the row where BY is greatest; the first of ties; rows where BY is null do not count.",
    examples=(("argmax(x, -x)", "1"), ("argmax(x * 2, x)", "6")),
)
def argmax(types: list[Type], data: Any) -> Maker:
    return _maker(types, "argmax")
