"""Whole queries over a table in memory against DuckDB and Polars: pivot, subtotals, describe, percentiles, sketches, shares.

python benchmarks/aggregates.py [rows] [part of a name]

Figures are CPU seconds of the process, the least of three runs; the three take turns. A ratio above 2 is to the better one.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from typing import Any

import duckdb
import numpy as np
import polars as pl
import pyarrow as pa

import cortado

THREADS = 2
STORES, ITEMS = 40, 500
Polars = Callable[[pl.DataFrame], Any]
QUESTIONS: list[tuple[str, str, str, Polars | None]] = [
    ("sum by store, item", "stats sum(amount) by store, item", "select store, item, sum(amount) from t group by all",
     lambda d: d.group_by("store", "item").agg(pl.col("amount").sum())),
    ("ratio of sums", "stats sum(amount) / sum(size) as r by item",
     "select item, sum(amount) / sum(size) from t group by item",
     lambda d: d.group_by("item").agg(pl.col("amount").sum() / pl.col("size").sum())),
    ("pivot", "pivot sum(amount) by item for store",
     "pivot t on store using sum(amount) group by item",
     lambda d: d.group_by("item", "store").agg(pl.col("amount").sum()).pivot("store", index="item")),
    ("rollup", "rollup sum(amount), count by store, item",
     "select store, item, sum(amount), count(*) from t group by rollup(store, item)", None),
    ("cube", "cube sum(amount), count by store, item, kind",
     "select store, item, kind, sum(amount), count(*) from t group by cube(store, item, kind)", None),
    ("rollup of distinct counts", "rollup dc(item) by store, kind",
     "select store, kind, count(distinct item) from t group by rollup(store, kind)", None),
    ("describe", "describe amount, size, item", "summarize select amount, size, item from t",
     lambda d: d.select("amount", "size", "item").describe()),
    ("percentiles by store", "stats p5(amount), median(amount), p95(amount) by store",
     "select store, quantile_cont(amount, [0.05, 0.5, 0.95]) from t group by store",
     lambda d: d.group_by("store").agg(*(pl.col("amount").quantile(q, "linear").alias(str(q)) for q in (0.05, 0.5, 0.95)))),
    ("median by id", "stats median(amount) by id", "select id, median(amount) from t group by id",
     lambda d: d.group_by("id").agg(pl.col("amount").median())),
    ("estpercentile by store", "stats estpercentile(amount, 95) by store",
     "select store, approx_quantile(amount, 0.95) from t group by store", None),
    ("vwap by item", "stats vwap(amount, size) by item",
     "select item, sum(amount * size) / sum(size) from t group by item",
     lambda d: d.group_by("item").agg((pl.col("amount") * pl.col("size")).sum() / pl.col("size").sum())),
    ("estdc(id)", "stats estdc(id)", "select approx_count_distinct(id) from t",
     lambda d: d.select(pl.col("id").approx_n_unique())),
    ("estdc(id) by store", "stats estdc(id, 12) by store", "select store, approx_count_distinct(id) from t group by store",
     lambda d: d.group_by("store").agg(pl.col("id").approx_n_unique())),
    ("skew, kurt by store", "stats skew(amount), kurt(amount) by store",
     "select store, skewness(amount), kurtosis_pop(amount) from t group by store",
     lambda d: d.group_by("store").agg(pl.col("amount").skew(), pl.col("amount").kurtosis().alias("k"))),
    ("latest by item", "stats latest(amount) by item", "select item, arg_max(amount, _time) from t group by item",
     lambda d: d.group_by("item").agg(pl.col("amount").sort_by("_time").last())),
    ("top items by store", "top limit=3 item by store",
     """select store, item, c, 100 * c / sum(c) over (partition by store) from (select store, item, count(*) c from t group by all)
     qualify row_number() over (partition by store order by c desc, item) <= 3""", None),
    ("boxplot by store", "boxplot outliers=t amount by store",
     """select store, min(amount), quantile_cont(amount, [0.25, 0.5, 0.75]), max(amount), count(amount) from t
     group by store""", None),
    ("histogram", "histogram bins=50 amount", "select histogram(amount) from (select floor(amount) amount from t)",
     lambda d: d["amount"].hist(bin_count=50)),
]  # fmt: skip


def data(n: int) -> pa.Table:
    rng = np.random.default_rng(7)
    items = pa.array([f"item {i:04}" for i in range(ITEMS)])
    stores = pa.array([f"s{i:02}" for i in range(STORES)])
    picked = np.minimum((rng.pareto(1.2, n) * 20).astype(np.int64), ITEMS - 1)
    return pa.table(
        {
            "_time": pa.array(1_760_000_000_000_000 + rng.integers(0, 10**12, n)).cast(pa.timestamp("us", "UTC")),
            "store": stores.take(pa.array(rng.integers(0, STORES, n))),
            "item": items.take(pa.array(picked)),
            "kind": pa.array(["a", "b", "c"]).take(pa.array(rng.integers(0, 3, n))),
            "amount": pa.array(rng.gamma(2.0, 50.0, n)),
            "size": pa.array(rng.integers(1, 1000, n)),
            "id": pa.array(rng.integers(0, n // 4, n)),
        }
    )


def cpu(call: Callable[[], Any]) -> tuple[float, float]:
    began, wall = time.process_time(), time.perf_counter()
    call()
    return time.process_time() - began, time.perf_counter() - wall


def main() -> None:
    n = int(sys.argv[1]) if len(sys.argv) > 1 else 2_000_000
    wanted = sys.argv[2] if len(sys.argv) > 2 else ""
    table = data(n)
    frame: Any = pl.from_arrow(table)
    print(f"{n:,} rows, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}; CPU seconds (wall)")
    print(f"{'question':28} {'ours':>15} {'duckdb':>15} {'polars':>15}   ours / better")
    with duckdb.connect(config={"threads": THREADS}) as db, cortado.connect(timezone="UTC", threads=THREADS) as session:
        db.register("arrow", table)
        db.execute("create table t as select * from arrow")
        for name, ours, sql, polars in QUESTIONS:
            if wanted not in name:
                continue
            runs: dict[str, Callable[[], Any]] = {
                "ours": lambda q=ours: session.query(f"table t | {q}", sources={"t": table}).to_arrow(),  # type: ignore[misc]
                "duckdb": lambda s=sql: db.sql(s).to_arrow_table(),  # type: ignore[misc]
            }
            if polars is not None:
                runs["polars"] = lambda p=polars: p(frame)  # type: ignore[misc]
            found: dict[str, list[tuple[float, float]]] = {k: [] for k in runs}
            for _ in range(3):
                for which, run in runs.items():
                    found[which].append(cpu(run))
            best = {k: (min(c for c, _ in v), min(w for _, w in v)) for k, v in found.items()}
            shown = " ".join(
                f"{best[k][0]:7.3f} ({best[k][1]:.3f})" if k in best else " " * 15 for k in ("ours", "duckdb", "polars")
            )
            better = min(c for k, (c, _) in best.items() if k != "ours")
            print(f"{name:28} {shown}   {best['ours'][0] / max(better, 1e-3):6.2f}", flush=True)


if __name__ == "__main__":
    main()
