"""Column chunks of flat Parquet columns, decoded whole by our own kernels; for whatever they do not know, the answer is None.

The general reader is Arrow's: it reads what is left to it, and judges what looks damaged here. Texts plain and by dictionary
may both be in one chunk.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any, TypeAlias, cast

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ...planner.records import dataclass
from .. import kernels
from ..arrow import array_from, bitmap_of, bytes_of, coded, concat, int32_of, is_valid, pooled
from ..kernels import pagefields as heads
from .pagechunk import LARGEST, Chunk, Chunks, checked_texts, dictionary_texts, may_hold, space
from .pagecolumn import ROWS_A_VALUE, plain_column, read_column


@dataclass(frozen=True, slots=True)
class Pieces:
    """Texts of which the first rows are codes for a dictionary, the others plain."""

    front: Any  # a DictionaryArray
    back: pa.Array[Any]

    def slice(self, low: int, n: int) -> pa.Array[Any]:
        """Rows of one of them."""
        border = len(self.front)
        found: pa.Array[Any] = self.front.slice(low, n) if low < border else self.back.slice(low - border, n)
        return found

    def whole(self) -> pa.Array[Any]:
        """All rows as codes: the plain texts are values of the dictionary, too."""
        n_values, n = len(self.front.dictionary), len(self.back)
        bare = pa.Array.from_buffers(pa.string(), n, [None, *self.back.buffers()[1:]])
        codes = np.concatenate([int32_of(self.front.indices), np.arange(n_values, n_values + n, dtype=np.int32)])
        nulls = None
        if self.front.null_count or self.back.null_count:
            nulls = ~np.concatenate([is_valid(self.front.indices), is_valid(self.back)])
        return coded(array_from(codes, nulls), concat([self.front.dictionary, bare]))


Columns: TypeAlias = "Mapping[str, pa.Array[Any] | Pieces]"


def read_columns(
    chunks: Chunks, check: Callable[[], None] = lambda: None, coded: Collection[str] = ()
) -> dict[str, pa.Array[Any] | Pieces]:
    """Those columns that the kernels can read: numbers widened to 64 bits, texts as dictionaries where they lie so.

    `coded`: numbers that stay dictionaries where their values are few. `check` is called between columns and may raise.
    """
    found: dict[str, pa.Array[Any] | Pieces] = {}
    for name in chunks.names:
        check()
        array: pa.Array[Any] | Pieces | Chunk | None = read_column((chunks,), name, name in coded)
        if array is None or isinstance(array, Chunk):
            chunk = array or chunks.open(name)
            array = _in_pieces(chunk, name in coded) if chunk is not None else None
        if array is not None:
            found[name] = array
    return found


def _in_pieces(chunk: Chunk, as_codes: bool) -> pa.Array[Any] | Pieces | None:
    data = chunk.unpacked()
    first = _first_plain(chunk)
    return _mixed_texts(chunk, data, first) if first and data is not None else decoded(chunk, as_codes)


def read_together(
    groups: Sequence[Chunks], names: Sequence[str], check: Callable[[], None], coded: Collection[str]
) -> pa.RecordBatch | None:
    """Those columns of row groups that follow each other, all rows as one batch; None: they are to be read one by one."""
    found = []
    for name in names:
        check()
        array = read_column(groups, name, name in coded)
        if array is None or isinstance(array, Chunk):
            return None
        found.append(array)
    return pa.RecordBatch.from_arrays(found, names=list(names))


def joined(
    found: Columns, rest: Iterator[pa.RecordBatch] | None, names: Sequence[str], n_rows: int, batch_rows: int
) -> Iterator[pa.RecordBatch]:
    """Batches of all columns: those found here, beside the rest that the general reader gives (None: there is no rest).

    They are cut where a column has another form from there on.
    """
    borders = sorted({len(c.front) for c in found.values() if isinstance(c, Pieces)})
    row = 0
    for batch in rest if rest is not None else _steps(n_rows, batch_rows):
        size = batch if isinstance(batch, int) else batch.num_rows
        for low, high in pairwise([row, *(b for b in borders if row < b < row + size), row + size]):
            columns = [
                found[n].slice(low, high - low)
                if n in found
                else cast(pa.RecordBatch, batch).column(n).slice(low - row, high - low)
                for n in names
            ]
            yield pa.RecordBatch.from_arrays(columns, names=list(names))
        row += size


def _steps(n_rows: int, most: int) -> Iterator[int]:
    for low in range(0, n_rows, most):
        yield min(most, n_rows - low)


def decoded(chunk: Chunk, as_codes: bool = False) -> pa.Array[Any] | None:
    """All rows of a chunk. `as_codes`: numbers, too, as a dictionary where it has a value for several rows."""
    data, rows, kind, n_rows = chunk.unpacked(), chunk.table, chunk.kind, chunk.n_rows
    if data is None:
        return None
    max_definition = chunk.max_definition
    if not kind.n_bytes:
        if not chunk.has_dictionary:
            return _plain_texts(data, rows, max_definition, n_rows)
        if first := _first_plain(chunk):
            pieces = _mixed_texts(chunk, data, first)
            return None if pieces is None else pieces.whole()
    values = chunk.values() if chunk.has_dictionary else np.zeros(0 if kind.n_bytes else 1, np.int64)
    if values is None:
        return None
    if as_codes and kind.n_bytes == 8 and chunk.is_coded and ROWS_A_VALUE * len(values) <= n_rows:
        values = array_from(values, None, kind.arrow)
    is_coded = isinstance(values, pa.Array)
    bound = np.array([len(values)], np.int64) if is_coded else values
    out = bytes_of(pa.allocate_buffer(n_rows * (4 if is_coded else 8)))
    numbers = out.view(np.int64) if not is_coded else np.empty(0, np.int64)
    codes = out.view(np.int32) if is_coded else np.empty(0, np.int32)
    valid = np.empty(n_rows if max_definition else 0, np.uint8)
    spare = pooled(chunk.largest, np.int32)
    dense = pooled(0 if is_coded or not max_definition else chunk.largest, np.int64)
    width = 0 if is_coded else kind.n_bytes
    n_null = kernels.pages.decode_pages(
        data, rows.reshape(-1), len(rows), max_definition, width, bound, numbers, codes, valid, spare, dense
    )
    if n_null < 0:
        return None
    nulls = valid == 0 if n_null else None
    if isinstance(values, pa.Array):
        return coded(array_from(codes, nulls), values)
    if not kind.n_bytes:
        return None
    return plain_column(numbers, nulls, kind)


def _first_plain(chunk: Chunk) -> int:
    """The first data page of a chunk of texts with a dictionary that is plain: the writer's dictionary was full. 0: none."""
    if chunk.kind.n_bytes or not chunk.has_dictionary:
        return 0
    plain = np.flatnonzero(chunk.table[1:, heads.ENCODING] == heads.PLAIN)
    return int(plain[0]) + 1 if len(plain) else 0


