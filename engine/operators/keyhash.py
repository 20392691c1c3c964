"""Hashes of keys with NumPy: the same bits as the compiled kernels of `kernels/group.py` make.

They decide which radix part a group belongs to, so Locals that were compiled and Locals that were not must agree.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ..arrow import bytes_of, is_valid, offsets_of
from .keyform import Words

K0, K1 = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xC2B2AE3D27D4EB4F)
LONG_TAG, NULL_TAG = np.uint64(0xFF << 56), np.uint64(0xFE << 56)
INLINE = 15  # bytes of a key that fit into its two words

U64 = NDArray[np.uint64]


def mix(a: U64, b: U64 | np.uint64) -> U64:
    with np.errstate(over="ignore"):
        h = (a * K0) ^ (b * K1)
        h ^= h >> np.uint64(32)
        h *= K0
        return np.asarray(h ^ (h >> np.uint64(29)))


def hash_of(word0: U64, word1: U64) -> U64:
    """Of keys given as their two words (long ones: the hash of the text and the tag)."""
    return mix(word0, np.where((word1 & LONG_TAG) == LONG_TAG, LONG_TAG, word1))


def tuple_hash(parts: list[U64]) -> U64:
    """Of several keys together."""
    out = parts[0]
    for p in parts[1:]:
        out = mix(out, p)
    return out


def words_for(column: pa.Array[Any] | Words) -> tuple[U64, U64]:
    """The two words of each key; long texts have the tag without a place in any arena."""
    if isinstance(column, Words):
        word0 = column.values.byteswap()
        word1 = np.full(len(column), np.uint64(8 << 56))
        if column.nulls is not None:
            word0[column.nulls], word1[column.nulls] = 0, NULL_TAG
        return word0, word1
    return _text_words(column)


def _text_words(column: pa.Array[Any]) -> tuple[U64, U64]:
    n = len(column)
    ends = offsets_of(column).astype(np.int64)
    data = np.concatenate([bytes_of(column.buffers()[2]), np.zeros(16, np.uint8)])
    start, sizes = ends[:n], np.diff(ends)
    short = np.where(sizes <= INLINE, sizes, 0)
    raw = data[np.minimum(start, len(data) - 16)[:, None] + np.arange(16)]
    raw[np.arange(16) >= short[:, None]] = 0
    raw[:, 15] = short
    words = np.ascontiguousarray(raw).view("<u8")
    word0, word1 = words[:, 0].copy(), words[:, 1].copy()
    long = np.flatnonzero(sizes > INLINE)
    if len(long):
        word0[long], word1[long] = _long_hash(data, start[long], sizes[long]), LONG_TAG
    if column.null_count:
        nulls = ~is_valid(column)
        word0[nulls], word1[nulls] = 0, NULL_TAG
    return word0, word1


def _long_hash(data: NDArray[np.uint8], start: NDArray[np.int64], sizes: NDArray[np.int64]) -> U64:
    """Eight bytes a step, over the texts that are still that long."""
    h = sizes.astype(np.uint64)
    live = np.arange(len(sizes))
    at, left = start.copy(), sizes.copy()
    step = np.arange(8)
    while len(live):
        raw = data[at[:, None] + step]
        raw[step >= left[:, None]] = 0
        h[live] = mix(h[live], np.ascontiguousarray(raw).view("<u8")[:, 0])
        at, left = at + 8, left - 8
        more = left > 0
        live, at, left = live[more], at[more], left[more]
    return h
