"""`json "TEXT"`: rows written in the query."""

from __future__ import annotations

from typing import Any, NoReturn

from ..planner import ast
from ..planner.plan import Scan
from ..planner.text import Span
from ..planner.unparse import stage_text
from .base import Args, Command, Example, Node, register


@register
class JsonCommand(Command[Scan]):
    name = "json"
    summary = "Rows written in the query: one object, or an array of objects. Single quotes, bare keys, trailing commas are fine."
    syntax = "json \"[{'a': 1}, {'a': 2}]\""
    grammar = "expr"
    options = None
    source = True
    details = """
    For a few rows in the query itself, for trying things out, and as the usual start of computed series: `json
    "{}"` is one row without fields. An array of objects is a row each; nested objects are maps, nested arrays
    arrays. Reading is lenient: single quotes, bare keys and trailing commas are fine. Broken JSON is E307 with the
    place in the text, before a row is read.

    The text is a constant, or an expression of constants and parameters. Fields are those of all objects, in the
    order in which they first appear; what an object lacks is null. Whole numbers and doubles in one field become
    doubles, any other mix text, which is noted (E504 under `strict`). Texts stay texts: dates are made with
    `date(x)`.
    """
    examples = (
        Example(
            title="two rows; what one lacks is null",
            query="json \"[{'a':1,'b':'x'},{'a':2}]\"",
            expect="a:long b:string\n1 x\n2 null",
        ),
        Example(title="one row without fields", query='json "{}" | eval n = 1', expect="n:long\n1"),
        Example(title="from a parameter", query="set p = \"{'n': 7}\" | json $p", expect="n:long\n7"),
    )

    def bind(self, args: Args, source: Node | None) -> Node:
        from ..engine.sources.jsonlenient import BadJson, objects
        from ..engine.sources.jsonrows import rows_relation

        given = args.one("expr")
        text = self._text(args, given)
        try:
            rows = objects(text)
        except BadJson as why:
            self._broken(args, given, text, why)
        relation = rows_relation(rows, self.name, args.zone)
        for name, by_kind in relation.mixed.items():
            shown = ", ".join(f"{n} {k}" for k, n in by_kind.items())
            if args.strict:
                args.fail("E504", f"field '{name}' mixes {shown}", given.span, strict=True)
            else:
                args.note(
                    "mixed",
                    f"field '{name}' mixes {shown}: it is text",
                    count=sum(by_kind.values()) - max(by_kind.values()),
                )
        return Scan(**args.common, relation=relation, key=stage_text(args.parsed))

    def _text(self, args: Args, given: ast.Expr) -> str:
        if isinstance(given, ast.Text):
            return given.value
        literal: Any = args.constant(given)
        if not isinstance(literal.value, str):
            args.abort("E307", "json takes text that holds an object or an array of objects", given.span)
        return literal.value

    def _broken(self, args: Args, given: ast.Expr, text: str, why: Any) -> NoReturn:
        span = given.span
        if isinstance(given, ast.Text):
            at = place_in(args.binder.text[span.start : span.end], why.at)
            span = Span(span.start + at, min(span.start + at + 1, span.end))
        args.abort("E307", f"the JSON cannot be read: {why}", span)


def place_in(written: str, at: int) -> int:
    """Where in a string as written its character number `at` stands."""
    quote, i = written[:1], 1
    for _ in range(at):
        if written[i] == "\\" and quote != "'":
            i += 6 if written[i + 1] == "u" else 2
        elif quote == "'" and written[i : i + 2] == "''":
            i += 2
        else:
            i += 1
        if i >= len(written) - 1:
            return len(written) - 1
    return i
