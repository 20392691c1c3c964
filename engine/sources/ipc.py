"""`arrowfile`: Arrow IPC. Record batches of a file are read by all workers, a stream from front to back."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from dataclasses import field
from functools import partial
from typing import Any, cast

import pyarrow as pa

from ...planner.catalog import Pushdown, ScanRequest
from ...planner.expr import Expr
from ...planner.records import dataclass
from ...planner.text import QueryError, fault
from ...planner.types import of_arrow
from ..aside import aside
from ..batch import Batch, Origin
from ..context import Context
from ..notes import At
from ..operator import Partition
from .columnar import ColumnarRelation, Maker, Survey, Window, first_line, survey_of
from .files import FileOptions, in_turn
from .hive import hive_of
from .ipcstream import Bytes, Stream, read_options
from .pruning import told

MAGIC, OLD_MAGIC = b"ARROW1", b"FEA1"
UNREADABLE = (pa.ArrowException, OSError, MemoryError, OverflowError, ValueError, KeyError, TypeError)


@dataclass(slots=True)
class IpcFile:
    """One file as it was found at bind. `names`: of the columns in their order; one that was there twice has a new name."""

    path: str
    schema: pa.Schema
    given: pa.Schema
    n_batches: int | None  # None: a stream
    nbytes: int | None
    hive: dict[str, str | None] = field(default_factory=dict)
    held: pa.Buffer | None = None  # all of a file that can only be read from front to back
    begun: list[Stream] = field(default_factory=list)  # standard input, which gives its bytes once

    @property
    def shown(self) -> str:
        return "standard input" if self.path == "-" else self.path


def survey(gate: Any, paths: Sequence[str]) -> Survey:
    """Schemas of all files: fields joined by name, types widened; `key=value` folders become fields."""
    renamed: list[str] = []
    out = survey_of([_look(gate, path, renamed) for path in paths])
    out.renamed = list(dict.fromkeys(renamed))
    return out


def _look(gate: Any, path: str, renamed: list[str]) -> IpcFile:
    shown = "standard input" if path == "-" else path
    try:
        found = _from_front(gate, path) if path == "-" or gate.is_packed(path) else _plain(gate, path)
        found.schema = _distinct(found.given, renamed)
        for column in found.schema:
            _look_into(column.type)
    except QueryError:
        raise
    except UNREADABLE as why:
        raise fault("E605", f"`{shown}` is no Arrow file or stream, or is damaged: {first_line(why)}") from why
    return found


def _look_into(kind: Any) -> None:
    """Raises where Arrow's Python has no such type, or a name inside of it is no text."""
    of_arrow(kind), pa.nulls(0, kind)
    if isinstance(kind, pa.BaseExtensionType):
        _look_into(kind.storage_type)
    elif pa.types.is_dictionary(kind) or pa.types.is_run_end_encoded(kind):
        _look_into(kind.value_type)
    elif pa.types.is_timestamp(kind):
        str(kind.tz)
    for i in range(kind.num_fields):
        _look_into(kind.field(i).type)


def _plain(gate: Any, path: str) -> IpcFile:
    with gate.open_read(path) as source:
        size = int(source.size())
        head = source.read_at(min(size, 8), 0)
        _check_head(head, path)
        if head.startswith(MAGIC):
            reader = pa.ipc.open_file(source)
            return IpcFile(path, reader.schema, reader.schema, reader.num_record_batches, size, hive_of(path))
    with Stream(Bytes.of(gate, path), None) as stream:
        return IpcFile(path, stream.schema, stream.schema, None, size, hive_of(path))


def _from_front(gate: Any, path: str) -> IpcFile:
    """Standard input, or a packed file."""
    shown = "standard input" if path == "-" else path
    source = Bytes(gate.open_stream(path))
    head = source.peek(8)
    _check_head(head, shown)
    if head.startswith(MAGIC):
        held = pa.py_buffer(source.read())
        source.close()
        reader = pa.ipc.open_file(pa.BufferReader(held))
        return IpcFile(path, reader.schema, reader.schema, reader.num_record_batches, len(held), hive_of(path), held)
    stream = Stream(source, None)
    made = IpcFile(path, stream.schema, stream.schema, None, None, hive_of(path))
    if path == "-":
        made.begun.append(stream)
    else:
        stream.close()
    return made


def _check_head(head: bytes, shown: str) -> None:
    if not head:
        raise fault("E605", f"`{shown}` is empty")
    if head.startswith(OLD_MAGIC):
        raise fault("E605", f"`{shown}` is of Feather version 1", hint="write it as version 2, which is Arrow IPC")


