"""mode, values and entropy by counts that move along with their frame: against plain Python, DuckDB, and the path without kernels."""

from __future__ import annotations

import math
import struct
from collections import Counter
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pytest

import cortado

N = 900
FRAMES = [
    "",
    "rows=50",
    "before=3 after=40",
    "before=9 after=9 current=f",
    "rows=200 min=120",
    "span=60s",
    "span=30s ties=row",
    "rows=4",
]


def rows() -> pa.Table:
    rng = np.random.default_rng(3)
    some = rng.random(N) < 0.1
    return pa.table(
        {
            "_time": pa.array(np.sort(rng.integers(0, 600, N)) * 1_000_000, pa.timestamp("us")),
            "k": rng.choice(["a", "b"], N, p=[0.9, 0.1]),
            "x": pa.array(rng.integers(0, 12, N), mask=some),
            "y": rng.choice([0.0, -0.0, 1.5, float("nan"), float("inf")], N),
            "s": pa.array([f"v{i}" for i in rng.zipf(1.5, N) % 300], mask=some),
            "b": rng.random(N) < 0.5,
        }
    )


def asked(table: pa.Table, query: str, **settings: Any) -> list[dict[str, Any]]:
    with cortado.connect(timezone="UTC", **settings) as s:
        return s.query(f"table t | {query}", sources={"t": table}).run().to_pylist()


def exact(rows: list[dict[str, Any]]) -> list[Any]:
    return [[struct.pack("d", v) if isinstance(v, float) else repr(v) for v in row.values()] for row in rows]


@pytest.mark.parametrize("frame", FRAMES)
def test_as_without_kernels(frame: str) -> None:
    columns = "mode(x) as a, mode(y) as b, mode(s) as c, mode(b) as d, entropy(s) as e, entropy(x) as f, values(s, 3) as g, values(x) as h"
    query = f"window {frame} {columns} by k"
    made, other = (asked(rows(), query, kernels=kernels) for kernels in ("always", "never"))
    assert exact(made) == exact(other)


@pytest.mark.parametrize(
    ("before", "after", "own"), [(30, 0, True), (5, 60, True), (8, 8, False), (0, 0, True), (N, 0, True)]
)
def test_against_plain_python(before: int, after: int, own: bool) -> None:
    table = rows()
    frame = f"before={before} after={after}" + ("" if own else " current=f")
    made = asked(table, f"window {frame} mode(s) as m, entropy(s) as e, values(s) as v", kernels="always")
    texts = table["s"].to_pylist()
    for i, row in enumerate(made):
        seen = [texts[j] for j in range(max(0, i - before), min(N, i + after + 1)) if (own or j != i)]
        counts = Counter(t for t in seen if t is not None)
        if not counts:
            assert row["m"] is None and row["e"] is None
            continue
        most = max(counts.values())
        assert row["m"] == min(t for t, c in counts.items() if c == most)
        assert row["v"] == sorted(counts)
        total = sum(counts.values())
        want = -sum(c / total * math.log2(c / total) for c in counts.values())
        assert row["e"] == pytest.approx(want, abs=1e-12)
        assert row["e"] >= 0 and (len(counts) > 1 or row["e"] == 0)


def test_entropy_of_a_group_is_that_of_its_widest_frame_to_the_bit() -> None:
    table = rows()
    whole = asked(table, "stats entropy(s) as e, mode(s) as m", kernels="never")[0]
    last = asked(table, f"window rows={N} entropy(s) as e, mode(s) as m", kernels="always")[-1]
    assert (last["e"], last["m"]) == (whole["e"], whole["m"])
    with duckdb.connect() as db:
        peer = db.register("t", table).execute("select entropy(s) from t").fetchone()
    assert peer is not None and whole["e"] == pytest.approx(peer[0], abs=1e-12)


def test_a_cap_is_told_of_once_a_frame() -> None:
    with cortado.connect(timezone="UTC", kernels="always") as s:
        made = s.query("table t | window rows=3 values(x, 1) as v", sources={"t": pa.table({"x": [1, 1, 2, 3]})}).run()
    assert [r["v"] for r in made.to_pylist()] == [[1], [1], [1], [1]]
    assert [n.count for n in made.notes] == [3]
