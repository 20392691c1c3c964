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
from .groupaxes import Axes, Cells, Ranks, axes_of
from .grouping import Keys, ManyKeys
from .keyform import is_opaque
from .keytable import Ids
from .pairgrid import PairGrid

CELLS_A_GROUP = 4
MOST_CELLS = (1 << 31) - 1


class Located(Protocol):
    """The groups of one table by cell."""

    def groups(self, low: int, high: int) -> Ids:
        """The group in each of the cells low .. high, -1: none."""


@dataclass(frozen=True, slots=True)
class ByCell:
    by_cell: Ids

    def groups(self, low: int, high: int) -> Ids:
        return self.by_cell[low:high]


@dataclass(frozen=True, slots=True)
class ByPair:
    """Two keys whose pairs have a grid already. `codes`: of each key the code at each rank, -1 where the table has none."""

    grid: PairGrid
    codes: tuple[Ids, Ids]

    def groups(self, low: int, high: int) -> Ids:
        return self.grid.in_order(*self.codes, low, high)


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
        found = [t.groups(low, high) for t in self.tables]
        met = found[0] >= 0
        for more in found[1:]:
            met |= more >= 0
        if met.all():
            return np.arange(low, high), found
        at = np.flatnonzero(met)
        return at + low, [f[at] for f in found]

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
    out = np.full(n, -1, np.int32)
    out[places] = np.arange(len(places), dtype=np.int32)
    return out
