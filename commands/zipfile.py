"""`zipfile ZIP ENTRY`: files inside of ZIP archives."""

from __future__ import annotations

from dataclasses import replace

from ..engine.notes import At
from ..planner.plan import Node as PlanNode
from ..planner.plan import Scan
from ..planner.text import QueryError
from ..planner.unparse import stage_text
from .arrowfile import ArrowFileCommand
from .base import REGISTRY, Args, Command, Example, Node, Option, register
from .csvfile import CsvFileCommand
from .jsonfile import JsonFileCommand
from .parquetfile import ParquetFileCommand
from .table import FORMATS, PACKED
from .textfile import TextFile
from .wavfile import WavFileCommand

READERS = (CsvFileCommand, JsonFileCommand, TextFile, ParquetFileCommand, ArrowFileCommand, WavFileCommand)


def _options() -> tuple[Option, ...]:
    """Those of all readers; which of them an entry takes is for its reader to say."""
    found: dict[str, Option] = {}
    for reader in READERS:
        for option in reader.options or ():
            known = found.setdefault(option.name, option)
            if known.hidden and not option.hidden:
                found[option.name] = option
    return tuple(replace(o, default=None) for o in found.values())


@register
class ZipFileCommand(Command[Scan]):
    name = "zipfile"
    summary = "Read files inside of ZIP archives: each by its ending, as text where that says nothing."
    syntax = "zipfile [OPTIONS OF THE READER] ZIP ENTRY"
    grammar = "archive path"
    source = True
    options = _options()
    details = """
    The first path names the archive, the second an entry in it; both may hold `*`, `?` and `**`. What matches is one
    input, in the order of the archives and of the names in them, and `_file` (`archive.zip/folder/x.csv`) names the
    entry where more than one matches, or with `meta=t`. All must be of one kind.

    An entry is read as `csvfile`, `jsonfile`, `parquetfile`, `arrowfile` or `wavfile` would read it, by its ending
    (`.gz` and the like behind it are unpacked), any other as `textfile` does, into `line`. Options are that reader's;
    one that it does not have is E310.

    Entries are unpacked as they are read, from front to back by one worker each. One that is damaged or encrypted
    is E605, behind the rows that are good; one that unpacks out of all proportion is E701. An archive cannot be
    standard input.
    """
    examples = (
        Example(
            title="a CSV file in an archive",
            given={"zip:logs.zip": "day1.csv: n,s\\n1,x\\n2,y\\n"},
            query="zipfile logs.zip day1.csv",
            expect="n:long s:string\n1 x\n2 y",
        ),
        Example(
            title="the lines of all logs in it",
            given={"zip:logs.zip": "a.log: up\\n\nold/b.log: down\\n"},
            query='zipfile logs.zip "**/*.log" | fields line, _file',
            expect="line:string _file:string\nup logs.zip/a.log\ndown logs.zip/old/b.log",
        ),
    )

    def bind(self, args: Args, source: Node | None) -> Node:
        from ..engine.storage.zipped import ZipGate

        archive, entry = args.path(args.one("archive")), args.path(args.one("path"))
        services = args.services
        if archive == "-":
            args.abort("E605", "an archive cannot be standard input: it is read from its end", args.place("archive"))
        try:
            gate = ZipGate(services.gate, services.gate.glob(archive))
        except QueryError as why:
            args.abort_as(why, "archive")
        gate.choose(entry)
        command = self._reader(args, gate.names())
        known = {o.name for o in command.options or () if not o.hidden}
        for given in args.parsed.options:
            if given.name not in known:
                args.abort("E310", f"{command.name} entries have no option '{given.name}'", given.name_span)
        parsed = replace(
            args.parsed, command=command.name, parts=(("path", f"{archive}/{entry}"),), places=(args.place("path"),)
        )
        args.binder.services = replace(services, gate=gate)
        try:
            node: Node = command.bind(Args(args.binder, parsed, command, None), None)
        finally:
            args.binder.services = services
        return self._as_written(node, args)

    def _reader(self, args: Args, names: list[str]) -> Command[Scan]:
        kinds = {_kind(n) for n in names}
        if len(kinds) > 1:
            shown = ", ".join(sorted(kinds))
            args.abort("E605", f"the entries are of several kinds: {shown}", args.place("path"),
                       hint="a pattern such as *.csv takes those of one")  # fmt: skip
        return REGISTRY.commands[kinds.pop()]

    def _as_written(self, node: Node, args: Args) -> Node:
        """The reader's node under the name that the user wrote."""
        if node.inputs:
            return replace(node, inputs=tuple(self._as_written(n, args) for n in node.inputs))
        assert isinstance(node, Scan)
        kept = tuple(o for o in args.parsed.options if o.name not in ("limit", "offset"))
        at, relation = At(args.stage, self.name, args.span), node.relation
        for place in ("at", "_at"):
            if hasattr(relation, place):
                setattr(relation, place, at)
        made: PlanNode = replace(node, written=args.parsed, key=stage_text(replace(args.parsed, options=kept)))
        return made


def _kind(name: str) -> str:
    bare = name.lower()
    for packed in PACKED:
        bare = bare.removesuffix(packed)
    return next((c for e, c in FORMATS.items() if bare.endswith(e)), "textfile")
