"""How a text stands in a table of groups: two words (see `group`), and what they hash to."""

from __future__ import annotations

from typing import Any

import numpy as np

from .jit import inline, load_u64

K0, K1 = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xC2B2AE3D27D4EB4F)
LONG_TAG, NULL_TAG = np.uint64(0xFF << 56), np.uint64(0xFE << 56)


@inline
def mix(a: Any, b: Any) -> Any:
    h = (a * K0) ^ (b * K1)
    h ^= h >> np.uint64(32)
    h *= K0
    return h ^ (h >> np.uint64(29))


@inline
def low_bytes(word: Any, n: Any) -> Any:
    return word & ((np.uint64(1) << np.uint64(8 * n)) - np.uint64(1))


@inline
def hash_bytes(data: Any, at: Any, size: Any) -> Any:
    h = np.uint64(size)
    left = size
    while left >= 8:
        h = mix(h, load_u64(data, at))
        at += 8
        left -= 8
    return mix(h, low_bytes(load_u64(data, at), left)) if left > 0 else h


@inline
def same_bytes(a: Any, at_a: Any, b: Any, at_b: Any, size: Any) -> Any:
    for j in range(size):  # noqa: SIM110
        if a[at_a + j] != b[at_b + j]:
            return False
    return True


@inline
def text_key(data: Any, at: Any, size: Any) -> Any:
    """The two words of a text: up to 15 bytes and their number; else a hash and LONG_TAG, to which comes its place in the arena.

    How a key is compared stands in each kernel: in a function that is given the table's arrays it took five times as long.
    """
    if size < 0:
        word0, word1 = np.uint64(0), NULL_TAG
    elif size < 8:
        word0, word1 = low_bytes(load_u64(data, at), size), np.uint64(size) << np.uint64(56)
    elif size <= 15:
        word0 = load_u64(data, at)
        word1 = low_bytes(load_u64(data, at + 8), size - 8) | (np.uint64(size) << np.uint64(56))
    else:
        word0, word1 = hash_bytes(data, at, size), LONG_TAG
    return word0, word1
