"""Rows in order of a key's number, then of a whole number (their time): counting scatter, then radix sort within each key.

All passes are stable. A pass over a key's rows stays in the processor's cache; digits that do not vary are left out.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .jit import i32c, i32w, i64c, i64w, inline, kernel, long_, u8w

DIGIT = 11  # bits: 2,048 counters stay in the first-level cache
SMALL = 48  # at most so many rows are sorted by insertion
LOOK = np.int64(0xFFFF)  # rows between two looks at the stop byte, less one


@kernel(i32c, i64w, u8w)
def count(code: Any, counts: Any, stop: Any) -> Any:
    """Rows of each number; negative ones are in no segment. O(rows)."""
    for i in range(code.size):
        if (i & LOOK) == 0 and stop[0]:
            return i
        number = code[np.uint64(i)]
        if number >= 0:
            counts[np.uint64(number)] += 1
    return code.size


@kernel(i32c, i64c, long_, long_, i64w, i64w, i32w, u8w)
def scatter(code: Any, key: Any, low: Any, high: Any, cursor: Any, out_key: Any, out_row: Any, stop: Any) -> Any:
    """Rows of the numbers low .. high to their segments. `cursor`: where the next row of each number goes; moved on. O(rows)."""
    for i in range(code.size):
        if (i & LOOK) == 0 and stop[0]:
            return i
        number = np.int64(code[np.uint64(i)])
        if low <= number < high:
            at = np.uint64(cursor[np.uint64(number)])
            out_key[at] = key[np.uint64(i)]
            out_row[at] = np.int32(i)
            cursor[np.uint64(number)] += 1
    return code.size


@inline
def insertion_sort(key: Any, row: Any, first: Any, end: Any) -> None:
    for i in range(first + 1, end):
        k, r, j = key[np.uint64(i)], row[np.uint64(i)], i - 1
        while j >= first and key[np.uint64(j)] > k:
            key[np.uint64(j + 1)] = key[np.uint64(j)]
            row[np.uint64(j + 1)] = row[np.uint64(j)]
            j -= 1
        key[np.uint64(j + 1)] = k
        row[np.uint64(j + 1)] = r


@kernel(i64w, i32w, i64w, i32w, long_, long_, long_, long_, u8w)
def radix_pass(
    key: Any, row: Any, to_key: Any, to_row: Any, first: Any, end: Any, least: Any, shift: Any, stop: Any
) -> Any:  # fmt: skip
    """One stable pass by the digit at `shift` of key - least, which is taken modulo 2**64. O(rows)."""
    mask = np.uint64((1 << DIGIT) - 1)
    place = np.zeros((1 << DIGIT) + 1, np.int64)
    for i in range(first, end):
        if (i & LOOK) == 0 and stop[0]:
            return i
        digit = ((np.uint64(key[np.uint64(i)]) - np.uint64(least)) >> np.uint64(shift)) & mask
        place[digit + np.uint64(1)] += 1
    place[0] = first
    for d in range(1, place.size):
        place[d] += place[d - 1]
    for i in range(first, end):
        if (i & LOOK) == 0 and stop[0]:
            return i
        digit = ((np.uint64(key[np.uint64(i)]) - np.uint64(least)) >> np.uint64(shift)) & mask
        at = np.uint64(place[digit])
        to_key[at] = key[np.uint64(i)]
        to_row[at] = row[np.uint64(i)]
        place[digit] += 1
    return end


@kernel(i64w, i32w, i64w, i32w, i64c, long_, long_, u8w)
def sort_segments(
    key: Any, row: Any, spare_key: Any, spare_row: Any, starts: Any, low: Any, high: Any, stop: Any
) -> Any:  # fmt: skip
    """Sort the segments of the numbers low .. high by key; `spare_*` have the same size. O(rows * digits that vary)."""
    for number in range(low, high):
        first, end = starts[np.uint64(number)], starts[np.uint64(number + 1)]
        if stop[0]:
            return number
        if end - first < 2:
            continue
        least = most = before = key[np.uint64(first)]
        is_ordered = True
        for i in range(first + 1, end):
            k = key[np.uint64(i)]
            is_ordered &= k >= before
            least, most, before = min(least, k), max(most, k), k
        if is_ordered:
            continue
        if end - first <= SMALL:
            insertion_sort(key, row, first, end)
            continue
        spread = np.uint64(most) - np.uint64(least)
        shift, is_moved = np.int64(0), False
        while shift < 64 and (spread >> np.uint64(shift)) > np.uint64(0):
            if is_moved:
                radix_pass(spare_key, spare_row, key, row, first, end, least, shift, stop)
            else:
                radix_pass(key, row, spare_key, spare_row, first, end, least, shift, stop)
            is_moved = not is_moved
            shift += DIGIT
        if is_moved:
            for i in range(first, end):
                key[np.uint64(i)] = spare_key[np.uint64(i)]
                row[np.uint64(i)] = spare_row[np.uint64(i)]
    return high
