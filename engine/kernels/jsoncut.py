"""Flat JSON records of known fields to places of their values: every byte of a record is looked at, nothing is copied.

A record is sure if it is an object as RFC 8259 has it whose keys are fields, each at most once and without escapes, and whose
values are of their fields' kinds. Buffers have PAD readable bytes on either side.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .jit import between_64, equal_64, i32w, i64, i64c, i64w, inline, kernel, long_, trailing_zeros, u8, u8w
from .jsonscan import number_end, string_end

TEXT, WHOLE, NUMBER, BOOL, NOTHING = 0, 1, 2, 3, 4  # kinds of fields
MOST_DIGITS = 18  # of a whole number, so that it is in 64 bits whatever they are


@inline
def _past(data: Any, at: Any, stop: Any) -> Any:
    while at < stop and (data[at] == 32 or data[at] == 10 or data[at] == 13 or data[at] == 9):
        at += 1
    return at


@kernel(u8, long_, long_, is_inner=True)
def plain_end(data: Any, at: Any, stop: Any) -> Any:
    """The quote that ends the text from `at` on, or the first byte that makes it no plain text; `stop` if there is none."""
    while at < stop:
        hits = equal_64(data, at, np.uint8(34)) | equal_64(data, at, np.uint8(92))
        hits |= between_64(data, at, np.uint8(0), np.uint8(31))
        if hits:
            return min(at + trailing_zeros(hits), stop)
        at += 64
    return stop


@kernel(u8, long_, long_, u8, i64c, long_, is_inner=True)
def field_of(data: Any, at: Any, end: Any, names: Any, edges: Any, guess: Any) -> Any:
    """The field whose name is data[at:end], tried from `guess` on; -1: none."""
    n = edges.size - 1
    for k in range(n):
        j = guess + k
        if j >= n:
            j -= n
        low = edges[j]
        if edges[j + 1] - low != end - at:
            continue
        i = at
        while i < end and data[i] == names[low + i - at]:
            i += 1
        if i == end:
            return j
    return np.int64(-1)


@kernel(u8, i64, i64, u8, i64c, u8, i64w, i32w, i32w, u8w)
def cut_fields(
    data: Any,
    start: Any,
    stop: Any,
    names: Any,
    edges: Any,
    kinds: Any,
    seen: Any,
    out_start: Any,
    out_length: Any,
    escaped: Any,
) -> Any:
    """Records data[start[i]:stop[i]], up to the first that is not sure: how many.

    Field j, whose name is names[edges[j]:edges[j + 1]], goes to j * records + i; lengths are -1 beforehand, and stay so where it is
    missing or null. Texts come without their quotes, `escaped` where they hold escapes. `seen`: -1 for each field.
    """
    n = start.size
    for i in range(n):
        last = stop[i]
        at = _past(data, start[i], last)
        if at >= last or data[at] != 123:
            return i
        at = _past(data, at + 1, last)
        guess = np.int64(0)
        if at < last and data[at] == 125:
            if _past(data, at + 1, last) != last:
                return i
            continue
        while True:
            if at >= last or data[at] != 34:
                return i
            end = plain_end(data, at + 1, last)
            if end >= last or data[end] != 34:
                return i
            j = field_of(data, at + 1, end, names, edges, guess)
            if j < 0 or seen[j] == i:
                return i
            seen[j] = i
            guess = j + 1
            at = _past(data, end + 1, last)
            if at >= last or data[at] != 58:
                return i
            at = _past(data, at + 1, last)
            if at >= last:
                return i
            byte, kind, out = data[at], kinds[j], j * n + i
            if byte == 34:
                if kind != TEXT:
                    return i
                end = plain_end(data, at + 1, last)
                if end >= last or (data[end] != 34 and data[end] != 92):
                    return i
                if data[end] == 92:
                    end = string_end(data, at, last) - 1
                    if end < 0:
                        return i
                    escaped[out] = 1
                out_start[out], out_length[out] = at + 1, end - at - 1
                at = end + 1
            elif byte == 110:
                if at + 4 > last or data[at + 1] != 117 or data[at + 2] != 108 or data[at + 3] != 108:
                    return i
                at += 4
            elif kind in (WHOLE, NUMBER):
                end = number_end(data, at, last)
                if end < 0:
                    return i
                if kind == WHOLE:
                    if end - at > MOST_DIGITS:
                        return i
                    for k in range(at + 1, end):
                        if data[k] < 48 or data[k] > 57:
                            return i
                out_start[out], out_length[out] = at, end - at
                at = end
            elif kind == BOOL and byte == 116 and at + 4 <= last:
                if data[at + 1] != 114 or data[at + 2] != 117 or data[at + 3] != 101:
                    return i
                out_start[out], out_length[out] = at, 4
                at += 4
            elif kind == BOOL and byte == 102 and at + 5 <= last:
                if data[at + 1] != 97 or data[at + 2] != 108 or data[at + 3] != 115 or data[at + 4] != 101:
                    return i
                out_start[out], out_length[out] = at, 5
                at += 5
            else:
                return i
            at = _past(data, at, last)
            if at >= last:
                return i
            if data[at] == 125:
                break
            if data[at] != 44:
                return i
            at = _past(data, at + 1, last)
        if _past(data, at + 1, last) != last:
            return i
    return np.int64(n)
