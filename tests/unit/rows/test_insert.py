"""What `insert` stores, and where."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

import cortado
from cortado.engine.operators import inserting

T = pa.table({"k": ["web", "mail", None, "web"] * 500, "n": range(2000), "s": ["x" * 100] * 2000})


@pytest.mark.parametrize("settings", [{"threads": 4, "batch_rows": 7}, {"threads": 1}])
@pytest.mark.parametrize("held", [64 << 20, 1 << 10])
def test_each_row_in_its_table_in_order(
    tmp_path: Path, held: int, settings: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where what waits for a row group is written early."""
    monkeypatch.setattr(inserting, "HELD_BYTES", held)
    with cortado.connect(tmp_path / "db", **settings) as session:  # type: ignore[arg-type]
        session.query("table t | insert create=t table=k | drop", sources={"t": T}).run()
        for name, first in (("web", {0, 3}), ("mail", {1})):
            found = session.query(f"table {name}").to_arrow()
            assert found.schema.names == ["n", "s"]
            assert found["n"].to_pylist() == [i for i in range(2000) if i % 4 in first]


def test_a_failure_stores_nothing_anywhere(tmp_path: Path) -> None:
    with cortado.connect(tmp_path / "db") as session:
        session.append("web", pa.table({"n": [1]}))
        bad = pa.table({"k": ["web", "mail"], "n": [2, 3]})  # mail is not there
        with pytest.raises(cortado.QueryError) as found:
            session.query("table t | insert table=k", sources={"t": bad}).run()
        assert found.value.code == "E603"
        assert session.query("table web").to_pylist() == [{"n": 1}]
        folder = tmp_path / "db" / "tables" / "web"
        assert len(list(folder.glob("*.parquet"))) == 1
        assert not list(folder.glob(".*.tmp"))


def test_a_clash_in_one_table_leaves_the_others(tmp_path: Path) -> None:
    with cortado.connect(tmp_path / "db") as session:
        session.append("web", pa.table({"n": ["text"]}))
        rows = pa.table({"k": ["mail", "web"], "n": [2, 3]})
        with pytest.raises(cortado.QueryError):
            session.query("table t | insert create=t table=k", sources={"t": rows}).run()
        assert session.query("system tables | fields name").to_pylist() == [{"name": "web"}]
