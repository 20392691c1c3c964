"""dedup and fillnull with more keys and rows than their memory holds: the same rows, order, bits and notes."""

from __future__ import annotations

import datetime as dt
import math
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

import cortado

EPOCH = dt.datetime(2026, 11, 1, tzinfo=dt.UTC)


@pytest.fixture(scope="module")
def rows() -> pa.Table:
    rng = np.random.default_rng(7)
    n = 20_000
    k = rng.integers(0, 14_000, n)
    odd = [math.nan, -0.0, 0.0, None]
    return pa.table(
        {
            "_time": pa.array([None if x % 19 == 0 else EPOCH + dt.timedelta(seconds=int(x)) for x in k], pa.timestamp("us", "UTC")),
            "k": pa.array(k),
            "s": pa.array([None if x % 11 == 0 else f"key {x % 9000} {'z' * (x % 30)}" for x in k.tolist()]),
            "x": pa.array([odd[x % 5] if x % 5 < 4 else float(x) for x in k.tolist()], pa.float64()),
            "m": pa.array([{"a": x % 7000, "b": None if x % 3 else "t"} for x in k.tolist()]),
            "l": pa.array([None if x % 13 == 0 else [x % 3000, None] for x in k.tolist()], pa.list_(pa.int64())),
            "b": pa.array([None if x % 3 == 0 else x % 2 == 0 for x in k.tolist()]),
            "v": pa.array([None if x % 2 else x for x in rng.integers(0, 10**6, n).tolist()], pa.int64()),
            "i": pa.array(range(n)),
        }
    )  # fmt: skip


def bits(table: pa.Table) -> list[Any]:
    """Values by which results are compared: text of doubles tells signs and NaN."""
    columns = [c.to_pylist() for c in table.columns]
    return [[repr(v) if isinstance(v, float) else v for v in c] for c in columns]


def outcome(query: str, rows: pa.Table, **settings: Any) -> tuple[list[Any], list[Any], int]:
    with cortado.connect(timezone="UTC", **settings) as session:
        result = session.query(query, sources={"t": rows}).run()
        notes = [(n.stage, n.kind, n.reason, n.count, n.samples) for n in result.notes]
        return bits(result.to_arrow()), notes, result.stats.spilled_bytes


QUERIES = [
    "fields k, i | dedup limit=2 k",
    "fields k, i, s, v, l | dedup keep=last k",
    "fields m, s | dedup m",
    "fields l, s, i | dedup keep=last limit=2 l, s",
    "fields x, b, k, s, l | dedup",
    # a note of a later stage names the row of the source, also of a row that was set aside
    "fields k, s, i | dedup k | eval n = long(s) | search i > 8000 | eval q = double(s)",
    "fields k, v, i | fillnull method=prev v by k",
    "fields k, x, s, m, l | fillnull method=prev s, m, l by k, x",
    "fields v, s, m | fillnull method=next v, s, m",
    "fields v, b, _time | fillnull method=linear v by b",
    "fields v, l, s | fillnull method=prev maxgap=1 v, l by s",
    "fields v, b, _time | fillnull method=next maxgap=1h v by b",
    "fields v, k | fillnull value=7 maxgap=2 v by k",
    "fields i, s, l | sample count=15000",
    "fields i, s, x, l | sample ratio=0.4 by x",
]


@pytest.mark.parametrize("query", QUERIES)
def test_the_same_with_little_memory(query: str, rows: pa.Table) -> None:
    ample = outcome(f"table t | {query}", rows, threads=2, memory="1GB", kernels="never")
    little = outcome(f"table t | {query}", rows, threads=2, memory="3MB", kernels="never")
    compiled = outcome(f"table t | {query}", rows, threads=2, memory="3MB", kernels="always")
    assert ample[2] == 0
    assert little[2] > 0
    assert little[:2] == ample[:2]
    assert compiled[:2] == ample[:2]


def test_dedup_keeps_the_first_rows(rows: pa.Table) -> None:
    for keep, limit in (("first", 1), ("last", 2)):
        count: dict[Any, int] = {}
        wanted = []
        numbered = list(enumerate(rows["k"].to_pylist()))
        for i, k in numbered if keep == "first" else reversed(numbered):
            count[k] = count.get(k, 0) + 1
            if count[k] <= limit:
                wanted.append(i)
        with cortado.connect(memory="3MB") as session:
            found = session.query(
                f"table t | dedup keep={keep} limit={limit} k | fields i", sources={"t": rows}
            ).to_arrow()
        assert found["i"].to_pylist() == sorted(wanted)


@pytest.mark.parametrize("query", ["dedup k, s", "dedup keep=last k", "fillnull method=next v"])
def test_a_cancel_leaves_nothing(query: str, rows: pa.Table, tmp_path: Any) -> None:
    with cortado.connect(memory="3MB", spill_dir=str(tmp_path)) as session:
        handle = session.query(f"table t | {query} | stats count", sources={"t": pa.concat_tables([rows] * 10)}).start()
        handle.wait(0.3)
        handle.cancel()
        assert handle.wait(10)
    assert not list(tmp_path.iterdir())
