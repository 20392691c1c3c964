"""Text as places in a byte array: what constants, Arrow columns and Spans have in common, and how to cut and join it.

All positions are bytes unless a name says code points. Text is valid UTF-8.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias, cast

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ..planner.records import dataclass
from ..planner.text import fault
from .arrow import array_from, bitmap_of, buffer_of, bytes_of, concat, is_valid, offsets_of
from .batch import Spans
from .exprs import Eval, Value, spread

Ints: TypeAlias = "NDArray[Any]"
Mask: TypeAlias = "NDArray[np.bool_]"
MOST_BYTES = 2**31 - 1  # what int32 offsets can reach


@dataclass(frozen=True, slots=True)
class View:
    """Start and length (-1: null) of each row in `data`. A constant is one place seen n times (stride 0)."""

    data: NDArray[np.uint8]
    start: Ints
    length: Ints
    spans: Spans | None = None  # the column it was made of, if that may be cut without a copy

    def __len__(self) -> int:
        return len(self.start)

    @property
    def null(self) -> Mask:
        return self.length < 0

    @property
    def size(self) -> Ints:
        """Bytes of each row, 0 for null."""
        return np.maximum(self.length, 0)

    @property
    def stop(self) -> Ints:
        return self.start + self.size

    def region(self) -> tuple[int, int]:
        """The least range of `data` that holds all rows."""
        if len(self.start) == 0:
            return 0, 0
        there = self.length > 0
        if not there.all():
            if not there.any():
                return 0, 0
            return int(self.start[there].min()), int((self.start + self.length)[there].max())
        return int(self.start.min()), int((self.start + self.length).max())

    def is_ascii(self) -> bool:
        low, high = self.region()
        return low == high or int(self.data[low:high].max()) < 128

    def cut(self, start: Ints, length: Ints) -> pa.Array[Any] | Spans:
        """Parts of the rows, as Spans over the same buffer where the rows were."""
        if self.spans is not None:
            return Spans(self.spans.buffer, self.spans.data, _int32(start), _int32(length))
        return cut(self.data, start, length)

    def array(self) -> pa.Array[Any]:
        return cut(self.data, self.start, self.length)


def _int32(values: Ints) -> NDArray[np.int32]:
    return np.ascontiguousarray(values, np.int32)


def view(ev: Eval, value: Value) -> View:
    """A text value of `ev.n` rows as places."""
    if isinstance(value, Spans):
        return View(value.data, value.start, value.length, value)
    if isinstance(value, pa.Scalar):
        raw = value.as_py().encode("utf-8", "surrogatepass") if value.is_valid else b""
        data = np.frombuffer(raw, np.uint8)
        length = np.int32(len(raw) if value.is_valid else -1)
        return View(data, np.broadcast_to(np.int32(0), (ev.n,)), np.broadcast_to(length, (ev.n,)))
    return view_of(ev.array(value))


def view_of(array: pa.Array[Any]) -> View:
    """A string (or binary) column as places in its own data."""
    offsets = offsets_of(array)
    length = np.diff(offsets)
    if array.null_count:
        length[~is_valid(array)] = -1
    return View(bytes_of(array.buffers()[2]), offsets[:-1], length)


def strings_from(offsets: Ints, data: NDArray[np.uint8], null: Mask | None = None) -> pa.Array[Any]:
    """A string column over NumPy memory, without a copy."""
    bitmap = bitmap_of(null) if null is not None else None
    return pa.Array.from_buffers(pa.string(), len(offsets) - 1, [bitmap, buffer_of(_int32(offsets)), buffer_of(data)])


def cut(data: NDArray[np.uint8], start: Ints, length: Ints) -> pa.Array[Any]:
    """Copies the parts out of `data`; length -1 is null.

    Where the parts follow one another, as lines and their pieces do, they are every second value of a column whose
    offsets are start, stop, start, stop, ...: Arrow's take then copies them, four times as quick as NumPy would.
    """
    n = len(start)
    null = length < 0
    size = np.where(null, 0, length) if null.any() else length
    first = start if size is length else _ordered(start, size, null)
    stop = first + size
    if n == 0 or (first[1:] < stop[:-1]).any():
        return Spans(buffer_of(data), data, _int32(start), _int32(length)).to_arrow()
    edges = np.empty(2 * n + 1, np.int32)
    edges[0 : 2 * n : 2], edges[1 : 2 * n : 2], edges[2 * n] = first, stop, stop[-1]
    made = strings_from(edges, data).take(array_from(np.arange(0, 2 * n, 2, dtype=np.int32)))
    return made if size is length else with_nulls(made, null)


def _ordered(start: Ints, size: Ints, null: Mask) -> Ints:
    """Starts with those of nulls, which say nothing, put where the order is kept."""
    reached = np.maximum.accumulate(np.where(null, 0, start + size))
    return np.where(null, reached, start)


def with_nulls(array: pa.Array[Any], null: Mask) -> pa.Array[Any]:
    """The same values, null where `null` too."""
    if not null.any():
        return array
    gone = null if array.null_count == 0 else null | ~is_valid(array)
    buffers = array.buffers()
    if array.offset == 0 and array.type.num_fields == 0 and not isinstance(array, pa.DictionaryArray):
        return pa.Array.from_buffers(array.type, len(array), [bitmap_of(gone), *buffers[1:]])
    rows = np.arange(len(array))
    return array.take(array_from(rows, gone))


def weave(parts: Sequence[pa.Array[Any] | pa.Scalar[Any]], n: int) -> pa.Array[Any]:
    """The rows of `parts` joined one behind the other; a scalar stands for n rows; null is empty text.

    One take over all parts in row order leaves the joined bytes behind it; every k-th offset is then a row's end.
    """
    if n == 0:
        return cast("pa.Array[Any]", pa.nulls(0, pa.string()))
    k, base = len(parts), 0
    order = np.empty((n, k), np.int32)
    columns: list[pa.Array[Any]] = []
    for i, part in enumerate(parts):
        if isinstance(part, pa.Scalar):
            columns.append(spread(part, 1))
            order[:, i] = base
        else:
            columns.append(part)
            order[:, i] = np.arange(base, base + n, dtype=np.int32)
        base += len(columns[-1])
    guard_size(sum(_bytes_as(part, n) for part in parts))
    woven = concat(columns).take(array_from(order.reshape(-1)))
    return strings_from(offsets_of(woven)[::k], bytes_of(woven.buffers()[2]))


def _bytes_as(part: pa.Array[Any] | pa.Scalar[Any], n: int) -> int:
    if isinstance(part, pa.Scalar):
        return n * len(part.as_py().encode("utf-8", "surrogatepass")) if part.is_valid else 0
    offsets = offsets_of(part)
    return int(offsets[-1]) - int(offsets[0])


def guard_size(nbytes: int) -> None:
    """A batch's text must fit the 31 bits of its offsets."""
    if nbytes > MOST_BYTES:
        raise fault("E701", f"text of {nbytes} bytes for one batch of rows; the most is {MOST_BYTES}",
                    hint="ask for shorter text, or set option.batch_rows lower")  # fmt: skip


