"""Our tables are opened by others; tables of others are read rightly or refused clearly."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import deltalake
import pyarrow as pa
import pytest

from cortado.engine.storage.paths import Gate
from cortado.engine.storage.tables import Bound, TableStore
from cortado.planner.text import QueryError

from .conftest import Read, Rows


def mixed(begin: int) -> pa.Table:
    times: Any = pa.array([begin, begin + 1]).cast(pa.timestamp("us", "UTC"))
    return pa.table(
        {
            "_time": times,
            "host": ["a", None],
            "n": pa.array([1, 2], pa.uint8()),
            "d": pa.array([5, 6], pa.duration("us")),
            "f": pa.array([1.5, None], pa.float32()),
            "l": [[1, 2], None],
            "s": [{"x": 1}, None],
        }
    )


def ids(found: pa.Table) -> list[Any]:
    values: list[Any] = found["id"].to_pylist()
    return sorted(values)


@pytest.fixture
def folder(store: TableStore) -> str:
    for i in range(9):
        store.append("t", mixed(i * 10), create=True)
    store.append("t", pa.table({"new": ["x"]}))
    store.compact("t")
    store.append("t", mixed(90))
    return str(store.snapshot("t").folder)


def test_polars(store: TableStore, folder: str, read: Read) -> None:
    polars = pytest.importorskip("polars")
    found = polars.scan_delta(folder).collect()
    assert found.height == 21
    assert sorted(found["_time"].dt.epoch("us").drop_nulls().to_list()) == sorted(
        v for v in read(store)["_time"].cast(pa.int64()).to_pylist() if v is not None
    )
    assert found["d"].drop_nulls().to_list() == [5, 6] * 10
    late = polars.scan_delta(folder).filter(polars.col("_time").dt.epoch("us") >= 90).collect()
    assert late.height == 2


def test_duckdb(store: TableStore, folder: str) -> None:
    duckdb = pytest.importorskip("duckdb")
    connection = duckdb.connect()
    connection.register("data", deltalake.DeltaTable(folder).to_pyarrow_dataset())
    assert connection.sql("select count(*), sum(n), count(new) from data").fetchall() == [(21, 30, 1)]
    assert store.snapshot("t").n_rows == 21


def test_deltalake_reads_and_writes(store: TableStore, rows: Rows, read: Read, notes: list[str]) -> None:
    store.append("t", rows(0), create=True)
    folder = str(store.snapshot("t").folder)
    deltalake.write_deltalake(folder, rows(10), mode="append")
    store.append("t", rows(20))
    assert read(store)["id"].to_pylist() == list(range(30))
    deltalake.DeltaTable(folder).optimize.compact()
    assert ids(read(store)) == list(range(30))
    deltalake.DeltaTable(folder).delete("id < 5")
    assert ids(read(store)) == list(range(5, 30))
    assert notes == []


def test_foreign_bounds_are_not_trusted_too_far(store: TableStore, read: Read) -> None:
    """Other writers leave NaN out of bounds and cut times."""
    folder = store.gate.make_folder(store._root / "t")
    times: Any = pa.array([1_000_999]).cast(pa.timestamp("us", "UTC"))
    deltalake.write_deltalake(str(folder), pa.table({"t": times, "f": [float("nan")], "n": [1]}), mode="append")
    deltalake.write_deltalake(str(folder), pa.table({"t": times, "f": [1.0], "n": [2]}), mode="append")
    assert read(store, bounds=[Bound("t", ">=", 1_000_999)]).num_rows == 2
    assert read(store, bounds=[Bound("f", ">", 5.0)]).num_rows >= 1


@pytest.mark.parametrize("what", ["partitioned", "naive", "mapped", "vectors"])
def test_what_we_would_read_wrongly_is_refused(store: TableStore, rows: Rows, what: str) -> None:
    folder = str(store.gate.make_folder(store._root / "t"))
    if what == "partitioned":
        deltalake.write_deltalake(folder, rows(0), partition_by=["host"])
    elif what == "naive":
        deltalake.write_deltalake(folder, pa.table({"t": pa.array([1], pa.timestamp("us"))}))
    elif what == "mapped":
        deltalake.write_deltalake(folder, rows(0))
        commit = Path(folder, "_delta_log", f"{0:020d}.json")
        commit.write_text(
            commit.read_text().replace('"configuration":{', '"configuration":{"delta.columnMapping.mode":"name"')
        )
    else:
        deltalake.write_deltalake(folder, rows(0))
        table = deltalake.DeltaTable(folder)
        table.alter.add_feature(deltalake.TableFeatures.DeletionVectors, allow_protocol_versions_increase=True)
    with pytest.raises(QueryError) as found:
        TableStore(Gate(), store._root.parent, durable=False).snapshot("t")
    assert found.value.code == "E605" and "not supported" in found.value.message
