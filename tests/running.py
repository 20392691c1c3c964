"""Runs one case of a spec file in one world."""

from __future__ import annotations

import datetime as dt
import math
import os
import re
import shutil
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pyarrow as pa
import pyarrow.parquet as pq

import cortado

from .specfile import Case
from .tabletext import differences, parse_table, values_of

SAMPLES = Path(__file__).parent / "data"
ESCAPE = re.compile(r"\\(x[0-9a-fA-F]{2}|[nrt\\])")


def file_bytes(text: str) -> bytes:
    """The text of `given file`: escapes read, a newline behind each line."""

    def one(found: re.Match[str]) -> str:
        word = found[1]
        return chr(0xDC00 + int(word[1:], 16)) if word[0] == "x" and int(word[1:], 16) > 127 else (
            chr(int(word[1:], 16)) if word[0] == "x" else {"n": "\n", "r": "\r", "t": "\t", "\\": "\\"}[word]
        )  # fmt: skip

    return ESCAPE.sub(one, text).encode("utf-8", "surrogateescape")


def write_file(folder: Path, name: str, kind: str, text: str) -> None:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    if kind == "parquet":
        pq.write_table(parse_table(text), path)
    elif kind == "zip":
        write_zip(path, text)
    elif kind in ("arrow", "arrows"):
        write_arrow(path, kind, parse_table(text))
    elif kind == "bytes":
        path.write_bytes(bytes.fromhex("".join(text.split())))
    elif kind == "saved":
        path.write_text(text + "\n", encoding="utf-8")
    else:
        path.write_bytes(file_bytes(text + "\n" if text and not text.endswith("\\c") else text.removesuffix("\\c")))


def write_arrow(path: Path, kind: str, table: pa.Table) -> None:
    """An IPC file, or a stream (`arrows`), of two rows a record batch."""
    make = pa.ipc.new_file if kind == "arrow" else pa.ipc.new_stream
    with make(str(path), table.schema) as writer:
        writer.write_table(table, max_chunksize=2)


def write_zip(path: Path, text: str) -> None:
    """A line an entry: `name: its bytes`, with the escapes of `given file`."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as made:
        for line in text.split("\n"):
            name, _, content = line.partition(": ")
            made.writestr(name, file_bytes(content))


def write_sqlite(path: Path, script: str) -> None:
    import sqlite3

    with closing(sqlite3.connect(path)) as made:
        made.executescript(script)


@contextmanager
def inside(folder: Path) -> Iterator[None]:
    before = os.getcwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


@contextmanager
def prepared(
    case: Case, world: Mapping[str, Any], folder: Path
) -> Iterator[tuple[cortado.Session, dict[str, pa.Table]]]:
    given: dict[str, pa.Table] = {}
    settings = {"timezone": "UTC", **world, **case.settings}
    now = settings.pop("now", None)
    with inside(folder), clock(now), cortado.connect(folder / "db", **settings) as session:
        for kind, name, text in case.givens:
            match kind:
                case "file" | "bytes" | "saved":
                    write_file(folder, name, kind, text)
                case "parquet" | "arrow" | "arrows" | "zip":
                    write_file(folder, name, kind, text)
                case "sqlite":
                    write_sqlite(folder / name, text)
                    session.profile(Path(name).stem, str(folder / name))
                case "stored":
                    session.append(name, parse_table(text))
                case "sample":
                    given |= sample(name, folder)
                case _:
                    given[name] = parse_table(text)
        yield session, given


def sample(name: str, folder: Path) -> dict[str, pa.Table]:
    """A table of the sample data, by its name; a file or a folder is put into the working folder."""
    table, file = SAMPLES / f"{name}.parquet", SAMPLES / name
    if table.exists():
        return {name: pq.read_table(table)}
    target = folder / name
    if file.is_dir():
        shutil.copytree(file, target, dirs_exist_ok=True)
    else:
        shutil.copyfile(file, target)
    return {}


@contextmanager
def clock(now: str | None) -> Iterator[None]:
    """Queries begin at this instant."""
    if now is None:
        yield
        return
    us = int(dt.datetime.fromisoformat(now).timestamp()) * 1_000_000
    with patch("cortado.session.now_us", lambda: us), patch("cortado.running.now_us", lambda: us):
        yield


def run_case(case: Case, world: Mapping[str, Any], folder: Path) -> tuple[pa.Table, list[Any]]:
    with prepared(case, world, folder) as (session, sources):
        if case.file:
            for name, table in sources.items():
                session.register(name, table)
            result = session.file(case.file, **case.params).run()
        else:
            result = session.query(case.query, sources=sources, params=case.params).run()
        return result.to_arrow(), result.notes


def note_lines(notes: list[Any]) -> list[str]:
    return [f"{n.stage} {n.kind} {n.reason} {n.count}" for n in notes]


def check(case: Case, world: Mapping[str, Any], folder: Path) -> None:
    if case.error is not None:
        check_error(case, world, folder)
        return
    table, notes = run_case(case, world, folder)
    assert case.expect is not None, f"{case.name} expects nothing"
    if case.judged:
        agree(case, table, folder)
    else:
        problem = differences(table, parse_table(case.expect))
        assert not problem, f"{case.query}\n{problem}"
    if case.notes is not None:
        assert note_lines(notes) == case.notes


def check_error(case: Case, world: Mapping[str, Any], folder: Path) -> None:
    assert case.error is not None
    try:
        table, _ = run_case(case, world, folder)
    except cortado.QueryError as found:
        if re.fullmatch(r"[EW]\d{3}", case.error):
            assert found.code == case.error, str(found)
        else:
            assert str(found) == case.error
        return
    raise AssertionError(f"no error: {case.query}\n{values_of(table)[:5]}")


def check_duckdb(case: Case, folder: Path) -> None:
    assert case.expect is not None
    if not case.judged:  # else it was compared in every world
        agree(case, parse_table(case.expect), folder)


def agree(case: Case, table: pa.Table, folder: Path) -> None:
    """The other judge: SQL over the same tables."""
    import duckdb

    assert case.same_as is not None
    given: dict[str, pa.Table] = {}
    for kind, name, text in case.givens:
        match kind:
            case "table" | "stored":
                given[name] = parse_table(text)
            case "sample":
                given |= sample(name, folder)
            case _:
                write_file(folder, name, kind, text)
    with duckdb.connect() as db:
        db.execute(f"set timezone = 'UTC'; set file_search_path = '{folder}'")
        for name, one in given.items():
            db.register(name, one)
        judged = db.sql(case.same_as).to_arrow_table()
    assert not case.judged or judged.column_names == table.column_names
    found, wanted = ([list(map(_loose, row)) for row in values_of(t)] for t in (table, judged))
    if case.unordered:
        found, wanted = sorted(found, key=repr), sorted(wanted, key=repr)
    assert len(found) == len(wanted) and all(map(_same, found, wanted)), f"{case.query}\n{found[:9]}\n{wanted[:9]}"


def _same(a: Any, b: Any) -> bool:
    """Sums of doubles depend on order elsewhere."""
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(map(_same, a, b))
    if isinstance(a, float) and isinstance(b, float):
        return math.isclose(a, b, rel_tol=1e-12, abs_tol=1e-12) or (math.isnan(a) and math.isnan(b))
    return bool(a == b)


def _loose(value: Any) -> Any:
    """Decimals and wide integers of SQL as plain numbers."""
    if value is not None and type(value).__name__ == "Decimal":
        return int(value) if value == int(value) else float(value)
    return value
