"""What compilation costs a query that is the first on a machine: each in processes of its own, with caches that are empty.

python -m benchmarks.first [--only NAME] [--large]

"general" is the query without compiled kernels, "first" with all caches empty, and "again" with what that left, once the
kernels are compiled. A first query may take a second and a half more than the better of the two others. `--large` adds
the main query over 5 million lines, which kernels that are compiled meanwhile make quicker than the general ways alone.
"""

from __future__ import annotations

import argparse
import os
import resource
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from .weblog import make

SMALL = Path(__file__).parent.parent / "examples" / "access_log"
MAIN = (
    r'rex field=line "^(?<client_ip>\S+).* (?<bytes>\S+)$" | eval bytes = long(bytes) | stats sum(bytes) by client_ip'
)
MOST_MORE_S = 1.5


def tables(folder: Path) -> None:
    """Trades and quotes, and hourly figures of sixty shops, each more than eight megabytes."""
    rng = np.random.default_rng(7)
    n = 600_000
    when = np.sort(rng.integers(0, 10**12, n)).astype("datetime64[us]")
    sym = pa.array(rng.integers(0, 500, n).astype(np.int64))
    rows = pa.table({"_time": pa.array(when), "sym": sym, "price": rng.normal(100, 5, n)})
    pq.write_table(rows, folder / "trades.parquet", compression="none", use_dictionary=False)
    hours = np.arange(24 * 400)
    shops, each = 60, len(hours)
    wave = 50 + 20 * np.sin(hours * 2 * np.pi / 24)
    hourly = pa.table(
        {
            "_time": pa.array(np.tile(hours * 3_600_000_000, shops).astype("datetime64[us]")),
            "shop": pa.array(np.repeat(np.arange(shops), each)),
            "qty": np.tile(wave, shops) + rng.normal(0, 3, shops * each),
        }
    )
    pq.write_table(hourly, folder / "hourly.parquet", compression="none", use_dictionary=False)


def queries(folder: Path, large: bool = False) -> dict[str, str]:
    log, _ = make(500_000)
    more: dict[str, str] = {}
    if large:
        lines, pages = make(5_000_000)
        more = {
            "1.1 GB text": f"textfile {lines} | {MAIN}",
            "5 million rows": f'parquetfile "{pages}" | stats sum(bytes) by client_ip',
        }
    trades, hourly = f"parquetfile {folder / 'trades.parquet'}", f"parquetfile {folder / 'hourly.parquet'}"
    return {
        "small text": f"textfile {SMALL} | {MAIN}",
        "100 MB text": f"textfile {log} | {MAIN}",
        "window": f"{trades} | window rows=20 avg(price) as mean, max(price) as top by sym | stats sum(mean), sum(top)",
        "asof": f"{trades} | asof sym [ {trades} | eval bid = price - 1 ] | stats sum(bid)",
        "dtw": f"{hourly} | dtw window=10p order=_time qty by shop [ {hourly} | search shop == 1 ] | stats sum(_distance)",
        "forecast": f'{hourly} | search shop < 1 and _time < date("1970-03-01", "yyyy-MM-dd") | forecast model=ets count=24 qty by shop | stats count',
        "stl": f"{hourly} | search shop < 10 | stl period=24 qty by shop | stats sum(_trend)",
    } | more


def environment(cache: Path) -> dict[str, str]:
    env = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    return env | {"NUMBA_CACHE_DIR": str(cache / "numba"), "XDG_CACHE_HOME": str(cache / "user")}


def run(query: str, kernels: str, cache: Path) -> tuple[float, float, str]:
    """Seconds of wall and of processor, without those of the process that compiles, and the answer."""
    command = [sys.executable, "-m", "cortado.repl", "--threads", "2", "--format", "csv", "--set", f"kernels={kernels}"]
    before, begun = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run([*command, "-c", query], env=environment(cache), capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr)
    wall, after = time.perf_counter() - begun, resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, done.stdout


def compile_rest(cache: Path) -> None:
    """What the process in the background is at, or what it would do."""
    subprocess.run(
        [sys.executable, "-m", "cortado.repl", "warm"], env=environment(cache), check=True, capture_output=True
    )


def end_compiling(cache: Path) -> None:
    """The processes in the background would take a core for as long as ten queries. They are those with this cache."""
    ours = f"NUMBA_CACHE_DIR={cache / 'numba'}".encode()
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if ours in (folder / "environ").read_bytes().split(b"\0"):
                os.kill(int(folder.name), signal.SIGKILL)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="")
    parser.add_argument("--large", action="store_true")
    args = parser.parse_args()
    print(f"{'query':14}{'general':>9}{'first':>9}{'again':>9}{'more':>8}   seconds of wall")
    warm: Path | None = None
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        folder = Path(name)
        tables(folder)
        for n, (what, query) in enumerate(queries(folder, args.large).items()):
            if args.only and args.only not in what:
                continue
            cache = folder / f"cache{n}"
            general, slow, expected = run(query, "never", folder / f"none{n}")
            first, cold, answer = run(query, "auto", cache)
            end_compiling(cache)
            if warm is None and what != "small text":
                warm = cache
                compile_rest(warm)
            again, hot, last = run(query, "auto", warm or cache)
            more = first - min(general, again)
            is_same = "" if expected == answer == last else "   ANSWERS DIFFER"
            late = "   TOO LONG" if more > MOST_MORE_S and first > general + MOST_MORE_S else ""
            print(
                f"{what:14}{general:9.2f}{first:9.2f}{again:9.2f}{more:8.2f}   processor {slow:.2f} {cold:.2f} {hot:.2f}{is_same}{late}",
                flush=True,
            )


if __name__ == "__main__":
    main()
