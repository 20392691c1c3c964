"""`resample span=DUR ...`: aggregates on a regular grid of time, with its gaps filled."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from ..engine.lower import at_of
from ..planner import ast
from ..planner.expr import fields_of
from ..planner.plan import HIDDEN, Aggregate, Names, Order, column_name, visible
from ..planner.records import dataclass
from ..planner.text import nearest
from ..planner.types import BOOL, Schema
from ..planner.unparse import stage_text
from .base import REGISTRY, Args, Command, Example, Node, Option, kinds, lowers, register
from .fills import Filled, Filling, doubles, filled, grid_column, of_item, of_option
from .grids import REGULAR_OPTIONS, Regular, bucket_key, regular_of
from .rowtime import row_time

BY_TIME = {"first": "earliest", "any": "earliest", "last": "latest"}
OBSERVED = frozenset(("first", "last", "any", "earliest", "latest", "avg", "mean", "min", "max", "median", "mode"))
PERCENTILES = frozenset(f"p{n}" for n in range(1, 100))
"""Aggregates whose values lie among those of the field, so that a line through single observations fits beside them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Resample(Aggregate):
    """An aggregation by keys and, as its last key, the bucket of `time`; then a row for each bucket of the grid."""

    time: str
    regular: Regular
    filled: tuple[Filled, ...]
    command = "resample"
    order = Order.SETS

    def derive(self) -> Schema:
        columns = tuple((f.name, f.out) for f in self.filled)
        flag = () if self.regular.flag is None else ((self.regular.flag, BOOL),)
        return Schema((*((k.name, k.expr.type) for k in self.keys), *columns, *flag))

    def grouping(self) -> Aggregate:
        """The rows of buckets that have any."""
        return Aggregate(
            inputs=self.inputs, aggs=self.aggs, keys=self.keys, derived=self.derived, span=self.span, stage=self.stage,
            written=self.written,
        )  # fmt: skip

    def text(self) -> str:
        return stage_text(self.written) if self.written is not None else f"resample {self.aggs_text()}"

    def needs(self, wanted: Names) -> Names:
        """All that it was given: a fill, or the flag, may go by any of it."""
        out = frozenset((self.time,))
        for k in self.keys:
            out |= fields_of(k.expr.expr)
        for a in self.aggs:
            out |= a.fields()
        return out

    def prune(self, wanted: Names) -> Node:
        return self


