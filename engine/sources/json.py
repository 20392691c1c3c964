"""`jsonfile`: JSON lines, or one array of objects. Good blocks are parsed by Arrow, what it refuses is read line by line."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from ...planner.catalog import Pushdown, ScanRequest
from ...planner.expr import Expr
from ...planner.records import dataclass
from ...planner.text import QueryError, fault
from ...planner.types import STRING, Schema
from ..arrow import nulls
from ..batch import PAD, Batch, Column, Origin
from ..context import Context
from ..notes import At
from ..operator import Partition
from .ahead import unpacked
from .files import (
    FIRST_CHUNK,
    Chain,
    FileOptions,
    extras,
    needed,
    read_range,
    with_extras,
)
from .jsonrecords import REST, REST_TYPE, RecordReader, mixed_fields
from .jsonsurvey import JsonFile, Survey, survey
from .jsontextblocks import Records, lines, stream_lines, stream_values
from .plainfile import HELD, PlainFile
from .quarantine import Quarantine
from .refused import Refused
from .textlines import find_newline

if TYPE_CHECKING:
    from .jsonquick import QuickReader

LINE = "line"
TAIL = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class JsonFormat:
    """How records become columns."""

    overlay: bool = False  # keep `line`
    rest: bool = False


class JsonRelation:
    """The records of one or more files, one after the other, joined by field name."""

    def __init__(self, found: Survey, form: JsonFormat, options: FileOptions, name: str, at: At) -> None:
        self.name, self.form, self.options, self.at = name, form, options, at
        self.files = found.files
        self.is_live = any(f.input.is_stream for f in found.files)
        self.mixed = mixed_fields(found.mixed)
        kept = {n: t for n, t in found.types.items() if not (form.rest and n == REST)}  # a key `_rest` goes into ours
        self.data = Schema(tuple(kept.items()))
        schema = self.data
        if form.overlay:
            schema = schema.put(LINE, STRING)
        if form.rest:
            schema = schema.put(REST, REST_TYPE)
        self.schema = with_extras(schema, options, len(found.files))

    def pushdown(self, predicate: Expr) -> Pushdown:
        return Pushdown.NO

    def scan(self, request: ScanRequest) -> JsonSource:
        names = self.schema.names() if request.fields is None else request.fields
        return JsonSource(self, self.schema.select(names), request)

    def describe(self, request: ScanRequest) -> str:
        files = self.name if len(self.files) == 1 else f"{self.name} ({len(self.files)} files)"
        return f"{files}: " + (
            ", ".join(self.schema.names() if request.fields is None else request.fields) or "no field"
        )


class JsonSource:
    """Partitions are byte ranges of plain files of lines, or whole streams."""

    bytewise = True

    def __init__(self, relation: JsonRelation, schema: Schema, request: ScanRequest) -> None:
        self.relation, self.schema = relation, schema
        # every key is told of, whether it is read or not; `_time` is where it is read
        self._silent = frozenset() if relation.options.is_judged else request.unjudged(("_time",))
        self._quarantine = Quarantine.of(relation.options.quarantine, relation.at)
        self._opened: list[PlainFile] = []
        sizes = [f.input.nbytes for f in relation.files]
        self.nbytes_hint = None if None in sizes else sum(s for s in sizes if s is not None)
        self._quick_reader: QuickReader | None = None
        self.reader = RecordReader(
            data=relation.data, mixed=relation.mixed, rest=relation.form.rest, zone=relation.options.zone,
            unknown_hint="rest=t keeps keys that the sample did not have in `_rest`",
            date_hint="read the field as text (schema=) and use date(F, FORMAT)",
        )  # fmt: skip

    def begin(self, ctx: Context) -> None:
        if self._quarantine is not None:
            self._quarantine.begin(ctx)

    def partitions(self, target: int) -> Sequence[Partition]:
        parts: list[Partition] = []
        one = self.relation.options.bad == "fail"  # the first fault in input order is the one to raise
        for file in self.relation.files:
            if one or not file.is_lines or not file.input.is_ranged:
                parts.append(StreamPart(self, file, len(parts)))
                continue
            plain = file.input.plain(is_held=len(self._opened) < HELD)
            self._opened.append(plain)
            size = plain.size
            low, step = file.begin, min(FIRST_CHUNK, target)
            while low < size:
                high = min(low + step, size)
                parts.append(RangePart(self, file, plain, len(parts), low, high, size))
                low, step = high, min(step * 2, target)
        return [Chain(tuple(parts))] if one and len(parts) > 1 else parts

    def close(self) -> None:
        while self._opened:
            self._opened.pop().close()

    def batches(
        self, block: Records, file: JsonFile, seq: int, offset: int, lines_before: int, ctx: Context
    ) -> Iterator[Batch]:
        for begin in range(0, len(block), ctx.settings.batch_rows):
            part = block.slice(begin, begin + ctx.settings.batch_rows)
            origin = Origin(seq, file.input.shown, offset, lines_before, (part.line,))
            yield from self._batch(part, file, Batch(len(part), (), origin), ctx)

    def _batch(self, block: Records, file: JsonFile, bare: Batch, ctx: Context) -> Iterator[Batch]:
        relation, options = self.relation, self.relation.options
        base = bare.origin.offset - PAD if file.input.encoding == "utf-8" else None
        silent = frozenset[str]() if ctx.settings.strict else self._silent
        refused = Refused(relation.at, options.bad, ctx, bare, self._quarantine, block.bytes_at(base), silent=silent)
        if block.bad is not None:
            refused.rows(
                "utf8", block.bad, block.spans(), "bytes that are not UTF-8 were replaced; cs= names the encoding"
            )
        wanted = needed(self.schema, options)
        made = self._quick(block, wanted, refused) or self.reader.columns(block, refused)
        named: dict[str, Column] = {n: made[n] for n in (*wanted, options.time) if n is not None and n in made}
        if relation.form.overlay and LINE in wanted:
            named[LINE] = block.spans()
        yield from refused.batches(extras(named, self.schema, relation.schema, options, file.input.shown, refused))

    def _quick(self, block: Records, wanted: Sequence[str], refused: Refused) -> dict[str, Column] | None:
        """The fields that somebody wants or that are told of, if the records are flat and hold nothing to be told of but dates."""
        if not refused.ctx.compiled or not len(block):
            return None
        if self._quick_reader is None:
            from .jsonquick import QuickReader

            self._quick_reader = QuickReader(self.relation.data)
        if not self._quick_reader.is_able:
            return None
        dates = [n for n, t in self.relation.data.fields if t.kind == "date"]
        time = self.relation.options.time
        made = self._quick_reader.columns(block, {*wanted, *dates, *([time] if time is not None else [])})
        if made is not None:
            self.reader.read_dates(made, refused)
            if self.relation.form.rest:
                made[REST] = nulls(len(block), REST_TYPE.arrow)
        return made


@dataclass(frozen=True, slots=True)
class RangePart:
    """The lines whose first byte lies in [low, high) of a plain file."""

    source: JsonSource
    file: JsonFile
    plain: PlainFile
    seq: int
    low: int
    high: int
    size: int

    def batches(self, ctx: Context) -> Iterator[Batch]:
        block = self._read(ctx.compiled)
        ledger = ctx.query.ledger
        ledger.files_by_seq[self.seq] = self.file.input.shown
        ledger.rows_by_seq[self.seq] = block.n_lines
        before = 1 if self.low > self.file.begin else 0
        yield from self.source.batches(block, self.file, self.seq, self.low - before, 0, ctx)

    def _read(self, compiled: bool) -> Records:
        before = 1 if self.low > self.file.begin else 0  # one byte back tells whether a line begins exactly at low
        reach = min(self.high + TAIL, self.size)
        while True:
            buffer, data, got = read_range(self.plain, self.low - before, reach)
            border = (
                PAD + before + self.high - self.low - 1
            )  # the last line begins before `high`: it ends here or later
            if before and find_newline(data, PAD, min(border, PAD + got)) < 0:
                return lines(buffer, data, PAD, PAD, final=True)  # all of it is the inside of one long line
            last = find_newline(data, border, PAD + got)
            if last >= 0 or reach >= self.size:
                break
            reach = min(self.low + 2 * (reach - self.low), self.size)
        stop = last + 1 if last >= 0 else PAD + got
        begin = find_newline(data, PAD, stop) + 1 if before else PAD
        return lines(buffer, data, begin, stop, final=True, compiled=compiled)


@dataclass(frozen=True, slots=True)
class StreamPart:
    """A file that can only be read from front to back: packed, standard input, another encoding, one array."""

    source: JsonSource
    file: JsonFile
    seq: int

    def batches(self, ctx: Context) -> Iterator[Batch]:
        shown, n_rows, n_lines = self.file.input.shown, 0, 0
        ledger = ctx.query.ledger
        ledger.files_by_seq[self.seq] = shown
        chunks = unpacked(self.file.input.chunks(), ctx, self.file.input.is_packed)
        kept, offset = b"", self.file.begin
        while len(kept) < self.file.begin and (chunk := next(chunks, b"")):
            kept += chunk
        kept = kept[self.file.begin :]
        blocks = stream_lines(chunks, kept, ctx.compiled) if self.file.is_lines else stream_values(chunks, kept)
        try:
            for block in blocks:
                ctx.check()
                n_rows += len(block)
                ledger.rows_by_seq[self.seq] = n_lines + block.n_lines
                yield from self.source.batches(block, self.file, self.seq, offset, n_lines, ctx)
                n_lines += block.n_lines
                offset += block.consumed - PAD
        except QueryError as why:
            if why.code != "E605":
                raise
            first = why.first
            raise fault("E605", f"{first.message}; {n_rows} records before that are good", hint=first.hint) from why


__all__ = ["JsonFormat", "JsonRelation", "survey"]
