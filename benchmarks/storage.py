"""Tables: how long a durable append takes as a table grows, and a scan against raw Parquet.

python benchmarks/storage.py [--appends 1000] [--rows 4000000] [--folder DIR]
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from cortado.engine.storage.paths import Gate
from cortado.engine.storage.tables import ScanCounts, TableStore

SMALL = 100
AROUND = 10  # appends before and after the one that is reported


def rows(begin: int, n: int) -> pa.Table:
    """Like a web log: time, store, item, host, bytes, latency."""
    rng = np.random.default_rng(begin)
    times: Any = pa.array(np.arange(begin, begin + n) * 1000).cast(pa.timestamp("us", "UTC"))
    hosts = pa.array([f"host{i:03d}" for i in range(200)])
    codes: Any = pa.array(rng.integers(0, 200, n))
    return pa.table(
        {
            "_time": times,
            "store": pa.array(rng.integers(0, 100, n)),
            "item": pa.array(rng.integers(0, 100_000, n)),
            "host": hosts.take(codes),
            "bytes": pa.array(rng.integers(0, 1 << 20, n)),
            "lat": pa.array(rng.random(n)),
        }
    )


def appends(folder: Path, n: int) -> None:
    store = TableStore(Gate(), folder)
    took = []
    for i in range(n):
        part = rows(i * SMALL, SMALL)
        begin = time.perf_counter()
        store.append("t", part, create=True, writer="bench", seq=i)
        took.append((time.perf_counter() - begin) * 1000)
    print(f"append of {SMALL} rows, durable, compaction included (ms):")
    for at in (10, 100, 1000, 10_000):
        if at <= n:
            near = sorted(took[max(0, at - AROUND) : at + AROUND])
            print(f"  around the {at}th: p50 {statistics.median(near):.1f}  p95 {near[int(len(near) * 0.95)]:.1f}")
    ordered = sorted(took)
    print(f"  all {n}: p50 {statistics.median(took):.1f}  p95 {ordered[int(n * 0.95)]:.1f}  max {ordered[-1]:.1f}")
    print(f"  {len(store.snapshot('t').files)} live files")


def best(work: Callable[[], int], times: int = 5) -> float:
    found = []
    for _ in range(times):
        begin = time.perf_counter()
        work()
        found.append(time.perf_counter() - begin)
    return min(found)


def scans(folder: Path, n: int) -> None:
    store = TableStore(Gate(), folder)
    begin = time.perf_counter()
    with store.begin_import("big", rows(0, 1).schema, create=True) as found:
        for at in range(0, n, 65_536):
            found.write(rows(at, min(65_536, n - at)))
    print(f"import of {n} rows: {time.perf_counter() - begin:.2f} s")
    snap = store.snapshot("big")
    raw = folder / "raw"
    raw.mkdir()
    for i, file in enumerate(snap.files):
        table = pq.read_table(snap.folder / file.path)
        pq.write_table(table, raw / f"{i}.parquet", compression="zstd", compression_level=1, row_group_size=131_072)
    for what, fields in (("all fields", snap.schema.names), ("2 fields", ["host", "bytes"])):

        def ours(fields: list[str] = fields) -> int:
            return sum(b.num_rows for s in store.snapshot("big").splits() for b in s.read(fields))

        def plain(fields: list[str] = fields) -> int:
            total = 0
            for path in sorted(raw.iterdir()):
                dictionary = [f for f in fields if f == "host"]
                file = pq.ParquetFile(path, read_dictionary=dictionary)
                for batch in file.iter_batches(65_536, columns=fields, use_threads=False):
                    total += batch.num_rows
            return total

        assert ours() == plain() == n
        a, b = best(ours), best(plain)
        print(f"scan, {what}, one thread: {a:.3f} s, raw Parquet {b:.3f} s, ratio {a / b:.2f}")
    counts = ScanCounts()
    window = n * 1000 // 100
    took = best(
        lambda: sum(s.n_rows for s in snap.splits(from_us=window * 50, to_us=window * 51, counts=counts)), times=1
    )
    print(
        f"1 % time window: {counts.files_opened} of {counts.files} files opened, {counts.row_groups_kept} row groups, {took * 1000:.1f} ms"
    )


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--appends", type=int, default=1000)
    options.add_argument("--rows", type=int, default=4_000_000)
    options.add_argument("--folder", type=Path, default=None)
    given = options.parse_args()
    folder = given.folder or Path(tempfile.mkdtemp(prefix="storage-"))
    try:
        appends(folder / "small", given.appends)
        scans(folder / "large", given.rows)
    finally:
        if given.folder is None:
            shutil.rmtree(folder)


if __name__ == "__main__":
    main()
