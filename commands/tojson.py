"""`tojson [F, ...]`: fields as one JSON text."""

from __future__ import annotations

from ..engine.lower import at_of
from ..engine.operators.tojson import ToJsonTransform
from ..planner.plan import Names
from ..planner.records import dataclass
from ..planner.types import STRING, Schema
from .base import Args, Command, Example, Node, Option, kinds, lowers, register


@dataclass(frozen=True, slots=True, kw_only=True)
class ToJson(Node):
    fields: tuple[str, ...]
    output: str = "_json"
    command = "tojson"

    def derive(self) -> Schema:
        return self.inputs[0].schema.put(self.output, STRING)

    def needs(self, wanted: Names) -> Names:
        before = frozenset(self.inputs[0].schema.names())
        return (wanted | frozenset(self.fields)) & before

    def lets_filter_through(self, fields: Names) -> bool:
        return self.output not in fields

    def lets_limit_through(self) -> bool:
        return True


@lowers(ToJson)
@register
class ToJsonCommand(Command[ToJson]):
    name = "tojson"
    summary = "Add the fields of each row as one JSON object; nulls are kept."
    syntax = "tojson [output=_json] [F, ...]"
    grammar = "[names]"
    details = """
Without fields the object holds all of them, in column order; listed ones stand in the order given. Nothing is removed:
`| fields _json` keeps the text alone. An existing field named as `output` is overwritten in place.

Null is written as `null`, so every object has the same keys. Numbers and booleans are bare, arrays and maps nest, dates
are ISO 8601 text in the session's zone, durations, addresses and bytes the text that `string()` gives.

JSON has no NaN and no infinity: they are written as `null`, and counted in a note `reject domain`. Streaming.
"""
    options = (Option("output", kinds.FIELD, "the field for the text", default="_json"),)
    examples = (
        Example(
            title="all fields",
            given={"t": "a:long b:string\n1 x\n2 null"},
            query="table t | tojson",
            expect='a:long b:string _json:string\n1 x "{\\"a\\":1,\\"b\\":\\"x\\"}"\n2 null "{\\"a\\":2,\\"b\\":null}"',
        ),
        Example(
            title="one field, under another name",
            given={"t": "a:long b:double\n1 0.5"},
            query="table t | tojson output=j b | fields j",
            expect='j:string\n"{\\"b\\":0.5}"',
        ),
    )

    def bind(self, args: Args, source: Node | None) -> Node:
        assert source is not None
        listed = tuple(args.fields(args.many("names")))
        fields = listed if args.many("names") else source.schema.names()
        return ToJson(**args.common, inputs=(source,), fields=fields, output=args.option("output"))

    def lower(self, node: ToJson) -> ToJsonTransform:
        before = node.inputs[0].schema
        return ToJsonTransform(node.fields, before, node.schema.index(node.output), at_of(node))
