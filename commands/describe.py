"""`describe [F, ...] [by G]`: what values each field has, a row a field."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from ..engine.operators.states.base import Maker
from ..planner import ast
from ..planner.catalog import AggregateFunction
from ..planner.expr import Bound, FieldRef
from ..planner.plan import AggCall, Aggregate, Key, Names
from ..planner.records import dataclass
from ..planner.types import BOOL, DATE, DATE_NS, DOUBLE, DURATION, LONG, NULL, STRING, Schema, Type, join
from ..planner.unparse import stage_text
from .base import REGISTRY, Args, Command, Example, Node, Option, computed, lowers, register

NUMBERS, ORDERED = ("long", "double", "decimal"), ("long", "double", "decimal", "date", "duration")
VALUES, QUANTILES, MOMENTS = ("min", "max", "top"), ("p25", "median", "p75"), ("mean", "stddev")
COLUMNS = ("field", "type", "count", "nulls", "distinct", "min", *QUANTILES, "max", *MOMENTS, "top", "top_count")


@dataclass(frozen=True, slots=True, kw_only=True)
class Describe(Aggregate):
    """Aggregates of each field by the keys, laid out as a row a field."""

    described: tuple[tuple[str, Type], ...]
    command = "describe"

    def derive(self) -> Schema:
        keys = tuple((k.name, k.expr.type) for k in self.keys)
        return Schema((*keys, *((c, column_type(c, [t for _, t in self.described])) for c in COLUMNS)))

    def text(self) -> str:
        return stage_text(self.written) if self.written is not None else self.command

    def kept(self, wanted: Names) -> tuple[AggCall, ...]:
        return self.aggs


def column_type(column: str, types: list[Type]) -> Type:
    """Figures of fields of different types: values as text, unless they are numbers; all others as doubles."""
    if column in ("field", "type"):
        return STRING
    if column in VALUES:
        joined = join(types)
        return STRING if joined.kind in ("any", "null") else replace(joined, width="")
    if column in (*QUANTILES, *MOMENTS):
        dates = ("date",) if column in QUANTILES else ()
        kinds = {t.kind for t in types if t.kind in (*dates, "duration", *NUMBERS)}
        if kinds == {"duration"}:
            return DURATION
        if kinds == {"date"}:
            return DATE_NS if any(t.unit == "ns" for t in types if t.kind == "date") else DATE
        return DOUBLE
    return LONG


@lowers(Describe)
@register
class DescribeCommand(Command[Describe]):
    name = "describe"
    summary = "What values fields have: counts, quantiles, extremes, the most frequent; a row for each field."
    syntax = "describe [nulls={keep,drop}] [F, ...] [by G, ...]"
    grammar = "[names] [by_names]"
    options = (Option("nulls", ("keep", "drop"), "drop: rows with a null key are left out and noted", default="keep"),)
    details = """
One row for each field, in the order given (without a list: all fields but those of `by`), behind the keys of `by`, by which
the rows are sorted.

`count` are the values that are not null, `nulls` the others, `distinct` the different values. `min` and `max` are of any
type that has an order; NaN only when alone. `p25`, `median`, `p75` are exact, linear between values; `mean` and `stddev` (of the
population) are of numbers and durations. `top` is the most frequent value, of equally frequent ones the least, and
`top_count` how often it occurs.

`min`, `max` and `top` have the type of the fields; where the fields' types differ, numbers are doubles and any other mix
is text. Quantiles and moments are doubles, and null for fields that have none: for text, and for dates and durations beside
numbers. Describe dates alone (`describe _time`) for their quantiles as dates, durations alone for theirs as durations.

Distinct values are counted exactly up to 1,000,000 of a field and group. Beyond they are estimated (within about 1 %) and
there is no `top`; a note names the fields (`info`).

