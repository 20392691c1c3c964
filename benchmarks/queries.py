"""Speed against DuckDB, Polars and chdb: same data, same process, two threads each, in turn; one table with ratios and floors.

    python -m benchmarks.queries --lines 5000000 --rounds 5 [--only text,search,...] [--engines cortado,duckdb] [--by cpu]
        [--growth 1000000,10000000 [--short]] [--memory 256MB] [--docs docs/performance.md]

Every engine's answer is compared with cortado's before anything is timed. Data is read from the disk once beforehand, so it is in the
page cache. Shown are medians of wall seconds and, behind a stroke, the least processor seconds; in brackets the peer's wall over
ours, or the processor's time with `--by cpu`. Floors are what the project asks of itself; what is below is named. `1:2` is cortado's wall with one thread over two.
`--growth` and `--memory` add the tables of `benchmarks.growth` and `benchmarks.overbudget`; `--docs` puts all of it into a page.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from .queries_answers import difference
from .queries_cases import CASES, Case
from .queries_data import Files

THREADS = 2
PEERS = ("duckdb", "polars", "chdb")
NAMES = {
    "cortado": "cortado",
    "duckdb": "DuckDB",
    "polars": "Polars",
    "chdb": "chdb",
    "best": "the best peer",
    "wall": "wall time",
    "cpu": "processor time",
}
BEGIN, END = "<!-- printed by benchmarks.queries -->", "<!-- end -->"
QUERIES = {c.name: c.forms for c in CASES}
Ask = Callable[[], Any]


@dataclass(slots=True)
class Times:
    """Of one engine: seconds of wall and of the process's processor time, a round each; `by_cpu`: which of them count."""

    by_cpu: bool = False
    wall: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)

    def take(self, ask: Ask) -> None:
        begun, cpu = time.perf_counter(), time.process_time()
        ask()
        self.wall.append(time.perf_counter() - begun)
        self.cpu.append(time.process_time() - cpu)

    @property
    def counted(self) -> float:
        return min(self.cpu) if self.by_cpu else statistics.median(self.wall)

    def __str__(self) -> str:
        return f"{statistics.median(self.wall):.3f} / {min(self.cpu):.3f}"


def _ours(session: Any, query: str) -> Any:
    return session.query(query).to_arrow()


def _theirs(db: Any, query: str) -> Any:
    return db.sql(query).to_arrow_table()


def _asked(session: Any, query: str) -> Any:
    return session.query(query, "ArrowStream").bytes()


class Engines:
    """Resident, each with so many threads."""

    def __init__(self, wanted: Sequence[str]) -> None:
        os.environ["POLARS_MAX_THREADS"] = str(THREADS)
        import cortado

        self._asks: dict[str, Callable[[str], Any]] = {
            "cortado": partial(_ours, cortado.connect(threads=THREADS, timezone="UTC", kernels="always")),
        }
        self._alone = partial(_ours, cortado.connect(threads=1, timezone="UTC", kernels="always"))
        self._polars: dict[str, Callable[[dict[str, str]], Any]] = {}
        if "duckdb" in wanted:
            import duckdb

            self._asks["duckdb"] = partial(_theirs, duckdb.connect(config={"threads": THREADS}))
        if "polars" in wanted:
            from .queries_polars import answers

            self._polars = answers()
        if "chdb" in wanted:
            from chdb import session

            self._asks["chdb"] = partial(_asked, session.Session())
        self.names = ("cortado", *(p for p in PEERS if p in wanted))

    def of(self, case: Case, files: Files) -> dict[str, Ask]:
        forms = {e: t for e, t in case.forms.items() if e in self._asks}
        places = files.of(*case.forms.values())
        if "chdb" in forms:
            forms["chdb"] += f" settings max_threads={THREADS}"
        out: dict[str, Ask] = {e: partial(self._asks[e], t.format(**places)) for e, t in forms.items()}
        if case.name in self._polars:
            out["polars"] = partial(self._polars[case.name], places)
        return {e: out[e] for e in self.names if e in out}

    def alone(self, case: Case, files: Files) -> Ask:
        """Cortado on one thread."""
        return partial(self._alone, case.cortado.format(**files.of(case.cortado)))


