"""Sources against peers that read the same: CSV against DuckDB and Polars, Parquet and Arrow files against pyarrow, Polars and
DuckDB, WAV files against scipy and NumPy, SQLite against ADBC and Polars.

python benchmarks/sources.py [ROWS]     wall seconds, best of three, all with two threads and a warm page cache
"""

from __future__ import annotations

import os
import sqlite3
import struct
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

os.environ.setdefault("POLARS_MAX_THREADS", "2")

import duckdb
import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.csv as arrow_csv
import pyarrow.dataset as arrow_dataset
import pyarrow.parquet as pq

import cortado

ROUNDS = 3


def make(folder: Path, n: int) -> None:
    rng = np.random.default_rng(0)
    address = pa.array([f"10.{i % 250}.{i % 97}.{i % 13}" for i in range(20_000)])
    text = pa.array([f"some text, number {i}" if i % 10 == 0 else f"some text {i}" for i in range(500)])
    start = np.datetime64("2026-01-01T00:00:00", "s").astype(np.int64)
    seconds = pa.array(start + rng.integers(0, 10**7, n)).cast(pa.timestamp("s"))
    table = pa.table(
        {
            "time": seconds,
            "ip": address.take(pa.array(rng.integers(0, 20_000, n))),
            "bytes": rng.integers(0, 10**6, n),
            "price": np.round(rng.random(n) * 1000, 4),
            "note": text.take(pa.array(rng.integers(0, 500, n))),
        }
    )
    arrow_csv.write_csv(table, folder / "x.csv", arrow_csv.WriteOptions(quoting_style="needed"))
    pq.write_table(table, folder / "x.parquet", row_group_size=131_072)
    options = pa.ipc.IpcWriteOptions(compression="lz4")
    with pa.ipc.new_file(str(folder / "x.arrow"), table.schema, options=options) as writer:
        writer.write_table(table, max_chunksize=65_536)
    samples = rng.integers(-(2**15), 2**15, (10 * n, 2)).astype("<i2")
    head = struct.pack("<4sI4s4sIHHIIHH4sI", b"RIFF", 36 + samples.nbytes, b"WAVE", b"fmt ", 16, 1, 2, 44_100, 176_400, 4, 16,
                       b"data", samples.nbytes)  # fmt: skip
    (folder / "x.wav").write_bytes(head + samples.tobytes())
    with closing(sqlite3.connect(folder / "x.db")) as made:
        made.execute("create table x (ip text, bytes integer, price real)")
        rows = zip(*(table[c].to_pylist() for c in ("ip", "bytes", "price")), strict=True)
        made.executemany("insert into x values (?, ?, ?)", rows)
        made.commit()


def best(run: Callable[[], Any]) -> tuple[float, Any]:
    times, got = [], None
    for _ in range(ROUNDS):
        begin = time.perf_counter()
        got = run()
        times.append(time.perf_counter() - begin)
    return min(times), got


def loudest(samples: Any) -> Any:
    return samples.max(axis=0) / 32768


def read_wav(path: str) -> Any:
    from scipy.io import wavfile

    return wavfile.read(path)[1]


def by_adbc(path: str) -> Any:
    import adbc_driver_sqlite.dbapi

    with adbc_driver_sqlite.dbapi.connect(path) as connection, connection.cursor() as cursor:
        cursor.execute("select * from x")
        return cursor.fetch_arrow_table()


