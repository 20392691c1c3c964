"""Sliding `mode` and `entropy` against DuckDB, and against frames that are counted anew: 1 M values, long frames, two threads.

python -m benchmarks.windowcounts [rows]

Both answer in turn in one process on the same data; the least processor time of the repeats counts, wall time beside it. The direct
way (a count of each frame) is asked of the first 5,000 rows and scaled up, as it takes minutes.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa

import cortado

THREADS, REPEATS, DIRECT = 2, 3, 5_000
Ask = Callable[[], Any]


def measured(ask: Ask) -> tuple[Any, float, float]:
    wall, cpu = time.perf_counter(), time.process_time()
    made = ask()
    return made, time.perf_counter() - wall, time.process_time() - cpu


def direct(values: np.ndarray[Any, Any], frame: int, aggregate: str) -> list[Any]:
    out: list[Any] = []
    for i in range(len(values)):
        found, counts = np.unique(values[max(0, i - frame + 1) : i + 1], return_counts=True)
        share = counts / counts.sum()
        out.append(int(found[np.argmax(counts)]) if aggregate == "mode" else float(-(share * np.log2(share)).sum()))
    return out


def main() -> None:
    n = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    rng = np.random.default_rng(1)
    table = pa.table({"i": np.arange(n), "x": rng.zipf(1.4, n) % 5000})
    session = cortado.connect(timezone="UTC", threads=THREADS, kernels="always")
    with duckdb.connect(config={"threads": THREADS}) as db:
        db.register("t", table)
        for aggregate, frame in (("mode", 100), ("mode", 10_000), ("entropy", 100), ("entropy", 10_000)):
            compared(session, db, table, aggregate, frame)


def compared(session: cortado.Session, db: Any, table: pa.Table, aggregate: str, frame: int) -> None:
    over = f"over (order by i rows between {frame - 1} preceding and current row)"
    part = table.slice(0, DIRECT)
    best = {"cortado": (1e9, 1e9), "duckdb": (1e9, 1e9)}
    answers: dict[str, Any] = {}
    asks: dict[str, Ask] = {
        "cortado": lambda: session.query(f"table t | window rows={frame} {aggregate}(x) as got", sources={"t": table}).to_arrow()["got"],
    }  # fmt: skip
    if frame <= 100:
        asks["duckdb"] = lambda: db.execute(f"select {aggregate}(x) {over} as got from t order by i").to_arrow_table()[
            "got"
        ]
    for _ in range(REPEATS):
        for name, ask in asks.items():
            answers[name], wall, cpu = measured(ask)
            best[name] = min(best[name][0], wall), min(best[name][1], cpu)
    want, _, slow = measured(lambda: direct(part["x"].to_numpy(), frame, aggregate))
    np.testing.assert_allclose(answers["cortado"].to_numpy()[: len(want)], want, atol=1e-9)
    wall, cpu = best["cortado"]
    said = f"counted anew cpu {slow * len(table) / len(part):7.1f} s ratio {cpu * len(part) / len(table) / slow:.5f}"
    if "duckdb" in answers:
        if aggregate == "entropy":  # of equally frequent values DuckDB's mode takes any
            np.testing.assert_allclose(answers["duckdb"].to_numpy(), answers["cortado"].to_numpy(), atol=1e-9)
        said += f"   duckdb: wall {best['duckdb'][0]:6.2f} s cpu {best['duckdb'][1]:6.2f} s ratio {cpu / best['duckdb'][1]:.3f}"
    print(f"{aggregate} of {frame:>6,} rows, {len(table):,} in all: wall {wall:5.2f} s cpu {cpu:5.2f} s   {said}")


if __name__ == "__main__":
    main()
