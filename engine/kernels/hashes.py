"""XXH64 row by row. Rows are start and length (-1: null) into a byte buffer; see engine.hashing for the source."""

from __future__ import annotations

from typing import Any

import numpy as np

from .jit import i32, inline, kernel, load_u32, load_u64, u8, u64, u64w

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


@inline
def _left(x: Any, bits: Any) -> Any:
    return (x << np.uint64(bits)) | (x >> np.uint64(64 - bits))


@inline
def _round(acc: Any, lane: Any) -> Any:
    return _left(acc + lane * P2, 31) * P1


@kernel(u8, i32, i32, u64, u64w)
def xxh64_each(data: Any, start: Any, length: Any, seeds: Any, out: Any) -> Any:
    """out: XXH64 of each row with its seed; of a null row that of no bytes. O(bytes)."""
    for i in range(np.uint64(start.size)):
        seed = np.uint64(seeds[i])
        at, size = np.int64(start[i]), np.int64(max(length[i], 0))
        stop = at + size
        if size >= 32:
            a, b, c, d = seed + P1 + P2, seed + P2, seed, seed - P1
            while at + 32 <= stop:
                a = _round(a, load_u64(data, at))
                b = _round(b, load_u64(data, at + 8))
                c = _round(c, load_u64(data, at + 16))
                d = _round(d, load_u64(data, at + 24))
                at += 32
            acc = _left(a, 1) + _left(b, 7) + _left(c, 12) + _left(d, 18)
            acc = (acc ^ _round(np.uint64(0), a)) * P1 + P4
            acc = (acc ^ _round(np.uint64(0), b)) * P1 + P4
            acc = (acc ^ _round(np.uint64(0), c)) * P1 + P4
            acc = (acc ^ _round(np.uint64(0), d)) * P1 + P4
        else:
            acc = seed + P5
        acc += np.uint64(size)
        while at + 8 <= stop:
            acc = _left(acc ^ _round(np.uint64(0), load_u64(data, at)), 27) * P1 + P4
            at += 8
        if at + 4 <= stop:
            acc = _left(acc ^ (np.uint64(load_u32(data, at)) * P1), 23) * P2 + P3
            at += 4
        while at < stop:
            acc = _left(acc ^ (np.uint64(data[at]) * P5), 11) * P1
            at += 1
        acc ^= acc >> np.uint64(33)
        acc *= P2
        acc ^= acc >> np.uint64(29)
        acc *= P3
        out[i] = acc ^ (acc >> np.uint64(32))
    return 0
