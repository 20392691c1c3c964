"""A stretch of a text file in one call: read, cut into lines, checked, words captured and made numbers of.

Only what the query keeps is copied out of the buffer. What a call is not sure of it leaves to the general path: a row at a
time where a match is not certain, from the line on where a text is no valid UTF-8 or too long.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .jit import (
    atleast_64,
    atmost_16,
    equal_64,
    i32w,
    i64c,
    i64w,
    inline,
    kernel,
    leading_zeros,
    load_u64,
    long_,
    trailing_zeros,
    u8w,
)
from .rawread import (
    AT,
    BAD_TEXT,
    DONE,
    END,
    FULL,
    GO_ON,
    HIGH,
    N_ROWS,
    N_UNMATCHED,
    N_UNREAD,
    PAD,
    POS,
    SEEN,
    SKIPS,
    STOPPED,
    USED,
    find_first_line,
    put,
    refill,
)
from .regexcode import MATCH, NO_MATCH, UNSURE
from .regexspans import match_line
from .spans import eight_digits
from .utf8 import is_utf8

READ, UNREAD = 0, 2  # of a number, as kernels.spans has it


@inline
def whole_number(data: Any, at: Any, size: Any) -> Any:
    """1 to 16 plain digits: the value, and whether they were that."""
    zeros = np.uint64(0x3030303030303030)
    good = 0 < size <= 16
    value = np.uint64(0)
    if good:
        stop = at + size
        scale, bad, left = np.uint64(1), np.uint64(0), size
        while left > 0:
            word = load_u64(data, stop - 8)
            if left < 8:
                keep = np.uint64(64 - 8 * left)
                word = ((word >> keep) << keep) | (zeros & ((np.uint64(1) << keep) - np.uint64(1)))
            word ^= zeros
            bad |= (word | (word + np.uint64(0x7676767676767676))) & np.uint64(0x8080808080808080)
            value += eight_digits(word) * scale
            scale = np.uint64(100_000_000)
            left -= 8
            stop -= 8
        good = bad == 0
    return np.int64(value), good


@inline
def first_and_last_word(data: Any, low: Any, high: Any) -> Any:
    """`^(\\S+).* (\\S+)$` as `words.first_and_last_word`: status, end of the first word, begin of the last."""
    kind, front, back = NO_MATCH, low, high
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
                kind = MATCH
    return kind, front, back


@kernel(
    long_, long_, u8w, i64w, i64c, i64w, i64c, i64c, long_, u8w, i32w, i32w, i32w, i32w, u8w, i64w, u8w, u8w,
)  # fmt: skip
def scan_captures(
    read: Any, fd: Any, buf: Any, state: Any, program: Any, marks: Any, ends: Any, as_number: Any, keeps: Any,
    text: Any, line_start: Any, line_length: Any, starts: Any, lengths: Any, status: Any, numbers: Any,
    number_status: Any, stop: Any,
) -> Any:  # fmt: skip
    """Rows of the stretch from where `state` stands: captures as places in `text`, some read as whole numbers, too.

    `program`: see regexspans; empty: the first and the last word (marks 0, 1 and 2, 3). Group j lies between the marks
    ends[2 * j] and ends[2 * j + 1]. Of row i it lies at j * rows + i,
    with as many rows as `status` has room for; its number, if as_number[j] is not -1, at as_number[j] * rows + i. A line is
    put out with `keeps`, and where it did not match for certain. `text` has (2 + groups) * ROOM bytes at least.
    """
    if state[SKIPS]:
        code = find_first_line(read, fd, buf, state, stop)
        if code != GO_ON:
            return code
    at, end, rows, used = state[AT], state[END], state[N_ROWS], state[USED]
    n_groups, capacity, room = as_number.size, status.size, text.size - PAD
    code, unmatched, unread = np.int64(GO_ON), np.int64(0), np.int64(0)
    last_high = np.int64(-1)
    block = at
    while True:
        last_line = end - state[POS] + state[HIGH]  # lines that begin here or behind are others'
        while block < end and code == GO_ON:
            hits = equal_64(buf, block, np.uint8(10))
            high = atleast_64(buf, block, np.uint8(128))
            if high:
                last_high = block + 63 - leading_zeros(high)
            if end - block < 64:
                hits &= (np.uint64(1) << np.uint64(end - block)) - np.uint64(1)
            while hits:
                newline = block + trailing_zeros(hits)
                hits &= hits - np.uint64(1)
                if at >= last_line:
                    code = np.int64(DONE)
                    break
                if rows >= capacity or used + (1 + n_groups) * (newline - at) + (2 + n_groups) * 16 > room:
                    code = np.int64(FULL)
                    break
                if last_high >= at and not is_utf8(buf, at, newline):
                    code = np.int64(BAD_TEXT)
                    break
                stop_at = newline
                if newline > at and buf[newline - 1] == 13:
                    stop_at -= 1
                if program.size:
                    kind = match_line(buf, at, stop_at, program, marks)
                else:
                    kind, front, back = first_and_last_word(buf, at, stop_at)
                    marks[0], marks[1], marks[2], marks[3] = at, front, back, stop_at
                row = np.uint64(rows)
                status[row] = kind
                shift = used - at
                line_start[row], line_length[row] = used, -1
                if keeps or kind != MATCH:
                    line_length[row] = stop_at - at
                    used = put(text, used, buf, at, stop_at - at)
                place = row
                for j in range(n_groups):
                    begin = marks[ends[2 * j]] if kind == MATCH else np.int64(-1)
                    size = marks[ends[2 * j + 1]] - begin if begin >= 0 else np.int64(-1)
                    starts[place], lengths[place] = used, size
                    if keeps and size > 0:
                        starts[place] = begin + shift
                    elif size > 0:
                        used = put(text, used, buf, begin, size)
                    if as_number[j] >= 0:
                        cell = np.uint64(as_number[j] * capacity + rows)
                        value, good = whole_number(buf, begin, size)
                        numbers[cell], number_status[cell] = value, READ if good else UNREAD
                        unread += not good
                    place += np.uint64(capacity)
                unmatched += kind != MATCH
                rows += 1
                at = newline + 1
            block += 64
        state[AT], state[N_ROWS], state[USED] = at, rows, used
        state[N_UNMATCHED], state[N_UNREAD] = unmatched, unread
        if code != GO_ON:
            return code
        if stop[0]:
            return STOPPED
        before = at
        code = refill(read, fd, buf, state)
        if code != GO_ON:
            return code
        at, end, block = state[AT], state[END], state[SEEN]
        last_high -= before - at
