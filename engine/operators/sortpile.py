"""The rows that one worker of a sort holds in memory, and what they count for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import pyarrow as pa

from ..arrow import decode, own
from ..context import Context
from .sortgather import Columns
from .sortkeys import Row
from .sortplaces import Arrived, place_array
from .sortruns import UNIT_BYTES, Chunk, Cursor, Layout, merged, stack, unit_rows
from .sortspill import LEAST_CHUNK, WORK, limited, too_little


class Pile:
    """The rows of one Local: pieces that fill, then sorted chunks, each a run in memory."""

    def __init__(self, layout: Layout, ctx: Context, command: str) -> None:
        self.layout, self.ctx, self._command = layout, ctx, command
        self._share = ctx.memory.limit // ctx.settings.threads  # a Local cannot starve siblings it cannot make spill
        self.reservation = ctx.memory.reserve(command, self._share)
        self.unit = min(UNIT_BYTES, self._share // 8)
        self.runs: list[list[Chunk]] = []
        self.n_rows = 0  # in memory, sorted or not
        self.pending_rows = 0
        self._pending: list[tuple[Columns, Arrived]] = []
        self._pending_bytes = 0
        self._at_work = False

    def add(self, columns: Columns, places: Arrived, spill: Callable[[], object]) -> None:
        """Rows of one partition, after all its earlier ones. `spill` makes room."""
        nbytes = sum(c.nbytes for c in columns)
        n = len(places)
        if nbytes > self.unit and n > 1:
            columns = tuple(
                decode(c) if isinstance(c, pa.DictionaryArray) else c for c in columns
            )  # a slice keeps all values
            nbytes = sum(c.nbytes for c in columns)
            step = max(1, n * self.unit // nbytes)
            for begin in range(0, n, step):
                part = tuple(own(c.slice(begin, step)) for c in columns)
                self._add(part, places[begin : begin + step], spill)
            return
        self._add(columns, places, spill)

    def _add(self, columns: Columns, places: Arrived, spill: Callable[[], object]) -> None:
        n = len(places)
        nbytes = sum(c.nbytes for c in columns)
        if self._pending_bytes + nbytes > self.unit or self.pending_rows + n > unit_rows(self.ctx):
            self.sort_pending()
        charge = nbytes + n * (8 + self.layout.key_bytes)
        if nbytes > self.unit:  # a row wider than a unit is copied as well
            charge += 2 * nbytes
        if not (self._grow(charge) or (self._recount() and self._grow(charge))):
            spill()
            if not self._grow(charge):
                raise too_little(self._command, charge)
        self._pending.append((columns, places))
        self._pending_bytes += nbytes
        self.pending_rows += n
        self.n_rows += n

    def _recount(self) -> bool:
        """Where a limit has dropped rows, less is held than was asked for. False: there is no room for it."""
        if self.layout.limit is None:
            return False
        self.sort_pending()
        self.release()
        return self._grow(sum(c.nbytes() for run in self.runs for c in run))

    def keep_first(self, spill: Callable[[], object]) -> None:
        """Sorts all that is held and drops what the limit leaves out."""
        self.sort_pending()
        if len(self.runs) > 1:
            if not self._grow(sum(c.nbytes() for run in self.runs for c in run)):
                spill()
                return
            chunks = list(self.merge())
            self.runs, self.n_rows = [chunks], sum(len(c) for c in chunks)
        if not self._recount():
            spill()

    def row(self, i: int) -> Row | None:
        """Row i of a pile that is one run; None if it has none."""
        for chunk in self.runs[0] if len(self.runs) == 1 else ():
            if i < len(chunk):
                return chunk.row(i)
            i -= len(chunk)
        return None

    def _grow(self, nbytes: int) -> bool:
        if not self._at_work:
            while not self.reservation.grow(WORK * self.unit):
                if self.unit < LEAST_CHUNK:
                    return False
                self.unit //= 2
            self._at_work = True
        return self.reservation.grow(nbytes)

    def sort_pending(self) -> None:
        """What has come in since the last call becomes a run."""
        if not self._pending:
            return
        self.ctx.check()
        # a worker may come back to a partition it had put aside: only in order of arrival do ties keep it by themselves
        self._pending.sort(key=lambda piece: int(piece[1][0]))
        columns = tuple(stack(c) for c in zip(*(p[0] for p in self._pending), strict=True))
        places = _stacked([p[1] for p in self._pending])
        before = len(places)
        self._pending.clear()
        self._pending_bytes = self.pending_rows = 0
        done = self.layout.sorted(columns, places, self.ctx, by_place=_interleaved(places))
        self.n_rows -= before - len(done)
        if len(done):
            self.runs.append([done])

    def merge(self) -> Iterator[Chunk]:
        """All rows held, in order; they are let go on the way."""
        self.sort_pending()
        cursors = [Cursor(drained(run)) for run in self.runs]
        self.runs = []
        self.n_rows = 0
        return limited(merged(cursors, self.layout, self.ctx, self.unit), self.layout, self.ctx)

    def release(self) -> None:
        self.reservation.release()
        self._at_work = False


def _stacked(pieces: Sequence[Arrived]) -> Arrived:
    end = pieces[0][0]
    for piece in pieces:
        if not isinstance(piece, range) or piece.start != end:
            return np.concatenate([place_array(p) for p in pieces])
        end = piece.stop
    return range(pieces[0][0], end)


def _interleaved(places: Arrived) -> bool:
    return not isinstance(places, range) and bool((places[1:] < places[:-1]).any())


def drained(chunks: list[Chunk]) -> Iterator[Chunk]:
    chunks.reverse()
    while chunks:
        yield chunks.pop()
