"""Exact percentiles: all values of a group as ordered words."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable, Sequence
from itertools import pairwise
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ....planner.types import Type
from ...arrow import array_from, numbers_of, pooled
from ..keyform import SIGN, doubles_from, from_words, words_of
from .base import Finished, Groups, Rows, State
from .distinct import flat, lists, ranges
from .held import stable_order
from .ranked import words_of_ranks

U64: TypeAlias = NDArray[np.uint64]
HEAVY = 256  # values a group, on average, from which groups are handled one by one
PIECE = 2048  # values of a group, on average, from which its pieces stay apart
PLAIN = frozenset({"long", "date", "duration", "double"})  # kinds whose numbers lie in 64 bits
Sheet: TypeAlias = "tuple[U64, NDArray[np.int64]]"  # words in order of group, and where each group begins


class Percentile(State):
    """-0.0 counts as 0.0, NaN as greater than all. `out`: percent and method, as `95.0 linear`."""

    grows = True

    def __init__(self, type_: Type) -> None:
        self.type = type_
        self.groups: list[Groups] = []
        self.words: list[U64] = []
        self.stretches: list[tuple[int, U64]] = []  # many values of one group
        self.sheets: list[Sheet] = []  # a batch each
        self._is_apart = False  # nothing but sheets, which stay as they are; known when no update comes any more
        self._nbytes = 0
        self._lock = threading.Lock()
        self._compiled = False
        self._grouped: tuple[U64, NDArray[np.int64]] | None = None
        self._ready: tuple[U64, NDArray[np.int64]] | None = None
        self._chosen: tuple[tuple[str, ...], list[NDArray[np.int64]], list[U64]] | None = None

    def key(self) -> Hashable:
        return (Percentile, self.type)

    def resize(self, n: int) -> None:
        return None

    def nbytes(self) -> int:
        return self._nbytes

    def update(self, rows: Rows) -> None:
        column, groups = rows.args[0], rows.groups
        if rows.compiled and not column.null_count and len(groups):
            self._compiled = True
            n = int(groups.max()) + 1
            if len(groups) >= PIECE * n:
                is_plain = self.type.kind in PLAIN
                numbers = numbers_of(column).view(np.uint64) if is_plain else words_of(self.type, column).values ^ SIGN
                self._add_sheet(groups, numbers, n)
                return
        words = words_of(self.type, column)
        values = words.values
        if words.nulls is not None:
            groups, values = groups[~words.nulls], values[~words.nulls]
        self._compiled = rows.compiled
        self._add(groups, values)

    def _add(self, groups: Groups, values: U64) -> None:
        self.groups.append(groups)
        self.words.append(values)
        self._nbytes += groups.nbytes + values.nbytes
        self._grouped = None

    def _add_sheet(self, groups: Groups, numbers: U64, n: int) -> None:
        """Doubles, or whole numbers, as they lie."""
        from ...kernels import ranked

        out, fill = pooled(len(numbers), np.uint64), np.zeros(ranked.LANES * n, np.int64)
        ranked.group_words(groups, numbers, int(self.type.kind == "double"), fill, out)
        bounds = np.append(np.int64(0), fill[ranked.LANES - 1 :: ranked.LANES])
        self.sheets.append((out, bounds))
        self._nbytes += out.nbytes + bounds.nbytes
        self._grouped = None

    def _numbers(self, words: U64) -> U64:
        """As they lie, of words."""
        return doubles_from(words).view(np.uint64) if self.type.kind == "double" else words ^ SIGN

    def _tidy(self) -> None:
        """What batches of few values left becomes a sheet, too, where the groups are few."""
        if not (self.sheets and self.groups and self._compiled):
            return
        groups, words = np.concatenate(self.groups), np.concatenate(self.words)
        n = int(groups.max(initial=0)) + 1
        if len(words) + sum(len(w) for w, _ in self.sheets) >= PIECE * n:
            self._nbytes -= groups.nbytes + words.nbytes
            self.groups, self.words = [], []
            self._add_sheet(groups, self._numbers(words), n)

    def seal(self) -> None:
        self._tidy()
        self._is_apart = bool(self.sheets) and not self.groups and not self.stretches and self._grouped is None
        if not self._is_apart:
            self.grouped()

    def grouped(self) -> tuple[U64, NDArray[np.int64]]:
        """Words in order of group, and where each group begins; made once."""
        with self._lock:
            if self._grouped is None:
                top = max((int(g.max()) for g in self.groups if len(g)), default=-1)
                top = max(top, max((g for g, _ in self.stretches), default=-1))
                top = max(top, max((len(bounds) - 2 for _, bounds in self.sheets), default=-1))
                self.stretches += self._torn()
                self._grouped = self._by_group(top + 1)
                self.groups, self.words, self.stretches, self.sheets = [], [], [], []
                self._is_apart = False
            return self._grouped

    def _torn(self) -> list[tuple[int, U64]]:
        """The sheets as stretches."""
        return [
            (g, words[a:b])
            for words, bounds in self.sheets
            for g, (a, b) in enumerate(pairwise(bounds.tolist()))
            if a < b
        ]

    def _by_group(self, n: int) -> tuple[U64, NDArray[np.int64]]:
        if n == 1:  # as they stand
            words = np.concatenate([*(words for _, words in self.stretches), *self.words])
            return words, np.array([0, len(words)])
        sizes = np.zeros(n, np.int64)
        for groups in self.groups:
            sizes += np.bincount(groups, minlength=n)
        for g, words in self.stretches:
            sizes[g] += len(words)
        bounds = np.zeros(n + 1, np.int64)
        np.cumsum(sizes, out=bounds[1:])
        out = np.empty(int(bounds[-1]), np.uint64)
        fill = bounds[:-1].copy()
        for g, words in self.stretches:
            out[fill[g] : fill[g] + len(words)] = words
            fill[g] += len(words)
        if self.groups:
            self._scatter(fill, out)
        return out, bounds

    def _scatter(self, fill: NDArray[np.int64], out: U64) -> None:
        if self._compiled:
            from ...kernels import ranked

            for some, values in zip(self.groups, self.words, strict=True):
                ranked.scatter_words(some, values, fill, out)
            return
        groups, words = np.concatenate(self.groups), np.concatenate(self.words)
        order = stable_order(groups)
        sizes = np.bincount(groups, minlength=len(fill))
        out[ranges(fill, sizes)] = words[order]

    def merge(self, other: Percentile, members: Groups, groups: Groups, compiled: bool) -> None:
        self._compiled |= compiled
        if other._is_apart:
            for sheet in other.sheets:
                self._take(*sheet, members, groups)
        else:
            self._take(*other.grouped(), members, groups)

    def _take(self, words: U64, bounds: NDArray[np.int64], members: Groups, groups: Groups) -> None:
        inside = members < len(bounds) - 1
        members, groups = members[inside], groups[inside]
        low, sizes = bounds[members], bounds[members + 1] - bounds[members]
        total = int(sizes.sum())
        if total >= HEAVY * max(1, len(members)):
            for g, a, size in zip(groups.tolist(), low.tolist(), sizes.tolist(), strict=True):
                if size:
                    self.stretches.append((g, words[a : a + size]))
            self._nbytes += 8 * total
            self._grouped = None
        elif total:
            self._add(np.repeat(groups, sizes).astype(np.int32), words[ranges(low, sizes)])

    def finish(self, n: int, out: str, compiled: bool) -> Finished:
        self._tidy()
        if compiled and self._grouped is None and not self.groups and (self.sheets or self.stretches):
            return self._of_pieces(n, out)
        words, bounds = self._selected(n, compiled)
        if not len(words):
            words = np.zeros(1, np.uint64)
        base = np.minimum(bounds[:-1], len(words) - 1)
        return self.valued(np.diff(bounds), out, lambda rows: words[base + rows])

    def _of_pieces(self, n: int, out: str) -> Finished:
        """As `finish`, with all pieces where they are."""
        pieces: list[list[U64]] = [[] for _ in range(n)]
        for g, words in [*self.stretches, *self._torn()]:
            pieces[g].append(words)
        sizes = np.array([sum(map(len, p)) for p in pieces], np.int64)
        if self._chosen is None or self._chosen[0] != self.asked:
            wanted = np.stack([r for each in self.asked for r in _rows(sizes, each)[1:]])
            ranks = [np.unique(wanted[:, g]) for g in range(n)]
            found = [words_of_ranks(p, r) if p else np.empty(0, np.uint64) for p, r in zip(pieces, ranks, strict=True)]
            self._chosen = self.asked, ranks, found
        _, ranks, found = self._chosen

        def pick(rows: NDArray[np.int64]) -> U64:
            words = [
                w[np.searchsorted(r, row)] if len(w) else 0
                for r, w, row in zip(ranks, found, rows.tolist(), strict=True)
            ]
            return np.array(words, np.uint64)

        return self.valued(sizes, out, pick)

    def valued(self, sizes: NDArray[np.int64], out: str, pick: Callable[[NDArray[np.int64]], U64]) -> Finished:
        """The percentile of groups of these sizes. `pick`: of each group the word that is so many places above the least."""
        method, nulls = out.split()[1], sizes == 0
        at, low, high = _rows(sizes, out)
        if method in ("lower", "higher", "nearest"):
            row = {"lower": low, "higher": high, "nearest": np.rint(at).astype(np.int64)}[method]
            return Finished(from_words(self.type, np.where(nulls, np.uint64(0), pick(row)), nulls))
        part = np.where(low < high, 0.5, 0.0) if method == "midpoint" else at - low
        return Finished(self._between(pick(low), pick(high), part, nulls))

    def _selected(self, n: int, compiled: bool) -> tuple[U64, NDArray[np.int64]]:
        """Words of each of n groups with those that are asked for in their sorted places."""
        if self._ready is not None:
            return self._ready
        words, bounds = self.grouped()
        bounds = np.concatenate([bounds, np.full(n + 1 - len(bounds), bounds[-1])])
        if len(words) >= HEAVY * n:
            sizes = np.diff(bounds)
            wanted = np.stack([r for out in self.asked for r in _rows(sizes, out)[1:]])
            for g in np.flatnonzero(sizes).tolist():
                words[bounds[g] : bounds[g + 1]].partition(np.unique(wanted[:, g]))
        elif compiled:
            from ...kernels import ranked

            ranked.sort_stretches(words, bounds)
        else:
            words = words[np.lexsort((words, np.repeat(np.arange(n), np.diff(bounds))))]
        self._ready = words, bounds
        return self._ready

    def _between(self, low: U64, high: U64, part: NDArray[np.float64], nulls: NDArray[np.bool_]) -> pa.Array[Any]:
        """Interpolated; of dates and durations rounded to the unit."""
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
        words, bounds = self.grouped()
        inside = members < len(bounds) - 1
        at = np.where(inside, members, 0)
        ends = bounds if len(bounds) > 1 else np.zeros(2, np.int64)
        sizes = np.where(inside, ends[at + 1] - ends[at], 0)
        return [lists(array_from(words[ranges(ends[at], sizes)]), sizes, np.zeros(len(sizes), np.bool_))]

    def load(self, arrays: Sequence[pa.Array[Any]]) -> None:
        values, groups = flat(arrays[0])
        self._add(groups, np.array(numbers_of(values).view(np.uint64)))


def _rows(sizes: NDArray[np.int64], out: str) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.int64]]:
    """The place of a percentile within each group, and the whole rows below and above.

    Multiplied before it is divided, so that whole percents of round counts fall on a row exactly.
    """
    at = np.maximum(sizes - 1, 0) * float(out.split()[0]) / 100.0
    return at, np.floor(at).astype(np.int64), np.ceil(at).astype(np.int64)
