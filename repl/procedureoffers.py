"""Completion of `proc`: names of procedures, and inside the parentheses parameters and what may be given for them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Set
from typing import TYPE_CHECKING

from ..planner.ast import quote_name
from ..planner.procedures import Procedure
from .cursor import Place
from .offers import Candidate, ranked

if TYPE_CHECKING:
    from .complete import Offers

CALL = re.compile(r"\s*proc\s+(`(?:``|[^`])+`|[^\W\d][\w.@]*)\s*\(", re.S)
TYPED = re.compile(r"(?:([^\W\d]\w*)=)?([\w.@]*)\Z")
STRING = re.compile(r"\"(?:\\\\.|[^\"\\\\])*\"|'(?:''|[^'])*'|`[^`]*`|\([^()]*\)")


class ProcedureOffers:
    """Candidates for one place in a `proc` stage."""

    def __init__(self, offers: Offers, here: Place) -> None:
        self._offers, self._here = offers, here
        self._all = offers.procedures()

    def candidates(self) -> Iterable[Candidate]:
        here = self._here
        call = CALL.match(here.stage)
        if call is None:
            return () if here.quote else ranked(here.word, [("", self._names())])
        name = call[1].strip("`").replace("``", "`") if call[1][0] == "`" else call[1]
        found = self._all.get(name)
        if found is None:
            return ()
        inside = here.stage[call.end() :]
        if here.quote:
            return self._in_quotes(found, inside[: len(inside) - len(here.inside) - 1])
        flat = inside
        while (closed := STRING.sub("x", flat)) != flat:
            flat = closed
        if ")" in flat:
            return ()
        if flat.count("(") or re.search(r"\$\w*\Z", flat):
            return ranked(here.word, [("", self._offers.params(here))]) if re.search(r"\$\w*\Z", flat) else ()
        *done, last = flat.split(",")
        return self._argument(found, done, last)

    def _names(self) -> list[Candidate]:
        """Sources first where a query begins, stages behind them; only what may stand there."""
        wanted = "source" if self._here.is_first else "stage"
        return [
            Candidate(f"{quote_name(n)}(" + ("" if p.params else ")"), 0, "procedure", first_line(p))
            for n, p in self._all.items()
            if p.kind == wanted
        ]

    def _argument(self, found: Procedure, done: list[str], last: str) -> Iterable[Candidate]:
        by_name = {m[1] for part in done if (m := re.match(r"\s*([^\W\d]\w*)=", part))}
        by_place = {p.name for p, part in zip(found.params, done, strict=False) if "=" not in part}
        typed = TYPED.search(last)
        if typed is None:
            return ()
        option, word = typed[1], typed[2]
        if option is not None:
            return ranked(word, [("", self._values(found, option))])
        names = parameters(found, by_name | by_place)
        place = found.params[len(done)].name if len(done) < len(found.params) and not by_name else ""
        return ranked(word, [("", names), ("", self._values(found, place))])

    def _values(self, found: Procedure, name: str) -> list[Candidate]:
        kind = next((p.type for p in found.params if p.name == name), "")
        if kind in ("field", "fields"):
            schema = self._offers.schema(self._here.prefix if self._here.prefix.strip() else self._reads(found))
            return [Candidate(quote_name(n), 0, "field", str(t)) for n, t in (schema.fields if schema else ())]
        if kind == "table":
            return self._offers.tables()
        return [Candidate(w, 0, "value") for w in ("true", "false")] if kind == "bool" else []

    def _reads(self, found: Procedure) -> str:
        """Of a source: the table that it was given, or reads unless it is given another."""
        for i, p in enumerate(found.params):
            if p.type == "table":
                by_name = re.search(rf"\b{p.name}=([\w.@]+|`[^`]+`)", self._here.stage)
                parts = self._here.stage.partition("(")[2].split(",")
                by_place = parts[i].strip() if i + 1 < len(parts) and "=" not in parts[i] else ""
                name = by_name[1] if by_name else by_place or p.written
                return f"table {name}" if re.fullmatch(r"[\w.@]+|`[^`]+`", name) else ""
        return ""

    def _in_quotes(self, found: Procedure, before: str) -> Iterable[Candidate]:
        """Fields in a quoted list of them."""
        option = re.search(r"([^\W\d]\w*)=\Z", before)
        if option is None or not any(p.name == option[1] and p.type == "fields" for p in found.params):
            return ()
        word = self._here.inside.rpartition(",")[2].lstrip()
        return ranked(word, [("", self._values(found, option[1]))])


def parameters(found: Procedure, given: Set[str]) -> list[Candidate]:
    """Required ones first."""
    left = sorted((p for p in found.params if p.name not in given), key=lambda p: p.default is not None)
    return [Candidate(f"{p.name}=", 0, "parameter", f"{p.type} = {p.written}" if p.written else p.type) for p in left]


def first_line(found: Procedure) -> str:
    return found.help.partition("\n")[0]


__all__ = ["ProcedureOffers", "first_line", "parameters"]
