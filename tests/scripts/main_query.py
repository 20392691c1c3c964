"""The two queries of the web log against DuckDB's answer: through three doors, in several worlds. By hand.

    python tests/scripts/main_query.py [--log FILE]

`--log`: a log whose lines begin with an address and end with a number (`python -m benchmarks.weblog` makes one); default: the shipped
one, whose lines end otherwise and so are cut by another pattern. Tiny batches are tried on the first 200,000 lines.
"""

from __future__ import annotations

import argparse
import itertools
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.csv

import cortado

SHIPPED = Path(__file__).parents[2] / "examples" / "access_log"
SHIPPED_PATTERN, PATTERN = r'^(?<client_ip>\S+).* \d{3} (?<bytes>\d+) "', r"^(?<client_ip>\S+).* (?<bytes>\S+)$"
REX = """rex field=line "{pattern}" | eval bytes = long(bytes)"""
SUM = "stats sum(bytes) by client_ip"
WORLDS: tuple[dict[str, Any], ...] = (
    {"threads": 1},
    {"threads": 4},
    {"threads": 4, "optimiser": False},
    {"threads": 4, "memory": "8MB"},
    {"threads": 1, "memory": "8MB", "optimiser": False},
)
TINY = {"threads": 4, "batch_rows": 7}

Rows = list[tuple[str | None, int | None]]


def rows_of(table: pa.Table) -> Rows:
    return list(zip(table.column(0).to_pylist(), table.column(1).to_pylist(), strict=True))


def wanted(log: Path, pattern: str) -> Rows:
    """DuckDB's sums, as text sorts by code point with null first. A line without a match has null for both."""
    plain = pattern.replace("(?<client_ip>", "(").replace("(?<bytes>", "(").replace("'", "''")
    found: Any = duckdb.sql(
        f"select nullif(r.a, '') as ip, sum(try_cast(r.b as bigint))::bigint as n from "
        f"(select regexp_extract(line, '{plain}', ['a', 'b']) r from read_csv('{log}', columns={{'line': 'VARCHAR'}}, "
        "delim='\\x01', quote='', escape='', header=false, auto_detect=false, max_line_size=100000000)) group by 1"
    )
    return sorted(found.fetchall(), key=lambda row: (row[0] is not None, row[0] or ""))


def from_python(query: str, db: str, **settings: Any) -> Rows:
    with cortado.connect(db, **settings) as session:
        return rows_of(session.query(query).to_arrow())


def from_shell(arguments: list[str], db: str) -> Rows:
    command = [sys.executable, "-m", "cortado.repl", "--db", db, "--format", "arrow", "--no-progress", *arguments]
    done = subprocess.run(command, check=True, capture_output=True)
    return rows_of(pa.ipc.open_file(pa.BufferReader(done.stdout)).read_all())


def check(name: str, got: Rows, wanted_rows: Rows) -> None:
    if got != wanted_rows:
        sys.exit(
            f"{name}: differs from DuckDB, at first {next(p for p in itertools.zip_longest(got, wanted_rows) if p[0] != p[1])}"
        )
    print(f"ok  {name}: {len(got):,} rows", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--log", type=Path)
    log = parser.parse_args().log
    pattern = SHIPPED_PATTERN if log is None else PATTERN
    log = (log or SHIPPED).resolve()
    with tempfile.TemporaryDirectory() as folder:
        for_file = REX.format(pattern=pattern.replace('"', r"\""))
        db, text = str(Path(folder) / "db"), f'textfile "{log}" | {for_file}'
        from_python(f"{text} | import create=t weblog", db)
        saved = Path(folder) / "sums.cq"
        answer = wanted(log, pattern)
        for source in (text, "table weblog"):
            query = f"{source} | {SUM}"
            for world in WORLDS:
                check(f"Python, {world}: {source.split()[0]}", from_python(query, db, **world), answer)
            check(f"-c: {source.split()[0]}", from_shell(["-c", query], db), answer)
            saved.write_text(query)
            check(f"run: {source.split()[0]}", from_shell(["run", str(saved)], db), answer)
        few = Path(folder) / "few"
        with open(log, "rb") as whole, open(few, "wb") as part:
            part.writelines(itertools.islice(whole, 200_000))
        from_python(f'textfile "{few}" | {for_file} | import create=t few', db)
        for source in (f'textfile "{few}" | {for_file}', "table few"):
            check(f"{TINY}: {source.split()[0]}", from_python(f"{source} | {SUM}", db, **TINY), wanted(few, pattern))


if __name__ == "__main__":
    main()
