"""`top [limit=10] F, ... [by G]`: the most frequent values; `rare` is in a file of its own."""

from __future__ import annotations

from typing import Any

from ..planner import ast
from ..planner.expr import Bound, FieldRef
from ..planner.plan import AggCall, Aggregate, Here, Key, Names, Sort, SortKey
from ..planner.records import dataclass
from ..planner.types import DOUBLE, LONG, NULL, Schema
from ..planner.unparse import stage_text
from .base import REGISTRY, Args, Command, Example, Node, Option, kinds, lowers, register

COUNT, PERCENT = "count", "percent"


@dataclass(frozen=True, slots=True, kw_only=True)
class Top(Aggregate):
    """Counts by group and values, of which each group keeps `limit` (None: all). The first `n_by` keys are the group's."""

    n_by: int
    limit: int | None
    rare: bool = False
    command = "top"

    def derive(self) -> Schema:
        return Schema((*((k.name, k.expr.type) for k in self.keys), (COUNT, LONG), (PERCENT, DOUBLE)))

    def text(self) -> str:
        return stage_text(self.written) if self.written is not None else "top " + ", ".join(k.name for k in self.keys)

    def kept(self, wanted: Names) -> tuple[AggCall, ...]:
        return self.aggs


@lowers(Top)
@register
class TopCommand(Command[Top]):
    name = "top"
    summary = "The most frequent values of fields, with their counts and shares."
    syntax = "top [limit=10] [nulls={keep,drop}] F, ... [by G, ...]"
    grammar = "names [by_names]"
    options = (
        Option("limit", kinds.INT, "how many values to give (of each group with by); 0: all", default=10, least=0),
        Option("nulls", ("keep", "drop"), "drop: rows with a null value are left out and noted", default="keep"),
    )
    details = """
The columns are the fields of `by`, the fields, `count` and `percent`: the value's part of all rows of its group, from 0 to
100. Several fields count as one value: each combination that there is. A null is a value like others, unless `nulls=drop`
leaves such rows out; then the percentages are of the rows that are left.

Groups come in order of their keys; within a group the most frequent value is first, and equally frequent ones are in
ascending order, nulls first. What `limit` cuts off is noted: how many values, over all groups (`truncate`).

Blocking; spills to disk. An unknown field is an error (E301).
"""
    examples = (
        Example(
            title="the two most frequent pages",
            given={"t": "url:string\n/a\n/b\n/a\n/c\n/a"},
            query="table t | top limit=2 url",
            expect="url:string count:long percent:double\n/a 3 60.0\n/b 1 20.0",
        ),
        Example(
            title="the most frequent page of each host",
            given={"t": "host:string url:string\nx /a\nx /b\nx /b\ny /a"},
            query="table t | top limit=1 url by host",
            expect="host:string url:string count:long percent:double\nx /b 2 66.66666666666667\ny /a 1 100.0",
        ),
    )
    rare = False

    def bind(self, args: Args, source: Node | None) -> Node:
        assert source is not None
        by = args.fields(args.many("by_names"), always=True)
        names = args.fields(args.many("names"), always=True)
        if not names:
            args.abort("E201", "no field to count", args.place("names"))
        for name in names:
            if name in by or name in (COUNT, PERCENT):
                args.fail("E350", f"two columns are named '{name}'", args.place("names"), hint="rename it before")
        for name in by:
            if name in (COUNT, PERCENT):
                args.fail("E350", f"two columns are named '{name}'", args.place("by_names"), hint="rename it before")
        count = AggCall(REGISTRY.aggregates["count"], (), LONG, None, COUNT, ast.Call(name=COUNT, bare=True))
        return Top(
            **args.common, inputs=(source,), keys=tuple(_key(args, n) for n in (*by, *names)), aggs=(count,),
            n_by=len(by), limit=args.option("limit") or None, rare=self.rare,
            drop_null_keys=args.option("nulls") == "drop",
        )  # fmt: skip

    def lower(self, node: Top) -> Any:
        from ..engine.notes import At
        from ..engine.operators.aggregate import AggregateSink
        from ..engine.operators.share import ShareSink
        from ..engine.operators.sort import SortSink
        from ..engine.operators.topk import TopKSink

        at, schema = At(node.stage, node.name, node.span), node.schema
        counts = AggregateSink(node, node.inputs[0].schema, at)
        shares = ShareSink(schema, [k.expr.type for k in node.keys[: node.n_by]], node.limit, at)
        by = tuple(k.name for k in node.keys[: node.n_by])
        order = Sort(
            inputs=(Here(columns=schema),), keys=(SortKey(COUNT, descending=not node.rare),), by=by, limit=node.limit
        )
        # values come in ascending order and the sort is stable, so ties are in that order
        sort = TopKSink if node.limit is not None and not by else SortSink
        return [counts, shares, sort(order, schema, at)]


def _key(args: Args, name: str) -> Key:
    type_ = args.schema.type(name) or NULL
    return Key(Bound(FieldRef(type=type_, name=name), ast.Name(name=name)), name)
