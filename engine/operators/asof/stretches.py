"""Rows of the right that do not fit into memory, in order of time on disk, in stretches that do.

Before a stretch stand the last rows of each key in front of it, behind it the first that follow: whatever a row of the left
within the stretch may match is there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from ....planner.records import dataclass
from ...arrow import concat, indices, numbers_of
from ...batch import Batch
from ...context import Context
from ..groupspill import area_of
from .held import Held
from .index import I32, Index
from .search import Searcher, Wish

if TYPE_CHECKING:
    from ...storage.spill import SpillFile

Columns = list["pa.Array[Any]"]
LEAST, MOST = -(1 << 63), (1 << 63) - 1


@dataclass(slots=True)
class Stretch:
    """Rows whose times are from `first` on. `after`: rows behind that may be matched."""

    first: int
    file: SpillFile
    after: Columns | None = None

    def rows(self, *, last: bool) -> Columns:
        """`last`: the file is gone afterwards."""
        batches = list(self.file.batches(last=last))
        if last:
            self.file.close()
        return [concat(list(c)) for c in zip(*(b.columns for b in batches), strict=True)]


class Stretches:
    """`make`: from columns to what is searched. `time`: the column of the times. `wish`: of the whole join."""

    def __init__(self, make: Callable[[Columns], Held], time: int, wish: Wish, command: str, ctx: Context) -> None:
        self._make, self._time, self._wish, self._command, self._ctx = make, time, wish, command, ctx
        self._all: list[Stretch] = []

    def cut(self, batches: Iterator[Batch], n_columns: int, room: int, row_bytes: int) -> None:
        """Write rows in order of time. A stretch has `room` bytes, or more where all its times are equal."""
        held, last = 0, LEAST
        for batch in batches:
            self._ctx.check()
            times = numbers_of(batch.array(self._time))
            each = row_bytes + 2 * batch.nbytes() // max(1, batch.n_rows)
            begin = 0
            while begin < batch.n_rows:
                if self._all and held < room:
                    end = min(batch.n_rows, begin + max(1, (room - held) // each))
                    last = int(times[end - 1])
                    end = max(end, int(np.searchsorted(times, last, "right")))
                else:  # full: only what has the same time as the last row may follow
                    end = max(begin, int(np.searchsorted(times, last, "right"))) if self._all else begin
                if end > begin:
                    self._write(batch.slice(begin, end), n_columns)
                    held += each * (end - begin)
                elif end < batch.n_rows:
                    file = area_of(self._ctx, self._command).new_file(self._command)
                    self._all.append(Stretch(int(times[end]), file))
                    held = 0
                begin = end

    def _write(self, batch: Batch, n_columns: int) -> None:
        arrays = [batch.array(i) for i in range(n_columns)]
        self._all[-1].file.write_batch(pa.RecordBatch.from_arrays(arrays, names=[str(i) for i in range(n_columns)]))

    def bounds(self) -> list[int]:
        """Where each stretch begins for rows of the left, and the end."""
        return [LEAST, *(s.first for s in self._all[1:]), MOST]

    def look_ahead(self) -> None:
        """From the last stretch to the first: what of those behind may be matched."""
        if self._wish.direction == "backward":
            return
        after: Columns | None = None
        for stretch in reversed(self._all):
            stretch.after = after
            columns = _joined([stretch.rows(last=False), after])
            after = self._extremes(columns, ahead=True)

    def in_turn(self) -> Iterator[Held]:
        before: Columns | None = None
        for stretch in self._all:
            rows = stretch.rows(last=True)
            yield self._make(_joined([before, rows, stretch.after]))
            if self._wish.direction != "forward":
                before = self._extremes(_joined([before, rows]), ahead=False)

    def _extremes(self, columns: Columns, *, ahead: bool) -> Columns:
        """The rows nearest to a time in front of all (`ahead`) or behind all, in any column that is looked for by itself."""
        wish = Wish("nearest" if ahead and self._wish.direction == "nearest" else "forward" if ahead else "backward")
        far, held, ctx = np.int64(LEAST if ahead else MOST), self._make(columns), self._ctx

        def rows_of(index: Index, code: I32) -> I32:
            return Searcher(index, wish, ctx).rows(code, np.full(len(code), far, np.int64))

        rows = held.extremes(rows_of)
        ctx.check()
        return [c.take(indices(rows)) for c in columns]

    def close(self) -> None:
        for stretch in self._all:
            stretch.file.close()


def _joined(parts: Sequence[Columns | None]) -> Columns:
    known = [p for p in parts if p is not None]
    return [concat(list(c)) for c in zip(*known, strict=True)]
