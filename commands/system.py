"""`system WHAT`: rows of the catalogue."""

from __future__ import annotations

from ..planner.plan import Scan
from ..planner.text import nearest
from ..planner.unparse import stage_text
from .base import Args, Command, Example, Node, register

HERE = (
    "tables",
    "lookups",
    "functions",
    "aggregates",
    "commands",
    "settings",
    "params",
    "memory",
    "notes",
    "threads",
    "queries",
    "parsers",
    "procs",
    "profiles",
)
LATER = ("models",)


@register
class System(Command[Scan]):
    name = "system"
    summary = "Rows of the catalogue: tables, lookups, functions, aggregates, commands, settings, params, memory, threads, queries, parsers, procs, profiles."
    syntax = "system {" + ",".join(HERE) + "} [NAME]"
    grammar = "word [word]"
    source = True
    details = """
    `system tables` lists the stored tables and the registered objects, and so does `lookups`, as `lookup` takes
    either; `functions`, `aggregates`, `commands` and
    `parsers` what the language has, with syntax and summary; `settings` what holds now, `params` the parameters;
    `procs` what `proc` can call, with its parameters and help; `profiles` the databases that `dbquery` can read
    (name and driver, no more); `notes` what the last query of the session noted; `memory`, `threads` and `queries` what is going on. A name
    behind it keeps the row of that name. They are rows like any others: `system functions | search name ==
    "date*"`.
    """
    examples = (
        Example(
            title="what a command is for",
            query="system commands limit | fields name, kind",
            expect="name:string kind:string\nlimit streaming",
        ),
        Example(
            title="a setting",
            query="system settings seed | fields name, value",
            expect="name:string value:string\nseed 0",
        ),
    )

    def bind(self, args: Args, source: Node | None) -> Node:
        from ..engine.sources.memory import relation_of

        words = args.parsed.all("word")
        what = words[0]
        if what in LATER:
            args.abort("E309", f"system {what} is not in this version", args.place("word"))
        if what not in HERE:
            args.abort("E304", f"the catalogue has no '{what}'", args.place("word"), suggestions=nearest(what, HERE, 1),
                       hint="system " + ", ".join(HERE))  # fmt: skip
        rows = args.services.catalogue(what, words[1] if len(words) > 1 else "", args.binder)
        return Scan(
            **args.common, relation=relation_of(rows, f"system {what}", zone=args.zone), key=stage_text(args.parsed)
        )
