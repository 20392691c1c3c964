"""What a power loss leaves behind: repaired loudly where that is sure, refused where it is not."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest

from cortado.engine.storage import delta, tables
from cortado.engine.storage.paths import Gate
from cortado.engine.storage.tables import TableStore
from cortado.planner.text import QueryError

from .conftest import Rows


def commit(folder: Path, version: int) -> Path:
    return folder / "_delta_log" / f"{version:020d}.json"


def fresh(folder: Path) -> tuple[TableStore, list[str]]:
    notes: list[str] = []
    return TableStore(Gate(), folder.parents[1], durable=False, note=notes.append), notes


def steps(rows: Rows) -> dict[str, pa.Table]:
    return {"append": rows(20), "widen": rows(20).append_column("x", pa.array(range(10)))}


@pytest.fixture(params=["append", "txn", "overwrite", "overwrite-schema", "widen", "compact", "delete", "create"])
def newest(request: pytest.FixtureRequest, store: TableStore, rows: Rows) -> tuple[Path, int, int]:
    """A table whose newest commit is of some kind: its folder, version, and rows before that commit."""
    kind = request.param
    if kind == "create":
        store.append("t", rows(0), create=True)
        return store.snapshot("t").folder, 0, 0
    for i in range(8):
        store.append("t", rows(i * 10), create=True)
    n = 80
    if kind == "append":
        store.append("t", rows(0))
    elif kind == "txn":
        store.append("t", rows(0), writer="w", seq=1)
    elif kind == "overwrite":
        store.append("t", rows(0), overwrite=True)
    elif kind == "overwrite-schema":
        store.append("t", pa.table({"other": ["text"]}), overwrite=True)
    elif kind == "widen":
        store.append("t", rows(0, 0).append_column("x", pa.array([], pa.int64())))
    elif kind == "compact":
        assert store.compact("t") == 8
    else:
        assert store.purge("t", 5, 25) == 20
    snap = store.snapshot("t")
    return snap.folder, snap.version, n


def test_a_whole_commit_is_never_repaired(newest: tuple[Path, int, int]) -> None:
    folder, version, _ = newest
    store, notes = fresh(folder)
    assert store.snapshot("t").version == version
    assert notes == []


def cuts(raw: bytes) -> Iterator[bytes]:
    """At each line's edges and some bytes between, bare and filled with NUL to the length."""
    edges = {i for i, byte in enumerate(raw) if byte == 10}
    places = {
        0,
        1,
        *edges,
        *(e + 1 for e in edges),
        *(e + 2 for e in edges),
        *range(0, len(raw), max(1, len(raw) // 5)),
    }
    for at in sorted(p for p in places if p < len(raw.rstrip(b"\n"))):
        yield raw[:at]
        yield raw[:at] + bytes(len(raw) - at)


def test_a_cut_commit_is_moved_aside(newest: tuple[Path, int, int], rows: Rows, tmp_path: Path) -> None:
    folder, version, n_before = newest
    raw = commit(folder, version).read_bytes()
    spare = tmp_path / "spare"
    shutil.copytree(folder, spare)
    for i, cut in enumerate(cuts(raw)):
        shutil.rmtree(folder)
        shutil.copytree(spare, folder)
        commit(folder, version).write_bytes(cut)
        store, notes = fresh(folder)
        if version == 0:
            if store.exists("t"):
                with pytest.raises(QueryError):
                    store.snapshot("t")
        else:
            snap = store.snapshot("t")
            assert (snap.version, snap.n_rows) == (version - 1, n_before), cut
            assert sum(s.n_rows for s in snap.splits()) == n_before
        assert len(notes) == 1 and "half written" in notes[0]
        assert any(name.startswith("damaged-") for name in os.listdir(folder / "_delta_log"))
        if i % 7 == 0:  # the retry stores the rest
            assert store.append("t", rows(0), create=True).version == version


def test_a_commit_without_its_data_file(store: TableStore, rows: Rows) -> None:
    for i in range(3):
        store.append("t", rows(i * 10), create=True)
    snap = store.snapshot("t")
    path = snap.folder / snap.files[-1].path
    raw = path.read_bytes()
    path.write_bytes(raw[:-1])
    other, notes = fresh(snap.folder)
    assert other.snapshot("t").n_rows == 20
    assert "cut off" in notes[0]
    assert other.append("t", rows(20)).version == 2
    (snap.folder / other.snapshot("t").files[-1].path).unlink()
    other, notes = fresh(snap.folder)
    assert other.snapshot("t").n_rows == 20
    assert "missing" in notes[0]


@pytest.mark.parametrize("damage", [b"", None, b"\0" * 700, b"{"])
def test_damage_below_the_newest_commit_is_an_error(store: TableStore, rows: Rows, damage: bytes | None) -> None:
    for i in range(4):
        store.append("t", rows(i * 10), create=True)
    folder = store.snapshot("t").folder
    before = {p.name for p in (folder / "_delta_log").iterdir()}
    if damage is None:
        commit(folder, 2).unlink()
        before.remove(commit(folder, 2).name)
    else:
        commit(folder, 2).write_bytes(damage)
    other, _ = fresh(folder)
    with pytest.raises(QueryError) as found:
        other.snapshot("t")
    assert found.value.code == "E605"
    assert {p.name for p in (folder / "_delta_log").iterdir()} == before


@pytest.fixture
def with_checkpoints(store: TableStore, rows: Rows, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(delta, "CHECKPOINT_EVERY", 5)
    monkeypatch.setattr(tables, "CHECKPOINT_EVERY", 5)
    for i in range(13):
        store.append("t", rows(i * 10), create=True)
    return store.snapshot("t").folder


@pytest.mark.parametrize("how", ["empty", "cut", "missing", "garbage", "nul", "inside"])
def test_a_damaged_checkpoint(with_checkpoints: Path, how: str) -> None:
    folder = with_checkpoints
    path = folder / "_delta_log" / f"{10:020d}.checkpoint.parquet"
    raw = path.read_bytes()
    if how == "missing":
        path.unlink()
    else:
        half = len(raw) // 2
        damaged = {"empty": b"", "cut": raw[:half], "garbage": b"x" * len(raw), "nul": bytes(len(raw))}
        path.write_bytes(damaged.get(how, raw[:100] + bytes(half - 100) + raw[half:]))
    store, notes = fresh(folder)
    assert store.snapshot("t").n_rows == 130
    assert notes and all("table `t`" in n for n in notes)
    again, quiet = fresh(folder)
    assert again.snapshot("t").n_rows == 130 and quiet == []


@pytest.mark.parametrize("text", [b"", b"{", b"\0" * 90, b"{}", b'{"version":7,"size":3}'])
def test_a_damaged_pointer(with_checkpoints: Path, text: bytes) -> None:
    (with_checkpoints / "_delta_log" / "_last_checkpoint").write_bytes(text)
    store, notes = fresh(with_checkpoints)
    assert store.snapshot("t").n_rows == 130
    assert "pointer" in notes[0]


def test_the_only_checkpoint_damaged_and_no_commits_left(with_checkpoints: Path) -> None:
    log = with_checkpoints / "_delta_log"
    (log / f"{5:020d}.checkpoint.parquet").unlink()
    for version in range(10):
        commit(with_checkpoints, version).unlink()
    path = log / f"{10:020d}.checkpoint.parquet"
    path.write_bytes(path.read_bytes()[:-4])
    store, _ = fresh(with_checkpoints)
    with pytest.raises(QueryError, match="only checkpoint"):
        store.snapshot("t")


def test_damage_seen_by_a_store_that_is_open(store: TableStore, rows: Rows) -> None:
    """Another process may have been cut short while this one lived on."""
    for i in range(3):
        store.append("t", rows(i * 10), create=True)
    folder = store.snapshot("t").folder
    commit(folder, 3).write_bytes(b"")
    assert store.append("t", rows(30)).version == 3
    assert store.snapshot("t").n_rows == 40


def test_an_uncertain_commit_keeps_its_files(store: TableStore, rows: Rows, monkeypatch: pytest.MonkeyPatch) -> None:
    """The fsync after the commit fails: the rows are in the log, so their file must stay."""
    store.append("t", rows(0), create=True)

    def broken(version: int) -> None:
        raise OSError(5, "input/output error")

    log = store._log("t")
    monkeypatch.setattr(log, "_settle", broken)
    with pytest.raises(QueryError, match="cannot be written"):
        store.append("t", rows(10), writer="w", seq=1)
    other, notes = fresh(log.folder)
    assert sum(s.n_rows for s in other.snapshot("t").splits()) == 20 and notes == []
    assert not other.append("t", rows(10), writer="w", seq=1).stored


def test_a_full_disk_is_no_conflict(store: TableStore, rows: Rows, monkeypatch: pytest.MonkeyPatch) -> None:
    store.append("t", rows(0), create=True)
    log = store._log("t")
    act = log._act

    def full(what: object, version: int, id_: str) -> None:
        def fails() -> None:
            raise OSError(28, "no space left on device")

        act(fails, version, id_)

    monkeypatch.setattr(log, "_act", full)
    with pytest.raises(QueryError, match="cannot be written"):
        store.append("t", rows(10))
    monkeypatch.undo()
    assert store.append("t", rows(10)).version == 1
