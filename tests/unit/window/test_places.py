"""Samples of notes behind a window name the place at the source, whatever the optimiser does with the window."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import cortado

WORLDS: list[dict[str, Any]] = [
    {"threads": 1},
    {"threads": 4, "batch_rows": 3, "morsel_bytes": 64},
    {"threads": 1, "batch_rows": 7, "memory": "8MB"},
]
STAGES = [
    "window count as z by k",  # nobody reads it: left out by the optimiser
    "window sum(n) as z by k | search z >= 0",
    'window count as z by k | search k == "k1"',  # the filter moves in front of it
    "search n != 4 | window count as z | window sum(z) as y by k",
    "search n > 2100 | eventstats count as z by k",
    "explode a | window count as z by k",
    "union [ csvfile types=f other.csv | eval n = long(n) ] | window count as z",
    "sort k | window count as z by k",
]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    rows = "".join(f"k{i % 3},{'x' if i % 700 == 6 else i},{i}\n" for i in range(3000))
    (tmp_path / "t.csv").write_text("k,s,n\n" + rows)
    (tmp_path / "other.csv").write_text("k,s,n\na,y,1\na,2,2\n")
    return tmp_path


def samples(query: str, **world: Any) -> list[tuple[int, tuple[str, ...]]]:
    with cortado.connect(timezone="UTC", **world) as session:
        notes = session.query(query).run().notes
        return [(n.count, n.samples) for n in notes if n.reason == "number"]


@pytest.mark.parametrize("world", WORLDS, ids=str)
@pytest.mark.parametrize("stages", STAGES)
def test_the_optimiser_changes_no_place(folder: Path, stages: str, world: dict[str, Any]) -> None:
    query = (
        f"csvfile types=f t.csv | eval n = long(n), a = array(1, 2) | {stages} | eval d = long(s) | stats count by k"
    )
    plain = samples(query, optimiser=False, threads=1)
    assert plain and samples(query, optimiser=True, **world) == plain
    assert samples(query, optimiser=False, **world) == plain


def test_places_are_those_of_the_file(folder: Path) -> None:
    query = "csvfile types=f t.csv | window count as z by k | eval d = long(s), e = z | search e > 0"
    assert samples(query) == [(5, ("t.csv:8  x", "t.csv:708  x", "t.csv:1408  x"))]
    spilled = samples(query, memory="8MB", threads=1, batch_rows=64)
    assert spilled == samples(query)
