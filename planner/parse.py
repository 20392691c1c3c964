"""Joins base.lark with every command's fragment and turns each stage into `Args`: named parts, each with its span."""

from __future__ import annotations

import hashlib
import os
import re
import sys
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, Protocol

from . import ast
from .escapes import ESCAPE, SIMPLE_ESCAPES, unicode_escape
from .foreign import foreign
from .stages import QUOTED, Cut, Pipeline, RawOption, Stage, cut, masked_expression
from .text import Fault, ParseError, Span, error

if TYPE_CHECKING:
    from lark import Lark, Token, Tree


class Language(Protocol):
    """What parsing must know of the commands; `commands.language.Language` is the one that is used."""

    def __hash__(self) -> int: ...

    def options(self, command: str) -> tuple[str, ...] | None: ...
    def shown_options(self, command: str) -> tuple[str, ...]: ...
    def open_options(self, command: str) -> bool: ...
    def takes_foreign(self, command: str) -> bool: ...
    def is_source(self, command: str) -> bool: ...
    def names(self) -> list[str]: ...
    def is_known(self, command: str) -> bool: ...
    def start(self, command: str) -> str: ...
    def grammar(self, commands: frozenset[str]) -> tuple[str, list[str]]: ...  # rules and start rules
    def unknown(self, command: str) -> tuple[str, str, tuple[str, ...], str]: ...  # code, message, suggestions, hint


@dataclass(frozen=True, slots=True)
class Parsed:
    """A stage as the user wrote it. `parts` are named by grammar rule (names, aggs, by_keys, subquery, ...), in order."""

    number: str = field(compare=False)  # as the user counts: comment stages too
    command: str
    command_span: Span = field(compare=False)
    options: tuple[RawOption, ...]
    parts: tuple[tuple[str, Any], ...]
    span: Span = field(compare=False)
    places: tuple[Span, ...] = field(default=(), compare=False)  # of the parts
    known: bool = True  # False: an unknown command, told as a fault
    frame: Any = field(default=None, compare=False, repr=False)  # of a procedure's stage: see bind_params.Frame
    calls: tuple[str, ...] = field(default=(), compare=False, repr=False)  # stages of the calls it stands in

    def place(self, name: str) -> Span:
        """Where the part stands; the command itself if it is not there."""
        at = next((s for (n, _), s in zip(self.parts, self.places, strict=False) if n == name), None)
        return at or self.command_span

    def all(self, name: str) -> tuple[Any, ...]:
        return tuple(value for part, value in self.parts if part == name)

    def one(self, name: str) -> Any:
        return next(iter(self.all(name)), None)

    def option(self, name: str) -> RawOption | None:
        return next((o for o in reversed(self.options) if o.name == name), None)


@dataclass(frozen=True, slots=True)
class Query:
    text: str
    stages: tuple[Parsed, ...]
    faults: tuple[Fault, ...] = ()  # unknown commands and other bind faults found while parsing
    warnings: tuple[Fault, ...] = ()
    explain: str = ""
    end: int = field(default=0, compare=False)  # where it ends in the text


BASE = Path(__file__).with_name("base.lark")
EXPRESSION = "lone_expression"  # the start rule of what is no stage: a default in a header


def grammar(language: Language, commands: frozenset[str]) -> Lark:
    """LALR tables that can read `commands`.

    Those of the whole language come from a file in the user's cache folder in 9 ms (140 ms the first time). Where no
    such file can be kept, only the commands of the query are built, in 30 to 40 ms.
    """
    folder = cache_folder()
    return _tables(language, frozenset(language.names()) if folder is not None else commands, folder)


@lru_cache(maxsize=64)
def _tables(language: Language, commands: frozenset[str], folder: Path | None) -> Lark:
    from lark import Lark

    rules, starts = language.grammar(commands)
    source = BASE.read_text(encoding="utf-8") + rules
    how: dict[str, Any] = {
        "parser": "lalr",
        "start": [*starts, EXPRESSION],
        "propagate_positions": True,
        "maybe_placeholders": True,
    }
    if folder is not None:
        key = hashlib.sha256(source.encode()).hexdigest()[:16]
        try:
            return Lark(
                source, cache=str(folder / f"grammar-{sys.version_info[0]}{sys.version_info[1]}-{key}.lark"), **how
            )
        except OSError:
            pass  # a cache that cannot be written is no reason to fail
    return Lark(source, **how)


