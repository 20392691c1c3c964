"""Groups by one text whose values come in dictionaries: workers enter them in one table, and what they have is put together by number."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

import cortado
from cortado.engine.operators.aggregate import AggregateSink
from cortado.engine.operators.groupheld import Held, brought_together
from cortado.engine.operators.sharedtable import SharedTable

N, KEYS = 120_000, 9000
rng = np.random.default_rng(41)


def text(i: int, is_long: bool) -> str:
    """Some begin with the same eight bytes, or are empty."""
    return "" if i == 7 else f"key {i % 97:04}{i}{' and more than fits' if is_long else ''}"


def coded(is_long: bool) -> pa.ChunkedArray[Any]:
    """Each chunk has a dictionary of its own, with values that no row has."""
    chunks: list[pa.Array[Any]] = []
    for _ in range(6):
        values = rng.permutation(KEYS)[: KEYS * 2 // 3]
        rows: Any = pa.array(rng.integers(0, len(values) - 50, N // 6).astype(np.int32), mask=rng.random(N // 6) < 0.01)
        chunks.append(pa.DictionaryArray.from_arrays(rows, pa.array([text(int(v), is_long) for v in values])))
    return pa.chunked_array(chunks)


@pytest.fixture(scope="module")
def rows() -> pa.Table:
    return pa.table(
        {
            "short": coded(False),
            "long": coded(True),
            "few": pa.chunked_array([pa.array([f"f{i % 9}" for i in range(N // 6)]).dictionary_encode()] * 6),
            "n": pa.array(rng.integers(-(2**62), 2**62, N), mask=rng.random(N) < 0.3),
            "x": pa.array(rng.normal(0, 1e9, N) * 10.0 ** rng.integers(-9, 9, N)),
            "s": pa.array([f"s{i % 71}" for i in rng.integers(0, 5000, N).tolist()]),
        }
    )  # fmt: skip


def bits(table: pa.Table) -> list[Any]:
    return [[repr(v) if isinstance(v, float) else v for v in c.to_pylist()] for c in table.columns]


def outcome(query: str, rows: pa.Table, **settings: Any) -> tuple[list[Any], list[Any]]:
    with cortado.connect(timezone="UTC", **settings) as session:
        result = session.query(f"table t | {query}", sources={"t": rows}).run()
        got = bits(result.to_arrow())
        return got, [(n.stage, n.kind, n.reason, n.count, n.samples) for n in result.notes]


AGGREGATES = (
    "sum(n)", "count", "sum(x) as sx, avg(n), max(x), min(s)", "dc(s), median(x)", "first(n), last(s), values(s)",
    "count(n) where x > 0 as c, sum(x) where n > 0 as d", "stddev(x), mode(s), percentile(x, 30)",
)  # fmt: skip


@pytest.mark.parametrize("key", ["short", "long", "few"])
@pytest.mark.parametrize("what", AGGREGATES)
def test_the_same_as_one_worker_finds(what: str, key: str, rows: pa.Table) -> None:
    query = f"stats {what} by {key}"
    wanted = outcome(query, rows, kernels="always", threads=1)
    assert outcome(query, rows, kernels="always", threads=3, batch_rows=3000) == wanted
    assert outcome(query, rows, kernels="always", threads=2, batch_rows=900, memory="6MB") == wanted


def test_against_numbers_of_python(rows: pa.Table) -> None:
    """Without anything of the engine: exact, null where no value is there or the sum is beyond 64 bits."""
    found: dict[str | None, list[int]] = {}
    sums: dict[str | None, int] = {}
    for k, n in zip(rows["short"].to_pylist(), rows["n"].to_pylist(), strict=True):
        found.setdefault(k, [0])[0] += 1
        if n is not None:
            sums[k] = sums.get(k, 0) + n
    keys = sorted(found, key=lambda k: (k is not None, (k or "").encode()))
    fit = {k: t for k, t in sums.items() if -(2**63) <= t < 2**63}
    assert len(fit) < len(sums) < len(keys)
    got, _ = outcome("stats count as c, sum(n) as t by short", rows, kernels="always", threads=2, batch_rows=2000)
    assert got == [keys, [found[k][0] for k in keys], [fit.get(k) for k in keys]]


@pytest.fixture
def met(monkeypatch: pytest.MonkeyPatch) -> list[list[int]]:
    """How many tables stood beside each that was merged."""
    seen: list[list[int]] = []

    def spy(held: list[Held]) -> list[Held]:
        out = brought_together(held)
        seen.append(sorted(len(h.beside) for h in out))
        return out

    monkeypatch.setattr("cortado.engine.operators.aggregate.brought_together", spy)
    return seen


QUERY = "stats sum(n), sum(x), count by short"


def many_workers(monkeypatch: pytest.MonkeyPatch, n: int) -> None:
    """Nobody adds his first rows before all have some."""
    barrier, begun, push = threading.Barrier(n), threading.local(), AggregateSink.push

    def waiting(self: AggregateSink, batch: Any, local: Any) -> Any:
        if not hasattr(begun, "is_here"):
            begun.is_here = True
            barrier.wait(60)
        return push(self, batch, local)

    monkeypatch.setattr(AggregateSink, "push", waiting)


def test_all_workers_share(rows: pa.Table, met: list[list[int]], monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = outcome(QUERY, rows, kernels="always", threads=1)
    many_workers(monkeypatch, 3)
    assert outcome(QUERY, rows, kernels="always", threads=3, batch_rows=1000) == wanted
    assert met == [[0], [2]]


def test_a_worker_that_gets_plain_texts_leaves(
    rows: pa.Table, met: list[list[int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a copy, whose numbers are those that it has given; tables of both kinds are merged."""
    plain = pa.table({c: rows[c].cast(pa.string()) if c == "short" else rows[c] for c in ("short", "n", "x")})
    found = []
    for threads in (1, 3):
        if threads > 1:
            many_workers(monkeypatch, threads)
        with cortado.connect(threads=threads, kernels="always", batch_rows=20_000) as session:
            session.register("t", rows.select(["short", "n", "x"]).slice(0, 2 * N // 6))
            session.register("u", plain.slice(0, 20_000))
            found.append(bits(session.query(f"table t, u | {QUERY}").to_arrow()))
    assert found[0] == found[1]
    assert met == [[0], [0, 1]]


def test_workers_enter_at_once() -> None:
    """Each gets its values' numbers, the same as the others'."""
    table, stop = SharedTable(pa.string()), np.zeros(1, np.uint8)
    orders = [rng.permutation(20_000) for _ in range(4)]
    out: dict[int, np.ndarray[Any, Any]] = {}

    def enter(k: int) -> None:
        table.join()
        parts = np.array_split(orders[k], 40)
        out[k] = np.concatenate([table.ids(pa.array([f"v{v}" for v in p]), stop) for p in parts])

    threads = [threading.Thread(target=enter, args=(k,)) for k in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert table.n == 20_000
    numbers = np.empty(20_000, np.int32)
    numbers[orders[0]] = out[0]
    assert all((numbers[orders[k]] == out[k]).all() for k in range(4))
    assert table.keys().to_pylist() == [f"v{v}" for v in np.argsort(numbers)]
    one = table.own()
    one.ids(pa.array(["another"]), stop)
    assert (one.n, table.n) == (20_001, 20_000)
