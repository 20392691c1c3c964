"""Places in the query text, and errors that point at them. Used by every other module; uses none."""

from __future__ import annotations

import difflib
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

NAMES = {
    "E101": "bad-character", "E102": "unclosed-quote", "E104": "bad-escape", "E201": "unexpected-token",
    "E203": "empty-stage", "E204": "unbalanced-bracket", "E301": "unknown-field", "E302": "unknown-command",
    "E303": "product-command", "E304": "unknown-table", "E305": "unknown-function", "E306": "argument-count",
    "E307": "bad-constant", "E308": "no-source", "E309": "later-version", "E310": "unknown-option",
    "E311": "bad-option-value", "E320": "text-as-number", "E330": "incomparable-types", "E340": "which-time-field",
    "E342": "which-step", "E350": "duplicate-column", "E410": "bad-parameter", "E411": "import-cycle",
    "E412": "recursion", "E501": "rejected-value", "E502": "dropped-row", "E503": "overwritten-field",
    "E504": "mixed-column", "E520": "python-raised", "E601": "no-such-file", "E602": "file-exists",
    "E603": "table-mismatch", "E604": "stream-reused", "E605": "unreadable-file", "E610": "service-unreachable",
    "E701": "size-guard", "E702": "out-of-memory", "E703": "timeout", "E704": "cancelled",
    "E705": "not-in-safe-mode", "E901": "internal", "W110": "comment-swallows-stage", "W301": "unknown-field",
    "W320": "text-as-number", "W321": "text-number-key", "W322": "duplicate-lookup-key", "W330": "boolean-count", "W331": "constant-condition",
    "W410": "bad-parameter",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Span:
    """Character offsets into the text as the user gave it; `end` is exclusive."""

    start: int
    end: int

    def to(self, other: Span) -> Span:
        return Span(self.start, other.end)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One error or warning. `stage` is 1-based, `3.1` inside a subquery; comments count as stages."""

    code: str
    message: str
    span: Span
    stage: str = ""
    command: str = ""
    expected: tuple[str, ...] = ()
    suggestions: tuple[str, ...] = ()
    hint: str = ""
    fields: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    samples: tuple[str, ...] = ()
    strict: bool = False
    file: str = ""  # of a saved query; empty for a query string
    text: str | None = None  # that the span is of, where it is not the error's own (see sources)

    @property
    def name(self) -> str:
        return NAMES[self.code]

    @property
    def kind(self) -> str:
        return {"1": "parse", "2": "parse", "3": "bind", "4": "bind", "7": "limit"}.get(self.code[1], "run")


class QueryError(Exception):
    """A fault of a query, or several found by one bind (`faults`); its own fields are those of the first.

    `text` is the whole query, so the caret can be drawn wherever the error ends up.
    """

    def __init__(self, text: str, faults: Sequence[Fault]) -> None:
        super().__init__(text, tuple(faults))  # the arguments, so that it pickles
        self.faults = tuple(faults)
        own = self.faults[0].text if self.faults else None
        self.text = text if own is None else own
        self.notes: tuple[Any, ...] = ()  # of the query up to here, where one was running

    @property
    def first(self) -> Fault:
        return self.faults[0]

    @property
    def code(self) -> str:
        return self.first.code

    @property
    def name(self) -> str:
        return self.first.name

    @property
    def message(self) -> str:
        return self.first.message

    @property
    def span(self) -> Span:
        return self.first.span

    @property
    def stage(self) -> str:
        return self.first.stage

    @property
    def command(self) -> str:
        return self.first.command

    @property
    def hint(self) -> str:
        return self.first.hint

    @property
    def expected(self) -> tuple[str, ...]:
        return self.first.expected

    @property
    def suggestions(self) -> tuple[str, ...]:
        return self.first.suggestions

    @property
    def samples(self) -> tuple[str, ...]:
        return self.first.samples

    @property
    def line(self) -> int:
        return place(self.text, self.span.start)[0]

    @property
    def column(self) -> int:
        return place(self.text, self.span.start)[1]

    @property
    def file(self) -> str:
        return self.first.file

    def __str__(self) -> str:
        return "\n".join(render(self.text, fault) for fault in self.faults)

    def to_dict(self) -> dict[str, Any]:
        return to_dict(self.text, self.first)


class ParseError(QueryError):
    """The text cannot be read (1xx, 2xx)."""


class BindError(QueryError):
    """The text can be read, but names, types or options do not fit (3xx, 4xx)."""


class RunError(QueryError):
    """Data under strict (5xx), or input and output (6xx)."""


class LimitError(QueryError):
    """A limit, the memory or the timeout was reached (7xx)."""


class Cancelled(QueryError):
    """The query was cancelled (E704)."""


_CLASSES: dict[str, type[QueryError]] = {
    "1": ParseError, "2": ParseError, "3": BindError, "4": BindError, "5": RunError, "6": RunError, "7": LimitError,
}  # fmt: skip


def error(text: str, faults: Sequence[Fault]) -> QueryError:
    """The class follows the code of the first fault, whoever found it."""
    code = faults[0].code
    if code == "E704":
        return Cancelled(text, faults)
    if code.startswith("W"):
        return BindError(text, faults)
    return _CLASSES.get(code[1], RunError)(text, faults)


def fault(code: str, message: str, *, hint: str = "", samples: Sequence[str] = (), **more: Any) -> QueryError:
    """An error whose place in the query is not known where it is raised: `locate` adds it on the way up."""
    return error("", [Fault(code=code, message=message, span=Span(0, 0), hint=hint, samples=tuple(samples), **more)])


def locate(found: QueryError, text: str, stage: str, command: str, span: Span) -> QueryError:
    """The same error with its place; one that knows its place already is kept as it is."""
    if found.text:
        return found
    placed = [replace(f, stage=f.stage or stage, command=f.command or command, span=span) for f in found.faults]
    out = error(text, placed)
    out.notes = found.notes
    return out


def place(text: str, offset: int) -> tuple[int, int, str]:
    """Line and column, both 1-based, and the line itself."""
    begin = text.rfind("\n", 0, offset) + 1
    end = text.find("\n", offset)
    return text.count("\n", 0, offset) + 1, offset - begin + 1, text[begin : len(text) if end < 0 else end].rstrip("\r")


def width(text: str) -> int:
    """Cells that a terminal gives to `text`: wide characters take two, combining marks none."""
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def padded(text: str, cells: int) -> str:
    """With blanks up to `cells`; two at least where something follows."""
    return text + " " * max(2, cells - width(text))


def to_dict(text: str, fault: Fault) -> dict[str, Any]:
    line, column, _ = place(text if fault.text is None else fault.text, fault.span.start)
    out: dict[str, Any] = {
        "code": fault.code, "name": fault.name, "kind": fault.kind, "message": fault.message, "stage": fault.stage,
        "command": fault.command, "line": line, "column": column, "span": [fault.span.start, fault.span.end],
        "expected": list(fault.expected), "suggestions": list(fault.suggestions), "fields": list(fault.fields),
        "samples": list(fault.samples),
    }  # fmt: skip
    return out | {name: value for name, value in (("hint", fault.hint), ("file", fault.file)) if value}


def render(text: str, fault: Fault) -> str:
    """The text form of part 9: head line, query line, caret under the whole token, then what may help.

    Of a saved query the head ends with the file and the line. Without a query (a setting, a table that is appended to)
    there is nothing to point at.
    """
    text = text if fault.text is None else fault.text
    number, column, line = place(text, fault.span.start)
    head = f"{fault.code} {fault.message}{' (strict)' if fault.strict else ''}"
    of_file = f"{fault.file}:{number}" if fault.file else ""
    stage = f"stage {fault.stage}" + (f", {fault.command}" if fault.command else "") if fault.stage else ""
    where = ", ".join(w for w in (stage, of_file) if w)
    if where:
        head = f"{padded(head, 65)}{where}" if width(head) < 62 else f"{head}    {where}"
    before, marked = line[: column - 1], line[column - 1 : column - 1 + fault.span.end - fault.span.start]
    pad = "".join("\t" if c == "\t" else " " * width(c) for c in before)
    out = [head, "  " + line, "  " + pad + "^" * max(1, width(marked))] if text.strip() else [head]
    if fault.samples:
        out.append("  sample: " + "; ".join(fault.samples))
    if fault.expected:
        out.append("  expected: " + ", ".join(fault.expected))
    helps = []
    if fault.suggestions:
        helps.append("did you mean: " + ", ".join(fault.suggestions))
    if fault.fields:
        helps.append("fields here: " + ", ".join(fault.fields))
    if fault.options:
        helps.append("options: " + ", ".join(fault.options))
    if fault.hint:
        helps.append("hint: " + fault.hint)
    if helps:
        out.append("  " + "".join(padded(h, 28) if i + 1 < len(helps) else h for i, h in enumerate(helps)))
    return "\n".join(out)


def nearest(word: str, known: Iterable[str], n: int = 3) -> tuple[str, ...]:
    """Names that `word` may have been meant to be, best first."""
    names = list(known)
    folded = [k for k in names if k.lower() == word.lower()]
    return tuple(folded or difflib.get_close_matches(word, names, n=n, cutoff=0.6))
