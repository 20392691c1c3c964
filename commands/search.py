"""`search [limit=N] [E]`: keep the rows for which E is truthy."""

from __future__ import annotations

from ..planner.plan import Filter
from .base import Args, Command, Example, Node, Option, kinds, register
from .filtering import filter_node


@register
class Search(Command[Filter]):
    name = "search"
    summary = "Keep the rows for which an expression is truthy."
    syntax = "search [limit=N] [E]"
    grammar = "[expr]"
    options = (Option("limit", kinds.INT, "stop after so many rows have passed", least=0),)
    open_options = True
    details = r"""
    A row passes where the expression is truthy: true, or any value that is neither a boolean nor null (0 and empty
    text too). Null is false; a constant such as `"error"` looks at no field and is always true, of which W331 warns: `contains(line,
    "error")` finds text in a field. So `bytes > 100` leaves out the rows without `bytes`, and so does `user != "ann"` with
    those without `user`; then a note says how many. `isnull(user) or user != "ann"` keeps them, and `same(a, b)`
    compares nulls.

    A string literal on the right of `==`, `!=` and in `in (...)` is a pattern for the whole text of the value: `*`
    is any text, `\*` a star, and case counts. Anything else compares typed and exact; a computed pattern goes
    through `like(x, p)`, a regular expression through `match(x, re)`.

    With `limit=N` it stops the stages before it when N rows have passed. Sources skip what the condition rules out:
    row groups of Parquet files, files of stored tables, parts of text.
    """
    examples = (
        Example(
            title="a wildcard matches the whole text of the value",
            given={"t": "status:long url:string\n200 /\n404 /x\n503 /y"},
            query='table t | search status == "4*" or status >= 500',
            expect="status:long url:string\n404 /x\n503 /y",
        ),
        Example(
            title="the first two errors",
            given={"t": "status:long\n404\n200\n500\n404"},
            query="table t | search limit=2 status >= 400",
            expect="status:long\n404\n500",
        ),
    )

    def bind(self, args: Args, source: Node | None) -> Node:
        assert source is not None
        return filter_node(args, source)
