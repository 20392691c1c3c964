# mypy: disable-error-code="no-untyped-call"
"""Analytics behind and before random stages: threads, batches, memory, optimiser and kernels change no digit and no note."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

import cortado

from . import stages
from .made import COLUMNS, LONG, Make, Pipe, some, tables
from .outcome import outcome

ANALYTICS = ("stl", "correlate", "curvefit", "anomalies", "patterns", "histogram", "dtw", "forecast")


@st.composite
def analyses(draw: Any, name: str) -> str:
    """One such stage between at most two others."""
    pipe = Pipe(draw, {"id": LONG, **COLUMNS}, True)
    before = [pipe.grow() for _ in range(draw(st.integers(0, 1)))]
    own = stages.grow(pipe, Make(draw, pipe.fields, True), name)
    behind = [pipe.grow() for _ in range(draw(st.integers(0, 1)))]
    return " | ".join(["table t", *before, own, *behind])


@pytest.mark.parametrize("name", ANALYTICS)
def test_an_analysis_gives_the_same_in_all_worlds(sessions: dict[str, cortado.Session], name: str) -> None:
    @some(40)
    @given(table=tables(), query=analyses(name))
    def holds(table: pa.Table, query: str) -> None:
        expected = outcome(sessions["plain"], query, t=table)
        for world, session in sessions.items():
            assert outcome(session, query, t=table) == expected, f"{world}: {query}"

    holds()
