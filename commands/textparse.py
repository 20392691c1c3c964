"""What `parsekv` and the parsers of `parse` with fields of their own share: the node and how it is lowered."""

from __future__ import annotations

import dataclasses
from collections.abc import Container
from dataclasses import replace
from typing import Any

from ..engine.notes import At
from ..engine.pairs import PairForm
from ..planner import ast
from ..planner import options as kinds
from ..planner.options import Option
from ..planner.plan import Names, Node, Opening, Settle
from ..planner.records import dataclass
from ..planner.types import LOAD_TIME, STRING, Schema, Type, join
from .base import Args

OVERLAY = Option(
    "overlay",
    kinds.BOOL,
    "keep the row's other fields too; else only parsed ones and those that begin with _",
    default=False,
)
FIELD = Option("field", kinds.FIELD, "the field that holds the text", default="line")
ERRORS = Option("errors", kinds.FIELD, "a text field for the reason where parsing failed; null where it did not")


def errors_field(args: Args) -> str:
    """The field of `errors=`, "" if it is not given."""
    name = args.option("errors")
    if name is None:
        return ""
    if not name:
        args.abort("E311", "'errors' cannot be empty", args.option_span("errors"), hint="it takes the name of a field")
    return str(name)


def source_field(args: Args, option: str = "field") -> tuple[str, Type]:
    return args.field(ast.Field(args.option(option), args.option_span(option)))


def laid_out(before: Schema, made: Schema, *, overlay: bool, errors: str, keeps: bool = False) -> Schema:
    """The columns behind a stage that parses: with `overlay` the row's, overwritten in place; else the parsed ones and
    those of the row that begin with `_`. The field of reasons comes last.

    `keeps`: with `overlay` a row that has no new value keeps its old one, so that the type holds both.
    """
    if overlay:
        out = before
        for name, kind in made.fields:
            old = before.type(name) if keeps and name in before else None
            out = out.put(name, kind if old is None else join((old, kind)))
    else:
        kept = tuple(f for f in before.fields if f[0].startswith("_") and f[0] not in made)
        out = Schema(made.fields + kept)
    return out.put(errors, STRING) if errors else out


def is_own(name: str, before: Schema) -> bool:
    """Whether it is a field of the row that begins with `_`, such as its time: no key that only the data knows takes its
    place. The moment at which a text file was read is no time of the row."""
    return name.startswith("_") and name in before and before.type(name) != LOAD_TIME


def keeps_its_type(name: str, kind: Type, before: Schema, *, overlay: bool) -> bool:
    """Whether a field of this name has the type `kind` behind the stage, be there such a key or not."""
    if name in before and (overlay or name.startswith("_")):
        return before.type(name) == kind
    return True


def certain_of(node: Opening, made: Container[str], errors: str) -> Schema:
    before = node.inputs[0].schema
    return Schema(tuple((n, t) for n, t in node.schema.fields if n in made or n == errors or is_own(n, before)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Parsing(Opening):
    """A stage that makes fields of one field's values, row by row. `errors`: the field of reasons, "" for none."""

    field: str
    overlay: bool = False
    errors: str = ""

    def needs(self, wanted: Names) -> Names:
        """A field that was there before keeps its value where the row has no new one."""
        return ((wanted - {self.errors}) | {self.field}) & frozenset(self.inputs[0].schema.names())

    def lets_limit_through(self) -> bool:
        return True

    @property
    def hands_on(self) -> bool:
        return self.overlay

    def repeats(self) -> bool:
        return True


@dataclass(frozen=True, slots=True, kw_only=True)
class TextParse(Parsing):
    """Fields out of `key=value`. `names`: the keys wanted; None while only the data knows them."""

    form: PairForm
    names: tuple[str, ...] | None = None
    head: tuple[str, ...] = ()  # fields that each text has
    is_quiet: bool = dataclasses.field(default=False, compare=False)  # what cannot be parsed was told before
    command = "parsekv"

    def derive(self) -> Schema:
        names = self.head if self.names is None else self.names
        made = Schema(tuple((n, STRING) for n in names))
        out = laid_out(self.inputs[0].schema, made, overlay=self.overlay, errors=self.errors, keeps=True)
        return Schema(out.fields, open=self.names is None or self.inputs[0].schema.open)

    def guess(self, name: str) -> Type | None:
        return STRING if keeps_its_type(name, STRING, self.inputs[0].schema, overlay=self.overlay) else None

    def certain(self) -> Schema:
        return certain_of(self, self.names or (), self.errors)

    def closed(self, found: Schema, *, settled: bool = False) -> Opening:
        names = tuple(n for n in found.names() if not is_own(n, self.inputs[0].schema))
        return replace(self, names=names, is_quiet=settled)

    def prune(self, wanted: Names) -> Node:
        if self.names is None:
            return self
        return replace(self, names=tuple(n for n in self.names if n in wanted))

    def detail(self) -> str:
        made = ", ".join(self.names) if self.names else "nothing" if self.names is not None else "..."
        return f"{self.field} -> {made}"


def lower_pairs(node: TextParse | Settle) -> Any:
    """A transform for a stage whose names are known; else the rows are held and its names found."""
    from ..engine.dialects import dialect_of
    from ..engine.operators.overlay import Overlay
    from ..engine.operators.pairs import FindKeys, PairsTransform, TextField

    parse = node.opens if isinstance(node, Settle) else node
    assert isinstance(parse, TextParse)
    before, dialect = node.inputs[0].schema, dialect_of(parse.form)
    at = At(parse.stage, parse.name, parse.span)
    text = TextField(before.index(parse.field) if parse.field in before else None, before.type(parse.field) or STRING)
    if isinstance(node, Settle):
        return FindKeys(text, dialect, at)
    names = parse.names or ()
    overlay = Overlay(node.schema, before, dict.fromkeys(names, STRING), parse.errors, keeps=parse.overlay)
    return PairsTransform(text, dialect, names, overlay, at, quiet=parse.is_quiet)


def wanted_names(args: Args) -> tuple[str, ...] | None:
    """The fields that are to be made; None if none are named."""
    given = args.one("names")
    if given is None:
        return None
    names: dict[str, None] = {}
    for f in given:
        if f.pattern:
            args.abort(
                "E201",
                "a pattern cannot name fields that only the text has",
                f.span,
                hint="name them, or leave them out",
            )
        name = args.binder.field_name(f)
        if name in names:
            args.fail("E350", f"two fields are named '{name}'", f.span)
        names[name] = None
    return tuple(names)
