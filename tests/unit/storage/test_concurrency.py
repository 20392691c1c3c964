"""Several threads and processes on one table: every acknowledged row once, no reader sees half a commit."""

from __future__ import annotations

import multiprocessing
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa

from cortado.engine.storage.paths import Gate
from cortado.engine.storage.tables import TableStore

from .conftest import Read

BATCH = 20


def part(writer: int, seq: int, **more: list[Any]) -> pa.Table:
    return pa.table({"writer": [writer] * BATCH, "seq": [seq] * BATCH, "k": list(range(BATCH)), **more})


def open_store(folder: Path) -> TableStore:
    return TableStore(Gate(), folder, durable=False)


def append_all(folder: Path, writer: int, n: int, twice: bool = False) -> None:
    store = open_store(folder)
    for seq in range(n):
        more = {f"w{writer}": [seq] * BATCH} if seq == n // 2 else {}
        for _ in range(2 if twice else 1):
            store.append("t", part(writer, seq, **more), create=True, writer=f"w{writer}", seq=seq)


def tidy_all(folder: Path, n: int) -> None:
    """Compacts, and deletes rows that it stored itself."""
    store = open_store(folder)
    for seq in range(n):
        store.append("t", part(99, seq), create=True)
        store.compact("t")
        store.delete("t", lambda rows: pa.array([w == 99 for w in rows["writer"].to_pylist()]))


def run(*jobs: tuple[Callable[..., None], tuple[Any, ...]]) -> None:
    context = multiprocessing.get_context("spawn")
    children = [context.Process(target=job, args=args) for job, args in jobs]
    for child in children:
        child.start()
    for child in children:
        child.join(60)
        assert child.exitcode == 0


def check_once(found: pa.Table, expected: int) -> None:
    """Every batch of every writer once, whole, its rows together and each writer's batches in order."""
    columns: list[list[Any]] = [found[n].to_pylist() for n in ("writer", "seq", "k")]
    rows = list(zip(*columns, strict=True))
    assert len(rows) == expected * BATCH
    last: dict[int, int] = {}
    for begin in range(0, len(rows), BATCH):
        writer, seq, _ = rows[begin]
        assert rows[begin : begin + BATCH] == [(writer, seq, k) for k in range(BATCH)]
        assert last.get(writer, -1) == seq - 1
        last[writer] = seq


def test_processes(tmp_path: Path, read: Read) -> None:
    """Two that retry the same (writer, seq), two that widen, one that compacts and deletes."""
    folder = tmp_path / "db"
    run(
        (append_all, (folder, 1, 12, True)),
        (append_all, (folder, 1, 12)),
        (append_all, (folder, 2, 12)),
        (tidy_all, (folder, 8)),
    )
    found = read(open_store(folder))
    check_once(found, 24)
    assert {"w1", "w2"} <= set(found.column_names)


def test_threads_share_a_store(tmp_path: Path, read: Read) -> None:
    store = open_store(tmp_path / "db")
    errors: list[BaseException] = []
    stop = threading.Event()

    def guarded(work: Callable[[], None]) -> Callable[[], None]:
        def body() -> None:
            try:
                work()
            except BaseException as why:
                errors.append(why)

        return body

    def write(writer: int) -> None:
        for seq in range(20):
            store.append("t", part(writer, seq), create=True, writer=str(writer), seq=seq)

    def poll() -> None:
        last = 0
        while not stop.is_set():
            if store.exists("t"):
                n = sum(s.n_rows for s in store.snapshot("t").splits())
                assert n % BATCH == 0 and n >= last
                last = n

    def tidy() -> None:
        while not stop.is_set():
            if store.exists("t"):
                store.compact("t")

    writers = [threading.Thread(target=guarded(lambda w=w: write(w))) for w in range(3)]  # type: ignore[misc]
    others = [threading.Thread(target=guarded(poll)), threading.Thread(target=guarded(tidy))]
    for thread in writers + others:
        thread.start()
    for thread in writers:
        thread.join()
    stop.set()
    for thread in others:
        thread.join()
    assert errors == []
    check_once(read(store), 60)


def test_the_same_seq_from_two_stores_that_widen(tmp_path: Path) -> None:
    """Both look, both widen: the second must look again after that."""
    folder = tmp_path / "db"
    stores = [open_store(folder) for _ in range(4)]
    stores[0].append("t", part(0, 0), create=True)
    for round_ in range(10):
        barrier = threading.Barrier(len(stores))
        results: list[bool] = []

        def work(
            store: TableStore, round_: int = round_, barrier: threading.Barrier = barrier, results: list[bool] = results
        ) -> None:
            barrier.wait()
            rows = part(1, round_, **{f"x{round_}": [1] * BATCH})
            results.append(store.append("t", rows, writer="w", seq=round_).stored)

        threads = [threading.Thread(target=work, args=(s,)) for s in stores]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(results) == [False, False, False, True]
    assert stores[0].snapshot("t").n_rows == 11 * BATCH


def test_two_compactors_do_not_double_rows(tmp_path: Path, read: Read) -> None:
    folder = tmp_path / "db"
    for round_ in range(3):
        for seq in range(10):
            open_store(folder).append("t", part(0, round_ * 10 + seq), create=True)
        threads = [threading.Thread(target=open_store(folder).compact, args=("t",)) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    check_once(read(open_store(folder)), 30)


def drop_and_make(folder: Path, n: int) -> None:
    store = open_store(folder)
    for _ in range(n):
        store.drop("t", if_exists=True)


def append_some(folder: Path, n: int) -> None:
    from cortado.planner.text import QueryError

    store = open_store(folder)
    for seq in range(n):
        try:
            store.append("t", part(5, seq), create=True)
        except QueryError as why:
            assert "dropped" in why.message or why.code in ("E304", "E605", "E601"), why


def test_drops_among_appends_leave_a_sound_table(tmp_path: Path, read: Read) -> None:
    folder = tmp_path / "db"
    run((append_some, (folder, 40)), (drop_and_make, (folder, 30)))
    store = open_store(folder)
    store.append("t", part(1, 1), create=True)
    assert read(store).num_rows % BATCH == 0
    snap = store.snapshot("t")
    assert (snap.folder / "_delta_log" / f"{0:020d}.json").exists()
