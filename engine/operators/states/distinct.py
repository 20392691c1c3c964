"""Distinct values a group, and how often each occurs: dc, values, mode, entropy."""

from __future__ import annotations

import threading
from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ....planner.types import Type
from ...arrow import array_from, buffer_of, call, indices, is_valid, numbers_of, offsets_of
from ...arrow import nulls as null_array
from ...batch import Spans
from ..grouping import Coder, distinct_codes
from ..keyform import Words
from ..keysort import order_of
from ..keytable import DictTable, compile_table, new_table
from .base import Finished, Groups, Rows, State, fit

NEVER = np.zeros(1, np.uint8)


class Distinct(State):
    """A table of values gives codes; a table of (group, code) pairs holds what was seen, with counts if wanted."""

    grows = True
    takes_more = True
    raw = True

    def __init__(self, type_: Type, counted: bool, cap: int | None = None) -> None:
        self.type, self.counted, self.cap = type_, counted, cap
        self.coder: Coder | None = None
        self.pairs = new_table(False, True, pa.uint64())
        self.single = True  # all rows so far are of group 0, so pairs are codes
        self.counts = np.zeros(0, np.int64)  # by pair
        self._lock = threading.Lock()
        self._index: tuple[NDArray[Any], NDArray[Any], Groups] | None = None
        self._ranking: tuple[Groups, Groups, NDArray[np.int64], NDArray[Any]] | None = None

    def key(self) -> Hashable:
        return (Distinct, self.type, self.counted, self.cap)

    def resize(self, n: int) -> None:
        return None

    def nbytes(self) -> int:
        return (self.coder.nbytes() if self.coder else 0) + self.pairs.nbytes() + self.counts.nbytes

    def _ready(self, compiled: bool, stop: NDArray[np.uint8]) -> Coder:
        if self.coder is None:
            self.coder = Coder(self.type, compiled, 64)
            self.pairs = new_table(compiled, True, pa.uint64(), 64)
        elif compiled:
            self.coder.compile(stop)
            if isinstance(self.pairs, DictTable):
                self.pairs = compile_table(self.pairs, stop)
        return self.coder

    def update(self, rows: Rows) -> None:
        column, groups = rows.args[0], rows.groups
        valid = valid_of(column)
        if valid is not None:
            at = np.flatnonzero(valid)
            groups = groups[at]
            column = column.take(at) if isinstance(column, Spans) else column.take(indices(at))
        if len(groups):
            coder = self._ready(rows.compiled, rows.stop)
            if self.single and not self.counted and coder.is_mapped(column) and not groups.any():
                self._index = self._ranking = None
                coder.meet(column, rows.stop)
                return
            before = coder.n
            codes = coder.codes(column, rows.stop)
            if not rows.stop[0]:
                self._add(groups, codes, None, before, rows.stop)

    def _add(
        self, groups: Groups, codes: Groups, times: NDArray[np.int64] | None, before: int, stop: NDArray[np.uint8]
    ) -> None:
        """`before`: how many codes there were without these rows."""
        assert self.coder is not None
        self._index = self._ranking = None
        if self.single and groups.any():
            self.single = False  # the codes so far become pairs of group 0, with the same numbers
            codes_so_far = np.arange(before, dtype=np.int32)
            self.pairs.ids(pair_words(np.zeros(before, np.int32), codes_so_far), stop)
        ids, n = codes, self.coder.n
        if not self.single:
            ids = self.pairs.ids(pair_words(groups, codes), stop)
            n = self.pairs.n
        if stop[0]:  # numbers may be missing
            return
        if self.counted:
            if len(self.counts) < n:
                self.counts = fit(self.counts, 2 * n)
            np.add.at(self.counts, ids, 1 if times is None else times)

    @property
    def compiled(self) -> bool:
        return not isinstance(self.pairs, DictTable)

    def n_pairs(self) -> int:
        """Distinct values, added up over all groups."""
        if self.coder is None:
            return 0
        return self.coder.n if self.single else self.pairs.n

    def values_of(self, members: Groups) -> tuple[pa.Array[Any], NDArray[Any]]:
        """The values of these groups, one group behind the other, and how many each has."""
        _, sizes, codes = self.of_members(members)
        return self.coder.values(codes) if self.coder else null_array(0, self.type.arrow), sizes

    def content(self) -> tuple[Groups, Groups]:
        """Group and code of each pair."""
        if self.coder is None:
            return np.empty(0, np.int32), np.empty(0, np.int32)
        if self.single:
            return np.zeros(self.coder.n, np.int32), np.arange(self.coder.n, dtype=np.int32)
        words = numbers_of(self.pairs.keys()).view(np.uint64)
        return (words >> np.uint64(32)).astype(np.int32), (words & np.uint64(0xFFFFFFFF)).astype(np.int32)

    def index(self) -> tuple[NDArray[Any], NDArray[Any], Groups]:
        """Pairs in order of group, where each group begins, and the code of each pair; made once for all merge tasks."""
        with self._lock:
            if self._index is None:
                groups, codes = self.content()
                order = np.argsort(groups, kind="stable")
                bounds = np.zeros((int(groups.max()) if len(groups) else 0) + 2, np.int64)
                np.cumsum(np.bincount(groups, minlength=len(bounds) - 1), out=bounds[1:])
                self._index = order, bounds, codes
            return self._index

    def of_members(self, members: Groups) -> tuple[NDArray[Any], NDArray[Any], Groups]:
        """Numbers of the pairs of these groups, one group behind the other; how many each has; the pairs' codes."""
        order, bounds, codes = self.index()
        inside = members < len(bounds) - 1
        at = np.where(inside, members, 0)
        sizes = np.where(inside, bounds[at + 1] - bounds[at], 0)
        pairs = order[ranges(bounds[at], sizes)]
        return pairs, sizes, codes[pairs]

    def merge(self, other: Distinct, members: Groups, groups: Groups, compiled: bool) -> None:
        if other.coder is None or not len(members):
            return
        if self.single and other.single and not members.any() and not groups.any():
            self._merge_single(other, compiled)
            return
        mine = self._ready(compiled, NEVER)
        pairs, sizes, codes = other.of_members(members)
        if not len(pairs):
            return
        used, at = distinct_codes(codes, other.coder.n)
        before = mine.n
        new = mine.merge(other.coder, used, NEVER)[at]
        to = np.repeat(groups, sizes).astype(np.int32)
        self._add(to, new, other.counts[pairs] if self.counted else None, before, NEVER)

    def _merge_single(self, other: Distinct, compiled: bool) -> None:
        """Group 0 of both is all that they hold."""
        assert other.coder is not None
        mine = self._ready(compiled, NEVER)
        before, n = mine.n, other.coder.n
        new = mine.merge(other.coder, np.arange(n, dtype=np.int32), NEVER)
        self._index = self._ranking = None
        if self.counted:
            self._add(np.zeros(n, np.int32), new, other.counts[:n], before, NEVER)

    def _ranked(self, n: int) -> tuple[Groups, Groups, NDArray[np.int64], NDArray[Any]]:
        """Pairs in order of group and value: group, code, number of pair; and how many each group has."""
        if self._ranking is None or len(self._ranking[3]) != n:
            self._ranking = self._rank(n)
        return self._ranking

    def _rank(self, n: int) -> tuple[Groups, Groups, NDArray[np.int64], NDArray[Any]]:
        groups, codes = self.content()
        if self.coder is None:
            return groups, codes, np.empty(0, np.int64), np.zeros(n, np.int64)
        rank = self.rank_of_codes()[1]
        by = np.argsort((groups.astype(np.uint64) << np.uint64(32)) | rank[codes])
        return groups[by], codes[by], by, np.bincount(groups, minlength=n)

    def rank_of_codes(self) -> tuple[NDArray[Any], NDArray[np.uint64]]:
        """The code at each rank by value, and the rank of each code."""
        assert self.coder is not None
        order = order_of([self.coder.table.keys()])
        rank = np.empty(len(order), np.uint64)
        rank[order] = np.arange(len(order), dtype=np.uint64)
        return order, rank

    def ranked(self, n: int) -> tuple[Groups, NDArray[np.int64], NDArray[np.int64]]:
        """Of whole numbers that are counted: group, value and how often it occurs, by group and value."""
        groups, codes, by, _ = self._ranked(n)
        if self.coder is None:
            return groups, np.empty(0, np.int64), np.empty(0, np.int64)
        return groups, numbers_of(self.coder.values())[codes], self.counts[by]

    def finish(self, n: int, out: str, compiled: bool) -> Finished:
        if out == "dc":
            if self.single and n == 1:
                return Finished(array_from(np.array([self.n_pairs()], np.int64)))
            groups, _ = self.content()
            return Finished(array_from(np.bincount(groups, minlength=n).astype(np.int64)))
        groups, codes, by, sizes = self._ranked(n)
        if out in ("mode", "times"):
            return Finished(self._mode(n, groups, codes, by, out))
        if out == "entropy":
            return Finished(self._entropy(n, groups, by, sizes))
        cut = 0
        if self.cap is not None:
            starts = np.cumsum(sizes) - sizes
            keep = np.arange(len(groups)) - starts[groups] < self.cap
            cut = int(len(keep) - keep.sum())
            codes, sizes = codes[keep], np.minimum(sizes, self.cap)
        values = self.coder.values(codes) if self.coder else null_array(0, self.type.arrow)
        return Finished(lists(values, sizes, sizes == 0), cut=cut)

    def _mode(self, n: int, groups: Groups, codes: Groups, by: NDArray[Any], out: str) -> pa.Array[Any]:
        """The most frequent value, or how often that occurs."""
        if self.coder is None or not len(groups):
            return null_array(n, self.type.arrow if out == "mode" else pa.int64())
        # rows are in order of value, so of equal counts the first is the least
        order = np.lexsort((-self.counts[by], groups))
        first = np.ones(len(order), np.bool_)
        first[1:] = groups[order[1:]] != groups[order[:-1]]
        rows = order[first]
        at = np.full(n, -1, np.int64)
        at[groups[rows]] = codes[rows] if out == "mode" else self.counts[by[rows]]
        if out == "times":
            return array_from(np.maximum(at, 0), at < 0)
        return self.coder.values().take(array_from(np.maximum(at, 0), at < 0))

    def _entropy(self, n: int, groups: Groups, by: NDArray[Any], sizes: NDArray[Any]) -> pa.Array[Any]:
        """Bits: log2(N) - sum(c * log2(c)) / N. Values that occur equally often are one term, terms go from few to many: so a
        window that keeps its counts adds up the same."""
        times = self.counts[by]
        total = np.bincount(groups, weights=times, minlength=n)
        order = np.lexsort((times, groups))
        group, many = groups[order], times[order]
        head = np.ones(len(order), np.bool_)
        head[1:] = (group[1:] != group[:-1]) | (many[1:] != many[:-1])
        first = np.flatnonzero(head)
        equal = np.diff(np.append(first, len(order))).astype(np.float64)
        terms = np.zeros(n)
        np.add.at(terms, group[first], equal * weighed_logs(many[first])[1])
        with np.errstate(invalid="ignore"):
            out = np.maximum(weighed_logs(total)[0] - terms / total, 0.0)
        return array_from(np.where(sizes > 1, out, 0.0), sizes == 0)

    def export(self, members: Groups) -> list[pa.Array[Any]]:
        pairs, sizes, codes = self.of_members(members)
        values = self.coder.values(codes) if self.coder else null_array(0, self.type.arrow)
        columns = [lists(values, sizes, np.zeros(len(sizes), np.bool_))]
        if self.counted:
            columns.append(lists(array_from(self.counts[pairs]), sizes, np.zeros(len(sizes), np.bool_)))
        return columns

    def load(self, arrays: Sequence[pa.Array[Any]]) -> None:
        values, groups = flat(arrays[0])
        times = numbers_of(flat(arrays[1])[0]) if self.counted else None
        if len(groups):
            codes = self._ready(False, NEVER).codes(values, NEVER)
            self._add(groups, codes, times, 0, NEVER)


