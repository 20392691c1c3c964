"""ema, ohlc, resample against pandas and Polars, where they mean the same."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import cortado

N = 4_000


@pytest.fixture(scope="module")
def rows() -> pa.Table:
    rng = np.random.default_rng(5)
    times = np.sort(rng.integers(0, 40 * 86_400, N)) * 10**6 + 1_772_000_000 * 10**6
    x = np.round(rng.normal(100, 5, N), 3)
    nulls = rng.random(N) < 0.1
    return pa.table(
        {
            "_time": pa.array(times, pa.timestamp("us", "UTC")),
            "k": pa.array(rng.choice(list("abc"), N)),
            "x": pa.array(x, mask=nulls),
            "n": pa.array(rng.integers(0, 9, N)),
        }
    )


@pytest.fixture(scope="module", params=["never", "always"])
def session(request: pytest.FixtureRequest) -> Any:
    made = cortado.connect(timezone="UTC", kernels=request.param)
    yield made
    made.close()


def by_key(frame: pd.DataFrame, of: Any) -> Any:
    return frame.groupby("k", sort=False)["x"].transform(of)


@pytest.mark.parametrize("adjust", [False, True])
def test_ema_by_rows_as_pandas(session: cortado.Session, rows: pa.Table, adjust: bool) -> None:
    flag = "t" if adjust else "f"
    got = session.query(
        f"table r | window ema(x, 9, adjust={flag}) as a, ema(x, alpha=0.05, adjust={flag}) as b by k",
        sources={"r": rows},
    ).to_pandas()
    frame = rows.to_pandas()
    for name, how in (("a", {"span": 9}), ("b", {"alpha": 0.05})):
        wanted = by_key(frame, lambda s, how=how: s.ewm(adjust=adjust, ignore_na=True, **how).mean())
        np.testing.assert_allclose(got[name].to_numpy(float), wanted.to_numpy(), rtol=1e-11)


def test_ema_by_time_as_pandas(session: cortado.Session, rows: pa.Table) -> None:
    """pandas knows weights by time with adjust=True only; a null there fades what was before, so none is here."""
    whole = rows.filter(pa.compute.is_valid(rows["x"]))
    got = session.query("table r | window ema(x, halflife=6h, adjust=t) as a by k", sources={"r": whole}).to_pandas()
    frame = whole.to_pandas()
    for key, part in frame.groupby("k"):
        wanted = part["x"].ewm(halflife="6h", times=part["_time"]).mean()
        mine = got.loc[got["k"] == key, "a"].to_numpy(float)
        np.testing.assert_allclose(mine, wanted.to_numpy(), rtol=1e-9)


def test_ema_by_time_as_polars(session: cortado.Session, rows: pa.Table) -> None:
    whole = rows.filter(pa.compute.is_valid(rows["x"]))
    got = session.query("table r | window ema(x, halflife=6h) as a by k", sources={"r": whole}).to_pandas()["a"]
    frame = pl.from_arrow(whole)
    assert isinstance(frame, pl.DataFrame)
    wanted = frame.with_columns(a=pl.col("x").ewm_mean_by("_time", half_life="6h").over("k"))["a"]
    np.testing.assert_allclose(got.to_numpy(float), wanted.to_numpy(), rtol=1e-9)


def test_ema_in_stats_is_the_last_of_window(session: cortado.Session, rows: pa.Table) -> None:
    call = "ema(x, 9) as a, ema(x, tau=1h) as b"
    last = session.query(f"table r | stats {call} by k", sources={"r": rows}).to_pylist()
    each = session.query(f"table r | window {call} by k | stats last(a) as a, last(b) as b by k", sources={"r": rows})
    assert last == each.to_pylist()


@pytest.mark.parametrize("zone", ["UTC", "America/New_York", "Europe/Berlin", "Asia/Seoul"])
@pytest.mark.parametrize(
    ("span", "rule"), [("15m", "15min"), ("1h", "1h"), ("1d", "1D"), ("1w", "W-MON"), ("1mon", "MS")]
)
def test_ohlc_as_pandas(session: cortado.Session, rows: pa.Table, zone: str, span: str, rule: str) -> None:
    """Over the days on which clocks go forward in New York and Berlin."""
    query = f'set option.timezone = "{zone}" | table r | resample span={span} ohlc(x), sum(n) as n fill zero, count as c fill zero'
    got = session.query(query, sources={"r": rows}).to_pandas()
    frame = rows.to_pandas().set_index("_time").tz_convert(zone)
    how = {"closed": "left", "label": "left"}
    bars = frame["x"].resample(rule, **how).ohlc()
    assert list(got["_time"].dt.tz_convert(zone)) == list(bars.index)
    for name in ("open", "high", "low", "close"):
        np.testing.assert_array_equal(got[name].to_numpy(float), bars[name].to_numpy())
    np.testing.assert_array_equal(got["n"].to_numpy(), frame["n"].resample(rule, **how).sum().to_numpy())
    np.testing.assert_array_equal(got["c"].to_numpy(), frame["n"].resample(rule, **how).count().to_numpy())


@pytest.mark.parametrize("method", ["prev", "next"])
def test_filled_bars_as_pandas(session: cortado.Session, rows: pa.Table, method: str) -> None:
    got = session.query(
        f"table r | resample span=10m fill={method} x, max(x) as m by k", sources={"r": rows}
    ).to_pandas()
    frame = rows.to_pandas().set_index("_time")
    for key, part in frame.groupby("k"):
        bars = part["x"].resample("10min").agg(["last", "max"])
        bars = bars.ffill() if method == "prev" else bars.bfill()
        mine = got[got["k"] == key]
        np.testing.assert_array_equal(mine["x"].to_numpy(float), bars["last"].to_numpy())
        np.testing.assert_array_equal(mine["m"].to_numpy(float), bars["max"].to_numpy())


def test_gapfill_as_polars_upsample(session: cortado.Session, rows: pa.Table) -> None:
    daily = session.query(
        "table r | resample span=1d sum(n) as n by k | search n > 150", sources={"r": rows}
    ).to_arrow()
    got = session.query("table r | gapfill span=1d n fill prev by k", sources={"r": daily}).to_arrow()
    frame = pl.from_arrow(daily)
    assert isinstance(frame, pl.DataFrame)
    wanted = frame.upsample("_time", every="1d", group_by="k", maintain_order=True).with_columns(
        pl.col("k").forward_fill(), pl.col("n").forward_fill()
    )
    assert got.select(["k", "n"]).to_pydict() == wanted.select(["k", "n"]).to_dict(as_series=False)


def test_errors_as_numpy(session: cortado.Session, rows: pa.Table) -> None:
    got = session.query(
        "table r | stats rmse(x, n) as r, mae(x, n) as m, mape(x, n) as p, smape(x, n) as s", sources={"r": rows}
    )
    row = got.to_pylist()[0]
    frame = rows.to_pandas().dropna()
    a, p = frame["x"].to_numpy(), frame["n"].to_numpy()
    assert row["r"] == pytest.approx(np.sqrt(np.mean((a - p) ** 2)), rel=1e-13)
    assert row["m"] == pytest.approx(np.mean(np.abs(a - p)), rel=1e-13)
    assert row["p"] == pytest.approx(100 * np.mean(np.abs(a - p) / np.abs(a)), rel=1e-13)
    assert row["s"] == pytest.approx(200 * np.mean(np.abs(a - p) / (np.abs(a) + np.abs(p))), rel=1e-13)


def test_twap_as_a_step_function(session: cortado.Session, rows: pa.Table) -> None:
    """The mean of the last value, second by second."""
    few = rows.slice(0, 40)
    got = session.query("table r | timechart span=1d twap(x) as w", sources={"r": few}).to_pandas()
    frame = few.to_pandas().dropna(subset=["x"]).set_index("_time")
    for _, row in got.iterrows():
        begin = row["_time"]
        part = frame[(frame.index >= begin) & (frame.index < begin + pd.Timedelta(days=1))]["x"]
        part = part[~part.index.duplicated(keep="last")]
        if part.empty:
            assert np.isnan(row["w"])
            continue
        seconds = pd.date_range(part.index[0], begin + pd.Timedelta(days=1), freq="1s", inclusive="left")
        assert row["w"] == pytest.approx(part.reindex(seconds, method="ffill").mean(), rel=1e-9)
