"""Arrays as bytes that order as the arrays do: element by element, then by length.

Each element is a mark (1 null, 2 value) and its bytes; a value of varying size escapes its zeros (00 -> 00 FF) and ends
with 00 00. A shorter array is a prefix of the longer one, and a prefix comes first.
"""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ...planner.types import BINARY, scalar
from ..arrow import array_from, bitmap_of, buffer_of, bytes_of, call, is_valid, offsets_of
from .keyform import text_form
from .sortkeys import fixed_words

NULL_MARK, MARK = 1, 2


def encode(column: pa.Array[Any]) -> pa.Array[Any]:
    """A list column as a binary column of the same length; null stays null."""
    return _joined(column)


def _joined(column: pa.Array[Any]) -> pa.Array[Any]:
    """The encoded elements of each list, one after the other."""
    ends = offsets_of(column).astype(np.int64)
    elements = _elements(cast(Any, column).values.slice(int(ends[0]), int(ends[-1] - ends[0])))
    places = offsets_of(elements)[ends - ends[0]]
    nulls = ~is_valid(column)
    out = pa.Array.from_buffers(
        pa.binary(), len(column), [bitmap_of(nulls), buffer_of(np.ascontiguousarray(places)), elements.buffers()[2]]
    )
    return cast("pa.Array[Any]", out)


def _elements(values: pa.Array[Any]) -> pa.Array[Any]:
    """Mark and bytes of each value, as a binary column without nulls."""
    t, kind = pa.types, values.type
    if t.is_null(kind):
        return _fixed(np.zeros((len(values), 0), np.uint8), np.ones(len(values), np.bool_))
    nulls = ~is_valid(values)
    if t.is_list(kind):
        return _framed(_joined(values), nulls)
    if t.is_dictionary(kind):
        return _elements(cast(Any, values).dictionary_decode())
    if t.is_primitive(kind) or t.is_decimal128(kind) or t.is_fixed_size_binary(kind):
        words = np.stack(fixed_words(values), axis=1).astype(">u8")
        words[nulls] = 0
        return _fixed(words.view(np.uint8).reshape(len(values), 8 * words.shape[1]), nulls)
    return _framed(text_form(values).cast(pa.binary()), nulls)


def _fixed(raw: NDArray[np.uint8], nulls: NDArray[np.bool_]) -> pa.Array[Any]:
    n, width = len(raw), raw.shape[1] + 1
    out = np.empty((n, width), np.uint8)
    out[:, 0] = np.where(nulls, NULL_MARK, MARK)
    out[:, 1:] = raw
    offsets = np.arange(n + 1, dtype=np.int32) * np.int32(width)
    return cast(
        "pa.Array[Any]", pa.Array.from_buffers(pa.binary(), n, [None, buffer_of(offsets), buffer_of(out.reshape(-1))])
    )


def _framed(values: pa.Array[Any], nulls: NDArray[np.bool_]) -> pa.Array[Any]:
    """Mark, escaped bytes, end."""
    if values.null_count:
        values = call("fill_null", values, scalar(b"", BINARY))
    offsets = offsets_of(values)
    data = bytes_of(values.buffers()[2])[offsets[0] : offsets[-1]]
    zero = data == 0
    widths = 1 + zero.astype(np.int64)  # bytes that each byte becomes
    before = np.concatenate([[0], np.cumsum(widths)])
    local = offsets.astype(np.int64) - int(offsets[0])
    escaped = before[local[1:]] - before[local[:-1]]
    starts = np.concatenate([[0], np.cumsum(escaped + 3)])  # mark and two zeros around each
    out = np.zeros(int(starts[-1]), np.uint8)
    out[starts[:-1]] = np.where(nulls, NULL_MARK, MARK)
    row = np.repeat(np.arange(len(escaped)), np.diff(local))
    where = starts[row] + 1 + before[:-1] - before[local[row]]
    out[where] = data
    out[where[zero] + 1] = 0xFF
    ends = array_from(starts.astype(np.int32))
    return cast(
        "pa.Array[Any]", pa.Array.from_buffers(pa.binary(), len(escaped), [None, ends.buffers()[1], buffer_of(out)])
    )
