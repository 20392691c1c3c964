"""`histogram [bins=N] [span=X] F [by G]`: how many values fall into each bin."""

from __future__ import annotations

from functools import cache
from typing import Any

from ..engine.calendar import BadSpan, Span
from ..engine.operators.states.base import Maker
from ..planner import ast
from ..planner.catalog import AggregateFunction
from ..planner.expr import Bound, FieldRef
from ..planner.plan import AggCall, Aggregate, Names
from ..planner.records import dataclass
from ..planner.types import DOUBLE, LONG, Schema, Type, array_of
from ..planner.unparse import stage_text
from .base import Args, Command, Example, Node, Option, computed, kinds, lowers, register
from .whole import group_keys

COLUMNS = ("lo", "hi", "count", "ratio")


@dataclass(frozen=True, slots=True, kw_only=True)
class Histogram(Aggregate):
    """All values of a field by the keys, cut into bins. `width`: of numbers and durations; `grid`: of dates."""

    edge: Type
    bins: int | None = None
    width: float | None = None
    grid: Span | None = None
    command = "histogram"

    def derive(self) -> Schema:
        keys = tuple((k.name, k.expr.type) for k in self.keys)
        return Schema((*keys, ("lo", self.edge), ("hi", self.edge), ("count", LONG), ("ratio", DOUBLE)))

    def text(self) -> str:
        return stage_text(self.written) if self.written is not None else self.command

    def kept(self, wanted: Names) -> tuple[AggCall, ...]:
        return self.aggs


@cache
def _values(type_: Type) -> AggregateFunction:
    """One object for all binds: plans are compared."""
    return AggregateFunction("values", 1, 1, lambda call: array_of(type_), _state)


@lowers(Histogram)
@register
class HistogramCommand(Command[Histogram]):
    name = "histogram"
    summary = "Cut the values of a field into bins and count them."
    syntax = "histogram [bins=N] [span=X] [nulls={keep,drop}] F [by G, ...]"
    grammar = "field [by_names]"
    options = (
        Option("bins", kinds.INT, "so many bins of one width from the least to the greatest value", least=1),
        Option("span", kinds.NUMBER_OR_DURATION, "the width of a bin: a number, or a duration for dates and durations"),
        Option("nulls", ("keep", "drop"), "drop: rows with a null key are left out and noted", default="keep"),
    )
    details = """
The columns are the keys, `lo` and `hi` (the bin's ends), `count` and `ratio` (the bin's part of the group's values, from 0 to
1). Bins without values are kept. Each group has bins of its own.

A bin holds the values from `lo` up to but not with `hi`; the last of `bins=N` holds `hi` too. With `span` bins stand on
multiples of it, and those of dates on the grid of `bin` and `timechart` (days and longer by the wall clock of the session's
zone). Without either the width is chosen by the rule of Freedman and Diaconis, and where half of the values are equal by the rule of
Sturges; 1,000 bins at most. If all values are equal there is one bin whose ends are that value.

Numbers, dates and durations have histograms; text is an error (E320). Nulls are not counted; NaN and infinities are left
out, which is noted (`drop`). A group without values has no rows. More than 10 million bins of a group are E701. Blocking;
values spill to disk until their group is cut.
"""
    examples = (
        Example(
            title="bins of ten",
            given={"t": "x:long\n1\n7\n25\n12"},
            query="table t | histogram span=10 x",
            expect="lo:long hi:long count:long ratio:double\n0 10 2 0.5\n10 20 1 0.25\n20 30 1 0.25",
        ),
        Example(
            title="two bins for each key",
            given={"t": "g:string x:double\na 0.0\na 1.0\na 4.0\nb 5.0\nb 6.0"},
            query="table t | histogram bins=2 x by g",
            expect="g:string lo:double hi:double count:long ratio:double\na 0.0 2.0 2 0.6666666666666666\na 2.0 4.0 1 0.3333333333333333\nb 5.0 5.5 1 0.5\nb 5.5 6.0 1 0.5",
        ),
    )

    def bind(self, args: Args, source: Node | None) -> Node:
        assert source is not None
        name, type_ = args.field(args.one("field"), always=True)
        keys = group_keys(args, COLUMNS)
        if type_.kind not in ("long", "double", "decimal", "date", "duration", "null", "any"):
            args.abort("E320", f"histogram takes numbers, dates and durations; '{name}' is {type_}", args.place("field"),
                       hint=f"eval {name} = double({name})" if type_.kind == "string" else "")  # fmt: skip
        if args.given("bins") and args.given("span"):
            args.fail("E311", "bins= and span= exclude each other", args.option_span("span"))
        width, grid = _span(args, type_)
        value = computed(Bound(FieldRef(type=type_, name=name), ast.Name(name=name)))
        type_ = value.type
        values = AggCall(
            _values(type_), (value,), array_of(type_), None, "values", ast.Call(name="values", args=(value.parsed,))
        )
        return Histogram(
            **args.common, inputs=(source,), keys=keys, aggs=(values,),
            edge=_edge(type_, width), bins=args.option("bins"), width=width, grid=grid,
            drop_null_keys=args.option("nulls") == "drop",
        )  # fmt: skip

    def lower(self, node: Histogram) -> Any:
        from ..engine.notes import At
        from ..engine.operators.aggregate import AggregateSink
        from ..engine.operators.histogram import Bins, HistogramTransform

        at = At(node.stage, node.name, node.span)
        bins = Bins(node.aggs[0].args[0].type, node.edge, node.bins, node.width, node.grid)
        sink = AggregateSink(node, node.inputs[0].schema, at)
        return [sink, HistogramTransform(node.schema, len(node.keys), bins, at)]


def _edge(type_: Type, width: float | None) -> Type:
    if type_.kind in ("date", "duration"):
        return type_
    return LONG if type_.kind == "long" and isinstance(width, int) else DOUBLE


def _span(args: Args, type_: Type) -> tuple[float | None, Span | None]:
    """The width of bins as a number (microseconds of durations), or as a grid of dates."""
    span = args.option("span")
    if span is None or type_.kind in ("any", "null"):
        return None, None
    at = args.option_span("span")
    if isinstance(span, ast.Duration) != (type_.kind in ("date", "duration")):
        takes = "a duration" if type_.kind in ("date", "duration") else "a number"
        args.abort("E311", f"the span of {type_} is {takes}", at)
    if not isinstance(span, ast.Duration):
        if not 0 < span < float("inf"):
            args.abort("E311", "a span is more than 0", at)
        return (int(span) if float(span).is_integer() and type_.kind == "long" else float(span)), None
    if type_.kind == "duration" and span.months:
        args.abort("E311", "durations have no calendar: a span in weeks, days or less", at)
    if type_.kind == "duration":
        if span.ns < 1000 or span.ns % 1000:
            args.abort("E311", "a span is more than 0, in whole microseconds", at)
        return span.ns // 1000, None
    try:
        grid = Span.of(span)
    except BadSpan as why:
        args.abort("E311", str(why), at)
    if grid.is_zero or not grid.fits(1_000_000_000 if type_.unit == "ns" else 1_000_000):
        args.abort("E311", "a span of times is more than 0, and no finer than they are", at)
    return None, grid


def _state(types: list[Type], data: Any) -> Maker:
    from ..engine.operators.states.box import Values
    from ..engine.operators.states.sums import Skipped

    known = types[0].kind in ("long", "double", "date", "duration")
    return Maker(lambda: Values(types[0]) if known else Skipped(array_of(types[0])))
