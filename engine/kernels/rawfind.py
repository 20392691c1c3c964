"""Lines of a stretch of a text file that hold a literal: the bytes are searched as they are read, before there are lines."""

from __future__ import annotations

from typing import Any

import numpy as np

from .jit import (
    atleast_64,
    equal_64,
    i32w,
    i64w,
    inline,
    kernel,
    long_,
    popcount,
    prefetch_far,
    trailing_zeros,
    u8,
    u8w,
)
from .rawread import (
    AT,
    BAD_TEXT,
    END,
    FULL,
    GO_ON,
    HIGH,
    N_BAD,
    N_LINES,
    N_ROWS,
    PAD,
    POS,
    SKIPS,
    STOPPED,
    TOO_HARD,
    USED,
    ahead_of,
    bad_line,
    find_first_line,
    last_newline_in,
    newline_in,
    put,
    refill,
)

PATIENCE = 16  # bytes compared in vain for each byte searched


@inline
def _search_lines(
    buf: Any, state: Any, begin: Any, full: Any, literal: Any, first: Any, second: Any, keeps: Any, text: Any,
    line: Any, start: Any, length: Any, ahead: Any,
) -> Any:  # fmt: skip
    """Of buf[begin:full], whole lines: how it ended, how many lines were done with, and whether there are bytes above 127."""
    size = literal.size
    byte_1, byte_2 = literal[first], literal[second]
    rows, used, lines = state[N_ROWS], state[USED], np.int64(0)
    capacity, room = line.size, text.size - PAD
    high, done = np.uint64(0), begin  # places before `done` are decided
    patience = PATIENCE * (full - begin + size)
    code = np.int64(GO_ON)
    block = begin
    while block < full and code == GO_ON:
        while full - block > 64:  # nearly all blocks: a loop so short that all of it stays in registers
            hits = equal_64(buf, block + first, byte_1) & equal_64(buf, block + second, byte_2)
            if hits:
                break
            high |= atleast_64(buf, block, np.uint8(128))
            lines += popcount(equal_64(buf, block, np.uint8(10)))
            prefetch_far(ahead + block)
            block += 64
        newlines = equal_64(buf, block, np.uint8(10))
        marks = atleast_64(buf, block, np.uint8(128))
        hits = equal_64(buf, block + first, byte_1) & equal_64(buf, block + second, byte_2)
        if full - block < 64:
            keep = (np.uint64(1) << np.uint64(full - block)) - np.uint64(1)
            newlines &= keep
            hits &= keep
            marks &= keep
        high |= marks
        while hits:
            bit = np.uint64(trailing_zeros(hits))
            hits &= hits - np.uint64(1)
            place = block + np.int64(bit)
            if place < done:
                continue
            j = np.int64(0)
            while j < size and buf[place + j] == literal[j]:
                j += 1
            patience -= j
            if j < size and patience >= 0:
                continue
            before = newlines & ((np.uint64(1) << bit) - np.uint64(1))
            low = last_newline_in(buf, done, place) + 1
            if low == 0:
                low = done
            if j < size:
                state[AT] = low
                lines += popcount(before)
                code = np.int64(TOO_HARD)
                break
            newline = newline_in(buf, place, full)
            stop_at = newline - 1 if newline > low and buf[newline - 1] == 13 else newline
            if rows >= capacity or used + stop_at - low + PAD > room:
                state[AT] = low
                lines += popcount(before)
                code = np.int64(FULL)
                break
            row = np.uint64(rows)
            line[row] = state[N_LINES] + lines + popcount(before)
            if keeps:
                start[row], length[row] = used, stop_at - low
                used = put(text, used, buf, low, stop_at - low)
            rows += 1
            done = newline + 1
        if code == GO_ON:
            lines += popcount(newlines)
            block += 64
    if code == GO_ON:
        state[AT] = full
    state[N_ROWS], state[USED] = rows, used
    return code, lines, high


@kernel(u8w, i64w, u8, long_, long_, long_, u8w, i32w, i32w, i32w, i32w, is_inner=True)
def _search(
    buf: Any, state: Any, literal: Any, first: Any, second: Any, keeps: Any, text: Any, line: Any, start: Any, length: Any,
    bad: Any,
) -> Any:  # fmt: skip
    """The whole lines in the buffer."""
    begin, end = state[AT], state[END]
    border = end - state[POS] + state[HIGH] - 1  # the last byte of the stretch
    if border < begin:
        return GO_ON
    full = newline_in(buf, border, end) + 1 if border < end else 0
    if full == 0:
        full = last_newline_in(buf, begin, end) + 1
    if full <= begin:
        return GO_ON
    ahead = ahead_of(state)
    if ahead == 0:
        ahead = np.int64(buf.ctypes.data)  # what is here already costs less than a question
    until, is_known = full, False  # where the next line begins that is no valid UTF-8, and whether it was looked for
    while True:  # the search is compiled once: it is pasted in
        rows, used = state[N_ROWS], state[USED]
        code, lines, high = _search_lines(
            buf, state, begin, until, literal, first, second, keeps, text, line, start, length, ahead
        )
        if high and not is_known:
            found = bad_line(buf, begin, full)
            if 0 <= found < state[AT]:
                state[N_ROWS], state[USED] = rows, used
                until, is_known = found, True
                continue
        state[N_LINES] += lines
        if code != GO_ON or until == full:
            return code
        state[AT] = until
        if state[N_BAD] >= bad.size:
            return BAD_TEXT
        newline = newline_in(buf, until, full)
        stop_at = newline - 1 if newline > until and buf[newline - 1] == 13 else newline
        rows, used = state[N_ROWS], state[USED]
        if rows >= line.size or used + stop_at - until + 2 * PAD > text.size:
            return FULL
        line[rows], start[rows], length[rows] = state[N_LINES], used, stop_at - until
        bad[state[N_BAD]] = rows
        state[USED] = put(text, used, buf, until, stop_at - until)
        state[N_ROWS], state[N_BAD], state[N_LINES] = rows + 1, state[N_BAD] + 1, state[N_LINES] + 1
        begin = newline + 1
        state[AT] = begin
        if begin >= full:
            return GO_ON
        found = bad_line(buf, begin, full)
        until = found if found >= 0 else full


@kernel(long_, long_, u8w, i64w, u8, long_, long_, long_, u8w, i32w, i32w, i32w, i32w, u8w)
def scan_for(
    read: Any, fd: Any, buf: Any, state: Any, literal: Any, first: Any, second: Any, keeps: Any, text: Any,
    line: Any, start: Any, length: Any, bad: Any, stop: Any,
) -> Any:  # fmt: skip
    """Lines of the stretch that hold the literal: their numbers, and their text with `keeps`.

    `first`, `second`: two bytes of the literal to look for, 64 places at a time. Lines that are no valid UTF-8 are rows as well,
    with their text, and go into `bad` while that has room. `text` has 3 * ROOM bytes at least.
    """
    if state[SKIPS]:
        code = find_first_line(read, fd, buf, state, stop)
        if code != GO_ON:
            return code
    while True:
        code = _search(buf, state, literal, first, second, keeps, text, line, start, length, bad)
        if code != GO_ON:
            return code
        if stop[0]:
            return STOPPED
        code = refill(read, fd, buf, state)
        if code != GO_ON:
            return code
