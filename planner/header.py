"""The header of a saved query: parameters, imports, procedures and help, before its pipeline.

A statement begins a line and ends with it; inside brackets and quotes it goes on to the next lines.
"""

from __future__ import annotations

import re
from dataclasses import field
from typing import Any, NoReturn

from .option_values import unquote
from .parse import parse
from .parsed import Language, Query
from .records import dataclass
from .stages import DOUBLE, HEADER_WORD, QUOTED, SINGLE
from .text import Fault, Span, error
from .typed import check_type

STATEMENT = re.compile(r"(param|use|def)(?=\s)")
PARAM = re.compile(r"param\s+([^\W\d]\w*)\s*:\s*")
NAMED = re.compile(r"\s*([^\W\d]\w*)\s*:\s*(?=[^\W\d])")
KIND = re.compile(r"([^\W\d]\w*)(<\w*>)?[^\S\n]*")
USE = re.compile(
    r"""use\s+(["“”„‟](?:\\"|[^"“”\n])*["“”]|['‘’‚‛](?:''|[^'‘’\n])*['‘’]|[^\s"'“”‘’]+)\s+as\s+([^\W\d]\w*)[^\S\n]*"""
)
DEF = re.compile(r"def\s+([^\W\d]\w*)\s*\(")
BODY = re.compile(r"\s*=\s*(?=\[)")
PIPE = re.compile(r"[|｜]")
LINE_COMMENT = re.compile(r"//(?=[\s/]|\Z)[^\n]*")
COMMENTED = re.compile(r"""("(?:\\.|[^"\\])*"|'(?:''|[^'])*'|`[^`]*`)|\s+//(?=[\s/]|\Z)[^\n]*""")
COMMENT_STAGE = re.compile(r"#\s")
CLOSES = {"(": ")", "[": "]", "{": "}"}


@dataclass(frozen=True, slots=True)
class Param:
    """A typed parameter. `default`: where it is written; None: it must be given."""

    name: str
    type: str
    default: Span | None
    span: Span
    written: str = ""  # the default, without comments

    @property
    def text(self) -> str:
        """As a header writes it."""
        return f"{self.name}: {self.type}" + (f" = {self.written}" if self.default is not None else "")


@dataclass(frozen=True, slots=True)
class Use:
    path: str
    alias: str
    span: Span  # of the path


@dataclass(frozen=True, slots=True)
class Body:
    """A pipeline, and whether a pipe stands before it: then it is a stage, and needs rows."""

    query: Query
    is_stage: bool


@dataclass(frozen=True, slots=True)
class Definition:
    name: str
    params: tuple[Param, ...]
    body: Body
    help: str
    span: Span  # of the name


@dataclass(slots=True)
class Header:
    params: list[Param] = field(default_factory=list)
    uses: list[Use] = field(default_factory=list)
    defs: list[Definition] = field(default_factory=list)
    help: list[str] = field(default_factory=list)
    end: int = 0  # where the pipeline begins

    @property
    def is_empty(self) -> bool:
        return not (self.params or self.uses or self.defs)


def read_header(text: str, start: int, language: Language, *, is_file: bool = True) -> Header:
    """Raises at the first fault: E201, E410, and what the body of a `def` does not parse for.

    Of a query string only what cannot be meant otherwise is a header.
    """
    return _Reader(text, language, start, STATEMENT if is_file else HEADER_WORD).read()


def read_body(text: str, start: int, language: Language, opened: int | None = None) -> Body:
    """The pipeline from `start` on, with or without a pipe before it."""
    begin = _skip(text, start)
    pipe = PIPE.match(text, begin)
    query = parse(text, language, pipe.end() if pipe else start, opened)
    return Body(query, pipe is not None)


def has_pipeline(text: str, start: int) -> bool:
    """Whether anything but comments stands behind a header."""
    return _skip(text, start) < len(text)


def _kept(found: re.Match[str]) -> str:
    return found[1] or ""


def _skip(text: str, at: int) -> int:
    """Past white space and `//` comments."""
    while at < len(text):
        if text[at].isspace() or text[at] in "\ufeff\u200b":
            at += 1
        elif (found := LINE_COMMENT.match(text, at)) and (at == 0 or text[at - 1].isspace() or text[at - 1] == "["):
            at = found.end()
        else:
            break
    return at


