"""`drop-table NAME[?]`: remove a stored table."""

from __future__ import annotations

from typing import Any

from ..planner.plan import Scan
from ..planner.text import nearest
from ..planner.unparse import stage_text
from .base import Args, Command, Example, Node, register


@register
class DropTable(Command[Scan]):
    name = "drop-table"
    summary = "Remove a stored table; with ? an absent one is no error. Gives one row: table, action, rows."
    syntax = "drop-table NAME[?]"
    grammar = "table"
    source = True
    details = """
    The folder of the table is removed with all of its versions; queries that are reading it may fail. An absent
    table is E304 at bind, with the nearest name; `drop-table NAME?` answers a row with `absent` instead. The row's
    `rows` is what the table held.
    """
    examples = (
        Example(
            title="an absent table is no error with ?",
            query="drop-table nosuch?",
            expect="table:string action:string rows:long\nnosuch absent 0",
        ),
        Example(
            title="a table that exists",
            given={"stored:old": "n:long\n1\n2"},
            query="drop-table old",
            expect="table:string action:string rows:long\nold dropped 2",
        ),
    )

    def bind(self, args: Args, source: Node | None) -> Node:
        from ..engine.sources.action import ActionRelation

        name = args.table_name()
        optional = name.endswith("?")
        name = name.removesuffix("?")
        store = args.services.tables
        if not optional and not store.exists(name):
            args.abort("E304", f"no table is named '{name}'", args.place("table"), suggestions=nearest(name, store.names(), 1),
                       hint=f"drop-table {name}? is no error where there is none")  # fmt: skip

        def act(_: Any) -> tuple[str, str, int]:
            if optional and not store.exists(name):
                return name, "absent", 0
            rows = store.snapshot(name).n_rows or 0
            store.drop(name)
            return name, "dropped", rows

        return Scan(**args.common, relation=ActionRelation(act, f"drop {name}"), key=stage_text(args.parsed))
