"""Runs one case of a spec file in one world."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

import cortado

from .specfile import Case
from .tabletext import differences, parse_table, values_of

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
    with inside(folder), cortado.connect(folder / "db", **settings) as session:
        for kind, name, text in case.givens:
            match kind:
                case "file" | "bytes" | "saved":
                    write_file(folder, name, kind, text)
                case "parquet" | "arrow" | "arrows":
                    write_file(folder, name, kind, text)
                case "stored":
                    session.append(name, parse_table(text))
                case _:
                    given[name] = parse_table(text)
        yield session, given


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
    expected = parse_table(case.expect)
    problem = differences(table, expected)
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
    """The other judge: SQL over the same tables."""
    import duckdb

    assert case.same_as is not None and case.expect is not None
    db = duckdb.connect()
    db.execute("set timezone = 'UTC'")
    for kind, name, text in case.givens:
        if kind in ("table", "stored"):
            db.register(name, parse_table(text))
    found = values_of(db.sql(case.same_as).to_arrow_table())
    wanted = values_of(parse_table(case.expect))
    if case.unordered:
        found, wanted = sorted(found, key=repr), sorted(wanted, key=repr)
    assert [list(map(_loose, r)) for r in found] == [list(map(_loose, r)) for r in wanted], case.query


def _loose(value: Any) -> Any:
    """Decimals and wide integers of SQL as plain numbers."""
    if value is not None and type(value).__name__ == "Decimal":
        return int(value) if value == int(value) else float(value)
    return value
