"""`jsonfile PATH`: JSON lines, or one array of objects."""

from __future__ import annotations

from ..engine.notes import At
from ..engine.sources.files import INFERRING, Input, note_mixed, options_of, scan_of
from ..planner.plan import Scan
from .base import Args, Command, Example, Node, Option, kinds, register


@register
class JsonFileCommand(Command[Scan]):
    name = "jsonfile"
    summary = "Read JSON files: an object a line, or one array of objects."
    syntax = (
        'jsonfile [overlay=f] [rest=f] [infer={N,all}] [schema="a: long, b: date"] [bad={null,skip,fail}] [quarantine=TABLE] [cs=utf-8] '
        "[tz=ZONE] [time=F] [meta=f] [limit=N] [offset=N] PATH"
    )
    grammar = "path"
    source = True
    options = (
        Option("overlay", kinds.BOOL, "keep the record's text in `line`", default=False),
        Option("rest", kinds.BOOL, "keep keys that the sample did not have in the map `_rest`", default=False),
        *INFERRING,
    )
    details = """
    An object a line, or one array of objects. Paths, packed files, `-` and `_file` are as with `csvfile`. Nested
    objects are maps, whose members `a.b` reads; nested arrays are arrays.

    Fields and types come from the first 20,000 records (`infer=N`, `infer=all`) or from `schema=`. A later value
    that does not fit is null and counted, and so is each key that the sample did not have; `rest=t` keeps such keys
    in the map `_rest`. Whole numbers and doubles of one field become doubles; any other mix becomes text, noted
    `mixed` (E504 under `strict`).

    A line that cannot be read is a row of nulls, counted, with file and line among the samples; `bad=skip` leaves
    it out, `bad=fail` ends the query. `overlay=t` also keeps each record's text in `line`, so that refused ones can
    be looked at.
    """
    examples = (
        Example(
            title="objects are maps, arrays stay arrays",
            given={"file:p.json": '{"a": 1, "b": {"c": "x"}}\\n{"a": 2.5}\\n'},
            query="jsonfile p.json | eval c = b.c | fields a, c",
            expect="a:double c:string\n1.0 x\n2.5 null",
        ),
        Example(
            title="a bad line is a row of nulls, and counted",
            given={"file:p.json": '{"a": 1}\\n{"a": \\n{"a": 3}\\n'},
            query="jsonfile p.json",
            expect="a:long\n1\nnull\n3",
        ),
    )

    def bind(self, args: Args, source: Node | None) -> Node:
        from ..engine.sources.json import JsonFormat, JsonRelation, survey

        options = options_of(args)
        path = args.path(args.one("path"))
        gate = args.services.gate
        found = survey([Input(gate, p, options.encoding) for p in gate.glob(path)], options)
        note_mixed(args, found.mixed)
        form = JsonFormat(overlay=args.option("overlay"), rest=args.option("rest"))
        relation = JsonRelation(found, form, options, path, At(args.stage, self.name, args.span))
        if options.time is not None and relation.schema.type(options.time) is None:
            args.field(options.time, span=args.option_span("time"), always=True)
        return scan_of(args, relation)
