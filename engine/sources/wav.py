"""`wavfile`: samples of WAV files as rows. Any range of a plain file is read by itself."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ...planner.catalog import Pushdown, ScanRequest
from ...planner.expr import Expr
from ...planner.records import dataclass
from ...planner.text import QueryError, fault
from ...planner.types import DATE, DOUBLE, LONG, Schema, Type, join
from ..arrow import array_from
from ..batch import Batch, Column, Origin
from ..context import Context
from ..notes import At
from ..operator import Partition
from .files import CHUNK, FileOptions, extras, in_turn, needed, with_extras
from .plainfile import HELD, PlainFile
from .pruning import Bound, bounds, told
from .refused import Refused
from .wavhead import Wav, wav_head

MICROS = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class WavFormat:
    """How samples become columns. `start`: microseconds, of the first sample of each file."""

    raw: bool = False
    start: int | None = None


class Forward:
    """A stream that is read at growing places."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream, self.at = stream, 0

    def read(self, offset: int, size: int) -> bytes:
        """Bytes between are read and forgotten."""
        while self.at < offset:
            gone = self._stream.read(min(CHUNK, offset - self.at))
            if not gone:
                return b""
            self.at += len(gone)
        parts, have = [], 0
        while have < size and (part := self._stream.read(size - have)):
            parts.append(part)
            have += len(part)
        self.at += have
        return b"".join(parts)

    def close(self) -> None:
        self._stream.close()


