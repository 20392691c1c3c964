"""Kernels of the CSV reader for records as RFC 4180 has them, one a line: cells that somebody wants, and where records begin."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import types

from .jit import atleast_64, equal_64, i32c, i32w, i64w, inline, kernel, leading_zeros, long_, trailing_zeros, u8

UNSURE = -1
CONSUMED, HIGH = 0, 1  # places of `state`


@inline
def inside_quotes(quotes: Any) -> Any:
    """Bit j: an odd number of quotes at or before it (G. Langdale, D. Lemire, VLDB Journal 28, 2019: a product without carries)."""
    out = quotes ^ (quotes << np.uint64(1))
    out ^= out << np.uint64(2)
    out ^= out << np.uint64(4)
    out ^= out << np.uint64(8)
    out ^= out << np.uint64(16)
    return out ^ (out << np.uint64(32))


@kernel(u8, long_, long_, types.uint8, i32c, long_, i32w, i32w, i64w)
def cut_cells(
    data: Any, begin: Any, end: Any, sep: Any, slots: Any, capacity: Any, start: Any, length: Any, state: Any
) -> Any:
    """Whole records of data[begin:end], each of as many cells as `slots` has: how many, or UNSURE.

    Cell j of row r goes to slots[j] * capacity + r, without its quotes; length -1: nothing between two separators. It ends
    where `capacity` rows are found. state[CONSUMED]: where the next record begins; state[HIGH]: whether a byte above 127 was met.
    UNSURE: a quote within a cell that is wanted or where none may stand, a line end in quotes, a CR without an LF, another number of cells.
    """
    one, top, n_cells = np.uint64(1), np.uint64(63), slots.size
    rows, cell, j, consumed, last_pair = np.int64(0), begin, np.int64(0), begin, begin - 1
    high, open_before, begins, closed_before = np.uint64(0), np.uint64(0), one, np.uint64(0)
    at = begin
    while at < end and rows < capacity:
        seps, lines = equal_64(data, at, sep), equal_64(data, at, np.uint8(10))
        returns, quotes = equal_64(data, at, np.uint8(13)), equal_64(data, at, np.uint8(34))
        above = atleast_64(data, at, np.uint8(128))
        after = data[at + 64]  # lies in the margin at the end
        next_line, next_any = (
            np.uint64(after == 10),
            np.uint64(after == sep or after == 10 or after == 13 or after == 34),
        )
        if end - at <= 64:
            within = ~np.uint64(0) >> np.uint64(64 - (end - at))
            seps, lines, returns, quotes, above = (
                seps & within,
                lines & within,
                returns & within,
                quotes & within,
                above & within,
            )
            # what follows the last byte is not known, so it is no fault
            last = one << np.uint64(end - at - 1)
            known = ~last
        else:
            known = ~np.uint64(0)
        high |= above
        hits = seps | lines
        pairs = np.uint64(0)
        if quotes | open_before:
            inside = inside_quotes(quotes) ^ (np.uint64(0) - open_before)
            opening, closing = quotes & inside, quotes & ~inside
            if (lines | returns) & inside:
                return UNSURE
            hits &= ~inside
            pairs = opening & ((closing << one) | closed_before)
            if opening & ~(pairs | (hits << one) | begins):
                return UNSURE
            follows = ((seps | lines | returns | quotes) >> one) | (next_any << top)
            if closing & ~follows & known:
                return UNSURE
            open_before, closed_before = inside >> top, closing >> top
        else:
            closed_before = np.uint64(0)
        if returns & ~((lines >> one) | (next_line << top)) & known:
            return UNSURE
        begins = hits >> top
        while hits:
            bit = trailing_zeros(hits)
            place = at + bit
            hits &= hits - one
            slot = np.int64(slots[j])
            if slot >= 0:
                stop = place
                if data[place - 1] == 13 and place > cell:
                    stop -= 1
                size, front = stop - cell, np.int64(0)
                if size <= 0:
                    size = np.int64(-1)
                elif data[cell] == 34:
                    if last_pair >= cell or pairs & ((one << np.uint64(bit)) - one) & ~(
                        (one << np.uint64(max(cell - at, 0))) - one
                    ):
                        return UNSURE
                    size, front = size - 2, np.int64(1)
                out = np.uint64(slot * capacity + rows)
                start[out], length[out] = cell + front, size
            cell = place + 1
            j += 1
            if data[place] == 10:
                if j != n_cells:
                    return UNSURE
                j, rows, consumed = np.int64(0), rows + 1, cell
                if rows == capacity:
                    break
            elif j == n_cells:
                return UNSURE
        if pairs:
            last_pair = at + 63 - leading_zeros(pairs)
        at += 64
    state[CONSUMED], state[HIGH] = consumed, high != 0
    return rows


@kernel(u8, long_, long_, long_, types.uint8)
def next_record(data: Any, begin: Any, least: Any, end: Any, sep: Any) -> Any:
    """The first place at or behind `least` where a record begins, `begin` being such a place before it; or UNSURE: quotes do
    not stand as they should, or there is none before `end`.
    """
    is_open, skip, at = False, np.int64(-1), begin
    while at < end:
        hits = equal_64(data, at, np.uint8(34))
        if at + 64 >= least:
            ends = equal_64(data, at, np.uint8(10)) | equal_64(data, at, np.uint8(13))
            if at < least - 1:
                ends &= ~((np.uint64(1) << np.uint64(least - 1 - at)) - np.uint64(1))
            hits |= ends
        if end - at < 64:
            hits &= (np.uint64(1) << np.uint64(end - at)) - np.uint64(1)
        while hits:
            place = at + trailing_zeros(hits)
            hits &= hits - np.uint64(1)
            byte = data[place]
            if is_open:
                if byte != 34 or place == skip:
                    continue
                if place + 1 == end:
                    return UNSURE
                after = data[place + 1]
                if after == 34:
                    skip = place + 1
                elif after == sep or after == 10 or after == 13:
                    is_open = False
                else:
                    return UNSURE
            elif byte == 34:
                before = data[place - 1]
                if place != begin and before != sep and before != 10 and before != 13:
                    return UNSURE
                is_open = True
            elif byte == 10:
                return place + 1
            elif place + 1 == end:
                return UNSURE
            else:
                return place + 2 if data[place + 1] == 10 else place + 1
        at += 64
    return UNSURE