def _distinct(given: pa.Schema, renamed: list[str]) -> pa.Schema:
    """The same columns; the later one of two that share a name is `name_2`."""
    out: dict[str, Any] = {}
    for column in given:
        name, n = column.name, 2
        while name in out:
            name, n = f"{column.name}_{n}", n + 1
        if name != column.name:
            renamed.append(name)
        out[name] = column.with_name(name)
    return pa.schema(list(out.values()))


class IpcRelation(ColumnarRelation):
    """The rows of one or more files, one after the other, joined by field name."""

    def __init__(
        self, gate: Any, found: Survey, options: FileOptions, name: str, at: At,
        *, columns: Sequence[str] | None = None, window: Window | None = None,
    ) -> None:  # fmt: skip
        super().__init__(gate, found, options, name, at, columns=columns, window=window)
        self.is_live = any(f.path == "-" and f.n_batches is None for f in self.files)

    def pushdown(self, predicate: Expr) -> Pushdown:
        """There are no statistics; folders have names."""
        if self.options.is_judged:
            return Pushdown.NO  # a row that is not wanted may be one that does not fit
        found = self.bounds_of((predicate,))
        return Pushdown.PRUNES if any(b.field in self.hive for b in found) else Pushdown.NO

    def scan(self, request: ScanRequest) -> IpcSource:
        return IpcSource(self, request)

    def describe(self, request: ScanRequest) -> str:
        source = IpcSource(self, request)
        files = self.name if len(self.files) == 1 else f"{self.name} ({len(self.files)} files)"
        fields = ", ".join(source.schema.names()) or "no field"
        by = f"; {len(source.files)} files by {told(source.bounds)}" if len(source.files) < len(self.files) else ""
        return f"{files}: {fields}{by}"


