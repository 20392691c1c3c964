"""Writes a running query's rows in one of the formats, streaming where the format allows it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any

import click
import numpy as np
import pyarrow as pa

from ..engine.batch import Batch
from ..planner.text import fault
from ..result import NoteEntry
from ..sheet import sheet_of_rows
from . import render

if TYPE_CHECKING:
    from ..session import Running, Session

BINARY = ("parquet", "arrow")
LIMITED = ("table", "vertical")  # to `display_rows` on standard output


@dataclass(slots=True)
class Target:
    """Where the rows go, and as what."""

    form: str
    output: str | None = None  # a file; None: standard output
    before: Callable[[], None] = lambda: None  # called before the first byte is written

    @property
    def is_terminal(self) -> bool:
        return self.output is None and bool(sys.stdout.isatty())


def write_result(running: Running, target: Target, session: Session) -> list[NoteEntry]:
    """All rows of the query; returns what the format could not hold."""
    if target.form in BINARY and target.is_terminal:
        running.cancel()
        raise click.UsageError(f"{target.form} is binary: give --output FILE")
    told: list[NoteEntry] = []
    with opened(target, session) as out, closing(running.rows()) as rows:
        if target.form in LIMITED:
            _display(running, rows, target, out, int(session.settings["display_rows"]))
        else:
            _STREAMS[target.form](running, rows, out, told)
    return told


@contextmanager
def opened(target: Target, session: Session) -> Iterator[Any]:
    """Standard output, or a file that appears only when all of it was written."""
    if target.output is None:
        sys.stdout.flush()
        out = _Late(sys.stdout.buffer, target.before)
        yield out
        out.flush()
        return
    with session.services().gate.open_write(target.output, overwrite=True) as file:
        yield file.stream


@contextmanager
def writing() -> Iterator[None]:
    """A full disk behind standard output is no internal error."""
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as why:
        raise fault("E605", f"standard output cannot be written: {why.strerror or why}") from why


class _Late:
    """Standard output that first lets the progress line go."""

    closed = False

    def __init__(self, stream: Any, before: Callable[[], None]) -> None:
        self._stream, self._before = stream, before

    def write(self, data: Any) -> int:
        self._before()
        with writing():
            self._stream.write(data)
        return len(data)

    def flush(self) -> None:
        with writing():
            self._stream.flush()

    def writable(self) -> bool:
        return True


# for people


def _display(running: Running, rows: Iterator[Batch], target: Target, out: Any, limit: int) -> None:
    """The first rows, all of them in a file; and how many there are."""
    most = limit if target.output is None else None
    kept: list[Batch] = []
    total = 0
    for batch in rows:
        if most is None or total < most:
            kept.append(batch)
        total += batch.n_rows
    sheet = sheet_of_rows(kept, running.schema, running.zone, most)
    if target.form == "vertical":
        body = render.vertical_text(sheet)
    else:
        cells = render.terminal_width() if target.is_terminal else None
        body = render.table_text(sheet, cells, target.is_terminal and render.colours(sys.stdout))
    more = f" ({sheet.n_rows:,} shown)" if sheet.n_rows < total else ""
    count = f"{total:,} row{'' if total == 1 else 's'}{more}"
    out.write(_encoded(f"{body}\n{count}\n" if body else f"{count}\n"))


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "replace")


def _markdown(running: Running, rows: Iterator[Batch], out: Any, told: list[NoteEntry]) -> None:
    head = False
    for batch in _at_least_one(running, rows):
        sheet = sheet_of_rows([batch] if batch is not None else [], running.schema, running.zone)
        if not head:
            out.write(_encoded(render.markdown_head(sheet) + "\n"))
            head = True
        if sheet.n_rows:
            out.write(_encoded(render.markdown_rows(sheet) + "\n"))


def _html(running: Running, rows: Iterator[Batch], out: Any, told: list[NoteEntry]) -> None:
    from ..html import sheet_html

    kept = list(rows)
    sheet = sheet_of_rows(kept, running.schema, running.zone)
    out.write(_encoded('<!DOCTYPE html>\n<meta charset="utf-8">\n' + sheet_html(sheet, sheet.n_rows) + "\n"))


def _at_least_one(running: Running, rows: Iterator[Batch]) -> Iterator[Batch | None]:
    """The batches; None where there is none, so that a head is written."""
    first = next(rows, None)
    return chain([first], rows)


# for programs: as the writers of the language do


def _formatted(form: Any, running: Running, rows: Iterator[Batch], out: Any, told: list[NoteEntry]) -> None:
    first = next(rows, None)  # now the columns are known
    schema, arrow = running.schema, running.schema.arrow()
    lost: dict[tuple[str, str], int] = {}

    def tell(reason: str, mask: Any, hint: str) -> None:
        lost[reason, hint] = lost.get((reason, hint), 0) + int(np.count_nonzero(mask))

    output = form.open(out, schema, None, running.zone, tell)
    try:
        for batch in chain([] if first is None else [first], rows):
            output.write(_record_batch(batch, arrow))
    except BaseException:
        output.abandon()
        raise
    output.finish()
    told += [NoteEntry("", "", "reject", reason, n, (), hint) for (reason, hint), n in lost.items()]


def _record_batch(batch: Batch, schema: pa.Schema) -> pa.RecordBatch:
    if not len(schema):  # without columns it still has its rows
        rows: Any = pa.Array.from_buffers(pa.struct([]), batch.n_rows, [None])
        return pa.RecordBatch.from_struct_array(rows)
    return pa.RecordBatch.from_arrays([batch.array(i) for i in range(len(schema))], schema=schema)


def _csv(running: Running, rows: Iterator[Batch], out: Any, told: list[NoteEntry], sep: str = ",") -> None:
    from ..engine.operators.formats import CsvOutput

    _formatted(CsvOutput(sep=sep), running, rows, out, told)


def _tsv(running: Running, rows: Iterator[Batch], out: Any, told: list[NoteEntry]) -> None:
    _csv(running, rows, out, told, "\t")


def _jsonl(running: Running, rows: Iterator[Batch], out: Any, told: list[NoteEntry]) -> None:
    from ..engine.operators.formats import JsonOutput

    _formatted(JsonOutput(), running, rows, out, told)


class _Array:
    """JSON lines on their way into one array: no line end stands inside a line."""

    def __init__(self, out: Any) -> None:
        self._out, self._begun = out, False

    def write(self, data: Any) -> int:
        if not len(data):
            return 0
        lines = bytes(data).removesuffix(b"\n").replace(b"\n", b",\n")
        self._out.write((b",\n" if self._begun else b"[\n") + lines)
        self._begun = True
        return len(data)

    def end(self) -> None:
        self._out.write(b"\n]\n" if self._begun else b"[]\n")


def _json(running: Running, rows: Iterator[Batch], out: Any, told: list[NoteEntry]) -> None:
    array = _Array(out)
    _jsonl(running, rows, array, told)
    array.end()


def _parquet(running: Running, rows: Iterator[Batch], out: Any, told: list[NoteEntry]) -> None:
    from ..engine.operators.formats import ParquetOutput

    _formatted(ParquetOutput(), running, rows, pa.PythonFile(out, "w"), told)


def _arrow(running: Running, rows: Iterator[Batch], out: Any, told: list[NoteEntry]) -> None:
    """An Arrow file with the types that the Python API gives."""
    from ..edge import edge_schema, record_batch

    first = next(rows, None)
    schema = running.schema
    edge = edge_schema(schema, running.zone)
    with pa.ipc.new_file(pa.PythonFile(out, "w"), edge) as writer:
        for batch in chain([] if first is None else [first], rows):
            writer.write_batch(record_batch(batch, schema, edge))


_STREAMS: dict[str, Callable[..., None]] = {
    "csv": _csv, "tsv": _tsv, "json": _json, "jsonl": _jsonl, "markdown": _markdown, "html": _html, "parquet": _parquet, "arrow": _arrow,
}  # fmt: skip
