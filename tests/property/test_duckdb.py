# mypy: disable-error-code="arg-type"
"""Random pipelines say what DuckDB says of the same SQL: rows, their order, and values."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from hypothesis import given

import cortado
from tests.tabletext import values_of

from .made import some
from .sqlmade import MACROS, pipelines
from .sqltables import COLUMNS, tables


@pytest.fixture(scope="module")
def judge() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as db:
        db.execute("set timezone = 'UTC'")
        db.execute("set threads = 1")
        db.execute(MACROS)
        yield db


def same(a: Any, b: Any) -> bool:
    """Sums of doubles may differ in their last bits: DuckDB's depend on the order of the rows."""
    if isinstance(a, float) or isinstance(b, float):
        if a is None or b is None:
            return a is b
        return (math.isnan(a) and math.isnan(b)) or a == b or math.isclose(a, b, rel_tol=1e-9, abs_tol=1e-9)
    return type(a) is type(b) and a == b


def rows_of_duckdb(db: duckdb.DuckDBPyConnection, table: pa.Table, sql: str) -> list[tuple[Any, ...]]:
    numbered = table.append_column("rn", pa.array(range(table.num_rows), pa.int64()))
    db.register("arrow_t", numbered)
    db.execute("create or replace temp table t as select * replace (d::timestamp as d) from arrow_t")
    return values_of(db.sql(sql).to_arrow_table())


def plain_values(rows: list[tuple[Any, ...]]) -> list[list[Any]]:
    return [[v.replace(tzinfo=None) if hasattr(v, "tzinfo") else v for v in row] for row in rows]


@some(90)
@given(table=tables(), made=pipelines(COLUMNS))
def test_pipelines_say_what_sql_says(
    plain: cortado.Session, judge: duckdb.DuckDBPyConnection, table: pa.Table, made: tuple[str, str, list[str]]
) -> None:
    query, sql, names = made
    found = plain.query(query, sources={"t": table}).to_arrow()
    assert found.schema.names == names
    mine, theirs = plain_values(values_of(found)), plain_values(rows_of_duckdb(judge, table, sql))
    differing = [(a, b) for a, b in zip(mine, theirs, strict=False) if not all(map(same, a, b))]
    assert len(mine) == len(theirs) and not differing, f"{query}\n{sql}\n{differing[:3]} of {len(mine)}, {len(theirs)}"
