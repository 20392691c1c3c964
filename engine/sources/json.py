"""`jsonfile`: JSON lines, or one array of objects. Good blocks are parsed by Arrow, what it refuses is read line by line."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from ...planner.catalog import Pushdown, ScanRequest
from ...planner.expr import Expr
from ...planner.text import QueryError, fault
from ...planner.types import STRING, Schema, Type
from ..arrow import concat, is_valid, nulls
from ..batch import PAD, Batch, Column, Origin
from ..context import Context
from ..notes import N_SAMPLES, At
from ..operator import Partition
from . import isodate
from .files import (
    FIRST_CHUNK,
    Chain,
    FileOptions,
    extras,
    needed,
    read_range,
    with_extras,
)
from .jsonsurvey import JsonFile, Survey, by_arrow, parsed, survey
from .jsontextblocks import Records, lines, stream_lines, stream_values, too_deep
from .jsonvalues import column, text_of
from .plainfile import HELD, PlainFile
from .quarantine import Quarantine
from .refused import Refused

REST, LINE = "_rest", "line"
REST_TYPE = Type("map", item=STRING)
BY_HAND = 256  # records in a block that Arrow refuses, below which it is not cut further
TAIL = 4096


class Fault(NamedTuple):
    """What does not fit in one record. `stands`: the value is kept all the same."""

    row: int
    reason: str
    value: str
    stands: bool
    column: str = ""


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
        paths = (re.split(r"\.|\[\]", p) for p in found.mixed)  # a name may have dots: any prefix that is a field
        self.mixed = frozenset(".".join(p[: i + 1]) for p in paths for i in range(len(p)))
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
        return JsonSource(self, self.schema.select(names))

    def describe(self, request: ScanRequest) -> str:
        files = self.name if len(self.files) == 1 else f"{self.name} ({len(self.files)} files)"
        return f"{files}: " + (
            ", ".join(self.schema.names() if request.fields is None else request.fields) or "no field"
        )


class JsonSource:
    """Partitions are byte ranges of plain files of lines, or whole streams."""

    bytewise = True

    def __init__(self, relation: JsonRelation, schema: Schema) -> None:
        self.relation, self.schema = relation, schema
        self._quarantine = Quarantine.of(relation.options.quarantine, relation.at)
        self._opened: list[PlainFile] = []
        sizes = [f.input.nbytes for f in relation.files]
        self.nbytes_hint = None if None in sizes else sum(s for s in sizes if s is not None)
        self.explicit = pa.schema([(n, _asked(t)) for n, t in relation.data.fields])

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
        refused = Refused(relation.at, options.bad, ctx, bare, self._quarantine, block.bytes_at(base))
        if block.bad is not None:
            refused.rows(
                "utf8", block.bad, block.spans(), "bytes that are not UTF-8 were replaced; cs= names the encoding"
            )
        made = self._columns(block, refused)
        wanted = needed(self.schema, options)
        named: dict[str, Column] = {n: made[n] for n in (*wanted, options.time) if n is not None and n in made}
        if relation.form.overlay and LINE in wanted:
            named[LINE] = block.spans()
        yield from refused.batches(extras(named, self.schema, relation.schema, options, file.input.shown, refused))

    def _columns(self, block: Records, refused: Refused) -> dict[str, Column]:
        """Every field of the records: all of them, since what does not fit is told whether it is wanted or not."""
        pieces = list(self._pieces(block, 0, too_deep(block)))
        by_name: dict[str, Column] = {}
        for name, _ in [*self.relation.data.fields, *([(REST, REST_TYPE)] if self.relation.form.rest else [])]:
            arrays = [made[name] for made, _ in pieces]
            by_name[name] = concat(arrays)
        told: dict[tuple[str, bool], dict[int, Fault]] = {}
        for _, faults in pieces:
            for found in faults:
                told.setdefault((found.reason, found.stands), {}).setdefault(found.row, found)
        for (reason, stands), rows in told.items():
            mask = np.zeros(len(block), np.bool_)
            mask[list(rows)] = True
            self._tell(refused, reason, stands, mask, rows)
        self._read_dates(by_name, refused)
        return by_name

    def _tell(self, refused: Refused, reason: str, stands: bool, mask: Any, rows: dict[int, Fault]) -> None:
        from ..values import texts_from

        texts = texts_from([rows[i].value if i in rows else None for i in range(len(mask))])
        if reason == "mixed":
            refused.ctx.notes.rows(
                refused.at,
                "mixed",
                "mixed",
                refused.bare,
                np.flatnonzero(mask),
                texts,
                "the field is text: other values are kept as their JSON",
            )
        else:
            hint = (
                "rest=t keeps keys that the sample did not have in `_rest`" if reason.startswith("unknown key") else ""
            )
            columns = [rows[i].column for i in np.flatnonzero(mask).tolist()]
            refused.rows(reason, mask, texts, hint, told=stands, column=columns)

    def _read_dates(self, by_name: dict[str, Column], refused: Refused) -> None:
        for name, kind in self.relation.data.fields:
            text = by_name[name]
            if kind.kind != "date" or not isinstance(text, pa.Array) or not pa.types.is_string(text.type):
                continue
            made, doubtful = isodate.parse(text, self.relation.options.zone, kind.unit)
            refused.rows(
                "date",
                is_valid(text) & ~is_valid(made),
                text,
                "read the field as text (schema=) and use date(F, FORMAT)",
                column=name,
            )
            refused.rows("dst", doubtful, text, told=True, column=name)
            by_name[name] = made

    def _pieces(self, block: Records, first: int, deep: Any) -> Iterator[tuple[dict[str, Any], list[Fault]]]:
        """Columns of parts of the block with their faults: (row, reason, value, whether the value stands)."""
        table = None if deep.any() else by_arrow(block, self.explicit)
        if table is not None:
            made = self._of_arrow(block, table, first)
            if made is not None:
                yield made
                return
        if len(block) <= BY_HAND:
            yield self._by_hand(block, first)
            return
        half = len(block) // 2
        yield from self._pieces(block.slice(0, half), first, deep[:half])
        yield from self._pieces(block.slice(half, len(block)), first + half, deep[half:])

    def _of_arrow(self, block: Records, table: pa.Table, first: int) -> tuple[dict[str, Any], list[Fault]] | None:
        faults: list[Fault] = []
        if self.relation.form.rest and len(table.column_names) > len(self.explicit):
            return None  # unknown keys are kept as they were written
        made: dict[str, Any] = {}
        for name, kind in self.relation.data.fields:
            array = _one(table.column(name))
            made[name] = _known(array, kind, first, faults, name)
        for name in table.column_names[len(self.explicit) :]:
            array = _one(table.column(name))
            for row in np.flatnonzero(is_valid(array)).tolist():
                faults.append(Fault(first + row, f"unknown key '{name}'", "", True, name))
        self._spell(block, first, faults)
        if self.relation.form.rest:
            made[REST] = nulls(len(table), REST_TYPE.arrow)
        return made, faults

    def _spell(self, block: Records, first: int, faults: list[Fault]) -> None:
        """The values of the first few faults of each kind as they were written: no more of them are ever shown."""
        seen: dict[str, int] = {}
        faults.sort()
        for i, (row, reason, _, stands, name) in enumerate(faults):
            seen[reason] = seen.get(reason, 0) + 1
            if seen[reason] <= N_SAMPLES:
                at = row - first
                written = self._by_hand(block.slice(at, at + 1), row)[1]
                value = next((f.value for f in written if f.row == row and f.reason == reason), "")
                faults[i] = Fault(row, reason, value, stands, name)

    def _by_hand(self, block: Records, first: int) -> tuple[dict[str, Any], list[Fault]]:
        """One Python object a record."""
        faults: list[Fault] = []
        rows: list[dict[str, Any]] = []
        for i in range(len(block)):
            raw = block.text(i)
            value = parsed(raw)
            if not isinstance(value, dict):
                faults.append(Fault(first + i, "json", raw[:300].decode("utf-8", "replace"), False))
                value = {}
            rows.append(value)
        known = self.relation.data
        made: dict[str, Any] = {}
        for name, kind in known.fields:
            declared_text = name in self.relation.mixed or kind.kind == "date"

            def refuse(row: int, reason: str, value: Any, name: str = name, quiet: bool = declared_text) -> None:
                if reason == "mixed":
                    if not quiet:  # text of a date field is read as a date, and told there
                        faults.append(Fault(first + row, reason, text_of(value), True, name))
                    return
                if reason.startswith("unknown key"):
                    reason = f"unknown key '{name}.{reason[13:-1]}'"
                stands = reason.startswith(("unknown", "dst"))
                faults.append(Fault(first + row, reason, text_of(value), stands, name))

            read = STRING if kind.kind == "date" else kind
            made[name] = column([row.get(name) for row in rows], read, self.relation.options.zone, refuse)
        unknown = [{k: v for k, v in row.items() if k not in known and v is not None} for row in rows]
        if self.relation.form.rest:
            made[REST] = column([u or None for u in unknown], REST_TYPE, "UTC", lambda row, reason, value: None)
        else:
            faults += [
                Fault(first + i, f"unknown key '{k}'", text_of(v), True, k)
                for i, u in enumerate(unknown)
                for k, v in u.items()
            ]
        return made, faults


def _asked(kind: Type) -> pa.DataType:
    """What Arrow's parser is asked for: dates as the text that they are."""
    if kind.kind == "date":
        return pa.string()
    return kind.arrow