def main() -> None:
    n = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    con = duckdb.connect()
    con.execute("set threads = 2")
    with tempfile.TemporaryDirectory() as name, cortado.connect(timezone="UTC", threads=2) as session:
        folder = Path(name)
        make(folder, n)
        csv, parquet, arrow, wav, database = (str(folder / f"x.{e}") for e in ("csv", "parquet", "arrow", "wav", "db"))
        session.profile("x", database)

        def ours(query: str) -> Callable[[], Any]:
            return lambda: session.query(query).run().to_pylist()[0]

        def duck(query: str) -> Callable[[], Any]:
            return lambda: con.execute(query).fetchall()[0]

        schema = {"time": pl.Datetime, "ip": pl.String, "bytes": pl.Int64, "price": pl.Float64, "note": pl.String}
        scan = lambda: pl.scan_csv(csv, schema=schema)  # noqa: E731
        groups = session.query(f'parquetfile "{parquet}" | search bytes < 0 | stats count').explain()
        print(
            f"{n} rows, CSV {os.path.getsize(csv) / 1e6:.0f} MB, Parquet {os.path.getsize(parquet) / 1e6:.0f} MB; {groups.count('row group')} scans"
        )
        every = "count as n, max(time) as t, max(ip) as i, sum(bytes) as b, sum(price) as p, max(note) as m"
        sql = "count(*), max(time), max(ip), sum(bytes), sum(price), max(note)"
        rows: list[tuple[str, dict[str, Callable[[], Any]]]] = [
            ("csv: sum of one column", {
                "cortado": ours(f'csvfile "{csv}" | stats sum(bytes) as b'),
                "duckdb": duck(f"select sum(bytes) from read_csv('{csv}')"),
                "polars": lambda: scan().select(pl.col("bytes").sum()).collect(engine="streaming").item(),
            }),
            ("csv: every column", {
                "cortado": ours(f'csvfile "{csv}" | stats {every}'),
                "duckdb": duck(f"select {sql} from read_csv('{csv}')"),
                "polars": lambda: scan().select(pl.all().max()).collect(engine="streaming").row(0),
            }),
            ("csv: all rows to Arrow", {
                "cortado": lambda: session.query(f'csvfile "{csv}"').run().to_arrow().num_rows,
                "duckdb": lambda: con.sql(f"select * from read_csv('{csv}')").to_arrow_table().num_rows,
                "polars": lambda: scan().collect(engine="streaming").height,
                "pyarrow": lambda: arrow_csv.read_csv(csv).num_rows,
            }),
            ("parquet: two columns to Arrow", {
                "cortado": lambda: session.query(f'parquetfile "{parquet}" | fields bytes, ip').run().to_arrow().num_rows,
                "duckdb": lambda: con.sql(f"select bytes, ip from '{parquet}'").to_arrow_table().num_rows,
                "pyarrow": lambda: pq.read_table(parquet, columns=["bytes", "ip"]).num_rows,
            }),
            ("parquet: sum by ip", {
                "cortado": ours(f'parquetfile "{parquet}" | stats sum(bytes) as b by ip | stats count as n'),
                "duckdb": duck(f"select count(*) from (select ip, sum(bytes) from '{parquet}' group by ip)"),
                "polars": lambda: pl.scan_parquet(parquet).group_by("ip").agg(pl.col("bytes").sum()).collect(engine="streaming").height,
            }),
            ("arrow: two columns to Arrow", {
                "cortado": lambda: session.query(f'arrowfile "{arrow}" | fields bytes, ip').run().to_arrow().num_rows,
                "pyarrow": lambda: arrow_dataset.dataset(arrow, format="ipc").to_table(columns=["bytes", "ip"]).num_rows,
                "polars": lambda: pl.read_ipc(arrow, columns=["bytes", "ip"]).height,
            }),
            ("arrow: sum by ip", {
                "cortado": ours(f'arrowfile "{arrow}" | stats sum(bytes) as b by ip | stats count as n'),
                "polars": lambda: pl.scan_ipc(arrow).group_by("ip").agg(pl.col("bytes").sum()).collect(engine="streaming").height,
            }),
            ("wav: loudest sample", {
                "cortado": ours(f'wavfile "{wav}" | stats max(ch0) as c, max(ch1) as d'),
                "numpy": lambda: loudest(np.memmap(wav, "<i2", "r", 44).reshape(-1, 2)),
                "scipy": lambda: loudest(read_wav(wav)),
            }),
            ("wav: one second out of it", {
                "cortado": ours(f'wavfile "{wav}" | search t >= 10 and t < 11 | stats avg(ch0) as c'),
                "scipy": lambda: float(read_wav(wav)[441_000:485_100, 0].mean()),
            }),
            ("sqlite: all rows to Arrow", {
                "cortado": lambda: session.query("dbquery x select * from x").run().to_arrow().num_rows,
                "adbc": lambda: by_adbc(database).num_rows,
                "polars": lambda: pl.read_database_uri("select * from x", f"sqlite:///{database}", engine="adbc").height,
            }),
        ]  # fmt: skip
        for title, engines in rows:
            times = {engine: best(run)[0] for engine, run in engines.items()}
            shown = "  ".join(f"{engine} {seconds:.3f}" for engine, seconds in times.items())
            peers = min(t for engine, t in times.items() if engine != "cortado")
            print(f"{title:32} {shown}  best peer / cortado {peers / times['cortado']:.2f}")


if __name__ == "__main__":
    main()
