"""Groups of several tables in order of their keys, without hashing or sorting: a cell for each tuple of keys that could be.

Each key's distinct values are ranked over all tables (`groupaxes`). Used where most cells have a group, as those of keys by
minutes have.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ...planner.records import dataclass
from ...planner.types import Type
from ..arrow import filled, pooled
from .groupaxes import Axes, Cells, Ranks, axes_of
from .grouping import Keys, ManyKeys
from .groupprogram import Program, Table
from .keyform import is_opaque
from .keytable import Ids
from .pairgrid import PairGrid
from .states import State

CELLS_A_GROUP = 4
MOST_CELLS = (1 << 31) - 1


class Located(Protocol):
    """The groups of one table by cell."""

    def groups(self, low: int, high: int, out: Ids) -> None:
        """The group in each of the cells low .. high, -1: none."""


@dataclass(frozen=True, slots=True)
class ByCell:
    by_cell: Ids

    def groups(self, low: int, high: int, out: Ids) -> None:
        out[:] = self.by_cell[low:high]


@dataclass(frozen=True, slots=True)
class ByPair:
    """Two keys whose pairs have a grid already. `codes`: of each key the code at each rank, -1 where the table has none."""

    grid: PairGrid
    codes: tuple[Ids, Ids]

    def groups(self, low: int, high: int, out: Ids) -> None:
        self.grid.in_order(*self.codes, low, high, out)


@dataclass(frozen=True, slots=True)
class Dense:
    """`tables`: where each table has its groups."""

    axes: Axes
    tables: tuple[Located, ...]

    @property
    def n_cells(self) -> int:
        return self.axes.n_cells

    def groups(self, low: int, high: int) -> tuple[Cells, list[Ids]]:
        """The cells low .. high that some table has, ascending, and of each table the group in each of them, -1: none."""
        n = high - low
        found = pooled(len(self.tables) * n, np.int32).reshape(len(self.tables), n)
        for table, out in zip(self.tables, found, strict=True):
            table.groups(low, high, out)
        if not self.axes.compiled:
            at = np.flatnonzero((found >= 0).any(axis=0))
            return at + low, list(found[:, at])
        from ..kernels import dense

        cells = pooled(n + 1, np.int64)
        n_met = dense.keep_met(found.reshape(-1), len(found), low, cells)
        return cells[:n_met], list(found[:, :n_met])

    def keys(self, cells: Cells) -> list[pa.Array[Any]]:
        """In normal form."""
        return self.axes.keys(cells)


def most_cells(n_groups: int) -> int:
    return min(CELLS_A_GROUP * n_groups, MOST_CELLS)


def dense_of(types: Sequence[Type], tables: Sequence[Keys]) -> Dense | None:
    """None where cells would be too many for these groups, or a key cannot be made from its normal form."""
    several = [t for t in tables if isinstance(t, ManyKeys)]
    if len(several) < len(tables) or any(map(is_opaque, types)):
        return None
    most = most_cells(sum(t.n for t in several))
    if prod(max(t.coders[j].n for t in several) for j in range(len(types))) > most:
        return None  # whatever the ranks will be
    compiled = all(t.compiled for t in several)
    axes, rank = axes_of(several, len(types), compiled)
    if axes.n_cells > most:
        return None
    return Dense(axes, tuple(_located(t, r, axes) for t, r in zip(several, rank, strict=True)))


def _located(table: ManyKeys, rank: Sequence[Ranks], axes: Axes) -> Located:
    if table.grid is not None:
        first, second = (_inverse(r, len(axis)) for r, axis in zip(rank, axes.values, strict=True))
        return ByPair(table.grid, (first, second))
    codes = [table.codes(j) for j in range(len(rank))]
    return ByCell(_inverse(axes.cells(codes, rank), axes.n_cells))


def _inverse(places: NDArray[np.int64], n: int) -> Ids:
    """Which number has each of n places, -1: none."""
    out = filled(n, -1)
    out[places] = np.arange(len(places), dtype=np.int32)
    return out


def merged_cells(
    program: Program, dense: Dense, tables: Sequence[Table], low: int, high: int, compiled: bool
) -> tuple[Cells, list[State]]:
    """Of the cells low .. high those that have a group, ascending, and the states of these, of all tables."""
    cells, of_tables = dense.groups(low, high)
    states = program.states()
    for k, (table, by_cell) in enumerate(zip(tables, of_tables, strict=True)):
        rows: tuple[Ids, Ids] | None = None
        for mine, theirs in zip(states, table.states, strict=True):
            if k == 0 and mine.lay(theirs, by_cell, compiled):
                continue
            if k == 0:
                mine.resize(len(cells))
            groups, members = rows = rows or met(by_cell, compiled)
            mine.merge(theirs, members, groups, compiled)
    return cells, states


def met(numbers: Ids, compiled: bool) -> tuple[Ids, Ids]:
    """Where a number is not negative, and these numbers."""
    if not compiled:
        rows = np.flatnonzero(numbers >= 0).astype(np.int32)
        return rows, numbers[rows]
    from ..kernels import dense

    rows, found = pooled(2 * (len(numbers) + 1), np.int32).reshape(2, -1)
    n = dense.rows_with(numbers, rows, found)
    return rows[:n], found[:n]
