"""`boxplot [method=linear] [outliers=B] E [by F, ...]`: the five numbers of a box plot."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from ..engine.operators.states.base import Maker
from ..planner import ast
from ..planner.catalog import AggregateFunction
from ..planner.expr import Bound, FieldRef
from ..planner.plan import AggCall, Aggregate
from ..planner.records import dataclass
from ..planner.types import DOUBLE, LONG, Type
from ..planner.unparse import stage_text
from .aggregates.quantile import METHODS
from .base import REGISTRY, Args, Command, Example, Node, Option, computed, kinds, lowers, register

KINDS = ("long", "double", "decimal", "date", "duration")


@dataclass(frozen=True, slots=True, kw_only=True)
class Boxplot(Aggregate):
    command = "boxplot"

    def text(self) -> str:
        return stage_text(self.written) if self.written is not None else f"{self.command} {self.aggs_text()}"


@lowers(Boxplot)
@register
class BoxplotCommand(Command[Boxplot]):
    name = "boxplot"
    summary = "Least, quartiles, greatest and number of values, for a box plot."
    syntax = "boxplot [method={linear,midpoint,lower,higher,nearest}] [outliers=B] [nulls={keep,drop}] E [by F, ...]"
    grammar = "expr [by_keys]"
    options = (
        Option("method", METHODS, "how quartiles between two values are found", default="linear"),
        Option("outliers", kinds.BOOL, "also the fences and how many values lie beyond", default=False),
        Option("nulls", ("keep", "drop"), "drop: rows with a null key are left out and noted", default="keep"),
    )
    details = """
The columns are the keys, `min`, `iqr1`, `iqr2`, `iqr3`, `max` and `count`: the least value, the quartiles, the greatest value,
and how many values are not null. With `outliers=t` also `lower` and `upper`, the fences 1.5 interquartile ranges below the
first and above the third quartile, and `outliers`, how many values lie beyond them.

Quartiles are exact. They interpolate linearly by default (another than Logpresso's, as the methods of `percentile`); `lower`,
`higher` and `nearest` give values of the data, in their own type. NaN is greater than all numbers for the quartiles, and is
no outlier; `min` and `max` give it only when alone.

E is a number, a date or a duration; anything else has no values, which is noted. Without rows there is a row of nulls without
`by`, none with. Rows are sorted by the keys. Blocking; spills to disk.
"""
    examples = (
        Example(
            title="the box of one field",
            given={"t": "x:long\n1\n2\n3\n4\n100"},
            query="table t | boxplot x",
            expect="min:long iqr1:double iqr2:double iqr3:double max:long count:long\n1 2.0 3.0 4.0 100 5",
        ),
        Example(
            title="outliers by a key",
            given={"t": "g:string x:long\na 1\na 2\na 3\na 4\na 100\nb 7"},
            query="table t | boxplot outliers=t x by g",
            expect="g:string min:long iqr1:double iqr2:double iqr3:double max:long count:long lower:double upper:double outliers:long\na 1 2.0 3.0 4.0 100 5 -1.0 7.0 1\nb 7 7.0 7.0 7.0 7 1 7.0 7.0 0",
        ),
    )

    def bind(self, args: Args, source: Node | None) -> Node:
        assert source is not None
        items = args.many("by_keys")
        keys, value = args.keys(items), args.expr(args.one("expr"))
        aggs = _aggregates(value, args.option("method"), args.option("outliers"))
        if value.type.kind not in (*KINDS, "any", "null"):
            _warn(args, value)
        names = {a.name for a in aggs}
        for key, item in zip(keys, items, strict=False):
            if key.name in names:
                args.fail("E350", f"two columns are named '{key.name}'", item.span, hint="name the key with 'as'")
        args.binder.distinct_columns(keys, [i.span for i in items])
        return Boxplot(
            **args.common, inputs=(source,), keys=keys, aggs=aggs, drop_null_keys=args.option("nulls") == "drop"
        )

    def lower(self, node: Boxplot) -> Any:
        from ..engine.notes import At
        from ..engine.operators.aggregate import AggregateSink

        return AggregateSink(node, node.inputs[0].schema, At(node.stage, node.name, node.span))


def _warn(args: Args, value: Bound) -> None:
    shown = f"`{value.expr.name}`" if isinstance(value.expr, FieldRef) else "its argument"
    args.warn("W320", f"boxplot passes over {shown}, which is of type {value.type}", args.place("expr"),
              hint=f"double({value.text()})" if value.type.kind == "string" else "give it a number")  # fmt: skip


@cache
def _function(name: str, kind: Type, state: Any) -> AggregateFunction:
    """One object for all binds: plans are compared."""
    return AggregateFunction(name, 1, 1, lambda call: kind, state)


def _aggregates(value: Bound, method: str, outliers: bool) -> tuple[AggCall, ...]:
    value = computed(value)
    known = value.type.kind in KINDS
    own = value.type if known else DOUBLE
    between = own if method in METHODS[2:] or own.kind in ("date", "duration") else DOUBLE

    def figure(name: str, function: str, kind: Type, state: Any) -> AggCall:
        return AggCall(
            _function(function, kind, state), (value,), kind, None, name, ast.Call(name=name, args=(value.parsed,))
        )

    def box(name: str, out: str, kind: Type) -> AggCall:
        return figure(name, "percentile", kind, _state(f"{out} {method}") if known else _none)

    def extreme(name: str) -> AggCall:
        return figure(name, name, own, REGISTRY.aggregates[name].state if known else _none)

    count = figure("count", "count", LONG, REGISTRY.aggregates["count"].state if known else _none_counted)
    quartiles = [box(f"iqr{i}", str(25.0 * i), between) for i in (1, 2, 3)]
    more = (box("lower", "lower", between if own.kind in ("date", "duration") else DOUBLE),
            box("upper", "upper", between if own.kind in ("date", "duration") else DOUBLE),
            figure("outliers", "percentile", LONG, _state(f"outliers {method}") if known else _none_counted))  # fmt: skip
    return (extreme("min"), *quartiles, extreme("max"), count, *(more if outliers else ()))


@cache
def _state(out: str) -> Callable[[list[Type], Any], Maker]:
    def state(types: list[Type], data: Any) -> Maker:
        from ..engine.operators.states.box import Box

        return Maker(lambda: Box(types[0]), out)

    return state


def _none(types: list[Type], data: Any) -> Maker:
    from ..engine.operators.states.sums import Skipped

    return Maker(Skipped)


def _none_counted(types: list[Type], data: Any) -> Maker:
    from ..engine.operators.states.sums import Skipped

    return Maker(Skipped, "count")
