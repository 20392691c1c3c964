"""Words put in order of group, and words of given ranks found by counting: no sort, and no group's words in one piece."""

from __future__ import annotations

from typing import Any

import numpy as np

from .jit import i32, i64, i64w, kernel, long_, u8w, u64, u64w, word_

SIGN, INFINITE = np.uint64(1 << 63), np.uint64(0x7FF << 52)
NAN = np.uint64(0x7FF8 << 48)  # the one that stands for all, see `keyform`
LANES = 4  # rows that follow each other count in different places, as none can wait for the one before


@kernel(word_, long_, returns=word_, is_inner=True, is_pasted=True)
def ordered_word(value: Any, is_double: Any) -> Any:
    """The word whose order is that of the number, as `keyform.words_of` makes it."""
    if not is_double:
        return value ^ SIGN
    if (value & ~SIGN) > INFINITE:
        value = NAN
    elif value == SIGN:  # -0.0
        value = np.uint64(0)
    return ~value if value >= SIGN else value ^ SIGN


@kernel(i32, u64, long_, i64w, u64w)
def group_words(groups: Any, values: Any, is_double: Any, fill: Any, out: Any) -> Any:
    """The words of whole numbers, or doubles, as they lie, into `out`, group by group, in no order within it. O(rows + groups).

    `fill`: zeros, LANES of them a group; the last one of group g comes to hold where it ends.
    """
    last = np.int64(LANES - 1)
    for i in range(groups.size):
        fill[np.uint64(LANES * np.int64(groups[np.uint64(i)]) + (i & last))] += 1
    total = np.int64(0)
    for j in range(fill.size):
        n = fill[np.uint64(j)]
        fill[np.uint64(j)] = total
        total += n
    for i in range(groups.size):
        at = np.uint64(LANES * np.int64(groups[np.uint64(i)]) + (i & last))
        out[np.uint64(fill[at])] = ordered_word(values[np.uint64(i)], is_double)
        fill[at] += 1
    return total


BELOW, AT_LOW, INSIDE, AT_HIGH = range(4)  # of the counts of `band_words`


@kernel(u64, word_, word_, i64w, u64w)
def band_words(words: Any, low: Any, high: Any, counts: Any, out: Any) -> Any:
    """Adds up how many words are below low, low, between both, high. Those between go to `out` from counts[INSIDE] on, while
    there is room. A branch, as few are within. O(words)."""
    below, at_low, at_high = np.int64(0), np.int64(0), np.int64(0)
    n, last, reach = np.uint64(counts[INSIDE]), np.uint64(out.size - 1), high - low
    for i in range(np.uint64(words.size)):
        word = words[i]
        below += word < low
        if word - low <= reach:
            if word == low:
                at_low += 1
            elif word == high:
                at_high += 1
            else:
                out[min(n, last)] = word
                n += np.uint64(1)
    counts[BELOW] += below
    counts[AT_LOW] += at_low
    counts[INSIDE] = np.int64(n)
    counts[AT_HIGH] += at_high
    return words.size


@kernel(u64, u64w, long_, i64w)
def count_words(words: Any, low: Any, shift: Any, counts: Any) -> Any:
    """Adds up how many words lie in each stretch of 2**shift from `low[0]` on; none lies below it. O(words)."""
    first, by = low[0], np.uint64(shift)
    for i in range(words.size):
        counts[(words[np.uint64(i)] - first) >> by] += 1
    return words.size


@kernel(u64, u64w, long_, u8w, long_, u64w)
def pick_words(words: Any, low: Any, shift: Any, wanted: Any, n: Any, out: Any) -> Any:
    """Words of those stretches (see `count_words`) that are wanted, to `out` from `n` on, which has a place more. O(words).

    Returns how many are there now.
    """
    first, by = low[0], np.uint64(shift)
    for i in range(words.size):
        word = words[np.uint64(i)]
        out[np.uint64(n)] = word
        n += np.int64(wanted[(word - first) >> by])
    return n


@kernel(i32, u64, i64w, u64w)
def scatter_words(groups: Any, values: Any, fill: Any, out: Any) -> Any:
    """Each value to the next free place of its group; `fill` holds these places."""
    for i in range(groups.size):
        g = groups[i]
        out[fill[g]] = values[i]
        fill[g] += 1
    return groups.size


@kernel(u64w, i64, makes_arrays=True)
def sort_stretches(values: Any, bounds: Any) -> Any:
    """Sort values[bounds[g]:bounds[g + 1]] for each g in place."""
    for g in range(bounds.size - 1):
        low, high = bounds[g], bounds[g + 1]
        if high - low > 24:
            values[low:high].sort()
            continue
        for i in range(low + 1, high):
            value = values[i]
            j = i
            while j > low and values[j - 1] > value:
                values[j] = values[j - 1]
                j -= 1
            values[j] = value
    return bounds.size
