"""What flows between operators: batches of columns, text as spans, and where the rows came from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import field, replace
from typing import Any, TypeAlias, cast

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ..planner.records import dataclass
from .arrow import bitmap_of, buffer_of, call, decode, gathered, indices, nbytes_of, own

PAD = 64  # readable bytes before and after the text of every morsel buffer; kernels load whole vectors


@dataclass(frozen=True, slots=True)
class Spans:
    """Text not yet cut out: start and length (-1: null) of each row in one buffer with PAD bytes either side.

    The text is valid UTF-8 and the buffer belongs to its morsel: a sink keeps nothing of it.
    """

    buffer: pa.Buffer
    data: NDArray[np.uint8]  # the same memory, so that no kernel call has to wrap it again
    start: NDArray[np.int32]
    length: NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.start)

    def slice(self, begin: int, end: int) -> Spans:
        return Spans(self.buffer, self.data, self.start[begin:end], self.length[begin:end])

    def take(self, rows: NDArray[Any]) -> Spans:
        return Spans(self.buffer, self.data, self.start[rows], self.length[rows])

    def text(self, row: int) -> str | None:
        """One value, for notes and messages."""
        start, length = int(self.start[row]), int(self.length[row])
        return None if length < 0 else self.data[start : start + length].tobytes().decode("utf-8", "replace")

    def to_arrow(self) -> pa.StringArray:
        """Cut the text out: int32 offsets, one copy.

        By way of views (length, then 12 bytes of text or its first 4 and its place), which Arrow copies out: a few
        operations a row, where cutting out by index takes some a byte. Source: Arrow columnar format, "variable-size
        binary view layout".
        """
        n = len(self.start)
        nulls = self.length < 0
        sizes = np.where(nulls, 0, self.length)
        data = self.data
        if n and int(self.start.max()) + 16 > len(data):  # a buffer that some function made without room behind it
            data = np.append(data, np.zeros(16, np.uint8))
        words = np.ndarray((max(len(data) - 7, 0),), "<u8", cast(Any, data), 0, (1,))  # at every byte
        head, tail = words[self.start], words[self.start + 8]
        short = np.minimum(sizes, 12)
        head &= _LOW_BYTES[np.minimum(short, 8)]
        tail &= _LOW_BYTES[np.maximum(short - 8, 0)]
        views = np.empty((n, 2), np.uint64)
        views[:, 0] = sizes.astype(np.uint64) | (head << np.uint64(32))
        views[:, 1] = (head >> np.uint64(32)) | (tail << np.uint64(32))
        long = np.flatnonzero(sizes > 12)
        places = views.view(np.int32)
        places[long, 2], places[long, 3] = 0, self.start[long]
        parts = [bitmap_of(nulls), buffer_of(views), self.buffer]
        made = cast(Any, pa.Array).from_buffers(pa.string_view(), n, parts)
        return cast(pa.StringArray, call("cast", made, pa.string()))


_LOW_BYTES = np.array([(1 << (8 * k)) - 1 for k in range(9)], np.uint64)

Column: TypeAlias = "pa.Array[Any] | Spans"
Picks: TypeAlias = "tuple[NDArray[Any], ...]"


@dataclass(frozen=True, slots=True)
class Origin:
    """Place of a batch. `seq` numbers the partition; batches of one partition arrive in order, from one worker at a time."""

    seq: int
    source: str = ""  # file name, or the stage that made the rows
    offset: int = 0  # byte offset of the partition, for reading it again
    row: int = 0  # number, within the partition, of the row that was row 0 before any pick
    picks: Picks = ()  # masks and index arrays applied since, oldest first; composed only when someone asks
    told: Callable[[int], str] | None = (
        None  # the place in words of a row at the source, where the number does not say it
    )
    chosen_by: object = None  # the filter whose rows these are: it was asked where they were read

    def source_row(self, row: int) -> int:
        """Number within its partition of the batch's row `row`, at the source."""
        for pick in reversed(self.picks):
            row = int(np.flatnonzero(pick)[row]) if pick.dtype == np.bool_ else int(pick[row])
        return self.row + row


