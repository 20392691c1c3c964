"""Numbers by code: of the values of a dictionary, and of pairs of small codes (a cell of a grid for each)."""

from __future__ import annotations

from typing import Any

import numpy as np

from .jit import i32, i32c, i32w, i64, i64c, i64w, inline, kernel, long_, u8w

N_PAIRS = 0  # of `state`
ASKED = -2
STRETCH = 16
BLOCK = 1024
LANES = 4


@kernel(i32c, i32w, i32w, i32w)
def map_codes(codes: Any, mapped: Any, out: Any, fresh: Any) -> Any:
    """`out` = mapped[codes]; codes whose entry is negative go into `fresh` by first sight, and their entry becomes ASKED.

    `fresh`: as long as `mapped`. Returns how many there are. O(rows).
    """
    n = np.int64(0)
    for i in range(codes.size):
        code = np.uint64(codes[np.uint64(i)])
        number = mapped[code]
        if number < 0 and number != ASKED:
            mapped[code] = ASKED
            fresh[np.uint64(n)] = np.int32(code)
            n += 1
        out[np.uint64(i)] = number
    return n


@kernel(i32c, i32c, i32w)
def translate(codes: Any, numbers: Any, out: Any) -> Any:
    """`out` = numbers[codes]. O(rows)."""
    for i in range(codes.size):
        out[np.uint64(i)] = numbers[np.uint64(codes[np.uint64(i)])]
    return codes.size


@kernel(i32, i32, i32w, long_, long_, i32w)
def pair_ids(first: Any, second: Any, grid: Any, width: Any, n: Any, out: Any) -> Any:
    """Number of each row's pair into out, in order of first sight. O(rows).

    `grid[a * width + b]` is the number of (a, b), -1 where it was not met; `n` pairs were. Returns how many are now.
    """
    for row in range(first.size):
        cell = np.uint64(np.int64(first[np.uint64(row)]) * width + np.int64(second[np.uint64(row)]))
        number = grid[cell]
        if number < 0:
            number = n
            grid[cell] = number
            n += 1
        out[np.uint64(row)] = number
    return n


@kernel(i32c, i32w, i32w)
def find_fresh(codes: Any, mapped: Any, fresh: Any) -> Any:
    """What `map_codes` tells of codes that are not mapped, without mapping the others. O(rows).

    A stretch of one code, as times in order have, is passed over many rows at once.
    """
    n, row, last = np.int64(0), np.int64(0), np.int32(-1)
    while row < codes.size:
        end = min(row + STRETCH, codes.size)
        other = np.int32(0)
        for i in range(row, end):
            other |= codes[np.uint64(i)] ^ last
        if other != 0:
            for i in range(row, end):
                last = codes[np.uint64(i)]
                code = np.uint64(last)
                if mapped[code] < 0 and mapped[code] != ASKED:
                    mapped[code] = ASKED
                    fresh[np.uint64(n)] = last
                    n += 1
        row = end
    return n


@kernel(i32c, u8w)
def mark(codes: Any, seen: Any) -> Any:
    """1 into `seen` for each code that there is. O(rows)."""
    for i in range(codes.size):
        seen[np.uint64(codes[np.uint64(i)])] = 1
    return codes.size


@kernel(i64, long_, i32w, i32w)
def close_ids(values: Any, base: Any, near: Any, out: Any) -> Any:
    """`out` = near[value - base], up to the first value that is not within `near` or is -1 there, whose row is told. O(rows)."""
    room = np.uint64(near.size)
    for i in range(values.size):
        off = np.uint64(values[np.uint64(i)]) - np.uint64(base)
        if off >= room:
            return np.int64(i)
        number = near[off]
        if number < 0:
            return np.int64(i)
        out[np.uint64(i)] = number
    return values.size


@inline
def read_axis(codes: Any, values: Any, base: Any, mapped: Any, row: Any, end: Any, out: Any, at: Any) -> Any:
    """The numbers of one key of the rows `row` to `end` into out[at:]; how many rows there are before the first that has none.

    `mapped`: the number (-1: none) of each code, or, where there are values, of each distance from `base`.
    """
    worst = np.int32(0)
    to = np.uint64(at)
    if values.size:
        room = np.uint64(mapped.size)
        for i in range(row, end):
            off = np.uint64(values[np.uint64(i)]) - np.uint64(base)
            number = np.int32(mapped[min(off, room - np.uint64(1))] | -np.int64(off >= room))
            out[to + np.uint64(i - row)] = number
            worst |= number
    else:
        for i in range(row, end):
            number = mapped[np.uint64(codes[np.uint64(i)])]
            out[to + np.uint64(i - row)] = number
            worst |= number
    n = np.int64(end - row)
    if worst < 0:
        n = np.int64(0)
        while out[to + np.uint64(n)] >= 0:
            n += 1
    return n


@kernel(i32c, i64c, long_, i32w, i32c, i64c, long_, i32w, long_, long_, i32w, i64w, i32w, i64w, i32w)
def number_pairs(
    codes_a: Any, values_a: Any, base_a: Any, mapped_a: Any, codes_b: Any, values_b: Any, base_b: Any, mapped_b: Any,
    row: Any, width: Any, grid: Any, state: Any, out: Any, counts: Any, spare: Any,
) -> Any:  # fmt: skip
    """As `pair_ids`, of keys that are numbered on the way (see `read_axis`), from `row` on. O(rows).

    Numbers go into `out` if that has room for the rows; each row is counted if `counts` is not empty: LANES counts a pair,
    which rows take in turn, so that none waits for the one before. It stops at a row of which a key has no number, and where
    `counts` has no room for the pairs of a block, and tells the row.
    `state[N_PAIRS]` is how many pairs were met; `spare`: 2 * BLOCK.
    """
    n, rows = state[N_PAIRS], max(codes_a.size, values_a.size)
    while row < rows:
        end = min(row + BLOCK, rows)
        if counts.size and counts.size < LANES * (n + BLOCK):
            break
        done = read_axis(codes_a, values_a, base_a, mapped_a, row, end, spare, 0)
        done = min(done, read_axis(codes_b, values_b, base_b, mapped_b, row, end, spare, BLOCK))
        for i in range(done):
            a, b = np.int64(spare[np.uint64(i)]), np.int64(spare[np.uint64(BLOCK + i)])
            cell = np.uint64(a * width + b)
            number = np.int64(grid[cell])
            if number < 0:
                number = n
                grid[cell] = number
                n += 1
            if out.size:
                out[np.uint64(row + i)] = number
            if counts.size:
                counts[np.uint64(LANES * number + (i & (LANES - 1)))] += 1
        row += done
        if row < end:
            break
    state[N_PAIRS] = n
    return row


@kernel(i32w, long_, long_, i32, i32, long_, long_, i32w)
def pairs_in_order(grid: Any, line: Any, step: Any, first: Any, second: Any, begin: Any, end: Any, out: Any) -> Any:
    """The numbers of the pairs `begin` to `end` of all of first x second, in that order; -1 where it was not met.

    `first`, `second`: codes, -1 for what has none; `grid[a * line + b * step]` is the number of (a, b). O(pairs).
    """
    n, at = max(second.size, 1), np.int64(0)
    i, low = begin // n, begin % n
    while at < end - begin:
        high = min(n, low + end - begin - at)
        a = np.int64(first[np.uint64(i)])
        for j in range(low, high):
            b = np.int64(second[np.uint64(j)])
            out[np.uint64(at)] = grid[np.uint64(a * line + b * step)] if (a | b) >= 0 else np.int32(-1)
            at += 1
        i, low = i + 1, 0
    return at
