"""A column of row groups from the file to an Arrow array by one call of a kernel, which gives up the interpreter once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from .. import kernels
from ..arrow import array_from, bitmap_of, buffer_of, coded, pooled
from ..kernels import pagefields as heads
from ..pread import read_address
from .pagechunk import BYTES_A_PAGE, CODECS, LARGEST, PAD, Chunk, Chunks, Leaf, checked_texts, place_of, scratch, space

ROWS_A_VALUE = 4  # below so many on average a dictionary of numbers is not worth its values

_NO_NUMBERS, _NO_CODES, _NO_BYTES = np.empty(0, np.int64), np.empty(0, np.int32), np.empty(0, np.uint8)


def read_column(groups: Sequence[Chunks], name: str, as_codes: bool = False) -> pa.Array[Any] | Chunk | None:
    """All rows of it in row groups that follow each other in one file; None: they have to be opened step by step.

    Of one group it may be its pages, unpacked in memory that the thread uses again. `as_codes`: numbers stay a dictionary where
    it has a value for several rows. A dictionary of several groups may have a value several times.
    """
    asked = _asked(groups, name)
    if asked is None:
        return None
    fd, leaf, codec, places, whole = asked
    n_rows, n_bytes, is_optional = int(places[2 :: heads.PLACE].sum()), leaf.kind.n_bytes, leaf.max_definition
    size, total = int(places[1 :: heads.PLACE].max()), sum(whole)
    n_pages = 64 + size // BYTES_A_PAGE
    room, rows_at_once = max(whole) + PAD * n_pages, int(places[2 :: heads.PLACE].max())
    table, of_all = np.empty(heads.WIDTH * n_pages, np.int64), np.empty(heads.TOLD, np.int64)
    raw = scratch("raw", size + PAD if codec else room, np.uint8)
    data = scratch("data", room, np.uint8) if codec else raw
    kind = heads.SNAPPY if codec else heads.NO_CODEC
    spare, valid = scratch("spare", rows_at_once, np.int32), scratch("valid", n_rows if is_optional else 0, np.uint8)
    numbers, texts, offsets, dense = _NO_NUMBERS, _NO_BYTES, _NO_CODES, _NO_NUMBERS
    most = n_rows // ROWS_A_VALUE if as_codes and n_bytes == 8 else 0
    if n_bytes:
        numbers = pooled(n_rows, np.int64)
        codes = numbers.view(np.int32)[:n_rows]
        values = pooled(most, np.int64) if most else scratch("values", max(whole) // n_bytes, np.int64)
        dense = scratch("dense", rows_at_once if is_optional else 0, np.int64)
    else:
        codes, values = pooled(n_rows, np.int32), _NO_NUMBERS
        texts, offsets = space(total), pooled(total // 4 + len(groups), np.int32)
    n_null = kernels.pagefile.read_columns(
        read_address(), fd, places, kind, is_optional, n_bytes, most, raw, table, of_all, data, values, offsets, texts,
        numbers, codes, valid, spare, dense,
    )  # fmt: skip
    if n_null < 0 and n_null != heads.LEFT:
        return None
    about = of_all.tolist()
    n_pages, n_values = about[heads.N_PAGES], about[heads.BOUND]
    dictionary = None
    if not n_bytes and n_null != heads.LEFT:
        dictionary = checked_texts(offsets[: n_values + 1], texts, None)
        if dictionary is None:
            return None
    groups[0].opened(n_pages, about[heads.UNPACKED_BYTES], len(groups))
    if n_null == heads.LEFT:
        pages = table[: heads.WIDTH * n_pages].reshape(n_pages, heads.WIDTH)
        return Chunk(data, pages, about, codec, leaf.kind, is_optional, n_rows, data=data)
    nulls = valid[:n_rows] == 0 if n_null else None
    if dictionary is not None:
        return coded(array_from(codes, nulls), dictionary)
    if about[heads.IS_CODED]:
        return coded(array_from(codes, nulls), array_from(values[:n_values], None, leaf.kind.arrow))
    return plain_column(numbers, nulls, leaf.kind)


def _asked(groups: Sequence[Chunks], name: str) -> tuple[int, Leaf, str, NDArray[np.int64], list[int]] | None:
    """The file, the column, its codec, places of its chunks, and how many bytes each has unpacked, if a kernel may read them."""
    places: list[int] = []
    whole, found, codecs = [], None, set()
    for chunks in groups:
        found, n_rows = chunks.told(name), chunks.n_rows
        if found is None or not read_address():
            return None
        told = found[2]
        codec = CODECS.get(told.compression, "?")
        first, size = place_of(told)
        codecs.add(codec)
        if codec not in ("", "snappy") or told.num_values != n_rows or not 0 < size <= 2 * LARGEST:
            return None
        places += [first, size, n_rows]
        whole.append(told.total_uncompressed_size)
    if found is None or len(codecs) > 1 or sum(whole) > 2 * LARGEST or min(whole) < 0:
        return None
    return found[0], found[1], codecs.pop(), np.array(places, np.int64), whole


def plain_column(numbers: NDArray[np.int64], nulls: NDArray[np.bool_] | None, kind: Any) -> pa.Array[Any]:
    """Numbers as they came out of pages, as what the column has."""
    if kind.is_float:
        numbers = numbers.astype(np.int32).view(np.float32).astype(np.float64).view(np.int64)
    bitmap = bitmap_of(nulls) if nulls is not None else None
    return cast("pa.Array[Any]", pa.Array.from_buffers(kind.arrow, len(numbers), [bitmap, buffer_of(numbers)]))
