"""Memory, cancel and clean-up of `sort`."""

from __future__ import annotations

import gc
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from cortado.engine.batch import Batch, Origin
from cortado.engine.context import Context, Stopped
from cortado.engine.storage.spill import SpillArea
from cortado.planner.text import LimitError

from .harness import World, cut, feed, make_sink, run, run_parts


def files_in(area: SpillArea) -> list[Path]:
    return [p for p in Path(area.folder).rglob("*") if p.is_file()]


def test_two_mebibytes_sort_fifty_megabytes(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    n_parts, n = 24, 25_000
    text = pa.array(["x" * 80] * n)
    with SpillArea(tmp_path) as area:
        world = World(n_locals=2, memory=2 << 20, compiled=True, spill=area)
        query = world.query()
        table = pa.table({"k": pa.array([0]), "t": pa.array([""])})
        sink = make_sink(table, ["k"])
        locals_ = [sink.open(Context(query, query.ledger.worker())) for _ in range(2)]
        total, sums = 0, 0
        before = pa.total_allocated_bytes()
        for seq in range(n_parts):
            keys = rng.integers(-(2**40), 2**40, n)
            sums += int(keys.sum())
            total += keys.nbytes + text.nbytes
            sink.push(Batch(n, (pa.array(keys), text), Origin(seq)), locals_[seq % 2])
        for local in locals_:
            sink.combine(local)
        ctx = Context(query, query.ledger.worker())
        assert pa.total_allocated_bytes() - before < 2 << 20
        for task in sink.merge(ctx):
            task()
        rows, last, most = 0, -(2**62), 0
        for partition in sink.result(ctx).partitions(1):
            for batch in partition.batches(ctx):
                got = batch.array(0).to_numpy()
                assert got[0] >= last
                assert (np.diff(got) >= 0).all()
                last, rows, sums = int(got[-1]), rows + len(got), sums - int(got.sum())
                most = max(most, pa.total_allocated_bytes() - before)
        assert total > 50 << 20
        assert (rows, sums) == (n_parts * n, 0)
        assert query.memory.peak <= 2 << 20
        assert most < 6 << 20
        sink.close()
        assert files_in(area) == []
        assert area.used == 0
        assert query.memory.used == 0


def test_a_wide_row_needs_memory_by_name() -> None:
    table = pa.table({"a": pa.array(["b" * 20_000_000, "a", "a" * 20_000_000]), "id": pa.array([0, 1, 2])})
    world = World(rows=1, memory=256 << 20)
    assert run(table, ["a"], world).columns[1].to_pylist() == [1, 2, 0]
    assert run(table, ["-a"], world).columns[1].to_pylist() == [0, 2, 1]
    with pytest.raises(LimitError) as caught:
        run(table, ["a"], World(rows=1, memory=4 << 20))
    assert caught.value.code == "E702"
    assert "sort" in caught.value.message
    assert "`memory`" in caught.value.hint


def test_wide_rows_among_narrow_ones_spill() -> None:
    texts = [f"{i * 7919 % 1000:05d}" + ("w" * 300_000 if i % 50 == 0 else "") for i in range(1000)]
    table = pa.table({"t": pa.array(texts), "id": pa.array(range(1000))})
    out = run(table, ["t"], World(n_locals=2, rows=100, memory=10 << 20))
    assert out.columns[0].to_pylist() == sorted(texts)
    assert out.run["spilled_bytes"] > 0


@pytest.mark.parametrize("memory", [1 << 30, 16 << 20])
@pytest.mark.parametrize("when", [0.01, 0.08, 0.2, 0.4])
def test_cancel_is_seen_within_a_tenth_of_a_second(memory: int, when: float) -> None:
    """From any stage of the work, on a thread of its own; the others of this machine may take half of the time."""
    n = 400_000
    text = pa.array(np.random.default_rng(0).integers(0, 10**12, n)).cast(pa.string())
    table = pa.table({"s": text, "t": text})
    world = World(n_locals=1, rows=65_536, batches=1, memory=memory)
    query = world.query()
    seen: list[Any] = []

    def once() -> None:
        sink = make_sink(table, ["s", "-t"])
        ctx = Context(query, query.ledger.worker())
        local = sink.open(ctx)
        try:
            for seq, batches in enumerate(cut(table, world)):
                sink.push(Batch(len(batches[0][0]), batches[0], Origin(seq)), local)
            sink.combine(local)
            for task in sink.merge(ctx):
                task()
            for partition in sink.result(ctx).partitions(1):
                for _batch in partition.batches(ctx):
                    pass
        finally:
            sink.close()

    def work() -> None:
        try:
            while True:
                once()
        except Stopped:
            seen.append(time.perf_counter())

    thread = threading.Thread(target=work)
    thread.start()
    time.sleep(when)
    asked = time.perf_counter()
    query.stop[0] = 1
    thread.join(5)
    assert seen, "the work never saw the stop byte"
    assert seen[0] - asked < 2
    assert query.memory.used == 0


def test_close_in_the_middle_leaves_nothing(tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    table = pa.table({"k": rng.integers(0, 10**9, 40_000), "v": pa.array(["v" * 40] * 40_000)})
    world = World(n_locals=2, rows=2000, memory=1 << 20)
    with SpillArea(tmp_path) as area:
        world.spill = area
        for stage in range(4):
            query, sink = world.query(), make_sink(table, ["k"])
            ctx = Context(query, query.ledger.worker())
            locals_ = feed(sink, query, cut(table, world), world)
            assert files_in(area), "this test is about runs on disk"
            if stage > 0:
                for local in locals_:
                    sink.combine(local)
            if stage > 1:
                for task in sink.merge(ctx):
                    task()
            if stage > 2:
                stream: Any = sink.result(ctx).partitions(1)[0].batches(ctx)
                next(stream)
                stream.close()
            sink.close()
            sink.close()
            assert files_in(area) == []
            assert area.used == 0
            assert query.memory.used == 0


def test_nothing_of_a_morsel_is_kept() -> None:
    """A batch that is a small slice of something big is copied."""
    big = pa.array(np.arange(4_000_000))
    table = pa.table({"k": pa.array([1])})
    sink = make_sink(table, ["k"])
    query = World().query()
    local = sink.open(Context(query, query.ledger.worker()))
    base = pa.total_allocated_bytes()
    sink.push(Batch(10, (big.slice(5, 10),), Origin(0)), local)
    held = local.pile._pending[0][0][0]
    assert sum(b.size for b in held.buffers() if b is not None) < 10_000
    del big, held
    gc.collect()
    assert pa.total_allocated_bytes() - base < 100_000
    sink.close()


def test_no_rows_at_all() -> None:
    table = pa.table({"k": pa.array([], pa.int64())})
    assert run_parts(make_sink(table, ["k"]), [], World()).batches == []


def test_batches_keep_to_sixteen_mebibytes() -> None:
    table = pa.table({"k": pa.array(range(60, 0, -1)), "t": pa.array(["t" * 1_000_000] * 60)})
    out = run(table, ["k"], World(rows=10, memory=1 << 30))
    assert out.columns[0].to_pylist() == list(range(1, 61))
    assert max(b.array(1).nbytes for b in out.batches) <= 16 << 20
