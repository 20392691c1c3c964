"""What aggregates keep that go through the values of a group one after the other: each value, its time and its place."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ....planner.records import dataclass
from ....planner.types import Type
from ...arrow import array_from, is_valid, numbers_of
from .base import Groups, Rows
from .distinct import flat, lists
from .held import Held, stable_order

I64 = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Observations:
    """Values group by group, in order; `starts`: where each group begins, and the end. `times`: None where order is that of input."""

    values: NDArray[np.float64]
    times: I64 | None
    starts: I64
    ns: bool

    @property
    def groups(self) -> Groups:
        return np.repeat(np.arange(len(self.starts) - 1, dtype=np.int32), np.diff(self.starts))


class Observed(Held):
    """Rows where the value, or the time, is null are no observations. `types`: of the value and, if it counts, of the time."""

    ordered = True

    def __init__(self, types: Sequence[Type]) -> None:
        super().__init__()
        self.types = tuple(types)
        self.arity = len(self.types)
        self.columns: list[list[NDArray[Any]]] = [[] for _ in range(self.arity + 1)]  # values, [times,] places

    def update(self, rows: Rows) -> None:
        assert rows.place is not None
        groups, place = rows.groups, rows.place
        words = [numbers_of(a) for a in rows.args]
        nulls = [~is_valid(a) for a in rows.args if a.null_count]
        if nulls:
            keep = ~np.logical_or.reduce(nulls)
            groups, place, words = groups[keep], place[keep], [w[keep] for w in words]
        self._add(groups, [words[0].astype(np.float64), *words[1:], place])

    def _add(self, groups: Groups, columns: Sequence[NDArray[Any]]) -> None:
        if not len(groups):
            return
        self.groups.append(groups.copy())
        self._index = None
        for held, column in zip(self.columns, columns, strict=True):
            held.append(column.copy())
        self._nbytes += groups.nbytes + sum(c.nbytes for c in columns)

    def everything(self) -> list[NDArray[Any]]:
        for i, held in enumerate(self.columns):
            if len(held) != 1:
                kind = np.float64 if i == 0 else np.int64
                self.columns[i] = [np.concatenate(held) if held else np.empty(0, kind)]
        return [held[0] for held in self.columns]

    def seal(self) -> None:
        self.everything()
        self.by_group()

    def merge(self, other: Observed, members: Groups, groups: Groups, compiled: bool) -> None:
        rows, sizes = other.by_group().of(members)
        self._add(np.repeat(groups, sizes).astype(np.int32), [c[rows] for c in other.everything()])

    def in_order(self, n: int) -> Observations:
        """Of n groups, by time where there is one, ties by place."""
        groups, columns = self.all_groups(), self.everything()
        order = _order(groups, columns[1:])
        starts = np.zeros(n + 1, np.int64)
        np.cumsum(np.bincount(groups, minlength=n), out=starts[1:])
        timed = self.arity > 1
        return Observations(
            columns[0][order], columns[1][order] if timed else None, starts, timed and self.types[1].unit == "ns"
        )

    def export(self, members: Groups) -> list[pa.Array[Any]]:
        rows, sizes = self.by_group().of(members)
        none = np.zeros(len(sizes), np.bool_)
        return [lists(array_from(c[rows]), sizes, none) for c in self.everything()]

    def load(self, arrays: Sequence[pa.Array[Any]]) -> None:
        columns = [flat(a) for a in arrays]
        self._add(columns[0][1], [numbers_of(c) for c, _ in columns])


def _order(groups: Groups, keys: Sequence[I64]) -> I64:
    """By group, then by the keys in turn. Rows mostly come in order already."""
    order: I64 = stable_order(groups)
    ordered = [k[order] for k in keys]
    same = groups[order][1:] == groups[order][:-1]
    later = np.zeros(len(same), np.bool_)  # decided by an earlier key
    for key in ordered:
        if (same & ~later & (key[1:] < key[:-1])).any():
            by: list[NDArray[Any]] = [*reversed(keys), groups]
            return np.lexsort(by).astype(np.int64)
        later |= key[1:] > key[:-1]
    return order
