"""Groups of several tables in order of their keys, without hashing or sorting: a cell for each tuple of keys that could be.

Each key's distinct values are ranked over all tables; a group's cell is the number of its ranks in mixed radix, so cells
are in order of keys. Used where most cells have a group, as those of keys by minutes have.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from math import prod
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ...planner.types import Type
from ..arrow import concat, indices
from .grouping import Keys, ManyKeys
from .keyform import is_opaque
from .keysort import ranks
from .keytable import Ids

CELLS_A_GROUP = 4
MOST_CELLS = (1 << 31) - 1


Cells: TypeAlias = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Dense:
    """`axes`: of each key its values by rank, in normal form. `places`: of each table the cell of each group.

    `groups`: of each table the group in each cell, -1: none.
    """

    axes: tuple[pa.Array[Any], ...]
    places: tuple[Cells, ...]
    compiled: bool
    groups: list[Ids] = field(default_factory=list)

    @property
    def n_cells(self) -> int:
        return prod(map(len, self.axes))

    def place_groups(self) -> None:
        """Before `present` is asked."""
        for cells in self.places:
            by_cell = np.full(self.n_cells, -1, np.int32)
            by_cell[cells] = np.arange(len(cells), dtype=np.int32)
            self.groups.append(by_cell)

    def present(self, low: int, high: int) -> Cells:
        """The cells low .. high that some table has, ascending."""
        met = self.groups[0][low:high] >= 0
        for more in self.groups[1:]:
            met |= more[low:high] >= 0
        return np.flatnonzero(met) + low

    def keys(self, cells: Cells) -> list[pa.Array[Any]]:
        """In normal form."""
        out = []
        for axis in reversed(self.axes):
            cells, rank = divided(cells, len(axis), self.compiled)
            out.append(axis.take(indices(rank)))
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
    places = []
    for i, table in enumerate(several):
        cells = np.zeros(table.n, np.int64)
        for j, (axis, rank) in enumerate(found):
            cells = extended(cells, table.codes(j), rank[i], len(axis), compiled)
        places.append(cells)
    return Dense(axes, tuple(places), compiled)


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
