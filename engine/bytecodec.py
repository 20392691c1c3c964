"""Bytes to and from hexadecimal, base64 and character sets, column-wise over the bytes of all rows at once.

Columns are plain binary or string arrays; decoders also say which rows are malformed (null in, neither).
"""

from __future__ import annotations

import codecs
from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from .arrow import array_from, bitmap_of, buffer_of, bytes_of, call, is_valid, offsets_of

Bytes: TypeAlias = "NDArray[np.uint8]"
Sizes: TypeAlias = "NDArray[np.int64]"
Mask: TypeAlias = "NDArray[np.bool_]"
DIGITS = np.frombuffer(b"0123456789abcdef", np.uint8)
LETTERS = np.frombuffer(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/", np.uint8)
BAD = 255


def _values(letters: Bytes) -> Bytes:
    table = np.full(256, BAD, np.uint8)
    table[letters] = np.arange(len(letters), dtype=np.uint8)
    return table


DIGIT_OF, LETTER_OF = _values(DIGITS), _values(LETTERS)
DIGIT_OF[np.frombuffer(b"ABCDEF", np.uint8)] = np.arange(10, 16, dtype=np.uint8)


def _packed(array: pa.Array[Any]) -> tuple[Bytes, Sizes]:
    """The bytes of all rows one behind another, and how many each has (0 for null)."""
    offsets = offsets_of(array).astype(np.int64)
    sizes = np.diff(offsets)
    data = bytes_of(array.buffers()[2])[offsets[0] : offsets[-1]]
    valid = is_valid(array)
    return (data, sizes) if valid.all() else _without(data, sizes, ~valid)


def _without(data: Bytes, sizes: Sizes, rows: Mask) -> tuple[Bytes, Sizes]:
    """What is left of the bytes when some rows have none."""
    return data[np.repeat(~rows, sizes)], np.where(rows, 0, sizes)


def _filled_up(data: Bytes, sizes: Sizes, k: int) -> tuple[Bytes, Mask]:
    """The bytes in groups of `k`, as many as each row needs; and which of them are the row's own (the others are 0)."""
    groups = -(-sizes // k)
    missing, ends = groups * k - sizes, np.cumsum(groups) * k
    own = np.ones(int(ends[-1]) if len(ends) else 0, np.bool_)
    for back in range(1, k):
        own[ends[missing >= back] - back] = False
    out = np.zeros(len(own), np.uint8)
    out[own] = data
    return out.reshape(-1, k), own.reshape(-1, k)


def _column(kind: pa.DataType, data: Bytes, sizes: Sizes, nulls: Mask) -> pa.Array[Any]:
    """`data` holds the rows one behind another."""
    offsets = np.zeros(len(sizes) + 1, np.int64)
    np.cumsum(sizes, out=offsets[1:])
    if offsets[-1] >= 2**31:
        raise pa.ArrowCapacityError("more than 2 GiB of text in one batch")
    return pa.Array.from_buffers(
        kind, len(sizes), [bitmap_of(nulls), buffer_of(offsets.astype(np.int32)), buffer_of(data)]
    )


def _rows_with(bad: Mask, sizes: Sizes) -> Mask:
    """Rows that have a bad byte."""
    out = np.zeros(len(sizes), np.bool_)
    out[np.searchsorted(np.cumsum(sizes), np.flatnonzero(bad), side="right")] = True
    return out


def to_hex(array: pa.Array[Any]) -> pa.Array[Any]:
    """Two lower-case digits a byte."""
    data, sizes = _packed(array)
    out = np.empty(2 * len(data), np.uint8)
    out[0::2], out[1::2] = DIGITS[data >> 4], DIGITS[data & 15]
    return _column(pa.string(), out, 2 * sizes, ~is_valid(array))


def from_hex(text: pa.Array[Any]) -> tuple[pa.Array[Any], Mask]:
    """Digits in either case; malformed: an odd number of them, or another character."""
    data, sizes = _packed(text)
    digits = DIGIT_OF[data]
    bad = (sizes % 2 == 1) | _rows_with(digits == BAD, sizes)
    if bad.any():
        digits, sizes = _without(digits, sizes, bad)
    made: Bytes = ((digits[0::2] << 4) | digits[1::2]).astype(np.uint8, copy=False)
    return _column(pa.binary(), made, sizes // 2, bad | ~is_valid(text)), bad


def to_base64(array: pa.Array[Any]) -> pa.Array[Any]:
    """RFC 4648 with padding."""
    data, sizes = _packed(array)
    bytes_, own = _filled_up(data, sizes, 3)
    a, b, c = bytes_.T
    out = np.empty((len(bytes_), 4), np.uint8)
    out[:, 0], out[:, 1] = LETTERS[a >> 2], LETTERS[((a & 3) << 4) | (b >> 4)]
    out[:, 2], out[:, 3] = LETTERS[((b & 15) << 2) | (c >> 6)], LETTERS[c & 63]
    out[:, 2:][~own[:, 1:]] = ord("=")
    return _column(pa.string(), out.ravel(), 4 * -(-sizes // 3), ~is_valid(array))


def from_base64(text: pa.Array[Any]) -> tuple[pa.Array[Any], Mask]:
    """The standard alphabet; padding may be left out, but not be wrong. Malformed: anything else."""
    text = text.view(pa.string()) if text.type == pa.binary() else text  # trimming is not there for bytes
    data, sizes = _packed(call("ascii_rtrim", text, characters="="))
    whole = np.asarray(call("fill_null", call("binary_length", text), 0)).astype(np.int64)
    padding = whole - sizes
    values = LETTER_OF[data]
    bad = _rows_with(values == BAD, sizes) | (sizes % 4 == 1) | (padding > 2) | ((padding > 0) & (whole % 4 != 0))
    if bad.any():
        values, sizes = _without(values, sizes, bad)
    letters, own = _filled_up(values, sizes, 4)
    a, b, c, d = letters.T
    out = np.empty((len(letters), 3), np.uint8)
    out[:, 0], out[:, 1], out[:, 2] = (a << 2) | (b >> 4), (b << 4) | (c >> 2), (c << 6) | d
    return _column(pa.binary(), out[own[:, 1:]], sizes * 3 // 4, bad | ~is_valid(text)), bad


def charset(name: str) -> str | None:
    """The codec's own name; None if there is no such character set (codecs that are none are refused too)."""
    try:
        found: Any = codecs.lookup(name)
    except (LookupError, ValueError):
        return None
    return str(found.name) if getattr(found, "_is_text_encoding", False) else None


def encode(text: pa.Array[Any], name: str) -> tuple[pa.Array[Any], Mask]:
    """Text in a character set; malformed: a character that it lacks."""
    if name == "utf-8":
        return call("cast", text, pa.binary()), np.zeros(len(text), np.bool_)
    return _by_value(text, pa.binary(), lambda value: value.encode(name))


def decode(array: pa.Array[Any], name: str) -> tuple[pa.Array[Any], Mask]:
    """Bytes read in a character set; malformed: bytes that are no text in it."""
    if name == "utf-8":
        try:
            return call("cast", array, pa.string()), np.zeros(len(array), np.bool_)
        except pa.ArrowInvalid:
            pass
    return _by_value(array, pa.string(), lambda value: value.decode(name))


def _by_value(array: pa.Array[Any], kind: pa.DataType, change: Callable[[Any], Any]) -> tuple[pa.Array[Any], Mask]:
    """Python's codecs, once for each distinct value."""
    coded: Any = call("dictionary_encode", array)
    made = []
    for value in coded.dictionary.to_pylist():
        try:
            made.append(change(value))
        except (UnicodeError, ValueError):
            made.append(None)
    out = pa.array(made, kind).take(coded.indices)
    return out, is_valid(array) & ~is_valid(out)


__all__ = ["array_from", "charset", "decode", "encode", "from_base64", "from_hex", "to_base64", "to_hex"]
