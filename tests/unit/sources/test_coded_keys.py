"""Numbers and times that are dictionaries in a Parquet file and only grouped by: they stay codes, and nobody can tell."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import cortado
from cortado.engine.operators.buckets import used_ends
from cortado.engine.sources.columnar import Maker

from .test_chosen_rows import write

WAYS: list[dict[str, Any]] = [
    {"threads": 1, "kernels": "always"},
    {"threads": 3, "kernels": "always", "batch_rows": 100},
    {"threads": 2, "kernels": "never"},
    {"threads": 2, "kernels": "always", "memory": "64MB", "optimiser": False},
]
QUERIES = [
    "stats count by status",
    "stats count, sum(x), p50(x), dc(word) by status",
    "stats count by status, wide",
    "stats count by word, status",
    "stats count, max(x) by wide, word, status",
    "stats count as n, sum(status) as s by status",
    "stats dc(status) by word",
    "stats count by day",
    "timechart span=1h long=t count by status",
    "timechart span=7m count by word",
    "timechart span=1d count, sum(x), per_hour(x)",
    "timechart span=5m long=t count, max(t) by status",
    "search status > 300 | stats count by status",
    "eval k = status + 1 | stats count by status, k",
]


def table(rng: random.Random, n: int, orderly: bool) -> pa.Table:
    times = [rng.randrange(3 * 86_400) // 10 * 10 for _ in range(n)]
    times = sorted(times) if orderly else times
    return pa.table(
        {
            "t": pa.array([v * 10**6 for v in times], pa.timestamp("us")),
            "status": pa.array([rng.choice([200, 200, 404, 500, None, -1]) for _ in range(n)], pa.int64()),
            "wide": pa.array([rng.choice([0, 2**62, -(2**63), 2**63 - 1, 7]) for _ in range(n)], pa.int64()),
            "word": pa.array([rng.choice(["", "a", "bär", None, "x" * 30]) for _ in range(n)], pa.string()),
            "day": pa.array([rng.choice([None, *range(5)]) for _ in range(n)], pa.date32()),
            "x": pa.array([rng.choice([None, *range(-50, 50)]) for _ in range(n)], pa.int64()),
        }
    )


@pytest.fixture(scope="module", params=["snappy", "small pages", "v2 zstd", "plain", "full dictionary", "polars"])
def file(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("coded") / "rows.parquet"
    rng = random.Random(request.param)
    write(table(rng, 5000, rng.random() < 0.5), path, request.param)
    return path


def answer(path: Path, query: str, way: dict[str, Any], zone: str = "UTC") -> Any:
    with cortado.connect(timezone=zone, **way) as session:
        return session.query(f'parquetfile time=t "{path}" | {query}').to_arrow()


@pytest.mark.parametrize("query", QUERIES)
@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin"])
def test_as_if_they_were_plain(file: Path, query: str, zone: str, monkeypatch: pytest.MonkeyPatch) -> None:
    found = [answer(file, query, way, zone) for way in WAYS]
    monkeypatch.setattr(Maker, "code", lambda self, names: None)
    plain = answer(file, query, WAYS[0], zone)
    assert all(f.equals(plain) for f in found)


def test_against_duckdb(file: Path) -> None:
    ours = answer(file, "timechart span=15m long=t count by status", WAYS[1])
    with duckdb.connect() as db:
        theirs = db.execute(
            f"select time_bucket(interval 15 minute, t), status, count(*) from '{file}' group by 1, 2 order by 1, 2 nulls first"
        ).fetchall()
    mine = zip(
        ours["_time"].cast(pa.timestamp("us")).to_pylist(),
        ours["status"].to_pylist(),
        ours["count"].to_pylist(),
        strict=True,
    )
    assert list(mine) == theirs


@pytest.mark.parametrize("compiled", [True, False])
def test_times_that_no_row_has_are_not_seen(compiled: bool) -> None:
    """Of a dictionary perhaps only some values are used: other writers leave in it what was deleted."""
    instants = np.array([50, 10, 11, 12], np.int64)
    for codes, ends in (([1, 2, 3, 2], (10, 12)), ([0, 2], (11, 50)), ([1, 0], (10, 50)), ([0, 1, 0], (10, 50))):
        assert used_ends(instants, np.array(codes, np.int32), compiled) == ends


def test_strict_and_judged_rows_are_told_all_the_same(tmp_path: Path) -> None:
    path = tmp_path / "far.parquet"
    moments = [0, 10**6, 2**63 - 1, None] * 50
    pq.write_table(pa.table({"t": pa.array(moments, pa.timestamp("us")), "k": pa.array([1, 2] * 100)}), path)
    with cortado.connect(timezone="UTC", kernels="always") as session:
        result = session.query(f'parquetfile time=t "{path}" | timechart span=1h count by k').run()
        told = {(n.kind, n.reason): n.count for n in result.notes}
    assert told == {("drop", "null time"): 50, ("drop", "time beyond the grid"): 50}


@pytest.mark.parametrize(
    "query", ["timechart time=t span=1d long=t count, sum(x)", 'eval d = datetrunc(t, "1h") | stats count by d']
)
def test_one_time_of_a_few_rows(tmp_path: Path, query: str) -> None:
    """A column's only time stays a code, where a function of it is asked for its dictionary's values."""
    times = pa.array([1_577_836_800_000_000] * 5, pa.timestamp("us", "UTC"))
    pq.write_table(pa.table({"t": times, "x": range(5)}), tmp_path / "x.parquet")
    found = []
    for way in WAYS:
        with cortado.connect(timezone="UTC", **way) as session:
            found.append(session.query(f'parquetfile "{tmp_path}/x.parquet" | {query}').to_pylist())
    assert [list(r.values())[1] for r in found[0]] == [5]
    assert found == [found[0]] * len(WAYS)