@lru_cache(maxsize=1)
def cache_folder() -> Path | None:
    """The user's cache folder for this program, private to the user; None where none can be made."""
    try:
        from platformdirs import user_cache_dir

        folder = Path(user_cache_dir("cortado"))
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return folder if os.access(folder, os.W_OK) else None
    except OSError:
        return None


HALF_CHARACTER = re.compile("[\ud800-\udfff]")


def readable(text: str) -> str:
    """In quotes; what cannot be seen by its number."""
    return f"'{text}'" if text.isprintable() else " ".join(f"U+{ord(c):04X}" for c in text)


def parse(text: str, registry: Language, start: int = 0, opened: int | None = None) -> Query:
    """The pipeline from `start` on, to the end or to the bracket that closes the one at `opened`.

    Raises ParseError for the first lexical or syntax fault of the text.
    """
    if half := HALF_CHARACTER.search(text, start):
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


def parse_expression(text: str, registry: Language, span: Span) -> ast.Expr:
    """The expression that stands at `span`; E101, E102, E104, E201 at its first fault."""
    masked = masked_expression(text, span.start, span.end, registry)
    stage = Stage("", "", Span(span.start, span.start), (), span, masked, span, {})
    pipeline = Pipeline((stage,), span)
    whole = Cut(text[: span.end], text[: span.start] + masked, pipeline, frozenset(), (), (), span.end)
    try:
        tree = _tree(whole, stage, registry, EXPRESSION)
        made: ast.Expr = _Builder(whole.text, stage, {}).build(tree.children[0])
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
    builder = _Builder(whole.text, stage, subqueries)
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
        raise ParseError(whole.text, [_syntax_fault(whole, stage, registry, span, word, accepts)]) from None


COMPARISONS = ("==", "!=", "<", "<=", ">", ">=", "and", "or", "end of stage")
READABLE = {"NAME": "a name", "BACKQUOTED": "", "PATTERN": "", "STAR_PATTERN": "", "STRING": "a string", "RAW_STRING": "", "NUMBER": "a number", "DURATION": "",
            "PARAM": "", "DOLLAR": "", "TRUE": "", "FALSE": "", "NULL": "", "NOT": "", "NOT_CALL": "", "MINUS": "", "PLUS": "", "LPAR": "(",
            "RPAR": ")", "COMMA": "a comma", "EQUAL": "=", "EQ": "==", "NE": "!=", "LT": "<", "LE": "<=", "GT": ">", "GE": ">=", "STAR": "", "SLASH": "",
            "RESERVED": "", "AND": "and", "OR": "or", "IN": "in", "AS": "as", "BY": "by", "WHERE": "where", "FILL": "fill", "OUTPUT": "output", "ROWS": "rows", "FOR": "for", "COLS": "cols",
            "SUBQUERY": "[ subquery ]", "PATH": "a path", "TABLE": "a table", "$END": "end of stage"}  # fmt: skip
RESERVED = frozenset({"and", "or", "not", "by", "as", "where", "true", "false", "null"})
RANK = {name: i for i, name in enumerate(READABLE)}


def terminal(name: str) -> str:
    """Name of a terminal; those of words begin with `_`, so that Lark leaves them out of the tree."""
    return name[1:] if name[:1] == "_" and name[1:] in READABLE else name


