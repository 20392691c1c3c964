"""`outputparquet PATH [F, ...]`: rows to a Parquet file."""

from __future__ import annotations

from ..engine.operators.writers import WriteFile
from ..engine.operators.writing import SHARED, typed_node
from .base import Args, Command, Example, Node, Option, kinds, register

CODECS = ("zstd", "snappy", "gzip", "lz4", "brotli", "none")


@register
class OutputParquet(Command[WriteFile]):
    name = "outputparquet"
    summary = "Write rows to a Parquet file, types kept, and pass them on."
    syntax = "outputparquet [codec=zstd] [rowgroup=N] [append=f] [overwrite=f] [partition=f] PATH [F, ...]"
    grammar = "path [names]"
    options = (
        *SHARED,
        Option("codec", CODECS, "how pages are packed", default="zstd"),
        Option("rowgroup", kinds.INT, "rows of a row group", default=131_072, least=1),
    )
    details = """
    Types are kept, so that `parquetfile`, DuckDB, Polars, Spark and others read what was there; a type that Parquet
    cannot hold is E603 before a row is read, as is a query without fields. Calendar lengths (`1mon`) are written as
    text, noted.

    The file is written aside and takes its name when the query has succeeded: nobody sees half a file. A file that
    is there is E602, unless `overwrite=t` replaces or `append=t` extends it. `{now:FMT}` in the path is the query's
    start; with `partition=t` also `{FIELD}` and `{logtime:FMT}` (by row time), and there is a file for each value.
    A field list chooses what is written, not what goes on: all rows with all fields go to the next stage, and a
    `limit` behind a writer does not shorten what it writes. Rows are written in input order.
    """
    examples = (
        Example(
            title="rows go on; a limit below does not shorten the file",
            given={"t": "a:long\n1\n2\n3"},
            query="table t | outputparquet out.parquet | limit 1",
            expect="a:long\n1",
        ),
        Example(
            title="some fields only; the rows below keep all",
            given={"t": "a:long b:string\n1 x\n2 null"},
            query="table t | outputparquet overwrite=t part.parquet b | stats sum(a) as a",
            expect="a:long\n3",
        ),
    )

    def bind(self, args: Args, source: Node | None) -> Node:
        from ..engine.operators.formats import ParquetOutput, unwritable

        assert source is not None
        node = typed_node(args, source, ParquetOutput(codec=args.option("codec"), rowgroup=args.option("rowgroup")))
        if not node.fields:
            args.abort("E603", "there is no field: a Parquet file would not even keep the number of rows")
        for name, kind in source.schema.fields:
            if (not node.fields or name in node.fields) and (odd := unwritable(kind)) is not None:
                args.abort(
                    "E603", f"field '{name}': a Parquet file holds no {odd}", hint="turn it into text: string(x)"
                )
        return node
