"""Rows to the bytes of a file: CSV, JSON lines, Parquet. Each reads back as it was by its own source."""

from __future__ import annotations

import codecs
import contextlib
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pyarrow as pa

from ...planner.records import dataclass
from ...planner.text import fault
from ...planner.types import STRING, Schema, Type, scalar
from ..arrow import bools_of, bytes_of, call, is_valid, list_sizes, numbers_of, offsets_of, record_batch
from ..jsontext import json_text
from ..values import texts_from, to_text, unify, without_months

Told = Callable[[str, Any, str], None]  # reason, rows, hint
Old = Callable[[], Any] | None  # opens what the target holds
Changes = Mapping[int, tuple[Type, Type]]  # columns that a file has in another type: from, to
ROW_GROUP = 131_072


def bytes_of_text(text: Any) -> memoryview:
    """All values of a text column one behind the other."""
    offsets = offsets_of(text)
    data: Any = bytes_of(text.buffers()[2])
    return memoryview(data[int(offsets[0]) : int(offsets[-1])])


def encoder(encoding: str, shown: str) -> tuple[Callable[[memoryview], Any], bytes]:
    """What turns UTF-8 into the encoding, and its mark, if it has one."""
    name = codecs.lookup(encoding).name
    if name == "utf-8":
        return lambda data: data, b""
    mark = "".encode(name)
    plain = {"utf-16": "utf-16-le", "utf-32": "utf-32-le", "utf-8-sig": "utf-8"}.get(name, name)

    def encode(data: memoryview) -> bytes:
        try:
            return bytes(data).decode().encode(plain)
        except UnicodeEncodeError as why:
            raise fault(
                "E605", f"{shown}: {encoding} has no character {why.object[why.start]!r}", hint="encoding=utf-8 has all"
            ) from why

    return encode, mark


@dataclass(frozen=True, slots=True, kw_only=True)
class CsvOutput:
    """Null is an empty cell, empty text `""`; dates are ISO with the offset of the session's zone."""

    sep: str = ","
    bom: bool = False
    encoding: str = "utf-8"
    header: bool = True
    rewrites = False
    packs = "lines"

    def open(self, stream: Any, schema: Schema, old: Old, zone: str, told: Told) -> _Csv:
        encode, mark = encoder(self.encoding, "outputcsv")
        names = self._joined([self._cells(texts_from([n])) for n in schema.names()], 1)
        if old is None:
            stream.write(mark or (codecs.BOM_UTF8 if self.bom else b""))
            if self.header:
                stream.write(encode(bytes_of_text(names)))
        else:
            self._fits(old, bytes(bytes_of_text(names)), stream, encode)
        return _Csv(self, stream, schema, zone, encode)

    def _fits(self, old: Callable[[], Any], header: bytes, stream: Any, encode: Callable[[memoryview], Any]) -> None:
        """Rows are added below a header of the same names only, on a line of their own."""
        first, last = b"", b""
        with old() as source:
            while chunk := source.read(1 << 20):
                first = first if len(first) > len(header) + 8 else first + chunk
                last = (last + chunk)[-4:]
        text = first.decode(self.encoding, "replace").removeprefix("\ufeff")
        wanted = header.decode().rstrip("\n")
        if self.header and text[: len(wanted) + 1].rstrip("\r\n") != wanted:
            raise fault(
                "E603",
                "the file has another header than these rows",
                hint="overwrite=t replaces it; name the fields behind the path",
            )
        if not last.decode(self.encoding, "replace").endswith("\n"):
            stream.write(encode(memoryview(b"\n")))

    def _cells(self, text: Any) -> Any:
        """Quotes around what needs them: separators, quotes, line ends, empty text."""
        pattern = r'^$|["\r\n' + self.sep + "]"  # a comma or a tab
        needy = call("match_substring_regex", text, pattern=pattern)
        if not bools_of(needy).any():
            return text
        doubled = call("replace_substring", text, pattern='"', replacement='""')
        quote = scalar('"', STRING)
        quoted = call("binary_join_element_wise", quote, doubled, quote, scalar("", STRING))
        return call("if_else", needy, quoted, text)

    def _joined(self, cells: list[Any], n: int) -> Any:
        """Lines, each with its end."""
        if not cells:
            return texts_from(["\n"] * n)
        options = {"null_handling": "replace", "null_replacement": ""}
        line = (
            cells[0]
            if len(cells) == 1
            else call("binary_join_element_wise", *cells, scalar(self.sep, STRING), **options)
        )
        return call("binary_join_element_wise", line, scalar("", STRING), scalar("\n", STRING), **options)


