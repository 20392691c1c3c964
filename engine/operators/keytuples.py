"""Numbers for tuples of several keys: each key has its codes, and a table, or a grid, numbers the tuples of these."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ...planner.types import Type
from ..arrow import buffer_of, indices, pooled, taken
from ..batch import PAD, Column, Spans
from .keycoder import NO_VALUES, Coder, Stop
from .keyform import Words
from .keyhash import tuple_hash
from .keynumbers import distinct_codes, first_rows
from .keytable import DictTable, Ids, KeyTable, compile_table, new_table
from .pairgrid import Axis, PairGrid

LOOKED_AT = 1024  # rows that are numbered key by key before there is a grid
MOST_PACKED = 6  # keys whose codes share a word: ten bits are left to each


class ManyKeys:
    def __init__(self, types: Sequence[Type], compiled: bool, capacity: int = 1 << 10) -> None:
        self.coders: Sequence[Coder] = [Coder(t, compiled) for t in types]
        self._bits = 64 // len(types)
        self._packed = len(types) <= MOST_PACKED  # the codes of a group are one word, so many bits each; else a text
        self.table = new_table(compiled, self._packed, pa.uint64() if self._packed else pa.binary(), capacity)
        self.compiled = compiled
        self._codes = np.empty((capacity, len(types)), np.int32)  # of each group that the table has
        self._known = 0
        # while it is there, it has the groups and the table is empty
        self._grid = PairGrid() if compiled and len(types) == 2 else None
        self._lock = threading.Lock()
        self.left: set[str] = set()  # ways of finding tuples that it had before

    @property
    def way(self) -> str:
        """How tuples of codes are found."""
        if self._grid is not None:
            return "grid"
        return "general" if isinstance(self.table, DictTable) else "words" if self._packed else "texts"

    @property
    def n(self) -> int:
        return self._grid.n if self._grid is not None else self.table.n

    @property
    def grid(self) -> PairGrid | None:
        """The numbers by pair of codes, where there is one."""
        return self._grid

    def ids(self, columns: Sequence[Column], n_rows: int, stop: Stop) -> Ids:
        out = pooled(n_rows, np.int32)
        row = self.number(columns, 0, n_rows, out, NO_VALUES, stop)
        if row == n_rows or stop[0]:
            out[row:] = 0
            return out
        if row:  # rows before it have their numbers
            out[row:] = self._coded([c.slice(row, n_rows - row) for c in columns], n_rows - row, stop)
            return out
        return self._coded(columns, n_rows, stop)

    def _coded(self, columns: Sequence[Column], n_rows: int, stop: Stop) -> Ids:
        codes = [coder.codes(column, stop) for coder, column in zip(self.coders, columns, strict=True)]
        if stop[0]:
            return np.zeros(n_rows, np.int32)
        return self.of_codes(codes, stop)

    def number(
        self, columns: Sequence[Column], row: int, n_rows: int, out: Ids, counts: NDArray[np.int64], stop: Stop
    ) -> int:
        """Groups of the rows from `row` on into `out`, and their counts (`PairGrid.number`), in one pass over both keys.

        Where it ended: behind the last row, where there was no room to count, or at a row from which on it does not serve.
        """
        grid = self._grid
        if grid is not None and not grid.n and not row and n_rows >= 4 * LOOKED_AT:
            self._coded([c.slice(0, LOOKED_AT) for c in columns], LOOKED_AT, stop)  # they tell how the grid is to lie
            grid = self._grid
        if grid is None or not grid.n:
            return row
        one, two = (coder.axis(column) for coder, column in zip(self.coders, columns, strict=True))
        if (one is None) is not (two is None) and not row:  # the other key's numbers are read on the way all the same
            one, two = one or self._coded_axis(0, columns, stop), two or self._coded_axis(1, columns, stop)
        if one is None or two is None or stop[0]:
            return row
        first, second = self.coders
        while row < n_rows and not stop[0] and grid.reach(first.n, second.n):
            if len(counts) and not grid.may_count(counts):
                break
            row = grid.number(one, two, row, out, counts)
            if row == n_rows or (len(counts) and not grid.may_count(counts)):
                break
            if not first.learn_at(columns[0], one, row, stop) or not second.learn_at(columns[1], two, row, stop):
                break
        return row

    def _coded_axis(self, j: int, columns: Sequence[Column], stop: Stop) -> Axis | None:
        """Of a key whose values have to be looked up: its codes, which stand for themselves."""
        coder = self.coders[j]
        if not isinstance(coder.table, KeyTable):
            return None
        codes = coder.codes(columns[j], stop)
        return codes, NO_VALUES, 0, np.arange(coder.n, dtype=np.int32)

    def has_grid(self, codes: list[Ids]) -> bool:
        """Whether there is a grid that has room for rows with these codes."""
        if self._grid is None:
            return False
        if not self._grid.n:
            self._grid.orient(codes[0], codes[1])
        return self._grid.reach(self.coders[0].n, self.coders[1].n)

    def of_codes(self, codes: list[Ids], stop: Stop) -> Ids:
        """Groups of rows whose keys were coded by the coders of this table."""
        return self._tuples(codes, stop)

    def _tuples(self, codes: list[Ids], stop: Stop) -> Ids:
        if self._grid is not None:
            if self.has_grid(codes):
                return self._grid.ids(codes[0], codes[1])
            self._leave_grid(stop)
        if self._packed and any(c.n >> self._bits for c in self.coders):
            self._unpack(stop)
        out = self.table.ids(self.form(codes), stop)
        if self.table.n > self._known and not stop[0]:
            if self.table.n > len(self._codes):
                room = np.empty((max(2 * len(self._codes), self.table.n), len(codes)), np.int32)
                room[: self._known] = self._codes[: self._known]
                self._codes = room
            rows = first_rows(out, self._known, self.table.n, self.compiled)
            for j, column in enumerate(codes):
                self._codes[self._known : self.table.n, j] = column[rows]
            self._known = self.table.n
        return out

    def form(self, codes: Sequence[Ids]) -> Any:
        """Rows of codes as the table has them."""
        if not self._packed:
            return texts_of_codes(codes, self.compiled)
        words = pooled(len(codes[0]), np.uint64)
        words[:] = codes[0]
        for column in codes[1:]:
            words <<= np.uint64(self._bits)
            words |= column.view(np.uint32)
        return Words(words)

    def _unpack(self, stop: Stop) -> None:
        """The same groups under the same numbers as texts: a code has more bits than there is room for."""
        self._leave()
        self._packed = False
        self.table = new_table(self.compiled, False, pa.binary(), 1 << max(6, self._known.bit_length()))
        self.table.ids(self.form(list(np.ascontiguousarray(self._all_codes().T))), stop)

    def _all_codes(self) -> NDArray[np.int32]:
        """The codes of each group, also when several threads ask."""
        if self._grid is not None and self._known < self.n:
            with self._lock:
                if self._known < self.n:
                    self._codes, self._known = self._grid.codes(), self.n
        return self._codes[: self._known]

    def _leave_grid(self, stop: Stop) -> None:
        """The same groups under the same numbers in the table."""
        codes = self._all_codes()
        self._leave()
        self._grid = None
        self.table.ids(self.form(list(np.ascontiguousarray(codes.T))), stop)

    def freeze(self, stop: Stop) -> None:
        """From here on the table has the groups: nothing is entered any more."""
        if self._grid is not None:
            self._leave_grid(stop)
            self.left.discard("grid")  # whoever looks for a key does so in the table

    def compile(self, stop: Stop) -> None:
        for coder in self.coders:
            coder.compile(stop)
        if isinstance(self.table, DictTable):
            self._leave()
            self.table = compile_table(self.table, stop)
        self.compiled = True

    def _leave(self) -> None:
        if self.n:
            self.left.add(self.way)

    def merge(self, other: ManyKeys, members: Ids, stop: Stop) -> Ids:
        theirs = other._all_codes()[members]
        codes = []
        for j, (coder, from_) in enumerate(zip(self.coders, other.coders, strict=True)):
            used, at = distinct_codes(theirs[:, j], from_.n)
            codes.append(coder.merge(from_, used, stop)[at])
        if stop[0]:
            return np.zeros(len(members), np.int32)
        return self._tuples(codes, stop)

    def hashes(self) -> NDArray[np.uint64]:
        codes = self._all_codes()
        return tuple_hash([coder.table.hashes()[codes[:, j]] for j, coder in enumerate(self.coders)])

    def codes(self, j: int) -> Ids:
        """The code of key j for each group."""
        return self._all_codes()[:, j]

    def values(self, members: Ids | None = None) -> list[pa.Array[Any]]:
        codes = self._all_codes() if members is None else self._all_codes()[members]
        return [taken(coder.values(), indices(codes[:, j])) for j, coder in enumerate(self.coders)]

    def nbytes(self) -> int:
        own = self._grid.nbytes() if self._grid is not None else self._codes.nbytes
        return sum(c.nbytes() for c in self.coders) + self.table.nbytes() + own


def texts_of_codes(columns: Sequence[Ids], compiled: bool) -> Any:
    """Rows of codes as texts of one length."""
    codes = np.stack(columns, axis=1)
    n, width = len(codes), 4 * codes.shape[1]
    offsets = np.arange(0, n * width + 1, width, dtype=np.int32)
    if not compiled:
        return pa.Array.from_buffers(pa.binary(), n, [None, buffer_of(offsets), buffer_of(codes.reshape(-1))])
    data = np.zeros(n * width + 2 * PAD, np.uint8)
    data[PAD : PAD + n * width] = codes.reshape(-1).view(np.uint8)
    return Spans(buffer_of(data), data, offsets[:-1] + np.int32(PAD), np.full(n, width, np.int32))
