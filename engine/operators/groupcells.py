"""Groups of several keys by ranges of their cells (`groupaxes`), each of which one task numbers by sorting: what comes out is in order of keys.

Rows of which the groups are not known yet, and groups of tables, are divided into buckets of neighbouring cells, block by block;
then stretches of buckets are the parts. No part has a group of another, so nothing is left to be merged.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from itertools import pairwise
from math import prod

import numpy as np
from numpy.typing import NDArray

from ...planner.records import dataclass
from .. import kernels
from ..arrow import pooled
from ..context import Context
from .groupaxes import Axes, Cells, Ranks, axes_of
from .groupdeferred import DeferredRows, RowBlock, joined
from .grouping import ManyKeys
from .groupprogram import Program, Table
from .keyform import is_opaque
from .keytable import Ids
from .states import State

MOST_CELLS = 1 << 52
BUCKETS = 1 << 12  # about so many; a block's rows are put into them within a core's cache
PART_ROWS = 1 << 15  # that a part has at least
ROW_WORK = 12  # bytes a row: its cell and its place among the buckets


def by_bucket(cells: Cells, shift: int, n_buckets: int) -> tuple[Ids, NDArray[np.int64]]:
    """Rows in order of bucket, and where each bucket begins, and the last ends."""
    starts, rows = np.zeros(n_buckets + 2, np.int64), pooled(len(cells), np.int32)
    kernels.cells.rows_by_bucket(cells, shift, starts, rows)
    return rows, starts[:-1]


def numbered(cells: Cells) -> tuple[Cells, Ids]:
    """The distinct cells, ascending, and of each row the number of its cell among them. Of one cell at least."""
    n = len(cells)
    low, bits = int(cells.min()), n.bit_length()
    if (int(cells.max()) - low).bit_length() + bits > 63:
        found, inverse = np.unique(cells, return_inverse=True)
        return found, np.asarray(inverse, np.int32)
    packed = cells - low
    packed <<= bits
    packed |= np.arange(n)
    packed.sort()
    found, ids = np.empty(n, np.int64), np.empty(n, np.int32)
    n_found = kernels.cells.number_sorted(packed, bits, low, found, ids)
    return found[:n_found], ids


@dataclass(slots=True)
class Piece:
    """What one task divides: rows of one Local, in chunks that it puts together, or a table of groups. `rank`: of its codes.

    Then its rows, or groups, are in order of bucket: `starts[b]` is where one begins.
    """

    rank: list[Ranks]
    chunks: Sequence[RowBlock] = ()
    table: Table | None = None
    rows: RowBlock | None = None
    members: Ids | None = None  # of the table
    cells: Cells | None = None
    starts: NDArray[np.int64] | None = None

    def divide(self, axes: Axes, shift: int, n_buckets: int) -> None:
        rows, codes = self._codes()
        cells = axes.cells(codes, self.rank)
        order, self.starts = by_bucket(cells, shift, n_buckets)
        self.cells = cells[order]
        if rows is not None:
            self.rows = rows.take(order)
        else:
            self.members = order

    def _codes(self) -> tuple[RowBlock | None, Sequence[Ids]]:
        if self.table is not None:
            keys = self.table.keys
            assert isinstance(keys, ManyKeys)
            return None, [keys.codes(j) for j in range(len(self.rank))]
        rows, self.chunks = joined(self.chunks), ()
        return rows, rows.codes

    def ends(self, low: int, high: int) -> tuple[int, int]:
        """Where the buckets low .. high lie."""
        assert self.starts is not None
        return int(self.starts[low]), int(self.starts[high])


class CellMerge:
    """Of rows and of tables; first all `divisions`, then the `parts`, each from one bucket to another."""

    def __init__(self, program: Program, ctx: Context, axes: Axes, pieces: Sequence[Piece]) -> None:
        self._program, self._ctx, self._axes, self._pieces = program, ctx, axes, pieces
        self._shift = max(0, (axes.n_cells - 1).bit_length() - BUCKETS.bit_length() + 1)
        self._n_buckets = (max(axes.n_cells - 1, 0) >> self._shift) + 1

    def divisions(self) -> list[Callable[[], None]]:
        return [partial(self._divide, piece) for piece in self._pieces]

    def _divide(self, piece: Piece) -> None:
        self._ctx.check()
        piece.divide(self._axes, self._shift, self._n_buckets)

    def parts(self) -> list[tuple[int, int]]:
        """Stretches of buckets, of PART_ROWS rows or more where there are so many."""
        ends = np.zeros(self._n_buckets, np.int64)
        for piece in self._pieces:
            assert piece.starts is not None
            ends += piece.starts[1:]
        n_parts = max(1, int(ends[-1]) // PART_ROWS)
        cuts = np.searchsorted(ends, ends[-1] * np.arange(1, n_parts) // n_parts, side="left") + 1
        bounds = np.unique([0, *cuts.tolist(), self._n_buckets]).tolist()
        return list(pairwise(bounds))

    def rows_of(self, low: int, high: int) -> int:
        return sum(b - a for a, b in (p.ends(low, high) for p in self._pieces))

    def groups(self, low: int, high: int) -> tuple[Axes, Cells, list[State]]:
        """The cells of the groups in the buckets low .. high, ascending, and their states."""
        ends = [p.ends(low, high) for p in self._pieces]
        met = [(p, a, b) for p, (a, b) in zip(self._pieces, ends, strict=True) if a < b]
        if not met:
            return self._axes, np.zeros(0, np.int64), self._states(0)
        found, ids = numbered(np.concatenate([p.cells[a:b] for p, a, b in met if p.cells is not None]))
        places = np.cumsum([0, *(b - a for _, a, b in met)]).tolist()
        rows: list[tuple[RowBlock, Ids]] = []
        tables: list[tuple[Table, Ids, Ids]] = []
        for (piece, a, b), at, to in zip(met, places[:-1], places[1:], strict=True):
            if piece.table is not None and piece.members is not None:
                tables.append((piece.table, piece.members[a:b], ids[at:to]))
            elif piece.rows is not None:
                rows.append((piece.rows.slice(a, b), ids[at:to]))
        states = self._states(len(found))
        if rows:
            block = joined([r for r, _ in rows])
            block.update(self._program, states, np.concatenate([g for _, g in rows]), self._ctx.stop)
            for state in states:
                state.seal()
            self._ctx.check()
            if tables:  # a state takes others only before rows of its own
                every = np.arange(len(found), dtype=np.int32)
                tables.append((Table(tables[0][0].keys, states), every, every))
                states = self._states(len(found))
        for table, members, groups in tables:
            for mine, theirs in zip(states, table.states, strict=True):
                mine.merge(theirs, members, groups, True)
        return self._axes, found, states

    def _states(self, n: int) -> list[State]:
        states = self._program.states()
        for state in states:
            state.resize(n)
        return states


def cell_merge(
    program: Program, ctx: Context, tables: Sequence[Table], deferred: Sequence[DeferredRows | None]
) -> CellMerge | None:
    """None where there are too many cells for it. A table whose rows were deferred, too, has the codes of both."""
    keys = [t.keys for t in tables if isinstance(t.keys, ManyKeys) and t.keys.compiled]
    if len(keys) < len(tables) or any(map(is_opaque, program.key_types)):
        return None
    if prod(max(k.coders[j].n for k in keys) for j in range(len(program.key_types))) > MOST_CELLS:
        return None
    axes, rank = axes_of(keys, len(program.key_types), True)
    if axes.n_cells > MOST_CELLS:
        return None
    pieces = [Piece(r, table=t) for t, r in zip(tables, rank, strict=True) if t.keys.n]
    for rows, r in zip(deferred, rank, strict=True):
        if rows is not None:
            pieces += [Piece(r, chunks) for chunks in rows.blocks()]
    return CellMerge(program, ctx, axes, pieces) if pieces else None


def bytes_needed(tables: Sequence[Table], deferred: Sequence[DeferredRows | None]) -> int:
    """For cells, places, and rows that are put together."""
    n = sum(t.keys.n for t in tables) + sum(d.n for d in deferred if d is not None)
    return ROW_WORK * n + sum(d.nbytes for d in deferred if d is not None)
