"""`csvfile`: records of CSV files. Types are fixed from a sample; what does not fit later is null and told, with its line."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import field, replace
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ...planner.catalog import Pushdown, ScanRequest
from ...planner.expr import Expr
from ...planner.records import dataclass
from ...planner.text import QueryError, fault
from ...planner.types import NULL, STRING, Schema, Type
from ..arrow import concat
from ..batch import PAD, Batch, Column, Origin
from ..context import Context
from ..notes import At
from ..operator import Partition
from .ahead import unpacked
from .csvblocks import Borders, Place, first_record, make_block, stream_blocks
from .csvcells import Block, blanked, convert, misquoted, rest_of, unquoted
from .csvquick import QuickBlock, quick_block
from .csvsample import quick_sample, sampled_text
from .csvtext import Dialect
from .files import (
    FIRST_CHUNK,
    Chain,
    FileOptions,
    Input,
    check_encoding,
    extras,
    needed,
    with_extras,
)
from .infer import type_of_text
from .plainfile import HELD, PlainFile
from .quarantine import Quarantine
from .refused import Refused

BOM = b"\xef\xbb\xbf"
REST = "_rest"
REST_TYPE = Type("map", item=STRING)
PER_COLUMN = 512  # bytes of a block for each column at least: a block costs something a column
FRESH = 1000  # records looked at in a file with names of its own once `infer` records are seen


@dataclass(frozen=True, slots=True, kw_only=True)
class CsvFormat:
    """How the cells become columns."""

    dialect: Dialect = field(default_factory=Dialect)
    header: bool = True
    typed: bool = True
    rest: bool = False
    maxcol: int | None = None


@dataclass(slots=True)
class CsvFile:
    """One file as it was found at bind: the names of its columns and where its first record begins."""

    input: Input
    names: tuple[str, ...]
    width: int = 0  # cells of the header, those that maxcol= leaves out too
    begin: int = 0  # bytes before the first record: mark and header
    n_lines: int = 0  # lines of them


@dataclass(slots=True)
class Survey:
    """What the samples of all files say."""

    files: list[CsvFile] = field(default_factory=list)
    types: dict[str, Type] = field(default_factory=dict)
    mixed: dict[str, dict[str, int]] = field(default_factory=dict)
    renamed: list[str] = field(default_factory=list)
    empty: list[str] = field(default_factory=list)  # files without a header


def survey(inputs: Sequence[Input], form: CsvFormat, options: FileOptions) -> Survey:
    """Names from every file; types from the first `infer` records of all, and from some of each file with new names."""
    out, left = Survey(), options.infer
    texts: dict[str, list[pa.Array[Any]]] = {}
    for source in inputs:
        looked = _look(source, form, options, out)
        if looked is None:
            out.empty.append(source.shown)
            continue
        file, blocks = looked
        out.files.append(file)
        fresh = [n for n in file.names if n not in texts]
        texts.update((n, []) for n in fresh)
        room = max(left, FRESH if fresh and len(out.files) > 1 else 0)
        while room > 0 and form.typed and (block := next(blocks, None)) is not None:
            block.end = min(block.end, room)
            room, left = room - block.n_rows, left - block.n_rows
            for i, name in enumerate(file.names):
                if options.declared.type(name) is None:
                    texts[name].append(sampled_text(block.text(i, None)[0]))
    if not out.files:
        said = f"`{out.empty[0]}` is empty" if len(inputs) == 1 else f"all {len(inputs)} files are empty"
        raise fault("E605", said, hint='schema="a: long, b: date" reads it as a table without rows')
    for name, parts in texts.items():
        known = options.declared.type(name) or (None if form.typed else STRING)
        found = type_of_text(concat(parts)) if known is None and parts else None
        if found is not None and found.mixed:
            out.mixed[name] = found.mixed
        out.types[name] = known or (STRING if found is None or found.type is NULL else found.type)
    for name, kind in options.declared.fields:
        out.types.setdefault(name, kind)
    return out


def _look(
    source: Input, form: CsvFormat, options: FileOptions, out: Survey
) -> tuple[CsvFile, Iterator[Block | QuickBlock]] | None:
    """The header of a file, and the records behind it for as long as they are asked for; None if it is empty."""
    chunks, raw, ended, skipped = _quiet(source.sample_text()), b"", False, 0
    found = None
    while found is None and not ended:
        chunk = next(chunks, b"")
        ended = not chunk
        if not raw:
            check_encoding(chunk, source.shown, options.encoding)
            if chunk.startswith(BOM):
                chunk, skipped = chunk[len(BOM) :], len(BOM)
        raw += chunk
        if len(raw) < FIRST_CHUNK and not ended:
            continue
        found = first_record(raw, form.dialect, ended=ended)
    if found is None:
        if not options.declared.fields:
            return None
        declared = options.declared.names()
        return CsvFile(source, declared, len(declared), skipped + len(raw)), iter(())
    cells, size, n_lines = found
    if form.header:
        names = _names(cells, form, source, out)
        more = _gathered(chunks, PER_COLUMN * len(names))
        quick = quick_sample(form.dialect, len(cells))
        found_blocks = stream_blocks(more, raw[size:], form.dialect, keep_blank=len(names) == 1, quick=quick)
        return CsvFile(source, names, len(cells), skipped + size, n_lines), found_blocks
    blocks = _sampled(chunks, raw, form.dialect, keep_blank=len(cells) == 1)
    first = next(blocks)
    width = max(int(first.counts().max(initial=0)), len(cells))
    declared = options.declared.names()
    names = tuple(declared[i] if i < len(declared) else f"column{i}" for i in range(width))[: form.maxcol]
    return CsvFile(source, names, width, skipped), _and_then(first, blocks)


def _sampled(chunks: Iterator[bytes], kept: bytes, dialect: Dialect, *, keep_blank: bool) -> Iterator[Block]:
    """With all cells, as any may be a sample."""
    for block in stream_blocks(chunks, kept, dialect, keep_blank=keep_blank):
        assert isinstance(block, Block)
        yield block


def _gathered(chunks: Iterator[bytes], wanted: int) -> Iterator[bytes]:
    """The chunks joined to pieces of so many bytes."""
    parts: list[bytes] = []
    for chunk in chunks:
        parts.append(chunk)
        if sum(map(len, parts)) >= wanted:
            yield b"".join(parts)
            parts = []
    if parts:
        yield b"".join(parts)


def _and_then(first: Block, rest: Iterator[Block]) -> Iterator[Block | QuickBlock]:
    yield first
    yield from rest


def _quiet(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """What can be read of a damaged file; the fault is told when the file is read, behind its good rows."""
    seen = False
    try:
        for chunk in chunks:
            seen = True
            yield chunk
    except QueryError:
        if not seen:
            raise


def _names(cells: Sequence[bytes], form: CsvFormat, source: Input, out: Survey) -> tuple[str, ...]:
    """Names of the header: blank ones are `column0` and so on, repeated ones get `_2`."""
    names: dict[str, None] = {}
    for i, cell in enumerate(cells[: form.maxcol]):
        try:
            text = cell.decode("utf-8")
        except UnicodeDecodeError as why:
            raise fault(
                "E605",
                f"the header of `{source.shown}` is not {source.encoding.upper()} (column {i + 1})",
                hint="cs= names its encoding",
            ) from why
        name = unicodedata.normalize("NFC", unquoted(text) if text.startswith('"') else text) if text.strip() else ""
        name = name or f"column{i}"
        if name in names or (form.rest and name == REST):
            n = 2
            while f"{name}_{n}" in names:
                n += 1
            out.renamed.append(f"{name}_{n}")
            name = f"{name}_{n}"
        names[name] = None
    return tuple(names)


class CsvRelation:
    """The records of one or more files, one after the other, joined by column name."""

    def __init__(self, found: Survey, form: CsvFormat, options: FileOptions, name: str, at: At) -> None:
        self.name, self.form, self.options, self.at = name, form, options, at
        self.files = found.files
        self.is_live = any(f.input.is_stream for f in found.files)
        schema = Schema(tuple(found.types.items()))
        if form.rest:
            schema = schema.put(REST, REST_TYPE)
        self.schema = with_extras(schema, options, len(found.files))

    def pushdown(self, predicate: Expr) -> Pushdown:
        return Pushdown.NO

    def scan(self, request: ScanRequest) -> CsvSource:
        names = self.schema.names() if request.fields is None else request.fields
        return CsvSource(self, self.schema.select(names), request)

    def describe(self, request: ScanRequest) -> str:
        files = self.name if len(self.files) == 1 else f"{self.name} ({len(self.files)} files)"
        return f"{files}: " + (
            ", ".join(self.schema.names() if request.fields is None else request.fields) or "no field"
        )


class CsvSource:
    """Partitions are byte ranges of plain UTF-8 files, or whole streams."""

    bytewise = True

    def __init__(self, relation: CsvRelation, schema: Schema, request: ScanRequest) -> None:
        self.relation, self.schema = relation, schema
        self._silent = frozenset() if relation.options.is_judged else request.unjudged(schema.names())
        self._quarantine = Quarantine.of(relation.options.quarantine, relation.at)
        self._opened: list[PlainFile] = []
        sizes = [f.input.nbytes for f in relation.files]
        self.nbytes_hint = None if None in sizes else sum(s for s in sizes if s is not None)

    def begin(self, ctx: Context) -> None:
        if self._quarantine is not None:
            self._quarantine.begin(ctx)

    def partitions(self, target: int) -> Sequence[Partition]:
        parts: list[Partition] = []
        one = self.relation.options.bad == "fail"  # the first fault in input order is the one to raise
        for file in self.relation.files:
            if one or not file.input.is_ranged:
                parts.append(StreamPart(self, file, len(parts)))
                continue
            plain = file.input.plain(is_held=len(self._opened) < HELD)
            self._opened.append(plain)
            size = plain.size
            first = max(FIRST_CHUNK, PER_COLUMN * len(file.names))
            low, step, nominal = file.begin, min(first, target), [min(file.begin, size)]
            while low < size:
                low, step = min(low + step, size), min(step * 2, target)
                nominal.append(low)
            borders = Borders(plain, size, nominal, self.relation.form.dialect)
            for k in range(len(nominal) - 1):
                parts.append(RangePart(self, file, borders, k, len(parts)))
        return [Chain(tuple(parts))] if one and len(parts) > 1 else parts

    def close(self) -> None:
        while self._opened:
            self._opened.pop().close()

    def batches(
        self, block: Block | QuickBlock, file: CsvFile, seq: int, offset: int, lines_before: int, ctx: Context
    ) -> Iterator[Batch]:
        """The block's records in batches of at most batch_rows."""
        for begin in range(0, block.n_rows, ctx.settings.batch_rows):
            end = min(begin + ctx.settings.batch_rows, block.n_rows)
            part = replace(block, begin=begin, end=end)
            line = block.line
            origin = Origin(seq, file.input.shown, offset, lines_before + begin)
            if line is not None:
                origin = Origin(seq, file.input.shown, offset, lines_before, (line[begin:end],))
            yield from self._batch(part, file, Batch(end - begin, (), origin), offset, ctx)

    def _batch(
        self, block: Block | QuickBlock, file: CsvFile, bare: Batch, offset: int, ctx: Context
    ) -> Iterator[Batch]:
        options = self.relation.options
        base = offset - PAD if file.input.encoding == "utf-8" else None
        silent = frozenset[str]() if ctx.settings.strict else self._silent
        refused = Refused(
            self.relation.at, options.bad, ctx, bare, self._quarantine, block.bytes_at(base), silent=silent
        )
        n_names = len(file.names)
        uniform = block.is_uniform(n_names)
        wrong = self._misplaced(block, file, refused) if isinstance(block, Block) else None
        wanted = self.wanted(file, ctx)
        named: dict[str, Column] = {}
        for i, name in enumerate(file.names):
            if name in wanted:
                column, _ = block.text(i, n_names if uniform else None)
                if wrong is not None and wrong.any():
                    column = blanked(column, wrong)
                kind = self.relation.schema.type(name) or STRING
                named[name] = convert(column, kind, block.compiled, options.zone, partial(refused.rows, column=name))
        if self.relation.form.rest and REST in self.schema:
            assert isinstance(block, Block)
            named[REST] = rest_of(block, block.counts(), n_names)
        columns = extras(named, self.schema, self.relation.schema, options, file.input.shown, refused)
        yield from refused.batches(columns)

    def wanted(self, file: CsvFile, ctx: Context) -> frozenset[str]:
        """A record is left out, or the query ends, by any of its cells: not by those alone that somebody wants."""
        judged = self.relation.options.is_judged or ctx.settings.strict
        return frozenset(file.names if judged else needed(self.schema, self.relation.options))

    def quick(self, file: CsvFile, ctx: Context, place: Place, final: bool) -> QuickBlock | None:
        """The whole records of a place, if all of them are plain ones; `final`: the last needs no line end."""
        form = self.relation.form
        if not ctx.compiled or form.rest or file.width != len(file.names):
            return None
        wanted = self.wanted(file, ctx)
        make = partial(make_block, *place, form.dialect, final=final, keep_blank=False, compiled=True)
        return quick_block(*place, form.dialect, [n in wanted for n in file.names], final=final, make=make)

    def _misplaced(self, block: Block, file: CsvFile, refused: Refused) -> NDArray[np.bool_] | None:
        """Tells of records with too few or too many cells, bad bytes and stray quotes; the last are what is given back."""
        counts = block.counts()
        if not block.is_uniform(len(file.names)):
            self._ragged(block, counts, file, refused)
        if block.bad is not None:
            refused.rows(
                "utf8",
                block.bad[block.begin : block.end],
                block.records(),
                "bytes that are not UTF-8 were replaced; cs= names the encoding",
            )
        if any(block.begin <= r < block.end for r in _records_of(block.cells.unclosed, block)):
            rows = [r - block.begin for r in _records_of(block.cells.unclosed, block) if block.begin <= r < block.end]
            mask = np.zeros(block.n_rows, np.bool_)
            mask[rows] = True
            refused.rows("quotes", mask, block.records(), "a quote is never closed: it was taken as text")
        wrong = misquoted(block) if self.relation.form.dialect.strict else None
        if wrong is not None and wrong.any():
            refused.rows("quotes", wrong, block.records(), "strict=f takes stray quotes as text")
        return wrong

    def _ragged(self, block: Block, counts: Any, file: CsvFile, refused: Refused) -> None:
        records, width = block.records(), len(file.names)
        said = f"the header has {file.width} columns" + (f", maxcol= takes {width}" if width < file.width else "")
        refused.rows("short", counts < width, records, said)
        if not self.relation.form.rest:
            hint = f"{said}; rest=t keeps the others in `_rest`"
            refused.rows("surplus", counts > max(width, file.width), records, hint)
            cut = (counts > width) & (counts <= file.width)  # the text asked for it, so the record is none the worse
            refused.rows("surplus", cut, records, hint, told=True)


