"""The web-log queries against DuckDB, Polars and chdb: same data, same process, two threads each, in turn; ratios printed.

    python -m benchmarks.queries --lines 5000000 --rounds 5 [--only text,search,...] [--engines cortado,duckdb]

Every engine's answer is compared with DuckDB's before anything is timed. Data is read once beforehand, so it is in the page cache.
"""

from __future__ import annotations

import argparse
import platform
import statistics
import time
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any

from .weblog import make

THREADS = 2
RX = r"^(\S+).* (\S+)$"
QUERIES: dict[str, dict[str, str]] = {
    "text": {
        "cortado": r'textfile {log} | rex field=line "^(?<client_ip>\S+).* (?<bytes>\S+)$" | eval bytes = long(bytes) '
        "| stats sum(bytes) by client_ip",
        "duckdb": "select r.ip, sum(try_cast(r.b as bigint)) from (select regexp_extract(line, '"
        + RX
        + "', ['ip', 'b']) r from "
        "read_csv('{log}', columns={{'line': 'VARCHAR'}}, delim='\\x01', quote='', escape='', header=false, auto_detect=false)) group by 1",
        "chdb": "select g[1], sum(toInt64OrNull(g[2])) from (select extractGroups(line, '^(\\\\S+).* (\\\\S+)$') g from "
        "file('{log}', LineAsString)) group by 1",
    },
    "search": {
        "cortado": 'textfile {log} | search line == "*Googlebot*" | stats count',
        "duckdb": "select count(*) from read_csv('{log}', columns={{'line': 'VARCHAR'}}, delim='\\x01', quote='', escape='', "
        "header=false, auto_detect=false) where contains(line, 'Googlebot')",
        "chdb": "select count() from file('{log}', LineAsString) where position(line, 'Googlebot') > 0",
    },
    "sum by ip": {
        "cortado": 'parquetfile "{pq}" | stats sum(bytes) by client_ip',
        "duckdb": "select client_ip, sum(bytes) from '{pq}' group by 1",
        "chdb": "select client_ip, sum(bytes) from file('{pq}') group by 1",
    },
    "dc(ip)": {
        "cortado": 'parquetfile "{pq}" | stats dc(client_ip)',
        "duckdb": "select count(distinct client_ip) from '{pq}'",
        "chdb": "select uniqExact(client_ip) from file('{pq}')",
    },
    "timechart": {
        "cortado": 'parquetfile time=time "{pq}" | timechart span=5m long=t count by status',
        "duckdb": "select time_bucket(interval 5 minute, time), status, count(*) from '{pq}' group by 1, 2 order by 1, 2",
        "chdb": "select toStartOfInterval(time, interval 5 minute) t, status, count() from file('{pq}') group by 1, 2 order by 1, 2",
    },
    "p95": {
        "cortado": 'parquetfile "{pq}" | stats p95(bytes) by status',
        "duckdb": "select status, quantile_cont(bytes, 0.95) from '{pq}' group by 1 order by 1",
        "chdb": "select status, quantileExactInclusive(0.95)(bytes) from file('{pq}') group by 1 order by 1",
    },
    "contains": {
        "cortado": 'parquetfile "{pq}" | search contains(path, "search") | stats count by status',
        "duckdb": "select status, count(*) from '{pq}' where contains(path, 'search') group by 1 order by 1",
        "chdb": "select status, count() from file('{pq}') where position(path, 'search') > 0 group by 1 order by 1",
    },
    "filter": {
        "cortado": 'parquetfile "{pq}" | search status == 404 and bytes > 1000000 | stats count, sum(bytes) by method',
        "duckdb": "select method, count(*), sum(bytes) from '{pq}' where status = 404 and bytes > 1000000 group by 1 order by 1",
        "chdb": "select method, count(), sum(bytes) from file('{pq}') where status = 404 and bytes > 1000000 group by 1 order by 1",
    },
    "top 10": {
        "cortado": 'parquetfile "{pq}" | fields time, client_ip, path, bytes | sort limit=10 -bytes',
        "duckdb": "select time, client_ip, path, bytes from '{pq}' order by bytes desc limit 10",
        "chdb": "select time, client_ip, path, bytes from file('{pq}') order by bytes desc limit 10",
    },
}


def polars_queries(log: str, pq: str) -> dict[str, Callable[[], Any]]:
    import polars as pl

    def lines() -> Any:
        return pl.scan_csv(log, has_header=False, separator="\x01", quote_char=None, new_columns=["line"])

    def table() -> Any:
        return pl.scan_parquet(pq)

    c, by = pl.col, {"engine": "streaming"}
    groups = c("line").str.extract_groups(r"^(?<ip>\S+).* (?<b>\S+)$")
    return {
        "text": lambda: (
            lines()
            .select(groups.alias("g"))
            .unnest("g")
            .group_by("ip")
            .agg(c("b").cast(pl.Int64, strict=False).sum())
            .collect(**by)
        ),
        "search": lambda: (
            lines().filter(c("line").str.contains("Googlebot", literal=True)).select(pl.len()).collect(**by)
        ),
        "sum by ip": lambda: table().group_by("client_ip").agg(c("bytes").sum()).collect(**by),
        "dc(ip)": lambda: table().select(c("client_ip").n_unique()).collect(**by),
        "timechart": lambda: (
            table().group_by(c("time").dt.truncate("5m"), "status").agg(pl.len()).sort("time", "status").collect(**by)
        ),
        "p95": lambda: table().group_by("status").agg(c("bytes").quantile(0.95, "linear")).sort("status").collect(**by),
        "contains": lambda: (
            table()
            .filter(c("path").str.contains("search", literal=True))
            .group_by("status")
            .agg(pl.len())
            .collect(**by)
        ),
        "filter": lambda: (
            table()
            .filter((c("status") == 404) & (c("bytes") > 1_000_000))
            .group_by("method")
            .agg(pl.len(), c("bytes").sum())
            .collect(**by)
        ),
        "top 10": lambda: table().select("time", "client_ip", "path", "bytes").top_k(10, by="bytes").collect(**by),
    }