class IpcSource:
    """Partitions are some record batches of a file, or a whole stream."""

    bytewise = True

    def __init__(self, relation: IpcRelation, request: ScanRequest) -> None:
        self.relation = relation
        names = relation.schema.names() if request.fields is None else request.fields
        self.schema = relation.schema.select(names)
        self.maker = Maker(relation, self.schema, request)
        self.begin = self.maker.begin
        bounds = (*relation.bounds_of(request.filters), *relation.bounds_of_window())
        self.bounds = tuple(b for b in bounds if b.field in relation.hive)
        self.files: list[IpcFile] = [f for f in relation.files if relation.file_may_hold(f, self.bounds)]
        sizes = [f.nbytes for f in self.files]
        self.nbytes_hint = None if None in sizes else sum(s for s in sizes if s is not None)
        self._idle: dict[int, list[Any]] = {}
        self._lock = threading.Lock()

    def partitions(self, target: int) -> Sequence[Partition]:
        parts: list[Any] = []
        for file in self.files:
            if file.n_batches is None:
                parts.append(StreamPart(self, file, len(parts)))
                continue
            each = max(1, (file.nbytes or 0) // max(1, file.n_batches))
            step = max(1, target // each)
            if self.relation.options.bad == "fail":
                step = max(1, file.n_batches)  # rows are counted in one part
            for low in range(0, file.n_batches, step):
                parts.append(BatchesPart(self, file, len(parts), low, min(low + step, file.n_batches)))
        return in_turn(parts, self.relation.options)

    def wanted(self, file: IpcFile) -> list[int]:
        """Columns that must be read; one at least, to know how many rows there are."""
        read = [file.schema.get_field_index(n) for n in self.maker.columns_of(file)]
        return read or _narrowest(file.schema)

    def borrow(self, file: IpcFile) -> Any:
        """A reader of the file for one worker at a time."""
        with self._lock:
            idle = self._idle.setdefault(id(file), [])
            if idle:
                return idle.pop()
        source = pa.BufferReader(file.held) if file.held is not None else self.relation.gate.open_read(file.path)
        reader: Any = pa.ipc.open_file(source, options=read_options(self.wanted(file)))
        if reader.num_record_batches != file.n_batches:
            raise fault("E605", f"`{file.shown}` was replaced while it was read", hint="run the query again")
        return reader

    def give_back(self, file: IpcFile, reader: Any) -> None:
        with self._lock:
            self._idle[id(file)].append(reader)

    def close(self) -> None:
        self._idle = {}
        for file in self.files:
            while file.begun:
                file.begun.pop().close()

    def batches(
        self, given: Sequence[pa.RecordBatch], file: IpcFile, seq: int, row: int, ctx: Context
    ) -> Iterator[Batch]:
        """Checked record batches that follow each other, in the engine's sizes; `row`: the first one's in its partition."""
        n_rows = sum(g.num_rows for g in given)
        step = ctx.settings.scan_rows(len(self.schema), sum(g.nbytes for g in given), n_rows)
        names = self.maker.columns_of(file)
        for whole in _joined(given, step):
            arrays = whole.columns[: len(names)]
            for low in range(0, whole.num_rows, step):
                n = min(step, whole.num_rows - low)
                cut: Any = pa.RecordBatch.from_arrays([a.slice(low, n) for a in arrays], names=names) if names else None
                yield from self.maker.batches(cut, n, file, Origin(seq, file.shown, 0, row), ctx)
                row += n


def _narrowest(schema: pa.Schema) -> list[int]:
    """A column that is cheap to read."""
    widths = {i: f.type.bit_width for i, f in enumerate(schema) if pa.types.is_primitive(f.type)}
    return [min(widths, key=lambda i: widths[i])] if widths else [0][: len(schema)]


def _joined(given: Sequence[pa.RecordBatch], step: int) -> Iterator[pa.RecordBatch]:
    """Small record batches as larger ones, where their dictionaries can be joined."""
    if len(given) < 2 or max(g.num_rows for g in given) > step // 4:
        yield from given
        return
    held: list[pa.RecordBatch] = []
    n = 0
    for one in given:
        if held and n + one.num_rows > step:
            yield from _concat(held)
            held, n = [], 0
        held.append(one)
        n += one.num_rows
    yield from _concat(held)


def _concat(held: Sequence[pa.RecordBatch]) -> Sequence[pa.RecordBatch]:
    try:
        return [cast(Any, pa).concat_batches(held)] if len(held) > 1 else held
    except pa.ArrowException:
        return held


def _get(reader: Any, at: int) -> pa.RecordBatch:
    return checked(reader.get_batch(at))


def checked(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Raises ArrowInvalid where offsets, codes or text of the batch cannot be."""
    batch.validate(full=True)
    return batch


@dataclass(frozen=True, slots=True)
class BatchesPart:
    """Record batches low..high of a file."""

    source: IpcSource
    file: IpcFile
    seq: int
    low: int
    high: int

    def batches(self, ctx: Context) -> Iterator[Batch]:
        source, file, row = self.source, self.file, 0
        ledger = ctx.query.ledger
        ledger.files_by_seq[self.seq], ledger.rows_by_seq[self.seq] = file.shown, 0
        for given in self._groups(ctx):
            n = sum(g.num_rows for g in given)
            ledger.rows_by_seq[self.seq] = row + n
            yield from source.batches(given, file, self.seq, row, ctx)
            row += n

    def _groups(self, ctx: Context) -> Iterator[list[pa.RecordBatch]]:
        """Some batches at a time, so that small ones can be joined."""
        at, each = self.low, (self.file.nbytes or 0) // max(1, self.file.n_batches or 1)
        while at < self.high:
            held: list[pa.RecordBatch] = []
            n = 0
            reader: Any = None
            try:
                reader = self.source.borrow(self.file)
                while at < self.high and n < ctx.settings.batch_rows:
                    ctx.check()
                    held.append(aside(ctx, each, partial(_get, reader, at)))
                    n += held[-1].num_rows
                    at += 1
            except UNREADABLE as why:
                if held:
                    yield held  # a `limit` may be content with these
                said = f"`{self.file.shown}` is damaged (record batch {at}): {first_line(why)}"
                raise fault("E605", said) from why
            finally:
                if reader is not None:
                    self.source.give_back(self.file, reader)
            yield held


@dataclass(frozen=True, slots=True)
class StreamPart:
    """A stream, from front to back."""

    source: IpcSource
    file: IpcFile
    seq: int

    def batches(self, ctx: Context) -> Iterator[Batch]:
        source, file, row = self.source, self.file, 0
        relation, ledger = source.relation, ctx.query.ledger
        ledger.files_by_seq[self.seq], ledger.rows_by_seq[self.seq] = file.shown, 0
        stream = self._open()
        try:
            while True:
                ctx.check()
                try:
                    given = stream.next()
                    if given is None:
                        break
                    checked(given)
                except UNREADABLE as why:
                    said = f"`{file.shown}` is damaged or cut off behind row {row}: {first_line(why)}"
                    raise fault("E605", said) from why
                ledger.rows_by_seq[self.seq] = row + given.num_rows
                yield from source.batches([given], file, self.seq, row, ctx)
                row += given.num_rows
            if not stream.is_ended:
                said = "the stream has no end mark: it may be cut off"
                ctx.notes.count(relation.at, "info", said, 1, f"`{file.shown}`, behind row {row}")
        finally:
            stream.close()

    def _open(self) -> Stream:
        file, gate = self.file, self.source.relation.gate
        if file.begun:  # standard input: its columns are all read
            return file.begun.pop().only(self.source.wanted(file))
        wanted = self.source.wanted(file)
        made = Stream(Bytes.of(gate, file.path), wanted)
        if made.schema != pa.schema([file.given.field(i) for i in wanted]):
            made.close()
            raise fault("E605", f"`{file.shown}` was replaced while it was read", hint="run the query again")
        return made


__all__ = ["IpcFile", "IpcRelation", "survey"]
