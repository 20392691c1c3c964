"""`sort` against DuckDB and Polars, two threads each, tables in memory, results as Arrow: python -m benchmarks.sort [rows]

Best of several rounds, engines in turn. A ratio above 1 means that we are quicker.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from threading import Lock
from typing import Any

os.environ["POLARS_MAX_THREADS"] = "2"

import duckdb
import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from cortado.engine.batch import Batch, Origin
from cortado.engine.context import Context, QueryState, Settings
from cortado.engine.memory import Budget
from cortado.engine.notes import At
from cortado.engine.operators.sort import SortSink
from cortado.engine.operators.topk import TopKSink
from cortado.planner.plan import Here, Sort, SortKey
from cortado.planner.types import Schema, of_arrow

THREADS, ROUNDS = 2, 5
KEYS = {"long": ["k"], "string": ["s"], "two keys": ["g", "-v"]}


def table(n: int) -> pa.Table:
    rng = np.random.default_rng(0)
    k = rng.integers(-(2**62), 2**62, n)
    text = pc.binary_join_element_wise("user-", pc.cast(pa.array(k % 100_000_007), pa.string()), "")
    return pa.table({"k": k, "s": text, "g": rng.integers(0, 1000, n), "v": rng.random(n)})


class Ours:
    """The sink under a plain pool: no planner, no scheduler, kernels compiled."""

    def __init__(self, rows: pa.Table) -> None:
        self.schema = Schema(tuple((f.name, of_arrow(f.type)) for f in rows.schema))
        self.batches = rows.to_batches(max_chunksize=65_536)
        self.pool = ThreadPoolExecutor(THREADS)

    def run(self, keys: list[str], limit: int | None = None) -> int:
        query = QueryState(Settings(threads=THREADS), Budget(4 << 30), compiled=lambda: True)
        parsed = tuple(SortKey(k.removeprefix("-"), k.startswith("-")) for k in keys)
        node = Sort(inputs=(Here(columns=self.schema),), keys=parsed, limit=limit)
        sink = (SortSink if limit is None else TopKSink)(node, self.schema, At("2", "sort"))
        try:
            return self._drive(sink, query)
        finally:
            sink.close()

    def _drive(self, sink: SortSink, query: QueryState) -> int:
        def ctx() -> Context:
            return Context(query, query.ledger.worker())

        locals_ = [sink.open(ctx()) for _ in range(THREADS)]
        numbers, lock = count(), Lock()

        def push(local: Any) -> None:
            while True:
                with lock:
                    seq = next(numbers)
                if seq >= len(self.batches):
                    break
                batch = self.batches[seq]
                sink.push(Batch(batch.num_rows, tuple(batch.columns), Origin(seq)), local)
            sink.combine(local)

        list(self.pool.map(push, locals_))
        for task in sink.merge(ctx()):
            task()
        parts = sink.result(ctx()).partitions(65_536)

        def read(part: Any) -> list[Batch]:
            return list(part.batches(ctx()))

        return sum(b.n_rows for batches in self.pool.map(read, parts) for b in batches)


def duck(rows: pa.Table) -> Callable[[list[str], int | None], int]:
    con = duckdb.connect()
    con.execute(f"set threads={THREADS}")
    con.register("given", rows)
    con.execute("create table t as select * from given")

    def run(keys: list[str], limit: int | None) -> int:
        order = ", ".join(
            k.removeprefix("-") + (" desc nulls last" if k.startswith("-") else " nulls first") for k in keys
        )
        return int(
            con.sql(f"select * from t order by {order}" + (f" limit {limit}" if limit else ""))
            .to_arrow_table()
            .num_rows
        )

    return run


def polars(rows: pa.Table) -> Callable[[list[str], int | None], int]:
    frame: Any = pl.from_arrow(rows)

    def run(keys: list[str], limit: int | None) -> int:
        names, down = [k.removeprefix("-") for k in keys], [k.startswith("-") for k in keys]
        lazy = frame.lazy().sort(names, descending=down, nulls_last=down, maintain_order=True)
        return len((lazy.head(limit) if limit else lazy).collect())

    return run


def questions() -> Iterator[tuple[str, list[str], int | None]]:
    for name, keys in KEYS.items():
        yield f"sort by {name}", keys, None
    for name, keys in KEYS.items():
        yield f"top 10 by {name}", keys, 10


def main() -> None:
    rows = table(int(sys.argv[1]) if len(sys.argv) > 1 else 5_000_000)
    ours = Ours(rows)
    engines: dict[str, Callable[[list[str], int | None], int]] = {
        "cortado": ours.run,
        "duckdb": duck(rows),
        "polars": polars(rows),
    }
    print(f"{rows.num_rows:,} rows, {THREADS} threads, best of {ROUNDS}, seconds")
    print(f"{'':24}" + "".join(f"{e:>10}" for e in engines) + "   duckdb/ours  polars/ours")
    for name, keys, limit in questions():
        best = dict.fromkeys(engines, float("inf"))
        for _ in range(ROUNDS):
            for engine, run in engines.items():
                begin = time.perf_counter()
                assert run(keys, limit) == (limit or rows.num_rows)
                best[engine] = min(best[engine], time.perf_counter() - begin)
        mine = best["cortado"]
        print(
            f"{name:24}"
            + "".join(f"{best[e]:10.3f}" for e in engines)
            + f"{best['duckdb'] / mine:13.2f}{best['polars'] / mine:13.2f}"
        )


if __name__ == "__main__":
    main()
