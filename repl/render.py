"""Results on a terminal: tables that fit its width, one field below the other, figures of operators, errors."""

from __future__ import annotations

import os
import sys
import unicodedata
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from ..planner.text import QueryError
from ..sheet import Sheet, safe_lines

MIN_WIDTH = 6
BOLD, DIM, RED = "1", "2", "31;1"


def colours(stream: Any) -> bool:
    """Only on a terminal that has them, and not where NO_COLOR is set."""
    return bool(stream.isatty()) and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def styled(text: str, style: str, colour: bool) -> str:
    return f"\x1b[{style}m{text}\x1b[0m" if colour and style else text


@lru_cache(maxsize=4096)
def _cells(c: str) -> int:
    if unicodedata.category(c) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(c) in "WF" else 1


def width(text: str) -> int:
    """Cells that a terminal gives to the text."""
    return len(text) if text.isascii() else sum(map(_cells, text))


def cut(text: str, cells: int) -> str:
    """The text in at most so many cells; what is left out shows as an ellipsis."""
    if width(text) <= cells:
        return text
    out, used = [], 0
    for c in text:
        used += _cells(c)
        if used > cells - 1:
            break
        out.append(c)
    return "".join(out) + "…"


def table_text(sheet: Sheet, cells: int | None = None, colour: bool = False) -> str:
    """A box with names and types. On `cells` cells wide columns are cut, and the last left out when that is not enough."""
    if not sheet.names:
        return ""
    columns = [["null" if v is None else v for v in c] for c in sheet.columns]
    heads = zip(sheet.names, sheet.kinds, columns, strict=True)
    sizes = [max([width(n), width(k), *map(width, c), 1]) for n, k, c in heads]
    shown = list(range(len(sizes)))
    if cells is not None:
        sizes, shown = fitted(sizes, cells)
    left = [False] * len(sizes)
    nulls = [[DIM if colour and v is None else "" for v in c] for c in sheet.columns]  # null is not the text "null"
    lines = [
        _rule("┌┬┐", sizes, shown),
        _row([sheet.names[i] for i in shown], shown, sizes, left, [BOLD if colour else ""] * len(shown)),
        _row([sheet.kinds[i] for i in shown], shown, sizes, left, [DIM if colour else ""] * len(shown)),
        _rule("├┼┤", sizes, shown),
        *(
            _row([columns[i][r] for i in shown], shown, sizes, sheet.right, [nulls[i][r] for i in shown])
            for r in range(sheet.n_rows)
        ),
        _rule("└┴┘", sizes, shown),
    ]
    hidden = len(sizes) - len(shown)
    if hidden:
        lines.append(
            f"({hidden} more column{'s do' if hidden > 1 else ' does'} not fit: choose with fields, or use the vertical format)"
        )
    return "\n".join(lines)


def _rule(corners: str, sizes: Sequence[int], shown: Sequence[int]) -> str:
    return corners[0] + corners[1].join("─" * (sizes[i] + 2) for i in shown) + corners[2]


def _row(
    texts: Sequence[str], shown: Sequence[int], sizes: Sequence[int], right: Sequence[bool], styles: Sequence[str]
) -> str:
    cells = []
    for text, i, style in zip(texts, shown, styles, strict=True):
        short = cut(text, sizes[i])
        pad = " " * (sizes[i] - width(short))
        body = styled(short, style, True)
        cells.append(f" {pad}{body} " if right[i] else f" {body}{pad} ")
    return "│" + "│".join(cells) + "│"


def fitted(sizes: Sequence[int], cells: int) -> tuple[list[int], list[int]]:
    """Column widths for a terminal, and the columns that are shown: the widest are cut first, none below 6 cells."""
    shown = list(range(len(sizes)))
    while len(shown) > 1 and sum(min(sizes[i], MIN_WIDTH) + 3 for i in shown) + 1 > cells:
        shown.pop()
    out = list(sizes)
    room = cells - 1 - 3 * len(shown)
    by_size = sorted(shown, key=lambda i: sizes[i])
    for nth, i in enumerate(by_size):  # each gets what it needs, at most an even share of what is left
        share = room // (len(by_size) - nth)
        out[i] = max(1, min(sizes[i], max(share, min(sizes[i], MIN_WIDTH))))
        room -= out[i]
    return out, shown


