"""`textfile PATH`: the lines of text files."""

from __future__ import annotations

from typing import Any

from ..engine.notes import At
from ..engine.regex import PatternError, compile_re2
from ..engine.sources.files import REFUSING
from ..planner.plan import Scan
from ..planner.types import STRING, Schema
from .base import Args, Command, Example, Node, Option, kinds, register

NO_TYPES = (
    Option("infer", kinds.TEXT, "lines have no types", hidden=True),
    Option("schema", kinds.TEXT, "lines have no types", hidden=True),
)


@register
class TextFile(Command[Scan]):
    name = "textfile"
    summary = "Read text files line by line: field `line`, and `_time` if dp= says where it stands."
    syntax = (
        'textfile [brex="RE"] [erex="RE"] [dp="RE"] [df="FMT"] [time=line] [cs=utf-8] [tz=ZONE] [meta=f] [limit=N] [offset=N] '
        "[bad={null,skip,fail}] [quarantine=TABLE] PATH"
    )
    grammar = "path"
    source = True
    options = (
        Option("brex", kinds.RAW, "regular expression of a record's first line"),
        Option("erex", kinds.RAW, "regular expression of a record's last line"),
        Option("df", kinds.TEXT, "format of the time that dp finds; without it the common forms are read"),
        Option(
            "dp", kinds.RAW, "regular expression that finds the time in a line: its first group, or the whole match"
        ),
        Option("cs", kinds.ENCODING, "encoding of the text", default="utf-8"),
        Option("limit", kinds.INT, "read so many lines", least=0),
        Option("offset", kinds.INT, "skip so many lines first", default=0, least=0),
        Option("time", kinds.FIELD, "`line`: the whole line is the time, in ISO form; adds `_time`"),
        Option("meta", kinds.BOOL, "add `_file`", default=False),
        Option("tz", kinds.ZONE, "time zone of times without one"),
        *REFUSING,
        *NO_TYPES,
    )
    details = """
    One row a line, in `line`. Lines end at LF or CRLF, neither of which is part of the text; the last may lack it;
    blank lines are rows. Paths, packed files, `-` and `_file` are as with `csvfile`. Bytes that are no text are
    replaced and counted; `bad=skip` leaves their lines out, `bad=fail` ends the query. The same holds for lines
    whose time cannot be read. `quarantine=` is as with `csvfile`.

    **Records of several lines**: `brex=` matches the first line of a record, `erex=` the last; the lines of a
    record are one text with line ends in it. What stands before the first `brex` is a record, too.

    **Times**: `dp=` is a regular expression whose first group (or whole match) is the time, read by `df=` (letters
    as in `date`) or in the common forms, in the zone `tz=`. It fills `_time`; a line without a time has null there,
    counted. `time=line` takes the whole line for the time. Without either `_time` is the time of loading, which is noted when a later stage buckets by it.
    """
    examples = (
        Example(
            title="lines end at LF or CRLF",
            given={"file:app.log": "start\\r\\nstop\\n"},
            query="textfile app.log | fields line",
            expect="line:string\nstart\nstop",
        ),
        Example(
            title="records of several lines",
            given={"file:app.log": "2026-11-01 a\\n  more\\n2026-11-02 b\\n"},
            query='textfile brex="^\\d{4}-" app.log | stats count',
            expect="count:long\n2",
        ),
    )

    def bind(self, args: Args, source: Node | None) -> Node:
        from ..engine.sources.files import scan_of
        from ..engine.sources.quarantine import target_of
        from ..engine.sources.textfile import TextFormat, TextRelation

        for option in NO_TYPES:
            if args.given(option.name):
                args.abort("E310", f"lines have no types, so there is nothing for '{option.name}'",
                           args.option_span(option.name), hint="eval n = long(line), or csvfile and jsonfile")  # fmt: skip

        path = args.path(args.one("path"))
        files = args.services.gate.glob(path)
        form = TextFormat(
            encoding=_canonical(args.option("cs")),
            bad=args.option("bad"),
            begin=self._pattern(args, "brex"),
            end=self._pattern(args, "erex"),
            time=self._time(args),
            quarantine=target_of(args),
        )
        at = At(args.stage, self.name, args.span)
        show_file = args.option("meta") or len(files) > 1
        relation = TextRelation(args.services.gate, files, path, form, at, now_us=args.now_us, show_file=show_file)
        return scan_of(args, relation)

    def _pattern(self, args: Args, option: str) -> Any:
        text = args.option(option)
        if text is None:
            return None
        try:
            return compile_re2(text)
        except PatternError as why:
            args.abort("E307", f"{option} cannot be read: {why.message}", args.option_span(option))

    def _time(self, args: Args) -> Any:
        pattern = self._pattern(args, "dp")
        if args.given("time"):
            pattern = self._whole_line(args)
        if pattern is None:
            if args.given("df"):
                args.abort("E310", "df= needs dp=, which finds the time in the line", args.option_span("df"))
            return None
        from ..engine.sources.linetime import line_time

        try:
            return line_time(pattern, args.option("df"), args.option("tz") or args.zone, args.now_us)
        except ValueError as why:
            args.abort("E307", f"df cannot be read: {why}", args.option_span("df"))

    def _whole_line(self, args: Args) -> Any:
        """`time=line`: there is no other field."""
        if args.given("dp"):
            args.abort("E310", "time= and dp= both say where the time is", args.option_span("time"))
        name = args.option("time")
        if name != "line":
            args.binder.unknown(name, args.option_span("time"), Schema((("line", STRING),)), always=True)
        return compile_re2("(?s).*")


def _canonical(encoding: str) -> str:
    import codecs

    return codecs.lookup(encoding).name
