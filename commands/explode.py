"""`explode F, ...`: a row for each element of an array."""

from __future__ import annotations

from typing import Any

from ..engine.lower import at_of
from ..engine.operators.expand import ExplodeTransform
from ..engine.operators.project import PassTransform
from ..planner.plan import Names
from ..planner.records import dataclass
from ..planner.types import NULL, Schema
from .base import Args, Command, Example, Node, lowers, register


@dataclass(frozen=True, slots=True, kw_only=True)
class Explode(Node):
    """`fields`: as named, arrays or not; what is no array stays as it is."""

    fields: tuple[str, ...]
    command = "explode"

    def derive(self) -> Schema:
        schema = self.inputs[0].schema
        for name in self.arrays():
            schema = schema.put(name, (schema.type(name) or NULL).item or NULL)
        return schema

    def arrays(self) -> tuple[str, ...]:
        before = self.inputs[0].schema
        return tuple(n for n in self.fields if n in before and (before.type(n) or NULL).kind == "array")

    def needs(self, wanted: Names) -> Names:
        return wanted | frozenset(self.arrays())


@lowers(Explode)
@register
class ExplodeCommand(Command[Explode]):
    name = "explode"
    summary = "Make a row of each element of an array; the other fields repeat."
    syntax = "explode F, ..."
    grammar = "names"
    details = """
The field takes the type of the array's elements and keeps its place. Rows come out in the order of the input, and within
a row in the order of the elements. An array of arrays is opened by one level.

A row stays as it is, once, where the field is null or no array. An empty array gives one row with null, and the note
`info empty array` counts those rows. An element that is null is a row with null.

Several fields are opened side by side: the first elements make one row, the second elements the next one. The shorter
arrays, null among them, are padded with null. A field among them that is no array repeats, like all that is not named.

Streaming; a long array becomes many batches, so neither a `limit` behind it nor a cancel waits for its end.
"""
    examples = (
        Example(
            title="a row an element",
            query="json \"[{'id':1,'tag':['a','b']},{'id':2,'tag':null}]\" | explode tag",
            expect="id:long tag:string\n1 a\n1 b\n2 null",
        ),
        Example(
            title="two arrays side by side, the shorter one padded",
            query="json \"{'k':'x','a':[1,2],'b':[7]}\" | explode a, b",
            expect="k:string a:long b:long\nx 1 7\nx 2 null",
        ),
        Example(
            title="a row for each hour",
            query='json "{}" | eval _time = daterange(date("2026-11-01"), date("2026-11-01T02:00:00Z"), "1h") | explode _time',
            expect="_time:date\n2026-11-01T00:00:00Z\n2026-11-01T01:00:00Z",
        ),
    )

    def bind(self, args: Args, source: Node | None) -> Node:
        assert source is not None
        return Explode(**args.common, inputs=(source,), fields=tuple(args.fields(args.many("names"))))

    def lower(self, node: Explode) -> Any:
        before = node.inputs[0].schema
        places = [before.index(n) for n in node.arrays()]
        return ExplodeTransform(sorted(places), before, node.schema, at_of(node)) if places else PassTransform()
