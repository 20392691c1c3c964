"""Scans that want little of a Parquet file, and of a stored table, against DuckDB: same process, two threads each, in turn.

    python -m benchmarks.scans --lines 5000000 --rounds 9 [--only "point lookup,..."] [--of file|table]

DuckDB reads the same Parquet files, of the table those that lie in its folder. Answers are compared before anything is timed;
CPU time of the process stands beside the wall.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from .weblog import DATA, make

THREADS = 2
QUERIES: dict[str, tuple[str, str]] = {
    "few rows, all columns": (
        "search status == 503 and bytes > 4990000 | sort time, client_ip, path",
        "select * from {src} where status = 503 and bytes > 4990000 order by time, client_ip, path",
    ),
    "point lookup": (
        "search bytes == 4999999 | fields time, client_ip, path, agent | sort time, client_ip, path",
        "select time, client_ip, path, agent from {src} where bytes = 4999999 order by time, client_ip, path",
    ),
    "a text among many": (
        'search startswith(path, "/search?q=1") and status == 500 | stats count, sum(bytes) by method',
        "select method, count(*), sum(bytes) from {src} where starts_with(path, '/search?q=1') and status = 500 "
        "group by 1 order by 1",
    ),
    "contains": (
        'search contains(path, "search") | stats count by status',
        "select status, count(*) from {src} where contains(path, 'search') group by 1 order by 1",
    ),
    "filter": (
        "search status == 404 and bytes > 1000000 | stats count, sum(bytes) by method",
        "select method, count(*), sum(bytes) from {src} where status = 404 and bytes > 1000000 group by 1 order by 1",
    ),
    "an hour": (
        'search time >= date("2026-01-02T00:00:00Z") and time < date("2026-01-02T01:00:00Z") | stats count by status',
        "select status, count(*) from {src} where time >= '2026-01-02 00:00:00' and time < '2026-01-02 01:00:00' "
        "group by 1 order by 1",
    ),
    "top 10, all columns": (
        "sort limit=10 -bytes, time, client_ip, path",
        "select * from {src} order by bytes desc, time, client_ip, path limit 10",
    ),
    "top 10 of a filter": (
        "search status == 404 | fields time, client_ip, path, bytes | sort limit=10 -bytes, time, client_ip, path",
        "select time, client_ip, path, bytes from {src} where status = 404 order by bytes desc, time, client_ip, path "
        "limit 10",
    ),
    "count": ("stats count", "select count(*) from {src}"),
    "count of none": ("search status == 999 | stats count", "select count(*) from {src} where status = 999"),
    "most rows": (
        "search bytes > 1000 | stats count, sum(bytes) by method",
        "select method, count(*), sum(bytes) from {src} where bytes > 1000 group by 1 order by 1",
    ),
}


def rows_of(table: Any) -> list[tuple[Any, ...]]:
    """As text; times as microseconds, with or without a zone."""
    kinds = ["timestamp[us]" if str(c.type).startswith("timestamp") else None for c in table.columns]
    columns = [c if k is None else c.cast(k).cast("int64") for c, k in zip(table.columns, kinds, strict=True)]
    return list(zip(*(c.cast("string").to_pylist() for c in columns), strict=True))


def timed(run: Callable[[], Any]) -> tuple[float, float]:
    wall, cpu = time.perf_counter(), time.process_time()
    run()
    return time.perf_counter() - wall, time.process_time() - cpu


def stored(session: Any, parquet: Path, lines: int) -> list[str]:
    """The table `weblog` of the session's database, made once; paths of its Parquet files."""
    if "weblog" not in session.tables():
        session.query(f'parquetfile "{parquet}" | import create=t weblog').run()
    return [str(p) for p in sorted(_folder(lines).glob("tables/weblog/*.parquet"))]


def _folder(lines: int) -> Path:
    return DATA / f"database_{lines}"


def main() -> None:
    import duckdb

    import cortado

    parser = argparse.ArgumentParser()
    parser.add_argument("--lines", type=int, default=5_000_000)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--only", default="")
    parser.add_argument("--of", choices=("file", "table", "both"), default="both")
    args = parser.parse_args()
    _, pq = make(args.lines)
    session = cortado.connect(_folder(args.lines), threads=THREADS, timezone="UTC", kernels="always")
    db = duckdb.connect()
    db.execute(f"set threads = {THREADS}")
    sources = {
        "file": (f'parquetfile "{pq}"', f"'{pq}'"),
        "table": ("table weblog", f"read_parquet({stored(session, pq, args.lines)})"),
    }
    print(f"{'':5} {'query':24} {'cortado':>9} {'DuckDB':>9} {'wall':>6}   {'cpu':>7} {'cpu':>7} {'ratio':>6}")
    for of, (mine, other) in sources.items():
        if args.of in (of, "both"):
            for name in [n for n in QUERIES if not args.only or n in args.only.split(",")]:
                ours, theirs = QUERIES[name]
                _compare(
                    f"{of:5} {name}",
                    partial(_ours, session, f"{mine} | {ours}"),
                    partial(_theirs, db, theirs.format(src=other)),
                    args.rounds,
                )
    session.close()


def _compare(name: str, ours: Callable[[], Any], theirs: Callable[[], Any], rounds: int) -> None:
    if rows_of(ours()) != rows_of(theirs()):
        raise SystemExit(f"{name}: the answers differ")
    found: list[list[tuple[float, float]]] = [[], []]
    for k in range(rounds):
        for i in (k % 2, 1 - k % 2):
            found[i].append(timed((ours, theirs)[i]))
    walls = [statistics.median(w for w, _ in side) for side in found]
    cpus = [min(c for _, c in side) for side in found]
    print(
        f"{name:30} {walls[0]:9.4f} {walls[1]:9.4f} {walls[1] / walls[0]:5.2f}x   "
        f"{cpus[0]:7.4f} {cpus[1]:7.4f} {cpus[1] / cpus[0]:5.2f}x",
        flush=True,
    )


def _ours(session: Any, text: str) -> Any:
    return session.query(text).to_arrow()


def _theirs(db: Any, text: str) -> Any:
    return db.sql(text).to_arrow_table()


if __name__ == "__main__":
    main()
