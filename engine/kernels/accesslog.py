"""The common and combined log format: where each field of a line lies.

One status byte a row: DONE, UNSURE (ask the general path, which is the pattern of `engine.parsers`).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .jit import atmost_16, equal_64, i32, i32w, inline, kernel, trailing_zeros, u8, u8w

DONE, UNSURE = 0, 1
N_FIELDS = 11
HOST, IDENT, USER, TIME, METHOD, URL, PROTOCOL, STATUS, BYTES, REFERER, AGENT = range(N_FIELDS)
DASH, QUOTE, BACKSLASH, BLANK = 45, 34, 92, 32


@inline
def word_end(data: Any, at: Any, high: Any) -> Any:
    """The first byte up to 32 at or after `at`; `high` if there is none before it."""
    while at < high:
        hits = atmost_16(data, at, np.uint8(32))
        if hits:
            at += trailing_zeros(hits)
            return at if at < high else high
        at += 16
    return high


@inline
def quote_end(data: Any, at: Any, high: Any) -> Any:
    """The closing quote; -1 if there is none before `high`, or a backslash stands before it."""
    while at < high:
        hits = equal_64(data, at, np.uint8(34)) | equal_64(data, at, np.uint8(92))
        if hits:
            at += trailing_zeros(hits)
            if at >= high or data[at] == 92:
                return np.int64(-1)
            return at
        at += 64
    return np.int64(-1)


@inline
def protocol_start(data: Any, low: Any, high: Any) -> Any:
    """The blank before the protocol (letters, a slash, digits and dots) that ends low..high; `high` if none does."""
    at = high
    while at > low and (48 <= data[at - 1] <= 57 or data[at - 1] == 46):
        at -= 1
    if at <= low or at == high or data[at - 1] != 47:
        return high
    at -= 1
    end = at
    while at > low and 97 <= (data[at - 1] | 32) <= 122:
        at -= 1
    if at <= low or at == end or data[at - 1] != 32:
        return high
    return at - 1


@inline
def put(starts: Any, lengths: Any, n: Any, field: Any, row: Any, low: Any, high: Any) -> Any:
    """A field of a row; a lone dash is null."""
    starts[field * n + row] = low
    lengths[field * n + row] = high - low


@kernel(u8, i32, i32, i32w, i32w, u8w)
def access_log(data: Any, start: Any, length: Any, starts: Any, lengths: Any, status: Any) -> Any:
    """Places of the eleven fields, field by field: starts[field * n + row], lengths likewise (-1: null).

    Valid UTF-8 with 64 readable bytes either side of a row. Returns how many rows are unsure. O(bytes).
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
        high = at + length[row]
        if length[row] <= 0:
            continue
        good = True
        for field in range(3):
            end = word_end(data, at, high)
            if end >= high or end == at or data[end] != 32:
                good = False
                break
            if not (end == at + 1 and data[at] == 45):
                put(starts, lengths, n, field, row, at, end)
            at = end + 1
        if not good or at >= high or data[at] != 91:
            continue
        at += 1
        end = at
        while end < high and data[end] != 93:
            end += 1
        if end == at or end + 3 > high or data[end + 1] != 32 or data[end + 2] != 34:
            continue
        if not (end == at + 1 and data[at] == 45):
            put(starts, lengths, n, TIME, row, at, end)
        at = end + 3
        close = quote_end(data, at, high)
        if close < 0:
            continue
        letters = at
        while letters < close and 97 <= (data[letters] | 32) <= 122:
            letters += 1
        if letters > at and letters < close and data[letters] == 32:
            end = protocol_start(data, letters + 1, close)
            put(starts, lengths, n, METHOD, row, at, letters)
            put(starts, lengths, n, URL, row, letters + 1, end)
            if end < close:
                put(starts, lengths, n, PROTOCOL, row, end + 1, close)
        at = close + 1
        if at + 2 >= high or data[at] != 32:
            continue
        at += 1
        if data[at] == 45:
            end = at + 1
        else:
            end = at
            while end < high and 48 <= data[end] <= 57:
                end += 1
            if end - at != 3:
                continue
            put(starts, lengths, n, STATUS, row, at, end)
        if end >= high or data[end] != 32:
            continue
        at = end + 1
        if at >= high:
            continue
        if data[at] == 45:
            end = at + 1
        else:
            end = at
            while end < high and 48 <= data[end] <= 57:
                end += 1
            if end == at:
                continue
            put(starts, lengths, n, BYTES, row, at, end)
        if end < high:
            if end + 2 >= high or data[end] != 32 or data[end + 1] != 34:
                continue
            at = end + 2
            close = quote_end(data, at, high)
            if close < 0 or close + 3 >= high or data[close + 1] != 32 or data[close + 2] != 34:
                continue
            last = quote_end(data, close + 3, high)
            if last < 0:
                continue
            if not (close == at + 1 and data[at] == 45):
                put(starts, lengths, n, REFERER, row, at, close)
            if not (last == close + 4 and data[close + 3] == 45):
                put(starts, lengths, n, AGENT, row, close + 3, last)
        status[row] = DONE
        unsure -= 1
    return unsure
