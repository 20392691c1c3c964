"""`parsecsv`: fields out of text that holds one record of CSV."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from ..engine.notes import At
from ..planner.plan import Names, Opening, Settle
from ..planner.records import dataclass
from ..planner.types import STRING, Schema, Type
from .base import Args, Command, Example, Node, Option, kinds, lowers, register
from .textparse import (
    ERRORS,
    FIELD,
    OVERLAY,
    Parsing,
    certain_of,
    errors_field,
    is_own,
    keeps_its_type,
    laid_out,
    source_field,
    wanted_names,
)

COLUMN = re.compile(r"column(\d{1,9})")


@dataclass(frozen=True, slots=True, kw_only=True)
class ParseCsv(Parsing):
    """`columns`: the fields with the place of their cell; None while only the data knows how many there are. `width`: the
    cells that a record should have, where names were given."""

    columns: tuple[tuple[str, int | None], ...] | None = None
    width: int | None = None
    sep: str = ","
    strict: bool = False
    command = "parsecsv"

    def derive(self) -> Schema:
        made = Schema(tuple((n, STRING) for n, _ in self.columns or ()))
        out = laid_out(self.inputs[0].schema, made, overlay=self.overlay, errors=self.errors, keeps=True)
        return Schema(out.fields, open=self.columns is None or self.inputs[0].schema.open)

    def guess(self, name: str) -> Type | None:
        return STRING if keeps_its_type(name, STRING, self.inputs[0].schema, overlay=self.overlay) else None

    def certain(self) -> Schema:
        return certain_of(self, frozenset(n for n, _ in self.columns or ()), self.errors)

    def closed(self, found: Schema, *, settled: bool = False) -> Opening:
        names = [n for n in found.names() if not is_own(n, self.inputs[0].schema)]
        places = [(n, COLUMN.fullmatch(n)) for n in names]
        return replace(self, columns=tuple((n, int(at[1]) if at else None) for n, at in places))

    def prune(self, wanted: Names) -> Node:
        if self.columns is None:
            return self
        return replace(self, columns=tuple(c for c in self.columns if c[0] in wanted))

    def detail(self) -> str:
        made = "..." if self.columns is None else ", ".join(n for n, _ in self.columns) or "nothing"
        return f"{self.field} -> {made}"


@lowers(ParseCsv)
@register
class ParseCsvCommand(Command[ParseCsv]):
    name = "parsecsv"
    summary = "Fields out of text that holds one record of CSV, by their places."
    syntax = "parsecsv [field=line] [overlay=f] [strict=f] [tab=f] [errors=F] [F, ...]"
    grammar = "[names]"
    tier = 2
    options = (
        FIELD,
        OVERLAY,
        Option("strict", kinds.BOOL, "refuse records whose quotes do not stand as RFC 4180 says", default=False),
        Option("tab", kinds.BOOL, "the separator is a tab", default=False),
        ERRORS,
    )
    details = """
    Each cell becomes a text field: those that are named, in their order, else `column0`, `column1`, ... An empty cell is
    null, an empty one in quotes is empty text; in quotes two quotes are one. With `overlay=f` these fields go on, and those
    of the row that begin with `_`; with `overlay=t` the whole row does, and a cell that is there overwrites the field of its
    name.

    With names a record of too few cells has nulls, of one of too many the rest is left out; both are counted (`reject`,
    "short", "surplus"), and so is what follows a line end. With `strict=t` quotes must stand as RFC 4180 says, else the
    fields are null (`reject`, "quotes"). Null is no fault.

    Named fields stream. Without names the stages behind it say which cells they want (`parsecsv | stats count by column2`
    streams); where all of them are wanted the rows are held until the longest record was seen.
    """
    examples = (
        Example(
            title="cells by name",
            given={"t": 'line:string\n"1,\\"a, b\\",x"\n"2,,y"'},
            query="table t | parsecsv id, text, code",
            expect='id:string text:string code:string\n1 "a, b" x\n2 null y',
        ),
        Example(
            title="cells by place",
            given={"t": 'line:string\n"a,b"\n"c,d,e"'},
            query="table t | parsecsv",
            expect="column0:string column1:string column2:string\na b null\nc d e",
        ),
    )

    def bind(self, args: Args, source: Node | None) -> Node:
        assert source is not None
        field, _ = source_field(args)
        names, errors = wanted_names(args), errors_field(args)
        if errors and names is not None and errors in names:
            args.fail("E350", f"two fields are named '{errors}'", args.option_span("errors"))
        columns = None if names is None else tuple((n, i) for i, n in enumerate(names))
        return ParseCsv(
            **args.common, inputs=(source,), field=field, columns=columns, width=None if names is None else len(names),
            sep="\t" if args.option("tab") else ",", strict=args.option("strict"), overlay=args.option("overlay"),
            errors=errors,
        )  # fmt: skip

    def lower(self, node: ParseCsv | Settle) -> Any:
        from ..engine.operators.overlay import Overlay
        from ..engine.operators.pairs import TextField
        from ..engine.operators.parsecsv import CsvTransform, FindWidth
        from ..engine.sources.csvtext import Dialect

        parse = node.opens if isinstance(node, Settle) else node
        assert isinstance(parse, ParseCsv)
        before, at = node.inputs[0].schema, At(parse.stage, "parsecsv", parse.span)
        text = TextField(
            before.index(parse.field) if parse.field in before else None, before.type(parse.field) or STRING
        )
        dialect = Dialect(ord(parse.sep), parse.strict)
        if isinstance(node, Settle):
            return FindWidth(text, dialect)
        columns = parse.columns or ()
        overlay = Overlay(node.schema, before, {n: STRING for n, _ in columns}, parse.errors, keeps=parse.overlay)
        return CsvTransform(text, dialect, columns, parse.width, overlay, at)
