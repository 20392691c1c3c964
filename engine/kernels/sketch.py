"""Registers of HyperLogLog from words of 64 bits; the general path is `operators.states.sketch`."""

from __future__ import annotations

from typing import Any

import numpy as np

from .jit import byte_swap, i32, kernel, leading_zeros, long_, u8w, u64

K0 = np.uint64(0x9E3779B97F4A7C15)  # as operators.keyhash
TAG = np.uint64((8 << 56) * 0xC2B2AE3D27D4EB4F & 0xFFFFFFFFFFFFFFFF)  # of a word of eight bytes
S0, S1 = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)


@kernel(i32, u64, long_, u8w)
def raise_registers(groups: Any, words: Any, bits: Any, registers: Any) -> Any:
    """`registers`: 2 ** bits a group; each row raises the one that its word's hash names to that hash's rank. O(rows)."""
    for i in range(groups.size):
        h = (byte_swap(words[i]) * K0) ^ TAG
        h ^= h >> np.uint64(32)
        h *= K0
        h ^= h >> np.uint64(29)
        h ^= h >> np.uint64(30)
        h *= S0
        h ^= h >> np.uint64(27)
        h *= S1
        h ^= h >> np.uint64(31)
        at = (np.uint64(groups[i]) << np.uint64(bits)) | (h >> np.uint64(64 - bits))
        rest = (h << np.uint64(bits)) | (np.uint64(1) << np.uint64(bits - 1))
        rank = np.uint8(leading_zeros(rest) + 1)
        if rank > registers[at]:
            registers[at] = rank
    return 0
