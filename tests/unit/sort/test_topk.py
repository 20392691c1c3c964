"""`sort limit=N` without `by`: the first rows of the whole sort, whatever the bound let through."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from cortado.engine.batch import Batch, Origin
from cortado.engine.context import Context
from cortado.engine.operator import Flow

from .harness import World, make_sink, run
from .oracle import order
from .tables import KINDS, plain_rows, random_table
from .test_sort import MANY, ONE, TINY, WORLDS, assert_order, spec


@pytest.mark.parametrize("seed", range(20))
def test_first_rows_of_the_whole_sort(seed: int) -> None:
    rng = random.Random(seed)
    kinds = rng.sample(list(KINDS), rng.randrange(1, 3))
    table = random_table(rng, 3000, kinds)
    keys = [rng.choice(["", "-"]) + table.column_names[i] for i in range(len(kinds))]
    nulls = rng.choice([None, "first", "last"])
    wanted = order(plain_rows(table), spec(table, keys), nulls)
    for limit in (1, 10, 700, 5000):
        world = replace(WORLDS[(seed + limit) % 4], rows=rng.choice([64, 500, 2000]), seed=seed)
        assert_order(table, run(table, keys, world, limit=limit, nulls=nulls), wanted[:limit])


@pytest.mark.parametrize("kind", list(KINDS))
def test_ties_at_the_bound_keep_input_order(kind: str) -> None:
    table = random_table(random.Random(kind), 4000, [kind])
    for sign in ("", "-"):
        keys = [sign + table.column_names[0]]
        wanted = order(plain_rows(table), spec(table, keys))
        assert_order(table, run(table, keys, replace(MANY, rows=300), limit=100), wanted[:100])


def test_no_rows_wanted_stops_the_source() -> None:
    table = pa.table({"a": pa.array([1])})
    sink = make_sink(table, ["a"], limit=0)
    query = ONE.query()
    local = sink.open(Context(query, query.ledger.worker()))
    assert sink.push(Batch(1, (pa.array([1]),), Origin(0)), local) is Flow.DONE
    sink.combine(local)
    assert list(sink.result(local.pile.ctx).partitions(10)) == []
    sink.close()


def test_memory_stays_at_the_candidates() -> None:
    n = 1_000_000
    table = pa.table({"k": np.random.default_rng(0).permutation(n), "v": np.arange(n)})
    out = run(table, ["-k"], World(n_locals=2, rows=65_536, batches=1, memory=8 << 20), limit=10)
    assert out.columns[0].to_pylist() == list(range(n - 1, n - 11, -1))
    assert out.run["spilled_bytes"] == 0


def test_a_limit_that_does_not_fit_into_memory_spills() -> None:
    table = random_table(random.Random(1), 20_000, ["wide", "string"])
    wanted = order(plain_rows(table), spec(table, ["wide0"]))[:15_000]
    out = run(table, ["wide0"], World(n_locals=2, rows=500, memory=512 << 10), limit=15_000)
    assert_order(table, out, wanted)
    assert out.run["spilled_bytes"] > 0


def test_ascending_input_sorted_downwards() -> None:
    """Each batch is better than all before it: nothing is dropped by the bound."""
    n = 50_000
    table = pa.table({"k": pa.array(np.arange(n)), "s": pa.array([f"{i:06d}" for i in range(n)])})
    for keys in (["-k"], ["-s"]):
        out = run(table, keys, replace(TINY, rows=1000, memory=4 << 20), limit=20)
        assert out.columns[0].to_pylist() == list(range(n - 1, n - 21, -1))


@pytest.mark.parametrize("sign", ["", "-"])
def test_workers_know_what_the_others_keep(sign: str) -> None:
    """The bound is that of all rows together, though each worker has seen but half of them."""
    values = np.random.default_rng(3).permutation(8000)
    query = MANY.query()

    def sink_of(n_workers: int) -> tuple[Any, list[Any]]:
        sink = make_sink(pa.table({"a": values}), [f"{sign}a"], limit=10)
        return sink, [sink.open(Context(query, query.ledger.worker())) for _ in range(n_workers)]

    def put(sink: Any, worker: Any, seq: int) -> None:
        sink.push(Batch(2000, (pa.array(values[2000 * seq : 2000 * seq + 2000]),), Origin(seq)), worker)

    def alone(n: int) -> Any:
        """The key of the bound of one worker that has seen so many batches."""
        sink, (worker,) = sink_of(1)
        for seq in range(n):
            put(sink, worker, seq)
        sink.combine(worker)
        sink.close()
        return sink.bound[:-1]

    sink, workers = sink_of(2)
    put(sink, workers[0], 0)
    put(sink, workers[1], 1)
    sink._cut(workers[1])
    assert sink.bound[:-1] == alone(2)
    put(sink, workers[0], 2)
    put(sink, workers[1], 3)
    for worker in workers:
        sink.combine(worker)
    assert sink.bound[:-1] == alone(4)
    sink.close()
