"""`parquetfile PATH`: Parquet files."""

from __future__ import annotations

from ..planner.plan import Scan
from .base import Args, Command, Example, Node, register
from .columns import OPTIONS, SYNTAX, bind_columns


@register
class ParquetFileCommand(Command[Scan]):
    name = "parquetfile"
    summary = "Read Parquet files: only the fields and row groups that the query needs."
    syntax = f"parquetfile {SYNTAX}"
    grammar = "path"
    source = True
    options = OPTIONS
    details = """
    Paths, `-` and `_file` are as with `csvfile`; folders named `key=value` become fields (hive partitions). Only
    the fields that the query needs are read, and only the row groups whose statistics the conditions behind it
    allow; `explain` shows which. A field that some files lack is null there; types that differ between files are
    joined as in mixed columns, which is noted.

    `from=` and `to=` keep rows by time, from inclusive and to exclusive: by `time=`, else `_time`, else the only
    date field. Decimals are read as doubles, types that there are not here pass through as they are; both are
    noted. A page that is damaged is E605, naming the file.

    `bad=` and `quarantine=` take what the types of the language cannot hold (whole numbers of 2^63 and more, times
    beyond 64 bits of their unit) and what `time=` cannot read. In the quarantine `line` is the number of the row and
    `raw` the text of the value.
    """
    examples = (
        Example(
            title="two fields of a file",
            given={"parquet:p.parquet": "a:long b:string c:double\n1 x 0.5\n2 null 1.5"},
            query="parquetfile columns=c,a p.parquet",
            expect="c:double a:long\n0.5 1\n1.5 2",
        ),
        Example(
            title="only the row groups that the condition can meet are read",
            given={"parquet:p.parquet": "a:long b:string c:double\n1 x 0.5\n2 null 1.5"},
            query="parquetfile p.parquet | search a > 1 | fields c",
            expect="c:double\n1.5",
        ),
    )

    def bind(self, args: Args, source: Node | None) -> Node:
        from ..engine.sources.parquet import ParquetRelation, survey

        return bind_columns(args, survey, ParquetRelation)
