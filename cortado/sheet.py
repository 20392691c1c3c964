"""Rows as text, for whatever draws them: the terminal, Markdown, HTML."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from .engine.batch import Batch
from .engine.values import to_text
from .planner.records import dataclass
from .planner.types import Schema, Type, of_arrow

CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff]")
NAMED = {"\n": "\\n", "\t": "\\t", "\r": "\\r"}


@dataclass(frozen=True, slots=True)
class Sheet:
    """Columns of text of one length; None is null. `right`: columns of numbers."""

    names: tuple[str, ...]
    kinds: tuple[str, ...]
    right: tuple[bool, ...]
    columns: tuple[list[str | None], ...]
    n_rows: int


def safe(text: str) -> str:
    """Characters of data that would steer a terminal, or turn the direction of text, as escapes."""
    if text.isascii() and text.isprintable():
        return text
    return CONTROL.sub(_escaped, text)


def _escaped(found: re.Match[str]) -> str:
    c = found[0]
    return NAMED.get(c) or (f"\\x{ord(c):02x}" if ord(c) < 256 else f"\\u{ord(c):04x}")


def safe_lines(text: str) -> str:
    """The same for text of several lines."""
    return "\n".join(map(safe, text.split("\n")))


def sheet_of_rows(batches: Sequence[Batch], schema: Schema, zone: str, limit: int | None = None) -> Sheet:
    """The first rows of the engine's batches."""
    columns: list[list[str | None]] = [[] for _ in schema.fields]
    n = 0
    for batch in batches:
        take = batch.n_rows if limit is None else min(batch.n_rows, limit - n)
        for i, (_, kind) in enumerate(schema.fields):
            columns[i] += _texts(batch.array(i).slice(0, take), kind, zone)
        n += take
    return _sheet([(n, t) for n, t in schema.fields], columns, n)


def sheet_of_table(table: pa.Table, limit: int) -> Sheet:
    """The first rows of a result; times in the zone of their column."""
    from .engine.normalise import normalise

    fields, columns = [], []
    shown = table.slice(0, limit)
    for field, column in zip(shown.schema, shown.columns, strict=True):
        kind, zone = of_arrow(field.type), zone_of(field.type)
        fields.append((field.name, kind))
        columns.append([t for c in column.chunks for t in _texts(normalise(c, kind, zone), kind, zone)])
    return _sheet(fields, columns, shown.num_rows)


def zone_of(kind: pa.DataType) -> str:
    """The zone of a column of times, also inside arrays and maps; UTC where there is none."""
    if isinstance(kind, pa.TimestampType):
        return kind.tz or "UTC"
    inner = [kind.field(i).type for i in range(kind.num_fields)]
    return next((z for z in map(zone_of, inner) if z != "UTC"), "UTC")


def _texts(array: Any, kind: Type, zone: str) -> list[str | None]:
    return [v.as_py() for v in to_text(array, kind, zone)]


def _sheet(fields: Sequence[tuple[str, Type]], columns: Sequence[list[str | None]], n: int) -> Sheet:
    return Sheet(
        tuple(safe(name) for name, _ in fields),
        tuple(str(t) for _, t in fields),
        tuple(t.is_number for _, t in fields),
        tuple([None if v is None else safe(v) for v in c] for c in columns),
        n,
    )


__all__ = ["Sheet", "safe", "safe_lines", "sheet_of_rows", "sheet_of_table"]
