"""Words put in order of group, and words of given ranks found by counting: no sort, and no group's words in one piece."""

from __future__ import annotations

from typing import Any

import numpy as np

from .jit import i32, i64, i64w, kernel, long_, u8w, u64, u64w

LANES = 4  # rows that follow each other count in different places, as none can wait for the one before


@kernel(i32, u64, long_, i64w, u64w)
def group_words(groups: Any, values: Any, flip: Any, fill: Any, out: Any) -> Any:
    """values ^ flip into `out`, group by group, in no order within it. O(rows + groups).

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
        out[np.uint64(fill[at])] = values[np.uint64(i)] ^ np.uint64(flip)
        fill[at] += 1
    return total


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