@dataclass(slots=True)
class _Csv:
    form: CsvOutput
    stream: Any
    schema: Schema
    zone: str
    encode: Callable[[memoryview], Any]

    def write(self, batch: pa.RecordBatch) -> None:
        cells = [
            self.form._cells(to_text(batch.column(i), t, self.zone)) for i, (_, t) in enumerate(self.schema.fields)
        ]
        self.stream.write(self.encode(bytes_of_text(self.form._joined(cells, batch.num_rows))))

    def finish(self) -> None:
        return None

    def abandon(self) -> None:
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class JsonOutput:
    """An object a line, nulls written; NaN and infinities have no JSON and become null, told."""

    encoding: str = "utf-8"
    rewrites = False
    packs = "lines"

    def open(self, stream: Any, schema: Schema, old: Old, zone: str, told: Told) -> _Json:
        encode, mark = encoder(self.encoding, "outputjson")
        if old is None:
            stream.write(mark)
        else:
            last = b""
            with old() as source:
                while chunk := source.read(1 << 20):
                    last = (last + chunk)[-4:]
            if not last.decode(self.encoding, "replace").endswith("\n"):
                stream.write(encode(memoryview(b"\n")))
        return _Json(stream, schema, zone, told, encode)


@dataclass(slots=True)
class _Json:
    stream: Any
    schema: Schema
    zone: str
    told: Told
    encode: Callable[[memoryview], Any]

    def write(self, batch: pa.RecordBatch) -> None:
        n = batch.num_rows
        if not len(self.schema):
            self.stream.write(self.encode(memoryview(b"{}\n" * n)))
            return
        from ..arrow import structs_from

        columns = [batch.column(i) for i in range(len(self.schema))]
        lost = np.zeros(n, np.bool_)
        for column, (_, kind) in zip(columns, self.schema.fields, strict=True):
            lost |= not_finite(column, kind)
        if lost.any():
            self.told("domain", lost, "JSON has no NaN and no infinity: they are written as null")
        rows = json_text(structs_from(self.schema.names(), columns), Type("map", members=self.schema.fields), self.zone)
        lines = call("binary_join_element_wise", rows, scalar("", STRING), scalar("\n", STRING))
        self.stream.write(self.encode(bytes_of_text(lines)))

    def finish(self) -> None:
        return None

    def abandon(self) -> None:
        return None


def not_finite(array: Any, type_: Type) -> Any:
    """Rows that hold NaN or an infinity, also inside arrays and maps."""
    n = len(array)
    if type_.kind == "double":
        return is_valid(array) & ~np.isfinite(numbers_of(array))
    if type_.kind == "array" and type_.item is not None:
        inner = not_finite(array.flatten(), type_.item)
        owner = np.repeat(np.arange(n), list_sizes(array))
        return np.bincount(owner[inner], minlength=n) > 0 if inner.any() else np.zeros(n, np.bool_)
    out = np.zeros(n, np.bool_)
    if type_.kind == "map" and type_.members:
        for i, (_, kind) in enumerate(type_.members):
            out |= not_finite(array.field(i), kind) & is_valid(array)
    return out


