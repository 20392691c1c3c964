"""`parsemap`: the entries of a map become fields."""

from __future__ import annotations

import dataclasses
from dataclasses import replace
from typing import Any
from unicodedata import normalize

from ..engine.notes import At
from ..planner.plan import Names, Opening, Settle
from ..planner.records import dataclass
from ..planner.types import Schema, Type
from .base import Args, Command, Example, Node, Option, kinds, lowers, register
from .textparse import (
    ERRORS,
    OVERLAY,
    Parsing,
    certain_of,
    errors_field,
    is_own,
    keeps_its_type,
    laid_out,
    source_field,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ParseMap(Parsing):
    """Entries of the map `field` as fields. `made`: which, with their types; None while only the data knows them."""

    kind: Type  # of the field
    made: tuple[tuple[str, Type], ...] | None = None
    is_quiet: bool = dataclasses.field(default=False, compare=False)
    command = "parsemap"

    @property
    def is_map(self) -> bool:
        return self.kind.kind in ("map", "any")

    def derive(self) -> Schema:
        before = self.inputs[0].schema
        overlay = self.overlay or not self.is_map
        out = laid_out(before, Schema(self.made or ()), overlay=overlay, errors=self.errors, keeps=True)
        return Schema(out.fields, open=self.made is None or before.open)

    def guess(self, name: str) -> Type | None:
        item = self.kind.item
        if item is None or ("." in name and item.kind == "map"):
            return None
        return item if keeps_its_type(name, item, self.inputs[0].schema, overlay=self.overlay) else None

    def certain(self) -> Schema:
        return certain_of(self, frozenset(n for n, _ in self.made or ()), self.errors)

    def closed(self, found: Schema, *, settled: bool = False) -> Opening:
        made = tuple(f for f in found.fields if not is_own(f[0], self.inputs[0].schema))
        return replace(self, made=made, is_quiet=settled)

    def prune(self, wanted: Names) -> Node:
        if self.made is None:
            return self
        return replace(self, made=tuple(f for f in self.made if f[0] in wanted))

    def detail(self) -> str:
        made = "..." if self.made is None else ", ".join(n for n, _ in self.made) or "nothing"
        return f"{self.field} -> {made}"


@lowers(ParseMap)
@register
class ParseMapCommand(Command[ParseMap]):
    name = "parsemap"
    summary = "The entries of a map become fields."
    syntax = "parsemap [overlay=f] [errors=F] field=F"
    options = (
        Option("field", kinds.FIELD, "the field that holds the map"),
        OVERLAY,
        ERRORS,
    )
    details = """
    Each entry becomes a field of its name, with its type. With `overlay=f` these go on, and those of the row that begin
    with `_`; with `overlay=t` the whole row does, and an entry that is there overwrites the field of its name. A row whose
    map is null, or lacks an entry, has null there (with `overlay=t` the value that it had).

    A field that holds no maps is no fault of the query: its rows pass as they are, and those with a value are counted
    (`reject`, "type").

    Of a map from JSON the entries are known before the query runs. Of Arrow's maps with keys of their own in each row only
    the data knows them: then the stages behind say which are wanted (`parsemap field=m | stats count by user` streams), or
    the rows are held until all keys were seen, and the fields stand in the order in which they first appear.
    """
    examples = (
        Example(
            title="the members of an object",
            query="json \"[{'id': 1, 'm': {'a': 1, 'b': 'x'}}, {'id': 2, 'm': {'b': 'y'}}, {'id': 3}]\" | parsemap field=m",
            expect="a:long b:string\n1 x\nnull y\nnull null",
        ),
        Example(
            title="beside the fields of the row",
            query="json \"[{'id': 1, 'm': {'a': 1, 'id': 7}}, {'id': 2, 'm': {'a': 3}}]\" | parsemap overlay=t field=m | fields - m",
            expect="id:long a:long\n7 1\n2 3",
        ),
    )

    def bind(self, args: Args, source: Node | None) -> Node:
        assert source is not None
        if not args.given("field"):
            args.abort("E310", "parsemap needs field=", hint="parsemap field=F")
        field, kind = source_field(args)
        overlay, errors = args.option("overlay"), errors_field(args)
        node = ParseMap(**args.common, inputs=(source,), field=field, kind=kind, overlay=overlay, errors=errors)
        if kind.kind == "map" and not kind.members:
            return node
        if kind.kind == "any":
            return node
        members = Schema(tuple({normalize("NFC", n): t for n, t in kind.members}.items()))
        made = node.closed(members)
        if errors in members:
            args.fail("E350", f"two fields are named '{errors}'", args.option_span("errors"))
        return made

    def lower(self, node: ParseMap | Settle) -> Any:
        from ..engine.operators.overlay import Overlay
        from ..engine.operators.parsemap import FindEntries, MapTransform

        parse = node.opens if isinstance(node, Settle) else node
        assert isinstance(parse, ParseMap)
        before, at = node.inputs[0].schema, At(parse.stage, "parsemap", parse.span)
        column = before.index(parse.field) if parse.field in before else None
        if isinstance(node, Settle):
            return FindEntries(column, parse.kind)
        made = parse.made or ()
        overlay = Overlay(node.schema, before, dict(made), parse.errors, keeps=parse.overlay)
        spelled = {normalize("NFC", n): n for n, _ in parse.kind.members}  # names of a query are composed
        return MapTransform(column, parse.kind, made, overlay, at, spelled)
