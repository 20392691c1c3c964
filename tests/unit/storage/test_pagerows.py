"""Some rows of a column chunk against Arrow's: the same values as of the whole column, whatever the writer's options."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cortado.engine.storage.pagechunk import Chunk, Chunks, Leaves
from cortado.engine.storage.pagerows import chosen, taken, values_of

from .test_pagereader import KNOWN, OPTIONS, arrows, columns, same


def opened(path: Path, group: int) -> dict[str, Chunk]:
    file = pq.ParquetFile(path)
    with pa.OSFile(str(path), "rb") as source:
        chunks = Chunks(source, Leaves(file.metadata, file.schema_arrow), group, KNOWN)
        return {n: c for n in chunks.names if (c := chunks.open(n)) is not None}


def plain(array: pa.Array[Any]) -> pa.Array[Any]:
    return array.dictionary.take(array.indices) if isinstance(array, pa.DictionaryArray) else array


def picks(rng: np.random.Generator, n: int) -> list[np.ndarray[Any, Any]]:
    """None, the ends, few, a stretch, and nearly all of the rows."""
    few = np.flatnonzero(rng.random(n) < 0.01)
    low = int(rng.integers(0, n))
    most = np.flatnonzero(rng.random(n) < 0.9)
    found = [np.empty(0), np.unique([0, n - 1]), few, np.arange(low, min(n, low + 40)), most]
    return [rows.astype(np.int32) for rows in found]


@pytest.mark.parametrize("options", OPTIONS, ids=lambda o: "-".join(str(v) for v in o.values()))
@pytest.mark.parametrize("nulls", [0.0, 0.3, 1.0])
def test_some_rows_are_those_of_the_whole(tmp_path: Path, options: dict[str, Any], nulls: float) -> None:
    rng = np.random.default_rng(len(str(options)))
    n_taken = 0
    for n, n_distinct in ((1, 1), (3000, 9), (9000, 200), (5000, 4000)):
        path = tmp_path / f"{n}.parquet"
        pq.write_table(pa.table(columns(rng, n, n_distinct, nulls)), path, row_group_size=max(n // 2, 1), **options)
        for rows in picks(rng, max(n // 2, 1)):
            for name, chunk in opened(path, 0).items():
                found = taken(chunk, rows)
                if found is None:
                    continue
                n_taken += 1
                wanted = arrows(path, 0, name).take(pa.array(rows))
                assert same(plain(found), wanted), (name, n, len(rows))
                assert found.null_count == wanted.null_count
    assert n_taken > 20 or options["compression"] == "lz4"


@pytest.mark.parametrize("options", OPTIONS, ids=lambda o: "-".join(str(v) for v in o.values()))
@pytest.mark.parametrize("nulls", [0.0, 0.3, 1.0])
def test_rows_by_the_dictionary(tmp_path: Path, options: dict[str, Any], nulls: float) -> None:
    rng = np.random.default_rng(7)
    for n, n_distinct in ((1, 1), (3000, 9), (9000, 200)):
        path = tmp_path / f"{n}.parquet"
        pq.write_table(pa.table(columns(rng, n, n_distinct, nulls)), path, **options)
        for name, chunk in opened(path, 0).items():
            if not chunk.is_coded:
                continue
            data = chunk.unpacked()
            values = values_of(chunk)
            assert data is not None and values is not None
            passes = (rng.random(len(values) + 1) < 0.4).astype(np.uint8)
            rows = chosen(chunk, data, passes)
            assert rows is not None
            wanted = set()
            kept = {_word(v) for v, p in zip(values, passes, strict=False) if p}
            for i, value in enumerate(arrows(path, 0, name)):
                if passes[-1] if not value.is_valid else _word(value) in kept:
                    wanted.add(i)
            assert rows.tolist() == sorted(wanted), name


def _word(value: Any) -> Any:
    if pa.types.is_floating(value.type):
        return np.float64(value.as_py()).tobytes()
    return getattr(value, "value", None) if pa.types.is_timestamp(value.type) else value.as_py()


@pytest.mark.parametrize("version", ["1.0", "2.0"])
@pytest.mark.parametrize("dictionary", [True, False])
def test_pages_are_ruled_out_by_what_they_tell(tmp_path: Path, version: Any, dictionary: bool) -> None:
    """Values in order lie page by page: few pages hold those asked for, and no row is lost."""
    n = 20_000
    for kind in (pa.int64(), pa.int32(), pa.timestamp("us")):
        numbers = np.arange(n) - n // 2
        mask = np.arange(n) % 977 == 5
        path = tmp_path / "x.parquet"
        table = pa.table({"i64": pa.array(numbers, mask=mask).cast(kind)})
        pq.write_table(table, path, data_page_size=1000, data_page_version=version, use_dictionary=dictionary)
        for low, high in ((-50, 50), (n, 2 * n), (-n, n), (n // 2 - 1, n)):
            for nulls_pass in (False, True):
                chunk = opened(path, 0)["i64"]
                rows = chunk.rows_between(low, high, nulls_pass=nulls_pass)
                found = set(range(n)) if rows is None else set(rows.tolist())
                wanted = set(np.flatnonzero((numbers >= low) & (numbers <= high) & ~mask).tolist())
                assert wanted <= found
                if nulls_pass:
                    assert set(np.flatnonzero(mask).tolist()) <= found
                elif high - low == 100:
                    assert len(found) < n // 4


def test_damage_is_seen_in_the_pages_that_are_read(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    path = tmp_path / "x.parquet"
    table = pa.table({"i64": rng.integers(0, 50, 5000), "word": [f"w{k}" for k in rng.integers(0, 50, 5000)]})
    pq.write_table(table, path, write_page_checksum=True, compression="snappy", data_page_size=500)
    whole = path.read_bytes()
    rows = np.arange(0, 5000, 7, dtype=np.int32)
    for _ in range(300):
        at = int(rng.integers(4, len(whole) - 1500))
        path.write_bytes(whole[:at] + bytes([whole[at] ^ (1 << int(rng.integers(0, 8)))]) + whole[at + 1 :])
        try:
            chunks = opened(path, 0)
        except (pa.ArrowException, OSError):
            continue
        for name, chunk in chunks.items():
            found = taken(chunk, rows)
            if found is not None:
                whole_column: Any = table[name].combine_chunks()
                assert plain(found).equals(whole_column.take(pa.array(rows))), at
