"""Values kept by number: appended a batch at a time, taken by row, cut down to those still wanted."""

from __future__ import annotations

from typing import Any, cast

import pyarrow as pa
from numpy.typing import NDArray

from ...arrow import concat, indices, own
from ...arrow import nulls as null_array


class Store:
    """Chunks whose lengths at least double from last to first, so that appending copies each row O(log n) times."""

    def __init__(self, kind: pa.DataType) -> None:
        self.kind = kind
        self._chunks: list[pa.Array[Any]] = []
        self.n = 0
        self._nbytes = 0

    def add(self, values: pa.Array[Any]) -> int:
        """The number of the first of these values."""
        first = self.n
        values = own(values)
        self.n += len(values)
        self._chunks.append(values)
        while len(self._chunks) > 1 and len(self._chunks[-2]) < 2 * len(self._chunks[-1]):
            last = self._chunks.pop()
            self._chunks[-1] = concat([self._chunks[-1], last])
        self._nbytes = sum(c.nbytes for c in self._chunks)
        return first

    def take(self, rows: NDArray[Any]) -> pa.Array[Any]:
        return self.take_nullable(indices(rows))

    def take_nullable(self, rows: pa.Array[Any]) -> pa.Array[Any]:
        """By Arrow indices; where these are null, so is the value."""
        if not self._chunks:
            return null_array(len(rows), self.kind)
        if len(self._chunks) == 1:
            return self._chunks[0].take(rows)
        got = pa.chunked_array(cast(Any, self._chunks)).take(cast(Any, rows))
        return cast("pa.Array[Any]", got.combine_chunks() if got.num_chunks != 1 else got.chunk(0))

    def keep(self, rows: NDArray[Any]) -> None:
        """From now on value i is what was value rows[i]."""
        kept = self.take(rows)
        self._chunks, self.n, self._nbytes = [kept], len(kept), kept.nbytes

    def nbytes(self) -> int:
        return self._nbytes
