"""`parquetfile PATH`: Parquet files."""

from __future__ import annotations

from typing import Any

from ..engine.notes import At
from ..engine.sources.files import SHARED, note_mixed, scan_of, shared_options
from ..planner import ast
from ..planner.plan import Scan
from ..planner.types import Schema
from .base import Args, Command, Example, Node, Option, kinds, register


@register
class ParquetFileCommand(Command[Scan]):
    name = "parquetfile"
    summary = "Read Parquet files: only the fields and row groups that the query needs."
    syntax = "parquetfile [columns=F,...] [from=T] [to=T] [tz=ZONE] [time=F] [meta=f] [limit=N] [offset=N] PATH"
    grammar = "path"
    source = True
    options = (
        Option("columns", kinds.FIELDS, "read these fields only, in this order"),
        Option("from", kinds.TIME, "rows of this time or later"),
        Option("to", kinds.TIME, "rows before this time"),
        *SHARED,
    )
    details = """
    Paths, `-` and `_file` are as with `csvfile`; folders named `key=value` become fields (hive partitions). Only
    the fields that the query needs are read, and only the row groups whose statistics the conditions behind it
    allow; `explain` shows which. A field that some files lack is null there; types that differ between files are
    joined as in mixed columns, which is noted.

    `from=` and `to=` keep rows by time, from inclusive and to exclusive: by `time=`, else `_time`, else the only
    date field. Decimals are read as doubles, types that there are not here pass through as they are; both are
    noted. A page that is damaged is E605, naming the file.
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

        options = shared_options(args)
        path = args.path(args.one("path"))
        gate = args.services.gate
        found = survey(gate, gate.glob(path))
        for name in found.decimals:
            args.note("info", f"field '{name}' is a decimal: it is read as double")
        for name in found.others:
            args.note(
                "info", f"field '{name}' is of type {found.types[name]}: it passes through, functions see its text"
            )
        note_mixed(args, found.mixed, hint="long(x), double(x) or date(x) reads it")
        data = Schema((*found.types.items(), *found.hive.items()))
        columns = self._columns(args, data)
        if options.time is not None and data.type(options.time) is None:
            args.binder.unknown(options.time, args.option_span("time"), data, always=True)
        window = self._window(args, data, options.time)
        at = At(args.stage, self.name, args.span)
        relation = ParquetRelation(gate, found, options, path, at, columns=columns, window=window)
        return scan_of(args, relation)

    def _columns(self, args: Args, data: Schema) -> tuple[str, ...] | None:
        names: tuple[str, ...] | None = args.option("columns")
        if names is None:
            return None
        span = args.option_span("columns")
        fields = [ast.Field(n, span, pattern="*" in n and n not in data) for n in names]
        return tuple(args.binder.expand(fields, data, always=True))

    def _window(self, args: Args, data: Schema, time: str | None) -> Any:
        from ..engine.sources.parquet import Window

        low, high = args.option("from"), args.option("to")
        if low is None and high is None:
            return None
        dates = [n for n, t in data.fields if t.kind == "date"]
        name = time or ("_time" if "_time" in dates else None)
        if name is None and len(dates) == 1:
            name = dates[0]
            args.note("info", f"the row time is '{name}', the only date field")
        if name is None or (data.type(name) is not None and name not in dates):
            which = "from" if args.given("from") else "to"
            said = (
                f"'{name}' is no date field"
                if name
                else "no field tells the row time"
                if not dates
                else "several fields could be the row time"
            )
            args.abort(
                "E340",
                said,
                args.option_span(which),
                hint="time= names it" + (f": {', '.join(dates)}" if dates else ""),
            )
        return Window(field=name, low=low, high=high)
