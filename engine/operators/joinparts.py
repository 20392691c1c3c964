"""Rows on disk by radix part of the hash of their keys, each with its place in the input."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ...planner.types import Schema
from ..arrow import array_from, decode, indices, numbers_of
from ..batch import Batch, Column, Origin, Spans
from ..context import Context
from .groupspill import area_of
from .joinkeys import Side
from .keyform import normal
from .keyhash import tuple_hash, words_for

if TYPE_CHECKING:
    from ..storage.spill import SpillFile

N_PARTS = 64
CHUNK_BYTES = 128 << 10
LEAST_BYTES = 8 << 10

Columns = Sequence["pa.Array[Any]"]
Hashes = NDArray[np.uint64]


def hashes_of(side: Side, batch: Batch) -> Hashes:
    """Of the keys of each row: equal keys of either side have equal hashes."""
    columns, _ = side.keys(batch)
    if not columns:
        return np.zeros(batch.n_rows, np.uint64)
    return tuple_hash([_hashes(t, c) for t, c in zip(side.types, columns, strict=True)])


def _hashes(type_: Any, column: Column) -> Hashes:
    if not isinstance(column, Spans) and pa.types.is_dictionary(column.type):
        column = decode(column)  # type: ignore[arg-type]
    form: Any = normal(type_, column)
    if isinstance(form, Spans):
        form = form.to_arrow()
    word0, word1 = words_for(form)
    return tuple_hash([word0, word1]) if len(word0) else np.zeros(0, np.uint64)


def part_of(hashes: Hashes) -> NDArray[np.int64]:
    mixed = (hashes ^ (hashes >> np.uint64(29))) * np.uint64(0xC2B2AE3D27D4EB4F)
    return (mixed >> np.uint64(58)).astype(np.int64)


class PartWriter:
    """One worker's files, one a part. Rows of a part wait until they are worth a block."""

    def __init__(self, ctx: Context, command: str, schema: Schema, side: Side) -> None:
        self._ctx, self._command, self._side = ctx, command, side
        self._area = area_of(ctx, command)
        self._files: list[SpillFile | None] = [None] * N_PARTS
        self._names = [str(i) for i in range(len(schema) + 1)]
        self.rows = np.zeros(N_PARTS, np.int64)
        self.sizes = np.zeros(N_PARTS, np.int64)  # bytes in memory
        self.written = 0
        limit = max(LEAST_BYTES, ctx.memory.limit // ctx.settings.threads // 4)
        self._block = max(LEAST_BYTES, min(CHUNK_BYTES * N_PARTS, limit))
        self._waiting: list[pa.RecordBatch] = []
        self._hashes: list[Hashes] = []
        self._bytes = 0

    def add(self, columns: Columns, n: int, place: int) -> None:
        """Rows whose places follow one another."""
        self.add_at(columns, n, np.arange(place, place + n, dtype=np.int64))

    def add_at(self, columns: Columns, n: int, places: NDArray[np.int64]) -> None:
        plain = [decode(c) if isinstance(c, pa.DictionaryArray) else c for c in columns]
        nbytes = sum(c.nbytes for c in plain) + 8 * n
        if nbytes > self._block and n > 1:
            half = n // 2
            self.add_at([c.slice(0, half) for c in plain], half, places[:half])
            self.add_at([c.slice(half) for c in plain], n - half, places[half:])
            return
        self._hashes.append(hashes_of(self._side, Batch(n, tuple(plain), Origin(0))))
        self._waiting.append(pa.RecordBatch.from_arrays([*plain, array_from(places)], names=self._names))
        self._bytes += nbytes
        if self._bytes >= self._block:
            self._flush()

    def _flush(self) -> None:
        if not self._waiting:
            return
        self._ctx.check()
        whole = pa.Table.from_batches(self._waiting).combine_chunks()
        parts = part_of(np.concatenate(self._hashes))
        self._waiting, self._hashes, self._bytes = [], [], 0
        order = np.argsort(parts, kind="stable")
        bounds = np.searchsorted(parts[order], np.arange(N_PARTS + 1))
        batches = whole.to_batches()
        if not batches:
            return
        batch = batches[0]
        for part in np.flatnonzero(np.diff(bounds)).tolist():
            self._ctx.check()
            rows = batch.take(indices(order[bounds[part] : bounds[part + 1]]))
            self._write(part, rows)

    def _write(self, part: int, rows: pa.RecordBatch) -> None:
        file = self._files[part]
        if file is None:
            file = self._files[part] = self._area.new_file(self._command)
        before = file.nbytes
        file.write_batch(rows)
        self.written += file.nbytes - before
        self.rows[part] += rows.num_rows
        self.sizes[part] += rows.nbytes

    def finish(self) -> None:
        self._flush()
        for file in self._files:
            if file is not None:
                file.finish()

    def batches(self, part: int, *, last: bool) -> Iterator[tuple[list[pa.Array[Any]], NDArray[np.int64]]]:
        """Columns and places. `last`: the file is not read again."""
        file = self._files[part]
        if file is None:
            return
        for batch in file.batches(last=last):
            yield list(batch.columns[:-1]), numbers_of(batch.columns[-1])
        if last:
            file.close()
            self._files[part] = None

    def close(self) -> None:
        for file in self._files:
            if file is not None:
                file.close()
        self._files = [None] * N_PARTS
        self._waiting = []
