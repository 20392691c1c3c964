"""count, sum, avg, min, max, range and the truth aggregates."""

from __future__ import annotations

from typing import Any

from ...engine.operators.states.base import Maker, is_numeric
from ...planner.catalog import CallBinder
from ...planner.expr import FieldRef
from ...planner.types import BOOL, DOUBLE, DURATION, LONG, Type
from ..base import aggregate


def numeric(call: CallBinder, i: int = 0) -> bool:
    """Whether argument i is of a type that numeric aggregates take; text is passed over, with a warning."""
    type_ = call.types[i]
    if is_numeric(type_):
        return True
    if type_.kind != "null":
        arg = call.args[i]
        shown = f"`{arg.name}`" if isinstance(arg, FieldRef) else "its argument"
        name = arg.name if isinstance(arg, FieldRef) else "..."
        text = type_.kind in ("string", "any")
        hint = f"{call.name}(double({name}))" if text else "give it a number, or count rows with countif"
        call.warn("W320", f"{call.name} passes over {shown}, which is of type {type_}", i, hint=hint)
    return False


def count_bind(call: CallBinder) -> Type:
    if call.args and call.types[0].kind == "bool":
        call.warn("W330", "count of a condition counts false too", 0, hint="write `countif(E)` or `count where E`")
    return LONG


@aggregate(
    "count",
    least=0,
    most=1,
    returns=count_bind,
    aliases=("c",),
    syntax="count, count(E)",
    summary="Rows; with an argument, rows where it is not null.",
    examples=(("count", "3"), ("count(nullif(x, 2))", "2")),
)
def count(types: list[Type], data: Any) -> Maker:
    from ...engine.operators.states.sums import Count

    return Maker(lambda: Count("values" if types else "rows"))


@aggregate(
    "countif",
    returns=LONG,
    syntax="countif(E)",
    summary="Rows where E is truthy.",
    examples=(("countif(x > 1)", "2"), ("countif(x == null)", "0")),
)
def countif(types: list[Type], data: Any) -> Maker:
    from ...engine.operators.states.sums import Count

    return Maker(lambda: Count("true"))


def sum_bind(call: CallBinder) -> Type:
    if not numeric(call):
        return DOUBLE
    kind = call.types[0].kind
    return LONG if kind == "long" else DURATION if kind == "duration" else DOUBLE


@aggregate(
    "sum",
    returns=sum_bind,
    syntax="sum(E)",
    summary="Sum: whole if all values are; added up in 128 bits; null when nothing is numeric.",
    examples=(("sum(x)", "6"), ("sum(x / 2)", "3.0")),
)
def sum_(types: list[Type], data: Any) -> Maker:
    from ...engine.operators.states.sums import sum_state

    return Maker(lambda: sum_state(types[0]), "sum")


def avg_bind(call: CallBinder) -> Type:
    return DURATION if numeric(call) and call.types[0].kind == "duration" else DOUBLE


@aggregate(
    "avg",
    returns=avg_bind,
    aliases=("mean",),
    syntax="avg(E)",
    summary="Mean of the values; of durations a duration.",
    examples=(("avg(x)", "2.0"), ("avg(x * 10)", "20.0")),
)
def avg(types: list[Type], data: Any) -> Maker:
    from ...engine.operators.states.sums import sum_state

    return Maker(lambda: sum_state(types[0]), "avg")


def same_type(call: CallBinder) -> Type:
    return call.types[0]


@aggregate(
    "min",
    returns=same_type,
    syntax="min(E)",
    summary="Least value, of any ordered type; NaN only when alone.",
    examples=(("min(x)", "1"), ('min(concat("k", x))', '"k1"')),
)
def min_(types: list[Type], data: Any) -> Maker:
    from ...engine.operators.states.extremes import extreme_state

    return Maker(lambda: extreme_state(types[0], greatest=False))


@aggregate(
    "max",
    returns=same_type,
    syntax="max(E)",
    summary="Greatest value, of any ordered type; NaN only when alone.",
    examples=(("max(x)", "3"), ('max(concat("k", x))', '"k3"')),
)
def max_(types: list[Type], data: Any) -> Maker:
    from ...engine.operators.states.extremes import extreme_state

    return Maker(lambda: extreme_state(types[0], greatest=True))


def range_bind(call: CallBinder) -> Type:
    kind = call.types[0].kind
    if kind in ("date", "duration"):
        return DURATION
    return DOUBLE if not numeric(call) or kind != "long" else LONG


@aggregate(
    "range",
    returns=range_bind,
    syntax="range(E)",
    summary="Greatest value less the least; of dates a duration.",
    examples=(("range(x)", "2"), ("range(x / 2)", "1.0")),
)
def range_(types: list[Type], data: Any) -> Maker:
    from ...engine.operators.states.extremes import Range
    from ...engine.operators.states.sums import Skipped

    known = is_numeric(types[0]) or types[0].kind == "date"
    return Maker(lambda: Range(types[0]) if known else Skipped())


@aggregate(
    "anytrue",
    returns=BOOL,
    syntax="anytrue(E)",
    summary="True if E is truthy in any row where it is not null; null if there is none.",
    examples=(("anytrue(x > 2)", "true"), ("anytrue(x > 9)", "false")),
)
def anytrue(types: list[Type], data: Any) -> Maker:
    from ...engine.operators.states.extremes import Truth

    return Maker(lambda: Truth(greatest=True))


@aggregate(
    "alltrue",
    returns=BOOL,
    syntax="alltrue(E)",
    summary="True if E is truthy in every row where it is not null; null if there is none.",
    examples=(("alltrue(x > 0)", "true"), ("alltrue(x > 2)", "false")),
)
def alltrue(types: list[Type], data: Any) -> Maker:
    from ...engine.operators.states.extremes import Truth

    return Maker(lambda: Truth(greatest=False))
