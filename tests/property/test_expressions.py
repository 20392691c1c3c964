# mypy: disable-error-code="arg-type"
"""Each expression that DuckDB spells too, over leaves of its own kind: no template is left to chance."""

from __future__ import annotations

from collections.abc import Iterator

import duckdb
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

import cortado
from tests.tabletext import values_of

from .made import some
from .sqlmade import BOOL, CONDITIONS, DATE, DATES, MACROS, NUMBERS, TEXT, TEXTS, Both
from .sqltables import COLUMNS, tables
from .test_duckdb import plain_values, rows_of_duckdb, same

TEMPLATES = [
    *((kind, query, sql) for kind, query, sql in NUMBERS),
    *((TEXT, query, sql) for query, sql in TEXTS),
    *((BOOL, query, sql) for query, sql in CONDITIONS),
    *((DATE, query, sql) for query, sql in DATES),
]


@pytest.fixture(scope="module")
def judge() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as db:
        db.execute("set timezone = 'UTC'")
        db.execute("set threads = 1")
        db.execute(MACROS)
        yield db


@pytest.mark.parametrize(("kind", "query", "sql"), TEMPLATES, ids=[q for _, q, _ in TEMPLATES])
@some(4)
@given(table=tables(), data=st.data())
def test_expression_says_what_sql_says(
    plain: cortado.Session,
    judge: duckdb.DuckDBPyConnection,
    kind: str,
    query: str,
    sql: str,
    table: pa.Table,
    data: st.DataObject,
) -> None:
    ours, theirs = Both(data.draw, dict(COLUMNS)).fill(query, sql, 0)
    found = plain.query(f"table t | eval r = {ours} | fields r", sources={"t": table}).to_arrow()
    wanted = rows_of_duckdb(judge, table, f"select {theirs} as r from t order by rn")
    mine, judged = plain_values(values_of(found)), plain_values(wanted)
    differing = [(a, b) for a, b in zip(mine, judged, strict=True) if not all(map(same, a, b))]
    assert not differing, f"{ours}\n{theirs}\n{differing[:3]}"
