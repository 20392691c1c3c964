"""Options of commands: what `key=value` may hold, as values. The binder converts and checks; help prints them."""

from __future__ import annotations

from typing import Any

from .records import dataclass

# kinds of values; the Python value that a command gets is in brackets
BOOL = "bool"  # t f true false (bool)
INT = "whole number"  # (int)
INTS = "whole numbers"  # comma list, or an array in a parameter (tuple of int)
NUMBER = "number"  # (int or float)
TEXT = "text"  # (str)
DELIMITER = "delimiter"  # text whose escapes are read, as those of strings are: "\t" is a tab (str)
RAW = "pattern"  # as TEXT, raw in both quotes (str)
DURATION = "duration"  # (ast.Duration)
OFFSET = "distance in time"  # a duration with or without a minus in front (ast.Duration, whose length may be negative)
DURATIONS = "durations"  # comma list, or an array in a parameter (tuple of ast.Duration)
TIME = "time"  # compact, ISO, or an expression through a parameter (int: UTC microseconds)
FIELD = "field"  # (str)
FIELDS = "fields"  # comma list (tuple of str)
NUMBERS = "numbers"  # comma list, or an array in a parameter (tuple of float or None)
VALUES = "values"  # comma list of anything, as written, or an array in a parameter (tuple of str)
LITERAL = "literal"  # number, text, true, null ... (expr.Literal)
NUMBER_OR_DURATION = "number or duration"
ZONE = "zone"  # IANA name (str)
ENCODING = "encoding"  # (str)
PATH = "path"  # (str)


@dataclass(frozen=True, slots=True)
class Option:
    """One option of a command. `kind`: one of the words above, or a tuple of the words it may be."""

    name: str
    kind: str | tuple[str, ...]
    summary: str
    default: Any = None
    least: int | None = None  # of whole numbers
    tier: int = 1  # later ones answer E309
    hidden: bool = False
    words: tuple[str, ...] = ()  # that it may be beside other values: completion offers them

    @property
    def shown_kind(self) -> str:
        return self.kind if isinstance(self.kind, str) else "{" + ",".join(self.kind) + "}"
