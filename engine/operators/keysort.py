"""Order of distinct keys in normal form: nulls first, then ascending, the first key first."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ..arrow import bytes_of, call, is_valid, numbers_of, offsets_of
from .keytable import raw_codes

Order = NDArray[np.int32]


def words_in(column: pa.Array[Any]) -> NDArray[np.uint64]:
    return numbers_of(column).view(np.uint64)


def order_of(keys: Sequence[pa.Array[Any]]) -> Order:
    if len(keys) == 1 and not keys[0].null_count and pa.types.is_uint64(keys[0].type):
        return np.argsort(words_in(keys[0])).astype(np.int32)
    if len(keys) == 1 and not pa.types.is_uint64(keys[0].type):
        return text_order(keys[0])
    columns = [ranks(k) for k in keys]
    sizes = [int(c.max()) + 1 if len(c) else 1 for c in columns]
    if sum((s - 1).bit_length() for s in sizes) < 63:
        packed = columns[0]
        for column, size in zip(columns[1:], sizes[1:], strict=True):
            packed = (packed << (size - 1).bit_length()) | column
        return np.argsort(packed).astype(np.int32)
    return np.lexsort(columns[::-1]).astype(np.int32)


def text_order(column: pa.Array[Any]) -> Order:
    """By code point, which for UTF-8 is the order of the bytes; equal texts in order of row."""
    if pa.types.is_string(column.type) or pa.types.is_binary(column.type):
        prefix = _prefixes(column)
        order = np.argsort(prefix, kind="stable").astype(np.int32)
        ties = np.flatnonzero(prefix[order[1:]] == prefix[order[:-1]])
        if 8 * len(ties) < len(order):
            return _break_ties(column, order, prefix, ties)
    return _sorted(column)


def _sorted(column: pa.Array[Any]) -> Order:
    """Arrow puts nulls last."""
    order = numbers_of(call("sort_indices", column)).astype(np.int32)
    return np.roll(order, column.null_count) if column.null_count else order


def _prefixes(column: pa.Array[Any]) -> NDArray[np.uint64]:
    """The first seven bytes as a number in the top of a word and a length class below it: order but for ties."""
    n = len(column)
    ends = offsets_of(column).astype(np.int64)
    data = bytes_of(column.buffers()[2])
    sizes = np.diff(ends)
    out = np.zeros(n, np.uint64)
    last = max(len(data) - 1, 0)
    for j in range(7):
        byte = data[np.minimum(ends[:n] + j, last)] if len(data) else np.zeros(n, np.uint8)
        out = (out << np.uint64(8)) | np.where(sizes > j, byte, 0).astype(np.uint64)
    out = (out << np.uint64(8)) | (np.minimum(sizes, 8) + 1).astype(np.uint64)
    if column.null_count:
        out[~is_valid(column)] = 0
    return out


def _break_ties(column: pa.Array[Any], order: Order, prefix: NDArray[np.uint64], ties: NDArray[Any]) -> Order:
    """Sort each stretch of equal prefixes by the whole text."""
    if not len(ties):
        return order
    tied = np.zeros(len(order), np.bool_)
    tied[ties] = tied[ties + 1] = True
    at = np.flatnonzero(tied)
    rows = order[at]
    from ..arrow import indices

    by_text = _sorted(column.take(indices(rows)))
    # a stable sort of the rows in order of text by their prefix: stretches keep their places
    again = by_text[np.argsort(prefix[rows][by_text], kind="stable")]
    order[at] = rows[again]
    return order


def ranks(column: pa.Array[Any]) -> NDArray[np.int64]:
    """Dense ranks: null 0, the least value 1."""
    if pa.types.is_uint64(column.type):
        out = np.unique(words_in(column), return_inverse=True)[1].astype(np.int64) + 1
        if column.null_count:
            out[~is_valid(column)] = 0
        return out
    coded = column.dictionary_encode(null_encoding="encode")
    distinct = coded.dictionary
    order = text_order(distinct)
    rank = np.empty(len(distinct), np.int64)
    rank[order] = np.arange(len(distinct)) + (0 if distinct.null_count else 1)
    return rank[raw_codes(coded)]


def row_key(keys: Sequence[pa.Array[Any]], row: int) -> tuple[Any, ...]:
    """One row's keys as Python values that compare in the same order."""
    out = []
    for k in keys:
        value = k[row].as_py()
        out.append((0, 0) if value is None else (1, value.encode() if isinstance(value, str) else value))
    return tuple(out)


def place_of(keys: Sequence[pa.Array[Any]], bound: tuple[Any, ...], low: int = 0) -> int:
    """The first row, in sorted keys, that is not less than bound."""
    n = len(keys[0])
    return bisect_left(range(n), bound, lo=low, key=lambda row: row_key(keys, row))
