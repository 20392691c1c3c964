"""SQL among stages: where it ends, and where it names parameters. Its strings and comments are passed over."""

from __future__ import annotations

import re
from collections.abc import Iterator

PIECE = re.compile(
    r"""
    (?P<escaped>\b[eE]'(?:\\.|''|[^'\\])*')     # PostgreSQL's strings with escapes
  | (?P<string>'(?:''|[^'])*')
  | (?P<name>"(?:""|[^"])*" | `[^`]*`)
  | (?P<line>--[^\n]*)
  | (?P<block>/\*)
  | (?P<dollars>\$(?P<tag>(?:[^\W\d]\w*)?)\$.*?\$(?P=tag)\$)
  | (?P<concat>\|\|)
  | (?P<semicolon>;)
  | (?P<pipe>[|\uff5c])
  | (?P<bracket>[\[\]])
  | (?P<cast>::)
  | (?P<param>(?<![\w.\])"'`:]):(?P<word>[^\W\d]\w*))
    """,
    re.X | re.S,
)
BLOCK = re.compile(r"/\*|\*/")


def pieces(sql: str, begin: int = 0) -> Iterator[tuple[str, int, int]]:
    """What is no plain text, by kind, with its beginning and end."""
    at = begin
    while found := PIECE.search(sql, at):
        kind, at = found.lastgroup or "", found.end()
        if kind in ("word", "tag"):
            kind = "param" if found["param"] else "dollars"
        if kind == "block":
            at = _block_end(sql, at)
        yield kind, found.start(), at


def _block_end(sql: str, at: int) -> int:
    """Behind a comment, within which others may stand."""
    depth = 1
    while depth and (found := BLOCK.search(sql, at)):
        depth += 1 if found[0] == "/*" else -1
        at = found.end()
    return at if not depth else len(sql)


def sql_end(text: str, begin: int) -> int:
    """The next pipe that is no part of the SQL, or the bracket that closes the subquery around it; else the end.

    `||` joins texts in SQL; brackets that balance are SQL's.
    """
    depth = 0
    for kind, low, _ in pieces(text, begin):
        if kind == "pipe":
            return low
        if kind == "bracket":
            depth += 1 if text[low] == "[" else -1
            if depth < 0:
                return low
    return len(text)


def parameters(sql: str) -> list[tuple[str, int, int]]:
    """`:name` where a value may stand: names with their places."""
    return [(sql[low + 1 : high], low, high) for kind, low, high in pieces(sql) if kind == "param"]


def is_one(sql: str) -> bool:
    """Whether it is a single statement; `sql` is trimmed."""
    return all(kind != "semicolon" for kind, _, _ in pieces(sql))


def trimmed(sql: str) -> str:
    """Without blanks around, and without semicolons and comments at its end."""
    end = len(sql)
    last = [(kind, low, high) for kind, low, high in pieces(sql) if kind in ("line", "block")]
    while True:
        kept = sql[:end].rstrip("; \t\r\n")
        comment = next((low for _, low, high in reversed(last) if high >= len(kept) and low < len(kept)), None)
        if comment is None:
            return kept.lstrip()
        end = comment
