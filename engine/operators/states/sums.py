"""count, sum, avg: integers in 128 bits, doubles by order-free sums."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import replace
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ....planner.types import DOUBLE, LONG, Type
from ... import kernels
from ...arrow import array_from, bools_of, is_valid, numbers_of
from ...arrow import nulls as null_array
from .base import Finished, Groups, Rows, State, bitmap, fit, laid
from .limbs import Limbs

LOW32 = np.int64(0xFFFFFFFF)
CHUNK = 1 << 20  # rows whose halves are added up before they are carried: 2**20 * 2**32 fits


LANES = 4  # of kernels.dense and kernels.codes
FEW_GROUPS = 4096  # up to which rows of one group stand so close that each count would wait for the one before


class Count(State):
    """Rows: all of them (`rows`), those with a value (`values`), or those whose value is truthy (`true`)."""

    takes_more = True
    kernels = frozenset(("dense", "group"))

    def __init__(self, what: str = "rows") -> None:
        self.what = what
        self.arity = 0 if what == "rows" else 1
        self.raw = what != "true"
        self.counts = np.zeros(0, np.int64)
        self._lanes = np.zeros(
            (0, LANES), np.int64
        )  # of rows that were counted where they were numbered, not in `counts`

    def key(self) -> Hashable:
        return (Count, self.what)

    def resize(self, n: int) -> None:
        self.counts = fit(self.counts, n)

    def update(self, rows: Rows) -> None:
        groups = rows.groups
        if self.what != "rows":
            if len(self.counts) == 1 and self.what == "values" and isinstance(rows.args[0], pa.Array):
                self.counts += len(groups) - _n_null(rows.args[0])
                return
            groups = _counted(groups, rows.args[0], self.what)
        if len(self.counts) == 1:
            self.counts += len(groups)
        elif rows.compiled:
            self._count(groups)
        else:
            np.add.at(self.counts, groups, 1)

    def lanes(self, room: int) -> NDArray[np.int64]:
        """LANES counts a group, one group behind another, in which rows may be counted before `seal`."""
        if len(self._lanes) < room:
            self._lanes = fit(self._lanes, max(room, 2 * len(self._lanes)))
        return self._lanes.reshape(-1)

    def seal(self) -> None:
        lanes, self._lanes = self._lanes, np.zeros((0, LANES), np.int64)
        if len(lanes):
            n = min(len(lanes), len(self.counts))
            for lane in range(LANES):  # numpy adds columns up several times as fast as short rows
                self.counts[:n] += lanes[:n, lane]

    def _count(self, groups: Groups) -> None:
        if len(self.counts) > FEW_GROUPS or 4 * len(self.counts) > len(groups):
            kernels.group.count_rows(groups, self.counts)
            return
        lanes = np.zeros((len(self.counts), LANES), np.int64)
        kernels.dense.count_in_lanes(groups, lanes.reshape(-1))
        self.counts += lanes.sum(axis=1)

    def lay(self, other: Count, members: Groups, compiled: bool) -> bool:
        if not len(other.counts):
            return False
        self.counts = laid(other.counts, members)
        return True

    def merge(self, other: Count, members: Groups, groups: Groups, compiled: bool) -> None:
        np.add.at(self.counts, groups, other.counts[members])

    def finish(self, n: int, out: str, compiled: bool) -> Finished:
        return Finished(array_from(self.counts[:n]))

    def export(self, members: Groups) -> list[pa.Array[Any]]:
        return [array_from(self.counts[members])]

    def load(self, arrays: Sequence[pa.Array[Any]]) -> None:
        self.counts = numbers_of(arrays[0]).copy()

    def nbytes(self) -> int:
        return self.counts.nbytes + self._lanes.nbytes


def _n_null(column: Any) -> int:
    if pa.types.is_dictionary(column.type) and column.dictionary.null_count:
        column = column.dictionary.take(column.indices)
    return int(column.null_count)


def _counted(groups: Groups, column: Any, what: str) -> Groups:
    from ...batch import Spans

    if isinstance(column, Spans):
        return groups[column.length >= 0] if (column.length < 0).any() else groups
    if what == "true" and pa.types.is_boolean(column.type):
        return groups[bools_of(column)]
    if pa.types.is_dictionary(column.type) and column.dictionary.null_count:
        column = column.dictionary.take(column.indices)
    return groups[is_valid(column)] if column.null_count else groups


LOW, HIGH, COUNT, CELL = 0, 1, 2, 4  # of a group's cells


class Host(Protocol):
    """A state that adds up the same whole numbers (see states.weighted)."""

    def carry(self, rider: Any) -> bool: ...
    def whole_weights(self, members: Groups | slice) -> tuple[NDArray[np.int64], NDArray[np.int64]]: ...
    def whole_sums(self, n: int) -> NDArray[np.int64] | None: ...


class SumLong(State):
    """128-bit sums of 64-bit integers, in two words, and counts of the values.

    While a host has the same sums none are kept here. It is updated, and merged, before its riders are.
    """

    kernels = frozenset(("group",))

    def __init__(self, type_: Type) -> None:
        self.type = type_
        self.cells = np.zeros((0, CELL), np.int64)
        self._scratch = np.zeros((2, 0), np.int64)
        self._host: Host | None = None
        self._room = 0
        self._done = 0  # rows of the batch to come that are in the sums already

    def key(self) -> Hashable:
        return ("SumLong", self.type)

    def ride(self, host: Host) -> None:
        """`host` gets the same rows. Before the first of them."""
        if host.carry(self):
            self._host = host

    def leave(self, done: int) -> None:
        self.cells, self._done, self._host = self._cells_of(slice(self._room)), done, None

    def _cells_of(self, members: Groups | slice) -> NDArray[np.int64]:
        if self._host is None:
            return self.cells[members]
        low, count = self._host.whole_weights(members)
        return np.stack([low, low >> 63, count, np.zeros_like(low)], axis=1)

    def resize(self, n: int) -> None:
        self._room = max(n, self._room)
        if self._host is None:
            self.cells = fit(self.cells, n)

    def update(self, rows: Rows) -> None:
        if self._host is not None:
            return
        values, done = rows.args[0], self._done
        if done:
            self._done, values = 0, values.slice(done)
            rows = replace(rows, groups=rows.groups[done:])
        if rows.compiled:
            kernels.group.add_longs(rows.groups, numbers_of(values), bitmap(values), self.cells.reshape(-1))
            return
        groups, numbers = rows.groups, numbers_of(values)
        if values.null_count:
            valid = is_valid(values)
            groups, numbers = groups[valid], numbers[valid]
        for at in range(0, len(groups), CHUNK):
            self._add(groups[at : at + CHUNK], numbers[at : at + CHUNK])

    def _add(self, groups: Groups, numbers: NDArray[np.int64]) -> None:
        """Halves are summed in scratch first, so that each group carries once."""
        lows, highs = self._halves()
        np.add.at(lows, groups, numbers & LOW32)
        np.add.at(highs, groups, numbers >> 32)
        np.add.at(self.cells[:, COUNT], groups, 1)
        self._carry(groups, lows, highs)

    def _halves(self) -> NDArray[np.int64]:
        if self._scratch.shape[1] < len(self.cells):
            self._scratch = np.zeros((2, len(self.cells)), np.int64)
        return self._scratch

    def _carry(self, groups: Groups, lows: NDArray[np.int64], highs: NDArray[np.int64]) -> None:
        # the same group may stand here several times: each time the same sum is stored
        low, high = _add128(self.cells[groups, LOW], self.cells[groups, HIGH], lows[groups], highs[groups])
        self.cells[groups, LOW], self.cells[groups, HIGH] = low, high
        lows[groups] = 0
        highs[groups] = 0

    def lay(self, other: SumLong, members: Groups, compiled: bool) -> bool:
        if self._host is None:
            if other._host is not None or not len(other.cells):
                return False
            self.cells = laid(other.cells, members)
        self._room = len(members)
        return True

    def merge(self, other: SumLong, members: Groups, groups: Groups, compiled: bool) -> None:
        if self._host is not None:
            return
        cells = other.cells
        if other._host is not None:
            cells, members = other._cells_of(members), np.arange(len(members), dtype=np.int32)
        if compiled:
            from ...kernels import group

            group.merge_longs(members, cells.reshape(-1), groups, self.cells.reshape(-1))
            return
        for at in range(0, len(groups), CHUNK):
            self._merge(cells[members[at : at + CHUNK]], groups[at : at + CHUNK])
        np.add.at(self.cells[:, COUNT], groups, cells[members, COUNT])

    def _merge(self, theirs: NDArray[np.int64], groups: Groups) -> None:
        """As `_add`: several members may fall into one group."""
        lows, highs = self._halves()
        np.add.at(lows, groups, theirs[:, LOW] & LOW32)
        np.add.at(highs, groups, (theirs[:, LOW] >> 32) & LOW32)
        np.add.at(self.cells[:, HIGH], groups, theirs[:, HIGH])
        self._carry(groups, lows, highs)

    def _columns(self, n: int) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
        if self._host is not None:
            low, count = self._host.whole_weights(slice(n))
            return low, low >> 63, count
        low, high, count = (np.ascontiguousarray(self.cells[:n, at]) for at in (LOW, HIGH, COUNT))
        return low, high, count

    def finish(self, n: int, out: str, compiled: bool) -> Finished:
        kind = pa.int64() if self.type.kind == "long" else self.type.arrow
        if compiled and out not in ("avg", "count") and self._host is None:
            from ...kernels import group

            plain = np.empty(n, np.int64)
            if not group.low_words(n, self.cells.reshape(-1), plain):
                return Finished(array_from(plain, None, kind))
        if compiled and out not in ("avg", "count") and self._host is not None:
            found = self._host.whole_sums(n)
            if found is not None:
                return Finished(array_from(found, None, kind))
        low, high, count = self._columns(n)
        if out == "avg":
            return self._avg(low, high, count)
        if out == "count":
            return Finished(array_from(count))
        over = high != (low >> 63)
        return Finished(array_from(low, over | (count == 0), kind), _exact(low, high, over))

    def totals(self, n: int) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        """Sums as doubles, rounded once, and which have no value."""
        low, high, count = self._columns(n)
        out = low.astype(np.float64)
        for g in np.flatnonzero(high != (low >> 63)):
            out[g] = float((int(high[g]) << 64) + int(low.view(np.uint64)[g]))
        return out, count == 0

    def _avg(self, low: NDArray[Any], high: NDArray[Any], count: NDArray[Any]) -> Finished:
        fits = (high == (low >> 63)) & (np.abs(low) < 1 << 53) & (low != -(1 << 63))
        with np.errstate(invalid="ignore", divide="ignore"):
            mean = low / count  # exact operands, rounded once
        for g in np.flatnonzero(~fits & (count > 0)):  # rare: Python's division of integers rounds once too
            mean[g] = ((int(high[g]) << 64) + int(low.view(np.uint64)[g])) / int(count[g])
        nulls = count == 0
        if self.type.kind != "duration":
            return Finished(array_from(mean, nulls))
        whole = np.rint(np.where(nulls, 0.0, mean)).astype(np.int64)
        return Finished(array_from(whole, nulls, pa.duration("us")))

    def export(self, members: Groups) -> list[pa.Array[Any]]:
        return [array_from(np.ascontiguousarray(c)) for c in self._cells_of(members)[:, :3].T]

    def load(self, arrays: Sequence[pa.Array[Any]]) -> None:
        columns = [numbers_of(a) for a in arrays]
        self._host = None
        self.cells = np.stack([*columns, np.zeros(len(columns[0]), np.int64)], axis=1)

    def nbytes(self) -> int:
        return self.cells.nbytes + self._scratch.nbytes


def _add128(
    low: NDArray[np.int64], high: NDArray[np.int64], small: NDArray[np.int64], large: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(high, low) + small + large * 2**32, where small is not negative."""
    with np.errstate(over="ignore"):
        one = low.view(np.uint64) + small.view(np.uint64)
        carry = (one < small.view(np.uint64)).astype(np.int64)
        part = (large << 32).view(np.uint64)
        two = one + part
        carry += two < part
    return two.view(np.int64), high + carry + (large >> 32)


