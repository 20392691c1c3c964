"""`import TABLE`: append the rows to a stored table, all or none of them."""

from __future__ import annotations

from dataclasses import field
from typing import Any

from ..engine.notes import At
from ..planner.plan import Names, Order
from ..planner.records import dataclass
from .base import Args, Command, Example, Node, Option, kinds, lowers, register


@dataclass(frozen=True, slots=True, kw_only=True)
class Import(Node):
    table: str
    create: bool
    overwrite: bool
    writer: str | None
    seq: int | None
    store: Any = field(default=None, compare=False, repr=False)
    command = "import"
    order = Order.NEEDS
    writes = True

    def needs(self, wanted: Names) -> Names:
        return frozenset(self.inputs[0].schema.names())


@lowers(Import)
@register
class ImportCommand(Command[Import]):
    name = "import"
    summary = "Append the rows to a stored table, in one commit; they also go on to the next stage."
    syntax = "import [create=B] [overwrite=B] [writer=S seq=N] TABLE"
    grammar = "table"
    options = (
        Option("create", kinds.BOOL, "make the table if there is none", default=False),
        Option("overwrite", kinds.BOOL, "replace what the table holds", default=False),
        Option("writer", kinds.TEXT, "who writes: with seq, a retry stores nothing twice"),
        Option("seq", kinds.INT, "rises within a writer; one at or below the last stored adds nothing", least=0),
    )
    details = """
    All rows of the query are stored in one commit, or none: when the query fails or is cancelled the table is as it
    was. A commit that returned is on disk, checksummed and synced (`durable=false` in `connect` skips the sync).
    Readers see the table before or after the commit, never between. Rows keep the order in which they arrive; they
    also go on to the next stage.

    A field that the table lacks widens it, and older rows read as null there. A field of another type is E603, as
    are nanoseconds that microseconds cannot hold. A field that holds only nulls has no type and is not stored; a
    note says so. An absent table is E603 unless `create=t` makes it.

    `writer=` and `seq=` go together and make a retry safe: a `seq` at or below the last that the writer stored adds
    nothing, and a note says so. Give each load its own rising number, and after a crash run it again.
    """
    examples = (
        Example(
            title="a new table",
            given={"t": "n:long\n1\n2"},
            query="table t | import create=t numbers | stats count",
            expect="count:long\n2",
        ),
        Example(
            title="a retry with the same seq stores nothing",
            given={"t": "n:long\n1"},
            query="table t | import create=t writer=loader seq=7 numbers",
            expect="n:long\n1",
        ),
    )

    def bind(self, args: Args, source: Node | None) -> Node:
        assert source is not None
        name = args.table_name()
        store = args.services.tables
        create, overwrite = args.option("create"), args.option("overwrite")
        if args.given("writer") != args.given("seq"):
            args.abort("E310", "writer= and seq= go together", hint="import writer=loader seq=1 NAME")
        if not create and not store.exists(name):
            args.abort("E603", f"no table `{name}`", args.place("table"), hint="create=t makes it")
        for field_name, kind in source.schema.fields:
            if kind.kind == "null":
                args.note("info", f"field '{field_name}' holds only nulls: the table does not get it")
        return Import(**args.common, inputs=(source,), table=name, create=create, overwrite=overwrite,
                      writer=args.option("writer"), seq=args.option("seq"), store=store)  # fmt: skip

    def lower(self, node: Import) -> Any:
        from ..engine.operators.importing import ImportTransform

        return ImportTransform(node, node.inputs[0].schema, At(node.stage, "import", node.span))
