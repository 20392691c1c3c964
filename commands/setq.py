"""`setq [ SUB ]`: the fields of the subquery's first row become parameters."""

from __future__ import annotations

from ..planner.plan import Here, Node
from ..planner.types import Schema
from .base import Args, Command, Example, register


@register
class SetQ(Command[Node]):
    name = "setq"
    summary = "Make parameters of the fields of a subquery's first row."
    syntax = "setq [ SUB ]"
    grammar = "subquery"
    control = True
    details = (
        "The subquery runs before the query's first stage. Each field of its first row becomes the parameter of that name, read with "
        '`$("name")` or `$name`; no other row is read. Without any row all of them are null, which a note says.\n\n'
        "Such a parameter may stand wherever an expression may, and in `from=` and `to=`; not in options that shape columns or the plan (E410). "
        "Nothing runs for `explain` or for a query's schema: only the types are needed. A later `set` or `setq` sees it.\n\n"
        "Behind a stage whose columns the data decides (`pivot`, `parsejson`, ...) the subquery has to end with stages that name its "
        "fields, such as `fields a, b` or `stats max(x) as a`; else it is E410. Which types these have is then known when it has run: the "
        "query is checked before as far as that goes, and bound with the types before it reads a row."
    )
    examples = (
        Example(
            title="a limit that the data gives",
            given={"t": "bytes:long\n10\n20\n90"},
            query='setq [ table t | stats avg(bytes) as mean ] | table t | search bytes > $("mean")',
            expect="bytes:long\n90",
        ),
        Example(
            title="several at once, and one made from them",
            given={"t": "a:long\n3\n5"},
            query="setq [ table t | stats min(a) as low, max(a) as high ] | set span = $high - $low | table t | eval part = (a - $low) / $span",
            expect="a:long part:double\n3 0.0\n5 1.0",
        ),
        Example(
            title="of a table whose columns the data decides",
            given={"t": "k:string m:long\na 1\na 2\nb 2"},
            query='setq [ table t | pivot count by k for m | fields k, `2` ] | table t | search k == $k and m == $("2") | stats count',
            expect="count:long\n1",
        ),
    )

    def bind(self, args: Args, source: Node | None) -> Node:
        args.binder.set_late(args.parsed, lambda: args.subquery(None))
        return Here(columns=Schema())
