"""`outputjson PATH [F, ...]`: rows to a file of JSON lines."""

from __future__ import annotations

from ..engine.operators.writers import WriteFile
from ..engine.operators.writing import SHARED, write_node
from .base import Args, Command, Example, Node, Option, kinds, register


@register
class OutputJson(Command[WriteFile]):
    name = "outputjson"
    summary = "Write rows to a file, an object a line, and pass them on."
    syntax = "outputjson [append=f] [overwrite=f] [partition=f] [encoding=utf-8] PATH [F, ...]"
    grammar = "path [names]"
    options = (*SHARED, Option("encoding", kinds.ENCODING, "encoding of the text", default="utf-8"))
    details = """
    An object a line, nulls kept. Dates are ISO 8601 text; NaN and infinities, which JSON does not have, are null
    and counted.

    The file is written aside and takes its name when the query has succeeded: nobody sees half a file. A file that
    is there is E602, unless `overwrite=t` replaces or `append=t` extends it. `{now:FMT}` in the path is the query's
    start; with `partition=t` also `{FIELD}` and `{logtime:FMT}` (by row time), and there is a file for each value.
    A field list chooses what is written, not what goes on: all rows with all fields go to the next stage, and a
    `limit` behind a writer does not shorten what it writes. Rows are written in input order.
    """
    examples = (
        Example(
            title="two fields of the rows; all of them go on",
            given={"t": "a:long b:string c:double\n1 x 0.5"},
            query="table t | outputjson out.json a, b",
            expect="a:long b:string c:double\n1 x 0.5",
        ),
        Example(
            title="some fields only; the rows below keep all",
            given={"t": "a:long b:string\n1 x\n2 null"},
            query="table t | outputjson overwrite=t part.json b | stats sum(a) as a",
            expect="a:long\n3",
        ),
    )

    def bind(self, args: Args, source: Node | None) -> Node:
        from ..engine.operators.formats import JsonOutput

        assert source is not None
        return write_node(args, source, JsonOutput(encoding=args.option("encoding")))
