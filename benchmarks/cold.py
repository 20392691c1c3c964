"""A small query from a cold command line, and the peak memory of a streaming query, each in a process of its own.

python -m benchmarks.cold [--lines 5000000] [--small]
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from .weblog import make

SMALL = Path(__file__).parent.parent / "examples" / "access_log"
QUERY = (
    r'rex field=line "^(?<client_ip>\S+).* (?<bytes>\S+)$" | eval bytes = long(bytes) | stats sum(bytes) by client_ip'
)


# as an installed program runs: compiled modules are kept
ENVIRONMENT = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}


@dataclass(frozen=True)
class Timing:
    """Seconds of whole processes: the median wall and the least processor time, of user and system."""

    wall: float
    cpu: float

    def __str__(self) -> str:
        return f"{self.wall:.3f} s (processor {self.cpu:.3f} s)"


def timing(command: list[str], runs: int, fresh_cache: bool = False) -> Timing:
    """`fresh_cache`: every run has a user's cache folder of its own, which is empty."""
    walls, cpus = [], []
    for _ in range(runs):
        with tempfile.TemporaryDirectory() as cache:
            env = ENVIRONMENT | ({"XDG_CACHE_HOME": cache} if fresh_cache else {})
            before, begun = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=env)
            walls.append(time.perf_counter() - begun)
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            cpus.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return Timing(statistics.median(walls), min(cpus))


def peak_mb(command: list[str]) -> float:
    """Peak resident memory of a child, by running it from a child of ours."""
    code = f"import subprocess, resource; subprocess.run({command!r}, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL); print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    return int(done.stdout) / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lines", type=int, default=5_000_000)
    parser.add_argument("--runs", type=int, default=9)
    parser.add_argument("--small", action="store_true", help="only the small query")
    args = parser.parse_args()
    base = [sys.executable, "-m", "cortado.repl", "--threads", "2", "--format", "csv", "-c"]
    duck = [
        sys.executable,
        "-c",
        f"import duckdb; print(duckdb.sql(\"select count(*) from read_csv('{SMALL}', delim='\\x01', header=false, quote='')\").fetchall())",
    ]
    small = [*base, f"textfile {SMALL} | {QUERY} | limit 3"]
    print(f"small query, nothing cached: {timing(small, args.runs, fresh_cache=True)}")
    print(f"small query again: {timing(small, args.runs)}")
    print(f"duckdb: {timing(duck, args.runs)}")
    print(f"import numpy, pyarrow: {timing([sys.executable, '-c', 'import numpy, pyarrow'], args.runs)}")
    print(f"--version: {timing([sys.executable, '-m', 'cortado.repl', '--version'], args.runs)}")
    if args.small:
        return
    for lines in sorted({args.lines // 10, args.lines}):
        log, _ = make(lines)
        print(
            f"peak memory over {log.stat().st_size >> 20} MB: {peak_mb([*base, f'textfile {log} | ' + QUERY]):.0f} MB"
        )
    print(f"(this process: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB)")


if __name__ == "__main__":
    main()