def _records_of(places: Sequence[int], block: Block) -> list[int]:
    heads = block.cells.start[block.cells.first[:-1]]
    return [int(np.searchsorted(heads, p, "right")) - 1 for p in places]


@dataclass(frozen=True, slots=True)
class RangePart:
    """The records that begin in a byte range of a plain file."""

    source: CsvSource
    file: CsvFile
    borders: Borders
    k: int
    seq: int

    def batches(self, ctx: Context) -> Iterator[Batch]:
        place, low = self.borders.records(self.k, ctx.compiled)
        block = self.source.quick(self.file, ctx, place, True) or make_block(
            *place,
            self.source.relation.form.dialect,
            final=True,
            keep_blank=len(self.file.names) == 1,
            compiled=ctx.compiled,
        )
        before = self.file.n_lines if self.k == 0 else 0
        ledger = ctx.query.ledger
        ledger.files_by_seq[self.seq] = self.file.input.shown
        ledger.rows_by_seq[self.seq] = before + block.n_lines
        yield from self.source.batches(block, self.file, self.seq, low, before, ctx)  # data[PAD] is the byte at `low`


@dataclass(frozen=True, slots=True)
class StreamPart:
    """A file that can only be read from front to back: packed, standard input, another encoding."""

    source: CsvSource
    file: CsvFile
    seq: int

    def batches(self, ctx: Context) -> Iterator[Batch]:
        form, shown = self.source.relation.form, self.file.input.shown
        n_rows, lines, offset = 0, self.file.n_lines, self.file.begin
        chunks = unpacked(self.file.input.chunks(), ctx, self.file.input.is_packed)
        ledger = ctx.query.ledger
        ledger.files_by_seq[self.seq] = shown
        kept = _skip(chunks, self.file.begin)
        blocks = stream_blocks(
            chunks, kept, form.dialect, keep_blank=len(self.file.names) == 1, compiled=ctx.compiled,
            quick=partial(self.source.quick, self.file, ctx),
        )  # fmt: skip
        try:
            for block in blocks:
                ctx.check()
                n_rows += block.n_rows
                ledger.rows_by_seq[self.seq] = lines + block.n_lines
                yield from self.source.batches(block, self.file, self.seq, offset, lines, ctx)
                lines += block.n_lines
                offset += block.consumed - PAD
        except QueryError as why:
            if why.code != "E605":
                raise
            first = why.first
            raise fault("E605", f"{first.message}; {n_rows} records before that are good", hint=first.hint) from why


def _skip(chunks: Iterator[bytes], size: int) -> bytes:
    """The bytes behind the first `size` that were read with them."""
    have = b""
    while len(have) < size:
        chunk = next(chunks, b"")
        if not chunk:
            break
        have += chunk
    return have[size:]
