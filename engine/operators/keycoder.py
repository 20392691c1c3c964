"""Codes of one key's values: a table over their normal form, with short ways for dictionaries and for numbers that lie close together."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ...planner.types import Type
from .. import kernels
from ..arrow import array_from, concat, filled, indices, numbers_of, pooled, taken
from ..arrow import nulls as null_array
from ..batch import Column, Spans
from .keydicts import codes_of, is_text, same_dictionary, with_null
from .keyform import from_normal, is_opaque, is_word, normal, normal_type, settled, words_of
from .keynumbers import first_rows, in_order_of_sight
from .keytable import DictTable, Ids, KeyTable, compile_table, merge_tables, new_table, spans_of
from .pairgrid import Axis
from .sharedtable import SharedTable

Stop = NDArray[np.uint8]
CLOSE_KINDS = frozenset({"long", "date", "duration"})
FEW_VALUES = 4096  # of a dictionary, up to which its codes are met in the order of the rows; else in its own
MET_AT_ONCE = 1024  # rows whose whole numbers are met together
NO_CODES, NO_VALUES = np.empty(0, np.int32), np.empty(0, np.int64)


class Coder:
    """Distinct values of one column and their codes; opaque types keep the values beside their text."""

    def __init__(
        self, type_: Type, compiled: bool, capacity: int = 1 << 10, shared: SharedTable | None = None
    ) -> None:  # fmt: skip
        self.type = type_
        made = new_table(compiled, is_word(type_), normal_type(type_), capacity) if shared is None else shared
        self.table: KeyTable | DictTable = made
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

    def leave_shared(self) -> None:
        """From here on the table is this coder's alone, under the same codes, if it may be."""
        if isinstance(self.table, SharedTable) and not self.table.is_for_all:
            self.table = self.table.own()

    def _of_rows(self, column: Column, stop: Stop) -> Ids:
        self.leave_shared()  # the others would wait for each row's hash
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
            self._dictionary, self._mapped = column.dictionary, filled(len(column.dictionary) + 1, -1)
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
            self.table.expect(len(rows), stop)
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
