"""A cancel is seen soon, whatever a window computes."""

from __future__ import annotations

import time

import numpy as np
import pyarrow as pa
import pytest

import cortado


@pytest.fixture(scope="module")
def rows() -> pa.Table:
    n = 400_000
    rng = np.random.default_rng(1)
    return pa.table(
        {
            "_time": pa.array(rng.integers(0, 4_000_000, n), pa.timestamp("s", "UTC")),
            "k": pa.array(rng.integers(0, 50, n)),
            "x": pa.array(rng.integers(-1000, 1000, n)),
            "y": pa.array(rng.normal(0, 1, n)),
        }
    )


@pytest.mark.parametrize("kernels", ["never", "always"])
@pytest.mark.parametrize(
    "query",
    [
        "window span=30000s avg(y) as a, median(y) as m",
        "window mode(x) as m by k",
        "window rows=50 corr(x, y) as c",
        "window span=2mon entropy(x) as m by k",
        "eventstats values(y) as v by k",
    ],
)
def test_a_cancel_is_seen(query: str, kernels: str, rows: pa.Table) -> None:
    with cortado.connect(timezone="UTC", threads=2, kernels=kernels) as s:
        s.register("t", rows)
        for wait in (0.05, 0.5):
            running = s.query(f"table t | {query}").start()
            time.sleep(wait)
            begun = time.perf_counter()
            running.cancel()
            with pytest.raises(cortado.Cancelled):
                running.result()
            assert time.perf_counter() - begun < 2
