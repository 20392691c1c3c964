"""`timechart`: aggregates by bucket of time, a column for each value of `by`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..engine.calendar import Span
from ..planner import ast
from ..planner.plan import AggCall, Aggregate, Key, Names, visible
from ..planner.records import dataclass
from ..planner.types import LOAD_TIME, Schema, Type
from ..planner.unparse import stage_text
from .base import Args, Command, Example, Node, Option, kinds, lowers, register
from .grids import bucket_key, grid_of, ticks_of
from .rowtime import row_time

DAY = ast.Duration(ns=86_400 * 10**9)
FILLABLE = {"0": ("long", "double", "duration"), "linear": ("long", "double", "duration", "date")}


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeChart(Aggregate):
    """An aggregation whose first key is the bucket of `time`, then laid out. `fill` None: empty buckets stay away."""

    time: str
    grid: Span
    fill: str | None
    long: bool
    command = "timechart"

    @property
    def wide(self) -> bool:
        return len(self.keys) > 1 and not self.long

    def derive(self) -> Schema:
        if self.wide:
            return Schema((("_time", self.keys[0].expr.type),), open=True)
        aggs = tuple((n, _filled(t, self.fill)) for n, t in self.columns())
        return Schema((*((k.name, k.expr.type) for k in self.keys), *aggs))

    def grouping(self) -> Aggregate:
        """The rows `bucket, keys, aggregates` that the chart is made of."""
        return Aggregate(
            inputs=self.inputs, aggs=self.aggs, keys=self.keys, derived=self.derived, span=self.span, stage=self.stage,
            written=self.written,
        )  # fmt: skip

    def text(self) -> str:
        if self.written is not None:
            return stage_text(self.written)
        return f"timechart {self.aggs_text()}"

    def needs(self, wanted: Names) -> Names:
        return Aggregate.needs(self, wanted) | {self.time}

    def kept(self, wanted: Names) -> tuple[AggCall, ...]:
        """A chart without a column would have no rows to lay out."""
        return self.aggs if self.wide else Aggregate.kept(self, wanted) or self.aggs


def _filled(type_: Type, fill: str | None) -> Type:
    from ..engine.operators.timechart import filled_type

    return filled_type(type_, fill)


@lowers(TimeChart)
@register
class TimeChartCommand(Command[TimeChart]):
    name = "timechart"
    summary = "Aggregate by buckets of time; with `by` one column for each value."
    syntax = "timechart [span=1d] [offset=DUR] [time=F] [fill={null,0,prev,linear}] [long=B] AGG [where E] [as A], ... [by F, ...]"
    grammar = "aggs [by_keys]"
    options = (
        Option("span", kinds.DURATION, "length of a bucket; days and longer go by the wall clock", default=DAY),
        Option("offset", kinds.DURATION, "moves the grid of buckets"),
        Option("time", kinds.FIELD, "the time of a row; default _time, or the only date field"),
        Option("fill", ("null", "0", "prev", "linear"), "adds the empty buckets between, with this value"),
        Option("long", kinds.BOOL, "rows of _time, keys, aggregates instead of a column a value", default=False),
    )
    details = """
    One row a bucket of time, in order; `_time` is the bucket's start. Buckets contain their start and not their
    end. Spans that divide an hour align to the hour, hours that divide a day begin at local midnight by the wall
    clock, days are local days, weeks begin on Monday, and `mon`, `q` and `y` follow the calendar; other spans are
    counted from 1970-01-01 00:00 local. `offset=` moves the grid.

    With `by` there is a column for each value, in ascending order (null is the column `null`; several keys join
    with `_`); with several aggregates they are named `value_alias`. Such columns are known only when the data are,
    so names behind them are not warned about. `long=t` gives rows of `_time`, keys and aggregates instead. Missing
    cells are null.

    Buckets without rows are left out unless `fill=` says what they hold: `null`, `0`, `prev` (the value before) or
    `linear` (a line between neighbours). They are added between the first and the last bucket there is.
    `per_second(E)` and its like know the true length of each bucket, also on days of 23 and 25 hours. Rows without
    a time are left out and counted. Row time is `_time`, or `time=`, or the only date field.
    """
    examples = (
        Example(
            title="hits and errors per hour",
            given={
                "t": "_time:date status:long\n2026-11-01T10:05:00Z 200\n2026-11-01T10:50:00Z 500\n2026-11-01T12:00:00Z 200"
            },
            query="table t | timechart span=1h count as hits, count where status >= 500 as errors",
            expect="_time:date hits:long errors:long\n2026-11-01T10:00:00Z 2 1\n2026-11-01T12:00:00Z 1 0",
        ),
        Example(
            title="a column for each value, quiet hours shown",
            given={
                "t": "_time:date port:long\n2026-11-01T10:05:00Z 80\n2026-11-01T12:50:00Z 443\n2026-11-01T12:00:00Z 80"
            },
            query="table t | timechart span=1h fill=0 count by port",
            expect="_time:date 80:long 443:long\n2026-11-01T10:00:00Z 1 0\n2026-11-01T11:00:00Z 0 0\n2026-11-01T12:00:00Z 1 1",
        ),
    )

    def bind(self, args: Args, source: Node | None) -> Node:
        assert source is not None
        time, kind = row_time(args)
        if kind == LOAD_TIME:
            args.note(
                "info",
                "_time is when the file was read",
                hint="dp= of textfile finds the time in the line, parse access_log too",
            )
        items = args.many("by_keys")
        keys = args.keys(items)
        aggs = args.aggregates(args.items(), span=True, time=time)
        derived = args.take_derived()
        columns = visible(aggs, derived)
        grid = grid_of(args, ticks_of(kind))
        fill, long = args.option("fill"), args.option("long")
        _check_names(args, keys, [n for n, _ in columns], wide=bool(keys) and not long)
        for (name, type_), item in zip(columns, args.items(), strict=False):
            if fill in FILLABLE and type_.kind not in (*FILLABLE[fill], "any", "null"):
                args.fail(
                    "E311",
                    f"fill={fill} cannot fill '{name}': {type_}",
                    item.span,
                    hint="fill=null or fill=prev",
                )
        bucket = bucket_key(args, time, kind, grid, "_time")
        return TimeChart(
            **args.common, inputs=(source,), keys=(bucket, *keys), aggs=aggs, derived=derived, time=time, grid=grid,
            fill=fill, long=long,
        )  # fmt: skip

    def lower(self, node: TimeChart) -> Any:
        from ..engine.notes import At
        from ..engine.operators.buckets import BucketSink
        from ..engine.operators.project import derived
        from ..engine.operators.timechart import ChartSink, Layout

        at, grouping = At(node.stage, node.name, node.span), node.grouping()
        before = node.inputs[0].schema
        buckets = [BucketSink(grouping, before, at, before.index(node.time), node.grid), *derived(grouping, at)]
        if not node.wide and node.fill is None:
            return buckets
        layout = Layout(
            tuple(k.expr.type for k in node.keys[1:]), node.columns(), node.grid, node.fill, node.wide,
            Schema(node.schema.fields),
        )  # fmt: skip
        return [*buckets, ChartSink(layout, at)]


def _check_names(args: Args, keys: Sequence[Key], columns: Sequence[str], *, wide: bool) -> None:
    """E350 for what is known now; the names of wide columns are checked when the values are."""
    seen = set() if wide else {"_time"}
    named = [
        *(() if wide else zip([k.name for k in keys], args.many("by_keys"), strict=False)),
        *zip(columns, args.items(), strict=False),
    ]
    for name, item in named:
        if name in seen:
            args.fail("E350", f"two columns are named '{name}'", item.span, hint="name one with 'as'")
        seen.add(name)
