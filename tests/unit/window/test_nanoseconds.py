"""Distances of nanoseconds: lag and lead see them; a gap is a duration, of whole microseconds, and what is cut off is counted."""

from __future__ import annotations

from datetime import timedelta

import pyarrow as pa
import pytest

import cortado

TICKS = [0, 999, 1000, 2500]


def fine(ticks: list[int]) -> pa.Table:
    return pa.table({"_time": pa.array(ticks, pa.timestamp("ns")), "x": range(1, len(ticks) + 1)})


@pytest.mark.parametrize("kernels", ["never", "always"])
@pytest.mark.parametrize("ns", [0, 1, 998, 999, 1000, 1001, 1500, 2500])
def test_lag_and_lead(ns: int, kernels: str) -> None:
    with cortado.connect(timezone="UTC", kernels=kernels) as s:
        query = f"table t | window lag(x, {ns}ns) as a, lead(x, {ns}ns) as b"
        rows = s.query(query, sources={"t": fine(TICKS)}).run().to_pylist()
    for row, at in zip(rows, TICKS, strict=True):
        before = [i for i, t in enumerate(TICKS, 1) if t <= at - ns]
        behind = [i for i, t in enumerate(TICKS, 1) if t >= at + ns]
        assert (row["a"], row["b"]) == (before[-1] if before else None, behind[0] if behind else None)


def test_a_gap_is_cut_and_counted() -> None:
    sources = {"t": fine(TICKS), "u": fine([0]).rename_columns(["_time", "y"])}
    with cortado.connect(timezone="UTC") as s:
        made = s.query("table t | asof gap=g [ table u ]", sources=sources).run()
        assert [row["g"] for row in made.to_pylist()] == [timedelta(microseconds=us) for us in (0, 0, 1, 2)]
        assert [(n.kind, n.reason, n.count) for n in made.notes] == [("info", "gap: nanoseconds cut off", 2)]
        whole = s.query("table u | asof gap=g [ table u | rename y as z ]", sources=sources).run()
    assert not list(whole.notes)


def test_a_gap_to_times_of_microseconds_is_counted_too() -> None:
    coarse = pa.table({"_time": pa.array([0, 2], pa.timestamp("us")), "y": [1, 2]})
    with cortado.connect(timezone="UTC") as s:
        made = s.query("table t | asof gap=g [ table u ]", sources={"t": fine(TICKS), "u": coarse}).run()
        back = s.query("table u | asof gap=g [ table t ]", sources={"t": fine([1, 1999]), "u": coarse}).run()
    assert [row["g"] for row in made.to_pylist()] == [timedelta(microseconds=us) for us in (0, 0, 1, 0)]
    assert [(n.kind, n.reason, n.count) for n in made.notes] == [("info", "gap: nanoseconds cut off", 2)]
    assert [row["g"] for row in back.to_pylist()] == [None, timedelta(microseconds=1)]
    assert [(n.kind, n.reason, n.count) for n in back.notes] == [("info", "gap: nanoseconds cut off", 1)]
