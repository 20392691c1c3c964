"""`serial [ SUB ]`: its stages, in place."""

from __future__ import annotations

from .base import Args, Command, Example, Node, register


@register
class Serial(Command[Node]):
    name = "serial"
    summary = "Stages in brackets, in place; grouping only: results never depend on the number of threads."
    syntax = "serial [ SUB ]"
    grammar = "subquery"
    anywhere = True
    tier = 2
    details = """
The stages in the brackets stand where `serial` stands: behind a source they go on with its rows, at the beginning they begin
the query. It groups, and changes nothing, since results never depend on the number of threads, and the setting `threads`
says how many there are. Notes and errors count the stages as `2.1`, `2.2`. `set` stands before it, not inside.
"""
    examples = (
        Example(
            title="as if the stages stood there",
            given={"t": "a:long\n1\n2\n3"},
            query="table t | serial [ search a > 1 | eval b = a * 2 ]",
            expect="a:long b:long\n2 4\n3 6",
        ),
        Example(
            title="as a source",
            given={"t": "a:long\n1\n2"},
            query="serial [ table t | stats sum(a) as a ]",
            expect="a:long\n3",
        ),
    )

    def bind(self, args: Args, source: Node | None) -> Node:
        raise AssertionError("its stages stand in its place")
