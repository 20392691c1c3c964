"""As-of joins against Polars, DuckDB and pandas: trades with the quote of the moment, by 1,000 symbols of Zipf's law.

python benchmarks/asof.py [trades] [--case sorted,string,unsorted] [--repeats N] [--no-slow]

There are four quotes for each trade (default 5 million trades, 20 million quotes). Cases: both sides in order of time with
symbols as codes (Polars: Enum) or as text, and both in no order (Polars and pandas sort first). Each is asked of the search
alone (codes and times as arrays in, row numbers out), of tables in memory, and of Parquet files to the end; engines run
in turn in one process on two threads, the least wall and processor time of the repeats count. The sum of the bids that were
found and the number of trades without one must agree; DuckDB takes any of several quotes of one time, so its sum may differ.
Ratios are to Polars with the same kind of key.
"""

from __future__ import annotations

import argparse
import gc
import os
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

THREADS, KEYS = 2, 1000
os.environ.setdefault("POLARS_MAX_THREADS", str(THREADS))

import duckdb  # noqa: E402
import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402
import polars as pl  # noqa: E402
import pyarrow as pa  # noqa: E402
import pyarrow.compute as pc  # noqa: E402
import pyarrow.parquet as pq  # noqa: E402

import cortado  # noqa: E402

Answer = tuple[float, int]  # sum of the bids, trades without one
Ask = Callable[[], Answer]
NAMES = [f"S{i:04d}" for i in range(KEYS)]
CASES = ("sorted", "string", "unsorted")


def side(n: int, columns: list[str], seed: int, case: str) -> pa.Table:
    rng = np.random.default_rng(seed)
    codes = pa.array((rng.zipf(1.3, n) % KEYS).astype(np.int32))
    times = np.sort(rng.integers(0, 6 * 3600 * 10**6, n)) * 1000
    symbols: Any = pa.DictionaryArray.from_arrays(codes, pa.array(NAMES))
    made = {
        "_time": pa.array(times, pa.timestamp("ns", "UTC")),
        "sym": symbols.cast(pa.string()) if case == "string" else symbols,
    }
    table = pa.table({**made, **{c: 100 + rng.normal(0, 1, n) for c in columns}})
    return table.take(pa.array(rng.permutation(n))) if case == "unsorted" else table


def answer(table: pa.Table) -> Answer:
    bid: Any = table["bid"]
    return float(pc.sum(bid).as_py()), bid.null_count


# engines


def ours(session: cortado.Session, trades: str, quotes: str, sources: dict[str, pa.Table]) -> Answer:
    return answer(session.query(f"{trades} | asof sym [ {quotes} ]", sources=sources).run().to_arrow())


def polars(trades: Callable[[], pl.DataFrame], quotes: Callable[[], pl.DataFrame], case: str) -> Answer:
    a, b = trades(), quotes()
    if case == "unsorted":
        a, b = a.sort("_time"), b.sort("_time")
    found = a.join_asof(b, on="_time", by="sym")["bid"]
    return float(found.sum()), found.null_count()


def duck(trades: str, quotes: str, db: duckdb.DuckDBPyConnection) -> Answer:
    query = (
        f"select t.*, q.bid, q.ask from {trades} t asof left join {quotes} q on t.sym = q.sym and t._time >= q._time"
    )
    return answer(db.execute(query).to_arrow_table())


def pandas(trades: pd.DataFrame, quotes: pd.DataFrame, case: str) -> Answer:
    if case == "unsorted":
        trades, quotes = trades.sort_values("_time", kind="stable"), quotes.sort_values("_time", kind="stable")
    found = pd.merge_asof(trades, quotes, on="_time", by="sym")["bid"]
    return float(found.sum()), int(found.isna().sum())