@dataclass(slots=True)
class Row:
    """What was found of a case."""

    case: Case
    times: dict[str, Times]
    alone: Times
    wrong: list[str]

    def ratio(self, engine: str) -> float:
        """The peer's time over ours."""
        peers = [e for e in self.times if e != "cortado"] if engine == "best" else [engine]
        return min(self.times[e].counted for e in peers) / self.times["cortado"].counted

    def below(self) -> list[str]:
        """Floors that were not reached."""
        known = {e: f for e, f in self.case.floors.items() if e in self.times or (e == "best" and len(self.times) > 1)}
        return [f"{NAMES[e]} {self.ratio(e):.2f} of {f:.3g}" for e, f in known.items() if self.ratio(e) < f]

    def cells(self, engines: Sequence[str]) -> list[str]:
        peers = [
            f"{self.times[e]} ({self.ratio(e):.2f}x)" if e in self.times else "" for e in engines if e != "cortado"
        ]
        floors = ", ".join(f"{NAMES[e]} {f:.3g}" for e, f in self.case.floors.items())
        spread = f"{statistics.median(self.alone.wall) / statistics.median(self.times['cortado'].wall):.2f}"
        return [
            self.case.title,
            str(self.times["cortado"]),
            *peers,
            spread,
            floors,
            "; ".join(self.wrong + self.below()),
        ]


def measured(case: Case, engines: Engines, files: Files, rounds: int, by_cpu: bool) -> Row:
    asks = engines.of(case, files)
    ours = asks["cortado"]()
    wrong = [
        f"{NAMES[e]}: {said}"
        for e, ask in asks.items()
        if e != "cortado" and (said := difference(ours, ask(), case.compared, case.ordered))
    ]
    del ours
    row = Row(case, {e: Times(by_cpu) for e in asks}, Times(), wrong)
    alone = engines.alone(case, files)
    alone()
    for _ in range(rounds if case.rounds is None else min(rounds, case.rounds)):
        for engine, ask in asks.items():
            row.times[engine].take(ask)
        row.alone.take(alone)
    return row


def line(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def head(engines: Sequence[str]) -> list[str]:
    names = ["query", *(NAMES[e] for e in engines), "1:2", "floors", "below"]
    return [line(names), line(["---"] + ["---:"] * (len(engines) + 1) + ["---"] * 2)]


def versions(everyone: Iterable[str]) -> str:
    from importlib.metadata import version

    names = ("pyarrow", "numpy", "numba", *(e for e in everyone if e != "cortado"))
    return ", ".join([f"Python {platform.python_version()}", *(f"{n} {version(n)}" for n in names)])


@contextmanager
def told(page: Path | None) -> Iterator[Callable[[str], None]]:
    """Prints what it is given; at the end all of it stands in the page, between its two marks."""
    said: list[str] = []

    def tell(text: str) -> None:
        print(text, flush=True)
        said.append(text)

    yield tell
    if page is not None:
        front, _, rest = page.read_text(encoding="utf-8").partition(BEGIN)
        page.write_text(front + "\n".join([BEGIN, *said, ""]) + END + rest.partition(END)[2], encoding="utf-8")


def speed(args: argparse.Namespace, tell: Callable[[str], None]) -> None:
    names = args.only.split(",") if args.only else [c.name for c in CASES]
    wanted = args.engines.split(",")
    engines, files = Engines(wanted), Files(args.lines)
    tell(
        f"{args.lines:,} lines, {THREADS} threads each, medians of {args.rounds} rounds; wall / processor seconds, in brackets "
        f"the peer's {NAMES[args.by]} over cortado's.\n{versions(engines.names)}.\n"
    )
    for text in head(engines.names):
        tell(text)
    for case in CASES:
        if case.name in names:
            tell(line(measured(case, engines, files, args.rounds, args.by == "cpu").cells(engines.names)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lines", type=int, default=5_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", default="", help="names of queries, separated by commas; `none`: no query")
    parser.add_argument(
        "--by", choices=("wall", "cpu"), default="wall", help="the time of the ratios: cpu on a busy machine"
    )
    parser.add_argument("--engines", default=",".join(PEERS), help="the peers to time; cortado always is")
    parser.add_argument("--growth", default="", help="numbers of lines, separated by commas")
    parser.add_argument("--short", action="store_true", help="lines a quarter as long for --growth")
    parser.add_argument("--memory", default="", help="the memory of sort, join and group-by over budget")
    parser.add_argument("--docs", type=Path, help="a page that has the two marks")
    args = parser.parse_args()
    with told(args.docs) as tell:
        if args.growth:  # before the engines are loaded, as children begin with their parent's peak
            from . import growth

            sizes = [int(n) for n in args.growth.split(",")]
            tell(growth.markdown(growth.measured(sizes, is_short=args.short)) + "\n")
        if args.memory:
            from . import overbudget

            tell(overbudget.markdown(overbudget.measured(args.memory)) + "\n")
        if args.only != "none":
            speed(args, tell)


if __name__ == "__main__":
    main()
