"""Random groupings, subtotals and pivots say what DuckDB says of the same SQL; the same bits in other worlds."""

from __future__ import annotations

from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

import cortado
from tests.tabletext import values_of
from tests.worlds import WORLDS

from .made import some
from .sqltables import tables
from .test_duckdb import judge, plain_values, rows_of_duckdb, same

__all__ = ["judge"]
KEYS = {
    "i": "i", "k": "k", "b": "b", "s": "s", "upper(k) as u": "upper(k)", "i > 1 as w": "i > 1",
}  # fmt: skip
AGGREGATES = {
    "count": "count(*)", "count(k)": "count(k)", "sum(i)": "sum(i)::bigint", "avg(i)": "avg(i)", "min(s)": "min(s)",
    "max(s)": "max(s)", "max(d)": "max(d)", "range(i)": "max(i) - min(i)", "dc(k)": "count(distinct k)",
    "median(i)": "quantile_cont(i, 0.5)", "p25(i)": "quantile_cont(i, 0.25)",
    'percentile(i, 40, "lower")': "list_sort(list(i))[floor(0.4 * (count(i) - 1))::bigint + 1]",
    "stddev(i)": "stddev_pop(i)", "var_samp(i)": "var_samp(i)", "cov(i, id)": "covar_pop(i, id)",
    "kurt(i)": "case when var_pop(i) > 0 then kurtosis_pop(i) end", "entropy(k)": "case when count(k) > 0 then entropy(k) end",
    "values(k)": "list_sort(list(distinct k) filter (k is not null))", "array(i)": "list(i order by rn) filter (i is not null)",
    "first(k)": "first(k order by rn) filter (k is not null)", "last(i)": "last(i order by rn) filter (i is not null)",
    "argmax(s, id)": "arg_max_null(s, id)", "countif(i > 1)": "count(*) filter (i > 1)", "anytrue(b)": "bool_or(b)",
    "alltrue(b)": "bool_and(b)", "mode(k)": "(select v from (select unnest(list(k)) as v) where v is not null group by v order by count(*) desc, v limit 1)",
    "wavg(id, i * i)": "case when sum(i * i) > 0 then sum(id * i * i) / sum(case when id is not null then i * i end) end",
    "sum(i) where b": "sum(i) filter (b)::bigint", "sum(i) / count": "sum(i) / count(*)",
    "max(sum(i), count) - 1": "greatest(sum(i), count(*))::bigint - 1",
    "earliest(i) where isnotnull(d)": "arg_min(i, d)", "skew(i)": """case when var_pop(i) > 0 then
      (avg(i * i * i) - 3 * avg(i) * avg(i * i) + 2 * avg(i) ** 3) / stddev_pop(i) ** 3 end""",
}  # fmt: skip
DRAWN = sorted(set(AGGREGATES) - {"earliest(i) where isnotnull(d)"})  # ties there go by the order of the rows


def asked(keys: list[str], aggs: list[str]) -> tuple[str, str, list[str]]:
    """The list of aggregates in both languages, and the keys in SQL."""
    ours = ", ".join(f"{a} as a{n}" for n, a in enumerate(aggs))
    theirs = ", ".join(f"{AGGREGATES[a]} as a{n}" for n, a in enumerate(aggs))
    return ours, theirs, [KEYS[k] for k in keys]


def compare(session: cortado.Session, db: duckdb.DuckDBPyConnection, table: pa.Table, query: str, sql: str) -> None:
    mine = plain_values(values_of(session.query(query, sources={"t": table}).to_arrow()))
    theirs = plain_values(rows_of_duckdb(db, table, sql))
    differing = [(a, b) for a, b in zip(mine, theirs, strict=False) if not all(map(same, a, b))]
    assert len(mine) == len(theirs) and not differing, f"{query}\n{sql}\n{differing[:3]} of {len(mine)}, {len(theirs)}"


key_lists = st.lists(st.sampled_from(sorted(KEYS)), min_size=1, max_size=3, unique=True)
agg_lists = st.lists(st.sampled_from(DRAWN), min_size=1, max_size=4, unique=True)


@some(60)
@given(table=tables(), keys=st.one_of(st.just([]), key_lists), aggs=agg_lists)
def test_groups(
    plain: cortado.Session, judge: duckdb.DuckDBPyConnection, table: pa.Table, keys: list[str], aggs: list[str]
) -> None:
    ours, theirs, sql_keys = asked(keys, aggs)
    by = f" by {', '.join(keys)}" if keys else ""
    order = ", ".join(f"{k} nulls first" for k in sql_keys)
    head = ", ".join([*sql_keys, theirs])
    tail = f"group by {', '.join(sql_keys)} order by {order}" if keys else ""
    compare(plain, judge, table, f"table t | stats {ours}{by}", f"select {head} from t {tail}")