def _exact(low: NDArray[Any], high: NDArray[Any], over: NDArray[np.bool_]) -> pa.Array[Any] | None:
    """The sums that are out of range as text."""
    if not over.any():
        return None
    texts: list[str | None] = [None] * len(low)
    for g in np.flatnonzero(over):
        texts[g] = str((int(high[g]) << 64) + int(low.view(np.uint64)[g]))
    return pa.array(texts, pa.string())


class SumDouble(State):
    """Order-free sums of doubles (see kernels.exact_sum) and counts of the values."""

    def __init__(self) -> None:
        self.sums = Limbs(4, in_lines=True)

    def resize(self, n: int) -> None:
        self.sums.resize(n)

    def update(self, rows: Rows) -> None:
        self.sums.add(rows.groups, rows.args[0], rows.compiled)

    def lay(self, other: SumDouble, members: Groups, compiled: bool) -> bool:
        return self.sums.lay(other.sums, members)

    def merge(self, other: SumDouble, members: Groups, groups: Groups, compiled: bool) -> None:
        self.sums.merge(other.sums, members, groups, compiled)

    def finish(self, n: int, out: str, compiled: bool) -> Finished:
        count = self.sums.count(n)
        if out == "count":
            return Finished(array_from(count))
        total = self.sums.finish(n, compiled)
        if out == "avg":
            with np.errstate(invalid="ignore", divide="ignore"):
                total = total / count
        return Finished(array_from(total, count == 0))

    def export(self, members: Groups) -> list[pa.Array[Any]]:
        return self.sums.export(members)

    def load(self, arrays: Sequence[pa.Array[Any]]) -> None:
        self.sums.load(arrays)

    def nbytes(self) -> int:
        return self.sums.nbytes()


class Skipped(State):
    """A numeric aggregate over text, or over what has no values at all: null for every group."""

    def __init__(self, type_: Type = DOUBLE) -> None:
        self.type, self.arity = type_, 0

    def key(self) -> Hashable:
        return (Skipped, self.type)

    def resize(self, n: int) -> None:
        return None

    def update(self, rows: Rows) -> None:
        return None

    def merge(self, other: Skipped, members: Groups, groups: Groups, compiled: bool) -> None:
        return None

    def finish(self, n: int, out: str, compiled: bool) -> Finished:
        if out == "count":
            return Finished(array_from(np.zeros(n, np.int64)))
        return Finished(null_array(n, self.type.arrow))

    def export(self, members: Groups) -> list[pa.Array[Any]]:
        return []

    def load(self, arrays: Sequence[pa.Array[Any]]) -> None:
        return None

    def nbytes(self) -> int:
        return 0


def sum_state(type_: Type) -> State:
    """The state that sums values of this type."""
    if type_.kind in ("long", "duration"):
        return SumLong(LONG if type_.kind == "long" else type_)
    return SumDouble() if type_.kind in ("double", "decimal") else Skipped()
