"""What all file sources share: options, inputs, `_file` and `_time`, what happens to records that do not fit."""

from __future__ import annotations

import codecs
import os
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import field, replace
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ...planner import options as kinds
from ...planner.options import Option
from ...planner.records import dataclass
from ...planner.types import DATE, STRING, Schema, Type, scalar
from ..arrow import array_from, call, is_valid, nulls, numbers_of
from ..batch import PAD, Batch, Column, Origin, Spans
from ..context import Context
from ..exprs import spread
from . import infer as inferring
from . import isodate
from .encodings import check_encoding, recoded
from .plainfile import PlainFile
from .quarantine import Target, target_of
from .refused import Refused

if TYPE_CHECKING:
    from ...planner.bind import Args
    from ...planner.plan import Node

CHUNK = 2 << 20  # bytes a stream gives at a time
FIRST_CHUNK = 64 << 10  # small at first, so that `head` answers at once
INFER_ALL = 1 << 62

LIMITS = (
    Option("limit", kinds.INT, "read so many rows", least=0),
    Option("offset", kinds.INT, "skip so many rows first", default=0, least=0),
)
SHARED = (
    *LIMITS,
    Option("time", kinds.FIELD, "the field that holds the row's time; adds `_time`"),
    Option("tz", kinds.ZONE, "time zone of times without one"),
    Option("meta", kinds.BOOL, "add `_file`", default=False),
)
BAD = Option(
    "bad",
    ("null", "skip", "fail"),
    "values that do not fit: null, their record left out, or an error",
    default="null",
)
REFUSING = (
    BAD,
    Option("quarantine", kinds.TEXT, "a stored table that gets each record that does not fit, and why"),
)
INFERRING = (
    *SHARED,
    Option("cs", kinds.ENCODING, "encoding of the text", default="utf-8"),
    Option("infer", kinds.TEXT, "records that are looked at before the types are fixed: a number, or all"),
    Option("schema", kinds.TEXT, 'types that are known: "a: long, b: date"'),
    *REFUSING,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class FileOptions:
    """How files are read, whatever their format."""

    zone: str = "UTC"
    time: str | None = None
    meta: bool = False
    encoding: str = "utf-8"
    infer: int = 20_000
    declared: Schema = field(default_factory=Schema)
    bad: str = "null"
    quarantine: Target | None = None

    @property
    def is_judged(self) -> bool:
        """Whether all of a record is looked at, whatever fields somebody wants of it."""
        return self.bad != "null" or self.quarantine is not None


def shared_options(args: Args) -> FileOptions:
    """Of a source that has the options SHARED and REFUSING."""
    return FileOptions(
        zone=args.option("tz") or args.zone,
        time=args.option("time"),
        meta=args.option("meta"),
        bad=args.option("bad"),
        quarantine=target_of(args),
    )


def options_of(args: Args) -> FileOptions:
    """Of a source that has the options INFERRING."""
    said = args.option("infer")
    said = str(args.binder.settings.get("infer", 20_000)) if said is None else said
    count = INFER_ALL if said == "all" else int(said) if said.isdecimal() else 0
    if count < 1:
        args.abort(
            "E311", f"'infer' cannot be {said}", args.option_span("infer"), hint="it takes a number of records, or all"
        )
    declared = Schema()
    if args.given("schema"):
        try:
            declared = inferring.declared(args.option("schema"))
        except inferring.BadSchema as why:
            args.abort("E311", "'schema' cannot be read", args.option_span("schema"), hint=str(why))
    encoding = codecs.lookup(args.option("cs")).name
    return replace(shared_options(args), encoding=encoding, infer=count, declared=declared)


def scan_of(args: Args, relation: Any) -> Node:
    """The scan of a relation, cut by `limit=` and `offset=`, which are a node of their own."""
    from ...planner.plan import Limit, Scan
    from ...planner.unparse import stage_text

    limit, offset = args.option("limit"), args.option("offset")
    kept = tuple(o for o in args.parsed.options if o.name not in ("limit", "offset"))
    scan = Scan(**args.common, relation=relation, key=stage_text(replace(args.parsed, options=kept)))
    if limit is None and not offset:
        return scan
    return Limit(
        span=args.span, stage=args.stage, inputs=(scan,), offset=offset, count=INFER_ALL if limit is None else limit
    )


def note_decimal(args: Args, name: str) -> None:
    args.note("info", f"field '{name}' is a decimal: it is read as double")


def note_mixed(args: Args, mixed: Mapping[str, Mapping[str, int]], hint: str = "") -> None:
    """Columns whose values are of several kinds, so that they became text. Without a `hint`, schema= is the way out."""
    for name, by_kind in mixed.items():
        shown = ", ".join(f"{n} {k}" for k, n in by_kind.items())
        said = f"field '{name}' mixes {shown}: it is read as text"
        way = hint or f'schema="{name}: ..." fixes its type'
        if args.strict:
            args.fail("E504", said, strict=True, hint=way)
        else:
            most = max(by_kind.values())
            args.note("mixed", said, hint=way, count=sum(by_kind.values()) - most)


class Input:
    """One file. `head` is what was read of a stream at bind: a stream gives its bytes once."""

    def __init__(self, gate: Any, path: str, encoding: str = "utf-8") -> None:
        self._gate, self.path, self.encoding = gate, path, encoding
        self.is_stream = path == "-"
        self.is_packed = not self.is_stream and gate.is_packed(path)
        self._held: _Replay | None = None
        self._lock = threading.Lock()

    @property
    def shown(self) -> str:
        return "standard input" if self.is_stream else self.path

    @property
    def is_ranged(self) -> bool:
        """Whether any byte of it can be read by itself, as the text that it is."""
        return not self.is_stream and not self.is_packed and self.encoding == "utf-8"

    @property
    def nbytes(self) -> int | None:
        return None if self.is_stream or self.is_packed else int(self._gate.stat(self.path).size)

    def plain(self, *, is_held: bool) -> PlainFile:
        return PlainFile(lambda: int(self._gate.open_fd(self.path)), self.shown, is_held=is_held)

    def sample(self) -> Iterator[bytes]:
        """Its first bytes, for a look at bind; what is taken of a stream is kept for the run."""
        if not self.is_stream:
            with self._open() as stream:
                yield from _chunks(stream)
            return
        self._held = _Replay(self._gate.open_stream(self.path))
        yield from self._held.peek()

    def chunks(self) -> Iterator[bytes]:
        """All bytes as UTF-8, some at a time; raises E605 behind the last good byte of a damaged file."""
        return recoded(self.raw(), self.encoding)

    def sample_text(self) -> Iterator[bytes]:
        return recoded(self.sample(), self.encoding)

    def raw(self) -> Iterator[bytes]:
        if self.is_stream:
            with self._lock:
                held, self._held = self._held, None
            yield from held.rest() if held is not None else _chunks(self._gate.open_stream(self.path))
            return
        with self._open() as stream:
            yield from _chunks(stream)

    def _open(self) -> BinaryIO:
        stream: BinaryIO = self._gate.open_stream(self.path)
        return stream


class _Replay:
    """A stream whose first bytes are given twice."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream, self._seen = stream, list[bytes]()

    def peek(self) -> Iterator[bytes]:
        for chunk in _chunks(self._stream):
            self._seen.append(chunk)
            yield chunk

    def rest(self) -> Iterator[bytes]:
        while self._seen:
            yield self._seen.pop(0)
        yield from _chunks(self._stream)


def _chunks(stream: BinaryIO) -> Iterator[bytes]:
    size = FIRST_CHUNK
    while chunk := stream.read(size):
        yield chunk
        size = min(size * 2, CHUNK)


def padded(*parts: bytes | bytearray | memoryview) -> tuple[pa.Buffer, NDArray[np.uint8]]:
    """A buffer with the bytes of all parts at PAD, and its memory."""
    from ..arrow import bytes_of

    buffer = pa.allocate_buffer(sum(map(len, parts)) + 2 * PAD + 1)
    data, at = bytes_of(buffer), PAD
    for part in parts:
        data[at : at + len(part)] = np.frombuffer(part, np.uint8)
        at += len(part)
    return buffer, data


def read_range(file: PlainFile, low: int, high: int) -> tuple[pa.Buffer, NDArray[np.uint8], int]:
    """Bytes low..high of a file in a padded buffer, its memory, and how many there were."""
    from ..arrow import bytes_of

    buffer = pa.allocate_buffer(high - low + 2 * PAD + 1)
    view, got = memoryview(buffer), 0
    with file.opened() as fd:
        while got < high - low:
            n = os.preadv(fd, [view[PAD + got : PAD + high - low]], low + got)
            if n == 0:
                break
            got += n
    return buffer, bytes_of(buffer), got


def is_utf8(data: NDArray[np.uint8], begin: int, end: int) -> bool:
    if end <= begin or data[begin:end].max() < 128:
        return True
    from ..arrow import buffer_of

    offsets = buffer_of(np.array([begin, end], np.int32))
    whole: Any = pa.Array.from_buffers(pa.string(), 1, [None, offsets, buffer_of(data)])
    try:
        whole.validate(full=True)
    except pa.ArrowInvalid:
        return False
    return True


def file_column(path: str, n: int) -> pa.Array[Any]:
    codes = array_from(np.zeros(n, np.int32))
    return pa.DictionaryArray.from_arrays(codes, spread(scalar(path, STRING), 1))


def with_extras(schema: Schema, options: FileOptions, n_files: int) -> Schema:
    """The columns of the files, and those that the reader adds."""
    if options.time is not None:
        kind = schema.type(options.time)
        schema = schema.put("_time", kind if kind is not None and kind.kind == "date" else DATE)
    if options.meta or n_files > 1:
        schema = schema.put("_file", STRING)
    return schema


def time_column(column: Column, type_: Type, options: FileOptions, refused: Refused) -> Column:
    """The field of `time=` read as a date: dates as they are, text as ISO 8601, numbers as epoch seconds or milliseconds."""
    if type_.kind == "date":
        return column
    if type_.kind in ("long", "double"):
        assert isinstance(column, pa.Array)
        return _epoch(column, refused, options.time or "")
    if type_.kind != "string":
        n = len(column)
        array = column.to_arrow() if isinstance(column, Spans) else column
        refused.rows(
            "type", is_valid(array), array, "time= takes dates, ISO text or epoch numbers", column=options.time or ""
        )
        return nulls(n, DATE.arrow)
    from ..exprs import plain

    text = plain(column, len(column))
    made, doubtful = isodate.parse(text, options.zone)
    name = options.time or ""
    refused.rows("date", is_valid(text) & ~is_valid(made), text, "read it with date(F, FORMAT)", column=name)
    refused.rows("dst", doubtful, text, told=True, column=name)
    return made


def _epoch(column: pa.Array[Any], refused: Refused, name: str) -> pa.Array[Any]:
    """As `epoch()` has it."""
    from ..epoch import micros_of_epoch
    from ..exprs import UNIT_BY_SIZE

    valid = is_valid(column)
    micros, size, beyond = micros_of_epoch(np.where(valid, numbers_of(column), 0))
    refused.rows("overflow", valid & beyond, column, "no time between the years 1 and 9999", column=name)
    guessed = np.flatnonzero(valid & ~beyond & (size > 0))
    if len(guessed):
        refused.info(UNIT_BY_SIZE, guessed, column)
    return array_from(micros, ~valid | beyond, DATE.arrow)


def extras(
    named: dict[str, Column], wanted: Schema, types: Schema, options: FileOptions, path: str, refused: Refused
) -> list[Column]:
    """The wanted columns in order: those of the file, `_file`, `_time`; a column that this file lacks is null."""
    n = refused.bare.n_rows
    out: list[Column] = []
    for name, kind in wanted.fields:
        if name == "_time" and options.time is not None:
            given = named.get(options.time)
            if given is None:
                out.append(nulls(n, DATE.arrow))
            else:
                out.append(time_column(given, types.type(options.time) or STRING, options, refused.of_time()))
        elif name == "_file" and name not in named:
            out.append(file_column(path, n))
        else:
            column = named.get(name)
            out.append(nulls(n, kind.arrow) if column is None else column)
    judged = options.is_judged or refused.ctx.settings.strict
    if judged and options.time is not None and options.time in named and "_time" not in wanted:
        time_column(named[options.time], types.type(options.time) or STRING, options, refused)
    return out


def needed(wanted: Schema, options: FileOptions) -> tuple[str, ...]:
    """Fields that must be read for the wanted ones."""
    names = wanted.names()
    return (
        (*names, options.time) if options.time is not None and "_time" in names and options.time not in names else names
    )


def in_turn(parts: Sequence[Any], options: FileOptions) -> Sequence[Any]:
    """With bad=fail one after the other."""
    return [Chain(tuple(parts))] if options.bad == "fail" and len(parts) > 1 else parts


@dataclass(frozen=True, slots=True)
class Chain:
    """Partitions one after the other as one: so that the first fault in input order is the one that is raised."""

    parts: tuple[Any, ...]

    def batches(self, ctx: Context) -> Iterator[Batch]:
        for part in self.parts:
            for batch in part.batches(ctx):
                yield Batch(batch.n_rows, batch.columns, replace(batch.origin, seq=0))


__all__ = [
    "BAD", "CHUNK", "INFERRING", "LIMITS", "REFUSING", "SHARED", "Chain", "FileOptions", "Input", "Origin", "Refused", "call", "check_encoding",
    "extras", "file_column", "in_turn", "is_utf8", "needed", "note_mixed", "options_of", "padded", "read_range",
    "scan_of", "shared_options", "time_column", "with_extras",
]  # fmt: skip
