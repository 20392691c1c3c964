"""Syslog lines of the common form, RFC 3164: where each field of a line lies.

One status byte a row: DONE, UNSURE (ask the general path, which is the pattern of `engine.parsers`).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .jit import i32, i32w, inline, kernel, u8, u8w

DONE, UNSURE = 0, 1
N_FIELDS = 6
PRI, TIME, HOST, APP, PID, MSG = range(N_FIELDS)


@inline
def is_digit(byte: Any) -> Any:
    return 48 <= byte <= 57


@inline
def is_space(byte: Any) -> Any:
    """RE2's \\s."""
    return byte == 32 or byte == 9 or byte == 10 or byte == 12 or byte == 13


@inline
def is_time(data: Any, at: Any) -> Any:
    """`Oct 11 22:14:15` or `Oct  1 22:14:15`."""
    return (
        65 <= data[at] <= 90
        and 97 <= data[at + 1] <= 122
        and 97 <= data[at + 2] <= 122
        and data[at + 3] == 32
        and (data[at + 4] == 32 or 48 <= data[at + 4] <= 51)
        and is_digit(data[at + 5])
        and data[at + 6] == 32
        and is_digit(data[at + 7])
        and is_digit(data[at + 8])
        and data[at + 9] == 58
        and is_digit(data[at + 10])
        and is_digit(data[at + 11])
        and data[at + 12] == 58
        and is_digit(data[at + 13])
        and is_digit(data[at + 14])
    )


@inline
def put(starts: Any, lengths: Any, n: Any, field: Any, row: Any, low: Any, high: Any) -> Any:
    starts[field * n + row] = low
    lengths[field * n + row] = high - low


@inline
def priority_end(data: Any, at: Any, end: Any) -> Any:
    """The `>` behind a number up to 191 without leading zeros; -1 if there is none."""
    begin = at
    value = np.int64(0)
    while at < end and at - begin < 3 and is_digit(data[at]):
        value = value * 10 + data[at] - 48
        at += 1
    if at == begin or at >= end or data[at] != 62 or value > 191 or (data[begin] == 48 and at - begin > 1):
        return np.int64(-1)
    return at


@kernel(u8, i32, i32, i32w, i32w, u8w)
def syslog(data: Any, start: Any, length: Any, starts: Any, lengths: Any, status: Any) -> Any:
    """Places of the six fields, field by field: starts[field * n + row], lengths likewise (-1: null).

    Valid UTF-8 with 64 readable bytes either side of a row. Returns how many rows are unsure. O(bytes of the head).
    """
    n = start.size
    unsure = 0
    for row in range(n):
        for field in range(N_FIELDS):
            starts[field * n + row] = 0
            lengths[field * n + row] = -1
        status[row] = UNSURE
        unsure += 1
        at = np.int64(start[row])
        end = at + length[row]
        if length[row] <= 0:
            continue
        priority = np.int64(-1)
        if data[at] == 60:
            priority = priority_end(data, at + 1, end)
            if priority < 0:
                continue
            at = priority + 1
        if at + 17 > end or not is_time(data, at) or data[at + 15] != 32:
            continue
        time = at
        at += 16
        while at < end and data[at] == 32:
            at += 1
        word = at
        while at < end and data[at] > 32 and data[at] != 91:
            at += 1
        if at >= end or at == word or data[at] < 32:
            continue
        host_end = word
        if data[at] == 32 and data[at - 1] != 58:
            host_end = at
            while at < end and data[at] == 32:
                at += 1
            tag = at
        else:
            tag = word
        at = tag
        while at < end and data[at] > 32 and data[at] != 58 and data[at] != 91:
            at += 1
        tag_end = at
        pid = pid_end = np.int64(0)
        if at < end and data[at] == 91 and tag_end > tag:
            pid = at + 1
            while at < end and data[at] > 32 and data[at] != 93:
                at += 1
            if at + 1 >= end or data[at] != 93 or data[at + 1] != 58:
                continue
            pid_end = at
            at += 1
        elif at < end and (data[at] == 91 or data[at] < 32):
            continue
        message = tag
        if tag_end > tag and at < end and data[at] == 58 and (at + 1 == end or is_space(data[at + 1])):
            message = at + 1
            while message < end and is_space(data[message]):
                message += 1
            put(starts, lengths, n, APP, row, tag, tag_end)
            if pid:
                put(starts, lengths, n, PID, row, pid, pid_end)
        elif pid:
            continue
        if priority >= 0:
            put(starts, lengths, n, PRI, row, np.int64(start[row]) + 1, priority)
        put(starts, lengths, n, TIME, row, time, time + 15)
        if host_end > word:
            put(starts, lengths, n, HOST, row, word, host_end)
        put(starts, lengths, n, MSG, row, message, end)
        status[row] = DONE
        unsure -= 1
    return unsure
