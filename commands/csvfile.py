"""`csvfile PATH`: records of CSV files."""

from __future__ import annotations

from ..engine.notes import At
from ..engine.sources.files import INFERRING, Input, note_mixed, options_of, scan_of
from ..planner.plan import Scan
from .base import Args, Command, Example, Node, Option, kinds, register


@register
class CsvFileCommand(Command[Scan]):
    name = "csvfile"
    summary = "Read CSV files: the first line holds the names, types come from a sample."
    syntax = (
        'csvfile [header=t] [sep=","] [tab=f] [strict=f] [types=t] [rest=f] [maxcol=N] [infer={N,all}] [schema="a: long, b: date"] '
        "[bad={null,skip,fail}] [quarantine=TABLE] [cs=utf-8] [tz=ZONE] [time=F] [meta=f] [limit=N] [offset=N] PATH"
    )
    grammar = "path"
    source = True
    options = (
        Option("header", kinds.BOOL, "the first line holds the names; without: column0, column1, ...", default=True),
        Option("sep", kinds.TEXT, "the separator: one ASCII character", default=","),
        Option("tab", kinds.BOOL, "the separator is a tab", default=False),
        Option("strict", kinds.BOOL, "refuse records whose quotes do not stand as RFC 4180 says", default=False),
        Option(
            "types", kinds.BOOL, "recognise numbers, truth values and ISO dates; without: all is text", default=True
        ),
        Option("rest", kinds.BOOL, "keep surplus cells in the map `_rest`", default=False),
        Option("maxcol", kinds.INT, "columns to read; further cells are surplus", least=1),
        *INFERRING,
    )
    details = """
    The path may hold `*`, `?` and `**`; files are read in the order of their names as one input, and `_file` names
    the file where more than one fits (or with `meta=t`). `.gz`, `.zst`, `.bz2` and `.xz` are unpacked, `-` is
    standard input. A path or pattern that fits nothing is E601.

    **Names** come from the first line: a blank one is `column0` by its place, a repeated one gets `_2`, which is
    noted. Without a header (`header=f`) the fields are `column0`, `column1`, ...

    **Types** are taken from the first 20,000 records (`infer=N`, `infer=all`) or given by `schema=`: whole numbers,
    doubles, truth values and ISO dates; a column that mixes kinds is text. A later value that does not fit is null
    and counted; `bad=skip` leaves its record out, `bad=fail` ends the query. Empty cells are null; quoted empty
    cells are empty text. `types=f` reads everything as text.

    **Records** of too few cells end in nulls, those of too many lose the surplus, or keep it in the map `_rest`
    with `rest=t`; both are counted. Quotes may hold separators and line ends. With `strict=t` quotes must stand as
    RFC 4180 says, else the record is refused. Bytes that are no text in `cs=` are replaced and counted. For every
    reader: records read are rows out plus rows rejected.

    **Quarantine**: `quarantine=TABLE` stores every record that is counted as rejected or left out, when the query
    succeeds (a query that fails or is cancelled stores nothing): `_time` (when the query began), `source`, `line`
    (from 1), `offset` (bytes, of the unpacked file; null with another `cs=`), `column` (null where it is the whole
    record), `reason` and the record itself in `raw`, byte for byte. The table is made if there is none, and grows.
    A record has a row for each of its faults, with `bad=skip` one; behind a `limit` nothing is stored.
    """
    examples = (
        Example(
            title="types are recognised, an empty cell is null",
            given={"file:p.csv": "month,n\\n1949-01,112\\n1949-02,\\n"},
            query="csvfile p.csv",
            expect='month:string n:long\n"1949-01" 112\n"1949-02" null',
        ),
        Example(
            title="a late value of another kind is null and counted",
            given={"file:p.csv": "n\\n1\\n2\\nx\\n"},
            query="csvfile infer=2 p.csv",
            expect="n:long\n1\n2\nnull",
        ),
    )

    def bind(self, args: Args, source: Node | None) -> Node:
        from ..engine.sources.csv import CsvFormat, CsvRelation, survey
        from ..engine.sources.csvtext import Dialect

        options = options_of(args)
        form = CsvFormat(
            dialect=Dialect(self._separator(args), args.option("strict")),
            header=args.option("header"),
            typed=args.option("types"),
            rest=args.option("rest"),
            maxcol=args.option("maxcol"),
        )
        path = args.path(args.one("path"))
        gate = args.services.gate
        found = survey([Input(gate, p, options.encoding) for p in gate.glob(path)], form, options)
        note_mixed(args, found.mixed)
        for name in found.renamed:
            args.note("info", f"the header repeats a name: the later column is '{name}'")
        for name in found.empty:
            args.note("info", f"`{name}` is empty: it has no rows")
        relation = CsvRelation(found, form, options, path, At(args.stage, self.name, args.span))
        if options.time is not None and relation.schema.type(options.time) is None:
            args.field(options.time, span=args.option_span("time"), always=True)
        return scan_of(args, relation)

    def _separator(self, args: Args) -> int:
        if args.option("tab") and args.given("sep"):
            args.abort("E311", "tab=t and sep= exclude each other", args.option_span("sep"))
        text = "\t" if args.option("tab") else args.option("sep")
        text = {"\\t": "\t", "tab": "\t"}.get(text, text)
        if len(text) != 1 or text in '"\r\n' or ord(text) > 127:
            args.abort(
                "E311",
                f"'sep' cannot be {text!r}",
                args.option_span("sep"),
                hint="it takes one ASCII character, no quote",
            )
        return ord(text)
