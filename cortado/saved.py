"""Saved queries as files: their header and their layout."""

from __future__ import annotations

from .commands.language import language
from .planner.format import format_query
from .planner.header import Header, has_pipeline, read_header
from .queryfiles import decoded


def header_of(source: str, file: str) -> Header:
    """The header of a `.cq` file; E201 or E410 at the line that cannot be read."""
    from .planner.sources import Sources
    from .planner.text import QueryError

    try:
        return read_header(source, 0, language())
    except QueryError as found:
        raise Sources(source, file).placed(found) from None


def formatted(source: str, file: str) -> str:
    """The file with its header as it is and its pipeline a stage a line."""
    header = header_of(source, file)
    begin = header.end
    while begin < len(source) and source[begin].isspace():
        begin += 1
    if not has_pipeline(source, begin):
        return source
    pipe = "| " if source[begin] == "|" else ""
    return source[:begin] + pipe + format_query(source[begin + len(pipe.strip()) :], language()) + "\n"


__all__ = ["decoded", "formatted", "header_of"]
