"""Forecasts of the examples against what really came, published values, and loops written anew with NumPy and pandas."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from .conftest import Run

CUT = pd.Timestamp("2025-10-03", tz="UTC")
R_MADM = [441.8018, 434.1186, 496.6300, 483.2375, 483.9914, 551.0244, 613.1797, 609.3648, 530.5408, 463.0332, 402.7478]
"""Of R's ets() from January 1961 on: the transcript is in tests/forecast/published.py."""


def test_passengers(run: Run) -> None:
    got = run("passengers", months=11)
    assert len(got) == 144 + 11
    ahead = got[got._future.notna()]
    assert list(ahead._time.dt.strftime("%Y-%m")) == [f"1961-{m:02}" for m in range(1, 12)]
    np.testing.assert_allclose(ahead._future, R_MADM, rtol=0.03)
    assert ((ahead._lower < R_MADM) & (ahead._upper > R_MADM)).all()
    assert got._trend.notna().all() and ahead.passengers.isna().all()


@pytest.fixture(scope="module")
def demand(place: Path) -> Any:
    return pd.read_parquet(place / "examples/data/demand.parquet")


def test_demand_ahead(run: Run, demand: Any) -> None:
    got = run("demand_ahead", store="s01")
    assert len(got) == 50 * 90
    own = demand[demand.store == "s01"].set_index(["item", "_time"]).qty
    assert (own.loc[list(zip(got.item, got._time, strict=True))].to_numpy() == got.qty.to_numpy()).all()
    week_ago = [own[i, CUT - pd.Timedelta(days=7 - d % 7)] for i in sorted(got.item.unique()) for d in range(90)]
    assert (got.qty - got._future).abs().mean() < 0.8 * np.abs(got.qty.to_numpy() - np.array(week_ago)).mean()
    assert 0.92 < ((got._lower <= got.qty) & (got.qty <= got._upper)).mean() < 0.99
    assert (got._lower >= 0).all()


def test_stock(run: Run, demand: Any) -> None:
    """The formula of textbooks goes by the same days; the service is counted from what was really asked for."""
    got = run("stock", store="s03").set_index("store")
    assert list(got.index) == ["s03"] and got["items"]["s03"] == 50
    demand = demand[demand.store == "s03"]
    before = (
        demand[(demand._time < CUT) & (demand._time >= CUT - pd.Timedelta(days=182))].groupby(["store", "item"]).qty
    )
    textbook = (7 * before.mean() + 1.645 * np.sqrt(7) * before.std()).groupby("store").mean()
    np.testing.assert_allclose(got.reorder, textbook, rtol=0.08)
    later = (
        demand[(demand._time >= CUT) & (demand._time < CUT + pd.Timedelta(days=7))].groupby(["store", "item"]).qty.sum()
    )
    assert len(later) == 50 and got.service["s03"] >= 0.9
    assert got.service["s03"] * 50 == pytest.approx(round(got.service["s03"] * 50), abs=1e-9)


def test_bikes_compared(run: Run, place: Path) -> None:
    got = run("bikes_compared").set_index("model")
    rides = pd.read_parquet(place / "examples/data/bikes.parquet")
    cut = pd.Timestamp("2026-07-06", tz="UTC")
    off, part = [], []
    for _, own in rides.groupby("station"):
        known, later = own[own._time < cut].rides.to_numpy(), own[own._time >= cut].rides.to_numpy()
        error = later - np.resize(known[-24:], len(later))
        off.append(error)
        part.append(np.abs(error[later > 0]) / later[later > 0])
    assert got.rmse["snaive"] == pytest.approx(float(np.sqrt(np.mean(np.concatenate(off) ** 2))), rel=1e-12)
    assert got.mape["snaive"] == pytest.approx(100 * float(np.mean(np.concatenate(part))), rel=1e-12)
    assert list(got.rmse) == sorted(got.rmse) and set(got.index) == {"snaive", "auto", "theta", "calendar", "trees"}
    assert max(got.rmse["calendar"], got.rmse["trees"]) < got.rmse["auto"] < got.rmse["snaive"]


def croston(months: Any, quantities: Any, n: int) -> float:
    """Syntetos & Boylan: smoothed size over smoothed gap, less a twentieth."""
    size, gap, before = float(quantities[0]), float(months[0] + 1), months[0]
    for month, quantity in zip(months[1:], quantities[1:], strict=True):
        size += 0.1 * (quantity - size)
        gap += 0.1 * (month - before - gap)
        before = month
    assert n > before
    return 0.95 * size / gap


def test_spare_parts(run: Run, place: Path) -> None:
    got = run("spare_parts").set_index("part")
    rows = pd.read_csv(place / "examples/data/parts.csv")
    moment = pd.to_datetime(rows.month)
    rows["at"] = (moment.dt.year - 2022) * 12 + moment.dt.month - 1
    assert len(got) == rows.part.nunique()
    for part, own in rows.groupby("part"):
        assert got.a_month[part] == pytest.approx(croston(own["at"].to_numpy(), own.qty.to_numpy(), 48), rel=1e-12)
        assert got.asked[part] == len(own)