def weighed_logs(numbers: NDArray[Any]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """log2(c) and c * log2(c), both 0 of 0. Arrow's logarithm: its bits do not depend on the place of a value."""
    counts = np.maximum(numbers, 1).astype(np.float64)
    logs = numbers_of(call("log2", array_from(counts)))
    return logs, logs * counts


def pair_words(groups: Groups, codes: Groups) -> Words:
    return Words((groups.astype(np.uint64) << np.uint64(32)) | codes.astype(np.uint64))


def ranges(starts: NDArray[Any], sizes: NDArray[Any]) -> NDArray[np.int64]:
    """starts[i], starts[i] + 1, ... sizes[i] of them, one stretch behind the other."""
    total = int(sizes.sum())
    ends = np.cumsum(sizes)
    return np.repeat(starts - (ends - sizes), sizes) + np.arange(total)


def lists(values: pa.Array[Any], sizes: NDArray[Any], nulls: NDArray[np.bool_]) -> pa.Array[Any]:
    from ...arrow import bitmap_of

    offsets = np.zeros(len(sizes) + 1, np.int64)
    np.cumsum(sizes, out=offsets[1:])
    if offsets[-1] >= 1 << 31:
        raise MemoryError("the arrays of one part have more than 2,147,483,647 elements")
    kind = pa.list_(values.type)
    parts = [bitmap_of(nulls), buffer_of(offsets.astype(np.int32))]
    return pa.Array.from_buffers(kind, len(sizes), parts, children=[values])


def flat(column: pa.Array[Any]) -> tuple[pa.Array[Any], Groups]:
    """Elements of a list column and the row of each."""
    ends = offsets_of(column)
    n = len(column)
    values = column.values.slice(int(ends[0]), int(ends[n] - ends[0])) if n else column.values  # type: ignore[attr-defined]
    return values, np.repeat(np.arange(n, dtype=np.int32), np.diff(ends))


def valid_of(column: Any) -> NDArray[np.bool_] | None:
    """Where there is a value; None: everywhere."""
    if isinstance(column, Spans):
        nulls = column.length < 0
        return ~nulls if nulls.any() else None
    if pa.types.is_dictionary(column.type) and column.dictionary.null_count:
        return is_valid(column.dictionary.take(column.indices))
    return is_valid(column) if column.null_count else None
