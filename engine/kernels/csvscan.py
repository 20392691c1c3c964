"""Kernels of the CSV reader: special bytes, the quote machine, text to doubles and dates. Buffers have PAD bytes either side."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import types

from .jit import equal_64, f64w, i32, i64w, kernel, long_, trailing_zeros, u8, u8w

DONE, NULL, UNSURE = 0, 1, 2
_bools_w = types.Array(types.boolean, 1, "C")
_ints = types.Array(types.int64, 1, "A", readonly=True)
_bytes = types.Array(types.uint8, 1, "A", readonly=True)
_bools = types.Array(types.boolean, 1, "A", readonly=True)
_f64 = types.Array(types.float64, 1, "C", readonly=True)


@kernel(u8, long_, long_, types.uint8, i64w)
def specials(data: Any, begin: Any, end: Any, sep: Any, out: Any) -> Any:
    """Places of separators, LF, CR and quotes in data[begin:end] into out; how many, or -1 if out is too small."""
    n, at, room = 0, begin, out.size
    while at < end:
        hits = equal_64(data, at, sep) | equal_64(data, at, np.uint8(10))
        hits |= equal_64(data, at, np.uint8(13)) | equal_64(data, at, np.uint8(34))
        if end - at < 64:
            hits &= (np.uint64(1) << np.uint64(end - at)) - np.uint64(1)
        if n + 64 > room:
            return -1
        while hits:
            out[n] = at + trailing_zeros(hits)
            n += 1
            hits &= hits - np.uint64(1)
        at += 64
    return n


@kernel(_ints, _bytes, _bools, long_, _bools_w)
def walk(at: Any, kind: Any, literal: Any, begin: Any, outside: Any) -> Any:
    """As `engine.sources.csvtext.walk`."""
    n, i, cell, opened = len(at), 0, begin, -1
    while i < n:
        if opened >= 0:
            if kind[i] == 34:
                if i + 1 < n and kind[i + 1] == 34 and at[i + 1] == at[i] + 1:
                    i += 1
                else:
                    opened = -1
        elif kind[i] != 34:
            outside[i] = True
            cell = at[i] + 1
        elif at[i] == cell and not literal[i]:
            opened = i
        i += 1
    return opened


@kernel(u8, i32, i32, _f64, f64w, u8w)
def parse_double(data: Any, start: Any, length: Any, powers: Any, out: Any, status: Any) -> Any:
    """Decimal text to float64, exact: up to 15 digits and a power of ten up to 22 (W. D. Clinger, PLDI 1990); else unsure."""
    unsure = 0
    for i in range(start.size):
        out[i] = 0.0
        size = np.int64(length[i])
        if size < 0:
            status[i] = NULL
            continue
        at = np.int64(start[i])
        stop = at + size
        negative = False
        if at < stop and (data[at] == 45 or data[at] == 43):
            negative = data[at] == 45
            at += 1
        digits, value, scale, seen_point, good = 0, np.int64(0), 0, False, True
        while at < stop:
            c = data[at]
            if c >= 48 and c <= 57:
                value = value * 10 + np.int64(c - 48)
                digits += 1
                if seen_point:
                    scale += 1
                if digits > 15:
                    good = False
                    break
            elif c == 46 and not seen_point:
                seen_point = True
            else:
                good = False
                break
            at += 1
        if good and digits > 0 and scale <= 22:
            x = np.float64(value) / powers[scale]
            out[i] = -x if negative else x
            status[i] = DONE
        else:
            status[i] = UNSURE
            unsure += 1
    return unsure


@kernel(u8, i32, i32, i64w, u8w)
def parse_wall(data: Any, start: Any, length: Any, out: Any, status: Any) -> Any:
    """`yyyy-MM-dd`, perhaps with ` HH:mm:ss` or `THH:mm:ss`, to microseconds of wall time; anything else is unsure."""
    unsure = 0
    for i in range(start.size):
        out[i] = 0
        size = np.int64(length[i])
        if size < 0:
            status[i] = NULL
            continue
        at = np.int64(start[i])
        status[i] = UNSURE
        unsure += 1
        if (size != 10 and size != 19) or data[at + 4] != 45 or data[at + 7] != 45:
            continue
        bad = False
        for j in range(size):
            if j == 4 or j == 7 or j == 10 or j == 13 or j == 16:
                continue
            if data[at + j] < 48 or data[at + j] > 57:
                bad = True
        if bad or (
            size == 19 and ((data[at + 10] != 32 and data[at + 10] != 84) or data[at + 13] != 58 or data[at + 16] != 58)
        ):
            continue
        z = np.int64(48)
        year = (data[at] - z) * 1000 + (data[at + 1] - z) * 100 + (data[at + 2] - z) * 10 + (data[at + 3] - z)
        month = (data[at + 5] - z) * 10 + (data[at + 6] - z)
        day = (data[at + 8] - z) * 10 + (data[at + 9] - z)
        leap = (year % 4 == 0 and year % 100 != 0) or year % 400 == 0
        longest = 31
        if month == 2:
            longest = 29 if leap else 28
        elif month == 4 or month == 6 or month == 9 or month == 11:
            longest = 30
        if month < 1 or month > 12 or day < 1 or day > longest:
            continue
        # days since 1970-01-01: H. Hinnant, chrono-compatible low-level date algorithms
        y = year - (1 if month <= 2 else 0)
        era = y // 400
        of_era = y - era * 400
        of_year = (153 * (month + (-3 if month > 2 else 9)) + 2) // 5 + day - 1
        days = era * 146097 + of_era * 365 + of_era // 4 - of_era // 100 + of_year - 719468
        seconds = np.int64(0)
        if size == 19:
            hour = (data[at + 11] - z) * 10 + (data[at + 12] - z)
            minute = (data[at + 14] - z) * 10 + (data[at + 15] - z)
            second = (data[at + 17] - z) * 10 + (data[at + 18] - z)
            if hour > 23 or minute > 59 or second > 59:
                continue
            seconds = hour * 3600 + minute * 60 + second
        out[i] = (days * 86400 + seconds) * 1_000_000
        status[i] = DONE
        unsure -= 1
    return unsure
