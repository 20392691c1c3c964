"""The distinct values of several keys over all tables, in order, and cells: a number for each tuple of keys that there could be.

A cell is the number of a tuple's ranks in mixed radix, the first key highest, so cells are in order of keys.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from math import prod
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ...planner.records import dataclass
from ..arrow import concat, gathered, indices, pooled
from .grouping import ManyKeys
from .keysort import ranks
from .keytable import Ids

Cells: TypeAlias = NDArray[np.int64]
Ranks: TypeAlias = NDArray[np.int64]  # of each code of a table


@dataclass(frozen=True, slots=True)
class Axes:
    """`values`: of each key, by rank, in normal form."""

    values: tuple[pa.Array[Any], ...]
    compiled: bool

    @property
    def n_cells(self) -> int:
        return prod(map(len, self.values))

    def keys(self, cells: Cells) -> list[pa.Array[Any]]:
        """Of these cells, in normal form. Cells below 2**52."""
        out = []
        for axis in reversed(self.values[1:]):
            cells, rank = divided(cells, len(axis), self.compiled)
            out.append(gathered(axis, indices(rank)))
        out.append(gathered(self.values[0], indices(cells)))
        return out[::-1]

    def cells(self, codes: Sequence[Ids], rank: Sequence[Ranks]) -> Cells:
        """Of rows, or groups, that have these codes in one table; `rank`: of that table, a key each."""
        cells = np.zeros(len(codes[0]), np.int64)
        for of_rows, of_codes, axis in zip(codes, rank, self.values, strict=True):
            cells = extended(cells, of_rows, of_codes, len(axis), self.compiled)
        return cells


def axes_of(tables: Sequence[ManyKeys], n_keys: int, compiled: bool) -> tuple[Axes, list[list[Ranks]]]:
    """With the ranks of each table's codes, a key each."""
    found = [_ranked([t.coders[j].table.keys() for t in tables]) for j in range(n_keys)]
    return Axes(tuple(axis for axis, _ in found), compiled), [[r[i] for _, r in found] for i in range(len(tables))]


def extended(cells: Cells, codes: Ids, rank: Ranks, width: int, compiled: bool) -> Cells:
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

    before, rank = pooled(len(cells), np.int64), pooled(len(cells), np.int32)
    kernels.last_axis(np.ascontiguousarray(cells), width, before, rank)
    return before, rank


def _ranked(columns: Sequence[pa.Array[Any]]) -> tuple[pa.Array[Any], list[Ranks]]:
    """The distinct values of all columns, nulls first, then ascending; and the rank of each column's values among them."""
    whole = concat(list(columns))
    rank = ranks(whole)
    if len(rank) and not whole.null_count:
        rank -= 1
    first = np.zeros(int(rank.max()) + 1 if len(rank) else 0, np.int64)
    first[rank] = np.arange(len(rank))
    bounds = np.cumsum([0, *map(len, columns)]).tolist()
    return whole.take(indices(first)), [rank[a:b] for a, b in pairwise(bounds)]
