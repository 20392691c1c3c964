"""Rows that are in memory: Arrow columns, whole or in chunks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ...planner.records import dataclass
from ...planner.types import Schema
from ..arrow import concat
from ..batch import Batch, Origin
from ..context import Context
from ..operator import Partition

Values: TypeAlias = "pa.Array[Any] | pa.ChunkedArray[Any]"


class Column:
    """One column; chunks are found by bisection, so that many small ones cost no more than few."""

    def __init__(self, values: Values) -> None:
        self._chunks = values.chunks if isinstance(values, pa.ChunkedArray) else [values]
        self._kind = values.type
        self._ends: NDArray[np.int64] = np.cumsum([len(c) for c in self._chunks], dtype=np.int64)

    def slice(self, begin: int, end: int) -> pa.Array[Any]:
        """Rows begin to end (exclusive): a view if they lie in one chunk, else a copy."""
        parts: list[pa.Array[Any]] = []
        i = int(np.searchsorted(self._ends, begin, "right"))
        while begin < end:
            chunk, chunk_end = self._chunks[i], int(self._ends[i])
            first = begin - (chunk_end - len(chunk))
            n = min(end, chunk_end) - begin
            if n:
                parts.append(chunk.slice(first, n))
            begin, i = begin + n, i + 1
        return concat(parts) if parts else pa.nulls(0, self._kind)


class Rows:
    """A source over columns of one length, in the physical types of the schema.

    `n_rows` is needed where there are no columns. `name` is the origin of the rows.
    """

    def __init__(self, columns: Sequence[Values], schema: Schema, name: str = "", n_rows: int | None = None) -> None:
        self.schema = schema
        self._name = name
        self._columns = [Column(c) for c in columns]
        self.n_rows = len(columns[0]) if columns else n_rows or 0
        self.nbytes_hint = sum(c.nbytes for c in columns)

    def partitions(self, target: int) -> Sequence[Partition]:
        starts = range(0, self.n_rows, target)
        return [Slice(self, i, begin, min(begin + target, self.n_rows)) for i, begin in enumerate(starts)]

    def batch(self, seq: int, begin: int, end: int, row: int) -> Batch:
        columns = tuple(c.slice(begin, end) for c in self._columns)
        return Batch(end - begin, columns, Origin(seq, self._name, 0, row))


@dataclass(frozen=True, slots=True)
class Slice:
    """Rows begin to end (exclusive)."""

    source: Rows
    seq: int
    begin: int
    end: int

    @property
    def nbytes(self) -> int:
        return self.source.nbytes_hint * (self.end - self.begin) // max(1, self.source.n_rows)

    def batches(self, ctx: Context) -> Iterator[Batch]:
        ctx.query.ledger.rows_by_seq[self.seq] = self.end - self.begin
        step = ctx.settings.batch_rows
        for begin in range(self.begin, self.end, step):
            end = min(begin + step, self.end)
            yield self.source.batch(self.seq, begin, end, begin - self.begin)
