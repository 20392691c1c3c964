"""Data and dictionary pages of flat Parquet columns to numbers, codes and texts.

Source: Apache Parquet format, "Data pages", "Plain". Answers are those of `pageheads`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .hybrid import hybrid
from .jit import copy_16, i32w, i64, i64w, inline, kernel, load_u32, load_u64, long_, u8, u8w
from .pagefields import (
    AT,
    DAMAGED,
    DATA,
    DATA_V2,
    DICTIONARY,
    ENCODING,
    KIND,
    LEVELS,
    N_VALUES,
    PLAIN,
    PLAIN_DICTIONARY,
    RLE,
    RLE_DICTIONARY,
    UNPACKED,
    UNSURE,
    V2_DEFS,
    V2_REPS,
    WIDTH,
)
from .pageheads import varint


@kernel(u8, i64, long_, long_)
def levels_end(data: Any, pages: Any, base: Any, is_optional: Any) -> Any:
    """Where the values of a page begin: behind its levels, if it has them."""
    at, size = pages[base + AT], pages[base + UNPACKED]
    if pages[base + KIND] == DATA_V2:
        defs = pages[base + V2_DEFS]
        if pages[base + V2_REPS] != 0 or (defs != 0 and not is_optional):
            return UNSURE
        return at + defs if 0 <= defs <= size else DAMAGED
    if not is_optional:
        return at
    if pages[base + LEVELS] != RLE:
        return UNSURE
    if size < 4:
        return DAMAGED
    inside = 4 + np.int64(load_u32(data, at))
    return at + inside if inside <= size else DAMAGED


@inline
def _is_beyond(codes: Any, first: Any, n: Any, size: Any) -> Any:
    """Whether a code is outside the dictionary; a negative one is a huge one."""
    highest = np.uint32(0)
    for i in range(first, first + n):
        highest = max(highest, np.uint32(codes[np.uint64(i)]))
    return np.int64(highest) >= size


@kernel(u8, i64, long_, long_, u8w, long_, long_, i32w)
def read_levels(
    data: Any, pages: Any, base: Any, behind: Any, valid: Any, row: Any, n_null: Any, spare: Any
) -> Any:  # fmt: skip
    """How many of a page's rows are not null. `valid` is written once there is a null: `n_null` were before this page."""
    at, n = pages[base + AT], pages[base + N_VALUES]
    if pages[base + KIND] == DATA:
        at += 4
    head, first = varint(data, at, behind)
    n_here = n
    if n and not (0 < first < behind and head & 1 == 0 and (head >> 1) >= n and data[first] == 1):
        if hybrid(data, at, behind, 1, spare, 0, n) < 0 or _is_beyond(spare, 0, n, 2):
            return DAMAGED
        n_here = 0
        for i in range(n):
            n_here += spare[np.uint64(i)]
    if n_here < n:
        if n_null == 0:
            valid[:row] = 1
        for i in range(n):
            valid[np.uint64(row + i)] = spare[np.uint64(i)]
    elif n_null:
        valid[row : row + n] = 1
    return n_here


@inline
def page_begin(
    data: Any, pages: Any, base: Any, is_optional: Any, valid: Any, row: Any, n_null: Any, spare: Any
) -> Any:
    """Where the values of a data page begin, and how many there are: the rows that are not null, of which `read_levels` tells.

    The first is negative where the page is damaged (DAMAGED), has more rows than `spare`, or is not known here (UNSURE).
    """
    kind, n = pages[base + KIND], pages[base + N_VALUES]
    at, n_here = np.int64(UNSURE), n
    if (kind == DATA) | (kind == DATA_V2):
        at = levels_end(data, pages, base, is_optional)
    if at >= 0 and n > spare.size:
        at = np.int64(DAMAGED)
    if at >= 0 and is_optional:
        n_here = read_levels(data, pages, base, at, valid, row, n_null, spare)
        if n_here < 0:
            at = np.int64(DAMAGED)
    return at, n_here


@inline
def _spread(found: Any, k: Any, valid: Any, row: Any, n: Any, out: Any) -> None:
    """Values one behind another to the rows that are not null; the others get 0."""
    for i in range(n):
        is_there = valid[np.uint64(row + i)]
        out[np.uint64(row + i)] = found[np.uint64(k)] if is_there else 0
        k += is_there


@inline
def _plain(data: Any, at: Any, n: Any, n_bytes: Any, out: Any, to: Any) -> None:
    if n_bytes == 8:
        for i in range(n):
            out[np.uint64(to + i)] = np.int64(load_u64(data, at + 8 * i))
    else:
        for i in range(n):
            out[np.uint64(to + i)] = np.int64(np.int32(load_u32(data, at + 4 * i)))


@kernel(u8, long_, long_, long_, long_, i32w, long_, long_)
def read_codes(data: Any, at: Any, end: Any, n: Any, size: Any, out: Any, to: Any, encoding: Any) -> Any:
    """n codes for values of a dictionary of `size` values into `out` from `to` on. 0, DAMAGED, or UNSURE (no codes lie there)."""
    if encoding != PLAIN_DICTIONARY and encoding != RLE_DICTIONARY:
        return UNSURE
    if at >= end or data[at] > 32 or hybrid(data, at + 1, end, np.int64(data[at]), out, to, n) < 0:
        return DAMAGED
    return DAMAGED if _is_beyond(out, to, n, size) else 0


