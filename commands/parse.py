"""`parse "start*end" as F, ...` or `parse NAME`: cut fields out of text by anchors, or with a parser of that name."""

from __future__ import annotations

import dataclasses
import re
from dataclasses import dataclass, replace
from typing import Any

from ..engine.notes import At
from ..engine.parsers import LATER, PARSERS, Parser
from ..engine.regex import Pattern, compile_re2
from ..planner.expr import Expr, FieldRef
from ..planner.plan import Names
from ..planner.text import nearest
from ..planner.types import STRING, Schema
from .base import Args, Command, Example, Node, Option, kinds, lowers, register


@dataclass(frozen=True, slots=True)
class Target:
    """A field that parsing makes: the pattern and group it comes from, and its value from the group's text."""

    name: str
    pattern: int
    group: int
    value: Expr = dataclasses.field(compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Parse(Node):
    field: str
    parser: str  # a parser's name, or the anchors as written
    targets: tuple[Target, ...]
    overlay: bool = False
    patterns: tuple[Pattern, ...] = dataclasses.field(default=(), compare=False, repr=False)
    command = "parse"

    def derive(self) -> Schema:
        before = self.inputs[0].schema
        if self.overlay:
            schema = before
            for t in self.targets:
                schema = schema.put(t.name, t.value.type)
            return schema
        made = tuple((t.name, t.value.type) for t in self.targets)
        names = {t.name for t in self.targets}
        return Schema(made + tuple(f for f in before.fields if f[0].startswith("_") and f[0] not in names))

    def needs(self, wanted: Names) -> Names:
        made = {t.name for t in self.targets}
        return ((wanted - made) | {self.field}) & frozenset(self.inputs[0].schema.names())

    def prune(self, wanted: Names) -> Node:
        kept = tuple(t for t in self.targets if t.name in wanted or t.value.type.kind != "string")
        return self if len(kept) == len(self.targets) else replace(self, targets=kept)

    def lets_limit_through(self) -> bool:
        return True

    def detail(self) -> str:
        return f"{self.field} by {self.parser} -> {', '.join(t.name for t in self.targets) or 'nothing'}"


@lowers(Parse)
@register
class ParseCommand(Command[Parse]):
    name = "parse"
    summary = "Cut fields out of text: between anchors, or with a parser such as access_log."
    syntax = 'parse [overlay=B] [field=line] "start*end" as F, ...   or   parse [overlay=B] [field=line] NAME'
    grammar = "anchors | word"
    options = (
        Option(
            "overlay",
            kinds.BOOL,
            "keep the row's other fields too; else only parsed ones and those that begin with _",
            default=False,
        ),
        Option("field", kinds.FIELD, "the field that holds the text", default="line"),
        Option("errors", kinds.FIELD, "a field for the reason where parsing failed", tier=2),
    )
    details = """
    **Anchors**: a text with one `*`, `"start*end"`. The field gets what stands between the first `start` and the
    next `end`; without an `end` all that follows, without a `start` what the text begins with. Anchors are literal
    text, no regular expressions, and independent of each other. One that is not found gives null, and the row is
    counted once.

    **Parsers**: `parse access_log` and its like know a format; their fields have types. [Parsers](../parsers.md)
    lists them. A line that does not fit gives nulls, counted with its place.

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
        name, _ = args.field(args.option("field"), span=args.option_span("field"))
        common = {**args.common, "inputs": (source,), "field": name, "overlay": args.option("overlay")}
        word = args.one("word")
        if word is None:
            patterns, targets = self._anchors(args)
            return Parse(**common, parser="anchors", targets=targets, patterns=patterns)
        parser = PARSERS.get(word)
        if parser is None:
            if word in LATER:
                args.abort("E309", f"parser '{word}' is not in this version", args.place("word"))
            args.abort("E304", f"no parser is named '{word}'", args.place("word"), suggestions=nearest(word, PARSERS, 1),
                       hint="parsers: " + ", ".join(PARSERS))  # fmt: skip
        return Parse(
            **common, parser=word, targets=self._targets(args, parser), patterns=(compile_re2(parser.pattern),)
        )

    def _anchors(self, args: Args) -> tuple[tuple[Pattern, ...], tuple[Target, ...]]:
        patterns, targets = [], []
        for i, (anchor, target) in enumerate(args.many("anchors")):
            if anchor.count("*") != 1:
                args.abort("E307", "an anchor has one '*', for the text that is wanted", args.place("anchors"))
            start, end = anchor.split("*")
            body = f"{re.escape(start)}(.*?){re.escape(end)}" if end else f"{re.escape(start)}(.*)"
            patterns.append(compile_re2("(?s)" + (body if start else "^" + body)))
            name = args.binder.field_name(target)
            targets.append(Target(name, i, 1, FieldRef(type=STRING, name=name)))
            if sum(t.name == name for t in targets) > 1:
                args.fail("E350", f"two fields are named '{name}'", target.span)
        return tuple(patterns), tuple(targets)

    def _targets(self, args: Args, parser: Parser) -> tuple[Target, ...]:
        return tuple(Target(n, 0, i, self._value(args, parser, n, t.kind)) for i, (n, t) in enumerate(parser.fields, 1))

    def _value(self, args: Args, parser: Parser, name: str, kind: str) -> Expr:
        """The group's text brought to the field's type, by the functions that users have."""
        from ..planner.expr import Literal

        text: Expr = FieldRef(type=STRING, name=name)
        span = args.parsed.command_span
        if kind == "long":
            return args.binder.apply("long", [text], [span], span, Schema())
        if kind == "date":
            form = Literal(type=STRING, value=parser.time_format)
            return args.binder.apply("date", [text, form], [span, span], span, Schema())
        return text

    def lower(self, node: Parse) -> Any:
        from ..engine.operators.parse import Cut, ParseTransform

        before, made = node.inputs[0].schema, {t.name: t for t in node.targets}
        cuts, names = [], []
        for i, pattern in enumerate(node.patterns):
            mine = [t for t in node.targets if t.pattern == i]
            cuts.append(Cut(pattern, tuple(t.group for t in mine)))
            names += [t.name for t in mine]
        texts = Schema(tuple((n, STRING) for n in names))
        values = [made[n].value if n in made else before.index(n) for n in node.schema.names()]
        column = before.index(node.field) if node.field in before else None
        kernel = PARSERS[node.parser].kernel if node.parser in PARSERS else ""
        return ParseTransform(
            column,
            cuts,
            texts,
            values,
            node.schema,
            At(node.stage, "parse", node.span),
            kernel,
            before.type(node.field) or STRING,
        )
