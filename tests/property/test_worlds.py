"""The same rows, types and notes in every world: threads, batch sizes, optimiser, kernels, memory.

An example takes some 50 ms in six worlds. The long form is run by hand, and shrinks what it finds for up to five minutes:

    CORTADO_FUZZ=50 python -m pytest tests/property --hypothesis-seed=7
"""

from __future__ import annotations

from itertools import pairwise

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

import cortado

from .made import conditions, pipelines, some, tables
from .outcome import outcome

Sessions = dict[str, cortado.Session]


@some(60)
@given(table=tables(), query=pipelines())
def test_a_pipeline_gives_the_same_in_all_worlds(sessions: Sessions, table: pa.Table, query: str) -> None:
    expected = outcome(sessions["plain"], query, t=table)
    for name, session in sessions.items():
        assert outcome(session, query, t=table) == expected, f"{name}: {query}"


@some(80)
@given(table=tables(), query=pipelines(most=7))
def test_the_optimiser_changes_nothing(sessions: Sessions, table: pa.Table, query: str) -> None:
    """`plain` has it, `rows3` not; they share no batch size either."""
    assert outcome(sessions["plain"], query, t=table) == outcome(sessions["rows3"], query, t=table), query


@some(40)
@given(table=tables(most=40), query=pipelines(), cuts=st.lists(st.integers(0, 40), max_size=4))
def test_chunks_of_the_input_change_nothing(
    plain: cortado.Session, table: pa.Table, query: str, cuts: list[int]
) -> None:
    edges = [0, *sorted(min(c, table.num_rows) for c in cuts), table.num_rows]
    parts = [table.slice(a, b - a) for a, b in pairwise(edges)]
    chunked = pa.concat_tables(parts) if parts else table
    assert outcome(plain, query, t=chunked) == outcome(plain, query, t=table), query


@some(40)
@given(table=tables(), query=pipelines())
def test_dictionaries_change_nothing(plain: cortado.Session, table: pa.Table, query: str) -> None:
    coded = table
    for name in ("s", "k"):
        at = coded.schema.get_field_index(name)
        coded = coded.set_column(at, name, coded[name].dictionary_encode())
    assert outcome(plain, query, t=coded) == outcome(plain, query, t=table), query


@some(40)
@given(table=tables(), condition=conditions(), query=pipelines(refusing=False, most=3))
def test_materialising_at_a_pipe_changes_nothing(
    plain: cortado.Session, table: pa.Table, condition: str, query: str
) -> None:
    first = f"table t | search {condition}"
    rest = query.removeprefix("table t | ")
    try:
        middle = plain.query(first, sources={"t": table}).to_arrow()
    except cortado.QueryError:
        return
    whole, parts = outcome(plain, f"{first} | {rest}", t=table), outcome(plain, f"table t | {rest}", t=middle)
    assert whole[:2] == parts[:2], f"{first} | {rest}"
