"""Rows of a window on disk: as they came, what is computed from them by part of their key's hash, results by stretch of rows."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ....planner.text import QueryError, fault
from ...arrow import array_from, concat, decode, numbers_of
from ...aside import aside
from ...context import Context
from ..grouping import Keys
from ..groupspill import KEY_WORK, N_PARTS, chunk_bytes, part_of

if TYPE_CHECKING:
    from ...storage.spill import SpillArea, SpillFile

MOST_BLOCKS = 128  # files that results are written to at once


def too_little(command: str, needed: int) -> QueryError:
    return fault(
        "E702",
        f"{command} needs {needed} bytes more than its part of the memory for the rows of one group",
        hint="raise the setting `memory`, compute fewer columns at once, or group `by` more fields",
    )


def batch_of(columns: Sequence[pa.Array[Any]]) -> pa.RecordBatch:
    plain = [decode(c) if isinstance(c, pa.DictionaryArray) else c for c in columns]
    return pa.RecordBatch.from_arrays(plain, names=[str(i) for i in range(len(plain))])


class RowFile:
    """Rows in order of arrival."""

    def __init__(self, area: SpillArea, command: str, memory: int) -> None:
        self._file = area.new_file(command)
        self._chunk = chunk_bytes(memory)

    @property
    def nbytes(self) -> int:
        return self._file.nbytes

    def write(self, columns: Sequence[pa.Array[Any]], n_rows: int, ctx: Context) -> None:
        """Columns of n rows (there may be none)."""
        if not columns:
            return
        nbytes = max(1, sum(c.nbytes for c in columns))
        step = max(1, n_rows * self._chunk // nbytes)
        for begin in range(0, n_rows, step):
            ctx.check()
            self._file.write_batch(batch_of([c.slice(begin, min(step, n_rows - begin)) for c in columns]))

    def read(self) -> Iterator[pa.RecordBatch]:
        yield from self._file.batches()

    def finish(self) -> None:
        self._file.finish()

    def close(self) -> None:
        self._file.close()


class PartRows:
    """One file a part: number of the row, its keys, what is computed from."""

    def __init__(self, area: SpillArea, command: str, level: int, memory: int) -> None:
        self._area, self._command, self._chunk = area, command, chunk_bytes(memory)
        self.level = level
        self.files: list[SpillFile | None] = [None] * N_PARTS
        self.sizes = [0] * N_PARTS  # bytes in memory
        self.rows = [0] * N_PARTS

    def write(
        self, numbers: NDArray[np.int64], keys: Keys, codes: NDArray[np.int32], columns: Sequence[pa.Array[Any]], ctx: Context
    ) -> None:  # fmt: skip
        """Rows whose keys have these codes in the table."""
        values, (rows, edges) = aside(
            ctx, KEY_WORK * (keys.n + len(codes)), lambda: (keys.values(), self._cut(keys, codes))
        )
        row_bytes = max(1, (sum(c.nbytes for c in columns) + 16 * len(values) * len(codes)) // max(1, len(codes)) + 8)
        step = max(1, self._chunk // row_bytes)
        for part in range(N_PARTS):
            for low in range(int(edges[part]), int(edges[part + 1]), step):
                ctx.check()
                chosen = rows[low : min(low + step, int(edges[part + 1]))]
                at, by_code = array_from(chosen), array_from(codes[chosen])
                made = [array_from(numbers[chosen]), *(v.take(by_code) for v in values), *(c.take(at) for c in columns)]
                self._append(part, batch_of(made))

    def _cut(self, keys: Keys, codes: NDArray[np.int32]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The rows in order of part, and where each part begins."""
        part = part_of(keys.hashes(), self.level)[codes]
        edges = np.zeros(N_PARTS + 1, np.int64)
        np.cumsum(np.bincount(part, minlength=N_PARTS), out=edges[1:])
        return np.argsort(part, kind="stable"), edges

    def _append(self, part: int, batch: pa.RecordBatch) -> None:
        file = self.files[part]
        if file is None:
            file = self.files[part] = self._area.new_file(self._command)
        file.write_batch(batch)
        self.sizes[part] += batch.nbytes
        self.rows[part] += batch.num_rows

    @property
    def nbytes(self) -> int:
        return sum(f.nbytes for f in self.files if f is not None)

    def finish(self) -> None:
        for file in self.files:
            if file is not None:
                file.finish()

    def read(self, part: int, *, last: bool = True) -> Iterator[pa.RecordBatch]:
        """`last`: the file is gone afterwards."""
        file = self.files[part]
        if file is not None:
            yield from file.batches(last=last)
            if last:
                file.close()

    def close(self) -> None:
        for file in self.files:
            if file is not None:
                file.close()


class Results:
    """Computed columns by stretch of `step` rows. Parts are added by several threads, stretches read one after the other."""

    def __init__(self, area: SpillArea, command: str, n_rows: int, row_bytes: int, memory: int) -> None:
        self._area, self._command = area, command
        fit = max(1024, memory // (16 * max(1, row_bytes)))
        self.step = max(fit, -(-n_rows // MOST_BLOCKS))
        self._n = -(-n_rows // self.step) if n_rows else 0
        self._files: list[SpillFile | None] = [None] * self._n
        self._lock = threading.Lock()
        self.nbytes = 0

    def add(self, numbers: NDArray[np.int64], columns: Sequence[pa.Array[Any]], ctx: Context) -> None:
        """Of rows of these numbers, ascending."""
        begin = 0
        whole = batch_of([array_from(numbers), *columns])
        while begin < len(numbers):
            ctx.check()
            block = int(numbers[begin]) // self.step
            end = int(np.searchsorted(numbers, (block + 1) * self.step))
            batch = whole.slice(begin, end - begin)
            with self._lock:
                file = self._files[block]
                if file is None:
                    file = self._files[block] = self._area.new_file(self._command)
                before = file.nbytes
                file.write_batch(batch)
                self.nbytes += file.nbytes - before
            begin = end

    def finish(self) -> None:
        for file in self._files:
            if file is not None:
                file.finish()

    def blocks(self) -> Iterator[list[pa.Array[Any]]]:
        """The columns of each stretch of rows, in order."""
        for i, file in enumerate(self._files):
            assert file is not None, f"no result for rows {i * self.step} on"
            batches = list(file.batches())
            file.close()
            columns = [concat(list(c)) for c in zip(*(b.columns for b in batches), strict=True)]
            order = array_from(np.argsort(numbers_of(columns[0]), kind="stable"))
            yield [c.take(order) for c in columns[1:]]

    def close(self) -> None:
        for file in self._files:
            if file is not None:
                file.close()
