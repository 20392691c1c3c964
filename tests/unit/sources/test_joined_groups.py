"""Small row groups that follow each other are one partition where groups stand on them; nobody can tell."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import cortado
from cortado.engine.sources import joinedgroups
from cortado.engine.sources.joinedgroups import joined_parts
from cortado.engine.sources.parquet import ParquetSource
from cortado.planner.text import QueryError

ROWS, GROUP = 6000, 97
QUERIES = [
    "stats count, sum(x), avg(d), min(t), max(word) by status",
    "stats dc(word), p50(x), count(d) by day",
    "stats values(word) by status",
    "stats count by word, status",
    "stats count by t",
    "stats sum(x), sum(d)",
    "timechart span=1h long=t count by status",
    "timechart span=20m count by word",
]


def table(rng: random.Random, nulls: bool) -> pa.Table:
    """Some row groups have no null in a column that others have them in, and dictionaries of their own."""

    def some(k: int, value: Any) -> Any:
        return None if nulls and k // GROUP % 3 == 0 and rng.random() < 0.3 else value

    n = range(ROWS)
    return pa.table(
        {
            "t": pa.array([some(k, (k // 7) * 10**7) for k in n], pa.timestamp("us")),
            "status": pa.array([some(k, rng.choice([200, 404, 500 + k // 500])) for k in n], pa.int64()),
            "word": pa.array([some(k, f"w{rng.randrange(40) + k // 900}") for k in n], pa.string()),
            "day": pa.array([some(k, rng.randrange(9)) for k in n], pa.int32()),
            "x": pa.array([some(k, rng.randrange(-(10**6), 10**6)) for k in n], pa.int64()),
            "d": pa.array([some(k, rng.random()) for k in n], pa.float64()),
        }
    )


WRITERS: dict[str, dict[str, Any]] = {
    "snappy": {},
    "plain": {"use_dictionary": False, "compression": "none"},
    "mixed": {"use_dictionary": ["word", "t"], "data_page_version": "2.0"},
    "full": {"dictionary_pagesize_limit": 64},  # dictionaries are given up in the midst of a chunk
    "zstd": {"compression": "zstd"},  # which the one call does not know
}


@pytest.fixture(scope="module", params=[(w, n) for w in WRITERS for n in (True, False)], ids=str)
def file(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    writer, nulls = request.param
    path = tmp_path_factory.mktemp("joined") / "rows.parquet"
    pq.write_table(table(random.Random(writer), nulls), path, row_group_size=GROUP, **WRITERS[writer])
    return path


def answer(path: Any, query: str, **way: Any) -> Any:
    with cortado.connect(timezone="UTC", **way) as session:
        return session.query(f'parquetfile time=t "{path}" | {query}').to_arrow()


@pytest.mark.parametrize("query", QUERIES)
def test_the_same_rows(file: Path, query: str, monkeypatch: pytest.MonkeyPatch) -> None:
    found = [answer(file, query, threads=t, kernels=k) for t in (1, 3) for k in ("always", "never")]
    monkeypatch.setattr(ParquetSource, "join", lambda self: None)
    apart = answer(file, query, threads=2, kernels="always")
    assert all(f.equals(apart) for f in found)


def test_against_duckdb(file: Path) -> None:
    ours = answer(file, "stats count, sum(x) as s by word, status", threads=2, kernels="always")
    with duckdb.connect() as db:
        theirs = db.execute(
            f"select word, status, count(*), sum(x) from '{file}' group by all order by word nulls first, status nulls first"
        ).fetchall()
    assert [tuple(r.values()) for r in ours.to_pylist()] == theirs


def test_they_are_joined(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = sizes_of(monkeypatch)
    answer(file, "stats count by status", threads=2, kernels="always")
    assert len(sizes) < ROWS // GROUP and max(sizes) > GROUP and sum(sizes) == ROWS


FILTERS = [
    ("status == 404", "status = 404"),
    ("status == 404 and x > 0", "status = 404 and x > 0"),
    ("x >= 999000", "x >= 999000"),
    ("status == 203", "status = 203"),
    ("x > 5 and x < 6", "x > 5 and x < 6"),
    ("status < 600", "status < 600"),
]


@pytest.mark.parametrize("ours, theirs", FILTERS)
def test_rows_behind_a_filter(file: Path, ours: str, theirs: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first row groups are looked at for rows; the others, too, where there are few."""
    query = f"search {ours} | stats count, sum(x) as s, min(word) as w by status, word"
    sizes = sizes_of(monkeypatch)
    found = [answer(file, query, threads=t, kernels=k) for t in (1, 3) for k in ("always", "never")]
    assert all(f.equals(found[0]) for f in found)
    assert max(sizes, default=0) > GROUP or ours != "status == 404"
    with duckdb.connect() as db:
        rows = db.execute(
            f"select status, word, count(*), sum(x), min(word) from '{file}' where {theirs} group by all "
            "order by status nulls first, word nulls first"
        ).fetchall()
    assert [tuple(r.values()) for r in found[0].to_pylist()] == rows


