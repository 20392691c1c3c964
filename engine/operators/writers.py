"""`outputcsv`, `outputjson`, `outputparquet`: files written aside as rows pass, and renamed when the query has succeeded."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import field
from pathlib import PurePath
from typing import Any, ClassVar, Protocol

import numpy as np
import pyarrow as pa

from ...planner.plan import Names, Node, Order
from ...planner.records import dataclass
from ...planner.text import fault
from ...planner.types import STRING, Schema, scalar
from ..arrow import array_from, call, nulls, record_batch
from ..batch import Batch
from ..context import Context
from ..notes import At
from ..operator import Emit, Flow
from ..storage.atomic import Handles
from ..values import to_text

NO_VALUE = "__HIVE_DEFAULT_PARTITION__"  # a null in a path, as others write it
NO_TEXT = "__EMPTY__"  # an empty text where a file or folder would have no name
UNSAFE = re.compile(r'[\x00-\x1f\x7f/\\:*?"<>|%=]|^\.+$|^\.|\.$')
PART = re.compile(r"\{(now|logtime):([^{}]*)\}|\{([^{}:]+)\}")


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteFile(Node):
    """A writer: passes its rows on, and gets all of them whatever stands below it."""

    order: ClassVar[Order] = Order.NEEDS
    writes: ClassVar[bool] = True

    form: Any  # how rows become bytes: a Format
    path: str
    fields: tuple[str, ...]
    append: bool = False
    overwrite: bool = False
    partition: bool = False
    durable: bool = True
    gate: Any = field(compare=False, repr=False, default=None)

    def needs(self, wanted: Names) -> Names:
        parts = {p.name for p in parts_of(self.path) if p.kind == "field"} if self.partition else set()
        times = {"_time"} if any(p.kind == "logtime" for p in parts_of(self.path)) else set()
        return wanted | frozenset(self.fields) | frozenset((parts | times) & set(self.inputs[0].schema.names()))


class Output(Protocol):
    """One open file in one format."""

    def write(self, batch: pa.RecordBatch) -> None: ...
    def finish(self) -> None: ...  # everything reaches the stream
    def abandon(self) -> None: ...  # nothing that was written will be used


class Format(Protocol):
    """`open` gets the stream and what the target held (None: a new file); it may refuse to append (E603)."""

    rewrites: bool  # appending copies the old content by itself
    packs: str  # what packing the file as its name says does: `lines` (may go on), `whole` (not), `inside` (unreadable)

    def open(
        self, stream: Any, schema: Schema, old: Any, zone: str, told: Callable[[str, Any, str], None]
    ) -> Output: ...


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a path: `text` as it stands, `now` and `logtime` with a date format, `field`."""

    kind: str
    name: str


def parts_of(path: str) -> tuple[Part, ...]:
    out, last = [], 0
    for found in PART.finditer(path):
        if found.start() > last:
            out.append(Part("text", path[last : found.start()]))
        out.append(Part(found[1], found[2]) if found[1] else Part("field", found[3]))
        last = found.end()
    if last < len(path):
        out.append(Part("text", path[last:]))
    return tuple(out)


def safe_name(value: str) -> str:
    """A value as part of one file or folder name: never a path of its own."""
    return UNSAFE.sub(lambda m: "".join(f"%{b:02X}" for b in m[0].encode()), value)


@dataclass(slots=True)
class Open:
    """A file being written."""

    file: Any  # storage.atomic.AtomicFile
    output: Output
    packer: Any = None


@dataclass(slots=True)
class WriterLocal:
    ctx: Context
    files: dict[str, Open] = field(default_factory=dict)
    current: tuple[Batch, Any] | None = None  # what is being written, and which of its rows, for notes
    done: bool = False  # below: whoever reads these rows wants no more
    handles: Handles = field(default_factory=Handles)


