"""Windows per key against Polars and DuckDB: 5 M trades of 1,000 symbols of Zipf's law, two threads, the same answers.

python benchmarks/window.py [rows]

The rolling mean is asked of every engine with both ends of the span in. Engines run in turn in one process; the least
time of the repeats counts, wall and processor time. Ratios are to Polars with the same kind of key.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from typing import Any

THREADS, KEYS, REPEATS = 2, 1000, 4
os.environ.setdefault("POLARS_MAX_THREADS", str(THREADS))

import duckdb  # noqa: E402
import numpy as np  # noqa: E402
import polars as pl  # noqa: E402
import pyarrow as pa  # noqa: E402

import cortado  # noqa: E402

Ask = Callable[[], Any]


def trades(n: int) -> tuple[pa.Table, pa.Table]:
    """The same trades, with symbols as codes and as text."""
    rng = np.random.default_rng(1)
    names = pa.array([f"S{i:04d}" for i in range(KEYS)])
    codes = pa.array((rng.zipf(1.3, n) % KEYS).astype(np.int32))
    symbols = pa.DictionaryArray.from_arrays(codes, names)
    times = pa.array(np.sort(rng.integers(0, 6 * 3600 * 10**6, n)), pa.timestamp("us", "UTC"))
    price = pa.array(100 + np.cumsum(rng.normal(0, 0.01, n)))
    size = pa.array(rng.integers(1, 1000, n))
    made = {"_time": times, "price": price, "size": size}
    return pa.table({"sym": symbols, **made}), pa.table({"sym": symbols.cast(pa.string()), **made})


QUESTIONS: list[tuple[str, str, Callable[[pl.DataFrame], Any], str]] = [
    (
        "rolling mean of 10 minutes",
        "window span=600s avg(price) as got by sym",
        lambda t: t.select(got=pl.col("price").rolling_mean_by("_time", window_size="600s", closed="both").over("sym")),
        "avg(price) over (partition by sym order by _time range between interval 600 seconds preceding and current row)",
    ),
    (
        "rolling maximum of 10 minutes",
        "window span=600s max(price) as got by sym",
        lambda t: t.select(got=pl.col("price").rolling_max_by("_time", window_size="600s", closed="both").over("sym")),
        "max(price) over (partition by sym order by _time range between interval 600 seconds preceding and current row)",
    ),
    (
        "rolling sum of whole numbers",
        "window span=600s sum(size) as got by sym",
        lambda t: t.select(got=pl.col("size").rolling_sum_by("_time", window_size="600s", closed="both").over("sym")),
        "sum(size) over (partition by sym order by _time range between interval 600 seconds preceding and current row)",
    ),
    (
        "mean of the last 20 rows",
        "window rows=20 avg(price) as got by sym",
        lambda t: t.select(got=pl.col("price").rolling_mean(20, min_samples=1).over("sym")),
        "avg(price) over (partition by sym order by n rows between 19 preceding and current row)",
    ),
    (
        "running sum",
        "window sum(size) as got by sym",
        lambda t: t.select(got=pl.col("size").cum_sum().over("sym")),
        "sum(size) over (partition by sym order by n rows unbounded preceding)",
    ),
    (
        "value of the row before",
        "window lag(price) as got by sym",
        lambda t: t.select(got=pl.col("price").shift(1).over("sym")),
        "lag(price) over (partition by sym order by n)",
    ),
    (
        "total of the group",
        "eventstats sum(price) as got by sym",
        lambda t: t.select(got=pl.col("price").sum().over("sym")),
        "sum(price) over (partition by sym)",
    ),
]


def measured(asks: dict[str, Ask], checks: dict[str, Callable[[Any], float]]) -> dict[str, tuple[float, float]]:
    best = {name: (1e9, 1e9) for name in asks}
    sums: dict[str, float] = {}
    for _ in range(REPEATS):
        for name, ask in asks.items():
            wall, cpu = time.perf_counter(), time.process_time()
            got = ask()
            wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
            best[name] = min(best[name][0], wall), min(best[name][1], cpu)
            if name not in sums:
                sums[name] = checks[name.split()[0]](got)
            del got
    least, most = min(sums.values()), max(sums.values())
    assert most - least <= 1e-6 * abs(most), f"answers differ: {sums}"
    return best


def total(column: Any) -> float:
    values = (
        column.to_numpy() if isinstance(column, pl.Series) else column.combine_chunks().to_numpy(zero_copy_only=False)
    )
    return float(np.nansum(values.astype(np.float64)))


CHECKS: dict[str, Callable[[Any], float]] = {
    "cortado": lambda r: total(r["got"]),
    "polars": lambda r: total(r["got"]),
    "duckdb": lambda r: total(r["got"]),
}


def main() -> None:
    n = int(sys.argv[1]) if len(sys.argv) > 1 else 5_000_000
    coded, text = trades(n)
    session = cortado.connect(timezone="UTC", threads=THREADS, kernels="always")
    db = duckdb.connect(config={"threads": THREADS})
    numbered = text.append_column("n", pa.array(np.arange(n)))
    db.register("trades", numbered)
    frames = {"text": pl.DataFrame(text), "codes": pl.DataFrame(coded)}
    session.query("table t | window span=1s avg(price) as m by sym", sources={"t": coded.slice(0, 100_000)}).run()
    for title, query, polars, sql in QUESTIONS:
        asks: dict[str, Ask] = {}
        for kind, table in (("text", text), ("codes", coded)):
            stage = f"table t | {query} | fields got"
            asks[f"cortado {kind}"] = lambda table=table, stage=stage: session.query(
                stage, sources={"t": table}
            ).to_arrow()
            asks[f"polars {kind}"] = lambda kind=kind, polars=polars: polars(frames[kind])
        asks["duckdb text"] = lambda sql=sql: db.execute(f"select {sql} as got from trades").to_arrow_table()
        best = measured(asks, CHECKS)
        print(f"\n{title}, {n:,} rows")
        for name, (wall, cpu) in best.items():
            peer = best[f"polars {name.split()[1]}"]
            print(
                f"  {name:<14} wall {wall:6.3f} s  cpu {cpu:6.3f} s   to polars {wall / peer[0]:5.2f} {cpu / peer[1]:5.2f}"
            )


if __name__ == "__main__":
    main()
