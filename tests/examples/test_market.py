"""Trades and quotes, recomputed with pandas, NumPy and DuckDB; and what the generator planted is found."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pytest

from .conftest import ROOT, Run

spec = importlib.util.spec_from_file_location("examples_make", ROOT / "examples" / "make.py")
assert spec is not None and spec.loader is not None
make: Any = importlib.util.module_from_spec(spec)
spec.loader.exec_module(make)
SECOND = pd.Timedelta(seconds=1)


@pytest.fixture(scope="module")
def trades(place: Path) -> Any:
    return pd.read_parquet(place / "examples/data/trades.parquet")


@pytest.fixture(scope="module")
def quotes(place: Path) -> Any:
    return pd.read_parquet(place / "examples/data/quotes.parquet")


def same(got: Any, want: Any) -> None:
    """Rows in order; doubles within a few units of their last place."""
    assert len(got) == len(want) > 0 and list(got.columns) == list(want.columns)
    for name in want:
        left, right = got[name], want[name].reset_index(drop=True)
        if pd.api.types.is_float_dtype(right):
            np.testing.assert_allclose(left.astype(float), right, rtol=1e-11, atol=1e-9, err_msg=name)
        else:
            assert ((left == right) | (left.isna() & right.isna())).all(), name


def as_of(left: Any, right: Any, **more: Any) -> Any:
    return pd.merge_asof(left, right, on="_time", by="sym", **more)


def bars(trades: Any) -> Any:
    held = trades.assign(bar=trades._time.dt.floor("1min"), paid=trades.price * trades["size"])
    summed = held.groupby(["sym", "bar"], as_index=False)[["paid", "size"]].sum()
    return summed.assign(vwap=summed.paid / summed["size"], volume=summed["size"])[["sym", "bar", "vwap", "volume"]]


@pytest.mark.parametrize("tolerance", ["5s", "200ms"])
def test_spread(run: Run, trades: Any, quotes: Any, tolerance: str) -> None:
    right = quotes[["_time", "sym", "bid", "ask"]].assign(quoted=quotes._time)
    want = as_of(trades, right, tolerance=pd.Timedelta(tolerance))
    want["age"] = want._time - want.pop("quoted")
    want["mid"] = (want.bid + want.ask) / 2
    want["spread_bp"] = (want.ask - want.bid) / want.mid * 10_000
    sides = [want.mid.isna(), want.price > want.mid, want.price < want.mid]
    want["side"] = np.select(sides, ["no quote", "buy", "sell"], "mid")
    same(run("spread", tolerance=tolerance), want)
    assert set(want.side) == {"buy", "sell", "mid"} | ({"no quote"} if tolerance == "200ms" else set())


@pytest.mark.parametrize(("share", "span"), [(0.6, "10s"), (0.3, "60s")])
def test_liquidity_drops(run: Run, trades: Any, quotes: Any, share: float, span: str) -> None:
    parts = []
    for _, own in quotes.groupby("sym"):
        depth = own.bidsize + own.asksize
        rolled = pd.Series(depth.to_numpy(), pd.DatetimeIndex(own._time)).rolling(span, closed="both").max()
        highest = rolled.astype(np.int64).to_numpy()
        low = 1 - depth / highest > share
        first = low & ~low.shift(fill_value=False)
        parts.append(own.assign(depth=depth, highest=highest, fall=1 - depth / highest)[first])
    want = pd.concat(parts).sort_index()
    want["spread_bp"] = (want.ask - want.bid) / ((want.bid + want.ask) / 2) * 10_000
    want = as_of(want, trades[["_time", "sym", "price"]].assign(traded=trades._time))
    want["since_trade"] = want._time - want.traded
    want = want[["_time", "sym", "depth", "highest", "fall", "spread_bp", "price", "since_trade"]]
    same(run("liquidity_drops", share=share, span=span), want)


def test_the_planted_falls_are_all_there_is(run: Run) -> None:
    got = run("liquidity_drops")
    found = [(sym, (at - make.OPEN) / SECOND) for sym, at in zip(got.sym, got._time, strict=True)]
    planted = sorted((at, sym) for sym, starts in make.FALLS.items() for at in starts)
    assert [sym for sym, _ in found] == [sym for _, sym in planted]
    assert all(0 <= at - start < 5 for (_, at), (start, _) in zip(found, planted, strict=True))


def test_vwap(run: Run, trades: Any) -> None:
    made = bars(trades)
    want = trades.assign(bar=trades._time.dt.floor("1min")).merge(made, on=["sym", "bar"], how="left")
    ended = made.assign(_time=made.bar + pd.Timedelta("1min"), vwap_before=made.vwap)
    want = as_of(want, ended[["_time", "sym", "vwap_before"]].sort_values("_time"))
    want["over_bp"] = (want.price / want.vwap - 1) * 10_000
    want["over_before_bp"] = (want.price / want.vwap_before - 1) * 10_000
    same(run("vwap"), want)
    assert want.vwap_before.isna().any() and want.vwap_before.notna().sum() > 1000


def test_rolling_means(run: Run, trades: Any) -> None:
    spans = {"ma_1m": 60, "ma_5m": 300, "ma_10m": 600, "ma_20m": 1200}
    columns = ", ".join(
        f"avg(price) over (w range between interval {seconds} second preceding and current row) as {name}"
        for name, seconds in spans.items()
    )
    with duckdb.connect() as peer:
        peer.register("numbered", trades.reset_index(names="n"))
        asked = f"select *, {columns} from numbered window w as (partition by sym order by _time) order by n"
        want = peer.execute(asked).df()
    got = run("rolling_means")
    assert list(got.columns) == [*trades.columns, *spans]
    for name in spans:
        np.testing.assert_allclose(got[name], want[name], rtol=1e-12)
    short = run("rolling_means", spans=["60s"])
    np.testing.assert_array_equal(short.ma, got.ma_1m)


def flow(quotes: Any) -> Any:
    """Cont, Kukanov and Stoikov, "The price impact of order book events", 2014, equation 4, by quote; then by minute."""
    parts = []
    for sym, own in quotes.groupby("sym"):
        b, q, a, r = (own[c].to_numpy() for c in ("bid", "bidsize", "ask", "asksize"))
        e = (b[1:] >= b[:-1]) * q[1:] - (b[1:] <= b[:-1]) * q[:-1]
        e = e - (a[1:] <= a[:-1]) * r[1:] + (a[1:] >= a[:-1]) * r[:-1]
        each = pd.DataFrame({"_time": own._time.iloc[1:], "ofi": e, "bar": own._time.iloc[1:].dt.floor("1min")})
        lines = each.groupby("bar")
        made = lines.ofi.sum().rename("flow").reset_index()
        p05, p95 = np.percentile(made.flow, [5, 95])
        made.insert(0, "sym", sym)
        made["p05"], made["p95"] = p05, p95
        made["outlier"] = ["low" if f < p05 else "high" if f > p95 else None for f in made.flow]
        lowest, highest = (each._time.loc[i].reset_index(drop=True) for i in (lines.ofi.idxmin(), lines.ofi.idxmax()))
        made["moment"] = highest.where(made.flow >= 0, lowest)
        parts.append(made)
    return pd.concat(parts, ignore_index=True)


def test_order_flow(run: Run, quotes: Any) -> None:
    want = flow(quotes)
    same(run("order_flow"), want)
    assert want.outlier.value_counts().to_dict() == {"low": 12, "high": 12}


def test_the_planted_pushes_are_outliers(run: Run) -> None:
    got = run("order_flow").set_index(["sym", "bar"])
    for sym, pushes in make.PUSHES.items():
        for start, sign in pushes:
            at = pd.Timestamp(make.OPEN) + start * SECOND
            row = got.loc[(sym, at.floor("1min"))]
            assert row.outlier == {1: "high", -1: "low"}[sign]
            assert 0 <= (row.moment - at) / SECOND <= make.PUSH_LASTS


@pytest.mark.parametrize(("low", "high"), [(-5, 5), (-12, 0)])
def test_around_outliers(run: Run, trades: Any, quotes: Any, low: int, high: int) -> None:
    outliers = flow(quotes).dropna(subset="outlier")
    got = run("around_outliers", from_=f"{low}s", to=f"{high}s")
    assert len(got) == len(outliers) == 24 and got.trades.sum() > 24
    for row, o in zip(got.itertuples(), outliers.itertuples(), strict=True):
        assert (row.sym, row.bar, row.flow, row.outlier, row.moment) == (o.sym, o.bar, o.flow, o.outlier, o.moment)
        near = trades[(trades.sym == o.sym) & trades._time.between(o.moment + low * SECOND, o.moment + high * SECOND)]
        assert row.trades == len(near)
        if near.empty:
            assert pd.isna(row.volume) and pd.isna(row.low) and pd.isna(row.high) and pd.isna(row.move_bp)
            continue
        assert (row.volume, row.low, row.high) == (near["size"].sum(), near.price.min(), near.price.max())
        assert row.move_bp == pytest.approx((near.price.iloc[-1] / near.price.iloc[0] - 1) * 10_000, abs=1e-9)


def test_both_ends_of_the_window_belong_to_it(run: Run, trades: Any, quotes: Any) -> None:
    outliers = flow(quotes).dropna(subset="outlier").reset_index(drop=True)
    for side, sign in (("to", 1), ("from_", -1)):
        near = outliers.merge(trades, on="sym").assign(gap=lambda t, s=sign: (t._time - t.moment) * s)
        edge = near[near.gap > pd.Timedelta(0)].sort_values("gap").iloc[0]
        ms = int(edge.gap / pd.Timedelta(milliseconds=1))
        other = {"to": "0s", "from_": "0s"}
        counts = [run("around_outliers", **{**other, side: f"{sign * n}ms"}).trades.sum() for n in (ms - 1, ms)]
        at_edge = (near.gap == edge.gap).sum()
        assert counts[1] - counts[0] == at_edge > 0