Blocking; spills to disk. An unknown field is an error (E301). Without rows there is a row for each field without `by`, none
with.
"""
    examples = (
        Example(
            title="a table of numbers",
            given={"t": "a:long b:double\n1 0.5\n2 null\n2 1.5"},
            query="table t | describe | fields field, type, count, nulls, distinct, min, median, max, top, top_count",
            expect="field:string type:string count:long nulls:long distinct:long min:double median:double max:double top:double top_count:long\na long 3 0 2 1.0 2.0 2.0 2.0 2\nb double 2 1 2 0.5 1.0 1.5 0.5 1",
        ),
        Example(
            title="one field by another",
            given={"t": "member:string minutes:double\ncasual 10.0\ncasual 30.0\nmember 4.0"},
            query="table t | describe minutes by member | fields member, field, count, min, mean, max",
            expect="member:string field:string count:long min:double mean:double max:double\ncasual minutes 2 10.0 20.0 30.0\nmember minutes 1 4.0 4.0 4.0",
        ),
    )

    def bind(self, args: Args, source: Node | None) -> Node:
        assert source is not None
        by = args.fields(args.many("by_names"), always=True)
        names = args.fields(args.many("names"), always=True)
        if not args.has("names"):
            names = [n for n in args.schema.names() if n not in by]
        for name in by:
            if name in COLUMNS:
                args.fail("E350", f"two columns are named '{name}'", args.place("by_names"), hint="rename it before")
        fields = tuple((n, args.schema.type(n) or NULL) for n in names)
        rows = AggCall(REGISTRY.aggregates["count"], (), LONG, None, "\0-1 rows", ast.Call(name="count", bare=True))
        return Describe(
            **args.common, inputs=(source,), keys=tuple(Key(_bound(n, args.schema), n) for n in by),
            aggs=(rows, *(a for i, f in enumerate(fields) for a in _figures(i, *f, args.schema))), described=fields,
            drop_null_keys=args.option("nulls") == "drop",
        )  # fmt: skip

    def lower(self, node: Describe) -> Any:
        from ..engine.notes import At
        from ..engine.operators.aggregate import AggregateSink
        from ..engine.operators.describe import Described, DescribeTransform

        at, n_keys = At(node.stage, node.name, node.span), len(node.keys)
        fields: list[Described] = []
        for i, (name, type_) in enumerate(node.described):
            figures = [(a.name.split(" ")[1], n_keys + j, a.type) for j, a in enumerate(node.aggs) if _of(a) == i]
            fields.append(Described(name, str(type_), tuple(figures)))
        sink = AggregateSink(node, node.inputs[0].schema, at)
        return [sink, DescribeTransform(node.schema, n_keys, fields, at)]


def _bound(name: str, schema: Schema) -> Bound:
    return Bound(FieldRef(type=schema.type(name) or NULL, name=name), ast.Name(name=name))


def _of(agg: AggCall) -> int:
    return int(agg.name[1:].split(" ")[0])


def _figures(number: int, name: str, type_: Type, schema: Schema) -> list[AggCall]:
    """The aggregates of one field, named by its number and by what they are."""
    arg = _bound(name, schema)
    as_number = computed(arg)

    def figure(what: str, function: AggregateFunction, kind: Type, *args: Bound) -> AggCall:
        parsed = ast.Call(name=function.name, args=tuple(a.parsed for a in args))
        return AggCall(function, args, kind, None, f"\0{number} {what}", parsed)

    known = REGISTRY.aggregates
    out = [
        figure("count", known["count"], LONG, arg),
        figure("distinct", _census("distinct"), LONG, arg), figure("top", _census("top"), type_, arg),
        figure("top_count", _census("top_count"), LONG, arg), figure("estimated", _census("estimated"), BOOL, arg),
    ]  # fmt: skip
    if type_.kind != "map":
        out += [figure(what, known[what], type_, arg) for what in ("min", "max")]
    if type_.kind in ORDERED:
        between = DOUBLE if type_.kind in NUMBERS else type_
        out += [figure(what, known[what], between, as_number) for what in QUANTILES]
    if type_.kind in (*NUMBERS, "duration"):
        kind = DOUBLE if type_.kind in NUMBERS else DURATION
        out += [figure(what, known[what], kind, as_number) for what in MOMENTS]
    return out


def _state(out: str) -> Callable[[list[Type], Any], Maker]:
    def state(types: list[Type], data: Any) -> Maker:
        from ..engine.operators.states.census import Census

        return Maker(lambda: Census(types[0]), out)

    return state


CENSUS = {
    out: AggregateFunction(out, 1, 1, lambda call: LONG, _state(out))
    for out in ("distinct", "top", "top_count", "estimated")
}


def _census(out: str) -> AggregateFunction:
    return CENSUS[out]
