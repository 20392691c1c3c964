"""Results as HTML for notebooks; everything from data is escaped."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

import pyarrow as pa

SHOWN = 50


def table_html(table: pa.Table, notes: Sequence[Any], shown: int | None = SHOWN) -> str:
    head = "".join(f"<th>{escape(f.name)}<br><small>{escape(str(f.type))}</small></th>" for f in table.schema)
    rows = "".join(
        "<tr>" + "".join(f"<td>{_cell(v)}</td>" for v in row.values()) + "</tr>"
        for row in table.slice(0, shown).to_pylist()
    )
    more = f", {shown} shown" if shown is not None and table.num_rows > shown else ""
    told = "".join(f"<li>{escape(str(n))}</li>" for n in notes)
    ledger = f"<details open><summary>{len(notes)} notes</summary><ul>{told}</ul></details>" if notes else ""
    return f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table><p>{table.num_rows:,} rows{more}</p>{ledger}"


def _cell(value: Any) -> str:
    return "<i>null</i>" if value is None else escape(str(value))
