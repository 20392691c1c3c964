"""What a query gave, as values that can be compared: columns, rows, notes, or the code of its error."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

import cortado
from tests.tabletext import cell_text, type_name, values_of


def rows_of(table: pa.Table) -> list[tuple[str, ...]]:
    return [tuple(map(cell_text, row)) for row in values_of(table)]


def header_of(table: pa.Table) -> list[str]:
    return [f"{f.name}:{type_name(f.type)}" for f in table.schema]


def notes_of(result: cortado.Result) -> list[tuple[Any, ...]]:
    """All but `truncate`: how many rows lie beyond a limit is known as far as was read."""
    return sorted((n.stage, n.kind, n.reason, n.count, tuple(n.samples)) for n in result.notes if n.kind != "truncate")


def outcome(session: cortado.Session, query: str, **sources: pa.Table) -> Any:
    try:
        result = session.query(query, sources=sources).run()
        table = result.to_arrow()
    except cortado.QueryError as error:
        assert error.code != "E901", f"{query}\n{error}"
        return error.code
    return header_of(table), rows_of(table), notes_of(result)
