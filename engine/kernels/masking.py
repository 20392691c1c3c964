"""Log lines with what varies masked, in one pass over their bytes (engine.analytics.masking says what is masked)."""

from __future__ import annotations

from typing import Any

import numpy as np

from .jit import i32, i32w, inline, kernel, u8, u8w

CHECK_ROWS = 1 << 12
_KINDS = np.zeros(256, np.uint8)  # 1 a byte of a word, 3 a digit, 4 white space
_KINDS[[ord(c) for c in "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_.+-"]] = 1
_KINDS[128:] = 1
_KINDS[48:58] = 3
_KINDS[[9, 10, 12, 13, 32]] = 4
KINDS = _KINDS
WORD, DIGIT, BLANK = np.uint8(1), np.uint8(2), np.uint8(4)


@inline
def run(data: Any, at: Any, end: Any) -> Any:
    """Where a word that begins at `at` ends; negative (of that place, less one): it has a digit."""
    digits = np.uint8(0)
    while at < end:
        kind = KINDS[data[at]]
        if not kind & WORD:
            break
        digits |= kind
        at += 1
    return -at - 1 if digits & DIGIT else at


@kernel(u8, i32, i32, u8w, i32w, u8w)
def mask(data: Any, start: Any, length: Any, out: Any, ends: Any, stop: Any) -> Any:
    """Writes the masked lines one behind the other, `ends[1 + row]` where each ends. `out` holds three times the bytes."""
    to = np.int64(0)
    for row in range(start.size):
        if row % CHECK_ROWS == 0 and stop[0]:
            for left in range(row, start.size):
                ends[left + 1] = to
            break
        at, end = np.int64(start[row]), np.int64(start[row]) + np.int64(length[row])
        first = to
        gap = False
        while at < end:
            byte = data[at]
            kind = KINDS[byte]
            if kind & BLANK:
                gap = True
                at += 1
                continue
            if gap and to > first:
                out[to] = 32
                to += 1
            gap = False
            if not kind & WORD:
                out[to] = byte
                to += 1
                at += 1
                continue
            stopped = run(data, at, end)
            if stopped >= 0:
                while at < stopped:
                    out[to] = data[at]
                    to += 1
                    at += 1
                continue
            at = -stopped - 1
            while at + 1 < end and data[at] == 58:
                stopped = run(data, at + 1, end)
                if stopped >= 0:
                    break
                at = -stopped - 1
            out[to], out[to + 1], out[to + 2] = 60, 42, 62
            to += 3
        ends[row + 1] = to
    return to
