"""Distinct keys of whole numbers that lie close together: a cell for each value that could be, no hashing.

Numbers are given in order of first sight, as by a table over the keys.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ...planner.records import dataclass
from ...planner.types import Type
from ..arrow import bools_of, filled, is_valid, numbers_of
from ..batch import Column
from .keytable import CLOSE, Ids

WHOLE = frozenset({"long", "date", "duration", "months", "bool"})
LEAST_CELLS, CELLS_A_KEY = 1 << 20, 64  # so many cells are at most a few megabytes, and cost less than hashing the keys
MOST_CELLS = (1 << 31) - 2


@dataclass(frozen=True, slots=True)
class Axis:
    """Values low .. low + room - 1 of one key; with `null_at` >= 0 null stands behind them."""

    low: int
    room: int
    null_at: int

    @property
    def width(self) -> int:
        return self.room + (self.null_at >= 0)


class DenseKeys:
    """Compiled only. Once its rows are numbered nothing is entered any more, so that workers may share it."""

    def __init__(self, axes: Sequence[Axis]) -> None:
        self._axes = axes
        cells = 1
        for axis in axes:
            cells *= axis.width
        self._table = filled(cells + 1, -1)  # the first entry is for keys that are in no cell
        self.n = 0

    def ids(self, columns: Sequence[Column], n_rows: int, stop: NDArray[np.uint8]) -> Ids:
        """Numbers of rows whose keys are all within the axes; new ones are given."""
        from ..kernels import dense

        cells = self._cells(columns, n_rows)
        self.n = int(dense.number_cells(cells, self._table, self.n))
        return cells

    def find(self, columns: Sequence[Column], n_rows: int) -> Ids:
        """Numbers of keys; -1 where there is no such."""
        from ..kernels import dense

        cells = self._cells(columns, n_rows)
        dense.look_up(cells, self._table)
        return cells

    def renumber(self, numbers: Ids) -> None:
        """From here on key number i is told as numbers[i]."""
        known = np.flatnonzero(self._table >= 0)
        self._table[known] = numbers[self._table[known]]

    def nbytes(self) -> int:
        return self._table.nbytes

    def _cells(self, columns: Sequence[Column], n_rows: int) -> Ids:
        from ..kernels import dense

        out = np.empty(n_rows, np.int32)
        for j, (axis, column) in enumerate(zip(self._axes, columns, strict=True)):
            values, nulls = _values(column), _nulls(column)
            low, room, null_at = np.int64(axis.low), axis.room, axis.null_at
            if j:
                dense.next_cells(values, nulls, low, room, null_at, axis.width, out)
            else:
                dense.first_cells(values, nulls, low, room, null_at, out)
        return out


def dense_keys(types: Sequence[Type], columns: Sequence[Column], n_rows: int, memory: int) -> DenseKeys | None:
    """A table that has room for the keys of these rows, if they lie close enough together for one of so many bytes."""
    if not n_rows or not types or any(t.kind not in WHOLE for t in types):
        return None
    most = min(max(CLOSE * n_rows, min(LEAST_CELLS, CELLS_A_KEY * n_rows)), MOST_CELLS, memory // 4)
    axes, cells = [], 1
    for column in columns:
        axis = _axis(column)
        cells *= axis.width
        if cells > most:
            return None
        axes.append(axis)
    return DenseKeys(axes)


def _axis(column: Any) -> Axis:
    values, nulls = _values(column), _nulls(column)
    if len(nulls):
        values = values[nulls == 0]
    if not len(values):
        return Axis(0, 0, 0)
    low = int(values.min())
    room = int(values.max()) - low + 1
    return Axis(low, room, room if len(nulls) else -1)


def _values(column: Any) -> NDArray[np.int64]:
    if pa.types.is_boolean(column.type):
        return bools_of(column).astype(np.int64)
    if pa.types.is_null(column.type):
        return np.zeros(len(column), np.int64)
    return numbers_of(column)


def _nulls(column: Any) -> NDArray[np.uint8]:
    """A byte a row; empty where nothing is null."""
    return (~is_valid(column)).view(np.uint8) if column.null_count else np.empty(0, np.uint8)
