"""Groups of several tables in order of their keys, without hashing or sorting: a cell for each tuple of keys that could be.

Each key's distinct values are ranked over all tables; a group's cell is the number of its ranks in mixed radix, so cells
are in order of keys. Used where most cells have a group, as those of keys by minutes have.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from math import prod
from typing import Any, Protocol, TypeAlias

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ...planner.records import dataclass
from ...planner.types import Type
from ..arrow import concat, gathered, indices
from .grouping import Keys, ManyKeys
from .keyform import is_opaque
from .keysort import ranks
from .keytable import Ids
from .pairgrid import PairGrid

CELLS_A_GROUP = 4
MOST_CELLS = (1 << 31) - 1


Cells: TypeAlias = NDArray[np.int64]


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
    """`axes`: of each key its values by rank, in normal form. `tables`: where each table has its groups."""

    axes: tuple[pa.Array[Any], ...]
    tables: tuple[Located, ...]
    compiled: bool

    @property
    def n_cells(self) -> int:
        return prod(map(len, self.axes))

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
        out = []
        for axis in reversed(self.axes[1:]):
            cells, rank = divided(cells, len(axis), self.compiled)
            out.append(gathered(axis, indices(rank)))
        out.append(gathered(self.axes[0], indices(cells)))
        return out[::-1]


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
    found = [_ranked([t.coders[j].table.keys() for t in several]) for j in range(len(types))]
    axes = tuple(axis for axis, _ in found)
    n_cells = prod(map(len, axes))
    if n_cells > most:
        return None
    compiled = all(t.compiled for t in several)
    return Dense(
        axes, tuple(_located(t, [r[i] for _, r in found], axes, compiled) for i, t in enumerate(several)), compiled
    )


def _located(table: ManyKeys, rank: Sequence[NDArray[np.int64]], axes: Sequence[Any], compiled: bool) -> Located:
    """`rank`: of each key the rank of each of the table's codes."""
    if table.grid is not None:
        first, second = (_inverse(r, len(axis)) for r, axis in zip(rank, axes, strict=True))
        return ByPair(table.grid, (first, second))
    cells = np.zeros(table.n, np.int64)
    for j, axis in enumerate(axes):
        cells = extended(cells, table.codes(j), rank[j], len(axis), compiled)
    return ByCell(_inverse(cells, prod(map(len, axes))))


def _inverse(places: NDArray[np.int64], n: int) -> Ids:
    """Which number has each of n places, -1: none."""
    out = np.full(n, -1, np.int32)
    out[places] = np.arange(len(places), dtype=np.int32)
    return out


def extended(cells: Cells, codes: Ids, rank: NDArray[np.int64], width: int, compiled: bool) -> Cells:
    """Cells of one key more, by the rank of each code."""
    if not compiled:
        return cells * width + rank[codes]
    from ..kernels import cells as kernels

    kernels.add_axis(cells, codes, np.ascontiguousarray(rank), width)
    return cells


def divided(cells: Cells, width: int, compiled: bool) -> tuple[Cells, NDArray[Any]]:
    """Cells of the keys but the last, which has so many values, and its ranks."""
    if not compiled:
        return np.divmod(cells, width)
    from ..kernels import cells as kernels

    before, rank = cells.copy(), np.empty(len(cells), np.int32)
    kernels.last_axis(before, width, rank)
    return before, rank


def _ranked(columns: Sequence[pa.Array[Any]]) -> tuple[pa.Array[Any], list[NDArray[np.int64]]]:
    """The distinct values of all columns, nulls first, then ascending; and the rank of each column's values among them."""
    whole = concat(list(columns))
    rank = ranks(whole)
    if len(rank) and not whole.null_count:
        rank -= 1
    first = np.zeros(int(rank.max()) + 1 if len(rank) else 0, np.int64)
    first[rank] = np.arange(len(rank))
    bounds = np.cumsum([0, *map(len, columns)]).tolist()
    return whole.take(indices(first)), [rank[a:b] for a, b in pairwise(bounds)]
