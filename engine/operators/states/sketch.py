"""HyperLogLog: about how many distinct values a group has, in memory that does not grow with them.

A value's hash names a register and gives a rank; a register keeps the greatest. So the outcome depends on the set of
values alone: not on their order, nor on how often they occur, nor on how they were split and merged. Only registers that
are not zero are kept, as sorted words; of few groups with many values a matrix of all registers takes no more room.
Estimate: O. Ertl, "New cardinality estimation algorithms for HyperLogLog sketches", 2017.
"""

from __future__ import annotations

import threading
from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ....planner.types import Type
from ...arrow import array_from, decode, indices, numbers_of
from ...batch import Spans
from ..keyform import is_word, normal
from ..keyhash import hash_of, words_for
from .base import Finished, Groups, Rows, State
from .distinct import flat, lists, valid_of

MOST_DENSE = 1 << 22  # registers of the matrix; beyond it words
SLACK = 1 << 18  # words that may wait unsorted
RANK_BITS = np.uint64(6)
REGISTER_BITS = np.uint64(24)
RANKS = np.uint64(63)

U64 = NDArray[np.uint64]


class Estimate(State):
    """`bits`: 2 ** bits registers a group; the error is about 1.04 / 2 ** (bits / 2)."""

    raw = True
    grows = True

    def __init__(self, type_: Type, bits: int) -> None:
        self.type, self.bits, self.m = type_, bits, 1 << bits
        self.dense: NDArray[np.uint8] | None = None
        self._n_groups = self._added = 0
        self.words: U64 = np.empty(0, np.uint64)  # group, register, rank: sorted, one a register
        self.fresh: list[U64] = []
        self._n_fresh = 0
        self._lock = threading.Lock()

    def key(self) -> Hashable:
        return (Estimate, self.type, self.bits)

    def nbytes(self) -> int:
        return (self.dense.nbytes if self.dense is not None else 0) + self.words.nbytes + 8 * self._n_fresh

    def resize(self, n: int) -> None:
        return None  # a matrix has the groups that were met

    def _matrix(self) -> NDArray[np.uint8] | None:
        """The matrix with a row for each group met; None where there are too many groups, or too few values to fill one."""
        n = self._n_groups
        may = n == 1 or n * self.m <= MOST_DENSE
        if self.dense is not None and len(self.dense) < n:
            if not may:
                self.words, self.dense = self._dense_words(np.arange(len(self.dense))), None
                return None
            more = np.zeros((min(2 * n, max(n, MOST_DENSE // self.m)), self.m), np.uint8)
            more[: len(self.dense)] = self.dense
            self.dense = more
        elif self.dense is None and may and 8 * self._added >= n * self.m:
            self._settle()
            self.dense = np.zeros((n, self.m), np.uint8)
            registers, ranks = _parts(self.words)
            self.dense[_groups(self.words), registers] = ranks
            self.words = np.empty(0, np.uint64)
        return self.dense

    def _dense_words(self, members: NDArray[Any]) -> U64:
        assert self.dense is not None
        inside = np.flatnonzero(members < len(self.dense))
        rows, registers = np.nonzero(self.dense[members[inside]])
        return _words(inside[rows], registers, self.dense[members[inside][rows], registers])

    def update(self, rows: Rows) -> None:
        column, groups = rows.args[0], rows.groups
        valid = valid_of(column)
        if valid is not None:
            at = np.flatnonzero(valid)
            groups = groups[at]
            column = column.take(at) if isinstance(column, Spans) else column.take(indices(at))
        if len(groups) and not (rows.compiled and self._raised(column, groups)):
            hashes = self._hashes(column)
            self._add(groups, (hashes >> np.uint64(64 - self.bits)).astype(np.int64), self._ranks(hashes))

    def _raised(self, column: Any, groups: Groups) -> bool:
        """Whether a kernel did it: for words, into a matrix."""
        if not is_word(self.type) or not isinstance(column, pa.Array) or isinstance(column, pa.DictionaryArray):
            return False
        dense = self._met(groups)
        if dense is None:
            self._added -= len(groups)  # they are added again
            return False
        from ...kernels import sketch

        form: Any = normal(self.type, column)
        sketch.raise_registers(groups, form.values, self.bits, dense.reshape(-1))
        return True

    def _hashes(self, column: Any) -> U64:
        if isinstance(column, Spans):
            column = column.to_arrow()
        elif isinstance(column, pa.DictionaryArray):
            if len(column.dictionary) < len(column):
                return np.asarray(self._hashes(column.dictionary)[numbers_of(column.indices.cast(pa.int64()))])
            column = decode(column)
        form: Any = normal(self.type, column)
        return _spread(hash_of(*words_for(form)))

    def _ranks(self, hashes: U64) -> NDArray[np.uint8]:
        """1 more than the zeros that lead the bits which do not name the register."""
        rest = (hashes << np.uint64(self.bits)) | np.uint64(1 << (self.bits - 1))  # a one, so that there is an end
        # the upper half as a double is exact, and so is the lower
        high = (rest >> np.uint64(32)).astype(np.float64)
        low = (rest & np.uint64(0xFFFFFFFF)).astype(np.float64)
        length = np.where(high > 0, np.frexp(high)[1] + 32, np.frexp(low)[1])
        return (65 - length).astype(np.uint8)

    def _add(self, groups: Groups, registers: NDArray[np.int64], ranks: NDArray[np.uint8]) -> None:
        if not len(groups):
            return
        dense = self._met(groups)
        if dense is not None:
            np.maximum.at(dense.reshape(-1), groups.astype(np.int64) * self.m + registers, ranks)
        else:
            self._keep(_words(groups, registers, ranks))

    def _met(self, groups: Groups) -> NDArray[np.uint8] | None:
        """The matrix, once these values are counted."""
        self._n_groups = max(self._n_groups, int(groups.max()) + 1)
        self._added += len(groups)
        return self._matrix()

    def _keep(self, words: U64) -> None:
        self.fresh.append(words)
        self._n_fresh += len(words)
        if self._n_fresh > len(self.words) + SLACK:
            self._settle()

    def _settle(self) -> None:
        with self._lock:
            if not self.fresh:
                return
            words = np.sort(np.concatenate([self.words, *self.fresh]))
            last = np.ones(len(words), np.bool_)
            last[:-1] = (words[1:] >> RANK_BITS) != (words[:-1] >> RANK_BITS)
            self.words, self.fresh, self._n_fresh = words[last], [], 0

    def seal(self) -> None:
        self._settle()

    def _of(self, members: Groups) -> tuple[U64, NDArray[np.int64]]:
        """Words of these groups, numbered by their place among `members`, and how many each has."""
        if self.dense is not None:
            words = self._dense_words(members)
        else:
            self._settle()
            ends = np.searchsorted(
                self.words, (np.arange(2) + members[:, None]).astype(np.uint64) << (RANK_BITS + REGISTER_BITS)
            )
            sizes = ends[:, 1] - ends[:, 0]
            at = np.repeat(ends[:, 0] - np.cumsum(sizes) + sizes, sizes) + np.arange(int(sizes.sum()))
            inside = self.words[at] & np.uint64((1 << 30) - 1)
            words = (
                np.repeat(np.arange(len(members)), sizes).astype(np.uint64) << (RANK_BITS + REGISTER_BITS)
            ) | inside
        return words, np.bincount(_groups(words), minlength=len(members))

    def merge(self, other: Estimate, members: Groups, groups: Groups, compiled: bool) -> None:
        if not len(members):
            return
        words, _ = other._of(members)
        self._add(groups[_groups(words)], *_parts(words))

    def finish(self, n: int, out: str, compiled: bool) -> Finished:
        """Groups of a few thousand at a time: their registers are counted by rank."""
        self._settle()
        counts = np.zeros((n, 66 - self.bits), np.int64)
        words, _ = self._of(np.arange(n, dtype=np.int32))
        np.add.at(counts, (_groups(words), _parts(words)[1]), 1)
        counts[:, 0] = self.m - counts[:, 1:].sum(axis=1)
        return Finished(array_from(np.rint(estimate(counts, self.bits)).astype(np.int64)))

    def export(self, members: Groups) -> list[pa.Array[Any]]:
        words, sizes = self._of(members)
        codes = (words & np.uint64((1 << 30) - 1)).astype(np.int64)
        return [lists(array_from(codes), sizes, np.zeros(len(sizes), np.bool_))]

    def load(self, arrays: Sequence[pa.Array[Any]]) -> None:
        codes, groups = flat(arrays[0])
        words = numbers_of(codes).view(np.uint64)
        self._add(groups, *_parts(words))


def _spread(hashes: U64) -> U64:
    """Each bit of the hash on all others: the registers are named by its first bits."""
    with np.errstate(over="ignore"):
        h = hashes ^ (hashes >> np.uint64(30))
        h *= np.uint64(0xBF58476D1CE4E5B9)
        h ^= h >> np.uint64(27)
        h *= np.uint64(0x94D049BB133111EB)
        return np.asarray(h ^ (h >> np.uint64(31)))


def _words(groups: NDArray[Any], registers: NDArray[Any], ranks: NDArray[Any]) -> U64:
    upper = (groups.astype(np.uint64) << REGISTER_BITS) | registers.astype(np.uint64)
    return np.asarray((upper << RANK_BITS) | ranks.astype(np.uint64))


def _groups(words: U64) -> NDArray[np.int64]:
    return (words >> (RANK_BITS + REGISTER_BITS)).astype(np.int64)


def _parts(words: U64) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
    """Register and rank."""
    registers = (words >> RANK_BITS) & np.uint64((1 << 24) - 1)
    return registers.astype(np.int64), (words & RANKS).astype(np.uint8)


def estimate(counts: NDArray[np.int64], bits: int) -> NDArray[np.float64]:
    """`counts`: registers of each group by rank, from 0 to 65 - bits."""
    m, q = float(1 << bits), 64 - bits
    z = m * _tau(1.0 - counts[:, q + 1] / m)
    for k in range(q, 0, -1):
        z = 0.5 * (z + counts[:, k])
    z = z + m * _sigma(counts[:, 0] / m)
    with np.errstate(divide="ignore"):
        return np.asarray(np.where(np.isinf(z), 0.0, m * m / (2.0 * np.log(2.0)) / z))


def _sigma(x: NDArray[np.float64]) -> NDArray[np.float64]:
    out, y, full = x.copy(), 1.0, x >= 1.0
    x = np.where(full, 0.0, x)
    while True:
        x = x * x
        after = out + x * y
        y += y
        if (after == out).all():
            return np.where(full, np.inf, out)
        out = after


def _tau(x: NDArray[np.float64]) -> NDArray[np.float64]:
    none = (x <= 0.0) | (x >= 1.0)
    x, y = np.where(none, 1.0, x), 1.0
    out = 1.0 - x
    while True:
        x, y = np.sqrt(x), 0.5 * y
        after = out - (1.0 - x) ** 2 * y
        if (after == out).all():
            return np.asarray(out / 3.0)
        out = after
