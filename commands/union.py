"""`union [ SUB ] ...`: the rows so far, then those of each subquery."""

from __future__ import annotations

from ..planner import combine
from ..planner.combine import union_schema
from ..planner.plan import Node
from ..planner.types import Schema
from .base import Args, Command, Example, register


@register
class Union(Command[combine.Union]):
    name = "union"
    summary = "Add the rows of subqueries below those that come in; columns are joined by name."
    syntax = "union [ SUB ] [[ SUB ] ...]"
    grammar = "subquery+"
    details = (
        "The rows that come in first, then those of each subquery in the order in which these are written; each keeps its own order. "
        "Columns are joined by name: a field that one side lacks is null there. Numbers of different widths widen; "
        "a field that is of different types otherwise becomes text, which a `mixed` note says.\n\n"
        "It streams, and sources that need no order are read in parallel. A subquery does not inherit the time range of the query around it."
    )
    examples = (
        Example(
            title="two tables, one stream",
            given={"a": "x:long\n1\n2", "b": "x:long\n3"},
            query="table a | union [ table b ]",
            expect="x:long\n1\n2\n3",
        ),
        Example(
            title="fields are joined by name",
            given={"a": "x:long y:string\n1 p", "b": "y:string z:double\nq 0.5"},
            query="table a | union [ table b ] | stats count, sum(x) as x, sum(z) as z by y",
            expect="y:string count:long x:long z:double\np 1 1 null\nq 1 null 0.5",
        ),
    )

    def bind(self, args: Args, source: Node | None) -> Node:
        assert source is not None
        subqueries = args.subqueries()
        parts = [source.schema, *(s.schema for s in subqueries)]
        self._tell_mixed(args, parts)
        return combine.Union(**args.common, inputs=(source, *subqueries))

    def _tell_mixed(self, args: Args, parts: list[Schema]) -> None:
        """Fields whose types have nothing in common, so that they become text."""
        for name, made in union_schema(parts).fields:
            kinds = [t for p in parts for n, t in p.fields if n == name and t.kind != "null"]
            if made.kind != "string" or all(t.kind == "string" for t in kinds):
                continue
            said = f"field '{name}' is {' and '.join(dict.fromkeys(map(str, kinds)))}: it became text"
            if args.strict:
                args.fail("E504", said, strict=True)
            else:
                args.note("mixed", said)
