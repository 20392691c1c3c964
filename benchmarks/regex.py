"""Regular expressions over raw logs against DuckDB and Polars: same lines, same process, two threads each, in turn.

    python -m benchmarks.regex --lines 500000 --rounds 3 [--only main,combined] [--real access.log]

`--real`: a real log in the combined format, repeated to 100 MB, on which the same patterns run. Answers are compared with
DuckDB's before anything is timed; printed are seconds of wall and processor time and how many times ours the peers take.
The span kernel is to be ten times as quick as DuckDB's machine; what goes to RE2 is to be level.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from .weblog import DATA, make

THREADS = 2
REAL_BYTES = 100_000_000
DUCK_LINES = "read_csv('{log}', columns={{'line': 'VARCHAR'}}, delim='\\x01', quote='', escape='', header=false, auto_detect=false)"


@dataclass(frozen=True, slots=True)
class Case:
    """A pattern whose groups `names` are `key` to count by; or with `total` its sum by `key`."""

    name: str
    pattern: str  # groups in the spelling of all engines: (?P<name>...)
    names: tuple[str, ...]
    key: tuple[str, ...]
    total: str = ""
    trailing: bool = False  # the pattern needs the number behind the line that only the made log has
    varies: bool = False  # runs over logs of other kinds, too


COMBINED = r'^(\S+) (\S+) (\S+) \[([^\]]+)\] "(?P<method>\S+) (\S+) (?P<protocol>[^"]*)" (?P<status>\d+) (\S+) "([^"]*)" "([^"]*)"'
CASES = (
    Case("main", r"^(?P<ip>\S+).* (?P<bytes>\S+)$", ("ip", "bytes"), ("ip",), "bytes", True, varies=True),
    Case("combined", COMBINED, ("method", "protocol", "status"), ("method", "protocol", "status")),
    Case("literal led", r"Chrome/(?P<version>[\d.]+)", ("version",), ("version",), varies=True),
    Case("quoted word", r'"GET (?P<path>\S+)', ("path",), ("path",)),
    Case("class and literal", r"(?P<id>\d+) HTTP/1\.1", ("id",), ("id",)),
    Case("class led", r"(?P<file>\w+)\.(?P<kind>png|js|css|html) ", ("file", "kind"), ("kind",), varies=True),
    Case("any case", r"(?i)chrome/(?P<version>[\d.]+)", ("version",), ("version",)),
    Case("gaps", r"(?i)^(?P<ip>\S+) .*\[(?P<day>[^:]+):.* (?P<status>\d{3}) ", ("ip", "day", "status"), ("day", "status")),
    Case("literal and edges", r"\bFirefox/(?P<version>[\d.]+)\b", ("version",), ("version",)),
    Case("edges", r"\b(?P<engine>[A-Z]\w+)/(?P<version>\d+)\b", ("engine", "version"), ("engine", "version")),
    Case("literal and repeats", r"(?P<path>(?:/[\w-]+)+)\.(?P<kind>\w+) HTTP/", ("path", "kind"), ("kind",)),
    Case("repeats", r"(?P<path>(?:/[\w-]+)+)\.(?P<kind>\w{2,4})[? ]", ("path", "kind"), ("kind",)),
    Case("edges of any case", r"(?i)\b(?P<verb>get|post|head)\b \S+ HTTP/1\.(?P<minor>\d)\b", ("verb", "minor"), ("verb", "minor")),
)  # fmt: skip


def ours(session: Any, case: Case, log: str) -> Any:
    pattern = case.pattern.replace("'", "''")
    there = " and ".join(f"isnotnull({k})" for k in case.key)
    if case.total:
        rest = f"eval n = long({case.total}) | stats sum(n) as n by {', '.join(case.key)}"
    else:
        rest = f"stats count as n by {', '.join(case.key)}"
    return session.query(f"textfile {log} | rex field=line '{pattern}' | search {there} | {rest}").to_arrow()


def tier(session: Any, case: Case, log: str) -> str:
    text = session.query(f"textfile {log} | rex field=line '{case.pattern}'").explain()
    return next(t for t in ("span kernel", "literal, then RE2", "RE2") if f"({t})" in text)


def duckdb_answer(db: Any, case: Case, log: str) -> Any:
    pattern, place = _numbered(case).replace("'", "''"), DUCK_LINES.format(log=log)
    names = ", ".join(f"'{n}'" for n in case.names)
    value = f"sum(try_cast(r.{case.total} as bigint))" if case.total else "count(*)"
    keys = ", ".join(f"r.{k}" for k in case.key)
    there = " and ".join(f"r.{k} <> ''" for k in case.key)
    return db.sql(f"select {keys}, {value} from (select regexp_extract(line, '{pattern}', [{names}]) r from {place}) where {there} "
                  f"group by {', '.join(str(i + 1) for i in range(len(case.key)))}").to_arrow_table()  # fmt: skip


def _numbered(case: Case) -> str:
    """The pattern as DuckDB takes it: every group is one of the names, so those that are not wanted capture nothing."""
    out = _named(case)
    for name in case.names:
        out = out.replace(f"(?P<{name}>", "(")
    return out


def polars_answer(pl: Any, case: Case, log: str) -> Any:
    lines = pl.scan_csv(log, has_header=False, separator="\x01", quote_char=None, new_columns=["line"])
    groups = pl.col("line").str.extract_groups(_named(case)).alias("g")
    value = pl.len()
    if case.total:
        numbers = pl.col(case.total).cast(pl.Int64, strict=False)
        value = pl.when(numbers.count() > 0).then(numbers.sum())  # of none the sum is null, not 0
    return (
        lines.select(groups).unnest("g").drop_nulls(list(case.key)).group_by(case.key).agg(value).collect(engine="streaming")
    )  # fmt: skip


def _named(case: Case) -> str:
    """Without the groups that have no name."""
    out = case.pattern.replace("(?", "\0").replace("\\(", "\2").replace("(", "(?:")
    return out.replace("\0", "(?").replace("\2", "\\(")


def bare(answer: Any) -> list[Any]:
    rows = answer.rows() if hasattr(answer, "rows") else zip(*(c.to_pylist() for c in answer.columns), strict=True)
    return sorted(tuple(None if v is None else str(v) for v in row) for row in rows)


def repeated(path: Path) -> str:
    """The real log so many times that it is worth timing."""
    out = DATA / f"{path.stem}_repeated"
    if not out.exists():
        raw = path.read_bytes()
        raw += b"" if raw.endswith(b"\n") else b"\n"
        with out.open("wb") as file:
            for _ in range(-(-REAL_BYTES // len(raw))):
                file.write(raw)
    return str(out)


def _changed(name: str, i: int, line: bytes) -> bytes:
    """A line of the made log as a log of this kind has it."""
    first, _, rest = line.partition(b" ")
    if name == "IPv6":
        return b"2001:db8::%s " % first.replace(b".", b":") + rest
    if name == "CRLF":
        return line + b"\r"
    if name == "long lines":
        return line.replace(b"?id=", b"/" + b"segment/" * 1500 + b"?id=") if i % 100 == 0 else line
    if name == "40-byte keys":
        return b"client-of-the-network-" + first.rjust(18, b"0") + b" " + rest
    if name == "signs":
        head, _, number = line.rpartition(b" ")
        return head + (b" -", b" +")[i % 2] + number
    if name == "no digits":
        return line.rpartition(b" ")[0] + b" -"
    return line.replace(b"Mozilla", b"Moz\xffilla") if i % 1000 == 0 else line  # invalid UTF-8


VARIANTS = ("IPv6", "CRLF", "long lines", "40-byte keys", "signs", "no digits", "invalid UTF-8")


def variant(name: str, log: Path) -> tuple[str, str]:
    """The made log changed; and as peers are given it who take no invalid UTF-8: with the sign that stands for such bytes."""
    out = DATA / f"{log.name}_{name.replace(' ', '_')}"
    valid = out.with_name(out.name + "_valid") if name == "invalid UTF-8" else out
    if not out.exists():
        lines = log.read_bytes().splitlines()
        raw = b"\n".join(_changed(name, i, line) for i, line in enumerate(lines)) + b"\n"
        valid.write_bytes(raw.replace(b"\xff", "\N{REPLACEMENT CHARACTER}".encode()))
        if valid != out:
            out.write_bytes(raw)
    return str(out), str(valid)


def timed(run: Callable[[], Any]) -> tuple[float, float]:
    wall, used = time.perf_counter(), time.process_time()
    run()
    return time.perf_counter() - wall, time.process_time() - used


def report(log: str, cases: list[Case], engines: dict[str, Any], rounds: int, peers_log: str = "") -> None:
    peers_log = peers_log or log
    for case in cases:
        runs: dict[str, Callable[[], Any]] = {
            "cortado": partial(ours, engines["cortado"], case, log),
            "duckdb": partial(duckdb_answer, engines["duckdb"], case, peers_log),
            "polars": partial(polars_answer, engines["polars"], case, peers_log),
        }
        first = {name: bare(run()) for name, run in runs.items()}
        for name, rows in first.items():
            if rows != first["duckdb"]:
                print(f"{case.name}: {name} has {len(rows)} rows, DuckDB {len(first['duckdb'])}: the answers differ")
        best = {name: (9e9, 9e9) for name in runs}
        for _ in range(rounds):
            for name, run in runs.items():
                wall, used = timed(run)
                best[name] = min(best[name][0], wall), min(best[name][1], used)
        wall, used = best["cortado"]
        cells = [f"{wall:6.3f} / {used:6.3f}".rjust(17)]
        cells += [
            f"{w:6.3f} / {u:6.3f} ({w / wall:5.1f}x {u / used:5.1f}x)".rjust(34)
            for n, (w, u) in best.items()
            if n != "cortado"
        ]
        print(case.name.ljust(21) + tier(engines["cortado"], case, log).ljust(19) + "".join(cells), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lines", type=int, default=500_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", default="", help="names of patterns, separated by commas")
    parser.add_argument("--variants", default="", help="kinds of logs, separated by commas; none: only the made one")
    parser.add_argument("--real", type=Path, help="a real log in the combined format")
    args = parser.parse_args()
    os.environ["POLARS_MAX_THREADS"] = str(THREADS)
    import duckdb
    import polars

    import cortado

    engines = {
        "cortado": cortado.connect(threads=THREADS, timezone="UTC"),
        "duckdb": duckdb.connect(config={"threads": THREADS}),
        "polars": polars,
    }
    wanted = [c for c in CASES if not args.only or c.name in args.only.split(",")]
    head = "pattern".ljust(21) + "machine".ljust(19) + "cortado s / cpu".rjust(17)
    print(
        f"{THREADS} threads each, least of {args.rounds} rounds, wall / processor seconds; in brackets: peer / cortado"
    )
    print(head + "duckdb".rjust(34) + "polars".rjust(34))
    log, _ = make(args.lines)
    report(str(log), wanted, engines, args.rounds)
    for name in [v for v in VARIANTS if not args.variants or v in args.variants.split(",")]:
        print(name)
        mine, theirs = variant(name, log)
        report(mine, [c for c in wanted if c.varies], engines, args.rounds, theirs)
    if args.real:
        print(f"{args.real.name}, repeated")
        report(repeated(args.real), [c for c in wanted if not c.trailing], engines, args.rounds)


if __name__ == "__main__":
    main()
