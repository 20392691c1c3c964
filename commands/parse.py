"""`parse "start*end" as F, ...` or `parse NAME`: cut fields out of text by anchors, or with a parser of that name."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from ..engine.notes import At
from ..engine.parsers import PARSERS
from ..engine.regex import Pattern, compile_re2
from ..planner.expr import Expr, FieldRef, fields_of
from ..planner.plan import Names
from ..planner.records import dataclass
from ..planner.text import nearest
from ..planner.types import STRING, Schema
from .base import Args, Command, Example, Node, lowers, register
from .textparse import ERRORS, FIELD, OVERLAY, TextParse, errors_field, laid_out, source_field


@dataclass(frozen=True, slots=True)
class Target:
    """A field that parsing makes, and its value from the texts of groups."""

    name: str
    value: Expr = dataclasses.field(compare=False)


@dataclass(frozen=True, slots=True)
class Group:
    """The text of a pattern's group, by the name that values have for it."""

    name: str
    pattern: int
    number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Parse(Node):
    field: str
    parser: str  # a parser's name, or the anchors as written
    targets: tuple[Target, ...]
    overlay: bool = False
    errors: str = ""
    patterns: tuple[Pattern, ...] = dataclasses.field(default=(), compare=False, repr=False)
    steps: tuple[Target, ...] = dataclasses.field(default=(), compare=False, repr=False)
    groups: tuple[Group, ...] = dataclasses.field(default=(), compare=False, repr=False)
    command = "parse"

    def derive(self) -> Schema:
        made = Schema(tuple((t.name, t.value.type) for t in self.targets))
        return laid_out(self.inputs[0].schema, made, overlay=self.overlay, errors=self.errors)

    def needs(self, wanted: Names) -> Names:
        made = {t.name for t in self.targets} | {self.errors}
        return ((wanted - made) | {self.field}) & frozenset(self.inputs[0].schema.names())

    def prune(self, wanted: Names) -> Node:
        kept = tuple(t for t in self.targets if t.name in wanted or t.value.type.kind != "string")
        return self if len(kept) == len(self.targets) else replace(self, targets=kept)

    def lets_limit_through(self) -> bool:
        return True

    def repeats(self) -> bool:
        return True

    def detail(self) -> str:
        made = ", ".join(t.name for t in self.targets) or "nothing"
        return f"{self.field} by {self.parser} -> {made} ({', '.join(dict.fromkeys(self._machines()))})"

    def _machines(self) -> Iterator[str]:
        """What is meant to look for each pattern."""
        from ..engine.regextiers import tier_of

        for i, pattern in enumerate(self.patterns):
            kernel = PARSERS[self.parser].kernel if self.parser in PARSERS else ""
            yield f"{kernel} kernel" if kernel else tier_of(pattern, [g.number for g in self.groups if g.pattern == i])


