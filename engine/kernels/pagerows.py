"""Rows of flat Parquet columns: which of them have a wanted code, and values of some rows alone.

Source: Apache Parquet format, "Data pages", "Plain". Tables of pages and answers are those of `pageheads`; FIRST_ROW tells
where in the column a page begins, so pages that hold no asked row may be left out of a table.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .hybrid import hybrid, pick_hybrid
from .jit import copy_16, i32c, i32w, i64, i64w, inline, kernel, load_u32, load_u64, long_, u8, u8w
from .pagefields import (
    AT,
    DAMAGED,
    DICTIONARY,
    ENCODING,
    FIRST_ROW,
    KIND,
    N_VALUES,
    PLAIN,
    PLAIN_DICTIONARY,
    RLE_DICTIONARY,
    UNPACKED,
    UNSURE,
    WIDTH,
)
from .pages import page_begin, read_codes

DENSE = 6  # of so many rows of a page one is asked for: unpacking all of its codes is then as quick


@kernel(u8, i64, long_, long_, u8, u8w, i32w, i32w)
def choose_pages(
    data: Any, pages: Any, n_pages: Any, is_optional: Any, passes: Any, valid: Any, spare: Any, rows: Any
) -> Any:  # fmt: skip
    """Rows of a column of codes whose code passes, ascending, into `rows` (one place more than there are rows).

    `passes`: 1 or 0 for each value of the dictionary, and behind them for null. `valid`, `spare`: room for a page's rows.
    Returns how many; DAMAGED; or UNSURE (a page is not of codes). Without a branch, as in `select`. O(rows).
    """
    found = np.uint64(0)
    null = np.int64(passes.size - 1)
    for p in range(n_pages):
        base = p * WIDTH
        n, encoding, row = pages[base + N_VALUES], pages[base + ENCODING], pages[base + FIRST_ROW]
        if pages[base + KIND] == DICTIONARY:
            continue
        if row + n >= rows.size:
            return DAMAGED
        at, n_here = page_begin(data, pages, base, is_optional, valid, np.int64(0), np.int64(0), spare)
        if at < 0:
            return at
        if n_here:
            end = pages[base + AT] + pages[base + UNPACKED]
            answer = read_codes(data, at, end, n_here, null, spare, np.int64(0), encoding)
            if answer < 0:
                return answer
        if n_here == n:
            for i in range(n):
                rows[found] = np.int32(row + i)
                found += np.uint64(passes[np.uint64(spare[np.uint64(i)])])
        else:
            k = np.int64(0)
            for i in range(n):
                code = null
                if valid[np.uint64(i)]:
                    code = np.int64(spare[np.uint64(k)])
                    k += 1
                rows[found] = np.int32(row + i)
                found += np.uint64(passes[np.uint64(code)])
    return np.int64(found)


@inline
def _places(rows: Any, first: Any, stop: Any, row: Any, n_here: Any, n: Any, valid: Any, places: Any) -> Any:
    """Which of the page's values each asked row has; -1: it is null. Returns how many are null."""
    n_null = np.int64(0)
    if n_here == n:
        for k in range(first, stop):
            places[np.uint64(k)] = np.int32(rows[np.uint64(k)] - row)
        return n_null
    before, i = np.int32(0), np.int64(0)
    for k in range(first, stop):
        upto = np.int64(rows[np.uint64(k)]) - row
        while i < upto:
            before += np.int32(valid[np.uint64(i)])
            i += 1
        is_there = valid[np.uint64(upto)]
        places[np.uint64(k)] = before if is_there else np.int32(-1)
        n_null += 1 - np.int64(is_there)
    return n_null


@inline
def _asked(pages: Any, base: Any, rows: Any, first: Any) -> Any:
    """Behind the last of the asked rows from `first` on that is in the page, or before it."""
    stop, end = first, pages[base + FIRST_ROW] + pages[base + N_VALUES]
    while stop < rows.size and rows[np.uint64(stop)] < end:
        stop += 1
    return stop


@inline
def _page_of(
    data: Any, pages: Any, base: Any, is_optional: Any, rows: Any, first: Any, stop: Any, valid: Any, spare: Any,
    places: Any,
) -> Any:  # fmt: skip
    """`page_begin` of a page with asked rows, their places among its values, and how many of them are null."""
    row, n = pages[base + FIRST_ROW], pages[base + N_VALUES]
    at, n_here = page_begin(data, pages, base, is_optional, valid, np.int64(0), np.int64(0), spare)
    n_null = np.int64(0)
    if at >= 0 and rows[np.uint64(first)] < row:
        at = np.int64(DAMAGED)
    if at >= 0:
        n_null = _places(rows, first, stop, row, n_here, n, valid, places)
    return at, n_here, n_null


