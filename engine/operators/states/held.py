"""All values a group, kept in columns: `array`, and what percentiles share with it."""

from __future__ import annotations

import threading
from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ....planner.types import Type
from ...arrow import array_from, concat, indices, is_valid, numbers_of, own
from ...arrow import nulls as null_array
from .base import Finished, Groups, Rows, State
from .distinct import flat, lists, ranges


def stable_order(groups: Groups) -> NDArray[np.int64]:
    """NumPy sorts 16-bit integers by radix."""
    if bool((groups[1:] >= groups[:-1]).all()):
        return np.arange(len(groups))
    small = len(groups) > 0 and int(groups.max()) < 1 << 16
    return np.argsort(groups.astype(np.uint16) if small else groups, kind="stable")


def is_all(rows: NDArray[Any], n: int) -> bool:
    """Whether these are all of n rows, in order."""
    return len(rows) == n and (n == 0 or (rows[0] == 0 and rows[-1] == n - 1)) and bool((rows == np.arange(n)).all())


def is_ordered(groups: Groups, places: NDArray[np.int64]) -> bool:
    """By group, then by place."""
    later = groups[1:] == groups[:-1]
    later &= places[1:] > places[:-1]
    later |= groups[1:] > groups[:-1]
    return bool(later.all())


class ByGroup:
    """Rows in order of group, and where each group begins."""

    def __init__(self, groups: Groups) -> None:
        self.order = stable_order(groups)
        self.bounds = np.zeros((int(groups.max()) if len(groups) else 0) + 2, np.int64)
        np.cumsum(np.bincount(groups, minlength=len(self.bounds) - 1), out=self.bounds[1:])

    def of(self, members: Groups) -> tuple[NDArray[Any], NDArray[Any]]:
        """Rows of these groups, one group behind the other, and how many each has."""
        if is_all(members, len(self.bounds) - 1):
            return self.order, np.diff(self.bounds)
        inside = members < len(self.bounds) - 1
        at = np.where(inside, members, 0)
        sizes = np.where(inside, self.bounds[at + 1] - self.bounds[at], 0)
        return self.order[ranges(self.bounds[at], sizes)], sizes


class Held(State):
    """`groups` and what subclasses keep beside, a chunk a batch."""

    grows = True

    def __init__(self) -> None:
        self.groups: list[Groups] = []
        self._nbytes = 0
        self._index: ByGroup | None = None
        self._lock = threading.Lock()

    def resize(self, n: int) -> None:
        return None

    def nbytes(self) -> int:
        return self._nbytes

    def all_groups(self) -> Groups:
        if len(self.groups) != 1:
            self.groups = [np.concatenate(self.groups) if self.groups else np.empty(0, np.int32)]
        return self.groups[0]

    def by_group(self) -> ByGroup:
        with self._lock:
            if self._index is None:
                self._index = ByGroup(self.all_groups())
            return self._index


class Everything(Held):
    """`array`: all values that are not null, in input order; `cap` of them at most."""

    ordered = True

    def __init__(self, type_: Type, cap: int | None) -> None:
        super().__init__()
        self.type, self.cap = type_, cap
        self.values: list[pa.Array[Any]] = []
        self.places: list[NDArray[np.int64]] = []

    def key(self) -> Hashable:
        return (Everything, self.type, self.cap)

    def update(self, rows: Rows) -> None:
        column, groups, place = rows.args[0], rows.groups, rows.place
        assert place is not None
        if column.null_count:
            at = np.flatnonzero(is_valid(column))
            column, groups, place = column.take(indices(at)), groups[at], place[at]
        self._add(groups, own(column), place)

    def _add(self, groups: Groups, values: pa.Array[Any], place: NDArray[np.int64]) -> None:
        self.groups.append(groups)
        self._index = None
        self.values.append(values)
        self.places.append(place)
        self._nbytes += groups.nbytes + values.nbytes + place.nbytes

    def everything(self) -> tuple[pa.Array[Any], NDArray[np.int64]]:
        if len(self.values) != 1:
            self.values = [concat(self.values) if self.values else null_array(0, self.type.arrow)]
            self.places = [np.concatenate(self.places) if self.places else np.empty(0, np.int64)]
        return self.values[0], self.places[0]

    def seal(self) -> None:
        self.everything()
        self.by_group()

    def merge(self, other: Everything, members: Groups, groups: Groups, compiled: bool) -> None:
        rows, sizes = other.by_group().of(members)
        values, places = other.everything()
        repeated = np.repeat(groups.astype(np.int32, copy=False), sizes)
        if is_all(rows, len(places)):
            self._add(repeated, values, places)
        else:
            self._add(repeated, values.take(indices(rows)), places[rows])

    def finish(self, n: int, out: str, compiled: bool) -> Finished:
        groups = self.all_groups()
        values, places = self.everything()
        sizes = np.bincount(groups, minlength=n)
        cut = 0
        if self.cap is None and is_ordered(groups, places):
            return Finished(lists(values, sizes, sizes == 0))
        order = np.lexsort((places, groups))
        if self.cap is not None:
            starts = np.cumsum(sizes) - sizes
            keep = np.arange(len(order)) - starts[groups[order]] < self.cap
            cut = int(len(keep) - keep.sum())
            order, sizes = order[keep], np.minimum(sizes, self.cap)
        return Finished(lists(values.take(indices(order)), sizes, sizes == 0), cut=cut)

    def export(self, members: Groups) -> list[pa.Array[Any]]:
        rows, sizes = self.by_group().of(members)
        values, places = self.everything()
        none = np.zeros(len(sizes), np.bool_)
        return [lists(values.take(indices(rows)), sizes, none), lists(array_from(places[rows]), sizes, none)]

    def load(self, arrays: Sequence[pa.Array[Any]]) -> None:
        values, groups = flat(arrays[0])
        self._add(groups, values, numbers_of(flat(arrays[1])[0]))