@dataclass(frozen=True, slots=True)
class Batch:
    """At most batch_rows rows, or four times as many (`Settings.scan_rows`), eight times where they are joined. Frozen; `array` remembers what it made.

    A string column is a plain array, a dictionary of int32 codes, or Spans, and may differ from batch to batch; all
    other columns have the one physical form of their type (`planner.types.Type.arrow`).
    """

    n_rows: int
    columns: tuple[Column, ...]
    origin: Origin
    _arrays: dict[int, pa.Array[Any]] = field(default_factory=dict, compare=False, repr=False)

    def spans(self, i: int) -> Spans | None:
        column = self.columns[i]
        return column if isinstance(column, Spans) else None

    def coded(self, i: int) -> pa.DictionaryArray[Any, Any] | None:
        """The column as codes and values, if that is how it came."""
        column = self.columns[i]
        return column if isinstance(column, pa.DictionaryArray) else None

    def array(self, i: int) -> pa.Array[Any]:
        """The column as a plain Arrow array of its physical type."""
        column = self.columns[i]
        if not isinstance(column, Spans | pa.DictionaryArray):
            return column
        made = self._arrays.get(i)
        if made is None:
            made = self._arrays[i] = column.to_arrow() if isinstance(column, Spans) else decode(column)
        return made

    def with_columns(self, columns: Sequence[Column]) -> Batch:
        return Batch(self.n_rows, (*self.columns, *columns), self.origin, self._arrays)

    def put(self, places: Sequence[int], columns: Sequence[Column]) -> Batch:
        """Columns in place of others; a place at the end appends."""
        out = list(self.columns)
        for i, column in zip(places, columns, strict=True):
            if i == len(out):
                out.append(column)
            else:
                out[i] = column
        made = {i: a for i, a in self._arrays.items() if i not in places}
        return Batch(self.n_rows, tuple(out), self.origin, made)

    def replace(self, i: int, column: Column) -> Batch:
        return self.put((i,), (column,))

    def select(self, wanted: Sequence[int]) -> Batch:
        made = {new: self._arrays[old] for new, old in enumerate(wanted) if old in self._arrays}
        return Batch(self.n_rows, tuple(self.columns[i] for i in wanted), self.origin, made)

    def slice(self, begin: int, end: int) -> Batch:
        """Rows begin to end (exclusive)."""
        cut = tuple(c.slice(begin, end) if isinstance(c, Spans) else c.slice(begin, end - begin) for c in self.columns)
        if not self.origin.picks:
            return Batch(end - begin, cut, replace(self.origin, row=self.origin.row + begin))
        picks = (*self.origin.picks, np.arange(begin, end, dtype=np.int32)) if begin else self.origin.picks
        return Batch(end - begin, cut, replace(self.origin, picks=picks))

    def pick(self, mask: NDArray[np.bool_]) -> Batch:
        """The rows where mask holds; the mask is kept in the origin, nothing is composed."""
        rows = np.flatnonzero(mask).astype(np.int32)
        taken = self._taken(rows)
        return Batch(len(rows), taken, replace(self.origin, picks=(*self.origin.picks, mask)))

    def take(self, rows: NDArray[np.int32]) -> Batch:
        """Rows by number, in that order, perhaps some twice."""
        return Batch(len(rows), self._taken(rows), replace(self.origin, picks=(*self.origin.picks, rows)))

    def _taken(self, rows: NDArray[np.int32]) -> tuple[Column, ...]:
        wanted = indices(rows)
        return tuple(c.take(rows) if isinstance(c, Spans) else gathered(c, wanted) for c in self.columns)

    def own(self, wanted: Sequence[int]) -> tuple[pa.Array[Any], ...]:
        """Plain Arrow columns that keep nothing of a morsel or of a bigger array alive; what a sink may store."""
        return tuple(own(self.array(i)) for i in wanted)

    def nbytes(self) -> int:
        """Memory this batch holds on to: each shared buffer once."""
        buffers = {id(c.data): c.data.nbytes for c in self.columns if isinstance(c, Spans)}
        plain = sum(8 * len(c) if isinstance(c, Spans) else nbytes_of(c) for c in self.columns)
        return plain + sum(buffers.values())
