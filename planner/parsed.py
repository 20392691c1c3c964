"""Stages and queries as they were written, and what parsing must know of the language."""

from __future__ import annotations

from dataclasses import field
from typing import Any, Protocol

from .records import dataclass
from .stages import RawOption
from .text import Fault, Span


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
    def grammar_mark(self) -> str: ...  # a hash of the whole grammar's text, or "" where the rules must be read for it
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
