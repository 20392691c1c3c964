"""Joins against DuckDB and Polars: 5 M rows with 200 thousand, two threads, the same answer, from the same Parquet files.

python -m benchmarks.join [rows] [question]
"""

from __future__ import annotations

import os
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

os.environ.setdefault("POLARS_MAX_THREADS", "2")

import duckdb
import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

import cortado
from cortado.engine.kernels import load

HERE = Path(__file__).parent / "data"
THREADS, ROUNDS, N_DIM = 2, 5, 200_000
Question = tuple[str, str, str, Callable[[pl.LazyFrame, pl.LazyFrame], pl.LazyFrame]]

QUESTIONS: list[Question] = [
    ("by number, sum by region", "{a} | join id [ {b} | fields id, region ] | stats sum(bytes) as s by region",
     "select region, sum(bytes) s from a join b using (id) group by region order by region",
     lambda a, b: a.join(b, on="id").group_by("region").agg(pl.col("bytes").sum().alias("s")).sort("region")),
    ("by text, sum by region", "{a} | join ip [ {b} | fields ip, region ] | stats sum(bytes) as s by region",
     "select region, sum(bytes) s from a join b using (ip) group by region order by region",
     lambda a, b: a.join(b.select("ip", "region"), on="ip").group_by("region").agg(pl.col("bytes").sum().alias("s")).sort("region")),
    ("left, by number, count", "{a} | join type=left id [ {b} | fields id, name ] | stats count(name) as n",
     "select count(name) n from a left join b using (id)",
     lambda a, b: a.join(b, on="id", how="left").select(pl.col("name").count().alias("n"))),
    ("without a partner", "{a} | join type=leftonly id [ {b} | search region == \"r1\" ] | stats count as n",
     "select count(*) n from a anti join (select * from b where region = 'r1') using (id)",
     lambda a, b: a.join(b.filter(pl.col("region") == "r1"), on="id", how="anti").select(pl.len().alias("n"))),
    ("two keys, 4 rows a key", "{a} | join status, id as id4 [ {b} | eval status = 200, id4 = id - mod(id, 4) | fields status, id4, name ] | stats count as n",
     "select count(*) n from a join (select 200 as status, id - id % 4 as id, name from b) using (status, id)",
     lambda a, b: a.join(b.select(pl.lit(200, pl.Int64).alias("status"), (pl.col("id") - pl.col("id") % 4).alias("id"), "name"),
                         on=["status", "id"]).select(pl.len().alias("n"))),
    ("all columns out", "{a} | join id [ {b} | fields id, name ]", "select a.*, name from a join b using (id)",
     lambda a, b: a.join(b.select("id", "name"), on="id")),
]  # fmt: skip


def make(n: int) -> tuple[Path, Path]:
    HERE.mkdir(exist_ok=True)
    events, dims = HERE / f"events_{n}.parquet", HERE / f"dims_{N_DIM}.parquet"
    if events.exists() and dims.exists():
        return events, dims
    rng = np.random.default_rng(11)
    ids = rng.permutation(4 * N_DIM)[:N_DIM]
    ips = [f"10.{i >> 16 & 255}.{i >> 8 & 255}.{i & 255}" for i in ids.tolist()]
    dim = pa.table({"id": ids, "ip": ips, "name": [f"host number {i}" for i in ids.tolist()],
                    "region": [f"r{i % 12}" for i in ids.tolist()]})  # fmt: skip
    picked = rng.integers(0, int(N_DIM * 1.25), n)
    known = picked < N_DIM
    key = np.where(known, ids[np.minimum(picked, N_DIM - 1)], 4 * N_DIM + picked)
    texts = np.array([*ips, "192.168.0.1"])
    event = pa.table({"id": key, "ip": texts[np.where(known, picked, N_DIM)], "status": rng.choice([200, 404, 500], n),
                      "bytes": rng.integers(100, 50_000, n), "real": rng.normal(0, 1, n)})  # fmt: skip
    pq.write_table(dim, dims)
    pq.write_table(event, events, row_group_size=250_000)
    return events, dims


def timed(call: Callable[[], Any]) -> tuple[float, float, Any]:
    cpu, begin = time.process_time(), time.perf_counter()
    got = call()
    return time.perf_counter() - begin, time.process_time() - cpu, got


def main() -> None:
    n = int(sys.argv[1]) if len(sys.argv) > 1 else 5_000_000
    wanted = sys.argv[2] if len(sys.argv) > 2 else ""
    events, dims = make(n)
    load.ensure(background=False)
    print(
        f"{n:,} rows with {N_DIM:,}; {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}; medians of {ROUNDS}, wall and (CPU) seconds"
    )
    with duckdb.connect(config={"threads": THREADS}) as db, cortado.connect(threads=THREADS) as s:
        db.execute(f"create view a as select * from '{events}'; create view b as select * from '{dims}'")
        lazy = pl.scan_parquet(events), pl.scan_parquet(dims)
        for name, query, sql, frame in QUESTIONS:
            if wanted not in name:
                continue
            text = query.format(a=f'parquetfile "{events}"', b=f'parquetfile "{dims}"')
            calls: list[Callable[[], Any]] = [
                lambda text=text: s.query(text).run().to_arrow(),
                lambda sql=sql: db.sql(sql).to_arrow_table(),
                lambda frame=frame: frame(*lazy).collect(engine="streaming").to_arrow(),
            ]  # fmt: skip
            found: list[list[tuple[float, float, Any]]] = [[], [], []]
            for _ in range(ROUNDS):
                for i, call in enumerate(calls):
                    found[i].append(timed(call))
            tables = [f[-1][2] for f in found]
            assert tables[0].num_rows == tables[1].num_rows == tables[2].num_rows, name
            if tables[0].num_rows < 100:
                assert tables[0].to_pylist() == tables[1].to_pylist() == tables[2].to_pylist(), name
            wall = [median(t for t, _, _ in f) for f in found]
            cpu = [median(c for _, c, _ in f) for f in found]
            shown = "   ".join(f"{w:.3f} ({c:.3f})" for w, c in zip(wall, cpu, strict=True))
            print(f"{name:28} ours, duckdb, polars: {shown}   duckdb/ours {wall[1] / wall[0]:.2f} ({cpu[1] / cpu[0]:.2f})  "
                  f"polars/ours {wall[2] / wall[0]:.2f} ({cpu[2] / cpu[0]:.2f})")  # fmt: skip
    print(f"peak memory of all: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB")


if __name__ == "__main__":
    main()