def _mixed_texts(chunk: Chunk, data: NDArray[np.uint8], first: int) -> Pieces | None:
    """The pages before `first` as codes, the others as plain texts."""
    table, n_values = chunk.table, int(chunk.table[0, heads.N_VALUES])
    front, back = (np.ascontiguousarray(part) for part in (table[:first], table[first:]))
    n_coded, room = int(front[1:, heads.N_VALUES].sum()), int(front[0, heads.UNPACKED])
    if not 0 < n_coded <= chunk.n_rows or room > LARGEST or not may_hold(front[0], 4):
        return None
    offsets, text = pooled(n_values + 1, np.int32), space(room)
    if dictionary_texts(data, front[0], offsets, text) < 0:
        return None
    codes, valid = pooled(n_coded, np.int32), np.empty(n_coded if chunk.max_definition else 0, np.uint8)
    spare, no_numbers = pooled(chunk.largest, np.int32), np.empty(0, np.int64)
    n_null = kernels.pages.decode_pages(
        data, front.reshape(-1), first, chunk.max_definition, 0, np.array([n_values]), no_numbers, codes, valid, spare,
        no_numbers,
    )  # fmt: skip
    behind = _plain_texts(data, back, chunk.max_definition, chunk.n_rows - n_coded)
    if n_null < 0 or behind is None:
        return None
    values = checked_texts(offsets, text, None)
    if values is None:
        return None
    return Pieces(coded(array_from(codes, valid == 0 if n_null else None), values), behind)


def _plain_texts(
    data: NDArray[np.uint8], rows: NDArray[np.int64], max_definition: int, n_rows: int
) -> pa.Array[Any] | None:
    offsets, text = np.empty(n_rows + 1, np.int32), space(int(rows[:, heads.UNPACKED].sum()))
    valid = np.empty(n_rows if max_definition else 0, np.uint8)
    spare = np.empty(int(rows[:, heads.N_VALUES].max()), np.int32)
    n_null = kernels.pages.decode_texts(data, rows.reshape(-1), len(rows), max_definition, offsets, text, valid, spare)
    if n_null < 0:
        return None
    bitmap = bitmap_of(valid == 0) if n_null else None
    return checked_texts(offsets, text, bitmap)
