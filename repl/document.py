"""A page of the reference as parts that are written as Markdown or for a terminal: both say the same."""

from __future__ import annotations

import inspect
import json
import re
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

from .render import width

LINE = 100
CELLS = 24  # of a column between two others on a terminal
CELL = re.compile(r'\s*("(?:\\.|[^"\\])*"|`(?:``|[^`])*`:\S+|\S+)')
NUMBERS = frozenset({"long", "int", "short", "double", "float"})


@dataclass(frozen=True, slots=True)
class Prose:
    """Markdown: paragraphs and lists."""

    text: str

    def markdown(self) -> str:
        return inspect.cleandoc(self.text).strip()

    def plain(self) -> str:
        return "\n\n".join(_wrapped(part) for part in re.split(r"\n[ \t]*\n", self.markdown()))


@dataclass(frozen=True, slots=True)
class Head:
    text: str

    def markdown(self) -> str:
        return f"## {self.text}"

    def plain(self) -> str:
        return self.text.lower()


@dataclass(frozen=True, slots=True)
class Code:
    """Text as it stands: syntax, queries, tables."""

    text: str

    def markdown(self) -> str:
        fence = "````" if "```" in self.text else "```"
        return f"{fence}text\n{self.text}\n{fence}"

    def plain(self) -> str:
        return textwrap.indent(self.text, "  ")


@dataclass(frozen=True, slots=True)
class Rows:
    """What is told of names, the first cell of each row; `link` makes them links to other pages, as `{}.md`."""

    rows: Sequence[tuple[str, ...]]
    heads: tuple[str, ...]
    link: str = ""

    def markdown(self) -> str:
        lines = [_piped(self.heads), _piped(["---"] * len(self.heads))]
        for name, *told in self.rows:
            shown = f"`{_escaped(name)}`"
            linked = f"[{shown}]({self.link.format(name)})" if self.link else shown
            lines.append(_piped([linked, *map(_escaped, told)]))
        return "\n".join(lines)

    def plain(self) -> str:
        """Columns below each other; the last one goes on in lines of its own."""
        rows = [_narrow(row) for row in self.rows]
        sizes = [max(width(row[i]) for row in rows) for i in range(len(self.heads) - 1)]
        out = []
        for *cells, last in rows:
            line = "".join("  " + c + " " * (size - width(c)) for c, size in zip(cells, sizes, strict=True)) + "  "
            room = max(LINE - width(line), 40)
            folded = textwrap.wrap(last, room, break_long_words=False, break_on_hyphens=False) or [""]
            out.append(f"\n{' ' * width(line)}".join([line + folded[0], *folded[1:]]).rstrip())
        return "\n".join(out)


Part = Prose | Head | Code | Rows


@dataclass(frozen=True, slots=True)
class Page:
    """`name` is what help finds it by."""

    name: str
    summary: str
    parts: Sequence[Part]

    def markdown(self) -> str:
        body = [f"# {self.name}", self.summary, *(p.markdown() for p in self.parts)]
        return "\n\n".join(b for b in body if b) + "\n"

    def plain(self) -> str:
        head = f"{self.name}: {self.summary}" if self.summary else self.name
        out = _wrapped(head)
        for i, part in enumerate(self.parts):
            close = i > 0 and isinstance(self.parts[i - 1], Head) and not isinstance(part, Prose)
            out += ("\n" if close else "\n\n") + part.plain()
        return out


def _narrow(row: tuple[str, ...]) -> tuple[str, ...]:
    """A long cell between the first and the last stands before the text of the last."""
    long = [c for c in row[1:-1] if width(c) > CELLS]
    return (row[0], *("" if c in long else c for c in row[1:-1]), ": ".join([*long, row[-1]]))


def _escaped(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def _piped(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _wrapped(part: str) -> str:
    """One paragraph, or the items of a list, in lines of a terminal; what is indented or a table stays as it is."""
    lines = part.split("\n")
    if lines[0].startswith(("    ", "|", "```")):
        return part
    items = re.split(r"\n(?=[-*] )", part)
    return "\n".join(
        textwrap.fill(
            " ".join(item.split()),
            LINE,
            subsequent_indent="  " if item.startswith(("- ", "* ")) else "",
            break_long_words=False,
            break_on_hyphens=False,
        )
        for item in items
    )


def aligned(table: str) -> str:
    """A table in the text form of spec files with its cells below each other: names, types, rows."""
    lines = [line for line in table.strip("\n").split("\n") if line.strip()]
    heads = [cell.rpartition(":") for cell in CELL.findall(lines[0])] if lines else []
    if not heads:
        n = max(len(lines) - 1, 0)
        return f"({n} row{'' if n == 1 else 's'} without fields)"
    names = [name[1:-1].replace("``", "`") if name.startswith("`") else name for name, _, _ in heads]
    kinds = [kind for _, _, kind in heads]
    rows = [names, kinds, *([_shown(c) for c in CELL.findall(line)] for line in lines[1:])]
    sizes = [max(width(row[i]) for row in rows) for i in range(len(names))]
    out = [
        "  ".join(
            " " * (sizes[i] - width(c)) + c if kinds[i] in NUMBERS else c + " " * (sizes[i] - width(c))
            for i, c in enumerate(row)
        ).rstrip()
        for row in rows
    ]
    out.insert(2, "  ".join("-" * size for size in sizes))
    return "\n".join(out if len(lines) > 1 else [*out, "(no rows)"])


def _shown(cell: str) -> str:
    """Text without its quotes where it cannot be taken for anything else."""
    if not cell.startswith('"'):
        return cell
    text = str(json.loads(cell))
    bare = text and text != "null" and text == text.strip() and "  " not in text and text.isprintable()
    return text if bare and not text.startswith('"') else cell
