"""Random chains of joins, unions, look-ups, filters and aggregations, nested in subqueries, say what DuckDB says.

Each stage is a SELECT over the one before; `rn` is the row number that stands for the order of the rows. All tables have the
fields k (long), s (text) and v (long), and every stage gives just these.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

import cortado

from .made import some

NAMES = ("a", "b", "c")
FIELDS = ("k", "s", "v")


@dataclass
class Make:
    """A query and the SQL that says the same, both as far as they are."""

    draw: Callable[[st.SearchStrategy[Any]], Any]
    withs: list[str] = field(default_factory=list)

    def pick(self, *choices: str) -> str:
        return str(self.draw(st.sampled_from(choices)))

    def view(self, sql: str) -> str:
        """The name under which this SELECT stands in the WITH list."""
        name = f"q{len(self.withs)}"
        self.withs.append(f"{name} as ({sql})")
        return name

    def pipeline(self, depth: int) -> tuple[str, str]:
        """The query, and the view that has its rows."""
        table = self.pick(*NAMES)
        query, view = f"table {table}", self.view(f"select k, s, v, rn from {table}")
        for _ in range(self.draw(st.integers(0, 3))):
            kinds = ["filter", "eval", "stats", "sort", "limit", "lookup", "setq"] + ["join", "union"] * 2 * (depth > 0)
            stage, view = getattr(self, self.pick(*kinds))(view, depth)
            query += " | " + stage
        return query, view

    def filter(self, view: str, depth: int) -> tuple[str, str]:
        ours, sql = self.draw(
            st.sampled_from(
                [("k >= 1", "k >= 1"), ('s == "x"', "s = 'x'"), ("v < 9 or isnull(k)", "(v < 9 or k is null)")]
            )
        )
        return f"search {ours}", self.view(f"select * from {view} where {sql}")

    def eval(self, view: str, depth: int) -> tuple[str, str]:
        return "eval v = v + nvl(k, 0)", self.view(f"select k, s, v + coalesce(k, 0) as v, rn from {view}")

    def stats(self, view: str, depth: int) -> tuple[str, str]:
        key, other = ("k", "s") if self.draw(st.booleans()) else ("s", "k")
        query = f"stats max({other}) as {other}, sum(v) as v by {key} | fields k, s, v"
        return query, self.view(
            f"select k, s, v, row_number() over (order by {key} nulls first) as rn from "
            f"(select {key}, max({other}) as {other}, sum(v)::bigint as v from {view} group by {key})"
        )

    def sort(self, view: str, depth: int) -> tuple[str, str]:
        return "sort s, -v", self.view(
            f"select k, s, v, row_number() over (order by s nulls first, v desc nulls last, rn) as rn from {view}"
        )

    def limit(self, view: str, depth: int) -> tuple[str, str]:
        offset, n = self.draw(st.integers(0, 2)), self.draw(st.integers(0, 5))
        return f"limit {offset} {n}", self.view(f"select * from {view} order by rn limit {n} offset {offset}")

    def lookup(self, view: str, depth: int) -> tuple[str, str]:
        table = self.pick(*NAMES)
        first = f"(select s, v, row_number() over (partition by s order by rn) as nth from {table})"
        return f"lookup {table} s output v", self.view(
            f"select l.k, l.s, r.v, l.rn from {view} l left join {first} r on l.s = r.s and r.nth = 1"
        )

    def setq(self, view: str, depth: int) -> tuple[str, str]:
        """A parameter that a subquery gives; the stage stands anywhere."""
        name = f"p{len(self.withs)}"
        sub, theirs = self.pipeline(0)
        return f"setq [ {sub} | stats max(k) as {name} ] | search k <= ${name}", self.view(
            f"select * from {view} where k <= (select max(k) from {theirs})"
        )

    def union(self, view: str, depth: int) -> tuple[str, str]:
        sub, theirs = self.pipeline(depth - 1)
        return f"union [ {sub} ]", self.view(
            "select k, s, v, row_number() over (order by side, rn) as rn from "
            f"(select *, 0 as side from {view} union all select *, 1 as side from {theirs})"
        )

    def join(self, view: str, depth: int) -> tuple[str, str]:
        sub, theirs = self.pipeline(depth - 1)
        kind, key = self.pick("inner", "left", "leftonly", "right", "rightonly", "full"), self.pick("k", "s", "k, s")
        keys = key.split(", ")
        on = " and ".join(f"l.{k} = r.{k}" for k in keys)
        if kind in ("leftonly", "rightonly"):
            mine, other = (view, theirs) if kind == "leftonly" else (theirs, view)
            met = f"exists (select 1 from {other} r where {on})"
            sql = f"select * from {mine} l where not {met}"
        else:
            cells = [f"coalesce(l.{f}, r.{f}) as {f}" if f in keys else f"case when r.rn is null then l.{f} else r.{f} end as {f}"
                     for f in FIELDS]  # fmt: skip
            order = "row_number() over (order by l.rn nulls last, r.rn nulls last)"
            sql = f"select {', '.join(cells)}, {order} as rn from {view} l {kind} join {theirs} r on {on}"
        return f"join type={kind} {key} [ {sub} ] | fields k, s, v", self.view(sql)


@st.composite
def tables(draw: st.DrawFn) -> dict[str, pa.Table]:
    made = {}
    for name in NAMES:
        n = draw(st.integers(0, 7))
        values = {
            "k": st.none() | st.integers(0, 3),
            "s": st.none() | st.sampled_from("xyz"),
            "v": st.none() | st.integers(0, 20),
        }
        cells = {f: draw(st.lists(values[f], min_size=n, max_size=n)) for f in FIELDS}
        text: Any = pa.array(cells["s"], pa.string())
        made[name] = pa.table({"k": pa.array(cells["k"], pa.int64()), "s": text.dictionary_encode() if draw(st.booleans()) else text,
                               "v": pa.array(cells["v"], pa.int64())})  # fmt: skip
    return made


@st.composite
def queries(draw: st.DrawFn) -> tuple[str, str]:
    make = Make(draw)
    query, view = make.pipeline(2)
    return query, f"with {', '.join(make.withs)} select k, s, v from {view} order by rn"


@pytest.fixture(scope="module")
def judge() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as db:
        db.execute("set threads = 1")
        yield db


def rows(table: pa.Table) -> list[tuple[Any, ...]]:
    return list(zip(*(table[f].to_pylist() for f in FIELDS), strict=True))


@some(120)
@given(given_tables=tables(), made=queries())
def test_nested_subqueries_say_what_sql_says(
    sessions: dict[str, cortado.Session], judge: duckdb.DuckDBPyConnection, given_tables: dict[str, pa.Table], made: tuple[str, str]
) -> None:  # fmt: skip
    query, sql = made
    for name, table in given_tables.items():
        judge.register(f"arrow_{name}", table.append_column("rn", pa.array(range(len(table)), pa.int64())))
        judge.execute(f"create or replace temp table {name} as select k, s::varchar as s, v, rn from arrow_{name}")
    wanted = rows(judge.sql(sql).to_arrow_table())
    for world, session in sessions.items():
        assert rows(session.query(query, sources=given_tables).to_arrow()) == wanted, f"{world}: {query}\n{sql}"
