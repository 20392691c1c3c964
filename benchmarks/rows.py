"""How fast are dedup, explode, unpivot, fillnull and bin, beside DuckDB and Polars? One thread each, CPU seconds.

python -m benchmarks.rows [rows] [name ...]
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from typing import Any

os.environ.setdefault("POLARS_MAX_THREADS", "1")

import duckdb
import numpy as np
import polars as pl
import pyarrow as pa

import cortado

RUNS = 7


def made(n: int) -> dict[str, pa.Table]:
    rng = np.random.default_rng(1)
    key = rng.integers(0, n // 2, n)
    text = pa.array([f"user-{k:08d}" for k in rng.integers(0, n // 10, n).tolist()])
    holes = rng.random(n) < 0.3
    value = pa.array(rng.normal(size=n), mask=holes)
    second = pa.array(np.arange(n) * 1_000_000, pa.int64()).cast(pa.timestamp("us", "UTC"))
    lists = pa.ListArray.from_arrays(pa.array(np.arange(0, 3 * n + 1, 3, dtype=np.int32)), pa.array(np.arange(3 * n)))
    wide = {"id": pa.array(np.arange(n // 8)), "name": text.slice(0, n // 8)}
    return {
        "t": pa.table({"_time": second, "k": key, "s": text, "g": pa.array(key % 1000), "v": value, "a": pa.array(rng.integers(0, 10**6, n))}),
        "l": pa.table({"id": pa.array(np.arange(n)), "s": text, "a": lists}),
        "w": pa.table({**wide, **{f"W{i}": pa.array(rng.integers(0, 1000, n // 8), mask=rng.random(n // 8) < 0.1) for i in range(8)}}),
    }  # fmt: skip


WIDE = [f"W{i}" for i in range(8)]
T, L, W = (lambda f: f["t"]), (lambda f: f["l"]), (lambda f: f["w"])
Frames = dict[str, Any]
# name: query, SQL, Polars. Where SQL has no order of its own, the row's number gives it
CASES: dict[str, tuple[str, str, Callable[[Frames], Any]]] = {
    "dedup a number": (
        "table t | dedup k",
        "select * exclude n from (select *, row_number() over () as n from t) qualify row_number() over (partition by k order by n) = 1 order by n",
        lambda f: T(f).unique(["k"], keep="first", maintain_order=True),
    ),
    "dedup a text": (
        "table t | dedup s",
        "select * exclude n from (select *, row_number() over () as n from t) qualify row_number() over (partition by s order by n) = 1 order by n",
        lambda f: T(f).unique(["s"], keep="first", maintain_order=True),
    ),
    "dedup two keys, last": (
        "table t | dedup keep=last g, s",
        "select * exclude n from (select *, row_number() over () as n from t) qualify row_number() over (partition by g, s order by n desc) = 1 order by n",
        lambda f: T(f).unique(["g", "s"], keep="last", maintain_order=True),
    ),
    "dedup whole rows": (
        "table t | fields g, a | dedup",
        "select g, a from (select g, a, min(n) as n from (select g, a, row_number() over () as n from t) group by all) order by n",
        lambda f: T(f).select("g", "a").unique(keep="first", maintain_order=True),
    ),
    "explode": ("table l | explode a", "select id, s, unnest(a) as a from l", lambda f: L(f).explode("a")),
    "unpivot": (
        "table w | unpivot W*",
        "select id, name, key, value from w unpivot include nulls (value for key in (W0, W1, W2, W3, W4, W5, W6, W7))",
        lambda f: W(f).unpivot(WIDE, index=["id", "name"]),
    ),
    "unpivot nulls=drop": (
        "table w | unpivot nulls=drop W*",
        "select id, name, key, value from w unpivot (value for key in (W0, W1, W2, W3, W4, W5, W6, W7))",
        lambda f: W(f).unpivot(WIDE, index=["id", "name"]).drop_nulls("value"),
    ),
    "fillnull value": ("table t | fillnull v", "select * replace (coalesce(v, 0) as v) from t", lambda f: T(f).with_columns(pl.col("v").fill_null(0.0))),
    "fillnull prev": (
        "table t | fillnull method=prev v",
        "select * exclude n replace (last_value(v ignore nulls) over (order by n rows unbounded preceding) as v) from (select *, row_number() over () as n from t) order by n",
        lambda f: T(f).with_columns(pl.col("v").forward_fill()),
    ),
    "fillnull prev by": (
        "table t | fillnull method=prev v by g",
        "select * exclude n replace (last_value(v ignore nulls) over (partition by g order by n rows unbounded preceding) as v) from (select *, row_number() over () as n from t) order by n",
        lambda f: T(f).with_columns(pl.col("v").forward_fill().over("g")),
    ),
    "fillnull next by": (
        "table t | fillnull method=next v by g",
        "select * exclude n replace (first_value(v ignore nulls) over (partition by g order by n rows between current row and unbounded following) as v) from (select *, row_number() over () as n from t) order by n",
        lambda f: T(f).with_columns(pl.col("v").backward_fill().over("g")),
    ),
    "fillnull linear": (
        "table t | fillnull method=linear v",
        "select * replace (fill(v order by _time) over (order by _time) as v) from t",
        lambda f: T(f).with_columns(pl.col("v").interpolate_by("_time")),
    ),
    "bin a number": ("table t | bin span=100 a", "select * replace (a - a % 100 as a) from t", lambda f: T(f).with_columns(pl.col("a") // 100 * 100)),
    "bin hours": ("table t | bin span=1h _time", "select * replace (date_trunc('hour', _time) as _time) from t", lambda f: T(f).with_columns(pl.col("_time").dt.truncate("1h"))),
    "bin days": ("table t | bin span=1d _time", "select * replace (date_trunc('day', _time) as _time) from t", lambda f: T(f).with_columns(pl.col("_time").dt.truncate("1d"))),
}  # fmt: skip


def main() -> None:
    n = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    wanted = sys.argv[2:]
    tables = made(n)
    frames = {name: pl.from_arrow(table) for name, table in tables.items()}
    db = duckdb.connect()
    db.execute("set threads = 1; set timezone = 'UTC'")
    for name, table in tables.items():
        db.register("arrow_" + name, table)
        db.execute(f"create table {name} as select * from arrow_{name}")
    print(f"{n:,} rows; CPU seconds, the best of {RUNS}; ratio: of ours to the better of the others")
    with cortado.connect(threads=1, timezone="UTC") as session:
        for name, table in tables.items():
            session.register(name, table)
        for case, (query, sql, polars) in CASES.items():
            if wanted and not any(w in case for w in wanted):
                continue
            report(
                case,
                lambda q=query: session.query(q).to_arrow(),
                lambda s=sql: db.sql(s).to_arrow_table(),
                lambda p=polars: p(frames),
            )  # type: ignore[misc]


def report(case: str, ours: Callable[[], Any], duck: Callable[[], Any], polars: Callable[[], Any]) -> None:
    """Runs take turns, so that what else the machine does hits all of them."""
    best = dict.fromkeys(("cortado", "duckdb", "polars"), float("inf"))
    rows: dict[str, int] = {}
    for _ in range(RUNS):
        for name, work in (("cortado", ours), ("duckdb", duck), ("polars", polars)):
            begin = time.process_time()
            try:
                found = work()
            except duckdb.Error as why:
                best[name] = float("nan")
                rows[name] = -1
                print(f"   {name}: {str(why).splitlines()[0]}")
                continue
            best[name] = min(best[name], time.process_time() - begin)
            rows[name] = len(found)
    known = [best[name] for name in ("duckdb", "polars") if best[name] == best[name]]
    counts = "" if len({r for r in rows.values() if r >= 0}) == 1 else f"   rows differ: {rows}"
    print(
        f"{case:22}"
        + "".join(f"{name} {value:7.3f}  " for name, value in best.items())
        + f"ratio {best['cortado'] / min(known):5.2f}{counts}"
    )


if __name__ == "__main__":
    main()
