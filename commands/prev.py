"""`prev [n=1] F, ... [by G]`: the value of the row before."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..planner.ast import quote_name
from ..planner.plan import Names, Order
from ..planner.records import dataclass
from ..planner.types import NULL, Schema
from .base import Args, Command, Example, Node, Option, kinds, lowers, register

if TYPE_CHECKING:
    from ..engine.operators.prev import PrevTransform


@dataclass(frozen=True, slots=True, kw_only=True)
class Prev(Node):
    """`prev_F` of each field: its value `n` rows before, among rows of the same `by`."""

    fields: tuple[str, ...]
    by: tuple[str, ...] = ()
    n: int = 1
    command = "prev"
    order = Order.NEEDS

    def derive(self) -> Schema:
        before = self.inputs[0].schema
        made = before
        for name in self.fields:
            made = made.put(f"prev_{name}", before.type(name) or NULL)
        return made

    def text(self) -> str:
        if not self.fields:
            return "bypass"
        words = ["prev"] + ([f"n={self.n}"] if self.n != 1 else []) + [", ".join(map(quote_name, self.fields))]
        if self.by:
            words.append("by " + ", ".join(map(quote_name, self.by)))
        return " ".join(words)

    def needs(self, wanted: Names) -> Names:
        """A field that is overwritten is still asked for: it holds the place of the new one among the columns."""
        made = frozenset(f"prev_{n}" for n in self.fields) - frozenset(self.inputs[0].schema.names())
        return (wanted - made) | frozenset(self.fields) | frozenset(self.by)

    def prune(self, wanted: Names) -> Node:
        from dataclasses import replace

        kept = tuple(n for n in self.fields if f"prev_{n}" in wanted)
        return self if len(kept) == len(self.fields) else replace(self, fields=kept)

    def lets_filter_through(self, fields: Names) -> bool:
        """Whole groups may go first."""
        return fields <= frozenset(self.by) - {f"prev_{n}" for n in self.fields}

    def lets_limit_through(self) -> bool:
        return True

    def refuses_nothing(self) -> bool:
        return True


@lowers(Prev)
@register
class PrevCommand(Command[Prev]):
    name = "prev"
    summary = "Add the value that a field had in the row before, as prev_F."
    syntax = "prev [n=1] F, ... [by G, ...]"
    grammar = "names [by_names]"
    options = (Option("n", kinds.INT, "how many rows before", default=1, least=1),)
    details = """
Adds a field `prev_F` for each field, of the same type: the value in the row before, in input order, or `n` rows before; with `by`
among the rows of the same key (a null key is one). It is null in the first row (the first `n` rows) of each key, and where the
row before has a null: nulls are not passed over (`window last(F)` with `current=f` does that). A field that is called `prev_F`
already is overwritten in place.

Streaming, in input order. It keeps the last `n` rows' values of each key in memory.
"""
    examples = (
        Example(
            title="the time since the row before, by user",
            given={"t": "user:string n:long\na 1\nb 5\na 4\nb 6"},
            query="table t | prev n by user | eval step = n - prev_n",
            expect="user:string n:long prev_n:long step:long\na 1 null null\nb 5 null null\na 4 1 3\nb 6 5 1",
        ),
        Example(
            title="two rows before",
            given={"t": "n:long\n1\n2\n3"},
            query="table t | prev n=2 n",
            expect="n:long prev_n:long\n1 null\n2 null\n3 1",
        ),
    )

    def bind(self, args: Args, source: Node | None) -> Node:
        assert source is not None
        fields = tuple(args.fields(args.many("names")))
        by = tuple(n for n in args.fields(args.many("by_names")) if n in source.schema)
        return Prev(**args.common, inputs=(source,), fields=fields, by=by, n=args.option("n"))

    def lower(self, node: Prev) -> list[PrevTransform]:
        from ..engine.notes import At
        from ..engine.operators.prev import PrevTransform

        if not node.fields:
            return []
        before = node.inputs[0].schema
        made = PrevTransform(
            columns=tuple(before.index(n) if n in before else None for n in node.fields),
            keys=tuple((before.index(n), before.type(n) or NULL) for n in node.by),
            n=node.n,
            places=tuple(node.schema.index(f"prev_{n}") for n in node.fields),
            types=tuple(before.type(n) or NULL for n in node.fields),
            at=At(node.stage, node.name, node.span),
        )
        return [made]