@kernel(u8, long_, long_, long_, long_, i64, i32w, i64w, long_, long_)
def read_numbers(
    data: Any, at: Any, end: Any, n: Any, n_bytes: Any, dictionary: Any, spare: Any, out: Any, to: Any, encoding: Any
) -> Any:  # fmt: skip
    """n numbers, plain or by code, into `out` from `to` on. 0, DAMAGED, or UNSURE."""
    if encoding == PLAIN:
        if n * n_bytes > end - at:
            return DAMAGED
        _plain(data, at, n, n_bytes, out, to)
        return 0
    found = read_codes(data, at, end, n, dictionary.size, spare, 0, encoding)
    if found == 0:
        for i in range(n):
            out[np.uint64(to + i)] = dictionary[np.uint64(spare[np.uint64(i)])]
    return found


@kernel(u8, i64, long_, long_, long_, i64, i64w, i32w, u8w, i32w, i64w)
def decode_pages(
    data: Any, pages: Any, n_pages: Any, is_optional: Any, n_bytes: Any,
    dictionary: Any, numbers: Any, codes: Any, valid: Any, spare: Any, dense: Any,
) -> Any:  # fmt: skip
    """The data pages of a flat column: numbers of `n_bytes` (4 or 8) into `numbers`, else (0) codes of texts into `codes`.

    `dictionary`: the numbers that codes stand for, or how many texts there are. `valid` gets 1 or 0 a row if any row is
    null, whose number or code is 0. `spare` and `dense`: room for the values of a page. Returns how many rows are null,
    DAMAGED, or UNSURE (an encoding that is not built here). O(rows).
    """
    row, n_null = np.int64(0), np.int64(0)
    n_rows = numbers.size if n_bytes else codes.size
    for p in range(n_pages):
        base = p * WIDTH
        n, encoding = pages[base + N_VALUES], pages[base + ENCODING]
        if pages[base + KIND] == DICTIONARY:
            continue
        if n > n_rows - row:
            return DAMAGED
        at, n_here = page_begin(data, pages, base, is_optional, valid, row, n_null, spare)
        if at < 0:
            return at
        end = pages[base + AT] + pages[base + UNPACKED]
        is_full = n_here == n
        found = np.int64(0)
        if n_bytes:
            if n_here:
                out, to = (numbers, row) if is_full else (dense, np.int64(0))
                found = read_numbers(data, at, end, n_here, n_bytes, dictionary, spare, out, to, encoding)
            if not is_full and found == 0:
                _spread(dense, 0, valid, row, n, numbers)
        else:
            if n_here:
                target, to = (codes, row) if is_full else (spare, np.int64(0))
                found = read_codes(data, at, end, n_here, dictionary[0], target, to, encoding)
            if not is_full and found == 0:
                _spread(spare, 0, valid, row, n, codes)
        if found < 0:
            return found
        n_null += n - n_here
        row += n
    return n_null if row == n_rows else DAMAGED


@inline
def _take_text(data: Any, at: Any, end: Any, out: Any, to: Any) -> Any:
    """One text, behind its length, to `out`. Its bytes, or DAMAGED."""
    size = np.int64(load_u32(data, at)) if end - at >= 4 else np.int64(DAMAGED)
    if size > end - at - 4:
        size = np.int64(DAMAGED)
    done = np.int64(0)
    while done < size:
        copy_16(out, to + done, data, at + 4 + done)
        done += 16
    return size


@kernel(u8, i64, long_, long_, i32w, u8w, u8w, i32w)
def decode_texts(
    data: Any, pages: Any, n_pages: Any, is_optional: Any, offsets: Any, out: Any, valid: Any, spare: Any
) -> Any:  # fmt: skip
    """The data pages of a flat column of texts, each behind its length: offsets and bytes, as Arrow has them.

    `out` has room for all bytes of the pages. Otherwise as `decode_pages`. O(bytes).
    """
    row, n_null, to = np.int64(0), np.int64(0), np.int64(0)
    n_rows = offsets.size - 1
    offsets[0] = 0
    for p in range(n_pages):
        base = p * WIDTH
        n = pages[base + N_VALUES]
        if pages[base + ENCODING] != PLAIN:
            return UNSURE
        if n > n_rows - row:
            return DAMAGED
        at, n_here = page_begin(data, pages, base, is_optional, valid, row, n_null, spare)
        if at < 0:
            return at
        end = pages[base + AT] + pages[base + UNPACKED]
        for i in range(row, row + n):
            if n_here == n or valid[np.uint64(i)]:
                size = _take_text(data, at, end, out, to)
                if size < 0:
                    return DAMAGED
                at += 4 + size
                to += size
            offsets[np.uint64(i + 1)] = np.int32(to)
        n_null += n - n_here
        row += n
    return n_null if row == n_rows else DAMAGED


@kernel(u8, long_, long_, long_, i64w, is_short=True)
def plain_numbers(data: Any, at: Any, end: Any, n_bytes: Any, out: Any) -> Any:
    """A dictionary's numbers, of 4 or 8 bytes, widened with their sign. 0, or DAMAGED."""
    if out.size * n_bytes > end - at:
        return DAMAGED
    _plain(data, at, out.size, n_bytes, out, 0)
    return 0


@kernel(u8, long_, long_, i32w, u8w)
def plain_texts(data: Any, at: Any, end: Any, offsets: Any, out: Any) -> Any:
    """A dictionary's texts, each behind its length: offsets (one more than there are texts) and bytes. Bytes in all, or DAMAGED."""
    to = np.int64(0)
    offsets[0] = 0
    for i in range(offsets.size - 1):
        size = _take_text(data, at, end, out, to)
        if size < 0:
            return DAMAGED
        at += 4 + size
        to += size
        offsets[i + 1] = np.int32(to)
    return to