def unwritable(type_: Type) -> Type | None:
    """The type, or the one inside it, that Parquet does not have; None if it has them all."""
    if type_.kind == "other":
        return None if pa.types.is_time(type_.arrow) else type_
    inner = [t for _, t in type_.members] + ([type_.item] if type_.item is not None else [])
    return next((odd for t in inner if (odd := unwritable(t)) is not None), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class ParquetOutput:
    """Types as they are; pages carry checksums. `rowgroup`: rows of a group."""

    codec: Any = "zstd"  # as the option has it
    rowgroup: int = ROW_GROUP
    rewrites = True
    packs = "inside"

    def open(self, stream: Any, schema: Schema, old: Old, zone: str, told: Told) -> _Parquet:
        import pyarrow.parquet as pq

        arrow, changes = file_schema(schema, zone)
        writer = pq.ParquetWriter(stream, arrow, compression=self.codec, write_page_checksum=True)
        output = _Parquet(writer, arrow, self.rowgroup, changes)
        if old is not None:
            try:
                self._copy(old, output, arrow)
            except BaseException:
                output.abandon()
                raise
        return output

    def _copy(self, old: Callable[[], Any], output: _Parquet, arrow: pa.Schema) -> None:
        import pyarrow.parquet as pq

        try:
            with old() as source:
                before = pq.ParquetFile(source, page_checksum_verification=True)
                if not same_columns(before.schema_arrow, arrow):
                    raise fault("E603", "the file has other columns than these rows", hint="overwrite=t replaces it")
                for i in range(before.num_row_groups):
                    for batch in before.read_row_group(i, use_threads=False).to_batches():
                        output.write(batch)
        except (pa.ArrowException, OSError) as why:
            raise fault(
                "E605", f"the file to append to is no Parquet file, or is damaged: {str(why).splitlines()[0]}"
            ) from why


def file_schema(schema: Schema, zone: str) -> tuple[pa.Schema, Changes]:
    """Of a file that keeps types, and the columns that it has in another one: no format has calendar lengths."""
    kinds = [without_months(t) for _, t in schema.fields]
    arrow = pa.schema([(n, zoned(t.arrow, zone)) for (n, _), t in zip(schema.fields, kinds, strict=True)])
    return arrow, {i: (t, k) for i, ((_, t), k) in enumerate(zip(schema.fields, kinds, strict=True)) if t != k}


def zoned(kind: Any, zone: str) -> Any:
    """Written instants bear the session's zone."""
    return pa.timestamp(kind.unit, zone) if pa.types.is_timestamp(kind) else kind


def same_columns(old: pa.Schema, new: pa.Schema) -> bool:
    """The same columns; instants may bear another zone."""
    return old.names == new.names and all(
        zoned(a.type, "UTC") == zoned(b.type, "UTC") for a, b in zip(old, new, strict=True)
    )


class Grouped:
    """Puts rows out in groups of one size, whatever batches they come in: so that a file does not depend on these.

    `changes`: columns that the file has in another type, from and to.
    """

    def __init__(self, schema: pa.Schema, size: int, changes: Changes) -> None:
        self._schema, self._size, self._changes = schema, size, changes
        self._held: list[pa.RecordBatch] = []
        self._n_held = 0

    def write(self, batch: pa.RecordBatch) -> None:
        if batch.schema != self._schema:
            columns: list[Any] = [
                unify(c, *self._changes[i], "UTC")
                if i in self._changes and c.type != f.type
                else c
                if c.type == f.type
                else c.cast(f.type)
                for i, (c, f) in enumerate(zip(batch.columns, self._schema, strict=True))
            ]
            batch = record_batch(columns, self._schema, batch.num_rows)
        while batch.num_rows:
            part = batch.slice(0, self._size - self._n_held)
            batch = batch.slice(part.num_rows)
            self._held.append(part)
            self._n_held += part.num_rows
            if self._n_held == self._size:
                self._flush()

    def _flush(self) -> None:
        if self._n_held:
            self._put(self._held)
        self._held, self._n_held = [], 0

    def _put(self, group: list[pa.RecordBatch]) -> None:
        raise NotImplementedError

    def _close(self) -> None:
        raise NotImplementedError

    def finish(self) -> None:
        self._flush()
        self._close()

    def abandon(self) -> None:
        with contextlib.suppress(pa.ArrowException, OSError, ValueError):
            self._close()  # or it would try when it is collected, with the stream gone


class _Parquet(Grouped):
    def __init__(self, writer: Any, schema: pa.Schema, rowgroup: int, changes: Changes) -> None:
        super().__init__(schema, rowgroup, changes)
        self._writer, self._rowgroup = writer, rowgroup

    def _put(self, group: list[pa.RecordBatch]) -> None:
        self._writer.write_table(pa.Table.from_batches(group, self._schema), row_group_size=self._rowgroup)

    def _close(self) -> None:
        self._writer.close()
