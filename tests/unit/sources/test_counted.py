"""`stats count` of files and tables that know their rows: the number is right, and nothing is read where values do not decide."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import cortado


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for i, n in enumerate((0, 1, 700)):
        rows = pa.table({"n": pa.array(range(n), pa.int64()), "t": [f"{k}" if k % 7 else "no time" for k in range(n)]})
        pq.write_table(rows, tmp_path / f"{i}.parquet", row_group_size=100)
    return tmp_path


@pytest.mark.parametrize("optimiser", [True, False])
@pytest.mark.parametrize(
    "query, wanted",
    [
        ('parquetfile "{0}/*.parquet" | stats count', {"count": 701}),
        ('parquetfile "{0}/*.parquet" | stats count as a, c as b', {"a": 701, "b": 701}),
        ('parquetfile "{0}/0.parquet" | stats count', {"count": 0}),
        ('parquetfile "{0}/2.parquet" | search n < 5 | stats count', {"count": 5}),
        ('parquetfile limit=10 "{0}/2.parquet" | stats count', {"count": 10}),
        ('parquetfile bad=skip time=t "{0}/2.parquet" | stats count', {"count": 0}),
        ('parquetfile "{0}/2.parquet" | stats count where n > 650', {"count": 49}),
        ('parquetfile "{0}/2.parquet" | limit 3 | stats count', {"count": 3}),
    ],
)
def test_numbers(folder: Path, optimiser: bool, query: str, wanted: dict[str, int]) -> None:
    with cortado.connect(timezone="UTC", optimiser=optimiser) as session:
        assert session.query(query.format(folder)).run().to_pylist() == [wanted]


def test_nothing_is_read(folder: Path) -> None:
    with cortado.connect(timezone="UTC") as session:
        query = session.query(f'parquetfile "{folder}/*.parquet" | stats count')
        assert "as it is stored" in query.explain()
        for path in folder.glob("*.parquet"):
            path.unlink()
        assert query.run().to_pylist() == [{"count": 701}]


def test_tables(folder: Path) -> None:
    with cortado.connect(folder / "db", timezone="UTC") as session:
        for _ in range(2):
            session.query(
                f'parquetfile "{folder}/2.parquet" | limit 250 | eval kept = "kept" | insert create=t table=kept'
            ).run()
        query = session.query("table kept | stats count")
        assert "as it is stored" in query.explain()
        assert query.run().to_pylist() == [{"count": 500}]
