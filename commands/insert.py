"""`insert table=F`: rows to the stored tables that a field names."""

from __future__ import annotations

from dataclasses import field
from typing import Any

from ..engine.lower import at_of
from ..planner.plan import Names, Order
from ..planner.records import dataclass
from .base import Args, Command, Example, Node, Option, kinds, lowers, register


@dataclass(frozen=True, slots=True, kw_only=True)
class Insert(Node):
    table: str  # the field that names it
    create: bool = False
    store: Any = field(default=None, compare=False, repr=False)
    command = "insert"
    order = Order.NEEDS
    writes = True

    def needs(self, wanted: Names) -> Names:
        return frozenset(self.inputs[0].schema.names())


@lowers(Insert)
@register
class InsertCommand(Command[Insert]):
    name = "insert"
    summary = "Append each row to the stored table that one of its fields names; the rows also go on to the next stage."
    syntax = "insert [create=f] table=F"
    tier = 2
    options = (
        Option("table", kinds.FIELD, "the field with the name of the table"),
        Option("create", kinds.BOOL, "make tables that are not there", default=False),
    )
    details = """
The field that names the table is left out of what is stored; the other fields are stored as `import` stores them: new ones
widen a table, a type clash is E603. A table that is not there, or a name that no table can have, is E603 and nothing is
stored, unless `create=t` makes the table. A row whose name is null is stored nowhere and counted in a note `drop`.

Rows become visible when the whole query has succeeded, in one commit for each table, by name. Before the first of them all rows lie in
files and every table was found fit for its rows, so a type clash or a full disk while data is written stores nothing anywhere. The
commits themselves are one a table: a reader may see the first table's rows a moment before the last one's, and a kill, or a log that
cannot be written, between two of them leaves those before it stored; the error names these.

All rows go on to the next stage, and a `limit` behind does not shorten what is stored.
"""
    examples = (
        Example(
            title="a table for each kind",
            given={"t": "kind:string n:long\nweb 1\nmail 2\nweb 3"},
            query="table t | insert create=t table=kind | stats count by kind",
            expect="kind:string count:long\nmail 1\nweb 2",
        ),
        Example(
            title="a table that is there",
            given={"stored:web": "n:long\n7", "t": "kind:string n:long\nweb 1"},
            query="table t | insert table=kind",
            expect="kind:string n:long\nweb 1",
        ),
    )

    def bind(self, args: Args, source: Node | None) -> Node:
        assert source is not None
        given = args.option("table")
        if given is None:
            args.abort("E310", "insert needs table=", hint="insert table=F, where F holds names of tables")
        name, _ = args.field(given, span=args.option_span("table"), always=True)
        if len(source.schema) == 1 and not source.schema.open:
            args.abort("E603", "there is no field besides the one that names the table", args.option_span("table"))
        for other, kind in source.schema.fields:
            if kind.kind == "null" and other != name:
                args.note("info", f"field '{other}' holds only nulls: the tables do not get it")
        return Insert(
            **args.common, inputs=(source,), table=name, create=args.option("create"), store=args.services.tables
        )

    def lower(self, node: Insert) -> Any:
        from ..engine.operators.inserting import InsertTransform

        before = node.inputs[0].schema
        return InsertTransform(node.store, node.create, before.index(node.table), before, at_of(node))
