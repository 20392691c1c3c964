"""Long horizons and seasons that were asked for: what is too much is refused, what cannot be is said."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

import cortado


def rows(n: int = 100, seed: int = 1) -> pa.Table:
    rng = np.random.default_rng(seed)
    moment = (np.datetime64("2025-01-01", "D") + np.arange(n)).astype("datetime64[us]")
    values = np.exp(0.2 * rng.normal(size=n)) * 100 + np.resize([0.0, 10, 20, 30], n)
    return pa.table({"_time": pa.array(moment).cast(pa.timestamp("us", "UTC")), "x": values})


def forecast(session: cortado.Session, asked: str, table: pa.Table) -> Any:
    return session.query(f"table t | forecast {asked} x", sources={"t": table}).run()


def test_a_cancel_ends_the_squares_of_a_long_horizon() -> None:
    """Without compiled kernels they would go on for minutes behind a query that has ended."""
    with cortado.connect(kernels="never") as s:
        s.register("t", rows())
        running = s.query("table t | forecast count=30000 period=4 x").start()
        time.sleep(1.0)
        running.cancel()
        with pytest.raises(cortado.Cancelled):
            running.result()
        begun = time.process_time()
        time.sleep(2.0)
        assert time.process_time() - begun < 1.0


def test_steps_ahead_that_do_not_fit_the_memory() -> None:
    many = pa.concat_tables([rows(8).append_column("k", pa.array([k] * 8)) for k in range(40)])
    with cortado.connect(memory="16MB") as s, pytest.raises(cortado.QueryError) as found:
        s.query("table t | forecast horizon=250y model=naive x by k", sources={"t": many}).run()
    assert found.value.code == "E702"


def test_calendar_has_the_seasons_that_it_is_asked_for() -> None:
    week = rows(200).set_column(1, "x", pa.array(100.0 + 20 * (np.arange(200) % 7 >= 5)))
    with cortado.connect() as s:
        found = {
            p: forecast(s, f"model=calendar period={p} count=14", week).to_pandas() for p in ("auto", "7", "none", "5")
        }
    truth = 100.0 + 20 * (np.arange(200, 214) % 7 >= 5)
    off = {p: float(np.abs(t._future.dropna().to_numpy() - truth).mean()) for p, t in found.items()}
    assert off["auto"] < 3 and off["7"] < 3
    assert off["none"] > 6 and off["5"] > 6


def test_a_field_of_booleans_is_looked_at() -> None:
    n = 120
    flag = np.random.default_rng(2).random(n + 5) < 0.3
    table = (
        rows(n + 5)
        .set_column(1, "x", pa.array([*(10.0 + 5 * flag[:n]), *[None] * 5]))
        .append_column("open", pa.array(flag))
    )
    with cortado.connect() as s:
        got = forecast(s, "model=calendar beside=open count=5", table).to_pandas()._future.to_numpy()[-5:]
    np.testing.assert_allclose(got, 10.0 + 5 * flag[n:], atol=0.3)


def test_a_season_that_does_not_fit_is_told() -> None:
    with cortado.connect() as s:
        notes = [n.reason for n in forecast(s, "model=stl period=7,60", rows(100)).notes]
    assert "the period of 60 is not there twice: it is left out" in notes
    assert "period 7, step 1d" in notes


def test_a_season_that_the_model_does_not_know_is_not_claimed() -> None:
    hours = np.arange(24 * 7 * 4)
    moment = (np.datetime64("2026-01-01", "h") + hours).astype("datetime64[us]")
    both = 50 + 10 * np.sin(hours * 2 * np.pi / 24) + 8 * np.sin(hours * 2 * np.pi / 168)
    table = pa.table({"_time": pa.array(moment).cast(pa.timestamp("us", "UTC")), "x": both})
    with cortado.connect() as s:
        assert "period 24, step 1h" in [n.reason for n in forecast(s, "model=snaive", table).notes]
        assert "period 24, 168, step 1h" in [n.reason for n in forecast(s, "model=auto", table).notes]
