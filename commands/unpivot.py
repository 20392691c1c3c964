"""`unpivot F, ...`: columns become rows of a name and a value."""

from __future__ import annotations

from ..engine.lower import at_of
from ..engine.operators.unpivot import UnpivotTransform
from ..planner.plan import Names
from ..planner.records import dataclass
from ..planner.types import NULL, STRING, Schema, join
from .base import Args, Command, Example, Node, Option, kinds, lowers, register


@dataclass(frozen=True, slots=True, kw_only=True)
class Unpivot(Node):
    fields: tuple[str, ...]
    name_field: str = "key"
    value_field: str = "value"
    drop_nulls: bool = False
    command = "unpivot"

    def derive(self) -> Schema:
        before = self.inputs[0].schema
        rest = tuple(f for f in before.fields if f[0] not in self.fields)
        value = join(before.type(n) or NULL for n in self.fields)
        return Schema((*rest, (self.name_field, STRING), (self.value_field, value)), before.open)

    def needs(self, wanted: Names) -> Names:
        made = {self.name_field, self.value_field} - frozenset(self.fields)
        return (wanted - made) | frozenset(self.fields)


@lowers(Unpivot)
@register
class UnpivotCommand(Command[Unpivot]):
    name = "unpivot"
    summary = (
        "Turn columns into rows: a row for each listed field, with its name and its value; the other fields repeat."
    )
    syntax = "unpivot [name=key] [value=value] [nulls={keep,drop}] F, ..."
    grammar = "names"
    details = """
The rows of one input row follow one another in the order in which the fields are listed; patterns such as `W*` stand for
their fields in column order. What is not listed comes first, in its order, then the name, then the value.

The values become one column, so their types are joined as those of a mixed column: whole numbers and doubles make
doubles, any other mix makes text. Values that became text because of that are counted in a note `mixed`, and under
`strict` the first of them is E504.

A null makes a row like any other value. `nulls=drop` leaves those rows out and counts them in a note `drop`.

An unknown field is always E301. A new field with the name of one that stays is E350: `name=` and `value=` choose others.
Streaming.
"""
    options = (
        Option("name", kinds.FIELD, "the field for the names", default="key"),
        Option("value", kinds.FIELD, "the field for the values", default="value"),
        Option("nulls", ("keep", "drop"), "drop: a null makes no row", default="keep"),
    )
    examples = (
        Example(
            title="weeks as rows",
            given={"t": "code:string W0:long W1:long\nP1 11 12\nP2 7 null"},
            query="table t | unpivot name=week value=sales W*",
            expect="code:string week:string sales:long\nP1 W0 11\nP1 W1 12\nP2 W0 7\nP2 W1 null",
        ),
        Example(
            title="numbers join, nulls are left out",
            given={"t": "id:long a:long b:double\n1 5 0.5\n2 null 1.5"},
            query="table t | unpivot nulls=drop a, b",
            expect="id:long key:string value:double\n1 a 5.0\n1 b 0.5\n2 b 1.5",
        ),
    )

    def bind(self, args: Args, source: Node | None) -> Node:
        assert source is not None
        fields = tuple(args.fields(args.many("names"), always=True))
        name, value = args.option("name"), args.option("value")
        rest = [n for n in source.schema.names() if n not in fields]
        for option, made in (("name", name), ("value", value)):
            if made in rest or (option == "value" and made == name):
                span = args.option_span(option)
                args.fail("E350", f"two columns are named '{made}'", span, hint=f"{option}=F chooses another name")
        return Unpivot(
            **args.common, inputs=(source,), fields=fields, name_field=name, value_field=value,
            drop_nulls=args.option("nulls") == "drop",
        )  # fmt: skip

    def lower(self, node: Unpivot) -> UnpivotTransform:
        before = node.inputs[0].schema
        listed = [before.index(n) for n in node.fields if n in before]
        return UnpivotTransform(listed, before, node.drop_nulls, at_of(node))
