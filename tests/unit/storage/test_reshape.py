"""Other fields for a stored table: one commit, rows and order as before."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from cortado.engine.storage.paths import Gate
from cortado.engine.storage.tables import TableStore
from cortado.planner.text import QueryError

ROWS = pa.table({"a": pa.array([1, 2, None], pa.int64()), "b": pa.array(["x", None, "z"], pa.string())})


@pytest.fixture
def store(tmp_path: Path) -> TableStore:
    return TableStore(Gate(), tmp_path / "db", durable=False)


def swapped(old: pa.Schema) -> tuple[Sequence[str | None], pa.Schema]:
    names = {"a": "b", "b": "a"}
    return old.names, pa.schema([f.with_name(names.get(f.name, f.name)) for f in old])


def rows(store: TableStore, version: int | None = None) -> dict[str, list[Any]]:
    snap = store.snapshot("t", version)
    found: dict[str, list[Any]] = {n: [] for n in snap.schema.names}
    for split in snap.splits():
        for batch in split.read(snap.schema.names):
            for name, column in zip(batch.schema.names, batch.columns, strict=True):
                found[name] += column.to_pylist()
    return found


def test_names_are_swapped_in_one_commit(store: TableStore) -> None:
    for _ in range(3):
        store.append("t", ROWS, create=True)
    before = store.snapshot("t")
    assert store.reshape("t", swapped) == 9
    after = store.snapshot("t")
    assert after.version == before.version + 1
    assert len(after.files) == 3
    assert rows(store) == {"b": [1, 2, None] * 3, "a": ["x", None, "z"] * 3}
    assert rows(store, before.version) == {"a": [1, 2, None] * 3, "b": ["x", None, "z"] * 3}
    store.append("t", pa.table({"b": [7], "a": ["y"]}))
    assert rows(store)["b"][-1] == 7


def test_a_field_goes_and_the_statistics_with_it(store: TableStore) -> None:
    store.append("t", ROWS, create=True)
    store.reshape("t", lambda old: (["b"], pa.schema([old.field("b")])))
    assert rows(store) == {"b": ["x", None, "z"]}
    store.append("t", pa.table({"a": ["now text"]}))
    assert rows(store) == {"b": ["x", None, "z", None], "a": [None, None, None, "now text"]}


def test_an_append_meanwhile_is_not_lost(store: TableStore) -> None:
    store.append("t", ROWS, create=True)
    looks = []

    def append_once() -> None:
        looks.append(1)
        if len(looks) == 1:
            store.append("t", pa.table({"a": [9], "b": ["late"]}))

    assert store.reshape("t", swapped, append_once) == 4
    assert rows(store) == {"b": [1, 2, None, 9], "a": ["x", None, "z", "late"]}


def test_what_was_stored_by_a_writer_is_remembered(store: TableStore) -> None:
    store.append("t", ROWS, create=True, writer="w", seq=5)
    store.reshape("t", swapped)
    again = store.append("t", pa.table({"b": [1], "a": ["x"]}), writer="w", seq=5)
    assert not again.stored
    assert len(rows(store)["a"]) == 3


def test_a_stop_leaves_the_table_and_no_file(store: TableStore, tmp_path: Path) -> None:
    for _ in range(2):
        store.append("t", ROWS, create=True)
    folder = tmp_path / "db" / "tables" / "t"
    files = sorted(p.name for p in folder.glob("*"))
    looks = []

    def stop_at_second() -> None:
        looks.append(1)
        if len(looks) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        store.reshape("t", swapped, stop_at_second)
    with pytest.raises(KeyboardInterrupt):
        looks.clear()
        store.delete("t", lambda found: pa.array([True] * found.num_rows), check=stop_at_second)
    assert sorted(p.name for p in folder.glob("*")) == files
    assert rows(store)["a"] == [1, 2, None, 1, 2, None]


def test_kinds_of_fields_stay(store: TableStore) -> None:
    odd = pa.table(
        {"d": pa.array([1, None], pa.duration("us")), "u": pa.array([1, 2], pa.uint8()), "l": pa.array([[1], None])}
    )
    store.append("t", odd, create=True)
    before = store.snapshot("t").declared
    store.reshape("t", lambda old: (old.names, pa.schema([f.with_name(f.name * 2) for f in old])))
    after = store.snapshot("t").declared
    assert [t for _, t in after.fields] == [t for _, t in before.fields]
    assert after.names() == ("dd", "uu", "ll")


def test_an_empty_table(store: TableStore) -> None:
    store.create("t", ROWS.schema)
    assert store.reshape("t", swapped) == 0
    assert store.snapshot("t").schema.names == ["b", "a"]
    assert store.widen("t", [pa.field("c", pa.int64())]) == 0
    assert store.snapshot("t").schema.names == ["b", "a", "c"]


def test_names_that_are_there_are_refused(store: TableStore) -> None:
    store.append("t", ROWS, create=True)
    for name in ("a", "A"):
        with pytest.raises(QueryError) as found:
            store.widen("t", [pa.field(name, pa.int64())])
        assert found.value.code == "E603"
    with pytest.raises(QueryError) as found:
        store.reshape("t", lambda old: (["a", "b"], pa.schema([pa.field(n, pa.string()) for n in "xX"])))
    assert found.value.code == "E603"
    assert store.widen("t", [pa.field("c", pa.duration("us"))]) == 3
    assert rows(store) == {"a": [1, 2, None], "b": ["x", None, "z"], "c": [None] * 3}
