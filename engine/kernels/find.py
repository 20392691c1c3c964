"""Literal search and wildcard patterns over text in a byte buffer, 64 positions at a time.

A candidate is a position where the literal's first byte stands and, so many bytes on, its last one; only candidates are
compared byte by byte; where many are nearly hits (text and literal of one letter, say) the kernel gives up with TOO_HARD,
and the linear general path must answer. Vectors are loaded only where the buffer has them whole, so no padding is needed. Rows are start and
length (-1: null) into `data`; `hit` gets one byte a row.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .jit import equal_64, i32, kernel, long_, trailing_zeros, u8, u8w

UNORDERED = -1
TOO_HARD = -2
PATIENCE = 16  # bytes compared in vain for each byte searched


@kernel(u8, long_, long_, u8, long_, long_)
def find_one(data: Any, low: Any, high: Any, text: Any, begin: Any, size: Any) -> Any:
    """Position in data[low:high] of the first text[begin:begin + size]; -1 if it is not there, or TOO_HARD. O(high - low)."""
    if size == 0:
        return low
    last = high - size
    first_byte, last_byte = text[begin], text[begin + size - 1]
    at = low
    left = PATIENCE * (high - low + size)
    room = data.size - 63 - (size - 1)
    while at <= last and at < room:
        hits = equal_64(data, at, first_byte) & equal_64(data, at + size - 1, last_byte)
        while hits:
            place = at + trailing_zeros(hits)
            if place > last:
                return -1
            j = 1
            while j < size - 1 and data[place + j] == text[begin + j]:
                j += 1
            if j >= size - 1:
                return place
            left -= j
            if left < 0:
                return TOO_HARD
            hits &= hits - np.uint64(1)
        at += 64
    while at <= last:
        j = 0
        while j < size and data[at + j] == text[begin + j]:
            j += 1
        if j == size:
            return at
        left -= j
        if left < 0:
            return TOO_HARD
        at += 1
    return -1


@kernel(i32, i32)
def extent(start: Any, length: Any) -> Any:
    """Bytes from the first row's start to the last row's end where rows follow one another; else UNORDERED."""
    low, high = np.int64(-1), np.int64(0)
    for i in range(start.size):
        if length[i] < 0:
            continue
        if low < 0:
            low = high = np.int64(start[i])
        if start[i] < high:
            return UNORDERED
        high = np.int64(start[i]) + length[i]
    return high - low


@kernel(u8, i32, i32, u8, u8w)
def contains_ordered(data: Any, start: Any, length: Any, text: Any, hit: Any) -> Any:
    """Rows that hold the text, by one scan over all of them; only for rows that `extent` found in order.

    A hit between two rows, or across the end of one, is no hit. Returns how many rows, or TOO_HARD. O(extent + rows).
    """
    n, size = start.size, text.size
    for i in range(n):
        hit[i] = 0
    row = 0
    while row < n and length[row] < 0:
        row += 1
    end = n - 1
    while end >= row and length[end] < 0:
        end -= 1
    if row >= n:
        return 0
    at, stop, found = np.int64(start[row]), np.int64(start[end]) + length[end], 0
    while row <= end:
        place = find_one(data, at, stop, text, 0, size)
        if place == TOO_HARD:
            return TOO_HARD
        if place < 0:
            break
        while row <= end and (length[row] < 0 or np.int64(start[row]) + length[row] < place + size):
            row += 1
        if row > end:
            break
        if start[row] <= place:
            hit[row] = 1
            found += 1
            at = np.int64(start[row]) + length[row]
            row += 1
        else:
            at = place + 1
    return found


@kernel(u8, i32, i32, u8, i32, long_, u8w)
def match_rows(data: Any, start: Any, length: Any, text: Any, cuts: Any, wild: Any, hit: Any) -> Any:
    """Rows that match a pattern whole: piece k is text[cuts[k]:cuts[k + 1]]; with `wild` any text may be between pieces.

    The first piece must begin the row and the last end it; those between are sought from left to right, which finds a
    match if there is one. Returns how many, or TOO_HARD. O(bytes).
    """
    pieces, found = cuts.size - 1, 0
    head, tail = np.int64(cuts[1]), np.int64(cuts[pieces] - cuts[pieces - 1])
    for i in range(start.size):
        hit[i] = 0
        size = length[i]
        if size < 0 or (wild == 0 and size != head) or (wild != 0 and size < head + tail):
            continue
        low = np.int64(start[i])
        high = low + size
        good = 1
        for j in range(head):
            if data[low + j] != text[j]:
                good = 0
                break
        if good and wild:
            begin = np.int64(cuts[pieces - 1])
            for j in range(tail):
                if data[high - tail + j] != text[begin + j]:
                    good = 0
                    break
            at, stop = low + head, high - tail
            for k in range(1, pieces - 1):
                if not good:
                    break
                piece = np.int64(cuts[k + 1] - cuts[k])
                place = find_one(data, at, stop, text, np.int64(cuts[k]), piece)
                if place == TOO_HARD:
                    return TOO_HARD
                if place < 0:
                    good = 0
                at = place + piece
        hit[i] = good
        found += good
    return found
