from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from cortado.engine.storage.paths import Gate
from cortado.engine.storage.tables import TableStore

Rows = Callable[..., pa.Table]
Read = Callable[..., pa.Table]


@pytest.fixture
def notes() -> list[str]:
    return []


@pytest.fixture
def store(tmp_path: Path, notes: list[str]) -> TableStore:
    return TableStore(Gate(), tmp_path / "db", durable=False, note=notes.append)


@pytest.fixture
def rows() -> Rows:
    """`rows(begin, n)`: n rows whose ids count up from begin."""

    def make(begin: int, n: int = 10) -> pa.Table:
        ids = list(range(begin, begin + n))
        times: Any = pa.array(ids, pa.int64()).cast(pa.timestamp("us", "UTC"))
        return pa.table({"_time": times, "id": pa.array(ids, pa.int64()), "host": [f"h{i % 3}" for i in ids]})

    return make


@pytest.fixture
def read() -> Read:
    """Everything in a table, in stored order, through its splits, text decoded."""

    def whole(store: TableStore, name: str = "t", fields: list[str] | None = None, **more: Any) -> pa.Table:
        snap = store.snapshot(name)
        names = fields if fields is not None else snap.schema.names
        schema = pa.schema([snap.physical.field(n) for n in names])
        batches: list[pa.RecordBatch] = []
        for split in snap.splits(**more):
            for batch in split.read(names):
                assert batch.num_rows <= 65_536
                columns: list[Any] = [
                    c.cast(pa.string()) if pa.types.is_dictionary(c.type) else c for c in batch.columns
                ]
                batches.append(pa.RecordBatch.from_arrays(columns, schema=schema))
        return pa.Table.from_batches(batches, schema)

    return whole
