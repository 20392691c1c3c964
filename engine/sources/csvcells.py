"""Cells of a CSV block to columns: text stays where it is, numbers and dates are read from it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ...planner.records import dataclass
from ...planner.types import Type, scalar
from .. import casting
from ..arrow import array_from, bools_of, buffer_of, call, concat, decode, is_valid, maps_from, nulls, numbers_of
from ..batch import Column, Spans
from ..calendar import to_utc
from . import isodate
from .csvtext import QUOTE, Cells
from .quarantine import Raw, raw_of

Ints = NDArray[np.int32]
Mask = NDArray[np.bool_]
Reject = Callable[..., None]  # reason, rows, text, hint, told=
POWERS = 10.0 ** np.arange(23)


@dataclass(slots=True)
class Block:
    """Some records of a block: cells as spans over its buffer."""

    buffer: pa.Buffer
    cells: Cells
    begin: int  # records begin .. end
    end: int
    compiled: bool = False
    bad: Mask | None = None  # by record of `cells`: bytes that are no UTF-8 were replaced
    before: Cells | None = None  # the same records before that

    @property
    def n_rows(self) -> int:
        return self.end - self.begin

    @property
    def data(self) -> NDArray[np.uint8]:
        return self.cells.data

    @property
    def line(self) -> Any:
        return self.cells.line

    @property
    def n_lines(self) -> int:
        return self.cells.n_lines

    @property
    def consumed(self) -> int:
        return self.cells.consumed

    def is_uniform(self, width: int) -> bool:
        """Whether every record has so many cells."""
        return bool((self.counts() == width).all())

    def counts(self) -> NDArray[np.int64]:
        return np.diff(self.cells.first[self.begin : self.end + 1])

    def records(self) -> Spans:
        """Each record as it was written."""
        heads, tails = self.cells.first[self.begin : self.end], self.cells.first[self.begin + 1 : self.end + 1] - 1
        start = self.cells.start[heads]
        return Spans(self.buffer, self.data, start.astype(np.int32), (self.cells.stop[tails] - start).astype(np.int32))

    def bytes_at(self, base: int | None) -> Callable[[NDArray[Any]], Raw]:
        """Gives records as they lie in the file. `base`: its offset of the first byte of `data`; None: not known."""
        cells = self.cells if self.before is None else self.before

        def raw(rows: NDArray[Any]) -> Raw:
            heads, tails = cells.first[rows + self.begin], cells.first[rows + self.begin + 1] - 1
            return raw_of(cells.data, cells.start[heads], cells.stop[tails], base)

        return raw

    def raw(self, column: int, width: int | None) -> tuple[Ints, Ints]:
        """Start and length of the cells of a column, quotes and all; -1: the record has no such cell.

        `width`: cells of every record, if that is the same for all.
        """
        if width is not None:
            low = int(self.cells.first[self.begin]) + column
            part = slice(low, low + self.n_rows * width, width)
            start = self.cells.start[part]
            return start.astype(np.int32), (self.cells.stop[part] - start).astype(np.int32)
        there = self.counts() > column
        at = np.where(there, self.cells.first[self.begin : self.end] + column, 0)
        start = np.where(there, self.cells.start[at], 0)
        return start.astype(np.int32), np.where(there, self.cells.stop[at] - start, -1).astype(np.int32)

    def text(self, column: int, width: int | None) -> tuple[Column, Mask]:
        """The column without its quotes, empty unquoted cells null; and the cells that were in quotes."""
        start, length = self.raw(column, width)
        none = np.zeros(0, np.bool_)
        if self.cells.quotes is None:
            length[length == 0] = -1
            return Spans(self.buffer, self.data, start, length), none
        quoted = (length > 0) & (self.data[start] == QUOTE)
        length[length == 0] = -1
        if not quoted.any():
            return Spans(self.buffer, self.data, start, length), none
        rows = np.flatnonzero(quoted)
        low, high = start[rows].astype(np.int64), (start[rows] + length[rows]).astype(np.int64)
        inner = np.searchsorted(self.cells.quotes, high) - np.searchsorted(self.cells.quotes, low)
        odd = (inner != 2) | (self.data[high - 1] != QUOTE)
        plain = rows[~odd]
        start[plain] += 1
        length[plain] -= 2
        spans = Spans(self.buffer, self.data, start, length)
        if not odd.any():
            return spans, quoted
        return _unescaped(spans.to_arrow(), rows[odd]), quoted


def _unescaped(text: pa.Array[Any], rows: NDArray[np.int64]) -> pa.Array[Any]:
    """The column with quotes read in these rows, which hold more than the two around a cell."""
    some = text.take(array_from(rows))
    tidy = bools_of(call("match_substring_regex", some, pattern=r'(?s)^"(?:[^"]|"")*"$'))
    fixed = call(
        "replace_substring", call("utf8_slice_codeunits", some, start=1, stop=-1), pattern='""', replacement='"'
    )
    if not tidy.all():
        by_hand = [unquoted(str(v)) for v in some.filter(_mask(~tidy)).to_pylist()]
        fixed = call("replace_with_mask", fixed, _mask(~tidy), _strings(by_hand))
    mask = np.zeros(len(text), np.bool_)
    mask[rows] = True
    return call("replace_with_mask", text, _mask(mask), fixed)


def _mask(mask: Mask) -> pa.Array[Any]:
    return array_from(np.ascontiguousarray(mask))


def _strings(values: list[str]) -> pa.Array[Any]:
    raw = [v.encode() for v in values]
    offsets = np.zeros(len(raw) + 1, np.int32)
    np.cumsum([len(r) for r in raw], out=offsets[1:])
    return pa.Array.from_buffers(pa.string(), len(raw), [None, buffer_of(offsets), pa.py_buffer(b"".join(raw))])


def unquoted(cell: str) -> str:
    """The value of a cell that begins with a quote: inside, `""` is a quote; behind the closing one all is text."""
    out, i, n = [], 1, len(cell)
    while i < n:
        if cell[i] != '"':
            out.append(cell[i])
        elif cell[i + 1 : i + 2] == '"':
            out.append('"')
            i += 1
        else:
            break
        i += 1
    else:
        return cell  # never closed: the quote is text
    return "".join(out) + cell[i + 1 :]


def misquoted(block: Block) -> Mask:
    """Records in which a quote does not stand as RFC 4180 wants it. A Python loop over their cells, so only where some do."""
    cells, out = block.cells, np.zeros(block.n_rows, np.bool_)
    if cells.quotes is None or cells.is_orderly:
        return out
    low, high = int(cells.first[block.begin]), int(cells.first[block.end])
    start, stop = cells.start[low:high], cells.stop[low:high]
    with_quotes = np.flatnonzero(np.searchsorted(cells.quotes, stop) > np.searchsorted(cells.quotes, start))
    for i in with_quotes.tolist():
        cell = block.data[start[i] : stop[i]].tobytes()
        if cell[:1] != b'"' or cell[-1:] != b'"' or len(cell) < 2 or b'"' in cell[1:-1].replace(b'""', b""):
            out[np.searchsorted(cells.first, low + i, "right") - 1 - block.begin] = True
    return out


def convert(column: Column, type_: Type, compiled: bool, zone: str, reject: Reject) -> Column:
    """Text to the column's type; what does not fit is null and told. Empty text is no number and no date: null."""
    if type_.kind == "string":
        return column
    spans = column if isinstance(column, Spans) else None
    if spans is not None:
        spans.length[spans.length == 0] = -1
        if compiled:
            fast = _fast(spans, type_, zone)
            if fast is not None:
                return fast
    text = spans.to_arrow() if spans is not None else column
    assert isinstance(text, pa.Array)
    if spans is None:
        text = call("if_else", call("equal", text, scalar("", _TEXT)), pa.nulls(1, pa.string())[0], text)
    return _general(text, type_, zone, reject)


