"""Codes of the right's keys: a dictionary's own where the key came as one, so that no row is coded twice."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import numpy as np
import pyarrow as pa

from ....planner.types import Type
from ...arrow import array_from, int32_of
from ...batch import Column
from ...context import Context
from .. import codes
from ..grouping import new_keys, same_dictionary
from .index import I32

FEW = 1 << 14  # values that kernels enter in a millisecond, also where a first batch has few rows


class KeyCodes:
    """The keys that one worker met. A row's code is the number of its key, or what `numbers` of its chunk make such."""

    def __init__(self, types: Sequence[Type], compiled: bool) -> None:
        self.keys = new_keys(types, compiled)
        self._dictionary: Any = None  # the last one met, and the number of each of its values
        self._numbers: I32 = np.empty(0, np.int32)

    def of(self, columns: Sequence[Column], n_rows: int, ctx: Context) -> tuple[pa.Array[Any], I32 | None]:
        """Codes of rows without null keys, and the number for each code (None: they are numbers)."""
        if ctx.compiled and not self.keys.compiled:
            self.keys.compile(ctx.stop)
        coded = _whole_dictionary(columns, FEW if ctx.compiled else 0)
        if coded is None:
            return array_from(self.keys.ids(columns, n_rows, ctx.stop)), None
        if not same_dictionary(self._dictionary, coded.dictionary):
            values = coded.dictionary
            self._dictionary, self._numbers = values, self.keys.ids([values], len(values), ctx.stop)
        return coded.indices, self._numbers


def _whole_dictionary(columns: Sequence[Column], few: int) -> Any:
    """The one key, if all its values may be entered: there are `few`, or no more of them than rows, and none is null."""
    key = cast(Any, columns[0]) if len(columns) == 1 else None
    if not isinstance(key, pa.DictionaryArray) or len(key.dictionary) > max(few, len(key)):
        return None
    return None if key.null_count or key.dictionary.null_count else key


def is_same(numbers: I32) -> bool:
    """Whether each code is its key's number."""
    return bool((numbers == np.arange(len(numbers), dtype=np.int32)).all())


def translated(code: pa.Array[Any], numbers: I32 | None, out: I32, ctx: Context) -> None:
    """Numbers of keys into `out`."""
    if numbers is None:
        out[:] = int32_of(code)
    else:
        codes.translated(code, numbers, out, ctx.compiled)
