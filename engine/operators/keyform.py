"""How values of each type are brought to a form that can be hashed, compared and sorted as it is.

A normal column is text (Spans, or a plain Arrow string or binary array), or `Words`: unsigned 64-bit integers whose
order is the order of the values. Equal values have equal forms: one NaN, one zero.
"""

from __future__ import annotations

from typing import Any, TypeAlias, cast

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ...planner.records import dataclass
from ...planner.types import Type
from ..arrow import (
    array_from,
    bitmap_of,
    bools_of,
    buffer_of,
    bytes_of,
    call,
    is_valid,
    list_sizes,
    lists_from,
    numbers_of,
)
from ..arrow import nulls as null_array
from ..batch import Column, Spans

SIGN = np.uint64(1 << 63)
NAN_BITS = np.uint64(0x7FF8 << 48)
WORD_KINDS = frozenset({"long", "date", "duration", "months", "double", "bool", "null"})


@dataclass(frozen=True, slots=True)
class Words:
    """`nulls`: True where there is no value (its word is 0), or None if there is one everywhere."""

    values: NDArray[np.uint64]
    nulls: NDArray[np.bool_] | None = None

    def __len__(self) -> int:
        return len(self.values)

    def take(self, rows: NDArray[Any]) -> Words:
        return Words(self.values[rows], self.nulls[rows] if self.nulls is not None else None)

    def to_arrow(self) -> pa.Array[Any]:
        return array_from(self.values, self.nulls)


Normal: TypeAlias = "Spans | pa.Array[Any] | Words"


def is_word(type_: Type) -> bool:
    return type_.kind in WORD_KINDS


def is_opaque(type_: Type) -> bool:
    """Types whose normal form does not give the value back; the values themselves are kept beside."""
    return not (is_word(type_) or type_.kind in ("string", "any", "binary", "ip"))


def normal_type(type_: Type) -> pa.DataType:
    """The Arrow type of a column's normal form."""
    if is_word(type_):
        return pa.uint64()
    return pa.binary() if type_.kind in ("binary", "ip", "array", "decimal") else pa.string()


def normal(type_: Type, column: Column) -> Normal | pa.DictionaryArray[Any, Any]:
    """The normal form of a column of `type_`; dictionaries of text stay dictionaries."""
    if isinstance(column, Spans) or pa.types.is_dictionary(column.type):
        return column
    if is_word(type_):
        return words_of(type_, column)
    if type_.kind == "ip":
        return _compact_ips(column)
    if type_.kind == "array":
        return _ordered_bytes(column)
    if type_.kind == "decimal":
        return _decimal_bytes(column)
    if is_opaque(type_):
        return text_form(column)
    return column


def words_of(type_: Type, column: pa.Array[Any]) -> Words:
    n = len(column)
    if type_.kind == "null" or pa.types.is_null(column.type):
        return Words(np.zeros(n, np.uint64), np.ones(n, np.bool_))
    if type_.kind == "bool":
        words = bools_of(column).astype(np.uint64)
    elif type_.kind == "double":
        words = double_words(numbers_of(column))
    else:
        words = numbers_of(column).view(np.uint64) ^ SIGN
    if not column.null_count:
        return Words(words)
    nulls = ~is_valid(column)
    return Words(np.where(nulls, np.uint64(0), words), nulls)


def double_words(values: NDArray[np.float64]) -> NDArray[np.uint64]:
    """Unsigned order is the order of the numbers, NaN last; -0.0 and 0.0 are one, so are all NaN."""
    bits = (values + 0.0).view(np.uint64)  # -0.0 + 0.0 is 0.0
    bad = values != values
    if bad.any():
        bits = np.where(bad, NAN_BITS, bits)
    return bits ^ ((bits.view(np.int64) >> 63).view(np.uint64) | SIGN)


def doubles_from(words: NDArray[np.uint64]) -> NDArray[np.float64]:
    with np.errstate(over="ignore"):  # all bits of a word without its first are turned, else the first one
        return np.asarray(words ^ (((words >> np.uint64(63)) - np.uint64(1)) | SIGN)).view(np.float64)


def from_words(type_: Type, words: NDArray[np.uint64], nulls: NDArray[np.bool_] | None) -> pa.Array[Any]:
    """Back to the physical form of the type."""
    if type_.kind == "null":
        return null_array(len(words), pa.null())
    if type_.kind == "bool":
        return array_from(words != 0, nulls)
    if type_.kind == "double":
        return array_from(doubles_from(words), nulls)
    return array_from((words ^ SIGN).view(np.int64), nulls, type_.arrow)