def test_large_groups_are_looked_at_for_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, n = tmp_path / "rows.parquet", 400_000
    pq.write_table(pa.table({"k": pa.array(range(n)).cast(pa.int64())}), path, row_group_size=200_000)
    sizes = sizes_of(monkeypatch)
    with cortado.connect(threads=1, kernels="always") as session:
        found = session.query(f'parquetfile "{path}" | search k >= 100 | stats count').to_pylist()
    assert found == [{"count": n - 100}] and not sizes


@pytest.mark.parametrize(
    "query", ["stats sum(x + 1) by status", 'search contains(word, "1") | stats count by day', "limit 500", "sort x"]
)
def test_other_pipelines_take_them_one_by_one(file: Path, query: str, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = sizes_of(monkeypatch)
    answer(file, query, threads=2, kernels="always")
    assert not sizes


def test_no_larger_than_small_batches_that_were_asked_for(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = sizes_of(monkeypatch)
    answer(file, "stats count by status", threads=1, kernels="always", batch_rows=50)
    assert max(sizes) <= GROUP


def sizes_of(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Rows of the partitions of scans from here on."""
    sizes: list[int] = []

    def noted(parts: Any, most: int) -> Any:
        made: Any = joined_parts(parts, most)
        sizes.extend(sum(p.n_rows for p in getattr(m, "parts", (m,))) for m in made)
        return made

    monkeypatch.setattr("cortado.engine.sources.parquet.joined_parts", noted)
    return sizes


def test_groups_that_are_ruled_out_part_them(tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    n = 3000
    given = pa.table({"k": pa.array([i // 100 % 3 for i in range(n)]), "x": pa.array(range(n))})
    pq.write_table(given, path, row_group_size=100)
    with cortado.connect(threads=1, kernels="always") as session:
        found = session.query(f'parquetfile "{path}" | search k != 1 | stats count, sum(x) as s by k').to_pylist()
    assert found == [{"k": k, "count": 1000, "s": sum(i for i in range(n) if i // 100 % 3 == k)} for k in (0, 2)]


def test_places_of_rows_in_notes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows without a time are left out, and told by their number in the file."""
    path = tmp_path / "rows.parquet"
    times = [None if i in (1234, 2345) else i * 10**6 for i in range(3000)]
    pq.write_table(pa.table({"t": pa.array(times, pa.timestamp("us"))}), path, row_group_size=100)

    def places() -> Any:
        with cortado.connect(threads=2, kernels="always") as session:
            done = session.query(f'parquetfile time=t "{path}" | timechart span=1m count').run()
            return [(n.reason, n.count, n.samples) for n in done.notes]

    joined = places()
    monkeypatch.setattr(ParquetSource, "join", lambda self: None)
    assert joined and joined == places()
    assert "1235" in str(joined) and "2346" in str(joined)


def test_damage_is_told_of_its_row_group(tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    given = pa.table({"k": pa.array([f"value {i % 50}" for i in range(4000)])})
    pq.write_table(given, path, row_group_size=100, write_page_checksum=True)
    metadata = pq.read_metadata(path)
    at = metadata.row_group(21).column(0).dictionary_page_offset or 0
    raw = bytearray(path.read_bytes())
    raw[at + 60] ^= 0xFF
    path.write_bytes(raw)
    with pytest.raises(QueryError, match=r"E605.*row group 21"):
        answer_of_text(path)


def answer_of_text(path: Path) -> Any:
    with cortado.connect(threads=2, kernels="always") as session:
        return session.query(f'parquetfile "{path}" | stats count by k').to_arrow()


@pytest.mark.parametrize("writer", list(WRITERS))
def test_what_was_read_is_counted_once(tmp_path: Path, writer: str) -> None:
    """Also where the first try to read row groups together came to nothing."""
    path = tmp_path / "rows.parquet"
    pq.write_table(table(random.Random(1), nulls=True), path, row_group_size=GROUP, **WRITERS[writer])
    n_groups = -(-ROWS // GROUP)
    with cortado.connect(threads=1, kernels="always") as session:
        told = session.query(f'explain analyze parquetfile "{path}" | stats sum(x), count by word, status').to_pylist()
    scan = next(row["detail"] for row in told if row["operator"] == "Scan")
    assert f"columns={3 * n_groups} of {3 * n_groups}," in scan


def test_two_files_are_never_joined(tmp_path: Path) -> None:
    for name in ("a", "b"):
        given = pa.table({"k": pa.array([name] * 900), "x": pa.array(range(900))})
        pq.write_table(given, tmp_path / f"{name}.parquet", row_group_size=50)
    with cortado.connect(threads=1, kernels="always") as session:
        found = session.query(f'parquetfile "{tmp_path}/*.parquet" | stats count, sum(x) as s by k, _file').to_pylist()
    assert [(r["k"], Path(r["_file"]).stem, r["count"], r["s"]) for r in found] == [
        ("a", "a", 900, 404550),
        ("b", "b", 900, 404550),
    ]


def test_nothing_is_joined_into_nothing() -> None:
    assert joinedgroups.joined_parts([], 100) == []