@dataclass(slots=True)
class WavFile:
    """One file as it was found at bind. `size`: None where it can only be read from front to back."""

    path: str
    head: Wav
    size: int | None
    begun: Forward | None = None  # standard input, at its first sample

    @property
    def shown(self) -> str:
        return "standard input" if self.path == "-" else self.path

    @property
    def n_told(self) -> int | None:
        """Frames that the head tells of, one that is there in part among them."""
        return None if self.head.nbytes is None else -(-self.head.nbytes // self.head.frame)

    @property
    def n_there(self) -> int | None:
        """Whole frames that are there."""
        if self.size is None:
            return None
        there = max(0, self.size - self.head.begin)
        return (there if self.head.nbytes is None else min(there, self.head.nbytes)) // self.head.frame


def survey(gate: Any, paths: Sequence[str]) -> list[WavFile]:
    """The heads of all files."""
    return [_look(gate, path) for path in paths]


def _look(gate: Any, path: str) -> WavFile:
    shown = "standard input" if path == "-" else path
    if path == "-" or gate.is_packed(path):
        stream = Forward(gate.open_stream(path))
        head = wav_head(stream.read, shown, None)
        if path == "-":
            return WavFile(path, head, None, stream)
        stream.close()
        return WavFile(path, head, None)
    fd = gate.open_fd(path)
    try:
        size = os.fstat(fd).st_size
        return WavFile(path, wav_head(lambda at, n: os.pread(fd, n, at), shown, size), size)
    finally:
        os.close(fd)


class WavRelation:
    """The samples of one or more files, one after the other: `n`, `t`, `ch0`, `ch1`, ..."""

    def __init__(
        self, gate: Any, files: Sequence[WavFile], form: WavFormat, options: FileOptions, name: str, at: At
    ) -> None:
        self.gate, self.files, self.form, self.options, self.name, self.at = gate, files, form, options, name, at
        self.is_live = any(f.path == "-" for f in files)
        most = max(f.head.channels for f in files)
        channels = tuple((f"ch{i}", join(self._type(f) for f in files if f.head.channels > i)) for i in range(most))
        self.data = Schema((("n", LONG), ("t", DOUBLE), *channels))
        schema = self.data if form.start is None else self.data.put("_time", DATE)
        self.schema = with_extras(schema, options, len(files))

    def _type(self, file: WavFile) -> Type:
        return LONG if self.form.raw and not file.head.is_float else DOUBLE

    def pushdown(self, predicate: Expr) -> Pushdown:
        return Pushdown.PRUNES if any(self._can(b) for b in bounds((predicate,))) else Pushdown.NO

    def _can(self, bound: Bound) -> bool:
        """Whether it says which samples may pass."""
        is_time = bound.field == "_time" and self.form.start is not None and self.options.time is None
        return bound.op != "notnull" and (bound.field in ("n", "t") or is_time)

    def bounds(self, request: ScanRequest) -> tuple[Bound, ...]:
        return tuple(b for b in bounds(request.filters) if self._can(b))

    def scan(self, request: ScanRequest) -> WavSource:
        return WavSource(self, request)

    def describe(self, request: ScanRequest) -> str:
        files = self.name if len(self.files) == 1 else f"{self.name} ({len(self.files)} files)"
        fields = ", ".join(self.schema.names() if request.fields is None else request.fields) or "no field"
        found = self.bounds(request)
        return f"{files}: {fields}" + (f"; samples by {told(found)}" if found else "")


class WavSource:
    """Partitions are ranges of samples of plain files, or whole streams."""

    bytewise = True

    def __init__(self, relation: WavRelation, request: ScanRequest) -> None:
        self.relation = relation
        names = relation.schema.names() if request.fields is None else request.fields
        self.schema = relation.schema.select(names)
        self.wanted = frozenset(needed(self.schema, relation.options))
        self._bounds = relation.bounds(request)
        self._opened: list[PlainFile] = []
        sizes = [f.size for f in relation.files]
        self.nbytes_hint = None if None in sizes else sum(s for s in sizes if s is not None)

    def partitions(self, target: int) -> Sequence[Partition]:
        parts: list[Any] = []
        for file in self.relation.files:
            if file.n_there is None:
                parts.append(StreamPart(self, file, len(parts)))
                continue
            gate, path = self.relation.gate, file.path
            plain = PlainFile(lambda g=gate, p=path: int(g.open_fd(p)), file.shown, is_held=len(self._opened) < HELD)  # type: ignore[misc]
            self._opened.append(plain)
            low, high = self._inside(file, file.n_there)
            step = max(1, target // file.head.frame)
            while low + step < high:
                parts.append(RangePart(self, file, plain, len(parts), low, low + step, is_last=False))
                low += step
            parts.append(RangePart(self, file, plain, len(parts), low, high, is_last=True))
        return in_turn(parts, self.relation.options)

    def _inside(self, file: WavFile, n: int) -> tuple[int, int]:
        """The samples that can pass the filters, some more perhaps."""
        low, high = 0, n
        for bound in self._bounds:
            at = self._place(bound, file)
            if bound.op in (">", ">=", "=="):
                low = max(low, at - 2)
            if bound.op in ("<", "<=", "=="):
                high = min(high, at + 3)
        return min(low, n), max(min(low, n), high)

    def _place(self, bound: Bound, file: WavFile) -> int:
        """About where among the samples the bound's value lies."""
        value = float(bound.value)
        if bound.field == "_time":
            value = (value - (self.relation.form.start or 0)) / MICROS
        if bound.field != "n":
            value *= file.head.rate
        return int(min(max(value, -1.0), 2.0**62))

    def close(self) -> None:
        while self._opened:
            self._opened.pop().close()
        for file in self.relation.files:
            if file.begun is not None:
                file.begun.close()
                file.begun = None

    def batches(self, raw: bytes, file: WavFile, seq: int, first: int, low: int, ctx: Context) -> Iterator[Batch]:
        """Whole frames, the first of which is frame `first`; `low`: the first one of the partition."""
        head, step = file.head, ctx.settings.batch_rows
        data = np.frombuffer(raw, np.uint8)
        total = len(data) // head.frame
        for begin in range(0, total, step):
            n = min(step, total - begin)
            part = data[begin * head.frame : (begin + n) * head.frame].reshape(n, head.channels, head.width)
            yield self._batch(part, file, seq, first + begin, low, ctx)

    def _batch(self, part: NDArray[np.uint8], file: WavFile, seq: int, first: int, low: int, ctx: Context) -> Batch:
        relation, head, n = self.relation, file.head, len(part)
        bare = Batch(n, (), Origin(seq, file.shown, 0, first - low))
        named: dict[str, Column] = {}
        number = np.arange(first, first + n, dtype=np.int64)
        if "n" in self.wanted:
            named["n"] = array_from(number)
        if "t" in self.wanted:
            named["t"] = array_from(number / head.rate)
        if "_time" in self.wanted and relation.form.start is not None:
            named["_time"] = _times(number, head.rate, relation.form.start)
        for i in range(head.channels):
            name = f"ch{i}"
            if name in self.wanted:
                kind = relation.data.type(name) or DOUBLE
                named[name] = array_from(
                    samples(part[:, i], head, raw=relation.form.raw).astype(kind.arrow.to_pandas_dtype())
                )
        refused = Refused(relation.at, relation.options.bad, ctx, bare)
        columns = extras(named, self.schema, relation.data, relation.options, file.shown, refused)
        return Batch(n, tuple(columns), bare.origin)

    def told_lost(self, file: WavFile, n: int, left: int, ctx: Context) -> None:
        """What the head tells of and is not there. `n`: frames that were; `left`: bytes of one more."""
        relation = self.relation
        if file.n_told is None:
            said = "the head does not tell how long it is: it was read to its end"
            ctx.notes.count(
                relation.at, "info", said, 1, f"`{file.shown}` was written by a program that did not end it"
            )
        lost = int(left > 0) if file.n_told is None else file.n_told - n
        if lost <= 0:
            return
        if relation.options.bad == "fail":
            raise fault("E501", f"`{file.shown}` is cut off: {lost} samples that its head tells of are not there",
                        hint="bad=null reads what is there")  # fmt: skip
        ctx.notes.count(
            relation.at, "drop", "cut off", lost, f"`{file.shown}` ends before the samples its head tells of"
        )


def samples(part: NDArray[np.uint8], head: Wav, *, raw: bool) -> NDArray[Any]:
    """Bytes of one channel, a row a sample, as int64 (raw) or float64 from -1 to 1."""
    if head.is_float:
        stored: Any = np.ascontiguousarray(part).view(f"{head.order}f{head.width}")
        floats: NDArray[Any] = stored[:, 0].astype(np.float64)
        return floats
    if head.width == 3:
        low, middle, high = (part[:, i] for i in ((0, 1, 2) if head.order == "<" else (2, 1, 0)))
        value: Any = low.astype(np.int32) | (middle.astype(np.int32) << 8) | (high.view(np.int8).astype(np.int32) << 16)
    else:
        kind = "u1" if head.width == 1 else f"{head.order}i{head.width}"
        value = np.ascontiguousarray(part).view(kind)[:, 0]
    made: NDArray[Any] = value.astype(np.int64 if raw else np.float64)
    if not raw and head.width == 1:
        made = (made - 128.0) / 128.0
    elif not raw:
        made /= float(1 << (8 * head.width - 1))
    return made


def _times(number: NDArray[np.int64], rate: int, start: int) -> pa.Array[Any]:
    """The nearest microsecond to each sample."""
    whole, rest = np.divmod(number, rate)
    return array_from(start + whole * MICROS + (rest * (2 * MICROS) + rate) // (2 * rate), None, DATE.arrow)


@dataclass(frozen=True, slots=True)
class RangePart:
    """Frames low..high of a plain file."""

    source: WavSource
    file: WavFile
    plain: PlainFile
    seq: int
    low: int
    high: int
    is_last: bool

    @property
    def nbytes(self) -> int:
        return (self.high - self.low) * self.file.head.frame

    def batches(self, ctx: Context) -> Iterator[Batch]:
        file, head = self.file, self.file.head
        ledger = ctx.query.ledger
        ledger.files_by_seq[self.seq], ledger.rows_by_seq[self.seq] = file.shown, self.high - self.low
        with self.plain.opened() as fd:
            raw = _read_at(fd, head.begin + self.low * head.frame, self.nbytes)
        if len(raw) < self.nbytes:
            raise fault("E605", f"`{file.shown}` became shorter while it was read", hint="run the query again")
        yield from self.source.batches(raw, file, self.seq, self.low, self.low, ctx)
        if self.is_last and file.size is not None and file.n_there is not None:
            left = max(0, file.size - head.begin) - file.n_there * head.frame
            self.source.told_lost(file, file.n_there, left, ctx)


def _read_at(fd: int, offset: int, size: int) -> bytes:
    parts, have = [], 0
    while have < size and (part := os.pread(fd, size - have, offset + have)):
        parts.append(part)
        have += len(part)
    return parts[0] if len(parts) == 1 else b"".join(parts)


@dataclass(frozen=True, slots=True)
class StreamPart:
    """A file that can only be read from front to back."""

    source: WavSource
    file: WavFile
    seq: int

    def batches(self, ctx: Context) -> Iterator[Batch]:
        file, frame = self.file, self.file.head.frame
        ledger = ctx.query.ledger
        ledger.files_by_seq[self.seq], ledger.rows_by_seq[self.seq] = file.shown, 0
        stream, file.begun = file.begun or Forward(self.source.relation.gate.open_stream(file.path)), None
        left = file.head.nbytes
        n, kept = 0, b""
        try:
            while left is None or left > 0:
                ctx.check()
                chunk = stream.read(max(stream.at, file.head.begin), CHUNK if left is None else min(CHUNK, left))
                if not chunk:
                    break
                left = None if left is None else left - len(chunk)
                kept += chunk
                whole = len(kept) // frame * frame
                ready, kept = kept[:whole], kept[whole:]
                ledger.rows_by_seq[self.seq] = n + whole // frame
                yield from self.source.batches(ready, file, self.seq, n, 0, ctx)
                n += whole // frame
        except QueryError as why:
            if why.code != "E605":
                raise
            said = f"{why.first.message}; {n} samples before that are good"
            raise fault("E605", said, hint=why.first.hint) from why
        finally:
            stream.close()
        self.source.told_lost(file, n, len(kept), ctx)


__all__ = ["WavFormat", "WavRelation", "survey"]