def from_normal(type_: Type, column: pa.Array[Any]) -> pa.Array[Any]:
    """A column of `normal_type` back to the physical form (opaque types have none)."""
    if is_word(type_):
        nulls = ~is_valid(column) if column.null_count else None
        return from_words(type_, numbers_of(column).view(np.uint64), nulls)
    return _full_ips(column) if type_.kind == "ip" else column


def text_form(column: pa.Array[Any]) -> pa.Array[Any]:
    """Values of a nested or foreign type as text that tells different values apart."""
    if pa.types.is_binary(column.type) or pa.types.is_string(column.type):
        return column
    try:
        return call("cast", column, pa.string())
    except (pa.ArrowNotImplementedError, pa.ArrowInvalid):
        import json

        # nested values: rare as keys, so one Python object each is borne
        texts = [None if v is None else json.dumps(v, ensure_ascii=False, default=repr) for v in column.to_pylist()]
        return pa.array(texts, pa.string())


def _ordered_bytes(column: pa.Array[Any]) -> pa.Array[Any]:
    if pa.types.is_null(column.type):  # a constant null
        return null_array(len(column), pa.binary())
    from .sortbytes import encode

    return encode(column)


def _decimal_bytes(column: pa.Array[Any]) -> pa.Array[Any]:
    """16 bytes, the highest first, the sign turned: their order is that of the numbers."""
    n, data = len(column), column.buffers()[1]
    if data is None:
        return null_array(n, pa.binary())
    raw = (
        np.frombuffer(cast(Any, data), np.uint8, 16 * (n + column.offset)).reshape(-1, 16)[column.offset :, ::-1].copy()
    )
    raw[:, 0] ^= 0x80
    offsets = np.arange(0, 16 * n + 1, 16, dtype=np.int32)
    bitmap = bitmap_of(~is_valid(column))
    return pa.Array.from_buffers(pa.binary(), n, [bitmap, buffer_of(offsets), buffer_of(raw)])


def settled(type_: Type, column: pa.Array[Any]) -> pa.Array[Any]:
    """Arrays with one zero and one NaN, as numbers that are keys have them: equal arrays are the same, whichever is kept."""
    if type_.kind == "double":
        numbers = numbers_of(column) + 0.0
        return array_from(np.where(numbers != numbers, np.nan, numbers), ~is_valid(column))
    if type_.kind != "array" or type_.item is None or not pa.types.is_list(column.type):
        return column
    lists: Any = column
    return lists_from(list_sizes(lists), settled(type_.item, lists.flatten()), is_valid(lists))


def _compact_ips(column: pa.Array[Any]) -> pa.Array[Any]:
    """5 bytes for IPv4, 17 for IPv6: short ones fit into the key table; the order stays."""
    n = len(column)
    raw = _fixed(column)
    nulls = ~is_valid(column)
    sizes = np.where(raw[:, 0] == 4, 5, 17)
    sizes[nulls] = 0
    offsets = np.zeros(n + 1, np.int32)
    np.cumsum(sizes, out=offsets[1:])
    keep = np.ones((n, 17), np.bool_)
    keep[sizes == 5, 1:13] = False
    keep[nulls] = False
    data = raw[keep]
    return pa.Array.from_buffers(pa.binary(), n, [bitmap_of(nulls), buffer_of(offsets), buffer_of(data)])


def _fixed(column: pa.Array[Any]) -> NDArray[np.uint8]:
    data = bytes_of(column.buffers()[1])
    n = len(column)
    if not len(data):
        return np.zeros((n, 17), np.uint8)
    return data[17 * column.offset : 17 * (column.offset + n)].reshape(n, 17)


def _full_ips(column: pa.Array[Any]) -> pa.Array[Any]:
    from ..arrow import offsets_of

    n = len(column)
    ends = offsets_of(column)
    data = bytes_of(column.buffers()[2])
    sizes = np.diff(ends)
    out = np.zeros((n, 17), np.uint8)
    for size in (5, 17):
        rows = np.flatnonzero(sizes == size)
        if len(rows):
            cut = data[ends[rows][:, None] + np.arange(size)]
            out[rows, 0] = cut[:, 0]
            out[rows, 18 - size :] = cut[:, 1:]
    nulls = ~is_valid(column)
    return cast(
        "pa.Array[Any]", pa.Array.from_buffers(pa.binary(17), n, [bitmap_of(nulls), buffer_of(out.reshape(-1))])
    )
