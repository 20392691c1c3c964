"""A sort with a small limit reads late what it does not sort by: the rows must be those of Python's stable sort."""

from __future__ import annotations

import datetime as dt
import random
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import cortado
from cortado.planner.text import QueryError

EPOCH, MICROSECOND = dt.datetime(1970, 1, 1), dt.timedelta(microseconds=1)
WAYS: list[dict[str, Any]] = [
    {},
    {"optimiser": False},
    {"threads": 1, "batch_rows": 7, "kernels": "never"},
    {"threads": 3, "batch_rows": 64, "kernels": "always"},
]


def table(rng: random.Random, n: int, *, text: bool = True) -> pa.Table:
    """`k` with many ties and nulls, `u` unlike in all rows."""
    columns: dict[str, Any] = {
        "k": pa.array([rng.choice([None, *range(12)]) for _ in range(n)], pa.int64()),
        "u": pa.array(rng.sample(range(10**6), n), pa.int64()),
        "d": [rng.random() if rng.random() < 0.8 else None for _ in range(n)],
        "at": pa.array([rng.randrange(10**12) for _ in range(n)], pa.timestamp("us")),
        "list": [[rng.randrange(5)] * rng.randrange(3) for _ in range(n)],
    }
    if text:
        columns["s"] = [rng.choice([None, "", "a", "bär", "x" * 40]) for _ in range(n)]
    return pa.table(columns)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[dict[str, Any]]]:
    """Two files, of which one lacks a field; and all their rows."""
    folder, rng = tmp_path_factory.mktemp("late"), random.Random(5)
    tables = [table(rng, 700), table(rng, 333, text=False)]
    for i, one in enumerate(tables):
        pq.write_table(one, folder / f"{i}.parquet", row_group_size=97)
    return folder, [row for one in tables for row in one.to_pylist()]


def run(query: str, **settings: Any) -> pa.Table:
    with cortado.connect(timezone="UTC", **settings) as session:
        return session.query(query).to_arrow()


def plan_of(query: str) -> str:
    with cortado.connect(timezone="UTC") as session:
        return "\n".join(
            f"{r['operator']} {r['detail']}" for r in session.query(f"explain [ {query} ]").to_arrow().to_pylist()
        )


def null_first(value: Any) -> tuple[bool, Any]:
    return (value is not None, value or 0)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("limit", [1, 10, 400, 5000])
