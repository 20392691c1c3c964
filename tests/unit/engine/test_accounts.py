"""What `explain analyze` tells of how operators ran, and of which branch of a union rows are."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

import cortado


@pytest.fixture
def session(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[cortado.Session]:
    with cortado.connect(tmp_path / "db", threads=2, **getattr(request, "param", {})) as made:
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
