"""`outputtxt PATH F, ...`: values of rows as lines of text."""

from __future__ import annotations

from ..engine.operators.writers import WriteFile
from ..engine.operators.writing import SHARED, write_node
from .base import Args, Command, Example, Node, Option, kinds, register


@register
class OutputTxt(Command[WriteFile]):
    name = "outputtxt"
    summary = "Write fields to a text file, joined on a line for each row, and pass the rows on."
    syntax = 'outputtxt [delimiter=" "] [gz=f] [append=f] [overwrite=f] [partition=f] [encoding=utf-8] PATH F, ...'
    grammar = "path names"
    details = """
A line holds the values as text, in the order of the fields, with the delimiter between them; null is empty text. Nothing
is quoted: a value that holds the delimiter or a line end is written as it is, so `outputcsv` is the way for values that
must be read back. `delimiter="\\t"` is a tab.

`gz=t` packs the file whatever its name; a name that ends in `.gz`, `.zst`, `.bz2` or `.xz` packs it anyway. The file
appears whole when the query has succeeded; an existing one is E602 unless `overwrite=t` or `append=t`. The rows go on
unchanged, and a `limit` behind does not shorten the file.
"""
    options = (
        Option("delimiter", kinds.TEXT, "stands between the values", default=" "),
        Option("gz", kinds.BOOL, "pack the file with gzip", default=False),
        *SHARED,
        Option("encoding", kinds.ENCODING, "encoding of the text", default="utf-8"),
    )
    examples = (
        Example(
            title="two fields of each row; all of them go on",
            given={"t": "a:long b:string c:double\n1 x 0.5"},
            query="table t | outputtxt out.txt b, a",
            expect="a:long b:string c:double\n1 x 0.5",
        ),
        Example(
            title="read again",
            given={"t": "a:long b:string\n1 x\n2 null"},
            query='table t | outputtxt overwrite=t delimiter=";" lines.txt a, b | stats count',
            expect="count:long\n2",
        ),
    )

    def bind(self, args: Args, source: Node | None) -> Node:
        from ..engine.operators.formattext import TextOutput

        assert source is not None
        path = args.one("path")
        packed = args.option("gz") and not (isinstance(path, str) and path.lower().endswith(".gz"))
        form = TextOutput(delimiter=_unescaped(args), encoding=args.option("encoding"), packed=packed)
        return write_node(args, source, form)


def _unescaped(args: Args) -> str:
    """TEXT options are raw, as patterns are; here a tab is meant."""
    text: str = args.option("delimiter")
    raw = args.parsed.option("delimiter")
    return text.replace("\\t", "\t") if raw is not None and raw.value[:1] == '"' else text
