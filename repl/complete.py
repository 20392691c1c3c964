"""What may stand at the cursor: commands, options, functions, tables, files, and the fields alive at this pipe.

Knows nothing of the terminal: text in, candidates out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ..commands.base import REGISTRY, load
from ..engine.parsers import PARSERS
from ..planner.ast import quote_name
from ..planner.text import QueryError
from ..planner.types import Schema

if TYPE_CHECKING:
    from ..session import Session

WORD = re.compile(r"[\w.$@`-]*\Z")
OPTION_VALUE = re.compile(r"([^\W\d]\w*)=([\w.]*)\Z")
PATH_WORD = re.compile(r"[^\s\"'|\[\]]*\Z")
META = (
    ".help",
    ".mode",
    ".notes",
    ".timer",
    ".tables",
    ".schema",
    ".explain",
    ".stats",
    ".set",
    ".open",
    ".read",
    ".output",
    ".quit",
)
WITH_AGGREGATES = frozenset({"stats", "timechart"})
WITH_FIELDS_ONLY = frozenset({"fields", "sort", "rename"})
WITH_PATH = frozenset({"textfile", "csvfile", "jsonfile", "parquetfile", "outputcsv", "outputjson", "outputparquet"})
WITH_TABLE = frozenset({"table", "import", "drop-table"})


@dataclass(frozen=True, slots=True)
class Candidate:
    """`text` replaces the last `replaces` characters before the cursor; `kind` is shown beside it."""

    text: str
    replaces: int
    kind: str
    about: str = ""


def candidates(before: str, session: Session) -> list[Candidate]:
    """Candidates for the end of `before`, best first."""
    load()
    if before.startswith(".") and " " not in before:
        return [Candidate(m, len(before), "meta") for m in META if m.startswith(before)]
    stage, prefix = last_stage(before)
    body = stage.lstrip()
    if in_string(body):
        return []
    command = re.match(r"[^\W\d][\w-]*", body)
    if command is None or command.end() == len(body):
        return list(_commands(body, first=not prefix.strip()))
    return list(_within(command[0], body, prefix, session))


def last_stage(before: str) -> tuple[str, str]:
    """The stage at the cursor and the pipeline before it, also inside a subquery."""
    levels = [(0, 0)]  # of each open bracket: where its pipeline begins, where its last stage begins
    quote, i = "", 0
    while i < len(before):
        c = before[i]
        if quote:
            if c == "\\" and quote == '"':
                i += 1
            elif c == quote:
                quote = ""
        elif c in '"`' or (c == "'" and not before[i - 1 : i].isalnum()):
            quote = c
        elif c == "|":
            levels[-1] = (levels[-1][0], i + 1)
        elif c == "[":
            levels.append((i + 1, i + 1))
        elif c == "]" and len(levels) > 1:
            levels.pop()
        i += 1
    begin, at = levels[-1]
    return before[at:], before[begin : at - 1] if at > begin else ""


def in_string(text: str) -> bool:
    bare = re.sub(r'"(?:\\.|[^"\\])*"|(?<!\w)\'(?:\'\'|[^\'])*\'', "", text)
    return '"' in bare or re.search(r"(?<!\w)'", bare) is not None


def _commands(word: str, *, first: bool) -> Iterator[Candidate]:
    for name, command in sorted(REGISTRY.commands.items()):
        fits = command.source or command.control if first else not command.source
        if fits and name.startswith(word):
            yield Candidate(name, len(word), "command", command.summary)
    if first and "explain".startswith(word) and "explain" not in REGISTRY.commands:
        yield Candidate("explain", len(word), "command")


def _within(name: str, body: str, prefix: str, session: Session) -> Iterator[Candidate]:
    command = REGISTRY.commands.get(name)
    if command is None:
        return
    schema = schema_before(prefix, session)
    if value := OPTION_VALUE.search(body):
        yield from _option_values(command, value[1], value[2], schema)
        return
    if name in WITH_PATH:
        path = PATH_WORD.search(body)
        yield from _paths(path[0] if path else "")
    word = (WORD.search(body) or [""])[0]
    if name in WITH_TABLE:
        yield from _tables(word, session)
    if name == "parse":
        yield from (Candidate(p, len(word), "parser", PARSERS[p].summary) for p in PARSERS if p.startswith(word))
    fields = list(_fields(word, schema))
    after_by = re.search(r"\bby\s+[^|]*\Z", body) is not None
    if name in WITH_AGGREGATES and not after_by:
        yield from _calls(word, REGISTRY.aggregates, "aggregate")
    yield from fields
    if _at_options(body, name):
        for o in command.options or ():
            if not o.hidden and o.tier == 1 and o.name.startswith(word):
                yield Candidate(o.name + "=", len(word), "option", o.summary)
    if (
        command.grammar
        and ("expr" in command.grammar or "assigns" in command.grammar or "aggs" in command.grammar)
        and word
    ):
        yield from _calls(word, REGISTRY.functions, "function")
    for keyword in ("by", "as", "where", "and", "or", "not", "in"):
        if word and keyword.startswith(word) and keyword in (command.grammar or "") + "and or not in as":
            yield Candidate(keyword, len(word), "keyword")


def _at_options(body: str, name: str) -> bool:
    """Options stand between the command and its positional part."""
    return re.fullmatch(rf"{re.escape(name)}(\s+[^\W\d]\w*=(\"[^\"]*\"|'[^']*'|[^\s\"']+))*\s+\w*", body) is not None


def _option_values(command: object, option: str, word: str, schema: Schema | None) -> Iterator[Candidate]:
    found = next((o for o in getattr(command, "options", None) or () if o.name == option), None)
    if found is None:
        return
    if isinstance(found.kind, tuple):
        choices: Sequence[str] = found.kind
    elif found.kind == "bool":
        choices = ("t", "f")
    elif found.kind in ("field", "fields"):
        yield from _fields(word, schema)
        return
    else:
        return
    yield from (Candidate(c, len(word), "value") for c in choices if c.startswith(word))


def _fields(word: str, schema: Schema | None) -> Iterator[Candidate]:
    bare = word.lstrip("-`")
    for name, type_ in schema.fields if schema is not None else ():
        if name.lower().startswith(bare.lower()):
            yield Candidate(quote_name(name), len(word.lstrip("-")), "field", str(type_))


def _calls(word: str, found: object, kind: str) -> Iterator[Candidate]:
    for name, f in sorted(found.items()):  # type: ignore[attr-defined]
        if name[0].isalpha() and name.startswith(word) and not (name[0] == "p" and name[1:].isdigit()):
            yield Candidate(name if name in ("count", "c") else name + "(", len(word), kind, f.summary)


def _tables(word: str, session: Session) -> Iterator[Candidate]:
    names = [*session.tables(), *session.services().objects]
    yield from (Candidate(n, len(word), "table") for n in sorted(set(names)) if n.startswith(word))


def _paths(word: str) -> Iterator[Candidate]:
    folder, _, start = word.rpartition("/")
    base = Path(folder or ("/" if word.startswith("/") else "."))
    try:
        found = sorted(base.iterdir())
    except OSError:
        return
    for p in found[:500]:
        if p.name.startswith(start) and (start.startswith(".") or not p.name.startswith(".")):
            yield Candidate(p.name + ("/" if p.is_dir() else ""), len(start), "path")


def schema_before(prefix: str, session: Session) -> Schema | None:
    """The fields that come out of the pipeline before the cursor; None if it cannot be bound."""
    if not prefix.strip():
        return None
    try:
        return session.query(prefix).plan.schema
    except QueryError:
        return None
