"""A flipped byte of a data file gives the right rows or E605, never other rows."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

import cortado
from cortado.engine.storage import parquet
from cortado.engine.storage.paths import Gate
from cortado.engine.storage.tables import Bound, TableStore
from cortado.planner.text import QueryError

N_SAMPLED = 300


@pytest.fixture
def table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[TableStore, Path]:
    monkeypatch.setattr(parquet, "ROW_GROUP_ROWS", 40)
    store = TableStore(Gate(), tmp_path / "db", durable=False)
    n = 100
    rng = random.Random(1)
    times: Any = pa.array([1000 * i for i in range(n)]).cast(pa.timestamp("us", "UTC"))
    rows = {
        "_time": times,
        "host": [rng.choice(["a", "b", None]) for _ in range(n)],
        "text": [f"{rng.random()}" for _ in range(n)],
        "n": [rng.randrange(1000) for _ in range(n)],
        "l": [[1] * rng.randrange(3) for _ in range(n)],
    }
    store.append("t", pa.table(rows), create=True)
    snap = store.snapshot("t")
    return store, snap.folder / snap.files[0].path


def everything(store: TableStore, bounds: list[Bound]) -> list[tuple[Any, list[dict[str, Any]]]]:
    return [(s.place, [r for b in s.read() for r in b.to_pylist()]) for s in store.snapshot("t").splits(bounds)]


def test_flipped_bytes(table: tuple[TableStore, Path]) -> None:
    store, path = table
    raw = path.read_bytes()
    bounds = [Bound("n", ">=", 900), Bound("host", "==", "b")]
    right, right_pruned = everything(store, []), everything(store, bounds)
    rng = random.Random(7)
    headers = [i for i in range(len(raw)) if i < 4 or i > len(raw) - 9]
    n_errors = 0
    for at in [*headers, *rng.sample(range(len(raw)), min(N_SAMPLED, len(raw)))]:
        bad = bytearray(raw)
        bad[at] ^= 1 << rng.randrange(8)
        path.write_bytes(bad)
        try:
            assert everything(store, []) == right, at
            assert everything(store, bounds) == right_pruned, at
        except QueryError as why:
            assert why.code == "E605", at
            n_errors += 1
    assert n_errors > N_SAMPLED // 2
    path.write_bytes(raw)
    assert everything(store, []) == right


def test_flipped_bytes_where_rows_are_chosen(table: tuple[TableStore, Path], tmp_path: Path) -> None:
    """Filters and sorts' bounds, which read some pages of some columns."""
    _, path = table
    raw = path.read_bytes()
    asked = ('search host == "b" and n > 300', "search n > 300 | sort limit=3 -_time", "sort limit=5 n")
    with cortado.connect(tmp_path / "db", threads=1, timezone="UTC", kernels="always") as session:

        def answers() -> list[Any]:
            return [session.query(f"table t | {query}").run().to_pylist() for query in asked]

        right, n_errors, rng = answers(), 0, random.Random(8)
        for at in rng.sample(range(len(raw)), min(N_SAMPLED, len(raw))):
            bad = bytearray(raw)
            bad[at] ^= 1 << rng.randrange(8)
            path.write_bytes(bad)
            try:
                assert answers() == right, at
            except QueryError as why:
                assert {f.code for f in why.faults} == {"E605"}, at
                n_errors += 1
        path.write_bytes(raw)
        assert n_errors > N_SAMPLED // 3 and answers() == right


@pytest.mark.parametrize("cut", [0, 3, 11, 100, -1])
def test_a_cut_file(table: tuple[TableStore, Path], cut: int) -> None:
    store, path = table
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(QueryError) as found:
        everything(store, [])
    assert found.value.code == "E605"


def test_a_missing_file_is_said(table: tuple[TableStore, Path]) -> None:
    store, path = table
    store.append("t", pa.table({"n": [1]}))
    path.unlink()
    with pytest.raises(QueryError):
        everything(store, [])
