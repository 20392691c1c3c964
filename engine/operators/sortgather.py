"""Rows of a sort's columns by number, in memory that is kept."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa

from ..arrow import array_from, gathered, indices, numbers_of
from ..context import Context
from .sortplaces import Order

Columns: TypeAlias = "tuple[pa.Array[Any], ...]"
LARGE = 1024  # rows for which a compiled gather pays


def taken(columns: Columns, rows: Order, ctx: Context) -> Columns:
    """Rows by number, none of them negative."""
    wanted, is_large = indices(rows), ctx.compiled and len(rows) >= LARGE
    return tuple(_words_taken(c, rows) if is_large and is_words(c) else gathered(c, wanted) for c in columns)


def is_words(column: pa.Array[Any], *, is_whole: bool = False) -> bool:
    """Whether it holds words without a null; `is_whole`: that order as whole numbers do."""
    kind, t = column.type, pa.types
    number = t.is_int64(kind) or t.is_timestamp(kind) or t.is_duration(kind) or (not is_whole and t.is_float64(kind))
    return bool(number) and not column.null_count


def _words_taken(column: pa.Array[Any], rows: Order) -> pa.Array[Any]:
    from ..kernels import select

    out = np.empty(len(rows), np.int64)  # not of Arrow's pool, see `gathered`
    select.gather(numbers_of(column).view(np.int64), rows, out)
    return array_from(out, None, column.type)
