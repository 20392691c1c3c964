"""Groups that most tables have for themselves: each table is finished as it is, and its values are put in order of keys when they are read.

Nothing but the few groups that several tables have is merged, so that no state is copied.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ...planner.types import Schema
from ..arrow import concat, gathered, indices, joined
from ..arrow import nulls as null_array
from ..batch import Batch
from ..context import Context
from ..operator import Partition
from .groupdense import MOST_CELLS, Cells, Dense
from .groupprogram import Table
from .grouprows import PIECE_ROWS, Layout, Run
from .keytable import Ids


@dataclass(slots=True)
class Gather:
    """`cells`: those that have a group, ascending; `rows`: the place of each one's values, the tables one behind the other.

    `parts`: the values of each table's groups, keys left out, as they are finished.
    """

    dense: Dense
    cells: Cells
    rows: Ids
    parts: dict[int, Run] = field(default_factory=dict)

    def join(self) -> None:
        """When every table is finished: their columns in one piece."""
        runs = [self.parts[i] for i in sorted(self.parts)]
        aggs = [joined([r.aggs[j] for r in runs]) for j in range(len(runs[0].aggs))]
        faulty = sorted({i for r in runs for i in r.faults})
        faults = {
            i: concat([r.faults[i] if i in r.faults else null_array(len(r), pa.string()) for r in runs]) for i in faulty
        }
        self.parts = {0: Run([], aggs, False, {}, faults)}

    def nbytes(self) -> int:
        return self.cells.nbytes + self.rows.nbytes + sum(r.nbytes() for r in self.parts.values())

    def run(self, low: int, high: int) -> Run:
        """The groups low .. high in order of keys; `join` comes before."""
        whole, rows = self.parts[0], indices(self.rows[low:high])
        aggs = [gathered(a, rows) for a in whole.aggs]
        return Run(
            self.dense.keys(self.cells[low:high]), aggs, False, {}, {i: f.take(rows) for i, f in whole.faults.items()}
        )


def gather_of(dense: Dense, tables: Sequence[Table], compiled: bool) -> Gather | None:
    """Folds what several tables have into the first that has it. None, and nothing is done, where that would be much.

    States that hold values are merged by ranges of cells instead, which more threads can do at once.
    """
    total = sum(t.keys.n for t in tables)
    if total > MOST_CELLS or any(s.grows for t in tables for s in t.states):
        return None
    rows = np.full(dense.n_cells, -1, np.int32)
    starts = np.cumsum([0, *(t.keys.n for t in tables)])
    shared = [
        claimed(cells, start, rows, compiled) for cells, start in zip(dense.places, starts.tolist(), strict=False)
    ]
    n_shared = sum(map(len, shared))
    if 3 * n_shared > total:
        return None
    for table, cells, members in zip(tables, dense.places, shared, strict=True):
        if len(members):
            _fold(tables, starts, table, members, rows[cells[members]], compiled)
    return Gather(Dense(dense.axes, (), compiled), *_present(rows, total - n_shared, compiled))


def claimed(cells: Cells, start: int, rows: Ids, compiled: bool) -> Ids:
    """Groups in these cells, numbered from `start`, go into `rows` where these are -1; the other groups are told."""
    if compiled:
        from ..kernels import cells as kernels

        shared = np.empty(len(cells), np.int32)
        return shared[: kernels.claim(cells, start, rows, shared)]
    free = rows[cells] < 0
    rows[cells[free]] = (np.flatnonzero(free) + start).astype(np.int32)
    return np.flatnonzero(~free).astype(np.int32)


def _present(rows: Ids, n: int, compiled: bool) -> tuple[Cells, Ids]:
    """The n cells that are not -1, ascending, and what stands in them."""
    if not compiled:
        found = np.flatnonzero(rows >= 0)
        return found, rows[found]
    from ..kernels import cells as kernels

    cells, out = np.empty(n + 1, np.int64), np.empty(n + 1, np.int32)
    kernels.taken(rows, cells, out)
    return cells[:n], out[:n]


def _fold(
    tables: Sequence[Table], starts: NDArray[np.int64], table: Table, members: Ids, rows: Ids, compiled: bool
) -> None:
    """Groups `members` of a table into the groups of others that stand at `rows`."""
    owners = np.searchsorted(starts, rows, "right") - 1
    for j in np.unique(owners).tolist():
        his = owners == j
        groups = rows[his] - np.int32(starts[j])
        for into, state in zip(tables[j].states, table.states, strict=True):
            into.merge(state, members[his], groups, compiled)


@dataclass(frozen=True, slots=True)
class GatheredPiece:
    """The groups low .. high in order of keys."""

    layout: Layout
    gather: Gather
    low: int
    high: int
    seq: int

    def batches(self, ctx: Context) -> Iterator[Batch]:
        ctx.check()
        yield from self.layout.emit(self.gather.run(self.low, self.high), self.seq, ctx)


class GatheredRows:
    """The output of a grouping as a source; each piece is put in order when it is read."""

    def __init__(self, layout: Layout, gather: Gather) -> None:
        self._layout, self._gather = layout, gather

    @property
    def schema(self) -> Schema:
        return self._layout.schema

    def partitions(self, target: int) -> Sequence[Partition]:
        n = len(self._gather.cells)
        k = -(-n // max(1, min(target, PIECE_ROWS)))
        return [GatheredPiece(self._layout, self._gather, n * i // k, n * (i + 1) // k, i) for i in range(k)]


def ranges(n: int, rows: int) -> list[tuple[int, int]]:
    """0 .. n in stretches of at most so many."""
    return [(low, min(low + rows, n)) for low in range(0, n, rows)]


__all__ = ["Gather", "GatheredRows", "gather_of", "ranges"]