def vertical_text(sheet: Sheet, first: int = 1) -> str:
    """One value a line, for wide rows."""
    size = max([width(n) for n in sheet.names] or [1])
    lines = []
    for r in range(sheet.n_rows):
        lines.append(f"─── row {first + r} ".ljust(40, "─"))
        for name, column in zip(sheet.names, sheet.columns, strict=True):
            value = column[r]
            lines.append(f"{' ' * (size - width(name))}{name}: {'null' if value is None else value}")
    return "\n".join(lines)


def markdown_head(sheet: Sheet) -> str:
    rule = " | ".join("---:" if r else "---" for r in sheet.right)
    return f"| {' | '.join(map(_markdown, sheet.names))} |\n| {rule} |"


def markdown_rows(sheet: Sheet) -> str:
    rows = zip(*sheet.columns, strict=True) if sheet.columns else [()] * sheet.n_rows
    return "\n".join("| " + " | ".join("null" if v is None else _markdown(v) for v in row) + " |" for row in rows)


MARKS = str.maketrans({"\\": "\\\\", "|": "\\|", "`": "\\`", "*": "\\*", "<": "&lt;", ">": "&gt;", "&": "&amp;"})


def _markdown(text: str) -> str:
    return text.translate(MARKS)


def error_text(found: QueryError, colour: bool) -> str:
    """An error as part 9 draws it; the code and the carets stand out."""
    lines = safe_lines(str(found)).split("\n")
    if not colour:
        return "\n".join(lines)
    out = []
    for line in lines:
        bare = line.strip()
        if bare and not bare.strip("^"):
            out.append(line.replace(bare, styled(bare, RED, True)))
        elif line[:1] in "EW" and line[1:4].isdigit():
            out.append(styled(line[:4], RED, True) + line[4:])
        else:
            out.append(line)
    return "\n".join(out)


def stats_text(stats: Any) -> str:
    """What each operator did, sources first."""
    head = ("stage", "operator", "rows in", "rows out", "batches", "bytes", "ms", "cpu ms", "memory", "spilled", "")
    rows = [head]
    for o in stats.operators:
        rows.append((o.stage, o.operator, f"{o.rows_in:,}", f"{o.rows_out:,}", f"{o.batches:,}", human(o.nbytes), f"{o.wall_s * 1000:.1f}",
                     f"{o.cpu_s * 1000:.1f}", human(o.peak_memory), human(o.spilled_bytes), safe_lines(o.detail)))  # fmt: skip
    sizes = [max(len(r[i]) for r in rows) for i in range(len(head))]
    lines = [
        "  ".join(
            c.ljust(s) if i in (0, 1, 10) else c.rjust(s) for i, (c, s) in enumerate(zip(r, sizes, strict=True))
        ).rstrip()
        for r in rows
    ]
    spilled = f", {human(stats.spilled_bytes)} spilled" if stats.spilled_bytes else ""
    lines.append(
        f"{stats.rows_read:,} rows, {human(stats.bytes_read)} read in {stats.wall_s:.3f} s; peak memory {human(stats.peak_memory)}{spilled}"
    )
    return "\n".join(lines)


def human(n: float) -> str:
    """Bytes with a unit, powers of 1024."""
    for unit in ("B", "KB", "MB"):
        if abs(n) < 1024:
            return f"{n:.0f} {unit}" if unit == "B" else f"{n:.1f} {unit}"
        n /= 1024
    return f"{n:.1f} GB"


def terminal_width() -> int:
    import shutil

    return shutil.get_terminal_size().columns


def tell(text: str) -> None:
    """A line to standard error; whatever comes from data cannot steer the terminal."""
    print(safe_lines(text), file=sys.stderr, flush=True)
