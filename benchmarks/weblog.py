"""Makes the data of the benchmarks: an access log as text and as Parquet, the same for the same number of lines.

    python -m benchmarks.weblog --lines 5000000

Combined log format with the request's time in microseconds behind it; 200,000 addresses and 20,000 paths, Zipf-like.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

DATA = Path(__file__).parent / "data"
BLOCK = 500_000
WORDS = [
    "index",
    "products",
    "cart",
    "checkout",
    "search",
    "images",
    "static",
    "api",
    "v1",
    "user",
    "login",
    "blog",
    "post",
    "img",
    "style",
    "main",
    "help",
    "docs",
]
SYSTEMS = [
    "Windows NT 10.0; Win64; x64",
    "Macintosh; Intel Mac OS X 10_15_7",
    "X11; Linux x86_64",
    "iPhone; CPU iPhone OS 17_1 like Mac OS X",
]
BROWSERS = ["Chrome", "Firefox", "Edg"]
BOTS = ["curl/8.4.0", "Googlebot/2.1 (+http://www.google.com/bot.html)", "bingbot/2.0"]
BEGIN = 1_767_225_600  # 2026-01-01 UTC


def make(lines: int, folder: Path = DATA) -> tuple[Path, Path]:
    """Paths of the log and of the Parquet file; made once for each number of lines."""
    folder.mkdir(parents=True, exist_ok=True)
    log, parquet = folder / f"access_log_{lines}", folder / f"weblog_{lines}.parquet"
    if log.exists() and parquet.exists():
        return log, parquet
    rng = np.random.default_rng(7)
    pools = _pools(rng)
    times = np.sort(rng.integers(0, 7 * 86_400, lines)) + BEGIN
    writer: pq.ParquetWriter | None = None
    with log.open("wb") as out:
        for low in range(0, lines, BLOCK):
            table = _block(rng, pools, times[low : low + BLOCK])
            out.write(_text(table))
            kept = table.select(["time", "client_ip", "method", "path", "status", "bytes", "agent"])
            writer = writer or pq.ParquetWriter(parquet, kept.schema, compression="snappy")
            writer.write_table(kept, row_group_size=250_000)
    assert writer is not None
    writer.close()
    return log, parquet


def _pools(rng: Any) -> dict[str, Any]:
    addresses = np.unique(rng.integers(2**24, 2**32 - 2**29, size=202_000, dtype=np.uint64))[:200_000]
    rng.shuffle(addresses)
    ips = [f"{a >> 24 & 255}.{a >> 16 & 255}.{a >> 8 & 255}.{a & 255}" for a in addresses.tolist()]
    paths = []
    for i in range(20_000):
        stem = "/" + "/".join(WORDS[j] for j in rng.integers(0, len(WORDS), rng.integers(1, 5)))
        paths.append(
            stem + (f"?id={rng.integers(1, 99_999)}" if i % 3 == 0 else [".html", ".css", ".js", ".png", ""][i % 5])
        )
    agents = [
        f"Mozilla/5.0 ({p}) AppleWebKit/537.36 (KHTML, like Gecko) {b}/{v}.0.{v * 7}.{v * 3} Safari/537.36"
        for p in SYSTEMS
        for b in BROWSERS
        for v in range(100, 125)
    ]
    return {
        "ip": (pa.array(ips), _cumulative(len(ips), 1.05)),
        "path": (pa.array(paths), _cumulative(len(paths), 0.9)),
        "agent": pa.array([*agents, *BOTS]),
        "method": pa.array(["GET", "POST", "PUT", "DELETE", "HEAD"]),
        "status": np.array([200, 304, 404, 301, 500, 403, 503]),
    }


def _cumulative(n: int, power: float) -> Any:
    weights = 1 / np.arange(1, n + 1) ** power
    return np.cumsum(weights / weights.sum())


def _block(rng: Any, pools: dict[str, Any], seconds: Any) -> pa.Table:
    n = len(seconds)

    def zipf(name: str) -> Any:
        values, cdf = pools[name]
        return values.take(pa.array(np.searchsorted(cdf, rng.random(n)).clip(0, len(cdf) - 1)))

    return pa.table(
        {
            "time": pa.array(seconds * 1_000_000, pa.int64()).cast(pa.timestamp("us")),
            "client_ip": zipf("ip"),
            "method": pools["method"].take(pa.array(rng.choice(5, n, p=[0.8, 0.12, 0.03, 0.02, 0.03]))),
            "path": zipf("path"),
            "status": pa.array(pools["status"][rng.choice(7, n, p=[0.82, 0.06, 0.06, 0.03, 0.01, 0.01, 0.01])]),
            "sent": pa.array(np.minimum(rng.lognormal(8.5, 1.6, n), 5e8).astype(np.int64)),
            "agent": pools["agent"].take(pa.array(rng.integers(0, len(pools["agent"]), n))),
            "bytes": pa.array(rng.integers(100, 5_000_000, n)),
        }
    )


def _text(table: pa.Table) -> memoryview:
    t = {n: table.column(n).combine_chunks() for n in table.column_names}
    stamp = pc.strftime(t["time"].cast(pa.timestamp("s")), format="%d/%b/%Y:%H:%M:%S +0000")
    join = pc.binary_join_element_wise

    def text(column: Any) -> Any:
        return column.cast(pa.string())

    request = join(
        t["ip"] if "ip" in t else t["client_ip"], " - - [", stamp, '] "', t["method"], " ", t["path"], ' HTTP/1.1"', ""
    )
    line = join(
        request, text(t["status"]), text(t["sent"]), '"-"', join('"', t["agent"], '"', ""), text(t["bytes"]), " "
    )
    whole = join(line, "\n", "")
    offsets = np.frombuffer(whole.buffers()[1], np.int32)[: len(whole) + 1]
    return memoryview(whole.buffers()[2])[offsets[0] : offsets[len(whole)]]


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--lines", type=int, default=5_000_000)
    for path in make(parser.parse_args().lines):
        print(path, path.stat().st_size)
