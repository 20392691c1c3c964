"""Time per line and peak memory as a log grows: the main query and a literal search, each run a process of its own.

python -m benchmarks.growth [--lines 1000000,5000000,10000000] [--short] [--plot docs/growth.svg]

The sizes shown in docs are 1,000,000,10,000,000,50,000,000,100,000,000: the last takes 22 GB, made by putting the generated file behind
itself, and is deleted afterwards. Time a line should stay within 15 % of its median, memory flat and below 300 MB.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

PIECE = 5_000_000
QUERIES = {
    "sum by address": r'rex field=line "^(?<client_ip>\S+).* (?<bytes>\S+)$" | eval bytes = long(bytes) | stats sum(bytes) by client_ip',
    "literal search": 'search line == "*Googlebot*" | stats count',
}
SHORT_LITERAL = "login/checkout"  # of lines without an agent
WITHIN, MOST_MB = 0.15, 300


@dataclass(frozen=True)
class Run:
    """Of one process: seconds of wall and of processor, peak of resident memory in MB."""

    lines: int
    wall: float
    cpu: float
    peak: float

    @property
    def ns(self) -> float:
        return self.wall / self.lines * 1e9


def generated(lines: int) -> Path:
    """Made by another process: the peak of a child is no less than what its parent has."""
    code = f"from benchmarks.weblog import make; print(make({lines})[0])"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    return Path(done.stdout.split()[-1])


def shortened(lines: int) -> Path:
    """The same with address, request, status and number alone, a quarter as long: so that 100 million stay in the page cache."""
    log = generated(lines)
    path, table = log.with_name(f"short_{lines}"), log.with_name(f"weblog_{lines}.parquet")
    if not path.exists():
        line = "client_ip || ' \"' || method || ' ' || path || '\" ' || status || ' ' || bytes"
        how = "format csv, header false, quote '', escape '', delim '\\x01'"
        code = f"import duckdb; duckdb.sql({f'copy (select {line} from {str(table)!r}) to {str(path)!r} ({how})'!r})"
        subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.DEVNULL)  # DuckDB draws a bar
    return path


@contextmanager
def log_of(lines: int, is_short: bool) -> Iterator[Path]:
    """A log of so many lines. What is longer than the piece is deleted when it was read."""
    made = shortened if is_short else generated
    if lines <= PIECE:
        yield made(lines)
        return
    piece = made(PIECE)
    path = Path(tempfile.mkdtemp(dir=piece.parent)) / f"log_{lines}"
    if lines % PIECE:
        raise SystemExit(f"beyond {PIECE} lines it takes multiples of that")
    try:
        with open(path, "wb") as out:
            for _ in range(lines // PIECE):
                with open(piece, "rb") as part:
                    shutil.copyfileobj(part, out, 16 << 20)
        yield path
    finally:
        shutil.rmtree(path.parent)


def run(query: str, lines: int) -> Run:
    env = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    command = [sys.executable, "-m", "cortado.repl", "--threads", "2", "--format", "csv", "--no-progress", "-c", query]
    begun = time.perf_counter()
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=env)
    assert child.stderr is not None
    said = child.stderr.read()
    _, status, used = os.wait4(child.pid, 0)
    wall = time.perf_counter() - begun
    if status:
        raise SystemExit(said.decode())
    return Run(lines, wall, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)


def table(found: dict[str, list[Run]]) -> str:
    out = [f"{'query':16}{'lines':>14}{'wall s':>9}{'cpu s':>9}{'ns a line':>11}{'off median':>12}{'peak MB':>9}"]
    for what, runs in found.items():
        middle = statistics.median(r.ns for r in runs)
        for r in runs:
            late = "" if r.ns < middle * (1 + WITHIN) and r.peak < MOST_MB else "  *"
            out.append(
                f"{what:16}{r.lines:14,}{r.wall:9.2f}{r.cpu:9.2f}{r.ns:11.1f}{r.ns / middle - 1:+12.0%}{r.peak:9.0f}{late}"
            )
    return "\n".join(out)


WIDE, HIGH, LEFT, RIGHT, TOP, BOTTOM = 440, 320, 56, 16, 56, 40
INK, GREY, COLOURS = "#1a1a1a", "#d9d9d9", ("#1f5fa8", "#b3541e")


def picture(found: dict[str, list[Run]]) -> str:
    """Two panels: nanoseconds a line, and megabytes; the lines of the file on a logarithmic axis."""
    panels = (("nanoseconds a line", [(w, [(r.lines, r.ns) for r in runs]) for w, runs in found.items()]),
              ("peak memory, MB", [(w, [(r.lines, r.peak) for r in runs]) for w, runs in found.items()]))  # fmt: skip
    body = "".join(panel(title, series, i * WIDE) for i, (title, series) in enumerate(panels))
    names = "".join(
        f'<text x="{LEFT + 160 * i}" y="22" fill="{COLOURS[i]}" font-weight="600">{what}</text>'
        for i, what in enumerate(found)
    )
    style = f"<style>text {{ font: 13px system-ui, sans-serif }} .grid {{ stroke: {GREY} }}</style>"
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {2 * WIDE} {HIGH}" role="img" aria-label="Time a line and memory by size">'
    return f'{head}\n{style}\n<rect width="{2 * WIDE}" height="{HIGH}" fill="white"/>\n{names}\n{body}</svg>\n'


def panel(title: str, series: list[tuple[str, list[tuple[int, float]]]], left: int) -> str:
    from math import ceil, log10

    sizes = sorted({n for _, points in series for n, _ in points})
    top = max(v for _, points in series for _, v in points)
    step = 10 ** ceil(log10(top)) / 10
    step *= max(1, ceil(top / step / 5))
    low, high = log10(sizes[0]), max(log10(sizes[-1]), log10(sizes[0]) + 0.1)
    marks = [i * step for i in range(ceil(top / step) + 1)]

    def x(n: int) -> float:
        return left + LEFT + (log10(n) - low) / (high - low) * (WIDE - LEFT - RIGHT - 20)

    def y(v: float) -> float:
        return HIGH - BOTTOM - v / marks[-1] * (HIGH - TOP - BOTTOM)

    out = [f'<text x="{left + LEFT}" y="44" fill="{INK}">{title}</text>']
    for mark in marks:
        out.append(
            f'<line class="grid" x1="{left + LEFT}" x2="{left + WIDE - RIGHT}" y1="{y(mark):.1f}" y2="{y(mark):.1f}"/>'
        )
        out.append(f'<text x="{left + LEFT - 8}" y="{y(mark) + 4:.1f}" text-anchor="end">{mark:g}</text>')
    out += [f'<text x="{x(n):.1f}" y="{HIGH - 14}" text-anchor="middle">{n / 1e6:g} M</text>' for n in sizes]
    for colour, (_, points) in zip(COLOURS, series, strict=False):
        line = " ".join(f"{x(n):.1f},{y(v):.1f}" for n, v in points)
        out.append(f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="2"/>')
        out += [f'<circle cx="{x(n):.1f}" cy="{y(v):.1f}" r="3.5" fill="{colour}"/>' for n, v in points]
    return "\n".join(out) + "\n"


def measured(sizes: Sequence[int], runs: int = 3, is_short: bool = False) -> dict[str, list[Run]]:
    """Of each query the quickest run of each size."""
    found: dict[str, list[Run]] = {what: [] for what in QUERIES}
    for lines in sizes:
        with log_of(lines, is_short) as log:
            for what, query in QUERIES.items():
                query = query.replace("Googlebot", SHORT_LITERAL) if is_short else query
                done = [run(f"textfile '{log}' | {query}", lines) for _ in range(runs)]
                found[what].append(min(done, key=lambda r: r.wall))
                print(f"{what}, {lines:,} lines: {found[what][-1].wall:.2f} s", file=sys.stderr, flush=True)
    return found


def a_line_more(runs: Sequence[Run], what: Callable[[Run], float]) -> float:
    """Seconds, from the smallest file to the largest: without what every process takes to start."""
    first, last = runs[0], runs[-1]
    return (what(last) - what(first)) / max(1, last.lines - first.lines)


def against_linear(runs: Sequence[Run], what: Callable[[Run], float]) -> list[float]:
    """How much more each size takes than if every line took what it takes on the whole way."""
    first, more = runs[0], a_line_more(runs, what)
    return [what(r) / (what(first) + more * (r.lines - first.lines)) - 1 for r in runs]


def wall_of(run: Run) -> float:
    return run.wall


def cpu_of(run: Run) -> float:
    return run.cpu


def markdown(found: dict[str, list[Run]]) -> str:
    """In brackets: against linear growth."""
    out = ["| query | million lines | wall s | processor s | peak MB |", "| --- | ---: | ---: | ---: | ---: |"]
    for what, runs in found.items():
        off = zip(against_linear(runs, wall_of), against_linear(runs, cpu_of), strict=True)
        out += [
            f"| {what} | {r.lines / 1e6:g} | {r.wall:.2f} ({wall:+.0%}) | {r.cpu:.2f} ({cpu:+.0%}) | {r.peak:.0f} |"
            for r, (wall, cpu) in zip(runs, off, strict=True)
        ]
    each = (
        f"{a_line_more(runs, wall_of) * 1e9:.0f} ns, {a_line_more(runs, cpu_of) * 1e9:.0f} of processor time ({what})"
        for what, runs in found.items()
    )
    return "\n".join([*out, "", f"A line more takes {', '.join(each)}."])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lines", default="1000000,5000000,10000000")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--short", action="store_true", help="lines a quarter as long")
    parser.add_argument("--plot", type=Path)
    args = parser.parse_args()
    found = measured([int(n) for n in args.lines.split(",")], args.runs, args.short)
    print(table(found))
    if args.plot is not None:
        args.plot.write_text(picture(found), encoding="utf-8")


if __name__ == "__main__":
    main()
