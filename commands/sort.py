"""`sort [limit=N] [nulls=] [+-]F, ... [by P, ...]`: stable."""

from __future__ import annotations

from ..planner.plan import Sort, SortKey
from .base import Args, Command, Example, Node, Option, kinds, register


@register
class SortCommand(Command[Sort]):
    name = "sort"
    summary = "Sort by fields; stable, nulls first ascending and last descending."
    syntax = "sort [limit=N] [nulls={first,last}] [+-]F, ... [by P, ...]"
    grammar = "signed_names [by_names]"
    options = (
        Option("limit", kinds.INT, "keep only so many rows (of each partition with by)", least=0),
        Option("nulls", ("first", "last"), "where nulls go, whatever the direction"),
    )
    details = """
    Ascending puts nulls first and `-F` puts them last; `nulls=first` or `nulls=last` overrides both. NaN comes
    behind all numbers. Texts compare by code point, so capitals come before small letters; `sort` of a computed
    `lower(name)` ignores case. Ties keep their input order in either direction, whatever the number of threads.

    With `by` the rows are ordered by those fields first, ascending, and `limit=` counts in each of their groups:
    `sort limit=3 -bytes by url` gives the three largest of each. With `limit=` only the rows that are wanted stay
    in memory; else what does not fit is spilled to disk. An unknown field is passed over with warning W301. The
    name of an aggregate may be written as it is: `sort -sum(bytes)`.
    """
    examples = (
        Example(
            title="largest first, ties in input order",
            given={"t": "ip:string n:long\na 1\nb 2\nc 2"},
            query="table t | sort -n",
            expect="ip:string n:long\nb 2\nc 2\na 1",
        ),
        Example(
            title="the largest of each group",
            given={"t": "g:string n:long\nx 1\ny 5\nx 3"},
            query="table t | sort limit=1 -n by g",
            expect="g:string n:long\nx 3\ny 5",
        ),
    )

    def bind(self, args: Args, source: Node | None) -> Node:
        assert source is not None
        keys = [SortKey(name, k.descending) for k in args.many("signed_names") for name in args.fields([k.key])]
        by = tuple(args.fields(args.many("by_names")))
        known = source.schema
        return Sort(
            **args.common,
            inputs=(source,),
            keys=tuple(k for k in keys if k.name in known),
            unknown=tuple(k for k in keys if k.name not in known),
            by=tuple(n for n in by if n in known),
            limit=args.option("limit"),
            nulls=args.option("nulls"),
        )
