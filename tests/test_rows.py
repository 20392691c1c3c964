"""Every row of the language has the tests that it must have; what is still missing is listed, and the list only shrinks."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from cortado.commands.base import load

from .rows.counting import Tally, count, gaps, rows

KNOWN = Path(__file__).parent / "rows" / "gaps.txt"


@pytest.fixture(scope="module")
def tally() -> Tally:
    return count()


def test_no_row_lacks_a_kind_of_test(tally: Tally) -> None:
    """`python -m tests.rows` prints all rows; a row that is absent in the list may lack any kind."""
    known = set(KNOWN.read_text(encoding="utf-8").split("\n"))
    absent = {line.removesuffix(" absent") for line in known if line.endswith(" absent")}
    assert [g for g in gaps(tally) if g not in known and g.rpartition(" ")[0] not in absent] == []


def test_the_list_names_rows_that_there_are() -> None:
    named = {f"{r.kind} {r.name}" for r in rows()}
    assert [
        line for line in KNOWN.read_text(encoding="utf-8").split("\n") if line and line.rpartition(" ")[0] not in named
    ] == []


def test_what_the_registry_has_is_a_row() -> None:
    registry = load()
    have: dict[str, Mapping[str, Any]] = {
        "command": registry.commands,
        "function": registry.functions,
        "aggregate": registry.aggregates,
    }
    named = {(r.kind, n) for r in rows() for n in r.names}
    odd = [f"{kind} {n}" for kind, found in have.items() for n, f in found.items()
           if f.tier <= 2 and (kind, n) not in named and n[0] != "@" and not (n[0] == "p" and n[1:].isdigit())]  # fmt: skip
    assert odd == []


def test_queries_that_are_counted_can_be_read(tally: Tally) -> None:
    assert tally.unread == []
    assert tally.counts[("command", "search")]["property"] > 20
