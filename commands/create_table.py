"""`create-table NAME F:TYPE, ...`: an empty stored table."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from ..planner.plan import Scan
from ..planner.text import nearest
from ..planner.types import BINARY, BOOL, DATE, DOUBLE, DURATION, INT, IP, LONG, SHORT, STRING
from ..planner.unparse import stage_text
from .base import Args, Command, Example, Node, register

if TYPE_CHECKING:
    import pyarrow as pa

TYPES = {
    "string": STRING, "long": LONG, "int": INT, "short": SHORT, "double": DOUBLE, "float": DOUBLE, "bool": BOOL, "date": DATE,
    "duration": DURATION, "ip": IP, "ipv4": IP, "ipv6": IP, "binary": BINARY,
}  # fmt: skip


@register
class CreateTable(Command[Scan]):
    name = "create-table"
    summary = "Make an empty stored table; gives one row: table, action, rows."
    syntax = "create-table NAME F:TYPE, ..."
    grammar = "table columns_def"
    source = True
    details = """
    The types are `string long int short double float bool date duration ip ipv4 ipv6 binary`; `ipv4` and `ipv6` are
    `ip`, `short` and `int` are stored as a long, and `float` as a double: tables keep no narrower numbers. A name is a letter, then letters, digits and `_`, at most 100. A type
    that there is not is E307, a field that is named twice E350, a table that is there already E602.

    The table is a Delta Lake table below the database's folder. `import` widens it when rows bring new fields, so
    that it need not be declared in full, or at all: `import create=t` makes it of the rows.
    """
    examples = (
        Example(
            title="a table for a web log",
            query="create-table weblog _time:date, client_ip:string, bytes:long",
            expect="table:string action:string rows:long\nweblog created 0",
        ),
        Example(
            title="one column",
            query="create-table counts n:long",
            expect="table:string action:string rows:long\ncounts created 0",
        ),
    )

    def bind(self, args: Args, source: Node | None) -> Node:
        import pyarrow as pa

        from ..engine.sources.action import ActionRelation

        name, fields = args.table_name(), declared(args)
        store = args.services.tables

        def act(_: Any) -> tuple[str, str, int]:
            store.create(name, pa.schema(fields))
            return name, "created", 0

        return Scan(**args.common, relation=ActionRelation(act, f"create {name}"), key=stage_text(args.parsed))


def declared(args: Args, taken: Iterable[str] = ()) -> list[pa.Field[Any]]:
    """The fields that the stage declares. All faults are told, each at its word: no such type, a name that is there already."""
    import pyarrow as pa

    names, fields = set(taken), []
    for column in args.many("columns_def"):
        kind = TYPES.get(column.kind)
        if kind is None:
            args.fail("E307", f"no type is named '{column.kind}'", column.kind_span, suggestions=nearest(column.kind, TYPES, 1),
                      hint="types: " + ", ".join(TYPES))  # fmt: skip
        elif column.name in names:
            args.fail("E350", f"two fields are named '{column.name}'", column.span)
        else:
            fields.append(pa.field(column.name, kind.arrow))
        names.add(column.name)
    return fields