@lowers(Resample)
@register
class ResampleCommand(Command[Resample]):
    name = "resample"
    summary = "Bring rows onto a regular grid of time: aggregates by bucket, a row for every bucket, gaps filled."
    syntax = (
        "resample span=DUR [offset=DUR] [from=T] [to=T] [grid={key,global}] [agg=last] [fill=M] [maxgap=DUR] [flag=F] "
        "[label={left,right}] [maxrows=N] [time=F] {F, AGG [where E]} [as A] [fill M], ... [by G, ...]"
    )
    grammar = "filled [by_keys]"
    options = (
        *REGULAR_OPTIONS[:5],
        Option(
            "agg",
            kinds.TEXT,
            "what a field without an aggregate becomes: any aggregate of one argument",
            default="last",
            words=("last", "first", "avg", "sum", "min", "max", "median", "count", "ohlc"),
        ),
        *REGULAR_OPTIONS[5:],
    )
    tier = 3
    details = """
One row for each key and bucket, sorted by keys, then time: the keys, the bucket's start under the name of the row's time, the
columns as written. Buckets are those of `timechart`, by the wall clock of the session's zone, and go by the calendar,
not by the rows: adding an old row never moves a bucket. `label=right` shows a bucket's end instead of its start.

**Columns.** An aggregate, or a field, which becomes `agg=` of it. `first`, `last` and `any` go by the row's time, so the order of rows
makes no difference. A bare name is a field if there is one of that name, so `count` behind `stats count` is the field. An
unknown field is always E301.

**Grid.** Each key has the buckets from its first row to its last; with `grid=global` all keys have those from the first to the
last of all rows. `from=` and `to=` (exclusive) extend it and leave no row out. Without rows there is no grid, but of `from=` and
`to=` without `by`. A grid of more than `maxrows` rows is E701 before it is made; it names the key and the range, since the
usual cause is one time that is far off.

**Fill.** Of buckets without rows, and of those whose value is null; `fill=` for all columns, `fill M` behind a column for it alone.

| M | value |
| --- | --- |
| `null` | none; the default |
| `zero`, or a constant | of numbers and durations 0; a constant as in `fillnull value=` |
| `prev`, `next` | the column's value in the bucket before, or behind, that has one |
| `linear` | on the line between both; whole numbers and decimals become doubles |

For an aggregate the line goes from bucket to bucket, at their labels. For a field (with an `agg=` that gives one of its values, or a
mean of them) it goes through the observations nearest to the label on either side, at their own times. Ends that have no
neighbour on the needed side stay null.

`maxgap=DUR`: a gap that is longer, from the label of the bucket before it to that of the one behind, stays null as a whole; at an
end of the grid it reaches to the last label there. `flag=F` is true in rows where a value was filled in.

Rows without a time are left out and counted (`drop`, "null time"). Null is a key like any other. Blocking; groups spill to disk.
Behind them rows stream: a gap is no memory. For `next`, `linear` and `maxgap` rows wait until a value is there that is not
null; a longer run of buckets whose rows are all null than memory holds is E702.
"""
    examples = (
        Example(
            title="regular minutes; gaps take the price before, and no volume",
            given={
                "t": "_time:date sym:string price:double size:long\n2026-11-01T10:00:05Z a 10.0 1\n2026-11-01T10:00:50Z a 11.0 2\n"
                "2026-11-01T10:02:10Z a 12.0 4\n2026-11-01T10:02:30Z b 7.0 8"
            },
            query="table t | resample span=1m flag=filled price fill prev, sum(size) as volume fill zero by sym",
            expect="sym:string _time:date price:double volume:long filled:bool\na 2026-11-01T10:00:00Z 11.0 3 false\n"
            "a 2026-11-01T10:01:00Z 11.0 0 true\na 2026-11-01T10:02:00Z 12.0 4 false\nb 2026-11-01T10:02:00Z 7.0 8 false",
        ),
        Example(
            title="a line through the observations themselves",
            given={
                "t": "_time:date v:double\n2026-11-01T00:00:00Z 57.0\n2026-11-01T00:03:58Z 58.0\n2026-11-01T00:05:00Z 60.0"
            },
            query="table t | resample span=1m fill=linear v | tail 3",
            expect="_time:date v:double\n2026-11-01T00:03:00Z 58.0\n2026-11-01T00:04:00Z 58.064516129032256\n2026-11-01T00:05:00Z 60.0",
        ),
        Example(
            title="bars",
            given={"t": "_time:date p:long\n2026-11-01T10:00:05Z 3\n2026-11-01T10:00:50Z 5\n2026-11-01T10:02:10Z 4"},
            query="table t | resample span=1m fill=prev ohlc(p)",
            expect="_time:date open:long high:long low:long close:long\n2026-11-01T10:00:00Z 3 5 3 5\n"
            "2026-11-01T10:01:00Z 3 5 3 5\n2026-11-01T10:02:00Z 4 4 4 4",
        ),
    )

    def bind(self, args: Args, source: Node | None) -> Node:
        assert source is not None
        with args.known_fields():
            return self._bound(args, source)

    def _bound(self, args: Args, source: Node) -> Node:
        time, kind = row_time(args)
        regular = regular_of(args, kind)
        by_keys = args.many("by_keys")
        keys = args.keys(by_keys)
        columns = [c for item in args.many("filled") for c in _columns(args, item)]
        aggs = args.aggregates([c.item for c in columns], span=True, time=time)
        derived = args.take_derived()
        found = visible(aggs, derived)
        made: list[Filled] = []
        more: list[ast.Item] = []
        for (name, type_), column in zip(found, columns, strict=False):
            fill = filled(args, column.filling, name, type_)
            if fill.method == "linear" and column.field is not None:
                around = _around(column, name, time, type_.kind == "decimal")
                more += around
                fill = replace(fill, around=tuple(i.alias.name for i in around if i.alias is not None))
            made.append(fill)
        beside = args.aggregates(more, span=True, time=time)
        args.take_derived()
        bucket = bucket_key(args, time, kind, regular.span, time)
        node = Resample(
            **args.common, inputs=(source,), keys=(*keys, bucket), aggs=(*aggs, *beside), derived=derived, time=time,
            regular=regular, filled=tuple(made),
        )  # fmt: skip
        _check_names(
            args, node, [*(i.span for i in by_keys), args.parsed.command_span, *(c.item.span for c in columns)]
        )
        return node

    def lower(self, node: Resample) -> list[Any]:
        from ..engine.operators.buckets import BucketSink
        from ..engine.operators.project import ProjectTransform, derived
        from ..engine.operators.regular import GridTransform

        at, grouping, before = at_of(node), node.grouping(), node.inputs[0].schema
        sink = BucketSink(grouping, before, at, before.index(node.time), node.regular.span, len(node.keys) - 1)
        hidden = [n for f in node.filled for n in f.around]
        shown = tuple((k.name, k.expr.type) for k in node.keys) + tuple((f.name, f.type) for f in node.filled)
        grouped = node.grouped()
        schema = Schema((*shown, *((n, grouped.fields[grouped.index(n)][1]) for n in hidden)))
        operators: list[Any] = [sink, *derived(grouping, at, hidden)]
        doubled = doubles(node.filled)
        if doubled:
            operators.append(ProjectTransform(doubled, schema, at))
            for assign in doubled:
                schema = schema.put(assign.names[0], assign.value.type)
        n_keys = len(node.keys)
        grid = node.regular.lowered(
            sink.extent.ends, keys=tuple(range(n_keys - 1)), time=n_keys - 1, order=tuple(range(len(shown))),
            columns=tuple(grid_column(f, schema, node.regular.most_ticks) for f in node.filled), of_buckets=True,
        )  # fmt: skip
        return [*operators, GridTransform(grid, schema, at)]


