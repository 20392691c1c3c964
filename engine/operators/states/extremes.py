"""min, max, range: of fixed-width types by ordered words, of all others by kept candidates."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ....planner.types import BOOL, Type
from ...arrow import array_from, is_valid, numbers_of
from ..keyform import NAN_BITS, SIGN, Words, from_words, is_word, words_of
from .base import Finished, Groups, Rows, State, fit

NAN_WORD = NAN_BITS ^ SIGN  # as a double's word; below minus infinity's word there is room for it when it must lose
TOP = np.uint64(0xFFFFFFFFFFFFFFFF)


class Extreme(State):
    """The least or greatest word a group. NaN loses against every number, both ways."""

    def __init__(self, type_: Type, greatest: bool) -> None:
        self.type, self.greatest = type_, greatest
        self.best = np.zeros(0, np.uint64)
        self.seen = np.zeros(0, np.uint8)

    def key(self) -> Hashable:
        return (Extreme, self.type, self.greatest)

    def resize(self, n: int) -> None:
        self.best = fit(self.best, n, 0 if self.greatest else TOP)
        self.seen = fit(self.seen, n)

    def words(self, column: pa.Array[Any]) -> Words:
        words = words_of(self.type, column)
        if self.greatest and self.type.kind == "double":
            return Words(np.where(words.values == NAN_WORD, np.uint64(0), words.values), words.nulls)
        return words

    def update(self, rows: Rows) -> None:
        words = self.words(rows.args[0])
        if rows.compiled:
            from ...kernels import group

            nulls = words.nulls.view(np.uint8) if words.nulls is not None else np.empty(0, np.uint8)
            kernel = group.greatest_words if self.greatest else group.least_words
            kernel(rows.groups, words.values, nulls, self.best, self.seen)
            return
        groups, values = rows.groups, words.values
        if words.nulls is not None:
            groups, values = groups[~words.nulls], values[~words.nulls]
        (np.maximum if self.greatest else np.minimum).at(self.best, groups, values)
        self.seen[groups] = 1

    def merge(self, other: Extreme, members: Groups, groups: Groups, compiled: bool) -> None:
        (np.maximum if self.greatest else np.minimum).at(self.best, groups, other.best[members])
        self.seen[groups[other.seen[members] > 0]] = 1

    def values(self, n: int) -> tuple[NDArray[np.uint64], NDArray[np.bool_]]:
        """Words in the usual order (NaN last), and the groups without a value."""
        best = self.best[:n]
        if self.greatest and self.type.kind == "double":
            best = np.where(best == 0, NAN_WORD, best)
        return best, self.seen[:n] == 0

    def finish(self, n: int, out: str, compiled: bool) -> Finished:
        best, nulls = self.values(n)
        return Finished(from_words(self.type, np.where(nulls, np.uint64(0), best), nulls))

    def export(self, members: Groups) -> list[pa.Array[Any]]:
        return [array_from(self.best[members]), array_from(self.seen[members])]

    def load(self, arrays: Sequence[pa.Array[Any]]) -> None:
        self.best = numbers_of(arrays[0]).view(np.uint64).copy()
        self.seen = np.array(arrays[1].to_numpy(), np.uint8)

    def nbytes(self) -> int:
        return self.best.nbytes + self.seen.nbytes


class Range(State):
    """Greatest less least: of longs (beyond 64 bits null, counted), doubles, dates (a duration), durations."""

    def __init__(self, type_: Type) -> None:
        self.type = type_
        self.low, self.high = Extreme(type_, False), Extreme(type_, True)

    def key(self) -> Hashable:
        return (Range, self.type)

    def resize(self, n: int) -> None:
        self.low.resize(n)
        self.high.resize(n)

    def update(self, rows: Rows) -> None:
        self.low.update(rows)
        self.high.update(rows)

    def merge(self, other: Range, members: Groups, groups: Groups, compiled: bool) -> None:
        self.low.merge(other.low, members, groups, compiled)
        self.high.merge(other.high, members, groups, compiled)

    def finish(self, n: int, out: str, compiled: bool) -> Finished:
        low, high = (e.finish(n, "", compiled).values for e in (self.low, self.high))
        nulls = ~is_valid(low)
        if self.type.kind == "double":
            with np.errstate(invalid="ignore", over="ignore"):
                return Finished(array_from(numbers_of(high) - numbers_of(low), nulls))
        with np.errstate(over="ignore"):
            span = numbers_of(high) - numbers_of(low)
        over = span < 0
        if self.type.kind == "long":
            return Finished(array_from(span, nulls | over), self._faults(low, high, over & ~nulls))
        if self.type.kind == "date" and self.type.unit == "ns":
            span = span // 1000
        return Finished(array_from(span, nulls | over, pa.duration("us")), self._faults(low, high, over & ~nulls))

    @staticmethod
    def _faults(low: pa.Array[Any], high: pa.Array[Any], over: NDArray[np.bool_]) -> pa.Array[Any] | None:
        if not over.any():
            return None
        a, b = numbers_of(high), numbers_of(low)
        return pa.array([str(int(a[i]) - int(b[i])) if o else None for i, o in enumerate(over)], pa.string())

    def export(self, members: Groups) -> list[pa.Array[Any]]:
        return [*self.low.export(members), *self.high.export(members)]

    def load(self, arrays: Sequence[pa.Array[Any]]) -> None:
        self.low.load(arrays[:2])
        self.high.load(arrays[2:])

    def nbytes(self) -> int:
        return self.low.nbytes() + self.high.nbytes()


def extreme_state(type_: Type, greatest: bool) -> State:
    if is_word(type_):
        return Extreme(type_, greatest)
    from .best import Best

    return Best(type_, None, "greatest" if greatest else "least")


class Truth(Extreme):
    """Whether any (`greatest`) or every value is truthy: false is false, all else but null is true."""

    def __init__(self, greatest: bool) -> None:
        super().__init__(BOOL, greatest)

    def key(self) -> Hashable:
        return (Truth, self.greatest)

    def words(self, column: pa.Array[Any]) -> Words:
        if pa.types.is_boolean(column.type):
            return words_of(BOOL, column)
        nulls = ~is_valid(column) if column.null_count else None
        return Words(np.ones(len(column), np.uint64) if nulls is None else (~nulls).astype(np.uint64), nulls)