def _fast(spans: Spans, type_: Type, zone: str) -> pa.Array[Any] | None:
    """Compiled kernels, where they are sure of every cell."""
    from ..kernels import csvscan
    from ..kernels import spans as kernels

    n = len(spans)
    status = np.empty(n, np.uint8)
    if type_.kind == "long" and type_.width not in _BITS:
        longs = np.empty(n, np.int64)
        unsure = kernels.parse_long(spans.data, spans.start, spans.length, longs, status)
        return None if unsure else array_from(longs, status == kernels.NULL)
    if type_.kind == "double":
        doubles = np.empty(n, np.float64)
        unsure = csvscan.parse_double(spans.data, spans.start, spans.length, POWERS, doubles, status)
        return None if unsure else array_from(doubles, status == kernels.NULL)
    if type_.kind == "date" and type_.unit == "us":
        walls = np.empty(n, np.int64)
        if csvscan.parse_wall(spans.data, spans.start, spans.length, walls, status):
            return None
        made, doubtful = to_utc(walls, zone)
        return None if doubtful.any() else array_from(made, status == kernels.NULL, type_.arrow)
    return None


def _general(text: pa.Array[Any], type_: Type, zone: str, reject: Reject) -> pa.Array[Any]:
    def refuse(reason: str, bad: Mask, value: Any, hint: str) -> None:
        reject(reason, bad, text, hint)

    match type_.kind:
        case "long":
            made = casting.to_long(text, _TEXT, refuse)
            return _narrow(made, type_, text, reject)
        case "double":
            return casting.to_double(text, _TEXT, refuse)
        case "bool":
            return casting.to_bool(text, _TEXT, refuse)
        case "date":
            made, doubtful = isodate.parse(text, zone, type_.unit)
            reject(
                "date",
                is_valid(text) & ~is_valid(made),
                text,
                "read the column as text (schema=) and use date(F, FORMAT)",
            )
            reject("dst", doubtful, text, "", told=True)
            return made
    raise AssertionError(type_)


