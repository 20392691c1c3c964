"""Results as HTML, for notebooks and files; everything from data is escaped."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

import pyarrow as pa

from .sheet import Sheet, safe_lines, sheet_of_table

SHOWN = 50


def result_html(table: pa.Table, notes: Sequence[Any]) -> str:
    """The first rows, how many there are, and the ledger."""
    told = "".join(f"<li>{escape(safe_lines(str(n)))}</li>" for n in notes)
    count = f"{len(notes)} note{'' if len(notes) == 1 else 's'}"
    ledger = f"<details open><summary>{count}</summary><ul>{told}</ul></details>" if notes else ""
    return sheet_html(sheet_of_table(table, SHOWN), table.num_rows) + ledger


def sheet_html(sheet: Sheet, total: int) -> str:
    heads = zip(sheet.names, sheet.kinds, strict=True)
    head = "".join(f"<th>{escape(n)}<br><small>{escape(k)}</small></th>" for n, k in heads)
    rows = "\n".join(f"<tr>{''.join(map(_cell, row))}</tr>" for row in _rows(sheet))
    more = f" ({sheet.n_rows:,} shown)" if sheet.n_rows < total else ""
    count = f"<p>{total:,} row{'' if total == 1 else 's'}{more}</p>"
    return f"<table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{rows}\n</tbody>\n</table>\n{count}"


def _rows(sheet: Sheet) -> list[tuple[str | None, ...]]:
    return list(zip(*sheet.columns, strict=True)) if sheet.columns else [()] * sheet.n_rows


def _cell(value: str | None) -> str:
    return "<td><i>null</i></td>" if value is None else f"<td>{escape(value)}</td>"
