"""`outputarrow PATH [F, ...]`: rows to an Arrow IPC file."""

from __future__ import annotations

from ..engine.operators.writers import WriteFile
from ..engine.operators.writing import SHARED, typed_node
from .base import Args, Command, Example, Node, Option, register

CODECS = ("none", "zstd", "lz4")


@register
class OutputArrow(Command[WriteFile]):
    name = "outputarrow"
    summary = "Write rows to an Arrow IPC file, types kept, and pass them on."
    syntax = "outputarrow [codec=none] [append=f] [overwrite=f] [partition=f] PATH [F, ...]"
    grammar = "path [names]"
    details = """
The file has Arrow's file form (`.arrow`, Feather version 2), in record batches of 65,536 rows; `arrowfile` and every
Arrow library read it. All types are kept, but for calendar lengths (`1mon`), which are
written as text, noted; dates bear the session's zone. `codec=` packs the buffers inside the file, a
name that ends in `.gz`, `.zst`, `.bz2` or `.xz` the file as a whole.

`append=t` takes over the rows of the file that is there (file or stream form), whose columns must be the same, else
E603. The file appears whole when the query has succeeded; an existing one is E602 unless `overwrite=t` or `append=t`.
"""
    options = (*SHARED, Option("codec", CODECS, "how buffers are packed", default="none"))
    examples = (
        Example(
            title="rows go on; a limit below does not shorten the file",
            given={"t": "a:long\n1\n2\n3"},
            query="table t | outputarrow out.arrow | limit 1",
            expect="a:long\n1",
        ),
        Example(
            title="some fields only; the rows below keep all",
            given={"t": "a:long b:string\n1 x\n2 null"},
            query="table t | outputarrow overwrite=t part.arrow b | stats sum(a) as a",
            expect="a:long\n3",
        ),
    )

    def bind(self, args: Args, source: Node | None) -> Node:
        from ..engine.operators.formatarrow import ArrowOutput

        assert source is not None
        return typed_node(args, source, ArrowOutput(codec=args.option("codec")))
