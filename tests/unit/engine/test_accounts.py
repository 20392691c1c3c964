"""What `explain analyze` tells of how operators ran, and of which branch of a union rows are."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import cortado
from cortado.engine.operators.grouping import new_keys
from cortado.engine.operators.keyways import KeyWays
from cortado.planner.types import LONG, STRING


@pytest.fixture
def session(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[cortado.Session]:
    with cortado.connect(tmp_path / "db", **{"threads": 2, **getattr(request, "param", {})}) as made:
        made.register("small", pa.table({"k": [1, 2, 3], "x": ["a", "b", "c"]}))
        made.register("large", pa.table({"k": list(range(1000)), "v": [i % 7 for i in range(1000)]}))
        yield made


def told(session: cortado.Session, query: str) -> dict[tuple[str, str], Any]:
    return {(o.stage, o.operator): o for o in session.query(query).run().stats.operators}


def test_rows_of_a_union_count_at_their_own_scans(session: cortado.Session) -> None:
    found = told(
        session, "table small | union [ table large | search v == 3 ] [ table large | limit 10 ] | stats sum(k)"
    )
    scans = {stage: o for (stage, name), o in found.items() if name == "Scan"}
    assert len(scans) == 3 and scans["1"].rows_out == 3
    assert scans["2.1"].rows_out == 1000 and 10 <= scans["2b.1"].rows_out <= 1000
    limits = [o for (_, name), o in found.items() if name == "Limit"]
    assert limits[-1].rows_out == 10
    assert found["2", "Union"].rows_in == found["2", "Union"].rows_out == 3 + 143 + 10
    assert (scans["1"].nbytes, scans["2.1"].nbytes) == (3 * 8, 1000 * 2 * 8)


@pytest.mark.parametrize(
    ("session", "way"), [({"kernels": "always"}, "compiled"), ({"kernels": "never"}, "general")], indirect=["session"]
)
def test_which_kernels(session: cortado.Session, way: str) -> None:
    found = told(session, "table large | stats sum(v) by k")
    assert found["1", "Scan"].detail == f"kernels={way}"


@pytest.mark.parametrize(
    ("session", "hashed"),
    [({"kernels": "always"}, "dense"), ({"kernels": "never"}, "dictionary")],
    indirect=["session"],
)
def test_how_a_join_finds_its_keys(session: cortado.Session, hashed: str) -> None:
    found = told(session, "table large | join k [ table small ] | stats count")
    assert f"hash={hashed}" in found["2", "Join"].detail and "build_rows=" in found["2", "Join"].detail


def test_how_rows_are_sorted(session: cortado.Session) -> None:
    assert told(session, "table large | sort -v, k")["2", "Sort"].detail.startswith("sort=full, runs=")
    assert told(session, "table large | sort limit=3 -v, k")["2", "Sort"].detail.startswith("sort=top-k")


def test_a_sort_that_spilled_merges(tmp_path: Path) -> None:
    with cortado.connect(tmp_path / "db", threads=1, memory="1MB") as session:
        session.register(
            "rows", pa.table({"k": [i * 7919 % 100_003 for i in range(100_003)], "t": ["x" * 20] * 100_003})
        )
        found = told(session, "table rows | sort k")["2", "Sort"]
    assert found.detail.startswith("sort=merge") and found.spilled_bytes > 0


def test_processor_time_is_a_column(session: cortado.Session) -> None:
    rows = session.query("explain analyze=t [ table large | sort v ]").run().to_arrow().to_pylist()
    assert all(r["cpu_ms"] is not None and r["cpu_ms"] >= 0 for r in rows)
    rows = session.query("explain [ table large | sort v ]").run().to_arrow().to_pylist()
    assert all(r["cpu_ms"] is None for r in rows)


# -- what a scan read --


@pytest.fixture
def parquet(tmp_path: Path) -> str:
    """Ten row groups of 100 rows in order of `k`, of two columns besides."""
    n = 1000
    rows = pa.table({"k": range(n), "s": [f"s{i % 7}" for i in range(n)], "v": [i * 7919 % 1009 for i in range(n)]})
    pq.write_table(rows, tmp_path / "x.parquet", row_group_size=100, data_page_size=200, write_batch_size=20)
    return f'parquetfile "{tmp_path / "x.parquet"}"'


def figures(detail: str) -> dict[str, tuple[int, ...]]:
    """`a=1 of 2` and `a=1`, by name."""
    return {k: tuple(int(n) for n in (a, b) if n) for k, a, b in re.findall(r"(\w+)=(\d+)(?: of (\d+))?", detail)}


compiled = pytest.mark.parametrize("session", [{"kernels": "always", "threads": 1}], indirect=True)


@compiled
def test_row_groups_that_statistics_rule_out(session: cortado.Session, parquet: str) -> None:
    scan = figures(told(session, f"{parquet} | search k >= 850 | stats sum(v) by s")["1", "Scan"].detail)
    assert scan["row_groups"] == (2, 10) and scan["rows"] == (150, 200)
    assert scan["columns"] == (6, 6)


@compiled
def test_pages_and_columns_of_rows_that_nobody_wants(session: cortado.Session, parquet: str) -> None:
    def scan(query: str) -> dict[str, tuple[int, ...]]:
        return figures(told(session, f"{parquet} | {query}")["1", "Scan"].detail)

    none, one, whole = (scan(f"search {test} | stats sum(k) by s") for test in ("v == 2000", "v == 7", "v < 2000"))
    assert none["row_groups"] == (0, 10)  # no statistics have it
    n = one["row_groups"][0]
    assert one["rows"] == (1, 100 * n) and one["columns"] == (n + 2, 3 * n)
    assert whole["columns"] == (30, 30)
    assert one["decoded"] < whole["decoded"] and one["pages"][0] <= one["pages"][1] < whole["pages"][1]
    assert whole["rows"] == (1000, 1000)
    pages = scan("search k == 505 | stats sum(v)")["pages"]
    assert pages[0] < pages[1]


@compiled
def test_a_bound_leaves_row_groups_out(session: cortado.Session, parquet: str) -> None:
    found = told(session, f"{parquet} | sort limit=3 -k")
    scan, fetch = figures(found["1", "Scan"].detail), figures(found["1", "Fetch"].detail)
    assert scan["row_groups"][0] < 10 and scan["row_groups"][1] == 10
    assert fetch["row_groups"] == (1, 10) and fetch["columns"] == (2, 2)


@pytest.mark.parametrize("session", [{"kernels": "never", "threads": 1}], indirect=True)
def test_what_the_general_reader_read(session: cortado.Session, parquet: str) -> None:
    scan = figures(told(session, f"{parquet} | search k >= 850 | stats sum(v) by s")["1", "Scan"].detail)
    assert scan["row_groups"] == (2, 10) and scan["columns"] == (6, 6) and scan["decoded"] > (0,)
    assert "rows" not in scan and "pages" not in scan


@compiled
def test_a_stored_table_and_several(session: cortado.Session, parquet: str) -> None:
    session.query(f"{parquet} | import create=t stored").run()
    one = figures(told(session, 'table stored | search s == "s3" | stats sum(v)')["1", "Scan"].detail)
    assert one["files"] == (1, 1) and one["row_groups"] == (1, 1) and one["rows"] == (143, 1000)
    two = figures(told(session, 'table stored, stored | search s == "s3" | stats sum(v)')["1", "Scan"].detail)
    assert {k: tuple(n // 2 for n in v) for k, v in two.items()} == one


# -- how keys were found --


KEYS: list[tuple[str, str, str]] = [
    ("stats sum(v) by k", "keys=dense", "keys=general"),
    ("stats sum(v) by wide", "keys=dense+inline", "keys=general"),
    ("stats sum(v) by short", "keys=inline", "keys=general"),
    ("stats sum(v) by mixed", "keys=inline+long", "keys=general"),
    ("stats sum(v) by code", "keys=codes", "keys=codes"),
    ("stats sum(v) by code, k", "keys=codes dense, tuples=grid", "keys=codes general, tuples=general"),
    ("stats sum(v) by k, short, code", "keys=dense inline codes, tuples=words", "keys=general general codes, tuples=general"),
    ("dedup mixed", "keys=inline+long", "keys=general"),
    ("dedup code, k", "keys=codes dense, tuples=bits", "keys=codes general, tuples=general"),
    ("window sum(v) as w by short", "keys=inline", "keys=general"),
]  # fmt: skip


KINDS = {"stats": "Aggregate", "dedup": "Dedup", "window": "Window"}


@pytest.fixture
def keyed(session: cortado.Session) -> cortado.Session:
    n = 1000
    codes: Any = pa.array([f"c{i % 5}" for i in range(n)]).dictionary_encode()
    session.register("rows", pa.table({
        "k": [i % 50 for i in range(n)], "wide": [i * 10**12 for i in range(n)], "v": range(n),
        "short": [f"s{i % 90}" for i in range(n)], "mixed": [f"{'x' * (i % 30)}" for i in range(n)], "code": codes,
    }))  # fmt: skip
    return session


def ways(session: cortado.Session, query: str) -> str:
    detail = told(session, f"table rows | {query}")["2", KINDS[query.split()[0]]].detail
    return ", ".join(part for part in detail.split(", ") if part.startswith(("keys", "tuples")))


@pytest.mark.parametrize("session", [{"kernels": "always"}], indirect=True)
@pytest.mark.parametrize(("query", "wanted"), [(q, w) for q, w, _ in KEYS])
def test_ways_of_keys_with_kernels(keyed: cortado.Session, query: str, wanted: str) -> None:
    assert ways(keyed, query) == wanted


@pytest.mark.parametrize("session", [{"kernels": "never"}], indirect=True)
@pytest.mark.parametrize(("query", "wanted"), [(q, w) for q, _, w in KEYS])
def test_ways_of_keys_without(keyed: cortado.Session, query: str, wanted: str) -> None:
    assert ways(keyed, query) == wanted


def test_ways_that_change_in_the_midst_of_a_run() -> None:
    """Kernels come; a grid of pairs becomes too sparse."""
    stop, found = np.zeros(1, np.uint8), KeyWays()
    one = new_keys([STRING], compiled=False)
    one.ids([pa.array(["a", "b"])], 2, stop)
    one.compile(stop)
    one.ids([pa.array(["a", "c"])], 2, stop)
    found.add(one)
    assert found.told()["keys"] == "inline+general"
    two, found = new_keys([LONG, LONG], compiled=True), KeyWays()
    for n in (10, 100_000):
        rows = pa.array(range(n), pa.int64())
        two.ids([rows, rows], n, stop)
    found.add(two)
    assert found.told() == {"keys": "dense+inline dense+inline", "tuples": "grid+words"}


@compiled
def test_what_a_join_probes(keyed: cortado.Session) -> None:
    one = told(keyed, "table rows | join short [ table rows | stats count by short ] | stats count")["2", "Join"].detail
    assert "build_rows=90" in one and "keys=inline, probe=one row a key" in one
    several = told(keyed, "table large | join k [ table rows ] | stats count")["2", "Join"].detail
    assert "hash=dense, keys=dense, probe=several rows a key" in several


def test_groups_that_spill_say_how_often(tmp_path: Path) -> None:
    with cortado.connect(tmp_path / "db", threads=1, memory="2MB") as session:
        session.register("rows", pa.table({"k": [f"key {i}" for i in range(100_003)]}))
        found = told(session, "table rows | stats count by k")["2", "Aggregate"]
    assert figures(found.detail)["spills"][0] > 1 and "parts=16" in found.detail and found.spilled_bytes > 0


def test_bytes_are_of_what_an_operator_was_given(session: cortado.Session) -> None:
    found = told(session, "table large | search v == 3 | sort k | stats sum(k)")
    assert [found[k].nbytes for k in (("1", "Scan"), ("2", "Filter"))] == [16_000, 16_000]
    assert found["3", "Sort"].nbytes in (143 * 8, 143 * 16)
