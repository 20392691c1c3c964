"""A small query from a cold command line, and the peak memory of a streaming query, each in a process of its own.

python -m benchmarks.cold [--lines 5000000]
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path

from .weblog import make

SMALL = Path(__file__).parent.parent / "examples" / "access_log"
QUERY = (
    r'rex field=line "^(?<client_ip>\S+).* (?<bytes>\S+)$" | eval bytes = long(bytes) | stats sum(bytes) by client_ip'
)


# as an installed program runs: compiled modules are kept
ENVIRONMENT = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}


def wall(command: list[str], runs: int) -> float:
    times = []
    for _ in range(runs):
        begun = time.perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=ENVIRONMENT)
        times.append(time.perf_counter() - begun)
    return statistics.median(times)


def peak_mb(command: list[str]) -> float:
    """Peak resident memory of a child, by running it from a child of ours."""
    code = f"import subprocess, resource; subprocess.run({command!r}, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL); print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    return int(done.stdout) / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lines", type=int, default=5_000_000)
    parser.add_argument("--runs", type=int, default=9)
    args = parser.parse_args()
    base = [sys.executable, "-m", "cortado.repl", "--threads", "2", "--format", "csv", "-c"]
    duck = [
        sys.executable,
        "-c",
        f"import duckdb; print(duckdb.sql(\"select count(*) from read_csv('{SMALL}', delim='\\x01', header=false, quote='')\").fetchall())",
    ]
    print(
        f"cold small query: {wall([*base, f'textfile {SMALL} | ' + QUERY + ' | limit 3'], args.runs):.3f} s; duckdb: {wall(duck, args.runs):.3f} s"
    )
    print(f"--version: {wall([sys.executable, '-m', 'cortado.repl', '--version'], args.runs):.3f} s")
    for lines in sorted({args.lines // 10, args.lines}):
        log, _ = make(lines)
        print(
            f"peak memory over {log.stat().st_size >> 20} MB: {peak_mb([*base, f'textfile {log} | ' + QUERY]):.0f} MB"
        )
    print(f"(this process: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB)")


if __name__ == "__main__":
    main()
