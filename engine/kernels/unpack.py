"""Pages of Parquet: checked against their sums, and unpacked.

Sources: Snappy format description; CRC-32 by eight tables (Kounavis and Berry, "A Systematic Approach to Building High
Performance Software-Based CRC Generators", 2005).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .jit import copy_8, copy_16, i64w, kernel, load_u32, load_u64, long_, u8, u8w
from .pagefields import (
    AT,
    CRC,
    DAMAGED,
    DATA_V2,
    IS_PACKED,
    KIND,
    NO_CODEC,
    NO_CRC,
    PACKED,
    PAD,
    SNAPPY,
    UNPACKED,
    UNSURE,
    V2_DEFS,
    V2_REPS,
    WIDTH,
)
from .pageheads import byte_at, varint


def _crc_tables() -> Any:
    table = np.zeros((8, 256), np.uint32)
    for i in range(256):
        c = i
        for _ in range(8):
            c = (c >> 1) ^ 0xEDB88320 if c & 1 else c >> 1
        table[0, i] = c
    for k in range(1, 8):
        table[k] = (table[k - 1] >> np.uint32(8)) ^ table[0][table[k - 1] & np.uint32(255)]
    return table.astype(np.int64).reshape(-1)


_CRC = _crc_tables()


@kernel(u8, long_, long_)
def crc32(data: Any, at: Any, end: Any) -> Any:
    """CRC-32 as in zip and PNG, eight bytes a step. O(bytes)."""
    crc = np.int64(0xFFFFFFFF)
    while at + 8 <= end:
        word = load_u64(data, at)
        low = np.int64(word & np.uint64(0xFFFFFFFF)) ^ crc
        high = np.int64(word >> np.uint64(32))
        crc = (
            _CRC[1792 + (low & 255)] ^ _CRC[1536 + ((low >> 8) & 255)] ^ _CRC[1280 + ((low >> 16) & 255)]
            ^ _CRC[1024 + (low >> 24)] ^ _CRC[768 + (high & 255)] ^ _CRC[512 + ((high >> 8) & 255)]
            ^ _CRC[256 + ((high >> 16) & 255)] ^ _CRC[high >> 24]
        )  # fmt: skip
        at += 8
    while at < end:
        crc = (crc >> 8) ^ _CRC[(crc ^ np.int64(data[at])) & 255]
        at += 1
    return crc ^ 0xFFFFFFFF


@kernel(u8, long_, long_, u8w, long_, long_)
def unsnap(data: Any, at: Any, end: Any, out: Any, to: Any, size: Any) -> Any:
    """Snappy block `data[at:end]` of exactly `size` bytes into `out` from `to` on. 0, or DAMAGED. O(bytes)."""
    told, at = varint(data, at, end)
    if at < 0 or told != size:
        return DAMAGED
    place, stop = to, to + size
    while at < end:
        tag = byte_at(data, at)
        at += 1
        if tag & 3 == 0:
            length = (tag >> 2) + 1
            if length > 60:
                n = length - 60
                length = np.int64(load_u32(data, at) & np.uint64((1 << (8 * n)) - 1)) + 1
                at += n
            if length > end - at or length > stop - place:
                return DAMAGED
            copy_16(out, place, data, at)
            copy_16(
                out, place + 16, data, at + 16
            )  # most are shorter: two steps in any case cost less than a wrong guess
            done = np.int64(32)
            while done < length:
                copy_16(out, place + done, data, at + done)
                done += 16
            at += length
            place += length
            continue
        if tag & 3 < 3:  # both kinds of short copies without a branch: which of them comes next cannot be guessed
            one, word = -(tag & 1), np.int64(load_u32(data, at))
            length = (tag >> 2) + 1
            length += one & (3 + (length - 1 & 7) - (length - 1))
            offset = (word & (0xFFFF ^ (one & 0xFF00))) | (one & ((tag >> 5) << 8))
            at += 2 + one
        else:
            length, offset = (tag >> 2) + 1, np.int64(load_u32(data, at))
            at += 4
        if at > end or offset == 0 or offset > place - to or length > stop - place:
            return DAMAGED
        if offset >= 16:
            copy_16(out, place, out, place - offset)
            copy_16(out, place + 16, out, place + 16 - offset)
            done = np.int64(32)
            while done < length:
                copy_16(out, place + done, out, place + done - offset)
                done += 16
        elif offset >= 8:
            done = np.int64(0)
            while done < length:
                copy_8(out, place + done, out, place + done - offset)
                done += 8
        else:
            for i in range(length):
                out[np.uint64(place + i)] = out[np.uint64(place + i - offset)]
        place += length
    return 0 if place == stop else DAMAGED


@kernel(u8, i64w, long_, u8w, long_)
def unpack_pages(data: Any, pages: Any, n_pages: Any, out: Any, codec: Any) -> Any:
    """All pages of a chunk, each checked against its sum, unpacked one behind another with PAD between. AT follows them.

    `codec`: NO_CODEC and OTHER_CODEC are only checked, SNAPPY is unpacked into `out`. Returns 0, DAMAGED, or UNSURE.
    """
    to = np.int64(0)
    for p in range(n_pages):
        base = p * WIDTH
        at, packed, size = pages[base + AT], pages[base + PACKED], pages[base + UNPACKED]
        if pages[base + CRC] != NO_CRC and crc32(data, at, at + packed) != pages[base + CRC]:
            return DAMAGED
        if codec != SNAPPY:
            if codec == NO_CODEC and packed != size:
                return DAMAGED
            continue
        bare = np.int64(0)  # levels of a V2 page stand in front, not packed
        if pages[base + KIND] == DATA_V2:
            if pages[base + V2_DEFS] < 0 or pages[base + V2_REPS] < 0:
                return DAMAGED
            bare = pages[base + V2_DEFS] + pages[base + V2_REPS]
            if bare > packed or bare > size:
                return DAMAGED
        if to + size + PAD > out.size:
            return UNSURE
        if pages[base + KIND] == DATA_V2 and pages[base + IS_PACKED] == 0:
            if packed != size:
                return DAMAGED
            bare = size
        for i in range(bare):
            out[to + i] = data[at + i]
        if bare < size and unsnap(data, at + bare, at + packed, out, to + bare, size - bare) < 0:
            return DAMAGED
        pages[base + AT] = to
        to += size + PAD
    return 0
