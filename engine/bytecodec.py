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


def _parts(array: pa.Array[Any]) -> tuple[Bytes, Sizes, Sizes]:
    """All bytes, and start and size of each row (0 for null)."""
    offsets = offsets_of(array).astype(np.int64)
    sizes = np.where(is_valid(array), np.diff(offsets), 0)
    return bytes_of(array.buffers()[2]), offsets[:-1], sizes


def _nth(sizes: Sizes) -> tuple[Sizes, Sizes]:
    """Row and place in its row of each item, for `sizes` items a row."""
    row = np.repeat(np.arange(len(sizes)), sizes)
    return row, np.arange(len(row)) - np.repeat(np.cumsum(sizes) - sizes, sizes)


def _column(kind: pa.DataType, data: Bytes, sizes: Sizes, nulls: Mask) -> pa.Array[Any]:
    """`data` holds the rows one behind another."""
    offsets = np.zeros(len(sizes) + 1, np.int64)
    np.cumsum(sizes, out=offsets[1:])
    if offsets[-1] >= 2**31:
        raise pa.ArrowCapacityError("more than 2 GiB of text in one batch")
    return pa.Array.from_buffers(
        kind, len(sizes), [bitmap_of(nulls), buffer_of(offsets.astype(np.int32)), buffer_of(data)]
    )


def _any(bad: Mask, row: Sizes, n: int) -> Mask:
    """Rows that have a bad item."""
    out = np.zeros(n, np.bool_)
    out[row[bad]] = True
    return out


def to_hex(array: pa.Array[Any]) -> pa.Array[Any]:
    """Two lower-case digits a byte."""
    data, starts, sizes = _parts(array)
    row, nth = _nth(sizes)
    raw = data[starts[row] + nth]
    out = np.empty(2 * len(raw), np.uint8)
    out[0::2], out[1::2] = DIGITS[raw >> 4], DIGITS[raw & 15]
    return _column(pa.string(), out, 2 * sizes, ~is_valid(array))


def from_hex(text: pa.Array[Any]) -> tuple[pa.Array[Any], Mask]:
    """Digits in either case; malformed: an odd number of them, or another character."""
    data, starts, sizes = _parts(text)
    row, nth = _nth(sizes)
    digits = DIGIT_OF[data[starts[row] + nth]]
    bad = (sizes % 2 == 1) | _any(digits == BAD, row, len(text))
    keep = ~bad[row]
    pairs = digits[keep].reshape(-1, 2)
    return _column(
        pa.binary(), (pairs[:, 0] << 4) | pairs[:, 1], np.where(bad, 0, sizes // 2), bad | ~is_valid(text)
    ), bad


def to_base64(array: pa.Array[Any]) -> pa.Array[Any]:
    """RFC 4648 with padding."""
    data, starts, sizes = _parts(array)
    groups = -(-sizes // 3)
    row, nth = _nth(groups)
    left = sizes[row] - 3 * nth
    at = starts[row] + 3 * nth
    last = max(len(data) - 1, 0)
    data = data if len(data) else np.zeros(1, np.uint8)
    a, b, c = (np.where(left > k, data[np.minimum(at + k, last)], 0).astype(np.uint32) for k in range(3))
    whole = (a << 16) | (b << 8) | c
    out = np.empty((len(row), 4), np.uint8)
    for k in range(4):
        out[:, k] = LETTERS[(whole >> (18 - 6 * k)) & 63]
    out[left < 2, 2] = out[left < 3, 3] = ord("=")
    return _column(pa.string(), out.ravel(), 4 * groups, ~is_valid(array))


def from_base64(text: pa.Array[Any]) -> tuple[pa.Array[Any], Mask]:
    """The standard alphabet; padding may be left out, but not be wrong. Malformed: anything else."""
    text = text.view(pa.string()) if text.type == pa.binary() else text  # trimming is not there for bytes
    body = call("ascii_rtrim", text, characters="=")
    data, starts, sizes = _parts(body)
    whole = np.asarray(call("fill_null", call("binary_length", text), 0)).astype(np.int64)
    padding = whole - sizes
    row, nth = _nth(sizes)
    values = LETTER_OF[data[starts[row] + nth]]
    bad = _any(values == BAD, row, len(text)) | (sizes % 4 == 1) | (padding > 2) | ((padding > 0) & (whole % 4 != 0))
    good = np.where(bad, 0, sizes)
    groups = -(-good // 4)
    target = np.zeros(int(groups.sum()) * 4, np.uint32)
    first = (np.cumsum(groups) - groups) * 4
    keep = ~bad[row]
    target[first[row[keep]] + nth[keep]] = values[keep]
    quads = target.reshape(-1, 4)
    joined = (quads[:, 0] << 18) | (quads[:, 1] << 12) | (quads[:, 2] << 6) | quads[:, 3]
    out = np.stack([joined >> 16, joined >> 8, joined], axis=1).astype(np.uint8).ravel()
    made = good * 3 // 4
    row_out, nth_out = _nth(made)
    starts_out = (np.cumsum(groups) - groups) * 3
    return _column(pa.binary(), out[starts_out[row_out] + nth_out], made, bad | ~is_valid(text)), bad


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
