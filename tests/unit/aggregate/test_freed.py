"""What a query held is freed when it has ended, not when Python's collector comes by."""

from __future__ import annotations

import gc

import numpy as np
import pyarrow as pa
import pytest

import cortado
from cortado.engine.operators.grouprows import Run
from cortado.engine.operators.joinbuild import Built
from cortado.engine.operators.states import State
from cortado.engine.pipeline import Pipeline


@pytest.mark.parametrize("kernels", ["never", "always"])
@pytest.mark.parametrize(
    "aggregates", ["sum(n), avg(x)", "vwap(x, n), sum(n)", "dc(n), p50(x), values(n)", "count, first(x), mode(n)"]
)
def test_groups_and_rows(kernels: str, aggregates: str) -> None:
    rng = np.random.default_rng(1)
    table = pa.table(
        {"k": rng.integers(0, 3000, 20_000), "n": rng.integers(0, 9, 20_000), "x": rng.normal(size=20_000)}
    )
    with cortado.connect(timezone="UTC", kernels=kernels, threads=2) as session:
        query = f"table t | stats {aggregates} by k"
        session.query(query, sources={"t": table}).run()
        gc.collect()
        gc.disable()
        try:
            got = session.query(query, sources={"t": table}).to_arrow()
            left = [o for o in gc.get_objects() if isinstance(o, State) or (isinstance(o, Run) and len(o))]
        finally:
            gc.enable()
        assert got.num_rows and not [s for s in left if isinstance(s, Run) or s.nbytes() > 10_000]


@pytest.mark.parametrize(
    "query",
    [
        "join k [ table u ] | stats sum(m) by n",
        "sort x | limit 3000",
        "dedup n",
        "window avg(x) as a by n",
        "timechart span=1h count by n",
        "union [ table u ] | stats count by k",
        "pivot sum(x) for n by k",
        "eval y = x + 1 | tail 5",
    ],
)
def test_pipelines_and_what_they_stand_on(query: str) -> None:
    """Also where figures are asked for when the query has ended."""
    rng = np.random.default_rng(1)
    times = pa.array(np.arange(20_000) * 10**7, pa.timestamp("us", "UTC"))
    table = pa.table(
        {"_time": times, "k": np.arange(20_000), "n": rng.integers(0, 9, 20_000), "x": rng.normal(size=20_000)}
    )
    other = pa.table({"k": np.arange(20_000), "m": np.arange(20_000)})
    with cortado.connect(timezone="UTC", threads=2) as session:
        for _ in range(2):
            gc.collect()
            gc.disable()
            try:
                running = session.query(f"table t | {query}", sources={"t": table, "u": other}).start()
                result = running.result()
                left = [o for o in gc.get_objects() if isinstance(o, Pipeline | Built)]
            finally:
                gc.enable()
        assert result.stats.operators and result.stats.rows_read
    assert not left