@inline
def _picked_codes(
    data: Any, at: Any, end: Any, n_here: Any, size: Any, spare: Any, places: Any, first: Any, stop: Any, codes: Any
) -> Any:  # fmt: skip
    """Codes of the values at `places`, 0 for null. 0, or DAMAGED."""
    if at >= end or data[np.uint64(at)] > 32:
        return np.int64(DAMAGED)
    width = np.int64(data[np.uint64(at)])
    if (stop - first) * DENSE < n_here:
        if pick_hybrid(data, at + 1, end, width, places, first, stop, codes) < 0:
            return np.int64(DAMAGED)
    else:
        if hybrid(data, at + 1, end, width, spare, np.int64(0), n_here) < 0:
            return np.int64(DAMAGED)
        for k in range(first, stop):
            place = places[np.uint64(k)]
            codes[np.uint64(k)] = spare[np.uint64(place)] if place >= 0 else np.int32(0)
    highest = np.uint32(0)
    for k in range(first, stop):
        highest = max(highest, np.uint32(codes[np.uint64(k)]))
    return np.int64(DAMAGED) if np.int64(highest) >= size and n_here else np.int64(0)


@inline
def _plain_number(data: Any, at: Any, place: Any, n_bytes: Any) -> Any:
    if n_bytes == 8:
        return np.int64(load_u64(data, at + 8 * np.int64(place)))
    return np.int64(np.int32(load_u32(data, at + 4 * np.int64(place))))


@kernel(u8, i64, long_, long_, long_, i64, i32c, i64w, i32w, u8w, i32w, i32w)
def take_pages(
    data: Any, pages: Any, n_pages: Any, is_optional: Any, n_bytes: Any, dictionary: Any, rows: Any,
    numbers: Any, codes: Any, valid: Any, spare: Any, places: Any,
) -> Any:  # fmt: skip
    """`decode_pages` for some rows, ascending: numbers of `n_bytes` into `numbers`, else (0) codes of texts into `codes`.

    `codes` and `places` have room for all rows asked for, `valid` and `spare` for those of a page. A row that is null has
    0, and in `places` -1. Returns how many rows are null, DAMAGED, or UNSURE. O(pages' runs + rows), with nulls O(pages' rows).
    """
    n_null, first = np.int64(0), np.int64(0)
    for p in range(n_pages):
        base = p * WIDTH
        encoding = pages[base + ENCODING]
        if pages[base + KIND] == DICTIONARY:
            continue
        stop = _asked(pages, base, rows, first)
        if stop == first:
            continue
        at, n_here, n_gone = _page_of(data, pages, base, is_optional, rows, first, stop, valid, spare, places)
        if at < 0:
            return at
        n_null += n_gone
        end = pages[base + AT] + pages[base + UNPACKED]
        if n_bytes and encoding == PLAIN:
            if n_here * n_bytes > end - at:
                return DAMAGED
            for k in range(first, stop):
                place = places[np.uint64(k)]
                numbers[np.uint64(k)] = _plain_number(data, at, place, n_bytes) if place >= 0 else np.int64(0)
            first = stop
            continue
        if encoding != PLAIN_DICTIONARY and encoding != RLE_DICTIONARY:
            return UNSURE
        size = dictionary.size if n_bytes else dictionary[0]
        if n_here:
            if _picked_codes(data, at, end, n_here, size, spare, places, first, stop, codes) < 0:
                return DAMAGED
        else:
            codes[first:stop] = 0
        if n_bytes:
            for k in range(first, stop):
                there = places[np.uint64(k)] >= 0
                numbers[np.uint64(k)] = dictionary[np.uint64(codes[np.uint64(k)])] if there else np.int64(0)
        first = stop
    return n_null if first == rows.size else DAMAGED


@kernel(u8, i64, long_, long_, i32c, i32w, u8w, u8w, i32w, i32w)
def take_texts(
    data: Any, pages: Any, n_pages: Any, is_optional: Any, rows: Any, offsets: Any, out: Any, valid: Any, spare: Any,
    places: Any,
) -> Any:  # fmt: skip
    """`decode_texts` for some rows, ascending; the others are passed over by their lengths.

    `out` has room for all bytes of the pages; otherwise as `take_pages`. O(pages' values + bytes taken).
    """
    n_null, first, to = np.int64(0), np.int64(0), np.int64(0)
    offsets[0] = 0
    for p in range(n_pages):
        base = p * WIDTH
        if pages[base + ENCODING] != PLAIN:
            return UNSURE
        stop = _asked(pages, base, rows, first)
        if stop == first:
            continue
        at, _, n_gone = _page_of(data, pages, base, is_optional, rows, first, stop, valid, spare, places)
        if at < 0:
            return at
        n_null += n_gone
        end = pages[base + AT] + pages[base + UNPACKED]
        k, value = first, np.int64(0)
        while k < stop:
            if places[np.uint64(k)] < 0:
                offsets[np.uint64(k + 1)] = np.int32(to)
                k += 1
                continue
            size = np.int64(load_u32(data, at)) if end - at >= 4 else np.int64(DAMAGED)
            if size < 0 or size > end - at - 4:
                return DAMAGED
            if value == places[np.uint64(k)]:
                done = np.int64(0)
                while done < size:
                    copy_16(out, to + done, data, at + 4 + done)
                    done += 16
                to += size
                offsets[np.uint64(k + 1)] = np.int32(to)
                k += 1
            at += 4 + size
            value += 1
        first = stop
    return n_null if first == rows.size else DAMAGED
