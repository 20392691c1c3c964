"""Rows in order of a key's number, then of a whole number (their time): counting scatter, then radix sort within each key.

All passes are stable. A pass over a key's rows stays in the processor's cache; digits that do not vary are left out.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import types

from .jit import i32c, i32w, i64c, i64w, kernel, long_, u8w

DIGIT = 11  # bits: 2,048 counters stay in the first-level cache
MASK = np.uint64((1 << DIGIT) - 1)
SMALL = 1024  # at most so many rows are sorted by merging runs, whose first are sorted by insertion
RUN = 16
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


@kernel(i64w, i32w, long_, long_)
def insertion_sort(key: Any, row: Any, first: Any, end: Any) -> Any:
    for i in range(first + 1, end):
        k, r, j = key[np.uint64(i)], row[np.uint64(i)], i - 1
        while j >= first and key[np.uint64(j)] > k:
            key[np.uint64(j + 1)] = key[np.uint64(j)]
            row[np.uint64(j + 1)] = row[np.uint64(j)]
            j -= 1
        key[np.uint64(j + 1)] = k
        row[np.uint64(j + 1)] = r
    return end


@kernel(i64w, i32w, i64w, i32w, long_, long_, long_)
def merge_runs(key: Any, row: Any, to_key: Any, to_row: Any, first: Any, end: Any, size: Any) -> Any:
    """Each two sorted runs of `size` rows become one. O(rows)."""
    begin = first
    while begin < end:
        middle, until = min(end, begin + size), min(end, begin + 2 * size)
        a, b = begin, middle
        for i in range(begin, until):
            if b >= until or (a < middle and key[np.uint64(a)] <= key[np.uint64(b)]):
                to_key[np.uint64(i)], to_row[np.uint64(i)] = key[np.uint64(a)], row[np.uint64(a)]
                a += 1
            else:
                to_key[np.uint64(i)], to_row[np.uint64(i)] = key[np.uint64(b)], row[np.uint64(b)]
                b += 1
        begin = until
    return end


@kernel(i64w, i32w, i64w, i32w, long_, long_)
def merge_sort(key: Any, row: Any, spare_key: Any, spare_row: Any, first: Any, end: Any) -> Any:
    """1 if the rows are in the spare at last. O(rows * log(rows))."""
    begin = first
    while begin < end:
        insertion_sort(key, row, begin, min(end, begin + RUN))
        begin += RUN
    size, is_moved = RUN, 0
    while size < end - first:
        if is_moved:
            merge_runs(spare_key, spare_row, key, row, first, end, size)
        else:
            merge_runs(key, row, spare_key, spare_row, first, end, size)
        is_moved = 1 - is_moved
        size *= 2
    return is_moved


@kernel(i64w, long_, long_, long_, i64w, u8w)
def count_digits(key: Any, first: Any, end: Any, least: Any, counts: Any, stop: Any) -> Any:
    """How often each digit of key - least, modulo 2**64, has each value: a line of `counts` a digit. O(rows * digits)."""
    digits = counts.size >> DIGIT
    for i in range(first, end):
        if (i & LOOK) == 0 and stop[0]:
            return i
        rest = np.uint64(key[np.uint64(i)]) - np.uint64(least)
        for d in range(digits):
            counts[(np.uint64(d) << np.uint64(DIGIT)) + (rest & MASK)] += 1
            rest >>= np.uint64(DIGIT)
    return end


@kernel(i64w, i32w, i64w, i32w, long_, long_, long_, long_, i64w, u8w)
def radix_pass(
    key: Any, row: Any, to_key: Any, to_row: Any, first: Any, end: Any, least: Any, digit: Any, counts: Any, stop: Any
) -> Any:  # fmt: skip
    """One stable pass by a digit; its counts become places. O(rows)."""
    base, shift = np.uint64(digit << DIGIT), np.uint64(digit * DIGIT)
    at = first
    for d in range(1 << DIGIT):
        place = base + np.uint64(d)
        at, counts[place] = at + counts[place], at
    for i in range(first, end):
        if (i & LOOK) == 0 and stop[0]:
            return i
        k = key[np.uint64(i)]
        place = base + (((np.uint64(k) - np.uint64(least)) >> shift) & MASK)
        to = np.uint64(counts[place])
        to_key[to], to_row[to] = k, row[np.uint64(i)]
        counts[place] += 1
    return end


@kernel(i64w, i32w, i64w, i32w, long_, long_, long_, types.uint64, u8w, makes_arrays=True)
def radix_sort(
    key: Any, row: Any, spare_key: Any, spare_row: Any, first: Any, end: Any, least: Any, spread: Any, stop: Any
) -> Any:  # fmt: skip
    """1 if the rows are in the spare at last. `spread`: the greatest key less the least. O(rows * digits that vary)."""
    digits = np.int64(0)
    while digits * DIGIT < 64 and (spread >> np.uint64(digits * DIGIT)) > np.uint64(0):
        digits += 1
    counts = np.zeros(digits << DIGIT, np.int64)
    count_digits(key, first, end, least, counts, stop)
    is_moved = 0
    for d in range(digits):
        rest = np.uint64(key[np.uint64(first)] if is_moved == 0 else spare_key[np.uint64(first)]) - np.uint64(least)
        one = (rest >> np.uint64(d * DIGIT)) & MASK
        if stop[0]:
            return 0
        if counts[(np.uint64(d) << np.uint64(DIGIT)) + one] == end - first:
            continue  # all have the same
        if is_moved:
            radix_pass(spare_key, spare_row, key, row, first, end, least, d, counts, stop)
        else:
            radix_pass(key, row, spare_key, spare_row, first, end, least, d, counts, stop)
        is_moved = 1 - is_moved
    return is_moved


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
            is_moved = merge_sort(key, row, spare_key, spare_row, first, end)
        else:
            spread = np.uint64(most) - np.uint64(least)
            is_moved = radix_sort(key, row, spare_key, spare_row, first, end, least, spread, stop)
        if is_moved:
            for i in range(first, end):
                key[np.uint64(i)] = spare_key[np.uint64(i)]
                row[np.uint64(i)] = spare_row[np.uint64(i)]
    return high
