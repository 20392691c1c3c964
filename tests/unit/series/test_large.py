"""Grids far larger than memory, refused or streamed; rows and groups that spill; cancels."""

from __future__ import annotations

import time
import tracemalloc
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

import cortado

SECOND = 10**6


def at(*seconds: int) -> pa.Array[Any]:
    return pa.array([s * SECOND for s in seconds], pa.timestamp("us", "UTC"))


@pytest.mark.parametrize("command", ["resample", "gapfill"])
def test_a_grid_of_billions_is_refused_before_it_takes_memory(command: str) -> None:
    rows = pa.table({"_time": at(0, 1_790_000_000, 5), "k": ["a", "a", "b"], "x": [1, 2, 3]})
    tracemalloc.start()
    try:
        with cortado.connect(timezone="UTC") as session, pytest.raises(cortado.LimitError) as found:
            session.query(f"table r | {command} span=1s x fill prev by k", sources={"r": rows}).to_arrow()
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert found.value.code == "E701"
    for part in ("1,790,000,001 rows", "k=a", "1970-01-01T00:00:00", "2026-09-21", "maxrows=100,000,000"):
        assert part in str(found.value)
    assert peak < 64 << 20


@pytest.mark.parametrize(("fill", "least"), [("prev", 1), ("next", 1), ("linear", 1)])
def test_a_gap_of_millions_streams(fill: str, least: int) -> None:
    """Five million rows of a gap, far more than the query may hold."""
    rows = pa.table({"_time": at(0, 5_000_000), "x": [1, 3]})
    with cortado.connect(timezone="UTC", memory=24 << 20) as session:
        got = session.query(
            f"table r | resample span=1s fill={fill} x | stats count, min(x) as a, max(x) as b", sources={"r": rows}
        )
        assert got.to_pylist() == [{"count": 5_000_001, "a": least, "b": 3}]


@pytest.mark.parametrize(
    "query",
    [
        "resample span=1m fill=linear maxgap=1h x, sum(n) as s fill zero, ohlc(x) as p by k",
        "gapfill span=1m x fill linear, n fill next by k",
        "stats ema(x, 5) as e, ema(x, tau=1m) as f, twap(x) as w, ohlc(x), rmse(x, n) as r by k",
    ],
)
def test_from_disk_comes_what_comes_from_memory(query: str) -> None:
    rng = np.random.default_rng(1)
    n = 120_000
    rows = pa.table(
        {
            "_time": pa.array(rng.integers(0, 86_400, n) * SECOND, pa.timestamp("us", "UTC")),
            "k": pa.array(np.char.add("key", rng.integers(0, 400, n).astype(str))),
            "x": pa.array(rng.normal(0, 1, n), mask=rng.random(n) < 0.2),
            "n": pa.array(rng.integers(0, 9, n)),
        }
    )
    answers = []
    for memory in (1 << 30, 12 << 20):
        with cortado.connect(timezone="UTC", memory=memory, threads=2) as session:
            got = session.query(
                f"table r | {query} | stats count, sum(hash64(*)) as h".replace("hash64(*)", _all(query)),
                sources={"r": rows},
            )
            answers.append(got.to_pylist())
    assert answers[0] == answers[1]
    assert answers[0][0]["count"] >= 400


def _all(query: str) -> str:
    if query.startswith("stats"):
        return "mod(hash64(k, e, f, w, open, high, low, close, r), 1000003)"
    names = "k, _time, x, s, p_open, p_close" if query.startswith("resample") else "k, _time, x, n"
    return f"mod(hash64({names}), 1000003)"


def test_a_cancel_is_seen_in_a_gap() -> None:
    rows = pa.table({"_time": at(0, 90_000_000), "x": [1, 3]})
    with cortado.connect(timezone="UTC") as session:
        running = session.query(
            "table r | resample span=1s fill=linear x | stats sum(x) as s", sources={"r": rows}
        ).start()
        time.sleep(0.5)
        began = time.perf_counter()
        running.cancel()
        with pytest.raises(cortado.Cancelled):
            running.result()
        assert time.perf_counter() - began < 2
