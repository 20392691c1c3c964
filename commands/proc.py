"""`proc NAME(ARG, ..., p=ARG)`: the stages of a saved query or of a `def`, in place."""

from __future__ import annotations

from ..planner.plan import Procedure
from .base import Args, Command, Example, Node, register


@register
class Proc(Command[Procedure]):
    name = "proc"
    summary = (
        "Call a procedure: a saved query, or a def of the header. A source, or a stage if its body begins with a pipe."
    )
    syntax = "proc NAME(ARG, ..., PARAM=ARG)"
    grammar = "procedure"
    options = None
    anywhere = True
    details = """
`NAME` is, in this order: a `def` of the same text; `ALIAS.NAME` or `ALIAS` of something that `use` imports; a file `NAME.cq` on the query
path. The query path is the folder of the calling file (of a query string the working folder), then the folders of the setting
`query_path` (or of `$CORTADO_QUERY_PATH`), then `queries` in the database folder. A name with other signs stands in back quotes.

Arguments go by position, then by name. Each is checked against the type of its parameter, and E410 points at it. An argument is a
constant expression and sees the caller's parameters; for a parameter of type `field`, `fields` or `table` it is a bare name, or text;
several fields stand in quotes, `keys="store, item"`. Defaults are worked out inside the procedure and see the parameters before them.

The procedure sees its own parameters only, never the caller's, and what it sets stays inside. Its stages are bound in place: the optimiser
works across them, their notes and errors are counted as `3.1`, `3.2` of stage 3, and errors show the line of the file they stand in.
A procedure that calls itself, however far round, is E412.
"""
    examples = (
        Example(
            title="a stage with a parameter",
            given={"sales": "store:string amount:double\na 5\nb null\nc 0.5"},
            query="def clean(min: double = 0) = [ | search isnotnull(amount) and amount >= $min ]\ntable sales | proc clean(min=1)",
            expect="store:string amount:double\na 5.0",
        ),
        Example(
            title="a source, and fields that are bound as names",
            given={"sales": "store:string item:string qty:long\na x 1\na y 2\nb x 3"},
            query="def totals(src: table, keys: fields = store) = [ table $src | stats sum(qty) as qty by $keys ]\n"
            'proc totals(sales, keys="item")',
            expect="item:string qty:long\nx 4\ny 2",
        ),
    )

    def bind(self, args: Args, source: Node | None) -> Node:
        assert source is not None  # the stages of the procedure
        return args.binder.end_of_call(args, source)
