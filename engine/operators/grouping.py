"""Group numbers of rows by any keys, for one Local or one radix part.

One key: a table over the key's normal form. Several: a table a key gives codes, and one more table numbers the tuples
of codes, packed into a word, or four bytes each as short texts. No key: group 0.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ...planner.types import Type
from .. import kernels
from ..arrow import array_from, buffer_of, concat, indices, is_valid, numbers_of, pooled, taken
from ..arrow import nulls as null_array
from ..batch import PAD, Column, Spans
from .keyform import Words, from_normal, is_opaque, is_word, normal, normal_type, settled, words_of
from .keyhash import tuple_hash
from .keytable import DictTable, Ids, KeyTable, compile_table, merge_tables, new_table, spans_of
from .pairgrid import Axis, PairGrid

Stop = NDArray[np.uint8]
CLOSE_KINDS = frozenset({"long", "date", "duration"})
FEW_VALUES = 4096  # of a dictionary, up to which its codes are met in the order of the rows; else in its own
LOOKED_AT = 1024  # rows that are numbered key by key before there is a grid
MET_AT_ONCE = 1024  # rows whose whole numbers are met together
NO_CODES, NO_VALUES = np.empty(0, np.int32), np.empty(0, np.int64)
MOST_PACKED = 6  # keys whose codes share a word: ten bits are left to each


class Coder:
    """Distinct values of one column and their codes; opaque types keep the values beside their text."""

    def __init__(self, type_: Type, compiled: bool, capacity: int = 1 << 10) -> None:
        self.type = type_
        self.table = new_table(compiled, is_word(type_), normal_type(type_), capacity)
        self._values: list[pa.Array[Any]] = []  # of opaque types, in order of code
        self._dictionary: Any = None  # the last one met, and the code of each of its values (-1: not met)
        self._mapped: Ids = np.empty(0, np.int32)
        self._texts: Spans | None = None  # its values, padded for kernels
        self.by_code = self.by_row = self.was_general = False  # how its values were found, see `keyways`

    @property
    def n(self) -> int:
        return self.table.n

    def nbytes(self) -> int:
        return self.table.nbytes() + self._mapped.nbytes + sum(v.nbytes for v in self._values)

    def compile(self, stop: Stop) -> None:
        if isinstance(self.table, DictTable):
            self.was_general = self.by_row and self.table.n > 0
            self.table = compile_table(self.table, stop)

    def codes(self, column: Column, stop: Stop) -> Ids:
        if not isinstance(column, Spans) and pa.types.is_dictionary(column.type):
            return self._of_dictionary(column, stop)
        self.by_row = True
        return self._of_rows(column, stop)

    def _of_rows(self, column: Column, stop: Stop) -> Ids:
        if self.type.kind in CLOSE_KINDS and isinstance(self.table, KeyTable) and not isinstance(column, Spans):
            return self._close(self.table, column, stop)
        before = self.table.n
        out = self.table.ids(normal(self.type, column), stop)
        if is_opaque(self.type) and self.table.n > before:
            rows = indices(first_rows(out, before, self.table.n))
            kept = (column.to_arrow() if isinstance(column, Spans) else column).take(rows)
            self._values.append(settled(self.type, kept))
        return out

    def _close(self, table: KeyTable, column: pa.Array[Any], stop: Stop) -> Ids:
        """Whole numbers that lie close together and were met before are found by their distance from the least."""
        if column.null_count or not table.n or not len(column):
            return table.ids(words_of(self.type, column), stop)
        values, out = numbers_of(column), pooled(len(column), np.int32)
        base = int(table.base[0]) ^ (1 << 63)  # of the numbers, as the table has words
        row = kernels.codes.close_ids(values, _signed(base), table.near, out)
        if row < len(values):
            out[row:] = table.ids(words_of(self.type, column.slice(row)), stop)
        return out

    def mapping(self, column: Any) -> tuple[Ids, Ids]:
        """The codes of a dictionary's rows, and what each stands for here: -1 where no row had it yet (see `learn`)."""
        self.by_code = True
        if not same_dictionary(self._dictionary, column.dictionary):
            self._dictionary, self._mapped = column.dictionary, np.full(len(column.dictionary) + 1, -1, np.int32)
            self._texts = None
        return codes_of(column), self._mapped

    def is_mapped(self, column: Column) -> bool:
        """Whether `mapping` and `learn` serve the column."""
        return (
            isinstance(self.table, KeyTable) and not isinstance(column, Spans) and pa.types.is_dictionary(column.type)
        )

    def axis(self, column: Column) -> Axis | None:
        """The column for `PairGrid.number`, if some of its values were met; None: it is to be coded beforehand."""
        if isinstance(column, Spans) or not isinstance(self.table, KeyTable):
            return None
        if pa.types.is_dictionary(column.type):
            rows, mapped = self.mapping(column)
            return rows, NO_VALUES, 0, mapped
        if self.type.kind not in CLOSE_KINDS or column.null_count or not self.n:
            return None
        return NO_CODES, numbers_of(column), _signed(int(self.table.base[0]) ^ (1 << 63)), self.table.near

    def learn_at(self, column: Any, axis: Axis, row: int, stop: Stop) -> bool:
        """Whether the value of a row has a number on the axis. If it may have one and has none, it and others behind it get one."""
        codes, values, base, mapped = axis
        at = int(codes[row]) if len(codes) else int(values[row]) - base
        if not 0 <= at < len(mapped):
            return False
        if mapped[at] < 0 and len(codes):
            if len(mapped) <= FEW_VALUES:  # without a look at which of them the rows have: pairs are groups, not these
                fresh = np.flatnonzero(mapped[:-1] < 0).astype(np.int32)
                fresh = np.append(fresh, np.int32(at)) if at == len(mapped) - 1 else fresh
                mapped[fresh] = self._fresh(self._dictionary, fresh, stop)
            else:
                self.learn(codes[row:], stop)
        elif mapped[at] < 0:
            self.table.ids(words_of(self.type, column.slice(row, MET_AT_ONCE)), stop)
        return bool(mapped[at] >= 0)

    def meet(self, column: Any, stop: Stop) -> None:
        """The values that rows of a dictionary have get their codes; which rows these are is not asked."""
        rows, mapped = self.mapping(column)
        if (mapped[:-1] < 0).any() or column.null_count or column.dictionary.null_count:
            self.learn(rows, stop)

    def learn(self, rows: Ids, stop: Stop) -> None:
        """Maps the codes that these rows have of the dictionary last met; compiled only."""
        if len(self._mapped) > FEW_VALUES:
            seen = np.zeros(len(self._mapped), np.uint8)
            kernels.codes.mark(rows, seen)
            fresh = np.flatnonzero(seen.view(np.bool_) & (self._mapped < 0)).astype(np.int32)
        else:
            fresh = np.empty(len(self._mapped), np.int32)
            fresh = fresh[: kernels.codes.find_fresh(rows, self._mapped, fresh)]
        if len(fresh):
            self._mapped[fresh] = self._fresh(self._dictionary, fresh, stop)

    def _of_dictionary(self, column: Any, stop: Stop) -> Ids:
        """Each value of a dictionary goes through the table once, and only if a row has it."""
        rows = self.mapping(column)[0]
        if isinstance(self.table, KeyTable):
            return self._mapped_compiled(rows, column.dictionary, stop)
        out = self._mapped[rows]
        if len(out) and out.min() < 0:
            fresh = in_order_of_sight(np.unique(rows[out < 0]), rows, len(self._mapped))
            self._mapped[fresh] = self._fresh(column.dictionary, fresh, stop)
            out = self._mapped[rows]
        return out

    def _mapped_compiled(self, rows: Ids, dictionary: Any, stop: Stop) -> Ids:
        if (self._mapped[:-1] < 0).any():
            self.learn(rows, stop)
        out, fresh = pooled(len(rows), np.int32), np.empty(len(self._mapped), np.int32)
        if n := kernels.codes.map_codes(rows, self._mapped, out, fresh):
            self._mapped[fresh[:n]] = self._fresh(dictionary, fresh[:n], stop)
            kernels.codes.map_codes(rows, self._mapped, out, fresh)
        return out

    def _fresh(self, dictionary: Any, rows: NDArray[Any], stop: Stop) -> Ids:
        """Codes of some values of a dictionary; null is the row behind the last."""
        if isinstance(self.table, KeyTable) and not is_opaque(self.type) and is_text(dictionary.type):
            if self._texts is None:
                self._texts = with_null(spans_of(dictionary))
            return self.table.ids(self._texts.take(rows), stop)
        if (
            self.type.kind in CLOSE_KINDS
            and not dictionary.null_count
            and (not len(rows) or rows.max() < len(dictionary))
        ):
            return self.codes(array_from(numbers_of(dictionary)[rows], None, dictionary.type), stop)
        values = taken(concat([dictionary, null_array(1, dictionary.type)]), indices(rows))
        return self._of_rows(values, stop)

    def merge(self, other: Coder, members: Ids, stop: Stop) -> Ids:
        """Codes here of another coder's values `members`."""
        before = self.table.n
        out = merge_tables(self.table, other.table, members, stop)
        if is_opaque(self.type) and self.table.n > before:
            fresh = members[first_rows(out, before, self.table.n)]
            self._values.append(taken(other.values(), indices(fresh)))
        return out

    def values(self, members: Ids | None = None) -> pa.Array[Any]:
        """In their physical form, in order of code or of `members`."""
        if not is_opaque(self.type):
            return from_normal(self.type, self.table.keys(members))
        self._values = [concat(self._values)] if self._values else [null_array(0, self.type.arrow)]
        return self._values[0] if members is None else taken(self._values[0], indices(members))


