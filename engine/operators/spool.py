"""Batches put aside in order, in memory or on disk, and read again once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from ..context import Context
from ..memory import Reservation
from .groupspill import area_of

if TYPE_CHECKING:
    from ..storage.spill import SpillFile

Columns = tuple["pa.Array[Any]", ...]


class Spool:
    """Not shared between threads. What does not fit the memory goes to one file."""

    def __init__(self, command: str) -> None:
        self._command = command
        self._held: list[Columns] = []
        self._reservation: Reservation | None = None
        self._file: SpillFile | None = None
        self.written = 0

    def add(self, ctx: Context, columns: Sequence[pa.Array[Any]]) -> None:
        if self._reservation is None:
            self._reservation = ctx.memory.reserve(self._command)
        self._held.append(tuple(columns))
        if not self._reservation.grow(sum(c.nbytes for c in columns)):
            self._to_file(ctx)

    def _to_file(self, ctx: Context) -> None:
        if self._file is None:
            self._file = area_of(ctx, self._command).new_file(self._command)
        for columns in self._held:
            ctx.check()
            names = [str(i) for i in range(len(columns))]
            self._file.write_batch(pa.RecordBatch.from_arrays(list(columns), names=names))
        self.written = self._file.nbytes
        self._held = []
        if self._reservation is not None:
            self._reservation.release()

    def batches(self) -> Iterator[Columns]:
        """In the order in which they were added."""
        if self._file is not None:
            for batch in self._file.batches():
                yield tuple(batch.columns)
        yield from self._held

    def close(self) -> None:
        self._held = []
        if self._file is not None:
            self._file.close()
        if self._reservation is not None:
            self._reservation.release()
