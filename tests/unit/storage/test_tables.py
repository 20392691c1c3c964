"""Create, append, read, widen, overwrite, delete, compact, vacuum, drop; imports of many files."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from cortado.engine.storage import parquet, tables
from cortado.engine.storage.paths import Gate
from cortado.engine.storage.tables import Bound, ScanCounts, TableStore
from cortado.planner.text import QueryError

from .conftest import Read, Rows


def files(store: TableStore, name: str = "t") -> list[str]:
    folder = store.snapshot(name).folder
    return sorted(p.name for p in folder.iterdir() if p.name != "_delta_log")


def ids(store: TableStore, read: Read, name: str = "t") -> list[Any]:
    return read(store, name)["id"].to_pylist()


@pytest.fixture
def small_files(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet, "ROW_GROUP_ROWS", 100)
    monkeypatch.setattr(parquet.FilesWriter.__init__, "__kwdefaults__", {"file_rows": 300})


def test_append_and_read_in_stored_order(store: TableStore, rows: Rows, read: Read) -> None:
    assert store.append("t", rows(50), create=True) == tables.Appended(0, 10, True)
    assert store.append("t", rows(0)).version == 1
    assert ids(store, read) == [*range(50, 60), *range(10)]
    snap = store.snapshot("t")
    assert (snap.version, snap.n_rows, len(snap.files)) == (1, store.n_rows("t"), 2) == (1, 20, 2)
    assert [s.place for s in snap.splits()] == [(0, 0), (1, 0)]
    assert store.names() == ["t"] and store.exists("t") and not store.exists("no such")


def test_a_table_must_be_there_or_be_made(store: TableStore, rows: Rows) -> None:
    with pytest.raises(QueryError, match="create=t") as found:
        store.append("t", rows(0))
    assert found.value.code == "E603"
    store.append("weblog", rows(0), create=True)
    with pytest.raises(QueryError) as found:
        store.snapshot("webblog")
    assert found.value.code == "E304" and found.value.suggestions == ("weblog",)
    for name in ("../t", "a b", "", "9x", "_x", "x\n", "x" * 101, "글" * 70):
        with pytest.raises(QueryError) as found:
            store.append(name, rows(0), create=True)
        assert found.value.code == "E603"
    store.append("한글_9", rows(0), create=True)


def test_create(store: TableStore, read: Read) -> None:
    fields: Any = [("a", pa.int32()), ("b", pa.duration("us"))]
    schema = pa.schema(fields)
    assert store.create("t", schema)
    assert not store.create("t", schema, if_absent=True)
    with pytest.raises(QueryError) as found:
        store.create("t", schema)
    assert found.value.code == "E602"
    assert read(store).num_rows == 0
    assert store.snapshot("t").physical.types == [pa.int64(), pa.duration("us")]


def test_a_writers_seq_is_stored_once(store: TableStore, rows: Rows, read: Read) -> None:
    assert store.append("t", rows(0), create=True, writer="w", seq=5).stored
    for seq in (5, 4):
        assert store.append("t", rows(10), writer="w", seq=seq) == tables.Appended(0, 0, False)
    assert store.append("t", rows(10), writer="v", seq=1).stored
    assert store.append("t", rows(20), writer="w", seq=6).stored
    assert ids(store, read) == list(range(30))
    with pytest.raises(QueryError, match="go together"):
        store.append("t", rows(0), writer="w")
    empty = rows(0, 0)
    assert store.append("t", empty, writer="w", seq=7).stored
    assert not store.append("t", rows(0), writer="w", seq=7).stored
    assert len(files(store)) == 3  # what was not stored left no file


def test_widening(store: TableStore, rows: Rows, read: Read) -> None:
    store.append("t", rows(0, 2), create=True)
    wider = rows(2, 1).append_column("x", pa.array([1.5]))
    store.append("t", wider, writer="w", seq=1)
    store.append("t", rows(3, 1))
    assert read(store)["x"].to_pylist() == [None, None, 1.5, None]
    assert store.snapshot("t").schema.names == ["_time", "id", "host", "x"]
    assert read(store, fields=["x", "id"]).column_names == ["x", "id"]
    with pytest.raises(QueryError, match="case alone"):
        store.append("t", pa.table({"ID": [1]}))


def test_overwrite_replaces_rows_and_schema(store: TableStore, rows: Rows, read: Read) -> None:
    store.append("t", rows(0), create=True)
    store.append("t", pa.table({"id": ["text"]}), overwrite=True)
    assert read(store).to_pylist() == [{"id": "text"}]
    assert store.append("t", pa.table({"id": pa.array([], pa.int64())}), overwrite=True).stored
    assert read(store).num_rows == 0
    assert store.snapshot("t", 0).n_rows == 10
    with pytest.raises(QueryError, match="no version 9"):
        store.snapshot("t", 9)


def test_no_rows_no_commit(store: TableStore, rows: Rows) -> None:
    store.append("t", rows(0), create=True)
    assert store.append("t", rows(0, 0)).version == 0
    assert store.append("new", rows(0, 0), create=True).version == 0
    assert store.snapshot("new").n_rows == 0


def test_splits_give_fields_in_order_and_counts_without_fields(store: TableStore, rows: Rows) -> None:
    store.append("t", rows(0, 70_000), create=True)
    (split,) = store.snapshot("t").splits()
    assert (split.n_rows, split.bounds("id"), split.bounds("host")) == (70_000, (0, 69_999), ("h0", "h2"))
    assert split.footer.leaves.nbytes(0, split.footer.schema.names) > 10_000
    assert [b.num_rows for b in split.read(["host"])] == [65_536, 4_464]
    assert [(b.num_rows, b.num_columns) for b in split.read([])] == [(65_536, 0), (4_464, 0)]
    batch = next(split.read(["host", "_time"]))
    assert batch.schema.names == ["host", "_time"]
    assert batch.schema.field("host").type == pa.dictionary(pa.int32(), pa.string())
    assert batch.schema.field("_time").type == pa.timestamp("us", "UTC")


def test_reading_can_be_stopped_between_batches(store: TableStore, rows: Rows) -> None:
    store.append("t", rows(0, 1000), create=True)
    (split,) = store.snapshot("t").splits()
    calls = []

    def check() -> None:
        calls.append(1)
        if len(calls) == 3:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        list(split.read(["id"], batch_rows=100, check=check))


# -- imports --------------------------------------------------------------------------------


@pytest.mark.usefixtures("small_files")
def test_an_import_is_many_files_and_one_commit(store: TableStore, rows: Rows, read: Read) -> None:
    store.append("t", rows(0), create=True)
    found = store.begin_import("t", rows(0).schema, writer="w", seq=1)
    for begin in range(10, 1000, 33):
        found.write(rows(begin, min(33, 1000 - begin)).to_batches()[0])
    assert store.snapshot("t").n_rows == 10 and len(files(store)) > 3
    done = found.commit()
    assert found.commit() is done and done == tables.Appended(1, 990, True)
    snap = store.snapshot("t")
    assert ids(store, read) == list(range(1000))
    assert [f.n_rows for f in snap.files] == [10, 300, 300, 300, 90]
    assert [s.n_rows for s in snap.splits()] == [10, *[100] * 9, 90]
    assert len(files(store)) == 5


@pytest.mark.usefixtures("small_files")
def test_an_aborted_import_leaves_nothing(store: TableStore, rows: Rows, read: Read) -> None:
    store.append("t", rows(0), create=True)
    before = files(store)
    found = store.begin_import("t", rows(0).schema)
    found.write(rows(10, 750))
    found.abort()
    found.abort()
    with pytest.raises(ZeroDivisionError), store.begin_import("t", rows(0).schema) as found:
        found.write(rows(10, 750))
        _ = 1 // 0
    bad = rows(0, 400).set_column(1, "id", pa.array(range(400), pa.int64()))
    with pytest.raises(QueryError), store.begin_import("t", bad.schema) as found:
        found.write(bad)
        found.write(pa.table({"id": ["text"]}))
    assert files(store) == before and ids(store, read) == list(range(10))


@pytest.mark.usefixtures("small_files")
def test_others_commit_during_an_import(store: TableStore, rows: Rows, read: Read) -> None:
    store.append("t", rows(0), create=True)
    found = store.begin_import("t", rows(0).schema)
    found.write(rows(100, 700))
    store.append("t", rows(10))
    store.append("t", pa.table({"id": [20], "new": [1]}))
    found.commit()
    assert ids(store, read) == [*range(21), *range(100, 800)]  # in the order of commits


@pytest.mark.usefixtures("small_files")
def test_the_table_changes_its_types_during_an_import(store: TableStore, rows: Rows, read: Read) -> None:
    store.append("t", rows(0), create=True)
    wider = rows(10, 400).append_column("x", pa.array(range(400), pa.int64()))
    found = store.begin_import("t", wider.schema)
    found.write(wider)
    store.append("t", pa.table({"x": pa.array([7], pa.int16())}))
    found.commit()
    assert store.snapshot("t").schema.field("x").type == pa.int16()
    assert read(store)["x"].to_pylist() == [*[None] * 10, 7, *range(400)]
    found = store.begin_import("t", pa.schema([("y", pa.int64())]))
    found.write(pa.table({"y": [1]}))
    store.append("t", pa.table({"y": ["text"]}))
    with pytest.raises(QueryError, match="string in the table"):
        found.commit()
    assert len(files(store)) == len(store.snapshot("t").files)


@pytest.mark.usefixtures("small_files")
def test_the_table_is_dropped_during_an_import(store: TableStore, rows: Rows, read: Read) -> None:
    store.append("t", rows(0), create=True)
    found = store.begin_import("t", rows(0).schema, create=True)
    found.write(rows(0, 400))
    gone = store.begin_import("t", rows(0).schema)
    gone.write(rows(0))
    store.drop("t")
    with pytest.raises(QueryError, match="was dropped"):
        gone.commit()
    store.append("t", rows(70), create=True)
    with pytest.raises(QueryError, match="was dropped"):
        found.commit()
    assert ids(store, read) == list(range(70, 80))


def test_an_import_that_was_stored_before_writes_nothing(store: TableStore, rows: Rows) -> None:
    store.append("t", rows(0), create=True, writer="w", seq=3)
    found = store.begin_import("t", rows(0).schema, writer="w", seq=3)
    found.write(rows(0))
    assert len(files(store)) == 1
    assert found.commit() == tables.Appended(0, 0, False)


# -- rewriting ------------------------------------------------------------------------------


def test_compaction_keeps_order_and_old_versions(store: TableStore, rows: Rows, read: Read) -> None:
    for i in range(20):
        store.append("t", rows(1000 - i * 10), create=True)
    before = read(store)
    snap = store.snapshot("t")
    assert store.compact("t") == 20
    assert store.compact("t") == 0
    assert len(store.snapshot("t").files) == 1
    assert read(store).equals(before)
    assert sum(s.n_rows for s in snap.splits()) == 200  # a reader that began before goes on
    store.append("t", rows(0))
    assert ids(store, read) == [*before["id"].to_pylist(), *range(10)]


def test_compaction_comes_by_itself(store: TableStore, rows: Rows, read: Read, notes: list[str]) -> None:
    most = 0
    for i in range(130):
        store.append("t", rows(i * 10), create=True)
        most = max(most, len(store.snapshot("t").files))
    assert most <= tables.COMPACT_ABOVE_FILES + 5
    assert ids(store, read) == list(range(1300))
    assert notes == []


def test_a_failed_compaction_is_a_note(store: TableStore, rows: Rows, notes: list[str]) -> None:
    for i in range(60):
        store.append("t", rows(i * 10), create=True)
    snap = store.snapshot("t")
    path = snap.folder / snap.files[3].path
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    assert store.append("t", rows(0)).stored
    assert len(notes) == 1 and "not compacted" in notes[0] and "damaged" in notes[0]


def test_purge_and_delete(store: TableStore, rows: Rows, read: Read) -> None:
    for i in range(5):
        store.append("t", rows(i * 10), create=True)
    store.append("t", pa.table({"id": [99]}))
    assert store.purge("t", 15, 31) == 16
    assert ids(store, read) == [*range(15), *range(31, 50), 99]
    assert store.purge("t", 15, 31) == 0
    assert store.purge("t", to_us=5) == 5
    assert store.purge("t", from_us=45) == 5
    assert store.delete("t", lambda t: pa.array([h == "h0" for h in t["host"].to_pylist()])) > 0
    assert 99 in ids(store, read)
    store.append("u", pa.table({"a": [1]}), create=True)
    with pytest.raises(QueryError, match="no date field"):
        store.purge("u")


def test_purge_of_days(store: TableStore, read: Read) -> None:
    days: Any = pa.array([0, 1, 2, None], pa.int32()).cast(pa.date32())
    store.append("t", pa.table({"_time": days}), create=True)
    assert store.purge("t", 86_400_000_000, 2 * 86_400_000_000) == 1
    assert read(store).num_rows == 3


def test_vacuum_removes_what_nobody_needs(store: TableStore, rows: Rows, read: Read) -> None:
    for i in range(10):
        store.append("t", rows(i * 10), create=True)
    store.compact("t")
    folder = store.snapshot("t").folder
    (folder / ".abc.tmp").write_bytes(b"x")
    (folder / "part-0000000000000001-00000000-dead.parquet").write_bytes(b"orphan")
    version = store.snapshot("t").version
    assert store.vacuum("t") == 0
    assert store.vacuum("t", keep_hours=0) == 12
    assert len(files(store)) == 1 and ids(store, read) == list(range(100))
    assert store.snapshot("t").version == version


def test_drop_and_make_anew(store: TableStore, rows: Rows, read: Read, tmp_path: Path) -> None:
    other = TableStore(Gate(), tmp_path / "db", durable=False)
    for i in range(3):
        store.append("t", rows(i * 10), create=True)
    assert other.snapshot("t").version == 2
    assert store.drop("t")
    assert store.names() == [] and not store.drop("t", if_exists=True)
    with pytest.raises(QueryError) as found:
        store.drop("t")
    assert found.value.code == "E304"
    store.append("t", rows(70), create=True)
    assert other.append("t", rows(80)).version == 1
    assert ids(other, read) == ids(store, read) == list(range(70, 90))
    assert os.listdir(tmp_path / "db" / "tables") == ["t"]


def test_checkpoints_and_a_clean_log(
    store: TableStore, rows: Rows, read: Read, monkeypatch: pytest.MonkeyPatch
) -> None:
    from cortado.engine.storage import delta

    monkeypatch.setattr(delta, "CHECKPOINT_EVERY", 10)
    monkeypatch.setattr(tables, "CHECKPOINT_EVERY", 10)
    monkeypatch.setattr(delta, "KEEP_COMMITS", 30)
    for i in range(75):
        store.append("t", rows(i), create=True, writer="w", seq=i)
    log = sorted(os.listdir(store.snapshot("t").folder / "_delta_log"))
    points = [n for n in log if "checkpoint.parquet" in n]
    assert len(points) >= 2
    oldest = min(int(n[:20]) for n in log if n.endswith(".json"))
    version = store.snapshot("t").version
    assert 30 <= version - oldest <= 60
    fresh = TableStore(Gate(), store.snapshot("t").folder.parents[1], durable=False)
    assert fresh.snapshot("t").n_rows == 750
    assert not fresh.append("t", rows(0), writer="w", seq=74).stored  # it survives checkpoints


def test_history(store: TableStore, rows: Rows) -> None:
    store.append("t", rows(0), create=True)
    store.append("t", rows(0))
    assert [h["version"] for h in store.history("t")] == [1, 0]


def test_a_database_path_that_the_package_cannot_open(tmp_path: Path) -> None:
    with pytest.raises(QueryError, match="%"):
        TableStore(Gate(), tmp_path / "a%20b")
    for name in ("a b", "한글", "a#b", "a?b", "[x]"):
        store = TableStore(Gate(), tmp_path / name)
        store.append("t", pa.table({"a": [1]}), create=True)
        assert TableStore(Gate(), tmp_path / name).append("t", pa.table({"a": [1]})).version == 1


@pytest.mark.parametrize("prefix", ["../secret/", "{secret}/"])
def test_a_path_in_the_log_may_not_leave_the_table(store: TableStore, rows: Rows, prefix: str) -> None:
    store.append("t", rows(0), create=True)
    store.append("secret", rows(0), create=True)
    snap = store.snapshot("t")
    commit = snap.folder / "_delta_log" / f"{0:020d}.json"
    secret = store.snapshot("secret")
    path = prefix.format(secret=secret.folder) + secret.files[0].path
    commit.write_text(commit.read_text().replace(snap.files[0].path, path))
    fresh = TableStore(Gate(), snap.folder.parents[1], durable=False)
    with pytest.raises(QueryError):
        fresh.snapshot("secret")  # both are its own folders
        for split in fresh.snapshot("t").splits():
            list(split.read())


def test_pruned_files_are_not_opened(store: TableStore, rows: Rows) -> None:
    for i in range(50):
        store.append("t", rows(i * 10), create=True)
    counts = ScanCounts()
    found = list(store.snapshot("t").splits([Bound("host", "==", "h1")], from_us=100, to_us=105, counts=counts))
    assert [s.place for s in found] == [(10, 0)]
    assert (counts.files, counts.files_opened, counts.row_groups_kept) == (50, 1, 1)
