"""Colours of a query while it is typed, from the registry's names."""

from __future__ import annotations

import re
from collections.abc import Callable

from prompt_toolkit.document import Document
from prompt_toolkit.formatted_text import StyleAndTextTuples
from prompt_toolkit.lexers import Lexer

from ..commands.base import REGISTRY, Registry, load

TOKEN = re.compile(
    r"""(?P<comment>(?:^|(?<=\s))//(?=\s|/|$)[^\n]*|(?:\A|(?<=\|))\s*\#\s[^|]*)"""
    r"""|(?P<string>"(?:\\.|[^"\\])*"?|(?<!\w)'(?:''|[^'])*'?|`[^`]*`?)"""
    r"""|(?P<param>\$\w+|\$(?=\())|(?P<pipe>[|\[\]])|(?P<number>(?<![\w.])\d[\w.]*)|(?P<option>(?<!\w)[^\W\d]\w*=(?!=))"""
    r"""|(?P<word>[^\W\d][\w.@]*(?:-[^\W\d]\w*)*)""",
    re.M | re.S,
)  # fmt: skip
KEYWORDS = frozenset(["by", "as", "where", "and", "or", "not", "in", "true", "false", "null", "output", "fill", "for"])
STYLE = {
    "comment": "italic #808080", "string": "#6a9955", "param": "#b5651d", "pipe": "bold #888888", "number": "#2f7fbf",
    "option": "#9a6fb0", "command": "bold #3b78c4", "function": "#c08a2b", "keyword": "bold", "wrong": "underline #cc4444",
}  # fmt: skip


class QueryLexer(Lexer):
    """Words that stand where a command must and are none are marked."""

    def __init__(self, registry: Callable[[], Registry] = lambda: REGISTRY) -> None:
        self._registry = registry

    def lex_document(self, document: Document) -> Callable[[int], StyleAndTextTuples]:
        load()
        lines = coloured(document.text, self._registry())
        return lambda number: lines[number] if number < len(lines) else []


def coloured(text: str, registry: Registry = REGISTRY) -> list[StyleAndTextTuples]:
    """Style and text of each line."""
    if re.match(r"\s*(\.|help(\s|\Z))", text):
        return split_lines([("", text)])
    parts: list[tuple[str, str]] = []
    at, at_command = 0, True
    for found in TOKEN.finditer(text):
        parts.append(("", text[at : found.start()]))
        kind, word = found.lastgroup or "", found[0]
        style = f"class:{kind}"
        if kind == "word":
            style = _word_style(word, at_command, text[found.end() :], registry)
            at_command = at_command and word in ("explain", "analyze")
        elif kind != "comment":
            at_command = kind == "pipe" and word != "]"
        parts.append((style, word))
        at = found.end()
    parts.append(("", text[at:]))
    return split_lines(parts)


def _word_style(word: str, at_command: bool, rest: str, registry: Registry) -> str:
    if at_command:
        if word in ("use", "def", "param"):
            return "class:keyword"
        if word in registry.commands or word in ("explain", "analyze"):
            return "class:command"
        being_typed = not rest.strip() and any(n.startswith(word) for n in registry.commands)
        return "" if being_typed else "class:wrong"
    if word in KEYWORDS:
        return "class:keyword"
    if rest.startswith("(") and (word in registry.functions or word in registry.aggregates):
        return "class:function"
    return ""


def split_lines(parts: list[tuple[str, str]]) -> list[StyleAndTextTuples]:
    lines: list[StyleAndTextTuples] = [[]]
    for style, text in parts:
        for i, piece in enumerate(text.split("\n")):
            if i:
                lines.append([])
            if piece:
                lines[-1].append((style, piece))
    return lines