def _one(column_: Any) -> pa.Array[Any]:
    return column_.chunk(0) if column_.num_chunks == 1 else concat([*column_.chunks, nulls(0, column_.type)])


def _known(array: Any, kind: Type, first: int, faults: list[Fault], path: str) -> Any:
    """The array without members that the type does not have; those are told."""
    if kind.kind == "date" or array.type == kind.arrow:
        return array
    if kind.kind == "map" and kind.members:
        from ..arrow import structs_from

        parts = [
            _known(array.field(array.type.get_field_index(n)), t, first, faults, f"{path}.{n}") for n, t in kind.members
        ]
        for name in [f.name for f in array.type if kind.member(f.name) is None]:
            extra = array.field(name)
            for row in np.flatnonzero(is_valid(extra)).tolist():
                faults.append(Fault(first + row, f"unknown key '{path}.{name}'", "", True, path))
        return structs_from([n for n, _ in kind.members], parts, is_valid(array))
    if kind.kind == "array" and kind.item is not None:
        from ..arrow import list_sizes, lists_from

        inner: list[Fault] = []
        flat = _known(array.flatten(), kind.item, 0, inner, path)
        owner = np.repeat(np.arange(len(array)), list_sizes(array))
        faults += [f._replace(row=first + int(owner[f.row])) for f in inner]
        return lists_from(list_sizes(array), flat, is_valid(array))
    return array.cast(kind.arrow)


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
        block = self._read()
        ledger = ctx.query.ledger
        ledger.files_by_seq[self.seq] = self.file.input.shown
        ledger.rows_by_seq[self.seq] = block.n_lines
        before = 1 if self.low > self.file.begin else 0
        yield from self.source.batches(block, self.file, self.seq, self.low - before, 0, ctx)

    def _read(self) -> Records:
        before = 1 if self.low > self.file.begin else 0  # one byte back tells whether a line begins exactly at low
        reach = min(self.high + TAIL, self.size)
        while True:
            buffer, data, got = read_range(self.plain, self.low - before, reach)
            border = (
                PAD + before + self.high - self.low - 1
            )  # the last line begins before `high`: it ends here or later
            if before and not (data[PAD : min(border, PAD + got)] == 10).any():
                return lines(buffer, data, PAD, PAD, final=True)  # all of it is the inside of one long line
            ends = np.flatnonzero(data[border : PAD + got] == 10)
            if len(ends) or reach >= self.size:
                break
            reach = min(self.low + 2 * (reach - self.low), self.size)
        stop = border + int(ends[0]) + 1 if len(ends) else PAD + got
        begin = PAD
        if before:
            begin = PAD + int(np.flatnonzero(data[PAD:stop] == 10)[0]) + 1
        return lines(buffer, data, begin, stop, final=True)


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
        chunks = self.file.input.chunks()
        kept, offset = b"", self.file.begin
        while len(kept) < self.file.begin and (chunk := next(chunks, b"")):
            kept += chunk
        blocks = (stream_lines if self.file.is_lines else stream_values)(chunks, kept[self.file.begin :])
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
