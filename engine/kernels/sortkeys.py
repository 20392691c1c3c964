"""Radix sort of 64-bit words and ranks of text: what `operators/sortorder.py` uses in place of NumPy and Arrow."""

from __future__ import annotations

from typing import Any

import numpy as np

from .jit import byte_swap, i32w, i64, i64w, inline, kernel, leading_zeros, load_u64, long_, u8, u8w, u64, u64w, word_

DIGIT, SHORT_DIGIT = 11, 8  # bits a pass: 2,048 counters stay in the first-level cache; of a short stretch fewer
SHORT = 1 << 13  # rows
FEW = 24  # rows alike so far that are compared one with another; of more, what follows in them is sorted by
STEP = 1 << 16  # rows between two looks at the stop byte


@kernel(u64w, u64w, long_, long_, long_, long_, i64w, is_inner=True)
def scatter(words: Any, to_words: Any, begin: Any, end: Any, shift: Any, bits: Any, counts: Any) -> Any:
    """One pass: words begin .. end by one digit, stable. Returns 0, and moves none, if all have the same."""
    mask, low = (np.uint64(1) << np.uint64(bits)) - np.uint64(1), np.uint64(shift)
    first, last = np.uint64(begin), np.uint64(end)
    for digit in range(np.int64(mask) + 1):
        counts[digit] = 0
    for i in range(first, last):
        counts[(words[i] >> low) & mask] += 1
    if counts[(words[first] >> low) & mask] == end - begin:
        return 0
    total: Any = begin
    for digit in range(np.int64(mask) + 1):
        here = counts[digit]
        counts[digit] = total
        total += here
    for i in range(first, last):
        d = (words[i] >> low) & mask
        to = counts[d]
        counts[d] = to + 1
        to_words[np.uint64(to)] = words[i]
    return 1


@kernel(u64w, u64w, long_, long_, long_, long_, i64w, is_inner=True)
def sort_stretch(words: Any, other: Any, begin: Any, end: Any, low: Any, high: Any, counts: Any) -> Any:
    """Words begin .. end, which are alike above bit `high`, by their bits from `low` on, in place; below `low` they ascend."""
    if end - begin <= FEW:
        for i in range(begin + 1, end):
            word, to = words[i], i
            while to > begin and words[to - 1] > word:
                words[to] = words[to - 1]
                to -= 1
            words[to] = word
        return 0
    digit, flips, shift = DIGIT if end - begin > SHORT else SHORT_DIGIT, 0, low
    while shift < high:
        if flips % 2 == 0:
            flips += scatter(words, other, begin, end, shift, digit, counts)
        else:
            flips += scatter(other, words, begin, end, shift, digit, counts)
        shift += digit
    if flips % 2:
        for i in range(begin, end):
            words[i] = other[i]
    return 0


@kernel(u64w, u64w, long_, long_, i64w, u8w, is_inner=True)
def settle(words: Any, other: Any, low: Any, high: Any, counts: Any, stop: Any) -> Any:
    """Words in order but for the bits `low` .. `high`. Returns -1 if stopped."""
    n, shift, i, seen = words.size, np.uint64(high), 0, 0
    while i < n:
        top, differing, j = words[i] >> shift, np.uint64(0), i + 1
        while j < n and words[j] >> shift == top:
            differing |= words[j] ^ words[i]
            j += 1
        if differing >> np.uint64(low):
            sort_stretch(words, other, i, j, low, 64 - leading_zeros(differing), counts)
        if j - seen > STEP:
            seen = j
            if stop[0]:
                return -1
        i = j
    return 0


@kernel(u64w, u64w, u64, word_, word_, i32w, long_, long_, i64w, u8w, is_inner=True)
def settle_rest(
    words: Any, other: Any, word: Any, flip: Any, least: Any, order: Any, low: Any, drop: Any, counts: Any, stop: Any
) -> Any:  # fmt: skip
    """Words in order whose lowest `low` bits say which row of `order` they are of: those alike above by the `drop` bits of
    `word` that had no room. Returns how many neighbours are equal; -1 if stopped."""
    n, shift, kept, i, seen, equal = words.size, np.uint64(low), (np.uint64(1) << np.uint64(drop)) - 1, 0, 0, 0
    mask = (np.uint64(1) << shift) - np.uint64(1)
    while i < n:
        top, j = words[i] >> shift, i + 1
        while j < n and words[j] >> shift == top:
            j += 1
        if j - i > 1:
            for k in range(i, j):
                at = words[k] & mask
                words[k] = ((((word[order[at]] ^ flip) - least) & kept) << shift) | at
            sort_stretch(words, other, i, j, low, low + drop, counts)
            for k in range(i + 1, j):
                equal += words[k] >> shift == words[k - 1] >> shift
        if j - seen > STEP:
            seen = j
            if stop[0]:
                return -1
        i = j
    return equal


@kernel(u64, word_, word_, long_, i32w, i32w, u64w, u64w, i64w, u8w)
def order_by_word(
    word: Any, flip: Any, least: Any, bits: Any, order: Any, out: Any, words: Any, other: Any, counts: Any, stop: Any
) -> Any:
    """`order` (n row numbers) so that word[out] ^ flip ascends, rows of equal words as they stood, into `out`.

    word ^ flip: from `least` on, below least + 2**bits, 0 < bits. words, other: n words of scratch; counts: 2**DIGIT.

    What is sorted are single words: the key's highest bits and the place in `order`, which tells equal keys apart. First by the
    highest digits, as many as tell n rows apart if keys are spread evenly, the lowest of these first; then the few that are
    alike in them, in place. O(n * ceil(log n / 11)) for keys spread evenly, O(n * bits / 8) at worst. Returns
    how many neighbours have equal keys, -1 if the stop byte was seen.
    """
    n, low = order.size, 0
    while n >> low:
        low += 1
    drop = max(0, bits + low - 64)
    place, gone, high = np.uint64(low), np.uint64(drop), low + bits - drop
    for i in range(n):
        words[i] = ((((word[order[i]] ^ flip) - least) >> gone) << place) | np.uint64(i)
    digits = 1
    while digits * DIGIT < high - low and (n >> (digits * DIGIT - 1)):
        digits += 1
    begun = max(low, high - digits * DIGIT)
    shift, passes = begun, 0
    while shift < high:
        if stop[0]:
            return -1
        if passes % 2 == 0:
            passes += scatter(words, other, 0, n, shift, DIGIT, counts)
        else:
            passes += scatter(other, words, 0, n, shift, DIGIT, counts)
        shift += DIGIT
    if passes % 2:
        words, other = other, words
    if begun > low and settle(words, other, low, begun, counts, stop) < 0:
        return -1
    equal = 0
    if drop:
        equal = settle_rest(words, other, word, flip, least, order, low, drop, counts, stop)
        if equal < 0:
            return -1
    else:
        for i in range(1, n):
            equal += words[i] >> place == words[i - 1] >> place
    mask = (np.uint64(1) << place) - np.uint64(1)
    for i in range(n):
        out[i] = order[words[i] & mask]
    return equal


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
