"""How fast are dates read, written and put into buckets, beside DuckDB and Polars? One thread each, rows a second.

python benchmarks/dates.py [rows]
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Any

import duckdb
import numpy as np
import polars as pl
import pyarrow as pa

from cortado.engine.calendar import Span, bucket_start
from cortado.engine.dateformat import format_dates, iso_text
from cortado.engine.dateletters import java, percent
from cortado.engine.dateparse import parse_dates
from cortado.planner.option_values import parse_duration

BATCH = 65_536
ZONE = "Europe/Berlin"


def best(n: int, work: Callable[..., Any], *args: Any) -> float:
    """Million rows a second, the best of three runs."""
    took = []
    for _ in range(3):
        begin = time.perf_counter()
        work(*args)
        took.append(time.perf_counter() - begin)
    return n / min(took) / 1e6


def each(work: Callable[..., Any], column: Any, *args: Any) -> None:
    """Batch by batch, as a query runs it."""
    for begin in range(0, len(column), BATCH):
        work(column[begin : begin + BATCH], *args)


def asked(con: duckdb.DuckDBPyConnection, expression: str, table: str) -> None:
    con.sql(f"select max({expression}) from {table}").fetchall()


def row(what: str, figures: dict[str, float]) -> None:
    print(f"{what:42}" + "".join(f"{name} {value:8.1f}   " for name, value in figures.items()))


def reading(texts: dict[str, pa.Array[Any]], n: int, con: duckdb.DuckDBPyConnection) -> None:
    for what, key, fmt, letters in (
        ("common log", "clf", java("dd/MMM/yyyy:HH:mm:ss Z"), "%d/%b/%Y:%H:%M:%S %z"),
        ("common log, no format given", "clf", None, None),
        ("yyyy-MM-dd HH:mm:ss", "iso", percent("%Y-%m-%d %H:%M:%S"), "%Y-%m-%d %H:%M:%S"),
    ):
        figures = {"cortado": best(n, each, parse_dates, texts[key], fmt, "UTC", 0)}
        if letters is not None:
            con.register("t", pa.table({"s": texts[key]}))
            con.execute("create or replace temp table u as select s from t")
            figures["duckdb"] = best(n, asked, con, f"epoch_us(strptime(s, '{letters}'))", "u")
            figures["polars"] = best(n, pl.Series(texts[key]).str.to_datetime, letters)
        row(f"read {what}", figures)


def writing(dates: pa.Array[Any], n: int, con: duckdb.DuckDBPyConnection) -> None:
    for what, letters in (("yyyy-MM-dd HH:mm:ss", "%Y-%m-%d %H:%M:%S"), ("dd/MMM/yyyy:HH:mm:ss", "%d/%b/%Y:%H:%M:%S")):
        figures = {"cortado": best(n, each, format_dates, dates, java(what), "UTC")}
        figures["duckdb"] = best(n, asked, con, f"strftime(d::timestamp, '{letters}')", "v")
        figures["polars"] = best(n, pl.Series(dates).dt.strftime, letters)
        row(f"write {what}", figures)
    row("write ISO with offset and microseconds", {"cortado": best(n, each, iso_text, dates, ZONE)})


def buckets(dates: pa.Array[Any], n: int, con: duckdb.DuckDBPyConnection) -> None:
    values = dates.cast(pa.int64()).to_numpy()
    series = pl.Series(dates).dt.convert_time_zone(ZONE)
    for length, unit, every in (
        ("5m", "", "5m"),
        ("1h", "hour", "1h"),
        ("1d", "day", "1d"),
        ("1w", "week", "1w"),
        ("1mon", "month", "1mo"),
    ):
        duration = parse_duration(length)
        assert duration is not None
        figures = {"cortado": best(n, each, bucket_start, values, Span.of(duration), ZONE)}
        call = f"date_trunc('{unit}', d)" if unit else "time_bucket(interval '5 minutes', d)"
        figures["duckdb"] = best(n, asked, con, f"epoch_us({call})", "v")
        figures["polars"] = best(n, series.dt.truncate, every)
        row(f"bucket {length}, {ZONE}", figures)


def main() -> None:
    n = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    con = duckdb.connect()
    con.execute(f"set threads = 1; set TimeZone = '{ZONE}'")
    rng = np.random.default_rng(0)
    seconds = np.sort(rng.integers(1_700_000_000, 1_731_000_000, n))
    dates = pa.array(seconds * 1_000_000 + rng.integers(0, 10**6, n), pa.timestamp("us", "UTC"))
    texts = {
        "clf": format_dates(dates, java("dd/MMM/yyyy:HH:mm:ss Z"), "UTC"),
        "iso": format_dates(dates, java("yyyy-MM-dd HH:mm:ss"), "UTC"),
    }
    con.register("w", pa.table({"d": dates}))
    con.execute("create temp table v as select d from w")
    print(f"{n:,} rows, million rows a second")
    reading(texts, n, con)
    writing(dates, n, con)
    buckets(dates, n, con)


if __name__ == "__main__":
    main()
