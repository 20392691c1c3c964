"""Hashes of byte rows: XXH64 column-wise, and the digests of `hashlib`.

XXH64 is Yann Collet's 64-bit xxHash (github.com/Cyan4973/xxHash, doc/xxhash_spec.md). It is fixed for ever, so what is
stored with it can be compared by any later version, and by other systems.
"""

from __future__ import annotations

import hashlib
from typing import Any, TypeAlias, cast

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from .arrow import buffer_of, call
from .strings import View, view_of, with_nulls

Bits: TypeAlias = "NDArray[np.uint64]"
DIGESTS = ("md5", "sha1", "sha256", "sha384", "sha512")
P1, P2, P3, P4, P5 = (
    np.uint64(p)
    for p in (
        0x9E3779B185EBCA87,
        0xC2B2AE3D27D4EB4F,
        0x165667B19E3779F9,
        0x85EBCA77C2B2AE63,
        0x27D4EB2F165667C5,
    )
)


ZERO = np.zeros(1, np.uint64)
SAMPLE = 1024  # rows that tell whether values repeat


def xxh64(column: pa.Array[Any], seeds: Bits, compiled: bool = False) -> Bits:
    """XXH64 of each row of a string or binary column (of a null row: undefined). `seeds`: one a row."""
    rows = view_of(column)
    if compiled:
        from .kernels.hashes import xxh64_each

        out = np.empty(len(rows), np.uint64)
        data = rows.data if len(rows.data) else np.zeros(1, np.uint8)
        xxh64_each(data, np.ascontiguousarray(rows.start), np.ascontiguousarray(rows.length), seeds, out)
        return out
    return _xxh64(rows, seeds)


def _left(x: Bits, bits: int) -> Bits:
    return (x << np.uint64(bits)) | (x >> np.uint64(64 - bits))


def _round(acc: Bits, lane: Bits) -> Bits:
    return _left(acc + lane * P2, 31) * P1


def _words(data: NDArray[np.uint8], at: NDArray[np.int64], size: int) -> Bits:
    """Little-endian numbers of `size` bytes at any places."""
    out = np.zeros(len(at), np.uint64)
    for i in range(size):
        out |= data[at + i].astype(np.uint64) << np.uint64(8 * i)
    return out


def _xxh64(text: View, seeds: Bits) -> Bits:
    size = text.size.astype(np.int64)
    at = text.start.astype(np.int64)
    with np.errstate(over="ignore"):
        acc = seeds + P5
        long = np.flatnonzero(size >= 32)
        if len(long):
            acc[long] = _stripes(text.data, at[long], size[long], seeds[long])
        at = at + size // 32 * 32
        acc = acc + size.astype(np.uint64)
        left = size % 32
        for _ in range(3):
            rows = np.flatnonzero(left >= 8)
            mixed = acc[rows] ^ _round(ZERO, _words(text.data, at[rows], 8))
            acc[rows] = _left(mixed, 27) * P1 + P4
            at[rows] += 8
            left[rows] -= 8
        rows = np.flatnonzero(left >= 4)
        acc[rows] = _left(acc[rows] ^ (_words(text.data, at[rows], 4) * P1), 23) * P2 + P3
        at[rows] += 4
        left[rows] -= 4
        for _ in range(3):
            rows = np.flatnonzero(left > 0)
            acc[rows] = _left(acc[rows] ^ (_words(text.data, at[rows], 1) * P5), 11) * P1
            at[rows] += 1
            left[rows] -= 1
        acc ^= acc >> np.uint64(33)
        acc *= P2
        acc ^= acc >> np.uint64(29)
        acc *= P3
        acc ^= acc >> np.uint64(32)
    return acc


def _stripes(data: NDArray[np.uint8], at: NDArray[np.int64], size: NDArray[np.int64], seeds: Bits) -> Bits:
    """The four accumulators over whole 32 bytes, longest rows first, so that those that are done fall off the end."""
    order = np.argsort(-size, kind="stable")
    at, seeds = at[order], seeds[order]
    n_stripes = size[order] // 32
    acc = [seeds + P1 + P2, seeds + P2, seeds.copy(), seeds - P1]
    for stripe in range(int(n_stripes[0])):
        live = int(np.searchsorted(-n_stripes, -stripe, side="left"))
        for lane in range(4):
            word = _words(data, at[:live] + (32 * stripe + 8 * lane), 8)
            acc[lane][:live] = _round(acc[lane][:live], word)
    merged = _left(acc[0], 1) + _left(acc[1], 7) + _left(acc[2], 12) + _left(acc[3], 18)
    for sums in acc:
        merged = (merged ^ _round(ZERO, sums)) * P1 + P4
    out = np.empty_like(merged)
    out[order] = merged
    return out


def digests(column: pa.Array[Any], algorithm: str) -> pa.Array[Any]:
    """The digest of each row of a string or binary column, as binary; null stays null.

    OpenSSL hashes one value a call, straight from the column's memory: each distinct value once where values repeat.
    """
    first = column.slice(0, SAMPLE)
    if 2 * len(call("unique", first)) > len(first):
        return _digests(column, algorithm)
    coded: Any = call("dictionary_encode", column)
    return _digests(coded.dictionary, algorithm).take(coded.indices)


def _digests(values: pa.Array[Any], algorithm: str) -> pa.Array[Any]:
    text = view_of(values)
    memory, make = memoryview(cast(Any, text.data)), getattr(hashlib, algorithm)
    edges = zip(text.start.tolist(), text.stop.tolist(), strict=True)
    joined = b"".join([make(memory[begin:end], usedforsecurity=False).digest() for begin, end in edges])
    size = make(b"", usedforsecurity=False).digest_size
    return with_nulls(_fixed(np.frombuffer(joined, np.uint8), size, len(values)), text.null)


def _fixed(data: NDArray[np.uint8], size: int, n: int) -> pa.Array[Any]:
    """n values of `size` bytes as a binary column."""
    offsets = np.arange(0, size * n + 1, size, dtype=np.int32) if n else np.zeros(1, np.int32)
    return pa.Array.from_buffers(pa.binary(), n, [None, buffer_of(offsets), buffer_of(data)])
