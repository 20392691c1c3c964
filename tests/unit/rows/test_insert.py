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


def test_a_table_that_changes_meanwhile_keeps_all_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`web` is made with other types while the query runs: `mail`, which comes first, gets nothing either."""
    with cortado.connect(tmp_path / "db") as session:
        finish = inserting.InsertTransform.finish

        def then(self: inserting.InsertTransform, local: inserting.InsertLocal, emit: object) -> None:
            session.append("web", pa.table({"n": ["text"]}))
            finish(self, local, emit)  # type: ignore[arg-type]

        monkeypatch.setattr(inserting.InsertTransform, "finish", then)
        rows = pa.table({"k": ["mail", "web"], "n": [2, 3]})
        with pytest.raises(cortado.QueryError, match="E603"):
            session.query("table t | insert create=t table=k", sources={"t": rows}).run()
        assert session.query("system tables | fields name").to_pylist() == [{"name": "web"}]
        assert session.query("table web").to_pylist() == [{"n": "text"}]


@pytest.mark.parametrize("nth", [1, 2])
def test_a_full_disk_while_data_is_written_keeps_all_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, nth: int
) -> None:
    from cortado.engine.storage import parquet

    with cortado.connect(tmp_path / "db") as session:
        session.append("mail", pa.table({"n": [1]}))
        close, calls = parquet.FilesWriter.close, 0

        def full(self: parquet.FilesWriter) -> object:
            nonlocal calls
            calls += 1
            if calls == nth:
                raise OSError(28, "No space left on device")
            return close(self)

        monkeypatch.setattr(parquet.FilesWriter, "close", full)
        rows = pa.table({"k": ["mail", "web"], "n": [2, 3]})
        with pytest.raises(cortado.QueryError, match="E605"):
            session.query("table t | insert create=t table=k", sources={"t": rows}).run()
        assert session.query("system tables | fields name").to_pylist() == [{"name": "mail"}]
        assert session.query("table mail").to_pylist() == [{"n": 1}]
        assert len(list((tmp_path / "db" / "tables").rglob("*.parquet"))) == 1


def test_a_log_that_cannot_be_written_says_what_is_stored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from cortado.engine.storage import delta

    with cortado.connect(tmp_path / "db") as session:
        create, calls = delta.Log.create, 0

        def full(self: delta.Log, *args: object) -> None:
            nonlocal calls
            calls += 1
            if calls == 2:
                raise OSError(28, "No space left on device")
            create(self, *args)  # type: ignore[arg-type]

        monkeypatch.setattr(delta.Log, "create", full)
        rows = pa.table({"k": ["mail", "web"], "n": [2, 3]})
        with pytest.raises(cortado.QueryError, match="stored already: `mail`"):
            session.query("table t | insert create=t table=k", sources={"t": rows}).run()
        assert session.query("table mail").to_pylist() == [{"n": 2}]
