"""As-of joins of two time-ordered Parquet files of ten times the memory: what is held, what is written, and the answer.

python benchmarks/asof_memory.py [MB of memory] [--keys N] [--threads N]

Each file has rows of 32 bytes (time, key, number, double), five times the memory (default 64 MB: 10 million rows a side) in row
groups of 100,000. Each question runs in a process of its own; printed are the most memory that the engine counted, by
how much the process grew, the bytes spilled, and the time. The answers must be those of Polars, which holds everything.
"""

from __future__ import annotations

import argparse
import multiprocessing
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

GROUP, SPAN_US = 100_000, 6 * 3600 * 10**6
QUESTIONS = {"rows in order": "", "any order": " | stats count, sum(j) as s, sum(i) as t"}


def write(path: Path, n: int, keys: int, column: str, seed: int) -> None:
    """Rows in order of time, a row group at a time."""
    rng, writer = np.random.default_rng(seed), None
    for begin in range(0, n, GROUP):
        rows = min(GROUP, n - begin)
        low, high = SPAN_US * begin // n, SPAN_US * (begin + rows) // n
        table = pa.table(
            {
                "_time": pa.array(np.sort(rng.integers(low, high, rows)), pa.timestamp("us", "UTC")),
                "k": rng.integers(0, keys, rows), column: np.arange(begin, begin + rows), "pad": rng.random(rows),
            }
        )  # fmt: skip
        writer = writer or pq.ParquetWriter(path, table.schema)
        writer.write_table(table)
    assert writer is not None
    writer.close()


def status(name: str) -> int:
    """MB of this process, by the name that Linux has for it."""
    line = next(s for s in Path("/proc/self/status").read_text().splitlines() if s.startswith(name))
    return int(line.split()[1]) >> 10


def ours(folder: Path, question: str, memory: int, threads: int) -> tuple[Any, ...]:
    import cortado

    with cortado.connect(timezone="UTC", threads=threads, memory=memory, kernels="always") as session:
        table = pa.table({"_time": pa.array([1, 2], pa.timestamp("us", "UTC")), "k": [1, 1]})
        session.query("table t | asof k [ table t ]", sources={"t": table}).run()  # all is loaded
        before, begun, cpu = status("VmRSS"), time.perf_counter(), time.process_time()
        query = f"parquetfile {folder}/a.parquet | asof k [ parquetfile {folder}/b.parquet | fields _time, k, j ]"
        running = session.query(query + QUESTIONS[question]).start()
        count = total = mine = last = 0
        in_order = True
        for batch in running.batches():
            if question == "any order":
                count, total, mine = (int(batch[c][0].as_py()) for c in ("count", "s", "t"))
                continue
            i = batch["i"].to_numpy()
            in_order &= bool(i[0] == last and (np.diff(i) == 1).all())
            last = int(i[-1]) + 1
            count, total, mine = count + len(i), total + int(pc.sum(batch["j"]).as_py() or 0), mine + int(i.sum())
        stats = running.stats()
        wall, cpu = time.perf_counter() - begun, time.process_time() - cpu
        grown = status("VmHWM") - before
        return count, total, mine, in_order, stats.peak_memory, grown, stats.spilled_bytes, wall, cpu


def expected(folder: Path) -> tuple[int, int, int]:
    import polars as pl

    a, b = (pl.read_parquet(folder / f"{name}.parquet") for name in "ab")
    got = a.join_asof(b.select("_time", "k", "j"), on="_time", by="k", check_sortedness=False)
    return len(got), int(got["j"].sum()), int(got["i"].sum())


def apart(work: Any, *args: Any) -> Any:
    """In a process of its own, so that its memory is its own."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        return pool.submit(work, *args).result()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("memory", type=int, nargs="?", default=64, help="MB")
    parser.add_argument("--keys", type=int, default=1000)
    parser.add_argument("--threads", type=int, default=2)
    asked = parser.parse_args()
    n = (asked.memory << 20) * 5 // 32
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        write(folder / "a.parquet", n, asked.keys, "i", 1)
        write(folder / "b.parquet", n, asked.keys, "j", 2)
        wanted = apart(expected, folder)
        print(f"{n:,} x {n:,} rows, {asked.keys} keys, {asked.memory} MB of memory, {asked.threads} threads")
        for question in QUESTIONS:
            *got, in_order, peak, grown, spilled, wall, cpu = apart(
                ours, folder, question, asked.memory << 20, asked.threads
            )
            print(
                f"  {question:14s} counted {peak / 2**20:6.1f} MB  process grew by {grown} MB  spilled {spilled >> 20} MB  "
                f"wall {wall:.1f} s  cpu {cpu:.1f} s"
            )
            if tuple(got) != wanted or not in_order or peak > asked.memory << 20:
                raise SystemExit(f"gives {got}, in order: {in_order}; Polars {wanted}")


if __name__ == "__main__":
    main()
