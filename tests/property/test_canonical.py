# mypy: disable-error-code="arg-type"
"""The canonical text of a query is the same query."""

from __future__ import annotations

import pyarrow as pa
from hypothesis import given

import cortado

from .made import pipelines, some, tables
from .outcome import outcome


@some(90)
@given(table=tables(most=3), query=pipelines(most=7))
def test_canonical_text_gives_the_same_plan(plain: cortado.Session, table: pa.Table, query: str) -> None:
    sources = {"t": table}
    one = plain.query(query, sources=sources)
    text = one.canonical()
    again = plain.query(text, sources=sources)
    assert again.plan.schema == one.plan.schema
    assert again.canonical() == text, query
    assert outcome(plain, text, t=table)[:2] == outcome(plain, query, t=table)[:2], (query, text)


@some(60)
@given(query=pipelines(most=7))
def test_plans_are_equal(plain: cortado.Session, query: str) -> None:
    columns = {"id": pa.int64(), "i": pa.int64(), "j": pa.int64(), "x": pa.float64(), "s": pa.string(), "k": pa.string(), "b": pa.bool_(),
               "d": pa.timestamp("us", "UTC")}  # fmt: skip
    sources = {"t": pa.schema(list(columns.items())).empty_table()}
    one = plain.query(query, sources=sources)
    assert plain.query(one.canonical(), sources=sources).plan == one.plan, one.canonical()
