"""Trips of pods, recomputed with pandas and NumPy's trapezoidal rule."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from .conftest import Run


@pytest.fixture(scope="module")
def trips(place: Path) -> Any:
    readings = pd.read_csv(place / "examples/data/pods.csv", parse_dates=["_time"])
    assert readings.speed.isna().any()
    rows = []
    for (pod, trip), own in readings.dropna().groupby(["pod", "trip"]):
        first, last = own._time.min(), own._time.max()
        seconds = (own._time - first).dt.total_seconds()
        duration = (last - first).total_seconds()
        rows.append((pod, trip, first, last, np.trapezoid(own.speed, seconds), len(own), duration))
    names = ["pod", "trip", "first", "last", "distance", "readings", "duration"]
    return pd.DataFrame(rows, columns=names).assign(mean_speed=lambda t: t.distance / t.duration)


def test_pod_trips(run: Run, trips: Any) -> None:
    got = run("pod_trips")
    assert list(got.columns) == list(trips.columns) and len(got) == 20
    for name in trips:
        if name in ("distance", "duration", "mean_speed"):
            np.testing.assert_allclose(got[name], trips[name], rtol=1e-12)
        else:
            assert list(got[name]) == list(trips[name])


def test_pods_described(run: Run, trips: Any) -> None:
    got = run("pods_described").set_index(["pod", "field"])
    assert len(got) == 10
    for pod, own in trips.groupby("pod"):
        for field in ("duration", "distance"):
            row, want = got.loc[(pod, field)], own[field].describe()
            named = {
                "count": "count",
                "min": "min",
                "p25": "25%",
                "median": "50%",
                "p75": "75%",
                "max": "max",
                "mean": "mean",
            }
            for name, theirs in named.items():
                assert row[name] == pytest.approx(want[theirs], rel=1e-12)
            assert row.stddev == pytest.approx(own[field].std(ddof=0), rel=1e-12)
            assert (row.nulls, row.distinct) == (0, own[field].nunique())