def _signed(word: int) -> int:
    """64 bits as a signed number."""
    return word - (word >> 63 << 64)


def in_order_of_sight(values: NDArray[Any], rows: Ids, n: int) -> NDArray[Any]:
    """Numbers of a dictionary of n values, all of which rows have, by the first of these rows: so keys are numbered."""
    if len(values) < 2:
        return values
    first = np.empty(n, np.int64)
    first[rows[::-1]] = np.arange(len(rows) - 1, -1, -1)
    order: NDArray[Any] = values[np.argsort(first[values])]
    return order


def first_rows(ids: Ids, low: int, high: int) -> NDArray[np.int64]:
    """The first row of each number low .. high, all of which appear."""
    rows = np.flatnonzero(ids >= low)
    first = np.empty(high - low, np.int64)
    first[ids[rows[::-1]] - low] = rows[::-1]
    return first


def is_text(kind: pa.DataType) -> bool:
    return pa.types.is_string(kind)


def with_null(spans: Spans) -> Spans:
    """One row more, which is null."""
    start, length = np.append(spans.start, np.int32(0)), np.append(spans.length, np.int32(-1))
    return Spans(spans.buffer, spans.data, start, length)


def same_dictionary(a: Any, b: Any) -> bool:
    if a is b:
        return True
    if a is None or len(a) != len(b) or a.offset != b.offset or a.type != b.type:
        return False
    pairs = zip(a.buffers(), b.buffers(), strict=True)
    return all((x is None and y is None) or (x and y and x.address == y.address) for x, y in pairs)