@lowers(Parse)
@register
class ParseCommand(Command[Parse]):
    name = "parse"
    summary = "Cut fields out of text: between anchors, or with a parser such as access_log."
    syntax = (
        'parse [overlay=B] [field=line] [errors=F] "start*end" as F, ...   or   '
        "parse [overlay=B] [field=line] [errors=F] NAME"
    )
    grammar = "anchors | word"
    options = (OVERLAY, FIELD, ERRORS)
    details = """
    **Anchors**: a text with one `*`, `"start*end"`. The field gets what stands between the first `start` and the
    next `end`; without an `end` all that follows, without a `start` what the text begins with. Anchors are literal
    text, no regular expressions, and independent of each other. One that is not found gives null, and the row is
    counted once.

    **Parsers**: `parse access_log` and its like know a format; their fields have types. [Parsers](../parsers.md)
    lists them. A line that does not fit gives nulls, counted with its place. `syslog` reads RFC 5424, else RFC 3164 as
    files have it; a time without a year is of this year, or of the last one where that would lie more than a day ahead.
    `iso_time` gives `_time` and `msg`, the rest of the line. `logfmt` and `cef` have as many fields as the text has keys,
    as [parsekv](parsekv.md) does: the stages behind say which are wanted, or the rows are held until all were seen.

    `errors=F` adds a text field with the reason why a row was refused ("no match", or that of a value: "date", "number"),
    null where there is none. The row is counted all the same.

    Without `overlay=t` only the parsed fields go on, and those whose names begin with `_` (such as `_time` and
    `_file`). With it the row keeps its fields, and parsed ones overwrite those of the same name.
    """
    examples = (
        Example(
            title="between anchors",
            given={"t": 'line:string\n"user=ann ip=10.0.0.1"'},
            query='table t | parse "user=* " as user, "ip=*" as ip',
            expect="user:string ip:string\nann 10.0.0.1",
        ),
        Example(
            title="a web server's log",
            given={"t": 'line:string\n"10.0.0.1 - - [17/May/2015:10:05:03 +0000] \\"GET /a HTTP/1.1\\" 200 512"'},
            query="table t | parse access_log | fields client_ip, url, status, bytes",
            expect="client_ip:string url:string status:long bytes:long\n10.0.0.1 /a 200 512",
        ),
    )

    def bind(self, args: Args, source: Node | None) -> Node:
        assert source is not None
        name, _ = source_field(args)
        common = {
            **args.common,
            "inputs": (source,),
            "field": name,
            "overlay": args.option("overlay"),
            "errors": errors_field(args),
        }
        word = args.one("word")
        if word is None:
            patterns, targets, groups = self._anchors(args)
            return Parse(**common, parser="anchors", targets=targets, patterns=patterns, groups=groups)
        parser = PARSERS.get(word)
        if parser is None:
            args.abort("E304", f"no parser is named '{word}'", args.place("word"), suggestions=nearest(word, PARSERS, 1),
                       hint="parsers: " + ", ".join(PARSERS))  # fmt: skip
        if parser.pairs is not None:
            return TextParse(**common, form=parser.pairs, head=tuple(n for n, _ in parser.fields))
        groups = tuple(Group(n, 0, i) for i, n in enumerate(parser.groups, 1))
        texts = Schema(tuple((n, STRING) for n in parser.groups))
        steps = []
        for f in parser.steps:
            steps.append(Target(f.name, args.binder.typed(f.value, texts)))
            texts = texts.put(f.name, steps[-1].value.type)
        made = [Target(f.name, args.binder.typed(f.value, texts)) for f in parser.made]
        _not_errors(args, made)
        patterns = (compile_re2(parser.pattern),)
        return Parse(**common, parser=word, targets=tuple(made), patterns=patterns, groups=groups, steps=tuple(steps))

    def _anchors(self, args: Args) -> tuple[tuple[Pattern, ...], tuple[Target, ...], tuple[Group, ...]]:
        patterns, targets, groups = [], [], []
        for i, (anchor, target) in enumerate(args.many("anchors")):
            if anchor.count("*") != 1:
                args.abort("E307", "an anchor has one '*', for the text that is wanted", args.place("anchors"))
            start, end = anchor.split("*")
            body = f"{re.escape(start)}(.*?){re.escape(end)}" if end else f"{re.escape(start)}(.*)"
            patterns.append(compile_re2("(?s)" + (body if start else "^" + body)))
            name = args.binder.field_name(target)
            targets.append(Target(name, FieldRef(type=STRING, name=name)))
            groups.append(Group(name, i, 1))
            if sum(t.name == name for t in targets) > 1:
                args.fail("E350", f"two fields are named '{name}'", target.span)
        _not_errors(args, targets)
        return tuple(patterns), tuple(targets), tuple(groups)

    def lower(self, node: Parse) -> Any:
        from ..engine.operators.parse import Cut, ParseTransform

        before, made = node.inputs[0].schema, {t.name: t.value for t in node.targets}
        read = frozenset(n for value in made.values() for n in fields_of(value))
        steps = [s for s in node.steps if s.name in read]
        read |= frozenset(n for s in steps for n in fields_of(s.value))
        groups = [g for g in node.groups if g.name in read]
        cuts, names = [], list[str]()
        for i, pattern in enumerate(node.patterns):
            numbers: dict[str, list[int]] = {}
            for g in groups:
                if g.pattern == i:
                    numbers.setdefault(g.name, []).append(g.number)
            cuts.append(Cut(pattern, tuple(map(tuple, numbers.values()))))
            names += numbers
        texts = Schema(tuple((n, STRING) for n in names))
        values = [None if n == node.errors else made[n] if n in made else before.index(n) for n in node.schema.names()]
        column = before.index(node.field) if node.field in before else None
        kernel = PARSERS[node.parser].kernel if node.parser in PARSERS else ""
        at = At(node.stage, "parse", node.span)
        return ParseTransform(
            column,
            cuts,
            texts,
            [(s.name, s.value) for s in steps],
            values,
            at,
            kernel,
            before.type(node.field) or STRING,
        )


def _not_errors(args: Args, targets: Sequence[Target]) -> None:
    if any(t.name == args.option("errors") for t in targets):
        args.fail("E350", f"two fields are named '{args.option('errors')}'", args.option_span("errors"))
