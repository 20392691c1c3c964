"""Texts cut out of codes and spans by the workers, before the rows wait for whoever reads the result."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from ..arrow import bitmap_of, buffer_of, bytes_of, decode, int32_of, is_valid, offsets_of
from ..batch import Batch, Column, Spans

SPARE = 16  # bytes that the kernel writes beyond the last


def plain(batch: Batch, compiled: bool) -> Batch:
    """The same rows, each column a plain array."""
    places = [i for i, c in enumerate(batch.columns) if isinstance(c, Spans | pa.DictionaryArray)]
    return batch.put(places, [_plain(batch.columns[i], compiled) for i in places]) if places else batch


def _plain(column: Column, compiled: bool) -> pa.Array[Any]:
    if isinstance(column, Spans):
        return column.to_arrow()
    coded: Any = column
    if compiled and pa.types.is_string(coded.dictionary.type) and not coded.dictionary.null_count:
        made = _gathered(coded)
        if made is not None:
            return made
    return decode(coded)


def _gathered(coded: Any) -> pa.Array[Any] | None:
    """By kernels; None: more than 2 GiB."""
    from ..kernels import texts

    codes, dictionary, n = int32_of(coded.indices), coded.dictionary, len(coded)
    codes = codes[:n]
    nulls = ~is_valid(coded.indices) if coded.indices.null_count else None
    marks = nulls.view(np.uint8) if nulls is not None else np.empty(0, np.uint8)
    offsets, data = offsets_of(dictionary), bytes_of(dictionary.buffers()[2])
    ends = np.empty(n + 1, np.int32)  # not of Arrow's pool: see `arrow.gathered`
    total = int(texts.coded_ends(offsets, codes, marks, ends))
    if total < 0:
        return None
    out = np.empty(total + SPARE, np.uint8)
    texts.copy_coded(offsets, data, codes, ends, out)
    bitmap = bitmap_of(nulls) if nulls is not None else None
    return pa.Array.from_buffers(dictionary.type, n, [bitmap, buffer_of(ends), buffer_of(out[:total])])
