"""`parsejson`: fields out of text that holds a JSON object."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from unicodedata import normalize

from ..engine.notes import At
from ..planner.plan import Names, Opening, Sample, Settle
from ..planner.records import dataclass
from ..planner.types import ANY, STRING, Schema, Type, array_of, join
from .base import Args, Command, Example, Node, Option, kinds, lowers, register
from .textparse import ERRORS, FIELD, OVERLAY, Parsing, errors_field, is_own, laid_out, source_field

ALL = 1 << 62
Fields = tuple[tuple[str, Type], ...]
Places = list[tuple[tuple[str, ...], Type]]  # in an object: the names that lead there, and the type


@dataclass(frozen=True, slots=True, kw_only=True)
class ParseJson(Parsing):
    """`names`: the fields that are wanted; None: all. `kinds`: the members of the objects with their types, once they are
    known."""

    names: tuple[str, ...] | None = None
    flatten: bool = False
    cutoff: int | None = None
    lenient: bool = False
    infer: int = 20_000
    kinds: Fields | None = dataclasses.field(default=None, compare=False)
    mixed: frozenset[str] = dataclasses.field(default_factory=frozenset, compare=False)
    wanted: frozenset[str] | None = dataclasses.field(default=None, compare=False)  # of what comes out
    command = "parsejson"
    streams = False
    by_sample = True

    @property
    def is_settled(self) -> bool:
        return self.kinds is not None

    def derive(self) -> Schema:
        before = self.inputs[0].schema
        made = Schema(tuple((n, _of(parts)) for n, parts in self.parts().items()))
        if self.kinds is None:
            made = Schema(tuple((n, ANY) for n in self.names or ()))
        out = laid_out(before, made, overlay=self.overlay, errors=self.errors, keeps=True)
        return Schema(out.fields, open=before.open or (self.kinds is None and self.names is None))

    def parts(self) -> dict[str, Places]:
        """Of each field that comes out the places in the object that it is made of."""
        out: dict[str, Places] = {}
        before = self.inputs[0].schema
        for name, kind in self.kinds or ():
            for path, inner in _leaves(kind, (name,)) if self.flatten else (((name,), kind),):
                flat = normalize("NFC", "_".join(path))  # as names of a query are
                if self.names is None and is_own(flat, before):
                    continue
                out.setdefault(flat, []).append((path, inner))
        chosen = out if self.names is None else {n: out.get(n, []) for n in self.names}
        return {n: parts for n, parts in chosen.items() if self.wanted is None or n in self.wanted}

    def closed(self, found: Schema, *, settled: bool = False) -> Opening:
        mixed: frozenset[str] = getattr(found, "mixed", frozenset())
        if self.cutoff is None:
            return replace(self, kinds=found.fields, mixed=mixed)
        kinds = tuple((n, _cut(t, self.cutoff)) for n, t in found.fields)
        cut = frozenset(n for (n, t), (_, was) in zip(kinds, found.fields, strict=True) if t != was)
        return replace(self, kinds=kinds, mixed=mixed | cut)

    def prune(self, wanted: Names) -> Node:
        return self if self.kinds is None else replace(self, wanted=wanted)

    def lets_limit_through(self) -> bool:
        return self.kinds is not None

    def detail(self) -> str:
        made = "..." if self.kinds is None else ", ".join(self.parts()) or "nothing"
        return f"{self.field} -> {made}"


def _of(parts: Places) -> Type:
    """The type of a field that is made of these; text if there is none, which holds whatever may come."""
    return join(t for _, t in parts) if parts else STRING


def _leaves(kind: Type, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Type]]:
    if kind.kind == "map" and kind.members:
        for name, inner in kind.members:
            yield from _leaves(inner, (*path, name))
    else:
        yield path, kind


def _cut(kind: Type, levels: int) -> Type:
    """The type with objects that lie deeper than so many names as text."""
    if kind.kind == "array" and kind.item is not None:
        return array_of(_cut(kind.item, levels))
    if kind.kind != "map":
        return kind
    if levels <= 1:
        return STRING
    return replace(kind, members=tuple((n, _cut(t, levels - 1)) for n, t in kind.members))


@lowers(ParseJson)
@register
class ParseJsonCommand(Command[ParseJson]):
    name = "parsejson"
    summary = "Fields out of text that holds a JSON object; they have types."
    syntax = "parsejson [field=line] [overlay=f] [flatten=f] [cutoff=N] [lenient=f] [fields=F,...] [infer={N,all}] [errors=F]"
    options = (
        FIELD,
        OVERLAY,
        Option("flatten", kinds.BOOL, "members of objects become fields, their names joined by _", default=False),
        Option("cutoff", kinds.INT, "objects that lie deeper than so many names stay their JSON text", least=1),
        Option("lenient", kinds.BOOL, "take single quotes, bare keys and trailing commas too", default=False),
        Option("fields", kinds.FIELDS, "make these fields and no other"),
        Option("infer", kinds.TEXT, "rows that are looked at before the types are fixed: a number, or all"),
        ERRORS,
    )
    details = """
    The first 20,000 rows (`infer=N`, `infer=all`) say which fields there are and of which types, as for a file of JSON:
    integers and floats join to double, any other mix is text (noted `mixed`), objects are maps, arrays stay arrays. A later
    value that does not fit its field is null and counted (`reject`, "type" or "overflow"); in a text field it is kept as
    its JSON. A key that the first rows did not have is counted by name.

    A text that holds no JSON object gives nulls and is counted (`reject`, "json"); its row goes on. Null is no fault. With
    `overlay=f` the parsed fields go on, and those of the row that begin with `_`; with `overlay=t` the whole row does, and
    a key that is there overwrites the field of that name.

    `flatten=t` makes fields of the members of objects: `{"a": {"b": 1}}` gives `a_b`. Where two places get the same name
    the later one counts in rows that have both. `cutoff=N` ends that, and objects within objects, at N names: what lies
    deeper stays the JSON text that it is. `fields=a,b` makes only these fields; other keys are not looked at.
    """
    examples = (
        Example(
            title="fields with types",
            given={
                "t": 'line:string\n"{\\"user\\": \\"ann\\", \\"ms\\": 12}"\n"{\\"user\\": \\"bob\\", \\"ms\\": 7.5}"'
            },
            query="table t | parsejson",
            expect="user:string ms:double\nann 12.0\nbob 7.5",
        ),
        Example(
            title="objects laid flat",
            given={"t": 'line:string\n"{\\"req\\": {\\"path\\": \\"/\\", \\"size\\": {\\"in\\": 1}}}"'},
            query="table t | parsejson flatten=t",
            expect="req_path:string req_size_in:long\n/ 1",
        ),
        Example(
            title="what is no JSON, and why",
            given={"t": 'line:string\n"{\\"a\\": 1}"\n"-- rotated --"'},
            query="table t | parsejson overlay=t errors=why fields=a | search isnotnull(why)",
            expect='line:string a:long why:string\n"-- rotated --" null json',
        ),
    )

    def bind(self, args: Args, source: Node | None) -> Node:
        assert source is not None
        field, _ = source_field(args)
        names, errors = self._names(args), errors_field(args)
        if errors and names is not None and errors in names:
            args.fail("E350", f"two fields are named '{errors}'", args.option_span("errors"))
        return ParseJson(
            **args.common, inputs=(source,), field=field, names=names, overlay=args.option("overlay"),
            flatten=args.option("flatten"), cutoff=args.option("cutoff"), lenient=args.option("lenient"),
            infer=_infer(args), errors=errors,
        )  # fmt: skip

    def _names(self, args: Args) -> tuple[str, ...] | None:
        given = args.option("fields")
        if given is None:
            return None
        if not given:
            args.abort("E311", "'fields' names no field", args.option_span("fields"), hint="it takes names: fields=a,b")
        for name in given:
            if "*" in name:
                args.abort(
                    "E311", f"'fields' cannot be {name}", args.option_span("fields"), hint="it takes names, no patterns"
                )
        if len(set(given)) < len(given):
            args.fail("E350", "a field is named twice", args.option_span("fields"))
        return tuple(dict.fromkeys(given))

    def lower(self, node: ParseJson | Settle) -> Any:
        from ..engine.operators.overlay import Overlay
        from ..engine.operators.pairs import TextField
        from ..engine.operators.parsejson import FindTypes, JsonTransform, Part
        from ..engine.sources.jsonrecords import RecordReader, mixed_fields

        parse = node.opens if isinstance(node, Settle) else node
        assert isinstance(parse, ParseJson)
        before, at = node.inputs[0].schema, At(parse.stage, "parsejson", parse.span)
        text = TextField(
            before.index(parse.field) if parse.field in before else None, before.type(parse.field) or STRING
        )
        if isinstance(node, Settle):
            names = None if parse.flatten else parse.names
            return FindTypes(text, parse.infer, names, parse.lenient, ends=isinstance(node, Sample))
        reader = RecordReader(
            data=Schema(parse.kinds or ()), mixed=mixed_fields(parse.mixed), tells=parse.names is None,
            lenient=parse.lenient, unknown_hint="infer=N, infer=all look at more rows", zone="UTC",
        )  # fmt: skip
        parts = {n: [Part(path, t) for path, t in found] for n, found in parse.parts().items()}
        types = {n: _of(found) for n, found in parse.parts().items()}
        overlay = Overlay(node.schema, before, types, parse.errors, keeps=parse.overlay)
        return JsonTransform(text, reader, parts, overlay, at)


def _infer(args: Args) -> int:
    said = args.option("infer")
    said = str(args.binder.settings.get("infer", 20_000)) if said is None else said
    count = ALL if said == "all" else int(said) if said.isdecimal() else 0
    if count < 1:
        args.abort(
            "E311", f"'infer' cannot be {said}", args.option_span("infer"), hint="it takes a number of rows, or all"
        )
    return count