class WriterTransform:
    """Takes its rows in order, hands them on unchanged, and lets no DONE through."""

    needs_order = True
    swallows_done = True

    def __init__(self, node: WriteFile, at: At) -> None:
        self._node, self._at = node, at
        schema = node.inputs[0].schema
        self._before = schema
        self._schema = Schema(tuple((n, schema.type(n) or STRING) for n in node.fields))
        self._places = [schema.index(n) if n in schema else None for n in node.fields]
        self._arrow = self._schema.arrow()
        self._parts = parts_of(node.path)
        self._varies = node.partition and any(p.kind in ("logtime", "field") for p in self._parts)

    def open(self, ctx: Context) -> WriterLocal:
        local = WriterLocal(ctx)
        stage = int("".join(c for c in self._at.stage.split(".")[0] if c.isdigit()) or 0)
        ctx.on_success(stage, lambda: self._commit(local), lambda: self._abort(local))
        if not self._varies:
            self._file(local, self._fixed(ctx))
        return local

    def push(self, batch: Batch, local: WriterLocal, emit: Emit) -> Flow:
        self._write(batch, local)
        if not local.done and emit(batch) is Flow.DONE:
            local.done = True
        return Flow.MORE

    def finish(self, local: WriterLocal, emit: Emit) -> None:
        return None

    def _write(self, batch: Batch, local: WriterLocal) -> None:
        if batch.n_rows == 0:
            return
        columns = [
            nulls_of(batch.n_rows, t) if p is None else batch.array(p)
            for p, (_, t) in zip(self._places, self._schema.fields, strict=True)
        ]
        rows = record_batch(columns, self._arrow, batch.n_rows)
        for path, part, picks in self._split(batch, rows, local.ctx):
            opened = self._file(local, path)
            local.current = (batch, picks)
            try:
                opened.output.write(part)
            except OSError as why:
                raise fault("E605", f"`{path}` cannot be written: {why.strerror or why}") from why

    def _told(self, local: WriterLocal) -> Callable[[str, Any, str], None]:
        def told(reason: str, mask: Any, hint: str) -> None:
            assert local.current is not None
            batch, picks = local.current
            rows = np.flatnonzero(mask)
            local.ctx.notes.rows(self._at, "reject", reason, batch, rows if picks is None else picks[rows], None, hint)

        return told

    def _split(self, batch: Batch, rows: pa.RecordBatch, ctx: Context) -> Iterator[tuple[str, pa.RecordBatch, Any]]:
        if not self._varies:
            yield self._fixed(ctx), rows, None
            return
        paths: Any = call("dictionary_encode", self._paths(batch, ctx))
        codes = np.asarray(array_codes(paths))
        for code, path in enumerate(texts(paths.dictionary)):
            picks = np.flatnonzero(codes == code)
            yield path, rows.take(array_from(picks)), picks

    def _fixed(self, ctx: Context) -> str:
        return "".join(self._constant(p, ctx) for p in self._parts)

    def _constant(self, part: Part, ctx: Context) -> str:
        if part.kind == "now":
            from ...planner.types import DATE
            from ..dateformat import format_dates

            now = pa.Array.from_buffers(DATE.arrow, 1, [None, pa.py_buffer(np.array([ctx.query.now_us]).tobytes())])
            return str(format_dates(now, part.name, ctx.settings.timezone)[0].as_py())
        if part.kind == "text":
            return part.name
        return "{" + (f"{part.kind}:" if part.kind != "field" else "") + part.name + "}"

    def _paths(self, batch: Batch, ctx: Context) -> pa.Array[Any]:
        zone, pieces = ctx.settings.timezone, []
        begins = True  # a name: an empty one would make another path
        for part in self._parts:
            if part.kind in ("text", "now"):
                begins = part.kind == "text" and part.name[-1:] in ("/", "\\")
                pieces.append(array_repeat(self._constant(part, ctx), batch.n_rows))
                continue
            name = "_time" if part.kind == "logtime" else part.name
            at, kind = self._before.index(name), self._before.type(name) or STRING
            if part.kind == "logtime":
                from ..dateformat import format_dates

                text = format_dates(batch.array(at), part.name, zone)
            else:
                text = to_text(batch.array(at), kind, zone)
            distinct: Any = call("dictionary_encode", text)
            empty = NO_TEXT if begins else ""
            safe = text_array([safe_name(v) or empty for v in texts(distinct.dictionary)])
            begins = False
            pieces.append(call("fill_null", safe.take(distinct.indices), scalar(NO_VALUE, STRING)))
        return call("binary_join_element_wise", *pieces, scalar("", STRING))

    def _file(self, local: WriterLocal, path: str) -> Open:
        known = local.files.get(path)
        if known is not None:
            return known
        node = self._node
        if node.partition:
            node.gate.make_folder(PurePath(path).parent)
        old = node.gate if node.append and node.gate.exists(path) and node.gate.stat(path).size else None
        file = node.gate.open_write(
            path, overwrite=node.overwrite or (node.append and node.form.rewrites), append=node.append and not node.form.rewrites,
            durable=node.durable,
        )  # fmt: skip
        if self._varies:
            file.share(local.handles)
        try:
            packer = packed(file.stream, path)
            target = packer if packer is not None else file.stream
            reader = None if old is None else (lambda: old.open_read(path))
            output = node.form.open(target, self._schema, reader, local.ctx.settings.timezone, self._told(local))
        except BaseException:
            file.abort()
            raise
        opened = local.files[path] = Open(file, output, packer)
        return opened

    def _commit(self, local: WriterLocal) -> None:
        """All files are complete before the first one is renamed."""
        try:
            for opened in local.files.values():
                opened.output.finish()
                if opened.packer is not None:
                    opened.packer.close()
        except OSError as why:
            self._abort(local)
            raise fault("E605", f"`{self._node.path}` cannot be written: {why.strerror or why}") from why
        for opened in local.files.values():
            opened.file.commit()

    def _abort(self, local: WriterLocal) -> None:
        for opened in local.files.values():
            opened.output.abandon()
            opened.file.abort()


