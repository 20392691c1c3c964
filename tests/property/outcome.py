"""What a query gave, as values that can be compared: columns, rows, notes, or the code of its error."""

from __future__ import annotations

import re
from typing import Any

import pyarrow as pa

import cortado
from tests.tabletext import cell_text, type_name, values_of


def rows_of(table: pa.Table) -> list[tuple[str, ...]]:
    return [tuple(map(cell_text, row)) for row in values_of(table)]


def header_of(table: pa.Table) -> list[str]:
    return [f"{f.name}:{type_name(f.type)}" for f in table.schema]


LIMITS = re.compile(r"(limit|head)\b|(search|where) limit=|tail 0|sort limit=0|repeat count=0")


def stages_of(query: str) -> list[str]:
    """The stages of a pipeline; pipes in brackets and quotes part none."""
    parts: list[str] = [""]
    for piece in re.split(r"""(\[|\]|"(?:\\.|[^"\\])*"|'[^']*'| \| )""", query):
        depth = parts[-1].count("[") - parts[-1].count("]")
        if piece == " | " and depth == 0:
            parts.append("")
        else:
            parts[-1] += re.sub(r"[\[\]]", "", piece) if piece[:1] in "\"'" else piece
    return parts


def notes_of(result: cortado.Result, query: str) -> list[tuple[Any, ...]]:
    """All that is the same in every world: nothing above a limit, which ends the query somewhere behind its last row,
    and no row numbers of a sort's output, which depend on the filters that were moved below it."""
    stages = stages_of(query)
    limits = [i for i, s in enumerate(stages, 1) if LIMITS.match(s)]
    below = max(limits, default=0)
    inner = {i for i, s in enumerate(stages, 1) if "[" in s and LIMITS.search(s)}  # subqueries that end early
    # a window that nobody reads is left out, and what it would have numbered anew keeps its place in the table
    placed = r"^(row|t:)? ?\d+" if re.search(r"\| (window|eventstats)\b", query) else r"^row \d+"
    return sorted(
        (n.stage, n.kind, n.reason, n.count, tuple(re.sub(placed, "row", s) for s in n.samples))
        for n in result.notes
        if n.kind != "truncate"
        and (at := int(re.sub(r"\D.*", "", n.stage) or 0)) > below
        and not ("." in n.stage and at in inner)
    )


def outcome(session: cortado.Session, query: str, **sources: pa.Table) -> Any:
    try:
        result = session.query(query, sources=sources).run()
        table = result.to_arrow()
    except cortado.QueryError as error:
        assert error.code != "E901", f"{query}\n{error}"
        return error.code
    return header_of(table), rows_of(table), notes_of(result, query)
