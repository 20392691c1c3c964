"""Cuts a query into pipelines and stages, and reads each stage's options; the rest is left to the grammar.

Works on a *masked* copy of the text that has the same length, so every offset is an offset into the original:
comments are blank, pasted typographic quotes, bars and dashes are ASCII, and a subquery is `[`, blanks, `]`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import field, replace
from typing import NoReturn, Protocol

from .records import dataclass
from .text import Fault, Span, error, nearest

PASTED = str.maketrans(
    {"｜": "|", "–": "-", "—": "-", "−": "-", "‒": "-", "\u00a0": " ", "\u3000": " ", "\ufeff": " ", "\u200b": " "}
)
DOUBLE, SINGLE = '"“”„‟', "'‘’‚‛"
QUOTED = {
    **{q: re.compile(r'.(?:\\.|[^"\\])*"' if q == '"' else r'.(?:\\.|[^"“”\\])*["“”]', re.S) for q in DOUBLE},
    **{q: re.compile(r".(?:''|[^'])*'" if q == "'" else r".(?:''|[^'‘’])*['‘’]", re.S) for q in SINGLE},
    "`": re.compile(r".(?:``|[^`])*`", re.S),
}
STOP = re.compile(r"""[|｜\[\]`/–—−‒\u00a0\u3000\ufeff\u200b""" + DOUBLE + SINGLE + "]")
COMMENT_STOP = re.compile(r"[|｜\[\]\n]")
WORD = re.compile(r"[^\W\d]\w*(?:-[^\W\d]\w*)*")
OPTION = re.compile(r"([^\W\d][\w.]*)=(?!=)")
VALUE = re.compile(
    r"""(?:"(?:\\.|[^"\\])*"|'(?:''|[^'])*'|`(?:``|[^`])*`|\$\((?:"[^"]*"|[^()"])*\)|[^\s"'\[\]|])+""", re.S
)
HEADER_WORD = re.compile(
    r"(?:def(?=\s+[^\W\d]\w*\s*\()|use(?=\s+(?:[" + DOUBLE + SINGLE + r"]|\S+\.cq\s))|param(?=\s+[^\W\d]\w*\s*:))"
)
PROFILE = re.compile(r"""[^\W\d][\w.@-]*|`(?:``|[^`])*`|"[^"]*"|'[^']*'|\$[^\W\d]\w*""")
HIDDEN = frozenset({"parallel"})  # accepted wherever options are, without effect, and not shown
LEADERS = frozenset({"set", "setq", "proc", "explain"})


@dataclass(frozen=True, slots=True)
class RawOption:
    name: str
    value: str
    name_span: Span = field(compare=False)
    span: Span = field(compare=False)  # of the value


@dataclass(frozen=True, slots=True)
class Stage:
    number: str
    command: str
    command_span: Span
    options: tuple[RawOption, ...]
    body: Span  # the positional part
    masked: str  # the same, masked
    span: Span
    subqueries: Mapping[int, Pipeline]  # by the offset of their opening bracket
    foreign: Span | None = None  # text of another language, which is kept as it stands


@dataclass(frozen=True, slots=True)
class Pipeline:
    stages: tuple[Stage, ...]
    span: Span
    explain: str = ""  # "", "plan" or "analyze"


class Lookup(Protocol):
    """What the cutter must know of the commands."""

    def options(self, command: str) -> tuple[str, ...] | None: ...  # None: this command reads no options
    def open_options(self, command: str) -> bool: ...  # an unknown `key=` is left to the grammar
    def takes_foreign(self, command: str) -> bool: ...  # text of another language stands in it
    def is_source(self, command: str) -> bool: ...
    def names(self) -> list[str]: ...
    def is_known(self, command: str) -> bool: ...
    def shown_options(self, command: str) -> tuple[str, ...]: ...


@dataclass(slots=True)
class Cut:
    """The result: the outermost pipeline, the masked text, and warnings (W110)."""

    text: str
    masked: str
    pipeline: Pipeline
    commands: frozenset[str]  # all that the text names and the language knows
    warnings: tuple[Fault, ...]
    faults: tuple[Fault, ...]  # unknown options: told together with the binder's
    end: int  # where the pipeline ends: at its closing bracket, or with the text


def cut(text: str, commands: Lookup, start: int = 0, opened: int | None = None) -> Cut:
    """Cuts what stands from `start` to the end, or to the bracket that closes the one at `opened`.

    Raises E101, E102, E201 (no command), E203, E204, E311; collects E310.
    """
    cutter = _Cutter(text, commands, start)
    pipeline, end = cutter.pipeline(start, "", opened=opened)
    named = frozenset(cutter.named)
    return Cut(text, "".join(cutter.masked), pipeline, named, tuple(cutter.warnings), tuple(cutter.faults), end)


def masked_expression(text: str, start: int, end: int, commands: Lookup) -> str:
    """What stands between two offsets, masked: no pipeline, but one expression. E201 at what ends it early."""
    cutter = _Cutter(text[:end], commands, start)
    stop, subqueries = cutter.body(start, "")
    at = min(subqueries, default=stop)
    if at < end:
        cutter.fail("E201", f"'{text[at]}' is not expected here", Span(at, at + 1))
    return "".join(cutter.masked[start:end])


def named_value(masked: str, key: re.Match[str]) -> str:
    """For `x=sum(a)`: here the name follows."""
    call = re.compile(r"\w+\([^()]*\)").match(masked, key.end())
    return f"a name follows what it names: {call[0]} as {key[1]}" if call else ""


@dataclass(slots=True)
class _Cutter:
    text: str
    commands: Lookup
    start: int = 0
    masked: list[str] = field(init=False)
    warnings: list[Fault] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    named: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.masked = list(self.text)

    def fail(self, code: str, message: str, span: Span, stage: str = "", **more: object) -> NoReturn:
        raise error(self.text, [Fault(code=code, message=message, span=span, stage=stage, **more)])  # type: ignore[arg-type]

    def pipeline(self, start: int, prefix: str, opened: int | None) -> tuple[Pipeline, int]:
        """Cuts from `start` to the closing bracket of `opened`, or to the end of the text."""
        stages: list[Stage] = []
        pos, number, explain = start, 0, ""
        while True:
            number += 1
            name = f"{prefix}{number}"
            begin = self.skip_blank(pos)
            if self.text.startswith("#", begin):
                pos = self.comment(begin, name, first=not stages, nested=opened is not None)
                if not stages and not self.at_end_of_stage(pos):
                    number -= 1  # the comment ended at a line that begins the query
                    continue
            else:
                if not stages and (mode := self.explain_prefix(begin)):
                    explain, begin = mode[0], self.skip_blank(mode[1])
                sql = self.foreign_begin(begin)
                pos, subqueries = self.body(begin, name) if sql is None else (self.foreign_end(sql), {})
                if not "".join(self.masked[begin:pos]).strip():
                    if opened is not None and pos >= len(self.text):
                        self.fail("E204", "'[' is never closed", Span(opened, opened + 1), prefix.rstrip("."))
                    low = max(self.start, min(begin, pos) - (begin >= len(self.text)))
                    at = Span(low, min(len(self.text), begin + 1))
                    doubled = self.text[begin : begin + 1] == "|" and self.text[begin - 1 : begin] == "|" and begin > 0
                    if not "".join(self.masked[self.start :]).strip() and opened is None:
                        begins = "it begins with a source, such as textfile PATH or table NAME"
                        self.fail("E203", "the query is empty", Span(self.start, self.start), "",
                                  hint=f"a pipeline follows the header: {begins}" if self.start else begins)  # fmt: skip
                    hint = "remove the pipe, or write a command after it"
                    if doubled:
                        hint = "'||' is no operator; concat(a, b) joins texts"
                    elif opened is not None and not stages and self.text[pos] == "]":
                        hint = "stages stand in the brackets, such as [ table NAME ]"
                    self.fail("E203", "empty stage", at, name, suggestions=("or",) if doubled else (), hint=hint)
                made = self.stage(begin, pos, name, subqueries)
                stages.append(made if sql is None else replace(made, foreign=Span(sql, made.span.end)))
            if pos >= len(self.text):
                if opened is not None:
                    self.fail("E204", "'[' is never closed", Span(opened, opened + 1), prefix.rstrip("."))
                break
            if self.text[pos] == "]":
                if opened is None:
                    self.fail("E204", "']' closes nothing", Span(pos, pos + 1), name)
                break
            pos += 1  # the pipe
        return Pipeline(tuple(stages), Span(start, pos), explain), pos

    def explain_prefix(self, begin: int) -> tuple[str, int] | None:
        found = re.compile(r"explain\s+(?:(analyze)\s+)?(?=[^\W\d\[#])(?!\w+=)").match(self.text, begin)
        if found is None or re.compile(r"analyze=").match(self.text, found.end()):
            return None
        return ("analyze" if found[1] else "plan"), found.end()

    def skip_blank(self, pos: int) -> int:
        while pos < len(self.text):
            c = self.text[pos]
            if c == "/" and self.line_comment(pos):
                pos = self.blank_line_comment(pos)
            elif c.isspace() or c in "\ufeff\u200b":
                self.masked[pos] = c.translate(PASTED)
                pos += 1
            else:
                break
        return pos

    def line_comment(self, pos: int) -> bool:
        """`//` at the start of a line or after white space, and before white space (or the end)."""
        text = self.text
        return (
            text.startswith("//", pos)
            and (pos == 0 or text[pos - 1].isspace())
            and (pos + 2 >= len(text) or text[pos + 2].isspace() or text[pos + 2] == "/")
        )

    def blank_line_comment(self, pos: int) -> int:
        end = self.text.find("\n", pos)
        end = len(self.text) if end < 0 else end
        self.masked[pos:end] = " " * (end - pos)
        return end

    def at_end_of_stage(self, pos: int) -> bool:
        return pos >= len(self.text) or self.text[pos] in "|｜]"

    def comment(self, begin: int, number: str, *, first: bool, nested: bool) -> int:
        """A comment stage. Quotes mean nothing in it; brackets that balance are passed over."""
        if not self.text[begin + 1 : begin + 2].isspace() and begin + 1 < len(self.text):
            self.fail("E101", "'#' needs a blank after it to begin a comment", Span(begin, begin + 1), number)
        for brackets in (
            True,
            False,
        ):  # a lone `[` in prose must not swallow the query: then brackets count for nothing
            depth, pos = 0, begin
            while found := COMMENT_STOP.search(self.text, pos):
                c, pos = found[0], found.end()
                if c == "\n":
                    word = WORD.match(self.text, self.skip_spaces(pos))
                    if word and depth == 0 and first and self.leads(word[0]):
                        return self.end_comment(begin, word.start())
                    if word and depth == 0 and not first and word[0] in self.commands.names():
                        span = Span(*word.span())
                        self.warnings.append(
                            Fault(code="W110", message=f"this line is part of the comment above it: '{word[0]}' does not run",
                                  span=span, stage=number, hint="end the comment with '|'")
                        )  # fmt: skip
                elif c == "[":
                    depth += brackets
                elif c == "]" and depth:
                    depth -= 1
                elif c == "]" and not nested:
                    continue
                elif c == "]" or depth == 0:
                    return self.end_comment(begin, found.start())
            if depth == 0:
                break
        return self.end_comment(begin, len(self.text))

    def end_comment(self, begin: int, end: int) -> int:
        for i in range(begin, end):
            self.masked[i] = " "
        return end

    def bracket_hint(self, begin: int) -> str:
        """Square brackets hold a subquery; what was meant where they hold a value."""
        before = self.text[: self.text.rfind("[", 0, begin)]
        if re.search(r"\bin\s*\Z", before):
            return "a list of values stands in parentheses: in (1, 2)"
        if name := re.search(r"[^\W\d][\w.]*\Z", before):
            return f"square brackets hold a subquery; an element is valueof({name[0]}, 0)"
        return "square brackets hold a subquery; a list is array(1, 2)"

    def skip_spaces(self, pos: int) -> int:
        while pos < len(self.text) and self.text[pos] in " \t":
            pos += 1
        return pos

    def leads(self, word: str) -> bool:
        return word in LEADERS or self.commands.is_source(word)

    def body(self, begin: int, number: str) -> tuple[int, dict[int, Pipeline]]:
        """Finds the end of the stage that begins here; masks on the way."""
        pos, subqueries = begin, dict[int, Pipeline]()
        if word := HEADER_WORD.match(self.text, begin):  # a body of `def` may begin with a pipe
            self.fail("E201", f"'{word[0]}' stands before the query, in its header", Span(*word.span()), number)
        while found := STOP.search(self.text, pos):
            at, c = found.start(), found[0]
            if c in "|｜]":
                if c == "｜":
                    self.masked[at] = "|"
                return at, subqueries
            if c == "[":
                nth = len(subqueries)  # stages of a second subquery are `3b.1`, `3b.2`
                inner, close = self.pipeline(at + 1, f"{number}{chr(ord('a') + nth) if nth else ''}.", opened=at)
                subqueries[at] = inner
                self.masked[at + 1 : close] = " " * (close - at - 1)
                pos = close + 1
            elif c == "/":
                pos = self.blank_line_comment(at) if self.line_comment(at) else at + 1
            elif c in QUOTED:
                if c in SINGLE and at > 0 and (self.text[at - 1].isalnum() or self.text[at - 1] == "_"):
                    pos = at + 1  # an apostrophe within a word
                    continue
                whole = QUOTED[c].match(self.text, at)
                if whole is None:
                    self.fail("E102", f"{c} is never closed", Span(at, at + 1), number)
                ascii_quote = "`" if c == "`" else '"' if c in DOUBLE else "'"
                self.masked[at] = self.masked[whole.end() - 1] = ascii_quote
                pos = whole.end()
            else:
                self.masked[at] = c.translate(PASTED)
                pos = at + 1
        return len(self.text), subqueries

    def foreign_begin(self, begin: int) -> int | None:
        """Where SQL begins that stands as it is; None: it is no such stage, or the SQL stands in quotes."""
        word = WORD.match(self.text, begin)
        if word is None or not self.commands.takes_foreign(word[0]):
            return None
        at = self.skip_blank(word.end())
        while (key := OPTION.match(self.text, at)) and (value := VALUE.match(self.text, key.end())):
            at = self.skip_blank(value.end())
        profile = PROFILE.match(self.text, at)
        at = self.skip_blank(profile.end()) if profile else len(self.text)
        return None if self.at_end_of_stage(at) or self.text[at] in QUOTED or self.text[at] == "$" else at

    def foreign_end(self, begin: int) -> int:
        """The pipe, or the closing bracket, behind SQL; the SQL is masked as one string."""
        from .sqltext import sql_end

        end = sql_end(self.text, begin)
        last = begin + len(self.text[begin:end].rstrip())
        if last - begin > 1:
            self.masked[begin:last] = ["'", *"x" * (last - begin - 2), "'"]
        return end

    def stage(self, begin: int, end: int, number: str, subqueries: dict[int, Pipeline]) -> Stage:
        masked = "".join(self.masked[begin:end])
        last = begin + len(masked.rstrip())
        word = WORD.match(masked)
        if word is None:
            hint = self.bracket_hint(begin) if "." in number else ""
            self.fail("E201", "a stage begins with a command", Span(begin, begin + 1), number, expected=("a command",),
                      hint=hint)  # fmt: skip
        pos, options = word.end(), list[RawOption]()
        known = self.commands.options(word[0])
        if self.commands.is_known(word[0]):
            self.named.add(word[0])
        while known is not None:
            blank = re.compile(r"\s*").match(masked, pos)
            at = blank.end() if blank else pos
            key = OPTION.match(masked, at)
            if key is None:
                break
            name_span = Span(begin + key.start(1), begin + key.end(1))
            if key[1] not in known and key[1] not in HIDDEN and "*" not in known:
                if self.commands.open_options(word[0]):
                    break
                self.faults.append(Fault(
                    code="E310", message=f"{word[0]} has no option '{key[1]}'", span=name_span, stage=number,
                    command=word[0], suggestions=_meant(word[0], key[1], known), hint=named_value(masked, key),
                    options=self.commands.shown_options(word[0])))  # fmt: skip
            value = VALUE.match(masked, key.end())
            if value is None:
                self.fail("E311", f"option '{key[1]}' has no value", Span(name_span.start, name_span.end + 1), number,
                          command=word[0], hint="no blanks around '='")  # fmt: skip
            options.append(RawOption(key[1], value[0], name_span, Span(begin + value.start(), begin + value.end())))
            pos = value.end()
        return Stage(number, word[0], Span(begin, begin + word.end()), tuple(options),
                     Span(begin + pos, end), masked[pos:], Span(begin, last), subqueries)  # fmt: skip


def _meant(command: str, name: str, known: Sequence[str]) -> tuple[str, ...]:
    from .foreign import option

    return option(command, name) or nearest(name, known, 1)
