"""A cancel is seen soon, whatever model is at work, and the session goes on."""

from __future__ import annotations

import time

import numpy as np
import pyarrow as pa
import pytest

import cortado

GROUPS, DAYS = 2000, 200


@pytest.fixture(scope="module")
def rows() -> pa.Table:
    rng = np.random.default_rng(1)
    moment = (np.datetime64("2025-01-01", "D") + np.arange(DAYS)).astype("datetime64[us]")
    shape = 20 * np.sin(np.arange(DAYS) * 2 * np.pi / 7)
    return pa.table(
        {
            "_time": pa.array(np.tile(moment, GROUPS)).cast(pa.timestamp("us", "UTC")),
            "k": pa.array(np.repeat(np.arange(GROUPS), DAYS)),
            "x": pa.array(100 + 10 * rng.standard_normal(GROUPS * DAYS) + np.tile(shape, GROUPS)),
        }
    )


@pytest.mark.parametrize("kernels", ["never", "always"])
@pytest.mark.parametrize(
    "asked", ["backtest=9", "model=calendar backtest=5", "model=trees", "model=best fit=ml", "safety=0.95 lead=28d", "model=bakeoff"]
)  # fmt: skip
def test_a_cancel_is_seen(asked: str, kernels: str, rows: pa.Table) -> None:
    with cortado.connect(timezone="UTC", threads=2, kernels=kernels) as s:
        s.register("t", rows)
        running = s.query(f"table t | forecast count=28 {asked} x by k").start()
        time.sleep(0.3)
        begun = time.perf_counter()
        running.cancel()
        with pytest.raises(cortado.Cancelled):
            running.result()
        assert time.perf_counter() - begun < 5
        assert s.query("table t | head 7 | forecast count=1 model=naive x by k").run().to_arrow().num_rows == 8
