"""What the grammar lets stand behind the beginning of a stage: for completion."""

from __future__ import annotations

from typing import Any

from .grammar import grammar
from .parsed import Language
from .syntax_faults import terminal


def expected(body: str, command: str, language: Language) -> frozenset[str]:
    """Names of the terminals that may follow `body`, the positional part of a stage so far; none if it cannot be read.

    `body` ends between two words; comments and the insides of subqueries in it are blank.
    """
    from lark.exceptions import UnexpectedInput

    parser: Any = grammar(language, frozenset([command])).parse_interactive(body, start=language.start(command))
    try:
        parser.exhaust_lexer()
        return frozenset(map(terminal, parser.accepts()))
    except UnexpectedInput:
        return frozenset()


__all__ = ["expected"]
