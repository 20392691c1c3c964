"""What a query wants of the kernels is foreseen: little for the main queries, and nothing that it uses is missed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import cortado
from cortado.engine import needs
from tests.scripts.kernels_needed import all_cases, missed, watched

CASES = all_cases()
NAMED = ("stl/", "anomalies/equal", "patterns/patterns", "wavfile/", "notes/unread", "window/aggregates")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("needs")
    (made / "a.log").write_text("1.1.1.1 x 5\n2.2.2.2 y 7\n")
    pq.write_table(pa.table({"k": ["a", "b"], "v": [1, 2]}), made / "a.parquet")
    return made


REX = "rex field=line '^(?<k>\\S+).* (?<n>\\S+)$' | eval n = long(n)"


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        (f"textfile '{{}}/a.log' | {REX} | stats sum(n) by k", {"rawread", "rawscan", "rowcopy", "spans", "group", "buckets", "codes", "regexcode"}),
        ("parquetfile '{}/a.parquet' | stats sum(v) by k",
         {"pagefile", "pageheads", "pages", "pagerows", "unpack", "select", "codes", "group"}),
    ],
)  # fmt: skip
def test_the_main_queries_want_few(folder: Path, query: str, expected: set[str]) -> None:
    """The rest, as what is for windows, forecasts or joins, may come later."""
    with cortado.connect() as session, watched() as seen:
        session.query(query.format(folder)).run()
    assert seen.wanted == [frozenset(expected)]


@pytest.mark.parametrize("part", range(3))
def test_nothing_that_is_used_was_missed(part: int) -> None:
    some = [c for i, c in enumerate(CASES) if i % 40 == 7 or c.name.startswith(NAMED)]
    assert list(missed(some[part::3])) == []


def test_what_is_not_known_may_be_anything() -> None:
    with cortado.connect() as session, watched() as seen:
        tables: dict[str, Any] = {"a": pa.table({"k": [1]}), "b": pa.table({"k": [1]})}
        session.query("table a | join k [ table b ]", sources=tables).run()
    assert None in seen.wanted


def test_kernels_are_found_through_helpers() -> None:
    assert needs.of_module("cortado.engine.operators.window.seasonal") >= {"stl", "windowrows"}
    assert needs.of_module("cortado.engine.zones") == frozenset()
    assert needs.of_module("numpy") == frozenset()