def runs(byte: int, size: Ints) -> pa.Array[Any]:
    """A string column of `size` times the same (ASCII) byte."""
    guard_size(int(size.sum()))
    offsets = np.append(0, np.cumsum(size))
    return strings_from(offsets, np.full(offsets[-1], byte, np.uint8))


class CodePoints:
    """Code points of each row of a view. Where all text is ASCII they are its bytes and nothing is counted."""

    def __init__(self, text: View, compiled: bool = False) -> None:
        self.text, self.compiled = text, compiled
        low, high = text.region()
        region = text.data[low:high]
        self.ascii = low == high or int(region.max()) < 128
        if self.ascii or compiled:
            return
        begins = region.view(np.int8) >= -64  # every byte but 0x80..0xBF begins a code point
        self._low = low
        self._rank = np.zeros(high - low + 1, np.int32)
        np.cumsum(begins, out=self._rank[1:])
        self._place = np.append(np.flatnonzero(begins).astype(np.int32) + np.int32(low), np.int32(high))

    def rank(self, at: Ints) -> Ints:
        """Code points that begin before byte `at` (of a row with text)."""
        found: Ints = self._rank[np.clip(at - self._low, 0, len(self._rank) - 1)]
        return found

    def count(self) -> Ints:
        """Code points of each row, 0 for null."""
        if self.ascii:
            return self.text.size
        if self.compiled:
            from .kernels.texts import count_points

            out = np.empty(len(self.text), np.int64)
            count_points(self.text.data, _int32(self.text.start), _int32(self.text.length), out)
            return out
        return np.where(self.text.length > 0, self.rank(self.text.stop) - self.rank(self.text.start), 0)

    def byte(self, k: Ints, count: Ints) -> Ints:
        """The byte at which each row's code point `k` (0 <= k <= count) begins; `count` is the row's end."""
        start = self.text.start
        if self.ascii:
            return start + k
        if self.compiled:
            from .kernels.texts import pass_points

            out = np.empty(len(self.text), np.int64)
            points = np.broadcast_to(np.asarray(k, np.int64), out.shape)
            pass_points(self.text.data, _int32(start), _int32(self.text.length), points, out)
            return out
        at = np.minimum(self.rank(start) + k, len(self._place) - 1)
        return np.where(k >= count, self.text.stop, np.where(k == 0, start, self._place[at]))

    def number(self, at: Ints) -> Ints:
        """The number within its row of the code point that begins at byte `at`."""
        if self.ascii:
            return at - self.text.start
        if self.compiled:
            from .kernels.texts import count_points

            out = np.empty(len(self.text), np.int64)
            count_points(self.text.data, _int32(self.text.start), _int32(at - self.text.start), out)
            return out
        return self.rank(at) - self.rank(self.text.start)
