# mypy: disable-error-code="arg-type"
"""What is written and read again is what it was; parts that are merged are what one pass gives."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

import cortado

from .made import some
from .outcome import rows_of
from .sqltables import tables

Sessions = dict[str, cortado.Session]


@some(25)
@given(table=tables())
def test_parquet_keeps_all(plain: cortado.Session, tmp_path_factory: pytest.TempPathFactory, table: pa.Table) -> None:
    path = tmp_path_factory.mktemp("p") / "x.parquet"
    written = plain.query(f"table t | outputparquet {path}", sources={"t": table}).to_arrow()
    assert rows_of(plain.query(f"parquetfile {path}").to_arrow()) == rows_of(written) == rows_of(table)


@some(25)
@given(table=tables(), cut=st.integers(0, 24))
def test_a_stored_table_keeps_all(tmp_path_factory: pytest.TempPathFactory, table: pa.Table, cut: int) -> None:
    with cortado.connect(tmp_path_factory.mktemp("db"), timezone="UTC") as session:
        for part in (table.slice(0, cut), table.slice(cut)):
            session.query("table t | import create=t kept", sources={"t": part}).run()
        assert rows_of(session.query("table kept").to_arrow()) == rows_of(table)


def _types(table: pa.Table) -> str:
    names = {"int64": "long", "double": "double", "string": "string", "bool": "bool"}
    return ", ".join(f"{f.name}: {names.get(str(f.type), 'date')}" for f in table.schema)


@some(25)
@given(table=tables())
def test_csv_and_json_keep_all(
    plain: cortado.Session, tmp_path_factory: pytest.TempPathFactory, table: pa.Table
) -> None:
    """But for what JSON cannot write: it has no infinity and no NaN."""
    folder: Path = tmp_path_factory.mktemp("t")
    plain.query(f"table t | outputcsv {folder}/x.csv", sources={"t": table}).run()
    back = plain.query(f'csvfile schema="{_types(table)}" {folder}/x.csv').run()
    assert rows_of(back.to_arrow()) == rows_of(table)
    assert not [n for n in back.notes if n.kind == "reject"]
    finite = plain.query("table t | eval x = if(abs(x) <= 1e308, x, null)", sources={"t": table}).to_arrow()
    plain.query(f"table t | outputjson {folder}/x.json", sources={"t": finite}).run()
    back = plain.query(f'jsonfile schema="{_types(table)}" {folder}/x.json').run()
    assert rows_of(back.to_arrow()) == rows_of(finite)


EVERY = """count, count(x), sum(i), sum(j), sum(x), avg(x), avg(i), min(x), max(x), min(s), max(d), range(i), first(s), last(j), any(b), dc(x), dc(s),
values(k), array(i), mode(s), mode(x), median(i), percentile(x, 90), p5(i), percentile(i, 50, "nearest"), stddev(i), var(x), stddev_samp(i),
var_samp(i), cov(i, id), corr(i, id), slope(i, id), intercept(i, id), r2(i, id), countif(b), anytrue(b), alltrue(b), argmax(s, i), argmin(d, x)"""


@some(25)
@given(table=tables(most=60), by=st.sampled_from(["", " by k", " by b, k", " by x", " by s"]))
def test_merged_aggregates_are_those_of_one_pass(sessions: Sessions, table: pa.Table, by: str) -> None:
    query = f"table t | stats {EVERY}{by}"
    expected = rows_of(sessions["plain"].query(query, sources={"t": table}).to_arrow())
    for name in ("rows1", "threads", "naive"):
        assert rows_of(sessions[name].query(query, sources={"t": table}).to_arrow()) == expected, name


@some(25)
@given(table=tables(most=60), cuts=st.lists(st.integers(0, 60), max_size=5))
def test_sums_of_parts_are_the_sum(plain: cortado.Session, table: pa.Table, cuts: list[int]) -> None:
    """Bit for bit: sums do not depend on how the rows were parted."""
    edges = [0, *sorted(min(c, table.num_rows) for c in cuts), table.num_rows]
    chunks = pa.concat_tables([table.slice(a, b - a) for a, b in pairwise(edges)])
    query = "table t | stats sum(x), avg(x), var(x), sum(j), corr(i, id) by k"
    assert rows_of(plain.query(query, sources={"t": chunks}).to_arrow()) == rows_of(plain.query(query, sources={"t": table}).to_arrow())  # fmt: skip
