"""The first and the last word of each line: the commonest shape of `rex` over logs.

One status byte a row: DONE, NULL (no match), UNSURE (ask the general path).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .jit import atmost_16, equal_64, i32, i32w, inline, kernel, leading_zeros, long_, trailing_zeros, u8, u8w

DONE, NULL, UNSURE = 0, 1, 2
MARGIN_BEFORE, MARGIN_BEHIND = 16, 64  # bytes either side of a row that are loaded with it


@inline
def is_blank(byte: Any) -> Any:
    """RE2's \\s: tab, newline, form feed, carriage return, space (not vertical tab)."""
    return byte == 32 or byte == 9 or byte == 10 or byte == 12 or byte == 13


@inline
def word_ends(data: Any, low: Any, high: Any) -> Any:
    """The first and the last word of a line without newlines: status, end of the first one, begin of the last one."""
    kind, front, back = NULL, low, high
    if high > low:
        while True:
            hits = atmost_16(data, front, np.uint8(32))
            if hits:
                front += trailing_zeros(hits)
                break
            front += 16
            if front >= high:
                break
        if front < high:
            while True:
                hits = atmost_16(data, back - 16, np.uint8(32))
                if hits:
                    back -= leading_zeros(hits) - 48
                    break
                back -= 16
            if data[front] != 32 or data[back - 1] != 32:
                kind = UNSURE
            elif front > low and back < high:
                kind = DONE
    return kind, front, back


@kernel(u8, i32, i32, i32w, i32w, i32w, i32w, u8w, long_)
def first_and_last_word(
    data: Any, start: Any, length: Any, start_a: Any, length_a: Any, start_b: Any, length_b: Any, status: Any,
    is_line: Any,
) -> Any:  # fmt: skip
    """`^(\\S+).* (\\S+)$` over valid UTF-8: a = the leading word, b = the trailing word with a space before it.

    Exact, since the words cannot hold blanks: a is the longest run, and b must follow the last blank, which must be a
    space. Other control bytes are words to RE2, and `.` matches no newline; rows with a byte up to 32 other than a
    space where a scan stops, or with a newline between, are unsure, as are those without a margin; with `is_line` there
    is no newline. Returns how many are unsure. O(bytes).
    """
    unsure = 0
    for i in range(start.size):
        size = length[i]
        start_a[i] = start_b[i] = 0
        length_a[i] = length_b[i] = -1
        status[i] = NULL
        if size <= 0:
            continue
        low = np.int64(start[i])
        high = low + size
        if low < MARGIN_BEFORE or high + MARGIN_BEHIND > data.size:
            status[i] = UNSURE
            unsure += 1
            continue
        kind, front, back = word_ends(data, low, high)
        at = front
        while kind == DONE and not is_line and at < back:
            newlines = equal_64(data, at, np.uint8(10))
            if newlines:
                kind = UNSURE if at + trailing_zeros(newlines) < back else kind
                break
            at += 64
        status[i] = kind
        unsure += kind == UNSURE
        if kind == DONE:
            start_a[i], length_a[i] = low, front - low
            start_b[i], length_b[i] = back, high - back
    return unsure
