"""Window joins against DuckDB and Polars: trades with figures over the quotes around them, by 1,000 symbols of Zipf's law.

python benchmarks/windowjoin.py [trades] [--span MS] [--repeats N] [--no-slow]

There are four quotes for each trade (default 500,000 trades, 2 million quotes), both in order of time. Each trade gets the
count, the mean and the greatest of the bids from `span` before it (default 200 ms) to its own time, both ends in. DuckDB is
asked for a window over both sides together (its join by key and range compares all pairs of a key: 25 times as long for 100,000
trades). Polars has none but the quotes at or before a time: its differences
of running sums, two as-of joins a trade, give count and mean (not the greatest). Engines run in turn in one process on two
threads, the least wall and processor time of the repeats count; counts must be equal and sums agree to 1e-9. Ratios are to DuckDB.
"""

from __future__ import annotations

import argparse
import gc
import os
import time
import warnings
from collections.abc import Callable

THREADS, KEYS = 2, 1000
os.environ.setdefault("POLARS_MAX_THREADS", str(THREADS))

import duckdb  # noqa: E402
import numpy as np  # noqa: E402
import polars as pl  # noqa: E402
import pyarrow as pa  # noqa: E402
import pyarrow.compute as pc  # noqa: E402

import cortado  # noqa: E402

Answer = tuple[int, float, float]  # sums of the counts, the means and the greatest (NaN: was not asked for)
Ask = Callable[[], Answer]
NAMES = [f"S{i:04d}" for i in range(KEYS)]


def side(n: int, column: str, seed: int) -> pa.Table:
    rng = np.random.default_rng(seed)
    codes = pa.array((rng.zipf(1.3, n) % KEYS).astype(np.int32))
    times = np.sort(rng.integers(0, 6 * 3600 * 10**6, n))
    made = {
        "_time": pa.array(times, pa.timestamp("us", "UTC")),
        "sym": pa.DictionaryArray.from_arrays(codes, pa.array(NAMES)),
    }
    return pa.table({**made, column: 100 + rng.normal(0, 1, n)})


def totals(table: pa.Table) -> Answer:
    found = [pc.sum(table[c]).as_py() for c in ("n", "mean", "most")]
    return int(found[0]), float(found[1]), float(found[2])


def ours(session: cortado.Session, span: int, sources: dict[str, pa.Table]) -> Answer:
    calls = "count as n, avg(bid) as mean, max(bid) as most"
    query = f"table trades | windowjoin from=-{span}ms {calls} by sym [ table quotes ]"
    return totals(session.query(query, sources=sources).run().to_arrow())


def duck(db: duckdb.DuckDBPyConnection, span: int) -> Answer:
    """A window over the rows of both sides together; the trades' rows of it."""
    frame = f"partition by sym order by _time range between interval {span} milliseconds preceding and current row"
    query = f"""select * exclude (bid) from (
        select *, count(bid) over w as n, avg(bid) over w as mean, max(bid) over w as most
        from (select *, null::double as bid from trades union all by name select *, null::double as price from quotes)
        window w as ({frame})) where price is not null"""
    return totals(db.sql(query).to_arrow_table())


def polars(trades: pl.DataFrame, quotes: pl.DataFrame, span: int) -> Answer:
    """Running count and sum of the quotes up to a time less those of the time before the window."""
    run = quotes.select(
        "_time", "sym", n=pl.int_range(1, pl.len() + 1).over("sym"), total=pl.col("bid").cum_sum().over("sym")
    )
    now = trades.join_asof(run, on="_time", by="sym")
    asked = trades.select("sym", _time=pl.col("_time") - pl.duration(milliseconds=span))
    before = asked.join_asof(run, on="_time", by="sym", allow_exact_matches=False)
    n = now["n"].fill_null(0) - before["n"].fill_null(0)
    total = now["total"].fill_null(0.0) - before["total"].fill_null(0.0)
    made = trades.with_columns(n=n, mean=pl.when(n > 0).then(total / n))
    return int(made["n"].sum()), float(made["mean"].sum()), float("nan")


def timed(asks: dict[str, Ask], repeats: int) -> tuple[dict[str, tuple[float, float]], dict[str, Answer]]:
    best: dict[str, tuple[float, float]] = {}
    answers: dict[str, Answer] = {}
    for _ in range(repeats):
        for name, ask in asks.items():
            gc.collect()
            wall, cpu = time.perf_counter(), time.process_time()
            answers[name] = ask()
            wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
            old = best.get(name, (wall, cpu))
            best[name] = min(old[0], wall), min(old[1], cpu)
    return best, answers


def check(answers: dict[str, Answer], base: str) -> None:
    """Differences of running sums, as Polars has them, agree to fewer digits."""
    wanted = answers[base]
    for name, got in answers.items():
        slack = 1e-6 if name == "Polars" else 1e-9
        if got[0] != wanted[0] or any(abs(a - b) > slack * abs(b) for a, b in zip(got[1:], wanted[1:], strict=True)):
            raise SystemExit(f"{name} gives {got}, {base} {wanted}")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("trades", type=int, nargs="?", default=500_000)
    parser.add_argument("--span", type=int, default=200, help="milliseconds")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--no-slow", action="store_true", help="leave DuckDB out; ratios are to Polars")
    asked = parser.parse_args()
    warnings.simplefilter("ignore")
    trades, quotes = side(asked.trades, "price", 1), side(4 * asked.trades, "bid", 2)
    session = cortado.connect(timezone="UTC", threads=THREADS, kernels="always")
    sources = {"trades": trades, "quotes": quotes}
    mine, theirs = (
        pl.DataFrame(pl.from_arrow(t)).with_columns(pl.col("sym").cast(pl.Enum(NAMES))) for t in (trades, quotes)
    )
    asks: dict[str, Ask] = {
        "Polars": lambda: polars(mine, theirs, asked.span),
        "cortado": lambda: ours(session, asked.span, sources),
    }
    if not asked.no_slow:
        db = duckdb.connect(config={"threads": THREADS, "memory_limit": "5GB"})
        db.register("trades", trades)
        db.register("quotes", quotes)
        asks = {"DuckDB": lambda: duck(db, asked.span), **asks}
    best, answers = timed(asks, asked.repeats)
    base = next(iter(asks))
    check(answers, base)
    wall, cpu = best[base]
    print(f"{asked.trades:,} x {4 * asked.trades:,} rows, {asked.span} ms: {answers[base][0]:,} pairs")
    for name, (w, c) in best.items():
        print(f"  {name:10s} wall {w:6.2f} s  {w / wall:6.2f}   cpu {c:6.2f} s  {c / cpu:6.2f}")
    session.close()


if __name__ == "__main__":
    main()