def search_alone(trades: pa.Table, quotes: pa.Table) -> Ask:
    """The search on arrays of codes and times, one thread; sums afterwards."""
    from cortado.engine.context import Context, QueryState, Settings
    from cortado.engine.memory import Budget
    from cortado.engine.notes import WorkerNotes
    from cortado.engine.operators.asof.index import Index
    from cortado.engine.operators.asof.search import Searcher, Wish

    ctx = Context(QueryState(Settings(threads=1), Budget(1 << 40)), WorkerNotes(), kernels=True)
    arrays = []
    for table in (trades, quotes):
        sym: Any = table["sym"].combine_chunks().dictionary_encode()
        values = sym.dictionary.to_pylist()
        number = np.array([NAMES.index(v) for v in values], np.int32)
        arrays.append((number[sym.indices.to_numpy()], table["_time"].combine_chunks().cast(pa.int64()).to_numpy()))
    bid: Any = quotes["bid"].combine_chunks().to_numpy()
    (lcode, ltime), (rcode, rtime) = arrays

    def ask() -> Answer:
        searcher = Searcher(Index(rcode, rtime, KEYS), Wish("backward"), ctx)
        rows = np.concatenate(
            [searcher.rows(lcode[i : i + 65_536], ltime[i : i + 65_536]) for i in range(0, len(lcode), 65_536)]
        )
        return float(bid[rows[rows >= 0]].sum()), int((rows < 0).sum())

    return ask


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


def show(title: str, best: dict[str, tuple[float, float]], answers: dict[str, Answer], base: str) -> None:
    wall, cpu = best[base]
    print(f"\n{title:44s} wall s  ratio   cpu s  ratio")
    for name, (w, c) in best.items():
        print(f"  {name:42s} {w:6.2f} {w / wall:6.2f}  {c:6.2f} {c / cpu:6.2f}")
        (total, missing), (wanted, lacking) = answers[name], answers[base]
        if missing != lacking or (name != "DuckDB" and abs(total - wanted) > 1e-9 * abs(wanted)):
            raise SystemExit(f"{name} gives {answers[name]}, {base} {answers[base]}")


def measure(n: int, case: str, repeats: int, slow: bool, folder: Path) -> None:
    trades, quotes = side(n, ["price"], 1, case), side(4 * n, ["bid", "ask"], 2, case)
    kind = pl.String if case == "string" else pl.Enum(NAMES)
    frames = [pl.from_arrow(t).with_columns(pl.col("sym").cast(kind)) for t in (trades, quotes)]  # type: ignore[union-attr]
    session = cortado.connect(timezone="UTC", threads=THREADS, memory=6 << 30, kernels="always")
    sources = {"trades": trades, "quotes": quotes}
    asks: dict[str, Ask] = {
        "Polars": lambda: polars(lambda: frames[0], lambda: frames[1], case),
        "cortado, tables in memory": lambda: ours(session, "table trades", "table quotes", sources),
        "cortado, search alone on codes, one thread": search_alone(trades, quotes),
    }
    if slow:
        db = duckdb.connect(config={"threads": THREADS, "memory_limit": "5GB"})
        db.register("trades", trades)
        db.register("quotes", quotes)
        asks["DuckDB"] = lambda: duck("trades", "quotes", db)
        tables = [t.to_pandas() for t in (trades, quotes)]
        asks["pandas"] = lambda: pandas(tables[0], tables[1], case)
    show(f"{case}: {n:,} x {4 * n:,} rows in memory", *timed(asks, repeats), "Polars")
    asks.clear()
    for name, table in sources.items():
        pq.write_table(table, folder / f"{name}.parquet", row_group_size=1 << 18)
    a, b = (str(folder / f"{name}.parquet") for name in sources)
    ends: dict[str, Ask] = {
        "Polars": lambda: polars(
            lambda: pl.read_parquet(a).with_columns(pl.col("sym").cast(kind)),
            lambda: pl.read_parquet(b).with_columns(pl.col("sym").cast(kind)), case,
        ),
        "cortado": lambda: ours(session, f"parquetfile {a}", f"parquetfile {b}", {}),
    }  # fmt: skip
    if slow:
        ends["DuckDB"] = lambda: duck(f"'{a}'", f"'{b}'", db)
    show(f"{case}: from Parquet files to the result", *timed(ends, repeats), "Polars")
    session.close()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("trades", type=int, nargs="?", default=5_000_000)
    parser.add_argument("--case", default=",".join(CASES))
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--no-slow", action="store_true", help="leave DuckDB and pandas out")
    asked = parser.parse_args()
    warnings.simplefilter("ignore")
    for case in asked.case.split(","):
        with tempfile.TemporaryDirectory() as folder:
            measure(asked.trades, case, asked.repeats, not asked.no_slow, Path(folder))


if __name__ == "__main__":
    main()
