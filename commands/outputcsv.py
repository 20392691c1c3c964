"""`outputcsv PATH [F, ...]`: rows to a CSV file."""

from __future__ import annotations

from ..engine.lower import at_of
from ..engine.operators.writers import WriteFile, WriterTransform
from ..engine.operators.writing import SHARED, write_node
from .base import Args, Command, Example, Node, Option, kinds, lowers, register


@lowers(WriteFile)
@register
class OutputCsv(Command[WriteFile]):
    name = "outputcsv"
    summary = "Write rows to a CSV file and pass them on; null is an empty cell, empty text two quotes."
    syntax = (
        "outputcsv [append=f] [overwrite=f] [partition=f] [tab=f] [bom=f] [encoding=utf-8] [header=t] PATH [F, ...]"
    )
    grammar = "path [names]"
    options = (
        *SHARED,
        Option("tab", kinds.BOOL, "separate cells by tabs", default=False),
        Option("bom", kinds.BOOL, "begin the file with a byte order mark", default=False),
        Option("encoding", kinds.ENCODING, "encoding of the text", default="utf-8"),
        Option("header", kinds.BOOL, "the first line holds the names", default=True),
    )
    details = """
    Null is an empty cell, empty text `""`. Text is quoted where it holds a separator, a quote or a line end. Dates
    are written as ISO 8601 with their offset, arrays and maps as JSON. `csvfile` reads it back as it was.

    The file is written aside and takes its name when the query has succeeded: nobody sees half a file. A file that
    is there is E602, unless `overwrite=t` replaces or `append=t` extends it. `{now:FMT}` in the path is the query's
    start; with `partition=t` also `{FIELD}` and `{logtime:FMT}` (by row time), there is a file for each value, and
    folders that are not there are made.
    A field list chooses what is written, not what goes on: all rows with all fields go to the next stage, and a
    `limit` behind a writer does not shorten what it writes. Rows are written in input order.
    """
    examples = (
        Example(
            title="rows go on",
            given={"t": "a:long b:string\n1 x\n2 null"},
            query="table t | outputcsv overwrite=t out.csv | stats count",
            expect="count:long\n2",
        ),
        Example(
            title="some fields only; the rows below keep all",
            given={"t": "a:long b:string\n1 x\n2 null"},
            query="table t | outputcsv overwrite=t part.csv b | stats sum(a) as a",
            expect="a:long\n3",
        ),
    )

    def bind(self, args: Args, source: Node | None) -> Node:
        from ..engine.operators.formats import CsvOutput

        assert source is not None
        form = CsvOutput(
            sep="\t" if args.option("tab") else ",",
            bom=args.option("bom"),
            encoding=args.option("encoding"),
            header=args.option("header"),
        )
        return write_node(args, source, form)

    def lower(self, node: WriteFile) -> WriterTransform:
        return WriterTransform(node, at_of(node))
