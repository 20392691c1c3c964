"""Small whole numbers as Parquet has them: runs of one value, and values of a few bits packed one behind another.

Source: Apache Parquet format, "RLE / bit-packing hybrid".
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .jit import i32c, i32w, inline, kernel, load_u64, long_, u8
from .pagefields import DAMAGED
from .pageheads import varint

SHORT = 16  # values of a run that are written by one or two stores


@inline
def _unpack_bits(data: Any, at: Any, width: Any, out: Any, to: Any, n: Any) -> None:
    """Eight values lie in `width` bytes; up to seven bits wide they lie in one word."""
    mask = (np.uint64(1) << np.uint64(width)) - np.uint64(1)
    w1, w2, w3 = np.uint64(width), np.uint64(2 * width), np.uint64(3 * width)
    whole = n >> 3
    if width < 8:
        w4, w5, w6, w7 = np.uint64(4 * width), np.uint64(5 * width), np.uint64(6 * width), np.uint64(7 * width)
        for g in range(whole):
            word = load_u64(data, at + g * width)
            place = np.uint64(to + 8 * g)
            out[place] = np.int32(word & mask)
            out[place + np.uint64(1)] = np.int32((word >> w1) & mask)
            out[place + np.uint64(2)] = np.int32((word >> w2) & mask)
            out[place + np.uint64(3)] = np.int32((word >> w3) & mask)
            out[place + np.uint64(4)] = np.int32((word >> w4) & mask)
            out[place + np.uint64(5)] = np.int32((word >> w5) & mask)
            out[place + np.uint64(6)] = np.int32((word >> w6) & mask)
            out[place + np.uint64(7)] = np.int32((word >> w7) & mask)
    elif width < 16:
        half, skip = (4 * width) >> 3, np.uint64((4 * width) & 7)
        for g in range(whole):
            word = load_u64(data, at + g * width)
            other = load_u64(data, at + g * width + half) >> skip
            place = np.uint64(to + 8 * g)
            out[place] = np.int32(word & mask)
            out[place + np.uint64(1)] = np.int32((word >> w1) & mask)
            out[place + np.uint64(2)] = np.int32((word >> w2) & mask)
            out[place + np.uint64(3)] = np.int32((word >> w3) & mask)
            out[place + np.uint64(4)] = np.int32(other & mask)
            out[place + np.uint64(5)] = np.int32((other >> w1) & mask)
            out[place + np.uint64(6)] = np.int32((other >> w2) & mask)
            out[place + np.uint64(7)] = np.int32((other >> w3) & mask)
    else:
        whole = 0
    for i in range(8 * whole, n):
        bit = i * width
        out[np.uint64(to + i)] = np.int32((load_u64(data, at + (bit >> 3)) >> np.uint64(bit & 7)) & mask)


@kernel(u8, long_, long_, long_, i32w, long_, long_)
def hybrid(data: Any, at: Any, end: Any, width: Any, out: Any, to: Any, n: Any) -> Any:
    """n values of the RLE / bit-packing hybrid, `width` (0 to 32) bits each, into `out` from `to` on. 0, or DAMAGED."""
    done = np.int64(0)
    n_bytes = (width + 7) >> 3
    while done < n:
        head, at = varint(data, at, end)
        if at < 0:
            return DAMAGED
        count = head >> 1
        if head & 1:
            take = min(count * 8, n - done)
            if count == 0 or count * width > end - at:
                return DAMAGED
            _unpack_bits(data, at, width, out, to + done, take)
            at += count * width
        else:
            take = min(count, n - done)
            if count == 0 or n_bytes > end - at:
                return DAMAGED
            value = np.int32(load_u64(data, at) & ((np.uint64(1) << np.uint64(8 * n_bytes)) - np.uint64(1)))
            place = np.uint64(to + done)
            if take <= SHORT and n - done >= SHORT:  # what is written too much is written over
                for i in range(SHORT):
                    out[place + np.uint64(i)] = value
            else:
                for i in range(take):
                    out[place + np.uint64(i)] = value
            at += n_bytes
        done += take
    return 0


@kernel(u8, long_, long_, long_, i32c, long_, long_, i32w)
def pick_hybrid(data: Any, at: Any, end: Any, width: Any, places: Any, first: Any, stop: Any, out: Any) -> Any:
    """Single values of the hybrid: those whose numbers are `places[first:stop]`, ascending, into `out` at the same places.

    A negative number asks for nothing and gets 0. Returns 0, or DAMAGED. O(runs + values).
    """
    done = np.int64(0)
    n_bytes = (width + 7) >> 3
    mask = (np.uint64(1) << np.uint64(width)) - np.uint64(1)
    k = first
    while k < stop and places[np.uint64(k)] < 0:
        out[np.uint64(k)] = 0
        k += 1
    while k < stop:
        head, at = varint(data, at, end)
        if at < 0:
            return DAMAGED
        count = head >> 1
        if count == 0:
            return DAMAGED
        is_packed = head & 1
        size = n_bytes
        if is_packed:
            size = count * width
            count = count * 8
        if size > end - at:
            return DAMAGED
        whole = load_u64(data, at) & ((np.uint64(1) << np.uint64(8 * n_bytes)) - np.uint64(1))
        while k < stop and places[np.uint64(k)] < done + count:
            place = np.int64(places[np.uint64(k)])
            if place < 0:
                out[np.uint64(k)] = 0
            elif is_packed:
                bit = (place - done) * width
                word = load_u64(data, at + (bit >> 3)) >> np.uint64(bit & 7)
                out[np.uint64(k)] = np.int32(word & mask)
            else:
                out[np.uint64(k)] = np.int32(whole)
            k += 1
        at += size
        done += count
    return 0
