"""`asof` and `windowjoin` give what going through all rows gives, in every world, also where the right is on disk."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

import cortado
from tests.worlds import WORLDS

from . import asofcases, asoforacle, windowjoinoracle

DIRECTIONS = ["backward", "forward", "nearest"]


@pytest.mark.parametrize("seed", range(6))
def test_asof_says_what_loops_say(sessions: dict[str, cortado.Session], seed: int) -> None:
    rng = random.Random(seed)
    for i in range(60):
        case = asofcases.random_case(rng)
        world = list(WORLDS)[(seed + i) % len(WORLDS)]
        result = sessions[world].query(case.query(), sources=case.tables).run()
        got, wanted = asoforacle.given(case, result), asoforacle.expected(case)
        assert asoforacle.same(got, wanted, case), f"{world} {case}"


@pytest.mark.parametrize("seed", range(6))
def test_windowjoin_says_what_loops_say(sessions: dict[str, cortado.Session], seed: int) -> None:
    rng = random.Random(100 + seed)
    for i in range(60):
        case = windowjoinoracle.random_case(rng)
        world = list(WORLDS)[(seed + i) % len(WORLDS)]
        got = sessions[world].query(case.query(), sources=case.tables).run().to_arrow().to_pylist()
        assert not (differs := windowjoinoracle.wrong(case, got)), f"{world} {case.query()} {differs}"


@pytest.fixture(scope="module")
def small() -> Iterator[cortado.Session]:
    with cortado.connect(timezone="UTC", threads=2, memory=4 << 20) as session:
        yield session


@pytest.fixture(scope="module")
def ample() -> Iterator[cortado.Session]:
    with cortado.connect(timezone="UTC", threads=2, memory=1 << 30) as session:
        yield session


def large(n: int, keys: int, seed: int, name: str, ordered: bool) -> pa.Table:
    """Times with ties; some keys, times and values are null."""
    rng = np.random.default_rng(seed)
    times = rng.integers(0, n // 3, n)
    if ordered:
        times.sort()
    key, value = rng.integers(0, keys, n), np.arange(n)
    return pa.table(
        {
            "_time": pa.array(times * 1000, pa.timestamp("us", "UTC"), mask=value % 977 == 5),
            "k": [None if k == 3 and i % 50 == 0 else f"key {k} of a table" for i, k in enumerate(key.tolist())],
            name: pa.array(value, mask=value % 3 == 1),
            "text": [f"{name} {i}" for i in range(n)],
        }
    )


def outcome(session: cortado.Session, query: str, sources: dict[str, pa.Table]) -> tuple[pa.Table, Any, int]:
    result = session.query(query, sources=sources).run()
    told = sorted((n.kind, n.reason, n.count, n.samples) for n in result.notes)
    return result.to_arrow(), told, result.stats.spilled_bytes


@pytest.mark.parametrize("direction", DIRECTIONS)
@pytest.mark.parametrize("ordered", [True, False])
@pytest.mark.parametrize("keys", [1, 20_000])
def test_a_spilled_asof_gives_the_same(
    small: cortado.Session, ample: cortado.Session, direction: str, ordered: bool, keys: int
) -> None:
    """Of one key a part is cut into stretches of time."""
    sources = {"a": large(30_000, keys, 1, "i", ordered), "b": large(60_000, keys, 2, "j", ordered)}
    for options in ("", "skipnull=t tolerance=20ms type=inner exact=f"):
        query = f"table a | asof direction={direction} gap=age {options} k [ table b ]"
        one, other = outcome(ample, query, sources), outcome(small, query, sources)
        assert one[0].equals(other[0]), query
        assert one[1] == other[1], query
        assert other[2] > 0 == one[2]


def test_a_spilled_asof_without_a_key(small: cortado.Session, ample: cortado.Session) -> None:
    sources = {"a": large(30_000, 5, 1, "i", True), "b": large(60_000, 5, 2, "j", True)}
    query = "table a | asof direction=nearest prefix=q_ [ table b ]"
    one, other = outcome(ample, query, sources), outcome(small, query, sources)
    assert one[0].equals(other[0]) and one[1] == other[1]
    assert other[2] > 0 == one[2]


def test_a_spilled_asof_before_an_aggregation(small: cortado.Session, ample: cortado.Session) -> None:
    """It asks for no order: parts are matched as they are read."""
    sources = {"a": large(30_000, 9, 1, "i", False), "b": large(60_000, 9, 2, "j", False)}
    query = "table a | asof k [ table b ] | stats count, sum(i + j) as s, dc(text) as d by k"
    one, other = outcome(ample, query, sources), outcome(small, query, sources)
    assert one[0].equals(other[0]) and one[1] == other[1]
    assert other[2] > 0 == one[2]


@pytest.mark.parametrize("keys", [40, 20_000])
def test_a_spilled_windowjoin_gives_the_same(small: cortado.Session, ample: cortado.Session, keys: int) -> None:
    sources = {"a": large(30_000, keys, 3, "i", False), "b": large(30_000, keys, 4, "j", False)}
    calls = "count, sum(j) as s, first(text) as f, avg(j) where j > 100 as m"
    query = f"table a | windowjoin from=-200ms to=100ms prevailing=t {calls} by k [ table b ]"
    one, other = outcome(ample, query, sources), outcome(small, query, sources)
    assert one[0].equals(other[0]) and one[1] == other[1]
    assert other[2] > 0 == one[2]


@pytest.mark.parametrize("threads", [1, 4])
def test_groups_that_take_most_of_the_memory_come_one_after_the_other(ample: cortado.Session, threads: int) -> None:
    """Each needs 7.2 MB: no two fit at once, and one fits only beside what the query has promised to nobody."""
    sources = {"a": large(60_000, 4, 3, "i", False), "b": large(60_000, 4, 4, "j", False)}
    query = "table a | windowjoin from=-200ms to=100ms count, sum(j) as s, avg(j) as m by k [ table b ]"
    with cortado.connect(timezone="UTC", threads=threads, memory=32 << 20) as less:
        one, other = outcome(ample, query, sources), outcome(less, query, sources)
    assert one[0].equals(other[0]) and one[1] == other[1]
    assert other[2] > 0 == one[2]


@pytest.mark.parametrize("ordered", [True, False])
def test_explain_analyze_says_how_rows_were_found(ample: cortado.Session, ordered: bool) -> None:
    sources = {"a": large(900, 9, 1, "i", ordered), "b": large(900, 9, 2, "j", ordered)}
    got = ample.query("explain analyze table a | asof k [ table b ]", sources=sources).run().to_arrow().to_pylist()
    detail = next(r["detail"] for r in got if r["operator"] == "Asof")
    assert ("sweep" if ordered else "partition") in detail
    assert ("partition" if ordered else "sweep") not in detail


def test_files_ten_times_the_memory(tmp_path: Any) -> None:
    """Two files in order of time: what is held stays within the memory, and the rows come in order."""
    import pyarrow.parquet as pq

    n = 600_000
    rng = np.random.default_rng(5)
    for name, column in (("a", "i"), ("b", "j")):
        times = np.sort(rng.integers(0, 10**9, n))
        made = {"_time": pa.array(times, pa.timestamp("us", "UTC")), "k": rng.integers(0, 50, n), column: np.arange(n)}
        pq.write_table(pa.table({**made, "pad": rng.random(n)}), tmp_path / f"{name}.parquet", row_group_size=20_000)
    query = f"parquetfile {tmp_path}/a.parquet | asof k [ parquetfile {tmp_path}/b.parquet | fields _time, k, j ]"
    answers = []
    for memory in (1 << 30, 4 << 20):
        with cortado.connect(timezone="UTC", threads=2, memory=memory) as session:
            result = session.query(query).run()
            answers.append(result.to_arrow())
            stats = result.stats
    assert answers[0].equals(answers[1])
    assert answers[1]["i"].to_pylist() == list(range(n))
    assert stats.spilled_bytes > 0
    assert stats.peak_memory <= 4 << 20
