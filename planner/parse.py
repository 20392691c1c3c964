"""Turns each stage of a text into named parts, each with its span."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from . import ast
from .build import Builder
from .grammar import EXPRESSION, grammar
from .parsed import Language, Parsed, Query
from .stages import Cut, Pipeline, Stage, cut, masked_expression
from .text import Fault, ParseError, Span, error

if TYPE_CHECKING:
    from lark import Token, Tree

LONGEST_KEPT = 4096  # characters
HALF_CHARACTER = re.compile("[\ud800-\udfff]")
EXPRESSIONS = frozenset(
    {
        "disjunction",
        "conjunction",
        "not_",
        "in_",
        "binary",
        "negate",
        "name_ref",
        "call",
        "param",
        "param_call",
        "literal",
    }
)
FIELDS = {"param_field": "field", "call_field": "field"}  # ways to write one


def parse(text: str, registry: Language, start: int = 0, opened: int | None = None) -> Query:
    """The pipeline from `start` on, to the end or to the bracket that closes the one at `opened`.

    Raises ParseError for the first lexical or syntax fault of the text. Short texts that come again are not read again.
    """
    return (_kept if len(text) <= LONGEST_KEPT else _parsed)(text, registry, start, opened)


def _parsed(text: str, registry: Language, start: int, opened: int | None) -> Query:
    if half := HALF_CHARACTER.search(text, start):
        from .syntax_faults import readable

        raise ParseError(
            text,
            [Fault(code="E101", message=f"{readable(half[0])} is half a character", span=Span(*half.span()),
                   hint="the text is not what it was: read it as UTF-8")],
        )  # fmt: skip
    faults: list[Fault] = []
    try:
        result = cut(text, registry, start, opened)
        faults += result.faults
        stages = _pipeline(result, result.pipeline, registry, faults)
    except RecursionError:
        raise ParseError(
            text, [Fault(code="E201", message="brackets are nested too deeply", span=Span(start, len(text)))]
        ) from None
    return Query(text, stages, tuple(faults), result.warnings, result.pipeline.explain, result.end)


_kept = lru_cache(maxsize=256)(_parsed)  # a query is frozen all through


def parse_expression(text: str, registry: Language, span: Span) -> ast.Expr:
    """The expression that stands at `span`; E101, E102, E104, E201 at its first fault."""
    masked = masked_expression(text, span.start, span.end, registry)
    stage = Stage("", "", Span(span.start, span.start), (), span, masked, span, {})
    pipeline = Pipeline((stage,), span)
    whole = Cut(text[: span.end], text[: span.start] + masked, pipeline, frozenset(), (), (), span.end)
    try:
        tree = _tree(whole, stage, registry, EXPRESSION)
        made: ast.Expr = Builder(whole.text, stage, {}).build(tree.children[0])
    except RecursionError:
        raise ParseError(text, [Fault(code="E201", message="brackets are nested too deeply", span=span)]) from None
    return made


def _pipeline(whole: Cut, pipeline: Pipeline, registry: Language, faults: list[Fault]) -> tuple[Parsed, ...]:
    return tuple(_stage(whole, stage, registry, faults) for stage in pipeline.stages)


def _unknown(stage: Stage, registry: Language) -> Fault | None:
    if registry.is_known(stage.command):
        return None
    code, message, suggestions, hint = registry.unknown(stage.command)
    if code == "E302" and stage.number == "1":
        suggestions, hint = _as_source(stage, suggestions, hint)
    return Fault(
        code=code, message=message, suggestions=suggestions, hint=hint, span=stage.command_span, stage=stage.number
    )


def _as_source(stage: Stage, suggestions: tuple[str, ...], hint: str) -> tuple[tuple[str, ...], str]:
    """What to say where a query begins with the name of a table, as in Kusto, or with a path."""
    rest = stage.masked.strip()
    if stage.command in ("help", "exit", "quit"):
        return (), f"'{stage.command}' is a word of the prompt"
    if not rest and not stage.options and not suggestions:
        return (f"table {stage.command}",), hint
    if rest[:1] in ("/", ".", ":", "\\") and stage.masked[:1] == rest[:1]:
        return (f"textfile {stage.command}{rest.split()[0]}",), "a file is read by a command: textfile, csvfile, ..."
    return suggestions, hint


def _stage(whole: Cut, stage: Stage, registry: Language, faults: list[Fault]) -> Parsed:
    subqueries = {at: _pipeline(whole, sub, registry, faults) for at, sub in stage.subqueries.items()}
    if fault := _unknown(stage, registry):
        faults.append(fault)
        parts: tuple[tuple[str, Any], ...] = tuple(("subquery", sub) for sub in subqueries.values())
        return Parsed(stage.number, stage.command, stage.command_span, stage.options, parts, stage.span, known=False)
    builder = Builder(whole.text, stage, subqueries)
    try:
        children = [c for c in _tree(whole, stage, registry, registry.start(stage.command)).children if c is not None]
    except ParseError as found:
        earlier = [f for f in faults if f.stage == stage.number and f.span.start < found.span.start]
        if earlier:  # an unknown option may be the reason why the rest cannot be read
            raise error(whole.text, earlier[:1]) from None
        raise
    parts = tuple((_part_name(c), builder.build(c)) for c in children)
    places = tuple(builder.span(c) for c in children)
    return Parsed(stage.number, stage.command, stage.command_span, stage.options, parts, stage.span, places)


def _part_name(node: Any) -> str:
    if hasattr(node, "type"):
        return str(node.type)
    return "expr" if node.data in EXPRESSIONS else FIELDS.get(node.data, str(node.data))


def _tree(whole: Cut, stage: Stage, registry: Language, start: str) -> Tree[Token]:
    from lark.exceptions import UnexpectedCharacters, UnexpectedEOF, UnexpectedToken

    base, body = stage.body.start, stage.masked
    try:
        return grammar(registry, whole.commands).parse(body, start=start)
    except (UnexpectedToken, UnexpectedCharacters, UnexpectedEOF) as error:
        token = getattr(error, "token", None)
        pos = getattr(error, "pos_in_stream", None)
        if (token is not None and token.type == "$END") or pos is None:
            at = stage.span.end
            span, word = Span(at, at), ""
        elif token is not None:
            span, word = Span(base + token.start_pos, base + token.end_pos), str(token)
        else:
            span, word = Span(base + pos, base + pos + 1), body[pos]
        accepts = (
            getattr(error, "accepts", None)
            or getattr(error, "expected", None)
            or getattr(error, "allowed", None)
            or set()
        )
        from .syntax_faults import syntax_fault

        raise ParseError(whole.text, [syntax_fault(stage, registry, span, word, accepts)]) from None