def codes_of(column: Any) -> Ids:
    """Codes of a dictionary column; null is the number behind the last value."""
    rows = column.indices
    codes = np.frombuffer(rows.buffers()[1], np.int32, len(rows) + rows.offset)[rows.offset :]
    if rows.null_count:
        codes = np.where(is_valid(rows), codes, np.int32(len(column.dictionary)))
    if column.dictionary.null_count:
        bad = ~is_valid(column.dictionary)
        codes = np.where(np.append(bad, False)[codes], np.int32(len(bad)), codes)
    return codes


class NoKeys:
    """All rows are one group, also if there is no row."""

    n = 1
    compiled = False
    coders: Sequence[Coder] = ()

    def ids(self, columns: Sequence[Column], n_rows: int, stop: Stop) -> Ids:
        return np.zeros(n_rows, np.int32)

    def compile(self, stop: Stop) -> None:
        return None

    def merge(self, other: Any, members: Ids, stop: Stop) -> Ids:
        return np.zeros(len(members), np.int32)

    def hashes(self) -> NDArray[np.uint64]:
        return np.zeros(1, np.uint64)

    def values(self, members: Ids | None = None) -> list[pa.Array[Any]]:
        return []

    def nbytes(self) -> int:
        return 0


class OneKey:
    def __init__(self, types: Sequence[Type], compiled: bool, capacity: int = 1 << 10) -> None:
        self.coder = Coder(types[0], compiled, capacity)
        self.coders: Sequence[Coder] = (self.coder,)
        self.compiled = compiled

    @property
    def n(self) -> int:
        return self.coder.n

    def ids(self, columns: Sequence[Column], n_rows: int, stop: Stop) -> Ids:
        return self.coder.codes(columns[0], stop)

    def compile(self, stop: Stop) -> None:
        self.coder.compile(stop)
        self.compiled = True

    def merge(self, other: OneKey, members: Ids, stop: Stop) -> Ids:
        return self.coder.merge(other.coder, members, stop)

    def hashes(self) -> NDArray[np.uint64]:
        return self.coder.table.hashes()

    def values(self, members: Ids | None = None) -> list[pa.Array[Any]]:
        return [self.coder.values(members)]

    def nbytes(self) -> int:
        return self.coder.nbytes()


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
        if (
            grid is not None and not grid.n and not row and n_rows >= 4 * LOOKED_AT
        ):  # a few rows tell how the grid is to lie
            self._coded([c.slice(0, LOOKED_AT) for c in columns], LOOKED_AT, stop)
            grid = self._grid
        if grid is None or not grid.n:
            return row
        axes = [coder.axis(column) for coder, column in zip(self.coders, columns, strict=True)]
        one, two = axes
        if one is None or two is None:
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

    def of_codes(self, codes: list[Ids], stop: Stop) -> Ids:
        """Groups of rows whose keys were coded by the coders of this table."""
        return self._tuples(codes, stop)

    def _tuples(self, codes: list[Ids], stop: Stop) -> Ids:
        if self._grid is not None:
            if not self._grid.n:
                self._grid.orient(codes[0], codes[1])
            if self._grid.reach(self.coders[0].n, self.coders[1].n):
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
            rows = first_rows(out, self._known, self.table.n)
            for j, column in enumerate(codes):
                self._codes[self._known : self.table.n, j] = column[rows]
            self._known = self.table.n
        return out

    def form(self, codes: Sequence[Ids]) -> Any:
        """Rows of codes as the table has them."""
        if not self._packed:
            return texts_of_codes(codes, self.compiled)
        words = codes[0].astype(np.uint64)
        for column in codes[1:]:
            words = (words << np.uint64(self._bits)) | column.astype(np.uint64)
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


def distinct_codes(codes: Ids, n: int) -> tuple[Ids, Ids]:
    """The codes (below n) that occur, ascending, and the place of each row's code among them; O(rows + n)."""
    met = np.zeros(n, np.bool_)
    met[codes] = True
    used = np.flatnonzero(met).astype(np.int32)
    at = np.empty(n, np.int32)
    at[used] = np.arange(len(used), dtype=np.int32)
    return used, at[codes]


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


Keys = NoKeys | OneKey | ManyKeys


def new_keys(types: Sequence[Type], compiled: bool, capacity: int = 1 << 10) -> Keys:
    if not types:
        return NoKeys()
    return OneKey(types, compiled, capacity) if len(types) == 1 else ManyKeys(types, compiled, capacity)