@dataclass(slots=True)
class _Reader:
    text: str
    language: Language
    at: int
    statement: re.Pattern[str]
    header: Header = field(default_factory=Header)
    told: list[str] = field(default_factory=list)  # help lines of whatever follows

    def fail(self, code: str, message: str, span: Span, **more: Any) -> NoReturn:
        raise error(self.text, [Fault(code=code, message=message, span=span, **more)])

    def read(self) -> Header:
        begin = self.at
        while True:
            line = self.at
            self.at = self._blank(self.at)
            if self.text.count("\n", line, self.at) > 1:
                self._keep_help()
            if self.text.startswith("//", self.at) and (found := LINE_COMMENT.match(self.text, self.at)):
                if found[0].startswith("///"):
                    self.told.append(found[0][3:].strip())
                self.at = found.end()
            elif word := self.statement.match(self.text, self.at):
                getattr(self, f"_{word[0]}")()
                begin, self.statement = self.at, STATEMENT
            elif (after := self._comment_stage()) is not None:
                self.at = after
            else:
                break
        self._keep_help()
        self.header.end = begin  # comments before the pipeline are part of it
        return self.header

    def _blank(self, at: int) -> int:
        while at < len(self.text) and (self.text[at].isspace() or self.text[at] in "\ufeff\u200b"):
            at += 1
        return at

    def _keep_help(self) -> None:
        self.header.help += self.told
        self.told = []

    def _comment_stage(self) -> int | None:
        """Past a `#` comment that a line of the header ends; None where it belongs to the pipeline."""
        if COMMENT_STAGE.match(self.text, self.at) is None:
            return None
        for line in re.finditer(r"\n[^\S\n]*(?=\S)", self.text[self.at :]):
            at = self.at + line.end()
            if PIPE.search(self.text, self.at, at):
                return None
            if HEADER_WORD.match(self.text, at):
                return at
        return None

    # statements

    def _param(self) -> None:
        self._keep_help()
        found = PARAM.match(self.text, self.at)
        if found is None:
            self._unreadable("a parameter is written 'param name: type = default'")
        begin = self.at
        param, self.at = self._typed(found[1], begin, found.end(), stops_at_comma=False)
        if any(p.name == param.name for p in self.header.params):
            self.fail("E410", f"two parameters are named '{param.name}'", param.span)
        self.header.params.append(param)
        self._end_of_line("a parameter is written 'param name: type = default'")

    def _use(self) -> None:
        self._keep_help()
        found = USE.match(self.text, self.at)
        if found is None:
            self._unreadable("an import is written 'use \"file.cq\" as name'")
        path = found[1]
        if path[0] in DOUBLE + SINGLE:
            sign = '"' if path[0] in DOUBLE else "'"
            path = unquote(f"{sign}{path[1:-1]}{sign}", pattern=True)
        self._check_name(found[2], Span(*found.span(2)))
        self.header.uses.append(Use(path, found[2], Span(*found.span(1))))
        self.at = found.end()
        self._end_of_line("an import is written 'use \"file.cq\" as name'")

    def _def(self) -> None:
        told, self.told = self.told, []
        found = DEF.match(self.text, self.at)
        if found is None:
            self._unreadable("a procedure is written 'def name(param: type = default, ...) = [ ... ]'")
        params, at = self._params(found.end())
        body = BODY.match(self.text, at)
        if body is None:
            at = self._blank(at)
            self.fail("E201", "a procedure is written 'def name(param: type = default, ...) = [ ... ]'",
                      Span(at, min(len(self.text), at + 1)), expected=("= [",) if self.text[at : at + 1] != "=" else ("[",))  # fmt: skip
        made = read_body(self.text, body.end() + 1, self.language, opened=body.end())
        name = Span(*found.span(1))
        self._check_name(found[1], name)
        self.header.defs.append(Definition(found[1], params, made, "\n".join(told), name))
        self.at = made.query.end + 1
        self._end_of_line("the next statement stands on a line of its own")

    def _params(self, at: int) -> tuple[tuple[Param, ...], int]:
        """What stands between the parentheses of `def`, and the place behind them."""
        params: list[Param] = []
        opened = at - 1
        while True:
            at = _skip(self.text, at)
            if self.text[at : at + 1] == ")" and not params:
                return (), at + 1
            named = NAMED.match(self.text, at)
            if named is None:
                if at >= len(self.text):
                    self.fail("E204", "'(' is never closed", Span(opened, opened + 1))
                self.fail("E201", "a parameter is written 'name: type = default'", self._word(at))
            param, at = self._typed(named[1], named.start(1), named.end(), stops_at_comma=True)
            if any(p.name == param.name for p in params):
                self.fail("E410", f"two parameters are named '{param.name}'", param.span)
            params.append(param)
            at = _skip(self.text, at)
            sign = self.text[at : at + 1]
            if sign == ")":
                return tuple(params), at + 1
            if sign != ",":
                if at >= len(self.text):
                    self.fail("E204", "'(' is never closed", Span(opened, opened + 1))
                self.fail("E201", "parameters are separated by commas", self._word(at), expected=("a comma", ")", "="))
            at += 1

    def _typed(self, name: str, begin: int, at: int, *, stops_at_comma: bool) -> tuple[Param, int]:
        """The type, and the default behind `=`; `at` is where the type begins."""
        kind = KIND.match(self.text, at)
        if kind is None:
            self.fail("E201", "a parameter is written 'name: type = default'", self._word(begin))
        end = kind.end(2) if kind[2] else kind.end(1)
        span = Span(begin, end)
        equals = re.compile(r"\s*=(?!=)\s*" if stops_at_comma else r"[^\S\n]*=(?!=)[^\S\n]*").match(self.text, end)
        default = None
        after = end
        if equals is not None:
            after = self._value_ends(equals.end(), stops_at_comma)
            low, high = equals.end(), equals.end() + len(self.text[equals.end() : after].rstrip())
            if low == high:
                self.fail("E201", f"parameter '{name}' has no default behind '='", Span(begin, equals.end()))
            default, span, after = Span(low, high), Span(begin, high), high
        try:
            type_ = check_type(kind[1], kind[2] or "")
        except ValueError as why:
            hint, near = why.args[1], why.args[2]
            self.fail("E410", why.args[0], Span(kind.start(), end), hint=hint, suggestions=near)
        written = self.text[default.start : default.end] if default is not None else ""
        return Param(name, type_, default, span, COMMENTED.sub(_kept, written)), after

    def _value_ends(self, at: int, stops_at_comma: bool) -> int:
        """Where a default ends: with its line, or at the comma or parenthesis behind it; not inside brackets and quotes."""
        opened: list[tuple[str, int]] = []
        while at < len(self.text):
            c = self.text[at]
            quoted = QUOTED.get(c)
            if quoted is not None and not (
                c in SINGLE and at and (self.text[at - 1].isalnum() or self.text[at - 1] == "_")
            ):
                whole = quoted.match(self.text, at)
                if whole is None:
                    self.fail("E102", f"{c} is never closed", Span(at, at + 1))
                at = whole.end()
                continue
            if c == "/" and self.text[at - 1].isspace() and (comment := LINE_COMMENT.match(self.text, at)):
                if not opened and not stops_at_comma:
                    return at
                at = comment.end()
                continue
            if c in CLOSES:
                opened.append((CLOSES[c], at))
            elif opened and c == opened[-1][0]:
                opened.pop()
            elif not opened and self._ends_here(at, c, stops_at_comma):
                return at
            at += 1
        if opened:
            self.fail("E204", f"'{self.text[opened[0][1]]}' is never closed", Span(opened[0][1], opened[0][1] + 1))
        return at

    def _ends_here(self, at: int, c: str, stops_at_comma: bool) -> bool:
        if not stops_at_comma:
            return c == "\n"
        return c == ")" or (c == "," and NAMED.match(self.text, _skip(self.text, at + 1)) is not None)

    # faults

    def _check_name(self, name: str, span: Span) -> None:
        """Procedures and imports share their names."""
        if any(d.name == name for d in self.header.defs) or any(u.alias == name for u in self.header.uses):
            self.fail("E410", f"two procedures or imports are named '{name}'", span)

    def _end_of_line(self, told: str) -> None:
        rest = re.compile(r"[^\S\n]*(//(?=[\s/]|\Z)[^\n]*)?").match(self.text, self.at)
        at = rest.end() if rest else self.at
        if at < len(self.text) and self.text[at] != "\n":
            hint = "the query begins on a line of its own" if self.text[at] == "|" else ""
            self.fail("E201", told, self._word(at), hint=hint)
        self.at = at

    def _unreadable(self, told: str) -> NoReturn:
        end = self.text.find("\n", self.at)
        line = self.text[self.at : end if end >= 0 else len(self.text)]
        self.fail("E201", told, Span(self.at, self.at + len(line.rstrip())))

    def _word(self, at: int) -> Span:
        found = re.compile(r"[\w.]+|\S").match(self.text, at)
        return Span(*found.span()) if found else Span(at, at)


__all__ = ["Body", "Definition", "Header", "Param", "Use", "has_pipeline", "read_body", "read_header"]
