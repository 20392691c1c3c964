"""Colours of a query while it is typed, from the registry's names."""

from __future__ import annotations

import re
from collections.abc import Callable

from prompt_toolkit.document import Document
from prompt_toolkit.formatted_text import StyleAndTextTuples
from prompt_toolkit.lexers import Lexer

from ..commands.base import REGISTRY, load

TOKEN = re.compile(
    r"""(?P<comment>(?:^|(?<=\s))//(?=\s|$).*|(?:^|(?<=\|))\s*\#\s[^|]*)|(?P<string>"(?:\\.|[^"\\])*"?|(?<!\w)'(?:''|[^'])*'?|`[^`]*`?)"""
    r"""|(?P<param>\$\w+|\$(?=\())|(?P<pipe>[|\[\]])|(?P<number>\b\d[\w.]*)|(?P<option>\b[^\W\d]\w*=(?!=))|(?P<word>[^\W\d][\w-]*)""",
    re.M,
)
KEYWORDS = frozenset(["by", "as", "where", "and", "or", "not", "in", "true", "false", "null", "output", "fill"])
STYLES = {
    "comment": "class:comment", "string": "class:string", "param": "class:param", "pipe": "class:pipe", "number": "class:number",
    "option": "class:option",
}  # fmt: skip
STYLE = {
    "comment": "italic #808080", "string": "#6a9955", "param": "#b5651d", "pipe": "bold #888888", "number": "#2f7fbf",
    "option": "#9a6fb0", "command": "bold #3b78c4", "function": "#c08a2b", "keyword": "bold", "wrong": "underline #cc4444",
}  # fmt: skip


class QueryLexer(Lexer):
    """Words that stand where a command must and are none are marked."""

    def lex_document(self, document: Document) -> Callable[[int], StyleAndTextTuples]:
        load()
        lines = coloured(document.text)
        return lambda number: lines[number] if number < len(lines) else []


def coloured(text: str) -> list[StyleAndTextTuples]:
    """Style and text of each line."""
    parts: list[tuple[str, str]] = []
    at, first_word = 0, True
    for found in TOKEN.finditer(text):
        parts.append(("", text[at : found.start()]))
        kind = found.lastgroup or ""
        if kind == "word":
            parts.append((_word_style(found[0], first_word, text[found.end() :]), found[0]))
        else:
            parts.append((STYLES[kind], found[0]))
        if kind != "comment":
            first_word = kind == "pipe" and found[0] != "]"
        at = found.end()
    parts.append(("", text[at:]))
    return split_lines(parts)


def _word_style(word: str, first: bool, rest: str) -> str:
    if first:
        if word in REGISTRY.commands or word == "explain":
            return "class:command"
        known = any(n.startswith(word) for n in REGISTRY.commands)
        return "" if known and not rest.strip() else "class:wrong"
    if word in KEYWORDS:
        return "class:keyword"
    if rest.startswith("(") and (word in REGISTRY.functions or word in REGISTRY.aggregates):
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