@dataclass(frozen=True, slots=True)
class _Column:
    """An aggregate to be bound, and the expression of a field whose single observations it gives."""

    item: ast.Item
    filling: Filling
    field: ast.Expr | None = None


def _columns(args: Args, item: ast.Item) -> list[_Column]:
    """Of one item as written: a field as an aggregate of it, `first` and `last` by time, `ohlc` as four."""
    filling = of_item(args, item.fill) if item.fill is not None else of_option(args)
    name, e = column_name(item.expr), item.expr
    alias = item.alias or ast.Field(name, e.span)
    field: ast.Expr | None = None
    if isinstance(e, ast.Name) and not _is_count(args, e.name):
        agg = _agg(args)
        field = e if agg in OBSERVED or agg in PERCENTILES else None
        e = ast.Call(name=agg, args=(e,), span=e.span)
        item = replace(item, alias=alias)
    made = _by_time(e)
    if made != e:
        item = replace(item, alias=alias)
    items = args.binder.spread((replace(item, expr=made),), args.schema)
    return [_Column(i, filling, field) for i in items]


def _is_count(args: Args, name: str) -> bool:
    """Whether a bare name is an aggregate."""
    found = args.binder.commands.aggregates.get(name)
    return name not in args.schema and found is not None and found.least == 0


def _agg(args: Args) -> str:
    """`agg=`."""
    name: str = args.option("agg")
    fit = [n for n, a in REGISTRY.aggregates.items() if a.least <= 1 <= a.most and not a.window_only and n != "ema"]
    if name == "ema":
        args.abort(
            "E311",
            "'agg' cannot be ema: it has a speed",
            args.option_span("agg"),
            hint="name it for each field: ema(x, 10)",
        )
    if name not in fit:
        near = nearest(name, fit, 1)
        args.abort("E311", f"'agg' cannot be {name}", args.option_span("agg"), suggestions=near,
                   hint="an aggregate of one argument, such as last, avg, sum, ohlc")  # fmt: skip
    return name


def _by_time(e: ast.Expr) -> ast.Expr:
    """`first`, `last` and `any` as those that go by the row's time, wherever they stand."""
    if not isinstance(e, ast.Call) or e.bare:
        return e
    name = e.name if e.op or len(e.args) != 1 else BY_TIME.get(e.name, e.name)
    return replace(e, name=name, args=tuple(map(_by_time, e.args)))


def _around(column: _Column, name: str, time: str, is_decimal: bool) -> list[ast.Item]:
    """The first and the last observation of each bucket, and their times, as columns that nobody sees."""
    field = column.field
    assert field is not None
    value: ast.Expr = ast.Call(name="double", args=(field,)) if is_decimal else field
    known: ast.Expr = ast.Call(name="isnotnull", args=(field,))
    if column.item.where is not None:
        known = ast.Call(name="and", args=(column.item.where, known), op=True)
    when = ast.Name(name=time)

    def item(e: ast.Expr, where: ast.Expr | None, what: str) -> ast.Item:
        return ast.Item(e, where, ast.Field(f"{HIDDEN}{what} {name}", field.span), None, field.span)

    return [
        item(ast.Call(name="earliest", args=(value,)), column.item.where, "first"),
        item(ast.Call(name="min", args=(when,)), known, "first time"),
        item(ast.Call(name="latest", args=(value,)), column.item.where, "last"),
        item(ast.Call(name="max", args=(when,)), known, "last time"),
    ]


def _check_names(args: Args, node: Resample, places: Sequence[Any]) -> None:
    """E350 for two columns of one name."""
    seen: set[str] = set()
    names = [*(k.name for k in node.keys), *(f.name for f in node.filled)]
    for name, place in zip(names, places, strict=False):
        if name in seen:
            args.fail("E350", f"two columns are named '{name}'", place, hint="name one with 'as'")
        seen.add(name)
    if node.regular.flag in seen:
        args.fail("E350", f"two columns are named '{node.regular.flag}'", args.option_span("flag"))
