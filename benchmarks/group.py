"""Grouping in memory against DuckDB: 5 M rows, text keys of Zipf's law, two threads, the same answer.

python benchmarks/group.py [rows]
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa

from cortado.commands.base import REGISTRY, load
from cortado.engine.arrow import indices
from cortado.engine.batch import Batch, Origin
from cortado.engine.context import Context, QueryState, Settings
from cortado.engine.memory import Budget
from cortado.engine.notes import At
from cortado.engine.operators.aggregate import AggregateSink
from cortado.planner import ast
from cortado.planner.expr import Bound, FieldRef
from cortado.planner.plan import AggCall, Aggregate, Key, Scan
from cortado.planner.types import DOUBLE, LONG, Schema, of_arrow

THREADS, STEP, ROW_GROUP = 2, 65_536, 250_000
QUESTIONS: list[tuple[str, tuple[str, ...], list[tuple[Any, ...]], str]] = [
    ("sum by ip", ("ip",), [("sum", "bytes")], "select ip, sum(bytes) from t group by ip"),
    ("count, sum, avg by ip", ("ip",), [("count",), ("sum", "bytes"), ("avg", "real")],
     "select ip, count(*), sum(bytes), avg(real) from t group by ip"),
    ("min, max by status", ("status",), [("min", "bytes"), ("max", "real")],
     "select status, min(bytes), max(real) from t group by status"),
    ("count by ip, status", ("ip", "status"), [("count",)], "select ip, status, count(*) from t group by ip, status"),
    ("count by id (2 M distinct)", ("id",), [("count",)], "select id, count(*) from t group by id"),
    ("sum by three keys (2 M groups)", ("status", "place", "day"), [("sum", "bytes")],
     "select status, place, day, sum(bytes) from t group by all"),
    ("dc(ip)", (), [("dc", "ip")], "select count(distinct ip) from t"),
    ("dc(ip) by status", ("status",), [("dc", "ip")], "select status, count(distinct ip) from t group by status"),
    ("p95(bytes) by status", ("status",), [("p95", "bytes")],
     "select status, quantile_cont(bytes, 0.95) from t group by status"),
    ("stddev(real) by ip", ("ip",), [("stddev", "real")], "select ip, stddev_pop(real) from t group by ip"),
    ("last(path) by ip", ("ip",), [("last", "path")], "select ip, last(path) from t group by ip"),
]  # fmt: skip


def data(n: int) -> pa.Table:
    rng = np.random.default_rng(7)
    raw = np.unique(rng.integers(2**24, 2**32 - 2**29, 202_000))[:200_000]
    rng.shuffle(raw)
    texts = pa.array([f"{a >> 24 & 255}.{a >> 16 & 255}.{a >> 8 & 255}.{a & 255}" for a in raw.tolist()])
    weight = np.cumsum(1 / np.arange(1, len(raw) + 1) ** 1.05)
    picked = np.searchsorted(weight / weight[-1], rng.random(n)).clip(0, len(raw) - 1)
    status = rng.choice(np.array([200, 304, 404, 301, 500]), n, p=[0.8, 0.1, 0.05, 0.03, 0.02])
    places = pa.array([f"place {i}" for i in range(3000)])
    paths = pa.array([f"/path/number/{i}" for i in range(20_000)])
    return pa.table(
        {
            "ip": texts.take(indices(picked)),
            "status": pa.array(status),
            "bytes": pa.array(rng.integers(100, 5_000_000, n)),
            "real": pa.array(rng.normal(100, 20, n)),
            "id": pa.array(rng.integers(0, 2_000_000, n)),
            "path": paths.take(indices(rng.integers(0, 20_000, n))),
            "place": places.take(indices(rng.integers(0, len(places), n))),
            "day": pa.array(rng.integers(19_000, 19_365, n)),
        }
    )


def node_of(table: pa.Table, keys: tuple[str, ...], aggs: list[tuple[Any, ...]]) -> tuple[Aggregate, Schema]:
    schema = Schema(tuple((f.name, of_arrow(f.type)) for f in table.schema))

    def field(name: str) -> Bound:
        kind = schema.type(name)
        assert kind is not None
        return Bound(FieldRef(type=kind, name=name), ast.Name(name=name))

    calls = []
    for name, *args in aggs:
        function = REGISTRY.aggregates[name]
        kind = LONG if name in ("count", "dc", "sum") or (name in ("min",)) else DOUBLE
        if name in ("last",):
            kind = field(args[0]).type
        calls.append(AggCall(function, tuple(field(a) for a in args), kind, None, name, ast.Name(name=name), None))

    class Nothing:
        def __init__(self) -> None:
            self.schema, self.name = schema, "t"

    source = Scan(relation=Nothing())  # type: ignore[arg-type]
    return Aggregate(inputs=(source,), aggs=tuple(calls), keys=tuple(Key(field(k), k) for k in keys)), schema


def morsels(table: pa.Table, coded: bool) -> list[list[Batch]]:
    """Row groups as the Parquet source gives them: text as dictionaries of the row group."""
    out = []
    for seq, low in enumerate(range(0, table.num_rows, ROW_GROUP)):
        part = table.slice(low, ROW_GROUP)
        columns = [c.combine_chunks() for c in part.columns]
        if coded:
            columns = [c.dictionary_encode() if pa.types.is_string(c.type) else c for c in columns]
        group = []
        for row in range(0, part.num_rows, STEP):
            n = min(STEP, part.num_rows - row)
            group.append(Batch(n, tuple(c.slice(row, n) for c in columns), Origin(seq, "t", 0, row)))
        out.append(group)
    return out


def ours(
    node: Aggregate, schema: Schema, groups: list[list[Batch]], pool: ThreadPoolExecutor
) -> tuple[int, dict[str, float]]:
    query = QueryState(Settings(threads=THREADS), Budget(8 << 30), compiled=lambda: True)
    sink = AggregateSink(node, schema, At("2", "stats"))
    contexts = [Context(query, query.ledger.worker()) for _ in range(THREADS)]
    todo: Iterator[list[Batch]] = iter(groups)

    def scan(ctx: Context) -> None:
        local = sink.open(ctx)
        for group in todo:  # a list iterator's next is atomic
            for batch in group:
                sink.push(Batch(batch.n_rows, batch.columns, batch.origin), local)
        sink.combine(local)

    marks = [time.perf_counter()]
    list(pool.map(scan, contexts))
    marks.append(time.perf_counter())
    list(pool.map(lambda task: task(), sink.merge(contexts[0])))
    list(pool.map(lambda task: task(), sink.refine(contexts[0])))
    marks.append(time.perf_counter())
    source = sink.result(contexts[0])
    pieces = source.partitions(65_536)
    n = sum(pool.map(lambda p: sum(b.n_rows for b in p.batches(contexts[0])), pieces))
    marks.append(time.perf_counter())
    sink.close()
    names = ("scan", "merge", "output")
    return n, {name: b - a for name, a, b in zip(names, marks, marks[1:], strict=False)}


def timed(f: Callable[[], Any], rounds: int = 5) -> tuple[float, float, Any]:
    best, cpu, got = 1e9, 1e9, None
    for _ in range(rounds):
        t, c = time.perf_counter(), time.process_time()
        got = f()
        best, cpu = min(best, time.perf_counter() - t), min(cpu, time.process_time() - c)
    return best, cpu, got


def _theirs(db: Any, sql: str) -> Any:
    return db.sql(sql).to_arrow_table()


def main() -> None:
    n = int(sys.argv[1]) if len(sys.argv) > 1 else 5_000_000
    wanted = sys.argv[2] if len(sys.argv) > 2 else ""
    load()
    table = data(n)
    print(f"{n:,} rows, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    print(f"{'question':31} {'ours':>7} {'plain':>7} {'duckdb':>7}   ours/duckdb (wall, CPU)   groups; stages")
    pool = ThreadPoolExecutor(THREADS)
    forms = [morsels(table, coded) for coded in (True, False)]
    with duckdb.connect(config={"threads": THREADS}) as db:
        db.register("arrow", table)
        db.execute("create table t as select * from arrow")
        for name, keys, aggs, sql in QUESTIONS:
            if wanted not in name:
                continue
            node, schema = node_of(table, keys, aggs)
            coded, plain = (timed(partial(ours, node, schema, f, pool)) for f in forms)
            theirs = timed(partial(_theirs, db, sql))
            assert coded[2][0] == len(theirs[2]), "another number of groups"
            stages = " ".join(f"{k} {v:.3f}" for k, v in coded[2][1].items())
            ratio = f"{coded[0] / theirs[0]:.2f}  {coded[1] / theirs[1]:.2f}"
            print(
                f"{name:31} {coded[0]:7.3f} {plain[0]:7.3f} {theirs[0]:7.3f}   {ratio:>12}   {coded[2][0]:,}; {stages}"
            )


if __name__ == "__main__":
    main()
