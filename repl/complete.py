"""What may stand at the cursor: commands, options, functions, tables, files, and the fields alive at this pipe.

Knows nothing of the terminal: text in, candidates out. The grammar says what kind of thing may follow; the binder says
which fields there are.
"""

from __future__ import annotations

import re
import time
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..commands.base import load
from ..commands.language import language
from ..engine.parsers import PARSERS
from ..engine.settings import SETTINGS
from ..planner.ast import quote_name
from ..planner.expected import expected
from ..planner.procedures import Procedure
from ..planner.text import QueryError
from ..planner.types import Schema
from ..session import header_end
from .cursor import Place, place
from .offers import Candidate, ranked
from .procedureoffers import ProcedureOffers, first_line, parameters

if TYPE_CHECKING:
    from ..session import Session

FRESH_S = 10.0
ENDING = re.compile(r"[^\s\"'`|\[\]]*\Z")
KEYWORDS = {"BY": "by", "AS": "as", "WHERE": "where", "AND": "and", "OR": "or", "IN": "in", "NOT": "not", "OUTPUT": "output", "FILL": "fill",
            "FOR": "for", "TRUE": "true", "FALSE": "false", "NULL": "null"}  # fmt: skip
SOURCES = ("table", "textfile", "csvfile", "jsonfile", "parquetfile", "json", "set", "explain")
STAGES = ("search", "stats", "eval", "sort", "fields", "limit", "timechart", "parse", "rex", "where", "rename", "head")
AGGREGATES = ("count", "sum", "avg", "min", "max", "dc", "median", "first", "last", "values")
FUNCTIONS = (
    "if",
    "case",
    "isnull",
    "isnotnull",
    "in",
    "concat",
    "long",
    "double",
    "string",
    "date",
    "datetrunc",
    "round",
    "len",
    "lower",
    "match",
    "nvl",
)
DURATION_KINDS = ("duration", "durations", "number or duration")
DURATIONS = ("1m", "5m", "10m", "1h", "1d", "1w", "1mon")
META = (
    "help",
    "mode",
    "notes",
    "timer",
    "tables",
    "schema",
    "explain",
    "stats",
    "set",
    "open",
    "read",
    "run",
    "output",
    "quit",
)