def _ours(session: Any, query: str) -> Any:
    return session.query(query).to_arrow()


def _theirs(db: Any, query: str) -> Any:
    return db.sql(query).to_arrow_table()


def _asked(session: Any, query: str) -> Any:
    return session.query(query, "ArrowStream").bytes()


def engines(log: str, pq: str, wanted: Sequence[str]) -> dict[str, dict[str, Callable[[], Any]]]:
    import os

    os.environ["POLARS_MAX_THREADS"] = str(THREADS)
    import cortado

    session = cortado.connect(threads=THREADS, timezone="UTC")

    def text(engine: str, name: str) -> str:
        return QUERIES[name][engine].format(log=log, pq=pq)

    out: dict[str, dict[str, Callable[[], Any]]] = {
        "cortado": {n: partial(_ours, session, text("cortado", n)) for n in QUERIES},
    }
    if "duckdb" in wanted:
        import duckdb

        db = duckdb.connect(config={"threads": THREADS})
        out["duckdb"] = {n: partial(_theirs, db, text("duckdb", n)) for n in QUERIES}
    if "polars" in wanted:
        out["polars"] = polars_queries(log, pq)
    if "chdb" in wanted:
        from chdb import session as chdb_session

        ch = chdb_session.Session()
        out["chdb"] = {n: partial(_asked, ch, text("chdb", n) + f" settings max_threads={THREADS}") for n in QUERIES}
    return out


def versions(everyone: Iterable[str]) -> str:
    from importlib.metadata import version

    names = ("pyarrow", "numpy", "numba", *(e for e in everyone if e != "cortado"))
    return ", ".join([f"Python {platform.python_version()}", *(f"{n} {version(n)}" for n in names)])


def rows_of(answer: Any) -> int:
    import pyarrow as pa

    if isinstance(answer, bytes):
        return int(pa.ipc.open_stream(answer).read_all().num_rows)
    return int(answer.num_rows if hasattr(answer, "num_rows") else answer.height)


def checked(ours: Any, theirs: Any, name: str) -> str:
    """Our rows as a set against DuckDB's; times as numbers."""
    import pyarrow as pa

    def bare(table: Any) -> list[Any]:
        columns = [
            c.cast(pa.timestamp("us")).cast(pa.int64()) if pa.types.is_timestamp(c.type) else c for c in table.columns
        ]
        rows = zip(
            *[[int(v) if type(v).__name__ == "Decimal" else v for v in c.to_pylist()] for c in columns], strict=True
        )
        return sorted(rows, key=repr)

    if name == "top 10":  # which of equal rows come is for each engine to say
        ours, theirs = ours.select(["bytes"]), theirs.select(["bytes"])
    return "" if bare(ours) == bare(theirs) else f"{name}: the answers differ"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lines", type=int, default=5_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", default="", help="names of queries, separated by commas")
    parser.add_argument(
        "--engines", default="cortado,duckdb,polars,chdb", help="the engines to time; cortado always is"
    )
    args = parser.parse_args()
    log, pq = (str(p) for p in make(args.lines))
    names = [n for n in QUERIES if not args.only or n in args.only.split(",")]
    everyone = engines(log, pq, args.engines.split(","))
    print(
        f"{args.lines:,} lines, {THREADS} threads each, median of {args.rounds} rounds, seconds; in brackets: peer / cortado"
    )
    print(versions(everyone))
    print("query".ljust(12) + "".join(e.rjust(18) for e in everyone))
    for name in names:
        first = {e: queries[name]() for e, queries in everyone.items()}
        if "duckdb" in first and (problem := checked(first["cortado"], first["duckdb"], name)):
            print(problem)
        times: dict[str, list[float]] = {e: [] for e in everyone}
        for _ in range(args.rounds):
            for engine, queries in everyone.items():
                begun = time.perf_counter()
                queries[name]()
                times[engine].append(time.perf_counter() - begun)
        ours = statistics.median(times["cortado"])
        cells = [f"{ours:.3f}".rjust(18)]
        cells += [
            f"{statistics.median(t):.3f} ({statistics.median(t) / ours:.2f}x)".rjust(18)
            for e, t in times.items()
            if e != "cortado"
        ]
        print(name.ljust(12) + "".join(cells), flush=True)


if __name__ == "__main__":
    main()