@some(60)
@given(table=tables(), keys=key_lists, aggs=agg_lists, kind=st.sampled_from(["rollup", "cube"]))
def test_subtotals(
    plain: cortado.Session,
    judge: duckdb.DuckDBPyConnection,
    table: pa.Table,
    keys: list[str],
    aggs: list[str],
    kind: str,
) -> None:
    ours, theirs, sql_keys = asked(keys, aggs)
    level = " + ".join(f"grouping({k})" for k in sql_keys)
    order = ", ".join(f"grouping({k}), {k} nulls first" for k in sql_keys)
    sql = f"select {', '.join(sql_keys)}, {theirs}, {level} from t group by {kind}({', '.join(sql_keys)}) order by {order}"
    compare(plain, judge, table, f"table t | {kind} {ours} by {', '.join(keys)}", sql)


@some(25)
@given(table=tables(), keys=key_lists, aggs=agg_lists, kind=st.sampled_from(["rollup", "cube"]))
def test_subtotals_are_the_same_to_the_bit_in_other_worlds(
    plain: cortado.Session, table: pa.Table, keys: list[str], aggs: list[str], kind: str
) -> None:
    query = f"table t | {kind} {asked(keys, aggs)[0]}, sum(x) as total, stddev(x) as spread by {', '.join(keys)}"
    want = repr(values_of(plain.query(query, sources={"t": table}).to_arrow()))
    for world in ("rows1", "rows3", "threads"):
        with cortado.connect(timezone="UTC", **WORLDS[world]) as session:
            assert repr(values_of(session.query(query, sources={"t": table}).to_arrow())) == want


@some(30)
@given(table=tables(), aggs=agg_lists, rows=st.sampled_from(["i", "b", "s"]))
def test_pivot_is_grouping_laid_out(
    plain: cortado.Session, judge: duckdb.DuckDBPyConnection, table: pa.Table, aggs: list[str], rows: str
) -> None:
    """A column for each value: DuckDB aggregates each of them with a filter."""
    ours = ", ".join(f"{a} as a{n}" for n, a in enumerate(aggs))
    query = f"table t | pivot values=green,null,red {ours} by {rows} for k"
    grouped = f"table t | stats {ours} by {rows}, k"
    cells = {(r[0], r[1]): r[2:] for r in values_of(plain.query(grouped, sources={"t": table}).to_arrow())}
    keys = [r[0] for r in values_of(plain.query(f"table t | stats count by {rows}", sources={"t": table}).to_arrow())]
    none = (None,) * len(aggs)
    want = [(k, *(v for c in ("green", None, "red") for v in cells.get((k, c), none))) for k in keys]
    assert repr([tuple(r) for r in values_of(plain.query(query, sources={"t": table}).to_arrow())]) == repr(want)


reals = st.lists(st.floats(-1e6, 1e6, allow_subnormal=False), min_size=1, max_size=40)


@some(60)
@given(values=reals, n=st.integers(1, 7), method=st.sampled_from(["linear", "midpoint", "lower", "higher"]))
def test_boxes_and_bins_are_those_of_numpy(plain: cortado.Session, values: list[float], n: int, method: Any) -> None:
    table = pa.table({"x": pa.array(values, pa.float64())})
    found = plain.query(f"table t | boxplot outliers=t method={method} x", sources={"t": table}).to_pylist()[0]
    quartiles = np.percentile(values, [25, 50, 75], method=method)
    assert [found["iqr1"], found["iqr2"], found["iqr3"]] == pytest.approx(quartiles.tolist(), rel=1e-12, abs=1e-9)
    fences = (
        found["iqr1"] - 1.5 * (found["iqr3"] - found["iqr1"]),
        found["iqr3"] + 1.5 * (found["iqr3"] - found["iqr1"]),
    )
    assert (found["lower"], found["upper"]) == fences
    assert found["outliers"] == sum(not fences[0] <= v <= fences[1] for v in values)
    rows = plain.query(f"table t | histogram bins={n} x", sources={"t": table}).to_pylist()
    assert sum(r["count"] for r in rows) == len(values)
    for r, last in zip(rows, [*([False] * (len(rows) - 1)), True], strict=True):
        assert r["count"] == sum(r["lo"] <= v < r["hi"] or (last and v == r["hi"]) for v in values)
    assert len(rows) == (n if max(values) > min(values) else 1)
    assert (rows[0]["lo"], rows[-1]["hi"]) == (min(values), max(values))


@some(40)
@given(values=reals, width=st.sampled_from([0.1, 0.25, 3.0, 1000.0, 7.5]))
def test_bins_of_a_span_are_those_of_bucket(plain: cortado.Session, values: list[float], width: float) -> None:
    table = pa.table({"x": pa.array([v / 1e3 for v in values], pa.float64())})
    found = plain.query(
        f"table t | histogram span={width} x | search count > 0 | fields lo, count", sources={"t": table}
    )
    want = plain.query(f"table t | stats count by bucket(x, {width}) as lo", sources={"t": table})
    assert [list(r.values()) for r in found.to_pylist()] == [list(r.values()) for r in want.to_pylist()]
