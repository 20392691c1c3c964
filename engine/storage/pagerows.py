"""Some rows of a column chunk: those whose value is in a set, and the values of rows that are asked for.

Pages that hold no such row are not unpacked. What the kernels do not know is None, as in `pagereader`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from .. import kernels
from ..arrow import array_from, bitmap_of, coded, pooled
from ..kernels import pagefields as heads
from .pagechunk import Chunk, checked_texts, space
from .pagecolumn import plain_column
from .pagereader import decoded

FEW = 4  # of so many rows fewer than one is asked for: else all are decoded


def values_of(chunk: Chunk) -> pa.Array[Any] | None:
    """The dictionary of a chunk that is coded and unpacked, as a column has it: numbers widened to 64 bits."""
    made = chunk.values()
    return None if made is None else made if isinstance(made, pa.Array) else _numbers(chunk, made, None)


def chosen(chunk: Chunk, data: NDArray[np.uint8], passes: NDArray[np.uint8]) -> NDArray[np.int32] | None:
    """Ascending rows of a chunk that is coded whose value passes.

    `data`: its pages unpacked. `passes`: 1 or 0 for each value of its dictionary, and behind them for null.
    """
    largest = chunk.largest
    valid, spare = pooled(largest if chunk.max_definition else 0, np.uint8), pooled(largest, np.int32)
    rows = pooled(chunk.n_rows + 1, np.int32)
    pages, n_pages = chunk.table.reshape(-1), len(chunk.table)
    n = int(kernels.pagerows.choose_pages(data, pages, n_pages, chunk.max_definition, passes, valid, spare, rows))
    if n < 0:
        return None
    return rows[:n] if 2 * n > chunk.n_rows else rows[:n].copy()


def taken(chunk: Chunk, rows: NDArray[np.int32]) -> pa.Array[Any] | None:
    """Values of ascending rows, each there once."""

    if len(rows) * FEW >= chunk.n_rows or not (chunk.is_coded or chunk.kind.n_bytes or chunk.is_plain):
        whole = decoded(chunk)
        return None if whole is None else picked(whole, rows)
    chunk.leave_out(rows)
    data = chunk.unpacked()
    if data is None:
        return None
    if not chunk.kind.n_bytes and not chunk.has_dictionary:
        return _taken_texts(chunk, data, rows)
    return _taken(chunk, data, rows)


def picked(column: pa.Array[Any], rows: NDArray[np.int32]) -> pa.Array[Any]:
    return column if len(rows) == len(column) else column.take(array_from(rows))


def _taken(chunk: Chunk, data: NDArray[np.uint8], rows: NDArray[np.int32]) -> pa.Array[Any] | None:
    kind, n, largest = chunk.kind, len(rows), chunk.largest
    values = chunk.values() if chunk.has_dictionary else np.empty(0, np.int64)
    if values is None:
        return None
    bound = np.array([len(values)], np.int64) if isinstance(values, pa.Array) else values
    numbers, codes = np.empty(n if kind.n_bytes else 0, np.int64), np.empty(n, np.int32)
    valid, spare = pooled(largest if chunk.max_definition else 0, np.uint8), pooled(largest, np.int32)
    places = np.empty(n, np.int32)
    n_null = kernels.pagerows.take_pages(
        data, chunk.table.reshape(-1), len(chunk.table), chunk.max_definition, kind.n_bytes, bound, rows, numbers,
        codes, valid, spare, places,
    )  # fmt: skip
    if n_null < 0:
        return None
    nulls = places < 0 if n_null else None
    return coded(array_from(codes, nulls), values) if isinstance(values, pa.Array) else _numbers(chunk, numbers, nulls)


def _numbers(chunk: Chunk, numbers: NDArray[np.int64], nulls: NDArray[np.bool_] | None) -> pa.Array[Any]:
    return plain_column(numbers, nulls, chunk.kind)


def _taken_texts(chunk: Chunk, data: NDArray[np.uint8], rows: NDArray[np.int32]) -> pa.Array[Any] | None:
    n, largest, table = len(rows), chunk.largest, chunk.table
    offsets, text = np.empty(n + 1, np.int32), space(chunk.told[heads.UNPACKED_BYTES])
    valid, spare = pooled(largest if chunk.max_definition else 0, np.uint8), pooled(largest, np.int32)
    places = np.empty(n, np.int32)
    n_null = kernels.pagerows.take_texts(
        data, table.reshape(-1), len(table), chunk.max_definition, rows, offsets, text, valid, spare, places
    )
    if n_null < 0:
        return None
    bitmap = bitmap_of(places < 0) if n_null else None
    kept = text[: offsets[-1]]
    if 2 * len(kept) < len(text):  # the pages' memory goes on being theirs
        kept = kept.copy()
    return checked_texts(offsets, kept, bitmap)
