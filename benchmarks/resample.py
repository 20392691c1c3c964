"""Bars, VWAP and exponential means by key against Polars and DuckDB: 5 M trades of 1,000 symbols of Zipf's law, two threads.

python -m benchmarks.resample [rows]

Engines run in turn in one process, the answers must agree; the least time of the repeats counts, wall and processor time. A
kind of key is text or codes; ratios are to the peer named, with the same kind of key where it has one.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .window import THREADS, Ask, measured, trades  # first: it sets the threads of Polars

import duckdb  # isort: skip
import numpy as np
import polars as pl

import cortado


@dataclass(frozen=True)
class Question:
    """`query` gives a column `got` whose sum must be that of the peers'; `polars`, `sql`: None: it does not know it."""

    title: str
    query: str
    peer: str
    polars: Callable[[pl.DataFrame], pl.DataFrame] | None
    sql: str | None


def bars(frame: pl.DataFrame) -> pl.DataFrame:
    """Minutes with rows, then all minutes of each symbol, filled. Polars is quicker with the sort than without it."""
    price, size = pl.col("price"), pl.col("size")
    made = (
        frame.sort("sym", "_time")
        .group_by_dynamic("_time", every="1m", group_by="sym")
        .agg(open=price.first(), high=price.max(), low=price.min(), close=price.last(), volume=size.sum())
        .upsample("_time", every="1m", group_by="sym", maintain_order=True)
    )
    held = [pl.col(n).forward_fill() for n in ("sym", "open", "high", "low", "close")]
    return made.with_columns(*held, pl.col("volume").fill_null(0)).with_columns(got=pl.col("close") + pl.col("volume"))


BARS_SQL = """
with bars as (
  select sym, time_bucket(interval 1 minute, _time) as t, arg_min(price, n) as open, max(price) as high, min(price) as low,
    arg_max(price, n) as close, sum(size) as volume from trades group by all),
grid as (select sym, unnest(generate_series(min(t), max(t), interval 1 minute)) as t from bars group by sym)
select g.sym, g.t, last_value(open ignore nulls) over w as open, last_value(high ignore nulls) over w as high,
  last_value(low ignore nulls) over w as low, last_value(close ignore nulls) over w as close, coalesce(volume, 0) as volume,
  last_value(close ignore nulls) over w + coalesce(volume, 0) as got
from grid g left join bars b on b.sym = g.sym and b.t = g.t
window w as (partition by g.sym order by g.t rows between unbounded preceding and current row)
"""

QUESTIONS = (
    Question(
        "bars of a minute, gaps filled",
        "resample span=1m fill=prev ohlc(price), sum(size) as volume fill zero by sym | eval got = close + volume",
        "polars",
        bars,
        BARS_SQL,
    ),
    Question(
        "volume of a minute, gaps filled",
        "resample span=1m sum(size) as got fill zero by sym",
        "polars",
        lambda t: (
            t.sort("sym", "_time")
            .group_by_dynamic("_time", every="1m", group_by="sym")
            .agg(got=pl.col("size").sum())
            .upsample("_time", every="1m", group_by="sym", maintain_order=True)
            .with_columns(pl.col("sym").forward_fill(), pl.col("got").fill_null(0))
        ),
        None,
    ),
    Question(
        "VWAP of a minute",
        "bin span=1m _time | stats vwap(price, size) as got, sum(size) as volume by sym, _time",
        "duckdb",
        lambda t: t.group_by("sym", pl.col("_time").dt.truncate("1m")).agg(
            got=(pl.col("price") * pl.col("size")).sum() / pl.col("size").sum(), volume=pl.col("size").sum()
        ),
        "select sym, time_bucket(interval 1 minute, _time) as t, sum(price * size) / sum(size) as got, sum(size) as volume "
        "from trades group by all",
    ),
    Question(
        "exponential mean of 20 values",
        "window ema(price, 20) as got by sym | fields got",
        "polars",
        lambda t: t.select(got=pl.col("price").ewm_mean(span=20, adjust=False).over("sym")),
        None,
    ),
    Question(
        "exponential mean, half-life of a minute",
        "window ema(price, halflife=1m) as got by sym | fields got",
        "polars",
        lambda t: t.select(got=pl.col("price").ewm_mean_by("_time", half_life="1m").over("sym")),
        None,
    ),
    Question(
        "mean over time of a minute",
        "timechart span=1m long=t twap(price) as got by sym",
        "duckdb",
        None,
        """with n as (select sym, time_bucket(interval 1 minute, _time) as t, price, epoch_us(coalesce(lead(_time) over
             (partition by sym, time_bucket(interval 1 minute, _time) order by _time, n),
             time_bucket(interval 1 minute, _time) + interval 1 minute)) - epoch_us(_time) as held from trades)
           select sym, t, sum(price * held) / sum(held) as got from n group by all""",
    ),
)


def total(found: Any) -> float:
    column = found["got"]
    if isinstance(column, pl.Series):
        values = column.to_numpy()
    else:
        values = column.combine_chunks().to_numpy(zero_copy_only=False)
    return float(np.nansum(values.astype(np.float64)))


def main() -> None:
    n = int(sys.argv[1]) if len(sys.argv) > 1 else 5_000_000
    coded, text = trades(n)
    session = cortado.connect(timezone="UTC", threads=THREADS, kernels="always")
    db = duckdb.connect(config={"threads": THREADS})
    db.register("trades", text.append_column("n", [np.arange(n)]))
    tables = {"text": text, "codes": coded}
    frames = {"text": pl.DataFrame(text), "codes": pl.DataFrame(coded)}
    session.query("table t | window span=1s avg(price) as m by sym", sources={"t": coded.slice(0, 100_000)}).run()
    for q in QUESTIONS:
        asks: dict[str, Ask] = {}
        for kind, table in tables.items():
            stage = f"table t | {q.query}"
            asks[f"cortado {kind}"] = lambda t=table, s=stage: session.query(s, sources={"t": t}).to_arrow()
            if q.polars is not None:
                asks[f"polars {kind}"] = lambda kind=kind, of=q.polars: of(frames[kind])
        if q.sql is not None:
            asks["duckdb text"] = lambda sql=q.sql: db.execute(sql).to_arrow_table()
        best = measured(asks, dict.fromkeys(("cortado", "polars", "duckdb"), total))
        print(f"\n{q.title}, {n:,} rows")
        for name, (wall, cpu) in best.items():
            kind = name.split()[1]
            peer = best.get(f"{q.peer} {kind}") or best[f"{q.peer} text"]
            print(
                f"  {name:<14} wall {wall:6.3f} s  cpu {cpu:6.3f} s   to {q.peer} {wall / peer[0]:5.2f} {cpu / peer[1]:5.2f}"
            )


if __name__ == "__main__":
    main()