class Offers:
    """Candidates for one session. Remembers the fields behind each pipeline for some seconds."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self._schemas: OrderedDict[str, tuple[float, Schema]] = OrderedDict()
        self._found: tuple[float, str, dict[str, Procedure]] | None = None
        self._header = ""  # of the query that is being written
        load()

    def forget(self) -> None:
        """After a query ran: tables and files may have changed."""
        self._schemas.clear()
        self._found = None

    def at(self, before: str) -> list[Candidate]:
        """Candidates for the end of `before`, best first, each once."""
        return list(OrderedDict((c.text, c) for c in self._at(before)).values())

    def _at(self, before: str) -> Iterable[Candidate]:
        from .meta import after_meta

        word = before.lstrip()
        if word.startswith("."):
            if " " not in word:
                return ranked(word[1:], [("", [Candidate("." + m, 0, "meta") for m in META])], len(word))
            query = after_meta(word)
            return self._at(query) if query is not None else self._argument(word)
        if found := re.match(r"help\s+(\S*)\Z", word):
            names = [*self._commands(SOURCES + STAGES, lambda c: True), *self._aggregates(), *self._functions()]
            names += [Candidate(n, 0, "procedure") for n in self.procedures()]
            return ranked(found[1], [("", [replace(c, text=c.text.rstrip("(")) for c in names])])
        self._header = before[: header_end(before)]
        return self._in_query(place(before[len(self._header) :]))

    # in a query

    def _in_query(self, here: Place) -> Iterable[Candidate]:
        if here.in_comment:
            return ()
        if here.is_command and not here.quote:
            return ranked(here.stage.strip(), [("", self._stages(here))])
        command = self.session.registry.commands.get(here.command)
        if command is None:
            return ()
        if command.name == "proc":
            return ProcedureOffers(self, here).candidates()
        options, rest = here.options()
        if (open_option := re.match(r"\s+([^\W\d][\w.]*)=([^\s]*)\Z", rest)) and command.options is not None:
            return self._values(command, open_option[1], here)
        return self._positional(command, here, rest, options)

    def _stages(self, here: Place) -> list[Candidate]:
        if not here.is_first:
            return self._commands(STAGES, lambda c: not c.source and not c.control)
        found = self._commands(SOURCES, lambda c: c.source or c.control or c.anywhere)
        if not any(c.text == "explain" for c in found):
            found.insert(0, Candidate("explain", 0, "command", "show how a query will run"))
        return found

    def _commands(self, first: Sequence[str], wanted: Any) -> list[Candidate]:
        names = {n: c for n, c in self.session.registry.commands.items() if wanted(c)}
        return [Candidate(n, 0, "command", names[n].summary) for n in common_first(names, first)]

    def _positional(self, command: Any, here: Place, rest: str, options: Mapping[str, str]) -> Iterable[Candidate]:
        word = here.word
        body = rest[: len(rest) - len(word)] if not here.quote else rest[: len(rest) - len(here.inside) - 1]
        follows = expected(body, command.name, language())
        if here.quote:
            return self._quoted(here, follows)
        if body.endswith("$"):
            return ranked(word, [("", self.params(here))])
        path = (ENDING.search(rest) or [""])[0]
        if "PATH" in expected(rest[: len(rest) - len(path)], command.name, language()):
            is_option = word and rest.strip() == word
            return [
                *(ranked(word, [("", _options(command, options))]) if is_option else ()),
                *_paths(path, self.session),
            ]
        groups: list[tuple[str, list[Candidate]]] = []
        if "TABLE" in follows:
            groups.append(("table", self.tables()))
        elif "NAME" in follows and (not re.search(r"\bas\s+\Z", body) or _is_input(command, body)):
            groups += self._names(command, here, body, follows)
        if not body.strip() and command.options:
            groups.insert(1 if not word else 0, ("option", _options(command, options)))
        if word or "NAME" not in follows:
            groups.append(("keyword", [Candidate(k, 0, "keyword") for t, k in KEYWORDS.items() if t in follows]))
        return ranked(word, groups)

    def _names(
        self, command: Any, here: Place, body: str, follows: frozenset[str]
    ) -> list[tuple[str, list[Candidate]]]:
        """What a bare word may be here."""
        if command.name == "parse":
            return [("parser", [Candidate(n, 0, "parser", p.summary) for n, p in PARSERS.items()])]
        if command.name == "system":
            from ..commands.system import HERE

            return [("word", [Candidate(w, 0, "word") for w in HERE])] if not body.strip() else []
        if command.name == "set" and not body.strip():
            return [
                (
                    "setting",
                    [
                        Candidate(f"option.{n}", 0, "setting", s.summary)
                        for n, s in SETTINGS.items()
                        if not s.connect_only
                    ],
                )
            ]
        if re.search(r"\bfill\s+\Z", body) and (fills := next((o for o in command.options if o.name == "fill"), None)):
            return [("value", [Candidate(w, 0, "value") for w in fills.words])]
        is_field = "STAR_PATTERN" in follows
        is_value = "NUMBER" in follows
        if is_value and _begins_aggregate(command, body):
            return [("aggregate", self._aggregates())]
        if not is_field and not is_value and command.name != "eval":
            return []
        schema = self._schema_at(command, here, body)
        fields = [Candidate(_written(n, is_field), 0, "field", str(t)) for n, t in (schema.fields if schema else ())]
        return [("field", fields), *([("function", self._functions())] if is_value else [])]

    def _schema_at(self, command: Any, here: Place, body: str) -> Schema | None:
        """The fields that the stage sees; behind a comma of `eval` also those that it made."""
        if command.name == "eval" and "," in body:
            found = self.schema(f"{here.prefix} | eval {body.rpartition(',')[0]}")
            if found is not None:
                return found
        if command.name == "lookup":
            name, _, after = body.strip().partition(" ")
            if not after.strip() or re.search(r"\boutput\b", after):  # its key, and what it gives
                return self.schema(f"table {name}")
        return self.schema(here.prefix)

    def schema(self, prefix: str) -> Schema | None:
        """The fields that come out of a pipeline; None if it cannot be bound."""
        if not prefix.strip():
            return None
        prefix = f"{self._header}\n{prefix}" if self._header else prefix
        now = time.monotonic()
        held = self._schemas.get(prefix)
        if held is not None and now - held[0] < FRESH_S:
            return held[1]
        try:
            found = self.session.query(prefix).known
        except QueryError:
            return None
        self._schemas[prefix] = (now, found)
        if len(self._schemas) > 64:
            self._schemas.popitem(last=False)
        return found

    def _quoted(self, here: Place, follows: frozenset[str]) -> Iterable[Candidate]:
        if re.search(r"\$\(\s*\Z", here.stage[: len(here.stage) - len(here.inside) - 1]):
            return ranked(here.inside, [("", self.params(here))])
        if here.quote == "`" and "TABLE" in follows:
            names = [c.text for c in self.tables() if c.text.startswith(here.inside)]
            return [Candidate(quote_name(n).strip("`") + "`", len(here.inside), "table") for n in names]
        if here.quote == "`":
            schema = self.schema(here.prefix) if follows & {"BACKQUOTED"} else None
            names = [n for n, _ in (schema.fields if schema else ()) if n.startswith(here.inside)]
            return [Candidate(quote_name(n).strip("`") + "`", len(here.inside), "field") for n in names]
        return _paths(here.inside, self.session) if "PATH" in follows else ()

    def _values(self, command: Any, option: str, here: Place) -> Iterable[Candidate]:
        found = next((o for o in command.options if o.name == option), None)
        if found is None or here.quote:
            return ()
        if words := found.kind if isinstance(found.kind, tuple) else found.words:
            return ranked(here.word, [("", [Candidate(w, 0, "value") for w in words])])
        if found.kind == "bool":
            return ranked(here.word, [("", [Candidate(w, 0, "value") for w in ("t", "f")])])
        if found.kind in DURATION_KINDS:
            return ranked(here.word, [("", [Candidate(d, 0, "value") for d in DURATIONS])])
        if found.kind in ("field", "fields"):
            schema = self.schema(here.prefix)
            return ranked(
                here.word,
                [("", [Candidate(quote_name(n), 0, "field", str(t)) for n, t in (schema.fields if schema else ())])],
            )
        return ()

    # what there is

    def procedures(self) -> dict[str, Procedure]:
        """What `proc` can call here; files are looked for again after some seconds."""
        now = time.monotonic()
        if self._found is None or now - self._found[0] > FRESH_S or self._found[1] != self._header:
            try:
                found = self.session.procedures(self._header)
            except QueryError:
                found = {}
            kept = {n: p for n, p in found.items() if not isinstance(p, QueryError)}
            self._found = (now, self._header, kept)
        return self._found[2]

    def _functions(self) -> list[Candidate]:
        found = {
            n: f
            for n, f in self.session.registry.functions.items()
            if n[0].isalpha() and (not f.operator or n in ("in", "not"))
        }
        return [Candidate(n + "(", 0, "function", found[n].summary) for n in common_first(found, FUNCTIONS)]

    def _aggregates(self) -> list[Candidate]:
        found = {n: f for n, f in self.session.registry.aggregates.items() if not re.fullmatch(r"p\d+", n)}
        return [
            Candidate(n if n in ("count", "c") else n + "(", 0, "aggregate", found[n].summary)
            for n in common_first(found, AGGREGATES)
        ]

    def tables(self) -> list[Candidate]:
        try:
            stored = self.session.tables()
        except QueryError:
            stored = []
        return [Candidate(n, 0, "table") for n in sorted({*stored, *self.session.services().objects})]

    def params(self, here: Place) -> list[Candidate]:
        names = re.findall(r"(?:^|\|)\s*set\s+([^\W\d]\w*)\s*=", here.prefix)
        for found in re.finditer(r"(?:^|\|)\s*setq\s*\[", here.prefix):
            schema = self.schema(_bracketed(here.prefix[found.end() :]))
            names += schema.names() if schema is not None else ()
        return [Candidate(n, 0, "parameter") for n in dict.fromkeys(names)]

    def _argument(self, text: str) -> Iterable[Candidate]:
        """Behind a `.` command that takes no query."""
        from .output import BINARY
        from .shared import FORMATS

        meta, _, word = text.partition(" ")
        match meta:
            case ".mode":
                return ranked(word, [("", [Candidate(f, 0, "format") for f in FORMATS if f not in BINARY])])
            case ".set":
                return ranked(
                    word,
                    [("", [Candidate(n, 0, "setting", s.summary) for n, s in SETTINGS.items() if not s.connect_only])],
                )
            case ".timer":
                return ranked(word, [("", [Candidate(w, 0, "value") for w in ("on", "off")])])
            case ".read" | ".run" if " " in word:
                return self._saved_params(word)
            case ".run":
                names = [Candidate(n, 0, "procedure", first_line(p)) for n, p in self.procedures().items() if p.is_main]
                return [*ranked(word, [("", names)]), *_paths(word, self.session)]
            case ".read" | ".open" | ".output":
                return _paths(word, self.session)
        return ()

    def _saved_params(self, text: str) -> Iterable[Candidate]:
        """Behind the file of `.read` and `.run`: parameters that are not given yet."""
        file, _, rest = text.partition(" ")
        word = rest.rpartition(" ")[2]
        try:
            found = self.session.described(file)
        except QueryError:
            return ()
        given = set(re.findall(r"(?:^|\s)([^\W\d]\w*)=", rest[: len(rest) - len(word)]))
        return ranked(word, [("", parameters(found, given))]) if "=" not in word else ()


def common_first(names: Iterable[str], first: Sequence[str]) -> list[str]:
    known = set(names)
    return [*(n for n in first if n in known), *sorted(known - set(first))]


def _begins_aggregate(command: Any, body: str) -> bool:
    """Whether an aggregate is to be named: at the beginning or behind a comma, before `by`, in no bracket."""
    if not re.match(r"(aggs|filled)\b", command.grammar or ""):
        return False
    flat = body
    while (closed := re.sub(r"\"(?:\\.|[^\"\\])*\"|'(?:''|[^'])*'|\([^()]*\)", "x", flat)) != flat:
        flat = closed
    return "(" not in flat and not re.search(r"\bby\s", flat) and (not flat.strip() or flat.rstrip().endswith(","))


def _written(name: str, is_field: bool) -> str:
    """Where a field stands, the name of an aggregate needs no quotes."""
    return name if is_field and re.fullmatch(r"[^\W\d]\w*\([\w., ]*\)", name) else quote_name(name)


def _options(command: Any, given: Mapping[str, str]) -> list[Candidate]:
    shown = [o for o in command.options or () if not o.hidden and o.tier == 1 and o.name not in given]
    return [Candidate(o.name + "=", 0, "option", o.summary) for o in shown]


def _paths(word: str, session: Session) -> Iterator[Candidate]:
    """Files that a path may go on with, below the roots that the session allows."""
    folder, slash, start = word.rpartition("/")
    gate, base = session.services().gate, Path(folder + slash or ".")
    try:
        found = sorted([(n, True) for n in gate.folders(base)] + [(n, False) for n, _ in gate.list(base)])
    except (QueryError, OSError):
        return
    for name, is_folder in found:
        if name.startswith(start) and (start.startswith(".") or not name.startswith(".")):
            yield Candidate(name + ("/" if is_folder else ""), len(start), "path")


__all__ = ["Candidate", "Offers"]


def _is_input(command: Any, body: str) -> bool:
    """Whether a name behind `as` is that of a field which is there."""
    return bool(command.name == "lookup" and not re.search(r"\boutput\b", body))


def _bracketed(text: str) -> str:
    """Up to the bracket that closes what was opened before `text`; strings are passed over."""
    depth = 1
    for found in re.finditer(r"""\[|\]|"(?:\\.|[^"\\])*"|'(?:''|[^'])*'""", text):
        depth += {"[": 1, "]": -1}.get(found[0], 0)
        if not depth:
            return text[: found.start()]
    return text
