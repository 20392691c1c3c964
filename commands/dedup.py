"""`dedup [F, ...]`: the first or the last rows of each key."""

from __future__ import annotations

from typing import Any

from ..engine.lower import at_of
from ..planner.plan import Names, Order
from ..planner.records import dataclass
from .base import Args, Command, Example, Node, Option, kinds, lowers, register


@dataclass(frozen=True, slots=True, kw_only=True)
class Dedup(Node):
    """`fields` empty: the whole row is the key."""

    fields: tuple[str, ...]
    limit: int = 1
    command = "dedup"
    order = Order.NEEDS

    def needs(self, wanted: Names) -> Names:
        return wanted | frozenset(self.fields) if self.fields else frozenset(self.inputs[0].schema.names())

    def places(self) -> list[int]:
        before = self.inputs[0].schema
        return [before.index(n) for n in self.fields or before.names() if n in before]


@dataclass(frozen=True, slots=True, kw_only=True)
class DedupLast(Dedup):
    blocking = True


@lowers(Dedup)
@lowers(DedupLast)
@register
class DedupCommand(Command[Dedup]):
    name = "dedup"
    summary = "Keep the first or the last rows of each key, in input order; without fields the whole row is the key."
    syntax = "dedup [keep={first,last}] [limit=1] [F, ...]"
    grammar = "[names]"
    details = """
Rows with equal values in all fields are duplicates. Values are equal as keys of `stats` are: null equals null, NaN equals
NaN, `-0.0` equals `0.0`, text is compared exactly. `limit=N` keeps N rows of each key.

The rows that stay are in input order; with `keep=last` too, where a key's last row stands where it stood. The note
`info duplicates removed` counts the others. An unknown field is always E301.

`keep=first` is streaming: a row passes as soon as it is known to be the first, so a `limit` behind ends the query early.
It remembers the keys that it has seen; if they are more than its part of the memory holds, the later rows are sorted by
key on disk and come out at the end, in the same order. `keep=last` is blocking: it holds the rows that may be the last,
and goes to disk likewise.
"""
    options = (
        Option("keep", ("first", "last"), "which rows of a key stay", default="first"),
        Option("limit", kinds.INT, "how many rows of a key stay", default=1, least=1),
    )
    examples = (
        Example(
            title="the first row of each user",
            given={"t": "user:string n:long\nann 1\nbob 2\nann 3\nnull 4\nnull 5"},
            query="table t | dedup user",
            expect="user:string n:long\nann 1\nbob 2\nnull 4",
        ),
        Example(
            title="one quote per time and symbol, the last",
            given={
                "quotes": "_time:date sym:string bid:double\n2026-11-01T09:00:00Z A 1.0\n2026-11-01T09:00:00Z A 1.1\n2026-11-01T09:00:01Z A 1.2"
            },
            query="table quotes | dedup keep=last sym, _time",
            expect="_time:date sym:string bid:double\n2026-11-01T09:00:00Z A 1.1\n2026-11-01T09:00:01Z A 1.2",
        ),
        Example(
            title="whole rows",
            given={"t": "a:long b:string\n1 x\n1 x\n1 y"},
            query="table t | dedup",
            expect="a:long b:string\n1 x\n1 y",
        ),
    )

    def bind(self, args: Args, source: Node | None) -> Node:
        assert source is not None
        fields = tuple(args.fields(args.many("names"), always=True))
        if args.many("names") and not fields and not source.schema.open:
            args.abort("E301", "no field matches: there is no key", args.place("names"), fields=source.schema.names())
        node = Dedup if args.option("keep") == "first" else DedupLast
        return node(**args.common, inputs=(source,), fields=fields, limit=args.option("limit"))

    def lower(self, node: Dedup) -> Any:
        from ..engine.operators.dedup import dedup_first
        from ..engine.operators.deduplast import DedupLastSink

        make: Any = DedupLastSink if isinstance(node, DedupLast) else dedup_first
        return make(node.places(), node.limit, node.inputs[0].schema, at_of(node))