def packed(stream: Any, path: str) -> Any:
    """What packs the stream as the name says; None for a plain file."""
    import bz2
    import gzip
    import lzma

    match path.lower().rsplit(".", 1)[-1]:
        case "gz":
            return gzip.GzipFile(filename="", mode="wb", fileobj=stream, mtime=0)
        case "bz2":
            return bz2.BZ2File(stream, "wb")
        case "xz":
            return lzma.LZMAFile(stream, "wb")
        case "zst":
            return _Zstd(stream)
    return None


class _Zstd:
    """Arrow's packer, which would close what it writes to."""

    def __init__(self, stream: Any) -> None:
        self._out = pa.BufferOutputStream()
        self._stream, self._packer = stream, pa.CompressedOutputStream(self._out, "zstd")

    def write(self, data: bytes) -> int:
        self._packer.write(data)
        self._drain(again=True)
        return len(data)

    def _drain(self, *, again: bool) -> None:
        if again and self._out.tell() < 1 << 20:
            return
        self._packer.close()
        self._stream.write(self._out.getvalue())
        if again:  # frames follow one another
            self._out = pa.BufferOutputStream()
            self._packer = pa.CompressedOutputStream(self._out, "zstd")

    def close(self) -> None:
        self._drain(again=False)


def nulls_of(n: int, kind: Any) -> pa.Array[Any]:
    return nulls(n, kind.arrow)


def array_codes(coded: Any) -> Any:
    from ..normalise import numbers32

    return numbers32(coded.indices)


def texts(array: Any) -> list[str]:
    return [v.as_py() for v in array]


def text_array(values: Sequence[str | None]) -> pa.Array[Any]:
    from ..values import texts_from

    return texts_from(values)


def array_repeat(text: str, n: int) -> pa.Array[Any]:
    from ..exprs import spread

    return spread(scalar(text, STRING), n)
