"""`explain [analyze=B] [ SUB ]`: the plan as rows."""

from __future__ import annotations

from ..planner.plan import Explain
from .base import Args, Command, Example, Node, Option, kinds, register


@register
class ExplainCommand(Command[Explain]):
    name = "explain"
    summary = "The optimised plan as rows, a row an operator; with analyze=t the query runs and its figures are added."
    syntax = "explain [analyze=B] [ SUB ]"
    grammar = "subquery"
    source = True
    options = (Option("analyze", kinds.BOOL, "run the query and add rows, bytes and time", default=False),)
    examples = (
        Example(
            title="which stages stream and which block",
            given={"t": "n:long\n1"},
            query="explain [ table t | sort n ] | fields stage, operator, mode",
            expect="stage:string operator:string mode:string\n1.1 Scan streaming\n1.2 Sort blocking",
        ),
        Example(
            title="rows in and out of each stage",
            given={"t": "n:long\n1\n2"},
            query="explain analyze=t [ table t | search n > 1 ] | fields operator, rows_out",
            expect="operator:string rows_out:long\nScan 2\nFilter 1",
        ),
    )

    def bind(self, args: Args, source: Node | None) -> Node:
        return Explain(**args.common, plan=args.subquery(None), analyze=args.option("analyze"))
