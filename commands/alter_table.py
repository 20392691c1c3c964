"""`alter-table NAME {rename A as B, add F:TYPE, drop F}`: other fields for a stored table."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ..planner import ast
from ..planner.plan import Scan
from ..planner.text import nearest
from ..planner.types import Schema
from ..planner.unparse import stage_text
from .base import Args, Command, Example, Node, register
from .create_table import declared

ACTIONS = ("rename", "add", "drop")
Fields = list[tuple[str | None, Any]]  # name in the old schema (None: new), Arrow field


@register
class AlterTable(Command[Scan]):
    name = "alter-table"
    summary = "Rename, add or drop fields of a stored table. Gives one row: table, action, rows."
    syntax = "alter-table NAME {rename A as B, ... | add F:TYPE, ... | drop F, ...}"
    grammar = "table word (pairs | columns_def)"
    source = True
    details = """
`rename` gives fields other names, all at once, so that two may swap theirs; `add` puts new fields, null in all rows, behind
the others, with the types of `create-table`; `drop` removes fields, but never the last one. Rows, their order and the
other fields stay.

It is one commit: a crash or a cancel at any time leaves the table as it was or as it is after. `rename` and `drop` write
the table's files anew beside the old ones, so they take as long as reading it; `add` only writes to the log. Running
queries, and older versions, keep the old fields. The row that comes out tells how many rows the table has.

A name that is not there is E301, one that is there already E350; names that differ only by case are E603, as in
`import`.
"""
    examples = (
        Example(
            title="another name",
            given={"stored:log": "ip:string n:long\na 1\nb 2"},
            query="alter-table log rename ip as client_ip",
            expect="table:string action:string rows:long\nlog renamed 2",
        ),
        Example(
            title="two fields more",
            given={"stored:log": "n:long\n1"},
            query="alter-table log add agent:string, ok:bool",
            expect="table:string action:string rows:long\nlog added 1",
        ),
        Example(
            title="a field less",
            given={"stored:log": "ip:string n:long\na 1"},
            query="alter-table log drop ip",
            expect="table:string action:string rows:long\nlog dropped 1",
        ),
    )

    def bind(self, args: Args, source: Node | None) -> Node:
        from ..engine.sources.action import ActionRelation

        name, action = args.table_name(), args.one("word")
        if action not in ACTIONS:
            args.abort("E201", f"'{action}' is no change of a table", args.place("word"), expected=ACTIONS)
        store = args.services.tables
        if not store.exists(name):
            args.abort("E304", f"no table is named '{name}'", args.place("table"), suggestions=nearest(name, store.names(), 1),
                       hint=f"create-table {name} F:TYPE, ... makes it")  # fmt: skip
        args.schema = store.snapshot(name).declared
        change, done = _CHANGES[action](args), {"rename": "renamed", "add": "added", "drop": "dropped"}[action]

        def act(ctx: Any) -> tuple[str, str, int]:
            if action == "add":
                return name, done, store.widen(name, change([]))
            return name, done, store.reshape(name, lambda old: _apart(change(list(old))), ctx.check)

        return Scan(**args.common, relation=ActionRelation(act, f"alter {name}"), key=stage_text(args.parsed))


def _apart(fields: Fields) -> tuple[Sequence[str | None], Any]:
    import pyarrow as pa

    return [name for name, _ in fields], pa.schema([field for _, field in fields])


def _pairs(args: Args, action: str) -> tuple[ast.Pair, ...]:
    if not args.many("pairs"):
        args.abort("E201", f"'{action}' takes names of fields, without types", args.place("columns_def"))
    return args.many("pairs")


def _rename(args: Args) -> Callable[[Sequence[Any]], Any]:
    names: dict[str, str] = {}
    for pair in _pairs(args, "rename"):
        if pair.right is None:
            args.abort("E201", "a field is renamed to a name", pair.span, expected=("as",), hint="rename A as B")
        old, _ = args.field(pair.left, always=True)
        if old in names:
            args.abort("E350", f"'{old}' is renamed twice", pair.span)
        names[old] = args.binder.field_name(pair.right)
    _distinct(args, names)

    def change(old: Sequence[Any]) -> Fields:
        _still_there(args.schema, names, old)
        return [(f.name, f.with_name(names.get(f.name, f.name))) for f in old]

    return change


def _drop(args: Args) -> Callable[[Sequence[Any]], Any]:
    pairs = _pairs(args, "drop")
    for pair in pairs:
        if pair.right is not None:
            args.abort("E201", "'drop' takes no new name", pair.right.span)
    gone = set(args.fields([p.left for p in pairs], always=True))
    if gone and not set(args.schema.names()) - gone:
        args.abort("E603", "a table has at least one field", pairs[0].span, hint="drop-table removes it")

    def change(old: Sequence[Any]) -> Fields:
        _still_there(args.schema, gone, old)
        return [(f.name, f) for f in old if f.name not in gone]

    return change


def _add(args: Args) -> Callable[[Sequence[Any]], Any]:
    if not args.many("columns_def"):
        args.abort(
            "E201", "'add' takes a type for each field", args.place("pairs"), hint="add F:TYPE, such as add n:long"
        )
    made = declared(args, args.schema.names())
    return lambda old: made


_CHANGES: dict[str, Callable[[Args], Callable[[Sequence[Any]], Any]]] = {"rename": _rename, "add": _add, "drop": _drop}


def _distinct(args: Args, names: dict[str, str]) -> None:
    taken = [n for n in args.schema.names() if n not in names]
    for pair in args.many("pairs"):
        new = args.binder.field_name(pair.right)
        if new in taken:
            args.abort("E350", f"two fields would be named '{new}'", pair.span)
        taken.append(new)


def _still_there(schema: Schema, names: Any, old: Sequence[Any]) -> None:
    """The table may have been changed since the query was bound."""
    from ..planner.text import fault

    here = {f.name for f in old}
    lost = [n for n in names if n not in here]
    if lost:
        raise fault("E603", f"field '{lost[0]}' is gone: the table was changed meanwhile", hint="run it again")
