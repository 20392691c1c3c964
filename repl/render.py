"""Results on a terminal: tables that fit its width, one row below the other, figures of operators."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from typing import Any

import pyarrow as pa

CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")
MIN_WIDTH = 6


def width(text: str) -> int:
    """Cells that a terminal gives to the text."""
    if text.isascii():
        return len(text)
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def cut(text: str, cells: int) -> str:
    if width(text) <= cells:
        return text
    out, used = [], 0
    for c in text:
        w = width(c)
        if used + w > cells - 1:
            break
        out.append(c)
        used += w
    return "".join(out) + "…"


def safe(text: str) -> str:
    """Control characters of data must not reach the terminal."""
    return CONTROL.sub(
        lambda m: f"\\x{ord(m[0]):02x}" if ord(m[0]) < 256 else f"\\u{ord(m[0]):04x}",
        text.replace("\n", "\\n").replace("\t", "\\t"),
    )


def shown_type(kind: pa.DataType) -> str:
    t = pa.types
    if t.is_timestamp(kind):
        return "date"
    if t.is_duration(kind):
        return "duration"
    if t.is_list(kind):
        return f"array<{shown_type(kind.value_type)}>"
    if t.is_struct(kind) or t.is_map(kind):
        return "map"
    return {"int64": "long", "int32": "int", "int16": "short", "float": "float"}.get(str(kind), str(kind))


def text_columns(table: pa.Table) -> list[list[str]]:
    """Every value as the engine's own text."""
    from ..engine.values import to_text
    from ..planner.types import of_arrow

    columns = []
    for column in table.columns:
        array = column.combine_chunks()
        zone = array.type.tz if pa.types.is_timestamp(array.type) else "UTC"
        texts = to_text(array, of_arrow(array.type), zone or "UTC").to_pylist() if len(array) else []
        columns.append(["null" if v is None else safe(v) for v in texts])
    return columns


def is_number(kind: pa.DataType) -> bool:
    return pa.types.is_integer(kind) or pa.types.is_floating(kind)


def table_text(table: pa.Table, cells: int | None = None, colour: bool = False) -> str:
    """A box with names and types; columns that do not fit are cut, and left out from the middle when even that is too wide."""
    names = [safe(f.name) for f in table.schema]
    kinds = [shown_type(f.type) for f in table.schema]
    columns = text_columns(table)
    right = [is_number(f.type) for f in table.schema]
    sizes = [max([width(n), width(k), *map(width, c), 1]) for n, k, c in zip(names, kinds, columns, strict=True)]
    shown = list(range(len(names)))
    left_out = 0
    if cells is not None:
        sizes, shown, left_out = fitted(sizes, cells)
    rule = "─"
    lines = ["┌" + "┬".join(rule * (sizes[i] + 2) for i in shown) + "┐"]
    lines.append(_row([names[i] for i in shown], shown, sizes, [False] * len(names), colour and "1"))
    lines.append(_row([kinds[i] for i in shown], shown, sizes, [False] * len(names), colour and "2"))
    lines.append("├" + "┼".join(rule * (sizes[i] + 2) for i in shown) + "┤")
    for r in range(table.num_rows):
        lines.append(_row([columns[i][r] for i in shown], shown, sizes, right, ""))
    lines.append("└" + "┴".join(rule * (sizes[i] + 2) for i in shown) + "┘")
    if left_out:
        lines.append(f"({left_out} more columns do not fit; use fields, or the vertical format)")
    return "\n".join(lines)


def fitted(sizes: Sequence[int], cells: int) -> tuple[list[int], list[int], int]:
    """Column widths for a terminal, the columns shown, and how many are not."""
    out, shown = list(sizes), list(range(len(sizes)))
    while sum(out[i] + 3 for i in shown) + 1 > cells:
        widest = max(shown, key=lambda i: out[i])
        if out[widest] > MIN_WIDTH:
            over = sum(out[i] + 3 for i in shown) + 1 - cells
            second = max([out[i] for i in shown if i != widest] or [MIN_WIDTH])
            out[widest] = max(MIN_WIDTH, min(out[widest] - 1, max(second, out[widest] - over)))
        elif len(shown) > 1:
            shown.remove(shown[len(shown) - 1])
        else:
            break
    return out, shown, len(sizes) - len(shown)


def _row(
    texts: Sequence[str], shown: Sequence[int], sizes: Sequence[int], right: Sequence[bool], style: str | bool
) -> str:
    cells = []
    for text, i in zip(texts, shown, strict=True):
        short = cut(text, sizes[i])
        pad = " " * (sizes[i] - width(short))
        body = pad + short if right[i] else short + pad
        cells.append(f" \x1b[{style}m{body}\x1b[0m " if style else f" {body} ")
    return "│" + "│".join(cells) + "│"


def vertical_text(table: pa.Table, first: int = 1) -> str:
    """One value a line, for wide rows."""
    names = [safe(f.name) for f in table.schema]
    size = max([width(n) for n in names] or [1])
    columns = text_columns(table)
    lines = []
    for r in range(table.num_rows):
        lines.append(f"─── row {first + r} ".ljust(40, "─"))
        lines += [f"{' ' * (size - width(n))}{n}: {c[r]}" for n, c in zip(names, columns, strict=True)]
    return "\n".join(lines)


def markdown_text(table: pa.Table) -> str:
    names = [_markdown(safe(f.name)) for f in table.schema]
    align = ["---:" if is_number(f.type) else "---" for f in table.schema]
    lines = ["| " + " | ".join(names) + " |", "| " + " | ".join(align) + " |"]
    columns = text_columns(table)
    lines += ["| " + " | ".join(_markdown(c[r]) for c in columns) + " |" for r in range(table.num_rows)]
    return "\n".join(lines)


def _markdown(text: str) -> str:
    return text.replace("\\", "\\\\").replace("|", "\\|")


def stats_text(stats: Any) -> str:
    """What each operator did, sources first."""
    head = ("stage", "operator", "rows in", "rows out", "bytes", "ms", "cpu ms", "memory", "spilled", "")
    rows = [head]
    for o in stats.operators:
        rows.append((o.stage, o.operator, f"{o.rows_in:,}", f"{o.rows_out:,}", human(o.nbytes), f"{o.wall_s * 1000:.1f}", f"{o.cpu_s * 1000:.1f}",
                     human(o.peak_memory), human(o.spilled_bytes), o.detail))  # fmt: skip
    sizes = [max(len(r[i]) for r in rows) for i in range(len(head))]
    lines = [
        "  ".join(
            c.ljust(s) if i in (0, 1, 9) else c.rjust(s) for i, (c, s) in enumerate(zip(r, sizes, strict=True))
        ).rstrip()
        for r in rows
    ]
    lines.append(
        f"{stats.rows_read:,} rows, {human(stats.bytes_read)} read in {stats.wall_s:.3f} s; peak memory {human(stats.peak_memory)}"
    )
    return "\n".join(lines)


def human(n: float) -> str:
    for unit in ("B", "KB", "MB", "GB"):
        if abs(n) < 1024 or unit == "GB":
            return f"{n:.0f} {unit}" if unit == "B" else f"{n:.1f} {unit}"
        n /= 1024
    return f"{n:.1f} GB"
