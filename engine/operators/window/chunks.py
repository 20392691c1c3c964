"""Columns kept as they come, batch by batch. What lies side by side in one buffer stays there, uncopied."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ...arrow import coded, concat, decode, own
from ...arrow import nulls as null_array
from ...batch import Batch, Spans
from ..grouping import same_dictionary


class Chunks:
    """One column. `add` until `seal`; then `slice`, from any thread."""

    def __init__(self, kind: pa.DataType) -> None:
        self.kind = kind
        self._chunks: list[pa.Array[Any]] = []
        self._last: pa.Array[Any] | None = None
        self._ends: NDArray[np.int64] = np.empty(0, np.int64)

    def add(self, values: pa.Array[Any]) -> None:
        if self._last is not None:
            joined = side_by_side(self._last, values)
            if joined is not None:
                self._last = joined
                return
            self._chunks.append(own(self._last))
        self._last = values

    def seal(self) -> None:
        if self._last is not None:
            self._chunks.append(own(self._last))
            self._last = None
        self._ends = np.cumsum([len(c) for c in self._chunks], dtype=np.int64)

    def nbytes(self) -> int:
        return sum(c.nbytes for c in self._chunks) + (self._last.nbytes if self._last is not None else 0)

    def whole(self) -> pa.Array[Any]:
        """All values, as they were added."""
        if not self._chunks:
            return null_array(0, self.kind)
        return concat(self._chunks)

    def take_all(self) -> list[pa.Array[Any]]:
        """All chunks; none is kept here."""
        self.seal()
        chunks, self._chunks = self._chunks, []
        self._ends = np.empty(0, np.int64)
        return chunks

    def slice(self, begin: int, end: int) -> pa.Array[Any]:
        parts: list[pa.Array[Any]] = []
        i = int(np.searchsorted(self._ends, begin, "right"))
        while begin < end:
            chunk, chunk_end = self._chunks[i], int(self._ends[i])
            n = min(end, chunk_end) - begin
            parts.append(chunk.slice(begin - (chunk_end - len(chunk)), n))
            begin, i = begin + n, i + 1
        if len(parts) > 1:  # their dictionaries may differ
            parts = [decode(p) if isinstance(p, pa.DictionaryArray) else p for p in parts]
        return concat(parts) if parts else null_array(0, self.kind)


def side_by_side(first: pa.Array[Any], second: pa.Array[Any]) -> pa.Array[Any] | None:
    """Both as one array, if the second begins in memory where the first ends."""
    if first.type != second.type:
        return None
    if isinstance(first, pa.DictionaryArray) and isinstance(second, pa.DictionaryArray):
        if not same_dictionary(first.dictionary, second.dictionary):
            return None
        codes = side_by_side(first.indices, second.indices)
        return None if codes is None else coded(codes, first.dictionary)
    if first.type.num_fields or second.offset != first.offset + len(first):
        return None
    theirs, mine = second.buffers(), first.buffers()
    if len(theirs) != len(mine) or not all(map(_same, theirs, mine)):
        return None
    return pa.Array.from_buffers(first.type, len(first) + len(second), mine, offset=first.offset)


def _same(a: pa.Buffer | None, b: pa.Buffer | None) -> bool:
    if a is None or b is None:
        return a is b
    return a.address == b.address and a.size == b.size


def kept(batch: Batch, i: int) -> pa.Array[Any]:
    """A column as it is stored: a dictionary as codes where they are much fewer than the rows."""
    column = batch.columns[i]
    if isinstance(column, Spans):
        return batch.array(i)
    if isinstance(column, pa.DictionaryArray) and 2 * len(column.dictionary) > len(column):
        return decode(column)
    return column
