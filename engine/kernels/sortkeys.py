"""Radix sort of 64-bit words and ranks of text: what `operators/sortorder.py` uses in place of NumPy and Arrow."""

from __future__ import annotations

from typing import Any

import numpy as np

from .jit import byte_swap, i32w, i64, i64w, inline, kernel, load_u64, long_, u8, u8w, u64w

DIGIT = 11  # bits a pass: 2,048 counters stay in the first-level cache
FEW = 24  # texts alike so far that are compared whole; of more, the next eight bytes are sorted by


@inline
def scatter(order: Any, key: Any, to_order: Any, to_key: Any, shift: Any, counts: Any) -> Any:
    """One pass: rows by one digit of their keys, stable."""
    mask = np.uint64((1 << DIGIT) - 1)
    counts[:] = 0
    for i in range(order.size):
        counts[np.int64((key[i] >> shift) & mask)] += 1
    total: Any = 0
    for digit in range(counts.size):
        here = counts[digit]
        counts[digit] = total
        total += here
    for i in range(order.size):
        d = np.int64((key[i] >> shift) & mask)
        to = counts[d]
        counts[d] = to + 1
        to_order[to] = order[i]
        to_key[to] = key[i]


@kernel(u64w, long_, i32w, i32w, u64w, u64w, u8w, makes_arrays=True)
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


@inline
def first_bytes(data: Any, at: Any, left: Any) -> Any:
    """Eight bytes from `at` on as a big-endian word, of which `left` count; zeros for the others."""
    if left <= 0:
        return np.uint64(0)
    word = byte_swap(load_u64(data, at))
    if left >= 8:
        return word
    drop = np.uint64(64 - 8 * left)
    return (word >> drop) << drop


@kernel(u8, i64, i64, i64, long_, u64w)
def text_words(data: Any, start: Any, length: Any, rows: Any, depth: Any, out: Any) -> Any:
    """out[i]: the eight bytes from `depth` on of text rows[i]. Eight bytes behind each text must be readable."""
    for i in range(rows.size):
        row = rows[i]
        out[i] = first_bytes(data, start[row] + depth, length[row] - depth)
    return rows.size


@inline
def text_before(data: Any, start: Any, length: Any, a: Any, b: Any, depth: Any) -> Any:
    """-1, 0, 1: the order of two texts that have the same bytes before `depth`, zeros counted behind an end."""
    size_a, size_b = length[a], length[b]
    at = depth
    while at < size_a and at < size_b:
        word_a = first_bytes(data, start[a] + at, size_a - at)
        word_b = first_bytes(data, start[b] + at, size_b - at)
        if word_a != word_b:
            return -1 if word_a < word_b else 1
        at += 8
    if size_a == size_b:
        return 0
    return -1 if size_a < size_b else 1


@kernel(u8, i64, i64, i64, i32w, u64w, u64w, long_, u64w, i64w, u8w)
def settle_text(
    data: Any, start: Any, length: Any, rows: Any, order: Any, word: Any, group: Any, depth: Any,
    ranks: Any, left: Any, stop: Any,
) -> Any:  # fmt: skip
    """Ranks of texts that are in order by (group, word), `word` being the eight bytes from `depth` on.

    rows: numbers of the texts; order: positions in rows, word and group, sorted. A group is the number of texts before
    it, and so is the rank. Up to FEW texts alike so far are sorted by insertion (O(FEW) comparisons each); of more, all
    get the rank of the first, and their numbers go to `left` unless they end here. Returns how many went; -1: stopped.
    """
    n, n_left, i = order.size, 0, 0
    base = 0  # where the group of the row at i begins
    while i < n:
        if (i & 0xFFF) == 0 and stop[0]:
            return -1
        here, its_group = order[i], group[order[i]]
        if i == 0 or its_group != group[order[i - 1]]:
            base = i
        j = i + 1
        while j < n and word[order[j]] == word[here] and group[order[j]] == its_group:
            j += 1
        if j - i > FEW:
            settled = length[rows[here]] <= depth + 8
            for k in range(i + 1, j):
                settled = settled and length[rows[order[k]]] == length[rows[here]]
            for k in range(i, j):
                ranks[rows[order[k]]] = its_group + np.uint64(i - base)
                if not settled:
                    left[n_left] = rows[order[k]]
                    n_left += 1
        else:
            for k in range(i + 1, j):
                moving = order[k]
                to = k
                while to > i and text_before(data, start, length, rows[moving], rows[order[to - 1]], depth + 8) < 0:
                    order[to] = order[to - 1]
                    to -= 1
                order[to] = moving
            first = i
            for k in range(i, j):
                if k > i and text_before(data, start, length, rows[order[k - 1]], rows[order[k]], depth + 8) != 0:
                    first = k
                ranks[rows[order[k]]] = its_group + np.uint64(first - base)
        i = j
    return n_left
