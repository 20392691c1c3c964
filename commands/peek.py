"""`peek`: rows pass, and the notes tell what they are."""

from __future__ import annotations

from ..engine.lower import at_of
from ..engine.operators.peek import PeekTransform
from ..planner.plan import Names, Order
from ..planner.records import dataclass
from .base import Args, Command, Example, Node, Option, kinds, lowers, register


@dataclass(frozen=True, slots=True, kw_only=True)
class Peek(Node):
    rows: int = 5
    label: str = ""
    command = "peek"
    order = Order.NEEDS

    def needs(self, wanted: Names) -> Names:
        """What it tells does not depend on what stages behind it read."""
        return frozenset(self.inputs[0].schema.names())


@lowers(Peek)
@register
class PeekCommand(Command[Peek]):
    name = "peek"
    summary = "Pass all rows; the notes tell their number, fields, types, shares of nulls, and the first rows."
    syntax = "peek [rows=5] [label=S]"
    tier = 2
    options = (
        Option("rows", kinds.INT, "how many of the first rows are told", default=5, least=0),
        Option("label", kinds.TEXT, "tells one peek from another", default=""),
    )
    details = """
A stage to look between two others without changing anything: rows, order and types stay. The note `info peek` counts the
rows that came by; its hint lists the fields with their types and, where there are nulls, their share. The first rows follow
as samples, three a note, in input order.

All fields are read, also those that no later stage needs. Where a stage behind ends the query early, as `limit` does, the
figures are those of the rows that were read until then. Streaming.
"""
    examples = (
        Example(
            title="between two stages",
            given={"t": "a:long b:string\n1 x\n2 null"},
            query="table t | peek label=raw | search isnotnull(b)",
            expect="a:long b:string\n1 x",
        ),
        Example(
            title="figures only",
            given={"t": "a:long\n1\n2"},
            query="table t | peek rows=0 | stats sum(a) as a",
            expect="a:long\n3",
        ),
    )

    def bind(self, args: Args, source: Node | None) -> Node:
        assert source is not None
        return Peek(**args.common, inputs=(source,), rows=args.option("rows"), label=args.option("label"))

    def lower(self, node: Peek) -> PeekTransform:
        return PeekTransform(node.rows, node.label, node.inputs[0].schema, at_of(node))
