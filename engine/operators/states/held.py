"""All values a group, kept in columns: percentiles, and `array`."""

from __future__ import annotations

import threading
from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ....planner.types import Type
from ...arrow import array_from, concat, indices, is_valid, numbers_of, own
from ..keyform import SIGN, doubles_from, from_words, words_of
from .base import Finished, Groups, Rows, State
from .distinct import flat, lists, ranges

U64 = NDArray[np.uint64]
SORT_ALONE = 512  # values a group, on average, from which each group is sorted by itself


class ByGroup:
    """Rows in order of group, and where each group begins."""

    def __init__(self, groups: Groups) -> None:
        self.order = np.argsort(groups, kind="stable")
        self.bounds = np.zeros((int(groups.max()) if len(groups) else 0) + 2, np.int64)
        np.cumsum(np.bincount(groups, minlength=len(self.bounds) - 1), out=self.bounds[1:])

    def of(self, members: Groups) -> tuple[NDArray[Any], NDArray[Any]]:
        """Rows of these groups, one group behind the other, and how many each has."""
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


class Percentile(Held):
    """Values as ordered words; -0.0 counts as 0.0, NaN as greater than all. `out`: percent and method, as `95 linear`."""

    def __init__(self, type_: Type) -> None:
        super().__init__()
        self.type = type_
        self.words: list[U64] = []
        self._sorted: tuple[U64, NDArray[np.int64]] | None = None

    def key(self) -> Hashable:
        return (Percentile, self.type)

    def update(self, rows: Rows) -> None:
        column, groups = rows.args[0], rows.groups
        words = words_of(self.type, column)
        values = words.values
        if words.nulls is not None:
            groups, values = groups[~words.nulls], values[~words.nulls]
        self._add(groups, values)

    def _add(self, groups: Groups, values: U64) -> None:
        self.groups.append(groups)
        self._index = None
        self.words.append(values)
        self._nbytes += groups.nbytes + values.nbytes

    def all_words(self) -> U64:
        if len(self.words) != 1:
            self.words = [np.concatenate(self.words) if self.words else np.empty(0, np.uint64)]
        return self.words[0]

    def seal(self) -> None:
        self.all_words()
        self.by_group()

    def merge(self, other: Percentile, members: Groups, groups: Groups, compiled: bool) -> None:
        rows, sizes = other.by_group().of(members)
        self._add(np.repeat(groups, sizes).astype(np.int32), other.all_words()[rows])

    def _in_order(self, n: int) -> tuple[U64, NDArray[np.int64]]:
        """Words sorted within each group, and where each of n groups begins."""
        if self._sorted is None:
            groups, words = self.all_groups(), self.all_words()
            bounds = np.zeros(n + 1, np.int64)
            np.cumsum(np.bincount(groups, minlength=n), out=bounds[1:])
            if n <= 1:
                words = np.sort(words)
            elif len(words) >= SORT_ALONE * n:
                words = words[self.by_group().order]
                for a, b in zip(bounds[:-1].tolist(), bounds[1:].tolist(), strict=True):
                    words[a:b].sort()
            else:
                words = words[np.lexsort((words, groups))]
            self._sorted = words, bounds
        return self._sorted

    def finish(self, n: int, out: str, compiled: bool) -> Finished:
        words, bounds = self._in_order(n)
        percent, method = out.split()
        sizes = np.diff(bounds)
        nulls = sizes == 0
        if not len(words):
            words, nulls = np.zeros(1, np.uint64), np.ones(n, np.bool_)
        # multiplied before it is divided, so that whole percents of round counts fall on a row exactly
        at = np.maximum(sizes - 1, 0) * float(percent) / 100.0
        low, high = np.floor(at).astype(np.int64), np.ceil(at).astype(np.int64)
        base = np.minimum(bounds[:-1], len(words) - 1)
        if method in ("lower", "higher", "nearest"):
            row = {"lower": low, "higher": high, "nearest": np.rint(at).astype(np.int64)}[method]
            return Finished(from_words(self.type, np.where(nulls, np.uint64(0), words[base + row]), nulls))
        part = np.where(low < high, 0.5, 0.0) if method == "midpoint" else at - low
        return Finished(self._between(words[base + low], words[base + high], part, nulls))

    def _between(self, low: U64, high: U64, part: NDArray[np.float64], nulls: NDArray[np.bool_]) -> pa.Array[Any]:
        if self.type.kind in ("date", "duration"):
            a, b = (low ^ SIGN).view(np.int64), (high ^ SIGN).view(np.int64)
            between = a + np.rint((b - a) * part).astype(np.int64)
            return array_from(np.where(nulls, 0, between), nulls, self.type.arrow)
        if self.type.kind == "double":
            x, y = doubles_from(low), doubles_from(high)
        else:
            x, y = ((w ^ SIGN).view(np.int64).astype(np.float64) for w in (low, high))
        with np.errstate(invalid="ignore", over="ignore"):
            value = x + (y - x) * part
            far = np.isinf(y - x) & np.isfinite(x) & np.isfinite(y)
            value = np.where(far, x * (1 - part) + y * part, value)
        value = np.where((x == y) | (part == 0), x, value)
        return array_from(np.where(nulls, 0.0, value), nulls)

    def export(self, members: Groups) -> list[pa.Array[Any]]:
        rows, sizes = self.by_group().of(members)
        return [lists(array_from(self.all_words()[rows]), sizes, np.zeros(len(sizes), np.bool_))]

    def load(self, arrays: Sequence[pa.Array[Any]]) -> None:
        values, groups = flat(arrays[0])
        self._add(groups, numbers_of(values).view(np.uint64))


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
            self.values = [concat(self.values) if self.values else pa.nulls(0, self.type.arrow)]
            self.places = [np.concatenate(self.places) if self.places else np.empty(0, np.int64)]
        return self.values[0], self.places[0]

    def seal(self) -> None:
        self.everything()
        self.by_group()

    def merge(self, other: Everything, members: Groups, groups: Groups, compiled: bool) -> None:
        rows, sizes = other.by_group().of(members)
        values, places = other.everything()
        self._add(np.repeat(groups, sizes).astype(np.int32), values.take(indices(rows)), places[rows])

    def finish(self, n: int, out: str, compiled: bool) -> Finished:
        groups = self.all_groups()
        values, places = self.everything()
        order = np.lexsort((places, groups))
        sizes = np.bincount(groups, minlength=n)
        cut = 0
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
