"""`rollup [label=V] AGG ... by F, ...`: groups and their subtotals; `cube` is in a file of its own."""

from __future__ import annotations

from typing import Any

from ..planner.expr import Literal
from ..planner.plan import Aggregate, visible
from ..planner.records import dataclass
from ..planner.types import LONG, Schema, Type, join
from ..planner.unparse import stage_text
from .base import Args, Command, Example, Node, Option, kinds, lowers, register

LEVEL = "_level"
MOST_KEYS = 16  # of a cube: 65,536 groupings


@dataclass(frozen=True, slots=True, kw_only=True)
class Rollup(Aggregate):
    """An aggregation by all keys and by fewer; `label` stands where a key is rolled up."""

    cube: bool = False
    label: Literal | None = None
    command = "rollup"

    def key_types(self) -> tuple[Type, ...]:
        if self.label is None:
            return tuple(k.expr.type for k in self.keys)
        return tuple(join([k.expr.type, self.label.type]) for k in self.keys)

    def derive(self) -> Schema:
        keys = zip((k.name for k in self.keys), self.key_types(), strict=True)
        return Schema((*keys, *self.columns(), (LEVEL, LONG)))

    def text(self) -> str:
        return stage_text(self.written) if self.written is not None else f"rollup {self.aggs_text()}"


@lowers(Rollup)
@register
class RollupCommand(Command[Rollup]):
    name = "rollup"
    summary = "Aggregate by fields, with subtotals for each prefix of them and a grand total."
    syntax = "rollup [label=V] [nulls={keep,drop}] AGG [where E] [as A], ... by F, ..."
    grammar = "aggs by_keys"
    options = (
        Option("label", kinds.LITERAL, "what stands where a key is rolled up; default null"),
        Option("nulls", ("keep", "drop"), "drop: rows with a null key are left out and noted", default="keep"),
    )
    details = """
`rollup ... by a, b` gives the groups by `a, b`, by `a`, and one row for all rows; `cube` gives every combination: by
`a, b`, by `a`, by `b`, and all. The columns are those of `stats` and `_level`, the number of keys that are rolled up: 0 in a
group of all keys. `_level` tells a subtotal from a group whose key is null.

Rows are sorted by their keys in turn, nulls first; a rolled-up key sorts behind all its values. So each subtotal stands
behind the rows that it sums up, and the grand total is last. The label plays no part in the order.

A label of another type than the key: numbers widen, any other mix makes the column text, which is noted (`mixed`, E504 under
strict); null, the default, fits every type.

The input is read once: the states of the finest groups are merged into the subtotals, so every aggregate is exact on every
level, distinct counts and percentiles too. Without rows there is still the grand total, as in SQL. An expression over
aggregates is worked out on each level; a key that it reads is null where it is rolled up.

Blocking; spills to disk. The finest groups and all subtotals are kept apart by worker until they are merged.
"""
    examples = (
        Example(
            title="amounts by store and item, by store, and altogether",
            given={"t": "store:string item:string amount:long\ns x 1\ns y 2\nt x 4"},
            query='table t | rollup label="all" sum(amount) as amount by store, item',
            expect="store:string item:string amount:long _level:long\ns x 1 0\ns y 2 0\ns all 3 1\nt x 4 0\nt all 4 1\nall all 7 2",
        ),
        Example(
            title="only the subtotals",
            given={"t": "store:string item:string amount:long\ns x 1\ns y 2\nt x 4"},
            query="table t | rollup dc(item) as items by store, item | search _level > 0 | fields store, items",
            expect="store:string items:long\ns 2\nt 1\nnull 2",
        ),
    )
    cube = False

    def bind(self, args: Args, source: Node | None) -> Node:
        assert source is not None
        items = args.many("by_keys")
        keys = args.keys(items)
        aggs = args.aggregates(args.items())
        args.binder.distinct_columns((*keys, *aggs), [i.span for i in (*items, *args.items())])
        names = [*(k.name for k in keys), *(n for n, _ in visible(aggs))]
        for name, item in zip(names, (*items, *args.items()), strict=False):
            if name == LEVEL:
                args.fail("E350", f"two columns are named '{LEVEL}'", item.span, hint="name this one with 'as'")
        if self.cube and len(keys) > MOST_KEYS:
            args.fail("E701", f"a cube of {len(keys)} fields has {2 ** len(keys):,} groupings",
                      args.place("by_keys"), hint=f"{MOST_KEYS} fields at most")  # fmt: skip
        label = args.option("label")
        node = Rollup(
            **args.common, inputs=(source,), keys=keys, aggs=aggs, derived=args.take_derived(), cube=self.cube,
            label=label if label is not None and label.value is not None else None,
            drop_null_keys=args.option("nulls") == "drop",
        )  # fmt: skip
        self._check_label(args, node)
        return node

    @staticmethod
    def _check_label(args: Args, node: Rollup) -> None:
        """A label that makes a column text which was none, is told."""
        if node.label is None:
            return
        for key, type_ in zip(node.keys, node.key_types(), strict=True):
            if type_.kind == "string" and key.expr.type.kind not in ("string", "any", "null"):
                message = f"'{key.name}' becomes text: {key.expr.type} with the label"
                span = args.option_span("label")
                if args.strict:
                    args.fail("E504", message, span, strict=True, hint=f"string({key.name}) as {key.name}")
                else:
                    args.note("mixed", message, span, hint="label=null keeps the type; _level tells subtotals")

    def lower(self, node: Rollup) -> Any:
        from ..engine.notes import At
        from ..engine.operators.project import ProjectTransform
        from ..engine.operators.rollup import CoarseSink, FineSink, LabelTransform, flagged, groupings

        at, schema = At(node.stage, node.name, node.span), node.inputs[0].schema
        fine = FineSink(node, schema, at)
        coarse = CoarseSink(node, schema, at, groupings(len(node.keys), node.cube))
        label = None if node.label is None else (node.label.type, node.label.value)
        made = [ProjectTransform([d.assignment() for d in node.derived], flagged(node).grouped(), at)]
        return [fine, coarse, *(made if node.derived else []), LabelTransform(node, node.key_types(), label)]
