"""Long groups: what kernels do side by side and step by step, against the paths without them."""

from __future__ import annotations

import struct
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

import cortado

N = 3000
SPREADS = {
    "alike": [100.25, 100.5, 101.0],
    "signs": [0.1, -0.1, 7.5, -1e3, 0.0, -0.0],
    "wide": [1e300, -1e300, 5e-324, 0.1, 1e16],
    "odd": [0.1, float("inf"), float("nan"), -2.0],
}


def rows(spread: str) -> pa.Table:
    rng = np.random.default_rng(7)
    some = rng.random(N) < 0.1
    times = np.sort(rng.integers(0, 900, N))
    times[rng.integers(0, N, 20)] = 450
    return pa.table(
        {
            "_time": pa.array(times * 1_000_000, pa.timestamp("us")),
            "k": rng.choice(["a", "b", "c"], N, p=[0.8, 0.15, 0.05]),
            "y": rng.choice(SPREADS[spread], N) * (1.0 if spread in ("wide", "odd") else rng.random(N)),
            "z": pa.array(rng.choice(SPREADS[spread], N), mask=some),
            "x": pa.array(rng.integers(-(2**61), 2**61, N), mask=some),
            "u": pa.array(rng.integers(-9, 9, N), pa.duration("us"), mask=some),
        }
    )


def bits(column: pa.ChunkedArray[Any]) -> list[Any]:
    if not pa.types.is_floating(column.type):
        return [str(v) for v in column]
    return [None if v is None else "nan" if v != v else struct.pack("d", v) for v in column.to_pylist()]


@pytest.mark.parametrize("spread", SPREADS)
@pytest.mark.parametrize(
    "frame",
    [
        "", "rows=20", "before=3 after=70", "after=2 current=f", "span=30s", "span=1us", "span=30s closed=right", "span=30s closed=none",
        "span=1h ties=row", "before=10s after=20s current=f",
    ],
)  # fmt: skip
def test_as_without_kernels(frame: str, spread: str) -> None:
    table = rows(spread)
    columns = "sum(y) as a, avg(y) as b, avg(z) as c, sum(x) as d, sum(u) as e, max(y) as f, lag(z) as g, lead(x, 70) as h, lag(u, 2) as i, count as j"
    query = f"table t | window {frame} {columns} by k"
    made = []
    for kernels in ("always", "never"):
        with cortado.connect(timezone="UTC", kernels=kernels) as s:
            made.append(s.query(query, sources={"t": table}).to_arrow())
    for name in "abcdefghij":
        assert bits(made[0][name]) == bits(made[1][name]), name


def test_times_at_the_ends_of_64_bits() -> None:
    least = -(2**63) + 1
    table = pa.table({"_time": pa.array([least + i for i in range(200)], pa.timestamp("us")), "x": range(200)})
    with cortado.connect(timezone="UTC", kernels="always") as s:
        got = s.query("table t | window span=1d sum(x) as got | fields got", sources={"t": table}).to_arrow()["got"]
    assert got.to_pylist() == np.cumsum(np.arange(200)).tolist()
