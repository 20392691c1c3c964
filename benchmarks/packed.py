"""Packed files: the sum of a field by another, of `.gz` and `.zst`, against DuckDB and Polars; the answers are compared.

python -m benchmarks.packed [--lines 500000]     wall and processor seconds, best of three, two threads each, warm page cache

DuckDB and Polars read the packed CSV of the same rows; the main query is of the packed log, which only cortado reads that way.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("POLARS_MAX_THREADS", "2")

import duckdb
import polars as pl
import pyarrow as pa
import pyarrow.csv as arrow_csv
import pyarrow.parquet as pq

import cortado

from .weblog import make

ROUNDS = 3
MAIN = r'rex field=line "^(?<client_ip>\S+).* (?<bytes>\S+)$" | eval bytes = long(bytes) | stats sum(bytes) as n by client_ip'


def pack(source: Path, folder: Path) -> None:
    for suffix, codec in ((".gz", pa.Codec("gzip", 6)), (".zst", pa.Codec("zstd", 3))):
        with (
            pa.CompressedOutputStream(str(folder / (source.name + suffix)), codec.name) as out,
            open(source, "rb") as raw,
        ):
            while chunk := raw.read(4 << 20):
                out.write(chunk)


def best(run: Callable[[], Any]) -> tuple[float, float, Any]:
    walls, cpus, got = [], [], None
    for _ in range(ROUNDS):
        begun, cpu = time.perf_counter(), time.process_time()
        got = run()
        walls.append(time.perf_counter() - begun)
        cpus.append(time.process_time() - cpu)
    return min(walls), min(cpus), got


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lines", type=int, default=500_000)
    args = parser.parse_args()
    log, table = make(args.lines)
    duck = duckdb.connect(config={"threads": 2})
    with tempfile.TemporaryDirectory() as name, cortado.connect(threads=2, kernels="always") as session:
        folder = Path(name)
        arrow_csv.write_csv(pq.read_table(table, columns=["client_ip", "bytes", "status"]), folder / "rows.csv")
        pack(folder / "rows.csv", folder)
        pack(log, folder)
        print(
            f"cortado {cortado.__version__}, duckdb {duckdb.__version__}, polars {pl.__version__}; {args.lines:,} rows"
        )
        for suffix in (".gz", ".zst"):
            csv, packed = folder / f"rows.csv{suffix}", folder / f"{log.name}{suffix}"

            def ours(query: str) -> dict[str, int]:
                got = session.query(query).run().to_arrow()
                return dict(zip(got["client_ip"].to_pylist(), got["n"].to_pylist(), strict=True))

            sql = f"select client_ip, sum(bytes)::bigint n from read_csv('{csv}') group by 1"
            engines: dict[str, Callable[[], Any]] = {
                "cortado": lambda csv=csv: ours(f"csvfile '{csv}' | stats sum(bytes) as n by client_ip"),
                "duckdb": lambda sql=sql: dict(duck.sql(sql).fetchall()),
                "polars": lambda csv=csv: dict(
                    pl.scan_csv(csv).group_by("client_ip").agg(pl.col("bytes").sum()).collect(engine="streaming").rows()
                ),
            }
            times, answers = {}, {}
            for engine, run in engines.items():
                *times[engine], answers[engine] = best(run)
            assert answers["cortado"] == answers["duckdb"] == answers["polars"]
            told = "  ".join(f"{e} {w:.3f} ({c:.3f})" for e, (w, c) in times.items())
            print(
                f"sum by, csv{suffix:5} {told}   ratio of processor time: duckdb {times['duckdb'][1] / times['cortado'][1]:.2f}, polars {times['polars'][1] / times['cortado'][1]:.2f}"
            )
            wall, cpu, answer = best(lambda packed=packed: ours(f"textfile '{packed}' | {MAIN}"))
            assert answer == answers["duckdb"]
            print(f"main, log{suffix:5}   cortado {wall:.3f} ({cpu:.3f})")


if __name__ == "__main__":
    main()
