"""`where E`: keep the rows for which E is truthy, as `search` does."""

from __future__ import annotations

from ..planner.plan import Filter
from .base import Args, Command, Example, Node, Option, kinds, register
from .filtering import filter_node


@register
class Where(Command[Filter]):
    name = "where"
    summary = "Keep the rows for which an expression is truthy; the same as search."
    syntax = "where E"
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

    `search` and `where` are one command under two names.
    """
    examples = (
        Example(
            title="null is not truthy, so a comparison with it drops the row",
            given={"t": "bytes:long\n10\nnull\n300"},
            query="table t | where bytes > 100",
            expect="bytes:long\n300",
        ),
        Example(
            title="rows that have a value",
            given={"t": "user:string\nann\nnull"},
            query="table t | where isnotnull(user)",
            expect="user:string\nann",
        ),
    )

    def bind(self, args: Args, source: Node | None) -> Node:
        assert source is not None
        return filter_node(args, source)
