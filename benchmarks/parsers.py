"""Parsers over half a million lines, against DuckDB's nearest on the same file, two threads each.

    PYTHONPATH=. python benchmarks/parsers.py [name ...]

Prints seconds of processor time, the best of three runs, taken in turns, and the ratio. DuckDB cuts the same fields out of the
lines by one regular expression (syslog), one a field (pairs: the values may stand in any order) or `json_extract`; both group by
two of them. `all keys` waits for the last line before a column is known, which DuckDB cannot do.
"""

from __future__ import annotations

import json
import random
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import duckdb

import cortado

N = 500_000
LEVELS, STATUSES = ("info", "warn", "error"), (200, 404, 500)
FILE = "read_csv('PATH', columns={'l': 'varchar'}, delim='\x01', quote='', header=false)"


def pairs(draw: random.Random) -> Iterator[str]:
    for i in range(N):
        level, status = draw.choice(LEVELS), draw.choice(STATUSES)
        yield f'ts=2026-01-01T00:00:{i % 60:02d}Z level={level} user=u{i % 1000} status={status} msg="request {i} done" dur={i % 777}'


def objects(draw: random.Random) -> Iterator[str]:
    for i in range(N):
        row = {"ts": "2026-01-01T00:00:00Z", "level": draw.choice(LEVELS), "user": f"u{i % 1000}", "status": draw.choice(STATUSES),
               "msg": f"request {i} done", "dur": i % 777 / 10, "req": {"path": "/a/b", "size": i}}  # fmt: skip
        yield json.dumps(row)


def syslog(draw: random.Random) -> Iterator[str]:
    for i in range(N):
        yield f"<{draw.choice((13, 34, 165))}>Oct {1 + i % 28:2d} 10:{i % 60:02d}:00 host{i % 50} app{i % 7}[{i % 999}]: request {i} done"


def values(*names: str) -> str:
    return ", ".join(f"""regexp_extract(l, '(?:^| ){n}=("[^"]*"|\\S*)', 1) {n}""" for n in names)


SYSLOG = r"^<(\d+)>(\w{3} [ \d]\d [\d:]{8}) (\S+) ([^\s:\[]+)\[(\d+)\]: (.*)$"
CASES: dict[str, tuple[Callable[[random.Random], Iterator[str]], str, str]] = {
    "parsekv": (pairs, "parsekv level, status, dur | stats count, max(dur) by level, status",
                f"select level, status, count(*), max(dur) from (select {values('level', 'status', 'dur')} from {FILE}) group by all"),
    "logfmt": (pairs, "parse logfmt | stats count, max(dur) by level, status",
               f"select level, status, count(*), max(dur) from (select {values('level', 'status', 'dur')} from {FILE}) group by all"),
    "all keys": (pairs, "parsekv | fields le*, st*, du* | stats count, max(dur) by level, status",
                 f"select level, status, count(*), max(dur) from (select {values('ts', 'level', 'user', 'status', 'msg', 'dur')} "
                 f"from {FILE}) group by all"),
    "parsejson": (objects, "parsejson | stats count, sum(dur) by level, status",
                  "select level, status, count(*), sum(dur) from (select json_extract_string(l, '$.level') as level, "
                  "json_extract(l, '$.status')::bigint as status, json_extract(l, '$.dur')::double as dur "
                  f"from {FILE}) group by all"),
    "parsejson fields=": (objects, "parsejson fields=level,status,dur | stats count, sum(dur) by level, status",
                          "select level, status, count(*), sum(dur) from (select json_extract_string(l, '$.level') as level, "
                          "json_extract(l, '$.status')::bigint as status, json_extract(l, '$.dur')::double as dur "
                          f"from {FILE}) group by all"),
    "syslog": (syslog, "parse syslog | stats count, max(msg) by app, severity",
               f"select p.app, p.pri::int % 8 sev, count(*), max(p.msg) from (select regexp_extract(l, '{SYSLOG}', "
               f"['pri', 'time', 'host', 'app', 'pid', 'msg']) as p from {FILE}) group by all"),
}  # fmt: skip


def cpu(run: Callable[[], Any]) -> float:
    begin = time.process_time()
    run()
    return time.process_time() - begin


def main(wanted: list[str]) -> None:
    duck = duckdb.connect()
    duck.execute("set threads = 2")
    print(f"{'parser':<20}{'ours':>8}{'duckdb':>8}{'ratio':>8}   CPU seconds")
    with (
        tempfile.TemporaryDirectory() as folder,
        cortado.connect(timezone="UTC", threads=2, kernels="always") as session,
    ):
        files: dict[Any, Path] = {}
        for name, (lines, ours, theirs) in CASES.items():
            if wanted and name not in wanted:
                continue
            if lines not in files:
                files[lines] = Path(folder) / f"{lines.__name__}.log"
                files[lines].write_text("\n".join(lines(random.Random(1))) + "\n", encoding="utf-8")
            path = files[lines]
            query, sql = f"textfile {path} | {ours}", theirs.replace("PATH", str(path))
            times = [(cpu(session.query(query).run), cpu(lambda s=sql: duck.sql(s).fetchall())) for _ in range(3)]  # type: ignore[misc]
            mine, peer = (min(t) for t in zip(*times, strict=True))
            print(f"{name:<20}{mine:>8.2f}{peer:>8.2f}{mine / peer:>8.2f}")


if __name__ == "__main__":
    main(sys.argv[1:])
