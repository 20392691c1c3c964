"""Which group of a finished table the keys of each row belong to, for one worker; -1 where they are none's."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ..arrow import concat, decode, filled
from ..arrow import nulls as null_array
from ..batch import Column, Spans
from .grouping import Coder, Keys, ManyKeys, NoKeys, codes_of, same_dictionary
from .keyform import Words, normal
from .keytable import DictTable, Ids, KeyTable, raw_codes, spans_of

SPARSE = 4  # a dictionary that is so many times as long as the column is not worth looking up whole


class Finder:
    """Keys that were numbered; nothing is entered any more, so many workers may share them."""

    def __init__(self, keys: Keys) -> None:
        self._keys = keys
        self._coders = [ColumnFinder(c) for c in keys.coders]

    def find(self, columns: Sequence[Column], n_rows: int) -> Ids:
        if isinstance(self._keys, NoKeys):
            return np.zeros(n_rows, np.int32)
        codes = [f.find(c) for f, c in zip(self._coders, columns, strict=True)]
        if not isinstance(self._keys, ManyKeys):
            return codes[0]
        return _tuples(self._keys, codes)


def _tuples(keys: ManyKeys, codes: list[Ids]) -> Ids:
    known = codes[0] >= 0
    for c in codes[1:]:
        known &= c >= 0
    out = filled(len(known), -1)
    rows = np.flatnonzero(known)
    if len(rows):
        picked = [c[rows] for c in codes]
        form = keys.form(picked)
        out[rows] = find(keys.table, form)
    return out


class ColumnFinder:
    """Codes of one column's values; what a dictionary's values have is looked up once."""

    def __init__(self, coder: Coder) -> None:
        self._coder = coder
        self._dictionary: Any = None
        self._mapped: Ids = np.empty(0, np.int32)

    def find(self, column: Column) -> Ids:
        if not isinstance(column, Spans) and pa.types.is_dictionary(column.type):
            coded: Any = column
            if same_dictionary(self._dictionary, coded.dictionary):
                return self._looked_up(codes_of(coded))
            if len(coded.dictionary) > SPARSE * max(len(coded), 1):
                return self.find(decode(coded))
            values = concat([coded.dictionary, null_array(1, coded.dictionary.type)])
            self._mapped, self._dictionary = self.find(values), coded.dictionary
            return self._looked_up(codes_of(coded))
        form = normal(self._coder.type, column)
        return find(self._coder.table, form)

    def _looked_up(self, codes: Ids) -> Ids:
        if not isinstance(self._coder.table, KeyTable):
            return self._mapped[codes]
        from ..kernels.codes import translate

        out = np.empty(len(codes), np.int32)
        translate(codes, self._mapped, out)
        return out


def find(table: KeyTable | DictTable, keys: Any) -> Ids:
    """Numbers of keys in normal form, -1 where the table does not have them."""
    if isinstance(table, DictTable):
        return _find_slowly(table, keys)
    from ..kernels import probe

    out = np.empty(len(keys), np.int32)
    if isinstance(keys, Words):
        nulls = keys.nulls.view(np.uint8) if keys.nulls is not None else np.empty(0, np.uint8)
        probe.find_words(keys.values, nulls, table.slots, table.key0, table.key1, table.near, table.base, out)
        return out
    spans = keys if isinstance(keys, Spans) else spans_of(keys)
    probe.find_texts(
        spans.data, spans.start, spans.length, table.slots, table.key0, table.key1, table.sizes, table.arena, out
    )
    return out


def _find_slowly(table: DictTable, keys: Any) -> Ids:
    if isinstance(keys, Words | Spans):
        keys = keys.to_arrow()
    if not len(keys):
        return np.empty(0, np.int32)
    coded = keys.dictionary_encode(null_encoding="encode")
    numbers = np.array([table.number(v) for v in coded.dictionary.to_pylist()], np.int32)
    codes: NDArray[np.int32] = raw_codes(coded)
    return numbers[codes]
