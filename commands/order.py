"""`order F, ...`: these fields first, the rest behind them by name."""

from __future__ import annotations

from ..engine.operators.project import SelectTransform
from ..planner.ast import quote_name
from ..planner.plan import Names
from ..planner.records import dataclass
from ..planner.types import Schema
from .base import Args, Command, Example, Node, lowers, register


@dataclass(frozen=True, slots=True, kw_only=True)
class Order(Node):
    first: tuple[str, ...]
    command = "order"

    def derive(self) -> Schema:
        before = self.inputs[0].schema
        first = [n for n in self.first if n in before]
        rest = sorted(n for n in before.names() if n not in self.first)
        return Schema(before.select([*first, *rest]).fields, before.open)

    def text(self) -> str:
        return "order " + ", ".join(map(quote_name, self.first))

    def needs(self, wanted: Names) -> Names:
        return wanted

    def lets_filter_through(self, fields: Names) -> bool:
        return True

    def lets_limit_through(self) -> bool:
        return True


@lowers(Order)
@register
class OrderCommand(Command[Order]):
    name = "order"
    summary = "Put these fields first, the rest behind them by name."
    syntax = "order F, ..."
    grammar = "names"
    details = """
    Fields that are not listed follow in the order of their names (by code point). A pattern with `*` stands for the
    fields that fit it. An unknown field is passed over, with warning W301. Rows do not change.
    """
    examples = (
        Example(
            title="one field first",
            given={"t": "b:long a:long c:long\n1 2 3"},
            query="table t | order c",
            expect="c:long a:long b:long\n3 2 1",
        ),
        Example(
            title="those that a pattern matches",
            given={"t": "id:long x_ms:long w:long\n1 2 3"},
            query="table t | order *_ms, w",
            expect="x_ms:long w:long id:long\n2 3 1",
        ),
    )

    def bind(self, args: Args, source: Node | None) -> Node:
        assert source is not None
        return Order(**args.common, inputs=(source,), first=tuple(args.fields(args.many("names"))))

    def lower(self, node: Order) -> SelectTransform:
        before = node.inputs[0].schema
        return SelectTransform([before.index(n) for n in node.schema.names()], node.schema)
