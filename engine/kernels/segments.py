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


@kernel(i64w, long_, long_, long_, long_, i64w, u8w)
def count_digits(key: Any, first: Any, end: Any, least: Any, shift: Any, counts: Any, stop: Any) -> Any:
    """How often each digit of (key - least, modulo 2**64) >> shift has each value: a line of `counts` a digit. O(rows * digits)."""
    digits = counts.size >> DIGIT
    for i in range(first, end):
        if (i & LOOK) == 0 and stop[0]:
            return i
        rest = (np.uint64(key[np.uint64(i)]) - np.uint64(least)) >> np.uint64(shift)
        for d in range(digits):
            counts[(np.uint64(d) << np.uint64(DIGIT)) + (rest & MASK)] += 1
            rest >>= np.uint64(DIGIT)
    return end


@kernel(i64w, i32w, i64w, i32w, long_, long_, long_, long_, long_, i64w, u8w)
def radix_pass(
    key: Any, row: Any, to_key: Any, to_row: Any, first: Any, end: Any, least: Any, low_bits: Any, digit: Any, counts: Any, stop: Any
) -> Any:  # fmt: skip
    """One stable pass by a digit of what is above the `low_bits`; its counts become places. O(rows)."""
    base, shift = np.uint64(digit << DIGIT), np.uint64(low_bits + digit * DIGIT)
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


@kernel(i64w, i32w, i64w, i32w, long_, long_, long_, types.uint64, long_, u8w, makes_arrays=True)
def radix_sort(
    key: Any, row: Any, spare_key: Any, spare_row: Any, first: Any, end: Any, least: Any, spread: Any, low_bits: Any, stop: Any
) -> Any:  # fmt: skip
    """By the bits above the `low_bits`; 1 if the rows are in the spare at last. `spread`: the greatest key less the least.

    O(rows * digits that vary).
    """
    digits, rest = np.int64(0), spread >> np.uint64(low_bits)
    while digits * DIGIT < 64 and (rest >> np.uint64(digits * DIGIT)) > np.uint64(0):
        digits += 1
    counts = np.zeros(digits << DIGIT, np.int64)
    count_digits(key, first, end, least, low_bits, counts, stop)
    is_moved = 0
    for d in range(digits):
        one = np.uint64(key[np.uint64(first)] if is_moved == 0 else spare_key[np.uint64(first)]) - np.uint64(least)
        one = (one >> np.uint64(low_bits + d * DIGIT)) & MASK
        if stop[0]:
            return 0
        if counts[(np.uint64(d) << np.uint64(DIGIT)) + one] == end - first:
            continue  # all have the same
        if is_moved:
            radix_pass(spare_key, spare_row, key, row, first, end, least, low_bits, d, counts, stop)
        else:
            radix_pass(key, row, spare_key, spare_row, first, end, least, low_bits, d, counts, stop)
        is_moved = 1 - is_moved
    return is_moved


@kernel(i64w, i32w, i64w, i32w, long_, long_)
def move_back(key: Any, row: Any, spare_key: Any, spare_row: Any, first: Any, end: Any) -> Any:
    for i in range(first, end):
        key[np.uint64(i)] = spare_key[np.uint64(i)]
        row[np.uint64(i)] = spare_row[np.uint64(i)]
    return end


@kernel(i64w, i32w, i64w, i32w, long_, long_, long_, long_, u8w)
def settle(
    key: Any, row: Any, spare_key: Any, spare_row: Any, first: Any, end: Any, least: Any, low_bits: Any, stop: Any
) -> Any:  # fmt: skip
    """Sort each run of rows that differ in the `low_bits` only. O(rows * digits that vary in a run)."""
    begin = first
    while begin < end:
        top = (np.uint64(key[np.uint64(begin)]) - np.uint64(least)) >> np.uint64(low_bits)
        until, lowest, highest = begin + 1, key[np.uint64(begin)], key[np.uint64(begin)]
        while until < end:
            k = key[np.uint64(until)]
            if ((np.uint64(k) - np.uint64(least)) >> np.uint64(low_bits)) != top:
                break
            lowest, highest = min(lowest, k), max(highest, k)
            until += 1
        if until - begin > SMALL:
            if stop[0]:
                return begin
            spread = np.uint64(highest) - np.uint64(lowest)
            if radix_sort(key, row, spare_key, spare_row, begin, until, lowest, spread, 0, stop):
                move_back(key, row, spare_key, spare_row, begin, until)
        elif until - begin > RUN:
            if merge_sort(key, row, spare_key, spare_row, begin, until):
                move_back(key, row, spare_key, spare_row, begin, until)
        elif highest > lowest:
            insertion_sort(key, row, begin, until)
        begin = until
    return end


@kernel(i64w, i32w, i64w, i32w, long_, long_, long_, types.uint64, u8w)
def sort_many(
    key: Any, row: Any, spare_key: Any, spare_row: Any, first: Any, end: Any, least: Any, spread: Any, stop: Any
) -> Any:  # fmt: skip
    """By as many of the upper bits as tell rows apart that lie evenly, then what these left together.

    Of even times two digits tell four million apart, where all their bits are four or five. O(rows * digits that vary).
    """
    wanted, bits = np.int64(0), np.int64(0)
    while (np.int64(1) << (wanted + 1)) < end - first:
        wanted += 1
    while bits < 64 and (spread >> np.uint64(bits)) > np.uint64(0):
        bits += 1
    low_bits = max(np.int64(0), bits - (wanted + DIGIT - 1) // DIGIT * DIGIT)
    if radix_sort(key, row, spare_key, spare_row, first, end, least, spread, low_bits, stop):
        move_back(key, row, spare_key, spare_row, first, end)
    if low_bits and not stop[0]:
        settle(key, row, spare_key, spare_row, first, end, least, low_bits, stop)
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
        if end - first > SMALL:
            spread = np.uint64(most) - np.uint64(least)
            sort_many(key, row, spare_key, spare_row, first, end, least, spread, stop)
        elif merge_sort(key, row, spare_key, spare_row, first, end):
            move_back(key, row, spare_key, spare_row, first, end)
    return high
