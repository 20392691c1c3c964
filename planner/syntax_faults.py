"""What is said of a stage that cannot be read: its place, what may stand there, and what was probably meant."""

from __future__ import annotations

import re
from typing import Any

from .foreign import foreign
from .parsed import Language
from .stages import Stage
from .text import Fault, Span

COMPARISONS = ("==", "!=", "<", "<=", ">", ">=", "and", "or", "end of stage")
READABLE = {"NAME": "a name", "BACKQUOTED": "", "PATTERN": "", "STAR_PATTERN": "", "STRING": "a string", "RAW_STRING": "", "NUMBER": "a number", "DURATION": "",
            "PARAM": "", "DOLLAR": "", "TRUE": "", "FALSE": "", "NULL": "", "NOT": "", "NOT_CALL": "", "MINUS": "", "PLUS": "", "LPAR": "(",
            "RPAR": ")", "COMMA": "a comma", "COLON": ":", "EQUAL": "=", "EQ": "==", "NE": "!=", "LT": "<", "LE": "<=", "GT": ">", "GE": ">=", "STAR": "", "SLASH": "",
            "RESERVED": "", "AND": "and", "OR": "or", "IN": "in", "AS": "as", "BY": "by", "WHERE": "where", "FILL": "fill", "OUTPUT": "output", "ROWS": "rows", "FOR": "for", "COLS": "cols",
            "SUBQUERY": "[ subquery ]", "PATH": "a path", "TABLE": "a table", "$END": "end of stage"}  # fmt: skip
RESERVED = frozenset({"and", "or", "not", "by", "as", "where", "true", "false", "null"})
RANK = {name: i for i, name in enumerate(READABLE)}


def terminal(name: str) -> str:
    """Name of a terminal; those of words begin with `_`, so that Lark leaves them out of the tree."""
    return name[1:] if name[:1] == "_" and name[1:] in READABLE else name


def readable(text: str) -> str:
    """In quotes; what cannot be seen by its number."""
    return f"'{text}'" if text.isprintable() else " ".join(f"U+{ord(c):04X}" for c in text)


def syntax_fault(stage: Stage, registry: Language, span: Span, word: str, accepts: set[str]) -> Fault:
    common: dict[str, Any] = {"stage": stage.number, "command": stage.command}
    local = span.start - stage.body.start
    accepts = {terminal(a) for a in accepts}
    is_subquery = len(word) > 1 and word[0] == "["  # masked: its text says nothing
    ours = foreign(stage.command, stage.masked, local, word) if word and not is_subquery else None
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
    shown = "a subquery" if is_subquery else readable(word)
    what = f"{shown} is not expected here" if word else "the stage ends too early"
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