def _syntax_fault(whole: Cut, stage: Stage, registry: Language, span: Span, word: str, accepts: set[str]) -> Fault:
    common: dict[str, Any] = {"stage": stage.number, "command": stage.command}
    local = span.start - stage.body.start
    accepts = {terminal(a) for a in accepts}
    ours = foreign(stage.command, stage.masked, local, word) if word else None
    if ours is None and word == "=" and "EQ" in accepts:
        return Fault(
            code="E201",
            message="'=' compares nothing here; equality is '=='",
            span=span,
            expected=COMPARISONS,
            **common,
        )
    if ours is not None:
        at = Span(stage.body.start + ours.span.start, stage.body.start + ours.span.end)
        return Fault(code="E201", message=ours.message, span=at, suggestions=ours.suggestions, hint=ours.hint, **common)
    if (unbalanced := _unbalanced(stage, local, word)) is not None:
        return Fault(code="E204", message=unbalanced[0], span=unbalanced[1], **common)
    named = [READABLE.get(a, a.lower()) for a in sorted(accepts, key=lambda a: (RANK.get(a, len(RANK)), a))]
    expected = tuple(n for n in named if n)
    hint = _hint(stage, registry, local, word, accepts)
    what = f"{readable(word)} is not expected here" if word else "the stage ends too early"
    code = (
        "E201"
        if not word or (word.isprintable() and (word[0].isalnum() or word[0] in "_=<>!+-*/(),[]:.$@?#&%{}\"'`;^~\\"))
        else "E101"
    )
    return Fault(code=code, message=what, span=span, expected=expected, hint=hint, **common)


DURATION_LIKE = re.compile(r"\d+\.\d+(ns|us|ms|mon|[smhdwqy])\Z|\d+(?:M|H|D|sec|min|hour|day|week|month|year)s?\Z")
WORD_BEFORE = re.compile(r"[\w.]+\Z")
ASSIGNED = re.compile(r"=(?!=)")
BY_NAMES = re.compile(r"\b(?:by|for|rows|cols)\s+[\w.@`]+(?:\s*,\s*[\w.@`]+)*\s*\Z")


def _hint(stage: Stage, registry: Language, local: int, word: str, accepts: set[str]) -> str:
    """What was probably meant, where the words around say so."""
    body, options = stage.masked, registry.shown_options(stage.command)
    before = WORD_BEFORE.search(body[:local].rstrip())
    glued_equal = ASSIGNED.match(body, local + len(word)) is not None
    if (glued_equal and (word in options or (before is not None and "COMMA" in accepts and options))) or (
        word == "=" and before is not None and before[0] in options
    ):
        return "options stand before the fields, without blanks around '='"
    glued = WORD_BEFORE.search(body, 0, local)
    if glued and word[:1].isalpha() and DURATION_LIKE.match(glued[0] + word):
        return "a duration is whole numbers and ns us ms s m h d w mon q y: 90m, 1h30m (m is minute, mon is month)"
    if word[:1] in ("'", '"') and "NAME" in accepts and "STRING" not in accepts:
        return "a field is bare, or in back quotes"
    is_name = word[:1].isalpha() or word[:1] in ("_", "`")
    if is_name and word not in RESERVED and "COMMA" in accepts and before is not None:
        listed = "EQ" not in accepts or BY_NAMES.search(body, 0, local)
        return "names are separated by commas" if listed else ""
    if word[:1] == "[" and stage.command.endswith("file"):
        return "a path that holds brackets stands in quotes"
    return ""


QUOTED_OR_PARENTHESIS = re.compile(r"""[()]|"(?:\\.|[^"\\])*"|(?<!\w)'[^']*'|`[^`]*`""")


def _unbalanced(stage: Stage, local: int, word: str) -> tuple[str, Span] | None:
    """A parenthesis that is open where the stage ends, or one that closes none: what to say, and where it stands."""
    opened: list[int] = []
    for found in QUOTED_OR_PARENTHESIS.finditer(stage.masked, 0, local):
        if found[0] == "(":
            opened.append(found.start())
        elif found[0] == ")" and opened:
            opened.pop()
    if not word and opened:
        at = stage.body.start + opened[-1]
        return "'(' is never closed", Span(at, at + 1)
    if word == ")" and not opened:
        at = stage.body.start + local
        return "')' closes nothing", Span(at, at + 1)
    return None


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
DURATION_PART = re.compile(r"(\d+)([a-z]+)")


