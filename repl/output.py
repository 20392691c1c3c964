"""Writes a running query's rows in one of the formats, streaming where the format allows it."""

from __future__ import annotations

import json
import math
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click
import pyarrow as pa

from ..planner.types import Schema, of_arrow
from . import render

if TYPE_CHECKING:
    from ..session import Running, Session


def write_result(running: Running, form: str, output: str | None, session: Session) -> None:
    with target(output, form, session) as out:
        if form in ("table", "vertical", "markdown", "html"):
            _display(running, form, out, session, to_file=output is not None)
        else:
            _STREAMS[form](running, out)


@contextmanager
def target(output: str | None, form: str, session: Session) -> Iterator[Any]:
    """Standard output, or a file that appears only when all of it was written."""
    if output is None:
        if form in ("parquet", "arrow") and sys.stdout.isatty():
            raise click.UsageError(f"{form} is binary: give --output FILE")
        sys.stdout.flush()
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    with session.services().gate.open_write(output, overwrite=True) as file:
        yield file.stream


def _display(running: Running, form: str, out: Any, session: Session, *, to_file: bool) -> None:
    """The first rows on a terminal, all of them in a file; and how many there are."""
    limit = int(session.settings["display_rows"]) if form in ("table", "vertical") and not to_file else None
    kept: list[pa.RecordBatch] = []
    total = held = 0
    for batch in running.batches():
        total += batch.num_rows
        if limit is None or held < limit:
            part = batch if limit is None else batch.slice(0, limit - held)
            kept.append(part)
            held += part.num_rows
    from ..edge import edge_schema

    schema = edge_schema(running.schema, str(session.settings["timezone"]))
    table = pa.Table.from_batches(kept, kept[0].schema if kept else schema)
    out.write((_drawn(table, form, total, to_file) + "\n").encode())


def _drawn(table: pa.Table, form: str, total: int, to_file: bool) -> str:
    if form == "markdown":
        return render.markdown_text(table)
    if form == "html":
        from ..html import table_html

        return table_html(table, (), None)
    cells = None if to_file or not sys.stdout.isatty() else shutil.get_terminal_size().columns
    body = render.vertical_text(table) if form == "vertical" else render.table_text(table, cells)
    more = f" ({table.num_rows:,} shown)" if table.num_rows < total else ""
    return f"{body}\n{total:,} row{'' if total == 1 else 's'}{more}"


def _written(running: Running, out: Any, form: Any) -> None:
    """Rows as the writers of the language put them into files, batch by batch."""
    zone = running.zone
    writer: Any = None
    for batch in running.batches():
        if writer is None:
            writer = form.open(out, _types(batch.schema), None, zone, _no_note)
        writer.write(batch)
    if writer is None:
        writer = form.open(out, running.schema, None, zone, _no_note)
    writer.finish()


def _types(schema: pa.Schema) -> Schema:
    return Schema(tuple((f.name, of_arrow(f.type)) for f in schema))


def _no_note(reason: str, rows: Any, hint: str) -> None:
    """What a format cannot say (a NaN in JSON) is null; only the writers of a query count it."""


def _csv(running: Running, out: Any) -> None:
    from ..engine.operators.formats import CsvOutput

    _written(running, out, CsvOutput())


def _tsv(running: Running, out: Any) -> None:
    from ..engine.operators.formats import CsvOutput

    _written(running, out, CsvOutput(sep="\t"))


def _jsonl(running: Running, out: Any) -> None:
    from ..engine.operators.formats import JsonOutput

    _written(running, out, JsonOutput())


def _json(running: Running, out: Any) -> None:
    out.write(b"[")
    first = True
    for batch in running.batches():
        for row in batch.to_pylist():
            out.write((b"\n " if first else b",\n ") + json_line(row))
            first = False
    out.write(b"]\n" if first else b"\n]\n")


def json_line(row: Any) -> bytes:
    return json.dumps(_jsonable(row), ensure_ascii=False, separators=(",", ":")).encode()


def _jsonable(value: Any) -> Any:
    match value:
        case float() if not math.isfinite(value):
            return None
        case dict():
            return {k: _jsonable(v) for k, v in value.items()}
        case list() | tuple():
            return [_jsonable(v) for v in value]
        case bytes():
            return value.hex()
        case None | bool() | int() | float() | str():
            return value
    if hasattr(value, "isoformat"):
        return value.isoformat()
    from ..engine.values import duration_text

    return duration_text(value) if hasattr(value, "total_seconds") else str(value)


def _parquet(running: Running, out: Any) -> None:
    import pyarrow.parquet as pq

    reader = running.reader()
    with pq.ParquetWriter(pa.PythonFile(out, "w"), reader.schema, compression="zstd") as writer:
        for batch in reader:
            writer.write_batch(batch)


def _arrow(running: Running, out: Any) -> None:
    reader = running.reader()
    with pa.ipc.new_file(pa.PythonFile(out, "w"), reader.schema) as writer:
        for batch in reader:
            writer.write_batch(batch)


_STREAMS = {"csv": _csv, "tsv": _tsv, "json": _json, "jsonl": _jsonl, "parquet": _parquet, "arrow": _arrow}
