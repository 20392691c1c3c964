"""Windows whose rows do not fit in memory: the same rows and notes, from disk; and what is said where even that is too little."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest

import cortado

N = 60_000
AMPLE, SMALL = 1 << 30, 24 << 20


@pytest.fixture(scope="module")
def rows() -> pa.Table:
    rng = np.random.default_rng(5)
    columns: dict[str, Any] = {
        "_time": pa.array(rng.integers(0, 20_000, N), pa.timestamp("s", "UTC"), mask=rng.random(N) < 0.001),
        "k": pa.array(rng.integers(0, 700, N)),
        "g": pa.array([f"group {i}" for i in rng.integers(0, 9, N)]),
        "x": pa.array(rng.integers(-(2**62), 2**62, N), mask=rng.random(N) < 0.1),
        "y": pa.array(rng.normal(0, 1, N)),
        "s": pa.array([f"a text that takes some room, number {i}" for i in rng.integers(0, 9000, N)]),
        "pad": pa.array(["x" * 200] * N),
    }
    return pa.table(columns)


def ran(query: str, rows: pa.Table, memory: int, threads: int) -> tuple[pa.Table, list[Any], int]:
    with cortado.connect(timezone="UTC", memory=memory, threads=threads, kernels="always") as s:
        s.register("t", rows)
        result = s.query(query).run()
        told = s.query(f"explain analyze=t [ {query} ]").to_pylist()
        notes = [(n.kind, n.reason, n.count, n.samples) for n in result.notes]
        return result.to_arrow(), notes, sum(r["spilled"] or 0 for r in told)


@pytest.mark.parametrize(
    "query",
    [
        "window span=300s avg(y) as a, sum(x) as b, max(s) as c, lag(s) as d, count as e by k",
        "window rows=5 sum(x) as b, values(s, 2) as c, median(y) as m, pct(x) as p by k, g",
        "window order=y rows=3 first(s) as f, row() as r, rank(x) as q by k",
        "eventstats sum(y) as a, dc(s) as b, sum(x) as c by g",
        "eventstats sum(y) as a, sum(x) as b, count where x > 0 as c, first(s) as d",
    ],
)
def test_from_disk_comes_what_comes_from_memory(query: str, rows: pa.Table) -> None:
    expected, notes, spilled = ran(f"table t | {query}", rows, AMPLE, 2)
    assert not spilled
    for threads in (1, 3)[: 1 + ("span" in query)]:
        got, told, spilled = ran(f"table t | {query}", rows, SMALL, threads)
        assert spilled
        assert told == notes
        for name in expected.column_names:
            assert got[name].combine_chunks().equals(expected[name].combine_chunks()), name


def test_rows_without_other_columns_spill(rows: pa.Table) -> None:
    query = "table t | fields k, s | window count as n by k, s | stats sum(n) as total, max(n) as most"
    assert ran(query, rows, SMALL, 2)[0].equals(ran(query, rows, AMPLE, 1)[0])


def test_one_group_beyond_the_memory_is_said(rows: pa.Table) -> None:
    large = pa.concat_tables([rows] * 6)
    with cortado.connect(timezone="UTC", memory=SMALL) as s:
        s.register("t", large)
        with pytest.raises(cortado.LimitError, match="for the rows of one group") as caught:
            s.query("table t | window rows=3 max(y) as m").run()
    assert caught.value.code == "E702"


def test_memory_is_given_back(rows: pa.Table) -> None:
    with cortado.connect(timezone="UTC", memory=SMALL) as s:
        s.register("t", rows)
        s.query("table t | window span=60s avg(y) as a by k | stats sum(a)").run()
        held = {r["name"]: r["bytes"] for r in s.query("system memory").to_pylist()}
        assert held["used"] == 0
