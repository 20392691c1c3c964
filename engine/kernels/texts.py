"""Text row by row: each row's own piece looked for in it, code points counted and passed over; texts by their codes.

Rows are start and length (-1: null) into a byte buffer of valid UTF-8.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .jit import copy_16, i32, i32w, i64, i64w, kernel, long_, u8, u8w

TOO_HARD = -2  # the row asks for more comparisons than linear search would need
PATIENCE = 16  # bytes compared in vain for each byte of the row


@kernel(u8, i32, i32, u8, i32, i32, long_, i64w)
def find_each(
    data: Any, start: Any, length: Any, sub: Any, sub_start: Any, sub_length: Any, last: Any, out: Any
) -> Any:
    """out: the first (last != 0: last) byte of each row, from its start, where its piece stands; -1 nowhere or null.

    Returns how many rows are TOO_HARD: text made of one letter, say, where every place is nearly a hit.
    """
    hard = 0
    for i in range(start.size):
        size, part = length[i], sub_length[i]
        out[i] = -1
        if size < 0 or part < 0 or part > size:
            continue
        if part == 0:
            out[i] = size if last else 0
            continue
        low, begin = start[i], sub_start[i]
        first, final = sub[begin], sub[begin + part - 1]
        left = PATIENCE * (size + part)
        at, step = (size - part, -1) if last else (0, 1)
        for _ in range(size - part + 1):
            place = low + at
            if data[place] == first and data[place + part - 1] == final:
                j = 1
                while j < part - 1 and data[place + j] == sub[begin + j]:
                    j += 1
                if j >= part - 1:
                    out[i] = at
                    break
                left -= j
                if left < 0:
                    out[i] = TOO_HARD
                    hard += 1
                    break
            at += step
    return hard


@kernel(u8, i32, i32, i64w)
def count_points(data: Any, start: Any, length: Any, out: Any) -> Any:
    """Code points of each row, 0 for null. O(bytes)."""
    for i in range(start.size):
        total = 0
        for at in range(start[i], start[i] + max(length[i], 0)):
            total += (data[at] & 0xC0) != 0x80
        out[i] = total
    return 0


@kernel(u8, i32, i32, i64, i64w)
def pass_points(data: Any, start: Any, length: Any, points: Any, out: Any) -> Any:
    """The byte behind the first `points` (>= 0) code points of each row, at most its end. O(bytes passed)."""
    for i in range(start.size):
        at, stop = start[i], start[i] + max(length[i], 0)
        left = points[i]
        while at < stop:
            if (data[at] & 0xC0) != 0x80:
                if left == 0:
                    break
                left -= 1
            at += 1
        out[i] = at
    return 0


@kernel(i32, i32, u8, i32w)
def coded_ends(offsets: Any, codes: Any, nulls: Any, ends: Any) -> Any:
    """Arrow's offsets of the texts that `codes` stand for; of a null (`nulls`: a byte a row, or empty) none. O(rows).

    `offsets`: of the dictionary. `ends` has one place more than there are rows. Returns the bytes in all, or -1 if they
    are more than 32-bit offsets can tell.
    """
    total = np.int64(0)
    ends[0] = 0
    for i in range(codes.size):
        if nulls.size == 0 or nulls[np.uint64(i)] == 0:
            code = np.uint64(codes[np.uint64(i)])
            total += np.int64(offsets[code + np.uint64(1)]) - np.int64(offsets[code])
            if total > 0x7FFFFFFF:
                return -1
        ends[np.uint64(i + 1)] = np.int32(total)
    return total


@kernel(i32, u8, i32, i32w, u8w)
def copy_coded(offsets: Any, data: Any, codes: Any, ends: Any, out: Any) -> Any:
    """The bytes of the texts that `codes` stand for, at the offsets `ends` of `coded_ends`. `out` has 16 bytes to spare. O(bytes)."""
    for i in range(codes.size):
        to, end = np.int64(ends[np.uint64(i)]), np.int64(ends[np.uint64(i + 1)])
        if to == end:  # empty, or null: its code may be any number
            continue
        at = np.int64(offsets[np.uint64(codes[np.uint64(i)])])
        if at + (end - to) + 16 <= data.size:
            while to < end:
                copy_16(out, to, data, at)
                to += 16
                at += 16
        else:
            while to < end:
                out[to] = data[at]
                to += 1
                at += 1
    return codes.size