def too_large(text: str) -> str:
    """What to write instead of a whole number beyond 64 bits."""
    return f"write {text}.0" if text.isdigit() else f"write {int(text, 16)}.0"


@dataclass(slots=True)
class _Builder:
    """Lark tree to `ast` values: one method a rule."""

    whole: str
    stage: Stage
    subqueries: Mapping[int, tuple[Parsed, ...]]

    def span(self, node: Any) -> Span:
        base = self.stage.body.start
        if hasattr(node, "type"):
            return Span(base + node.start_pos, base + node.end_pos)
        if node.meta.empty:
            return Span(self.stage.span.end, self.stage.span.end)
        return Span(base + node.meta.start_pos, base + node.meta.end_pos)

    def fail(self, code: str, message: str, span: Span, **more: Any) -> NoReturn:
        raise error(
            self.whole,
            [Fault(code=code, message=message, span=span, stage=self.stage.number, command=self.stage.command, **more)],
        )

    def build(self, node: Any) -> Any:
        if node is None:
            return None
        if hasattr(node, "type"):
            return self.token(node)
        return getattr(self, "on_" + node.data)(node)

    def many(self, node: Any) -> tuple[Any, ...]:
        return tuple(self.build(c) for c in node.children if c is not None)

    # tokens

    def token(self, token: Token) -> Any:
        span, text = self.span(token), str(token)
        match token.type:
            case "STRING":
                return self.cooked(text, span)
            case "RAW_STRING":
                return ast.Text(value=text[1:-1].replace("''", "'"), raw=True, span=span)
            case "NUMBER":
                value = self.number(text)
                if isinstance(value, int) and value > 2**63:
                    self.fail("E307", "a whole number above 9223372036854775807", span, hint=too_large(text))
                return ast.Number(value=value, span=span)
            case "DURATION":
                return self.duration(text, span)
            case "TRUE" | "FALSE" | "NULL":
                return ast.Constant(value={"TRUE": True, "FALSE": False, "NULL": None}[token.type], span=span)
            case "BACKQUOTED":
                return unicodedata.normalize("NFC", text[1:-1].replace("``", "`"))
            case "NAME":
                return unicodedata.normalize("NFC", text)
        return text

    def cooked(self, text: str, span: Span) -> ast.Text:
        out, stars, last, inner = [], [], 0, text[1:-1]
        for found in ESCAPE.finditer(inner):
            out.append(inner[last : found.start()])
            last, body = found.end(), found[1]
            at = Span(span.start + 1 + found.start(), span.start + 1 + found.end())
            if body == "*":
                stars.append(sum(map(len, out)))
            if body in SIMPLE_ESCAPES:
                out.append(SIMPLE_ESCAPES[body])
            elif body[0] == "u" and len(body) > 1:
                try:
                    out.append(unicode_escape(body))
                except ValueError:
                    self.fail(
                        "E104", f"'\\{body}' is half a character", at, hint="pairs such as \\ud83d\\ude00 make one"
                    )
            else:
                hint = "\\u takes four hexadecimal digits" if body == "u" else "or a raw string: '...'"
                self.fail("E104", f"'\\{body}' is no escape", at, suggestions=("\\\\" + body,), hint=hint)
        return ast.Text(value="".join(out) + inner[last:], literal_stars=tuple(stars), span=span)

    @staticmethod
    def number(text: str) -> int | float:
        if text.startswith("0x"):
            return int(text, 16)
        return int(text) if text.isdigit() else float(text)

    def duration(self, text: str, span: Span) -> ast.Duration:
        months = ns = 0
        weeks = True
        for amount, unit in DURATION_PART.findall(text):
            months += int(amount) * ast.DURATION_MONTHS.get(unit, 0)
            ns += int(amount) * ast.DURATION_NS.get(unit, 0)
            weeks = weeks and unit == "w"
        if months and ns:
            self.fail("E307", "calendar and fixed lengths do not mix in one duration", span)
        if not ast.fits(months, ns):
            self.fail("E307", f"'{text}' is longer than 64 bits of microseconds hold", span)
        return ast.Duration(months=months, ns=ns, weeks=weeks, span=span)

    # expressions

    def operator(self, node: Any, name: str, *args: Any) -> ast.Call:
        return ast.Call(name=name, args=args, op=True, span=self.span(node))

    def chain(self, node: Any, name: str) -> ast.Call:
        """Flat, also where brackets nest the same word: null counts as false, so the grouping means nothing."""
        args: list[ast.Expr] = []
        for value in self.many(node):
            args += value.args if isinstance(value, ast.Call) and value.op and value.name == name else (value,)
        return self.operator(node, name, *args)

    def on_disjunction(self, node: Any) -> ast.Call:
        return self.chain(node, "or")

    def on_conjunction(self, node: Any) -> ast.Call:
        return self.chain(node, "and")

    def on_not_(self, node: Any) -> ast.Call:
        return self.operator(node, "not", self.build(node.children[1]))

    def on_in_(self, node: Any) -> ast.Call:
        left, values = node.children
        if values is None:
            self.fail("E306", "in () needs at least one value", self.span(node))
        return self.operator(node, "in", self.build(left), *self.many(values))

    def on_binary(self, node: Any) -> ast.Expr:
        """`a + b + c` leans to the left: a loop, since long chains are no nesting."""
        chain = []
        while getattr(node, "data", "") == "binary":
            chain.append(node)
            node = node.children[0]
        left: ast.Expr = self.build(node)
        for link in reversed(chain):
            left = self.operator(link, str(link.children[1]), left, self.build(link.children[2]))
        return left

    def on_negate(self, node: Any) -> ast.Expr:
        # 2**63 is allowed as a token only for the sake of the least long, -9223372036854775808
        return self.operator(node, "neg", self.build(node.children[1]))

    def on_name_ref(self, node: Any) -> ast.Name:
        return ast.Name(name=self.build(node.children[0]), span=self.span(node))

    def on_literal(self, node: Any) -> Any:
        return self.build(node.children[0])

    def on_call(self, node: Any) -> ast.Call:
        name, args = node.children
        plain, named = self.arguments(args)
        return ast.Call(name=str(name), args=plain, named=named, span=self.span(node))

    def arguments(self, args: Any, hint: str = "") -> tuple[tuple[ast.Expr, ...], tuple[tuple[str, ast.Expr], ...]]:
        """Positional ones, then those with a name."""
        plain, named = [], []
        for a in args.children if args else ():
            if getattr(a, "data", "") == "named_arg":
                named.append((str(self.build(a.children[0])), self.build(a.children[1])))
            elif named:
                self.fail("E201", "a positional argument stands before the named ones", self.span(a), hint=hint)
            else:
                plain.append(self.build(a))
        return tuple(plain), tuple(named)

    def on_procedure(self, node: Any) -> ast.Call:
        name, args = node.children
        plain, named = self.arguments(args, 'several fields in one argument stand in quotes: "a, b"')
        return ast.Call(name=self.build(name), args=plain, named=named, span=self.span(node))

    def on_param(self, node: Any) -> ast.Param:
        return ast.Param(names=(str(node.children[0])[1:],), span=self.span(node))

    def on_param_call(self, node: Any) -> ast.Param:
        names, default = [], None
        values = self.many(node.children[0])
        for i, value in enumerate(values):
            if isinstance(value, ast.Text) and (i == 0 or i + 1 < len(values)):
                names.append(value.value)
            elif i > 0 and i + 1 == len(values):
                default = value
            else:
                self.fail("E410", "a parameter's name is a string", value.span)
        return ast.Param(names=tuple(names), default=default, span=self.span(node))

    # fields

    def on_field(self, node: Any) -> ast.Field:
        token = node.children[0]
        return ast.Field(self.build(token), self.span(node), token.type.endswith("PATTERN"))

    def on_target(self, node: Any) -> ast.Field:
        return ast.Field(self.build(node.children[0]), self.span(node))

    on_place = on_target

    def on_call_field(self, node: Any) -> ast.Field:
        return ast.Field(self.on_call(node).text(), self.span(node))

    def on_param_field(self, node: Any) -> ast.Field:
        param = self.build(node.children[0])
        return ast.Field(param.text(), self.span(node), param=param)

    def on_signed(self, node: Any) -> ast.Signed:
        sign, name = node.children
        return ast.Signed(self.build(name), sign == "-", self.span(node))

    def on_pair(self, node: Any) -> ast.Pair:
        left, right = node.children
        return ast.Pair(self.build(left), self.build(right), self.span(node))

    on_rename = on_pair

    def on_key(self, node: Any) -> ast.Item:
        expr, alias = node.children
        return ast.Item(self.build(expr), None, self.build(alias), None, self.span(node))

    def on_agg(self, node: Any) -> ast.Item:
        expr, where, alias = node.children
        if alias is None and str(getattr(expr, "data", "")) not in ("call", "name_ref"):
            self.fail("E201", "an expression over aggregates needs a name", self.span(node), hint="... as name")
        return ast.Item(self.build(expr), self.build(where), self.build(alias), None, self.span(node))

    def on_filled_item(self, node: Any) -> ast.Item:
        expr, where, alias, fill = node.children
        return ast.Item(self.build(expr), self.build(where), self.build(alias), self.build(fill), self.span(node))

    def on_fill(self, node: Any) -> ast.Expr:
        """A word as a name, else a constant."""
        child = node.children[0]
        if getattr(child, "type", "") == "NAME":
            return ast.Name(name=str(child), span=self.span(child))
        made: ast.Expr = self.build(child)
        return made

    def on_negative(self, node: Any) -> ast.Expr:
        value = self.build(node.children[1]).value
        return ast.Number(value=-value, span=self.span(node))

    def on_assign(self, node: Any) -> ast.Assign:
        *targets, expr = self.many(node)
        return ast.Assign(tuple(targets), expr, self.span(node))

    def on_anchor(self, node: Any) -> tuple[str, ast.Field]:
        return self.build(node.children[0]), self.build(node.children[1])

    def on_pattern(self, node: Any) -> str:
        token = node.children[0]
        inner = str(token)[1:-1]
        return inner.replace('\\"', '"') if token.type == "STRING" else inner.replace("''", "'")

    def on_archive(self, node: Any) -> Any:
        return self.on_path(node)

    def on_profile(self, node: Any) -> Any:
        return self.on_path(node)

    def on_sql(self, node: Any) -> Any:
        """A string of ours, or the text as it stands: that is masked, so it is read from the whole."""
        token, span = node.children[0], self.span(node)
        if getattr(token, "type", "") not in ("STRING", "RAW_STRING"):
            return self.build(token)
        written = self.whole[span.start : span.end]
        value = written if written[:1] not in QUOTED else self.build(token).value
        return ast.Text(value=value, raw=True, span=span)

    def on_path(self, node: Any) -> Any:
        token = node.children[0]
        return self.on_pattern(node) if getattr(token, "type", "") in ("STRING", "RAW_STRING") else self.build(token)

    def on_table(self, node: Any) -> Any:
        """A bare name is a str; a quoted one is a path (raw text); a back-quoted one is a table's name."""
        token = node.children[0]
        match getattr(token, "type", ""):
            case "STRING" | "RAW_STRING":
                return ast.Text(value=self.on_pattern(node), raw=True, span=self.span(node))
            case "BACKQUOTED":
                return ast.Name(name=self.build(token), span=self.span(node))
        return self.build(token)

    def on_subquery(self, node: Any) -> tuple[Parsed, ...]:
        return self.subqueries[self.span(node).start]

    def first(self, node: Any) -> Any:
        return self.build(node.children[0])

    on_count = on_word = on_by_names = on_by_keys = on_columns = on_by_pairs = first
    on_names = on_signed_names = on_pairs = on_keys = on_aggs = on_filled = on_assigns = many
    on_renames = on_anchors = on_tables = on_columns_def = on_column_def = many