def test_ties_and_nulls(files: tuple[Path, list[dict[str, Any]]], way: dict[str, Any], limit: int) -> None:
    folder, rows = files
    got = run(f'parquetfile "{folder}/*.parquet" | sort limit={limit} k', **way)
    wanted = sorted(rows, key=lambda r: null_first(r["k"]))[:limit]
    assert got.select(["k", "u", "d", "list"]).to_pylist() == [
        {n: r[n] for n in ("k", "u", "d", "list")} for r in wanted
    ]
    assert got["s"].to_pylist() == [r.get("s") for r in wanted]
    assert got["at"].cast(pa.int64()).to_pylist() == [(r["at"] - EPOCH) // MICROSECOND for r in wanted]


@pytest.mark.parametrize("way", WAYS)
def test_behind_filters_and_fields(files: tuple[Path, list[dict[str, Any]]], way: dict[str, Any]) -> None:
    folder, rows = files
    got = run(
        f'parquetfile "{folder}/*.parquet" | search k > 3 | fields s, u, k | search d < 2 or k >= 0 | sort limit=25 -k, u',
        **way,
    )
    kept = [r for r in rows if r["k"] is not None and r["k"] > 3]
    wanted = sorted(kept, key=lambda r: (-r["k"], r["u"]))[:25]
    assert got.column_names == ["s", "u", "k"]
    assert got.to_pylist() == [{"s": r.get("s"), "u": r["u"], "k": r["k"]} for r in wanted]


@pytest.mark.parametrize("way", WAYS)
def test_limit_behind_the_sort(files: tuple[Path, list[dict[str, Any]]], way: dict[str, Any]) -> None:
    folder, rows = files
    got = run(f'parquetfile "{folder}/*.parquet" | sort -u | limit 4 6 | eval v = u + 1 | fields v, d', **way)
    wanted = sorted(rows, key=lambda r: -r["u"])[4:10]
    assert got.to_pylist() == [{"v": r["u"] + 1, "d": r["d"]} for r in wanted]


@pytest.mark.parametrize("way", WAYS)
def test_no_row_and_pruned_groups(files: tuple[Path, list[dict[str, Any]]], way: dict[str, Any]) -> None:
    folder, rows = files
    assert run(f'parquetfile "{folder}/*.parquet" | search k > 99 | sort limit=5 u', **way).num_rows == 0
    low = sorted(r["u"] for r in rows)[3]
    got = run(f'parquetfile "{folder}/*.parquet" | search u <= {low} | sort limit=5 -u', **way)
    assert got["d"].to_pylist() == [r["d"] for r in sorted(rows, key=lambda r: -r["u"]) if r["u"] <= low]


def test_the_plan_says_so(files: tuple[Path, list[dict[str, Any]]]) -> None:
    folder, _ = files
    shown = plan_of(f'parquetfile "{folder}/0.parquet" | fields k, s, d | sort limit=5 k')
    assert "Fetch" in shown
    assert "d, s" in shown or "s, d" in shown


@pytest.mark.parametrize(
    "query",
    [
        "sort k",
        "sort limit=5 k by s",
        "sort limit=1001 k",
        "eval z = d | sort limit=5 k",
        "rename d as e | sort limit=5 k",
    ],
)
def test_else_all_is_read_at_once(files: tuple[Path, list[dict[str, Any]]], query: str) -> None:
    assert "Fetch" not in plan_of(f'parquetfile "{files[0]}/0.parquet" | {query}')


def test_fields_that_may_be_refused_are_read_of_all_rows(tmp_path: Path) -> None:
    """A wall time that the zone skips is told of, whether or not its row is kept."""
    hour = 3_600_000_000
    times = pa.array(
        [1_774_747_800_000_000, hour, 2 * hour], pa.timestamp("us")
    )  # 2026-03-29 01:30 is no time in London
    pq.write_table(pa.table({"t": times, "k": [3, 1, 2]}), tmp_path / "x.parquet")
    told = []
    for optimiser in (True, False):
        with cortado.connect(timezone="Europe/London", optimiser=optimiser) as session:
            result = session.query(f'parquetfile "{tmp_path}/x.parquet" | sort limit=1 k').run()
            told.append([(n.kind, n.reason, n.count) for n in result.notes])
            assert result.to_arrow()["k"].to_pylist() == [1]
    assert told[0] == told[1]
    assert any(reason == "dst" for _, reason, _ in told[0])


@pytest.mark.parametrize("batch_rows", [3, 1000])
def test_what_comes_after_is_told_of_as_ever(files: tuple[Path, list[dict[str, Any]]], batch_rows: int) -> None:
    """The same notes with the same samples, whose rows are counted behind the sort."""
    told = []
    for optimiser in (True, False):
        with cortado.connect(timezone="UTC", optimiser=optimiser, batch_rows=batch_rows) as session:
            result = session.query(f'parquetfile "{files[0]}/*.parquet" | sort limit=9 u | eval n = long(s)').run()
            result.to_arrow()
            told.append([(n.kind, n.reason, n.count, [str(x) for x in n.samples]) for n in result.notes])
    assert told[0] == told[1]
    assert told[0]


def test_a_damaged_late_column_is_told_of(tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    rng = random.Random(1)
    pq.write_table(
        pa.table({"k": list(range(1000)), "s": [rng.randbytes(20).hex() for _ in range(1000)]}), path,
        write_page_checksum=True, compression="none", use_dictionary=False,
    )  # fmt: skip
    data = bytearray(path.read_bytes())
    chunk = pq.read_metadata(path).row_group(0).column(1)
    data[chunk.data_page_offset + chunk.total_compressed_size // 2] ^= 0xFF
    path.write_bytes(bytes(data))
    with pytest.raises(QueryError) as caught:
        run(f'parquetfile "{path}" | sort limit=1 -k')
    assert caught.value.faults[0].code == "E605"