def _narrow(made: pa.Array[Any], type_: Type, text: pa.Array[Any], reject: Reject) -> pa.Array[Any]:
    """A declared width holds: an int is 32 bits, a short 16."""
    bits = _BITS.get(type_.width)
    if bits is None:
        return made
    values, valid = numbers_of(made), is_valid(made)
    beyond = valid & ((values < -(1 << bits)) | (values >= 1 << bits))
    if not beyond.any():
        return made
    reject("overflow", beyond, text, "declare the column long")
    return array_from(values, ~valid | beyond)


def blanked(column: Column, rows: Any) -> Column:
    """The column with null in these rows."""
    if isinstance(column, Spans):
        column.length[rows] = -1
        return column
    keep = array_from(~rows)
    return call("if_else", keep, column, pa.nulls(1, column.type)[0])


def rest_of(block: Block, counts: Any, width: int) -> pa.Array[Any]:
    """Surplus cells as a map from `columnN` to text; a record without any has null."""
    surplus = np.maximum(counts - width, 0)
    most = int(counts.max(initial=0))
    texts, rows, keys = [], [], []
    for i in range(width, most):
        column, _ = block.text(i, None)
        array = column.to_arrow() if isinstance(column, Spans) else column
        there = np.flatnonzero(counts > i)
        texts.append(array.take(array_from(there)))
        rows.append(there)
        keys.append(np.full(len(there), i - width))
    if not texts:
        return nulls(block.n_rows, _REST.arrow)
    row, key = np.concatenate(rows), np.concatenate(keys)
    order = np.lexsort((key, row))
    names = pa.DictionaryArray.from_arrays(array_from(key[order].astype(np.int32)), _names_from(width, most))
    items = concat(texts).take(array_from(order))
    return maps_from(surplus, decode(names), items, surplus > 0)


def _names_from(width: int, most: int) -> pa.Array[Any]:
    raw = [f"column{i}".encode() for i in range(width, most)]
    offsets = np.zeros(len(raw) + 1, np.int32)
    np.cumsum([len(r) for r in raw], out=offsets[1:])
    return pa.Array.from_buffers(pa.string(), len(raw), [None, buffer_of(offsets), pa.py_buffer(b"".join(raw))])


_BITS = {"int": 31, "short": 15}
_TEXT = Type("string")
_REST = Type("map", item=_TEXT)
