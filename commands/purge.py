"""`purge from=T to=T NAME`: remove a time range of a stored table."""

from __future__ import annotations

from typing import Any

from ..planner.plan import Scan
from ..planner.text import nearest
from ..planner.unparse import stage_text
from .base import Args, Command, Example, Node, Option, kinds, register
from .rowtime import row_time


@register
class Purge(Command[Scan]):
    name = "purge"
    summary = "Delete the rows of a stored table in a time range. Gives one row: table, action, rows."
    syntax = "purge [from=T] [to=T] [time=F] NAME"
    grammar = "table"
    source = True
    details = """
Rows whose time is at or after `from` and before `to` are deleted; one of the two may be left out, both may not
(`drop-table` removes a table). The row's time is `time=`, else `_time`, else the only date field, which is noted. Rows
without a time stay, and so does the order of the others.

It is one commit: a crash or a cancel at any time leaves the table as it was or as it is after. Files that hold no such row
are not touched, the others are written anew beside the old ones; running queries go on reading what they began with.
Rows that others append meanwhile stay. The row that comes out tells how many rows were deleted.
"""
    options = (
        Option("from", kinds.TIME, "rows at or after this time"),
        Option("to", kinds.TIME, "rows before this time"),
        Option("time", kinds.FIELD, "the time of a row; default _time, or the only date field"),
    )
    examples = (
        Example(
            title="all before November",
            given={"stored:log": "_time:date n:long\n2026-10-31T23:59:59Z 1\n2026-11-01T00:00:00Z 2\nnull 3"},
            query="purge to=20261101 log",
            expect="table:string action:string rows:long\nlog purged 1",
        ),
        Example(
            title="one day",
            given={
                "stored:log": "_time:date n:long\n2026-10-31T23:59:59Z 1\n2026-11-01T00:00:00Z 2\n2026-11-02T00:00:00Z 3"
            },
            query="purge from=20261101 to=20261102 log",
            expect="table:string action:string rows:long\nlog purged 1",
        ),
    )

    def bind(self, args: Args, source: Node | None) -> Node:
        from ..engine.sources.action import ActionRelation

        name = args.table_name()
        low, high = args.option("from"), args.option("to")
        if low is None and high is None:
            args.abort("E310", "purge needs from= or to=", hint=f"drop-table {name} removes the whole table")
        if low is not None and high is not None and high <= low:
            args.abort("E311", "to= is not after from=: there is nothing between", args.option_span("to"))
        store = args.services.tables
        if not store.exists(name):
            args.abort(
                "E304", f"no table is named '{name}'", args.place("table"), suggestions=nearest(name, store.names(), 1)
            )
        args.schema = store.snapshot(name).declared
        field, _ = row_time(args)

        def act(ctx: Any) -> tuple[str, str, int]:
            return name, "purged", store.purge(name, low, high, field, ctx.check)

        return Scan(**args.common, relation=ActionRelation(act, f"purge {name}"), key=stage_text(args.parsed))
