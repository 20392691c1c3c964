"""Stable radix sort of 64-bit words: what `operators/sortorder.py` uses in place of NumPy's stable sort."""

from __future__ import annotations

from typing import Any

import numpy as np

from .jit import i32w, inline, kernel, long_, u8w, u64w

DIGIT = 11  # bits a pass: 2,048 counters stay in the first-level cache


@inline
def scatter(order: Any, key: Any, to_order: Any, to_key: Any, shift: Any, counts: Any) -> Any:
    """One pass: rows by one digit of their keys, stable."""
    mask = np.uint64((1 << DIGIT) - 1)
    counts[:] = 0
    for i in range(order.size):
        counts[np.int64((key[i] >> shift) & mask)] += 1
    total = 0
    for d in range(counts.size):
        here = counts[d]
        counts[d] = total
        total += here
    for i in range(order.size):
        d = np.int64((key[i] >> shift) & mask)
        to = counts[d]
        counts[d] = to + 1
        to_order[to] = order[i]
        to_key[to] = key[i]


@kernel(u64w, long_, i32w, i32w, u64w, u64w, u8w)
def order_by_word(word: Any, bits: Any, order: Any, other: Any, key: Any, other_key: Any, stop: Any) -> Any:
    """Reorder `order` (row numbers) so that word[order] ascends, rows of equal words as they stood.

    word: n words below 2**bits. order, other: n row numbers; key, other_key: n words of scratch. Least significant
    digit first, 11 bits a pass: O(n * ceil(bits / 11)). Returns the number of passes: the result is in `order` if that
    is even, else in `other`; -1 if the stop byte was seen.
    """
    for i in range(order.size):
        key[i] = word[order[i]]
    counts: Any = np.zeros(1 << DIGIT, np.int64)
    passes = 0
    shift = 0
    while shift < bits:
        if stop[0]:
            return -1
        if passes % 2 == 0:
            scatter(order, key, other, other_key, np.uint64(shift), counts)
        else:
            scatter(other, other_key, order, key, np.uint64(shift), counts)
        passes += 1
        shift += DIGIT
    return passes
