"""A stretch of a text file in one call: read, cut into lines, checked, words captured and made numbers of.

Only what the query keeps is copied out of the buffer. What a call is not sure of it leaves to the general path: a row at a
time where a match is not certain, from the line on where a text is no valid UTF-8 or too long.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .jit import (
    atleast_64,
    equal_64,
    i32w,
    i64c,
    i64w,
    kernel,
    leading_zeros,
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
from .spans import whole_number
from .utf8 import is_utf8
from .words import DONE as WORDS_DONE
from .words import UNSURE as WORDS_UNSURE
from .words import word_ends

READ, UNREAD = 0, 2  # of a number, as kernels.spans has it


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
                    ended, front, back = word_ends(buf, at, stop_at)
                    kind = MATCH if ended == WORDS_DONE else UNSURE if ended == WORDS_UNSURE else NO_MATCH
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
