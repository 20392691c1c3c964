"""Column chunks of Parquet: page headers, Snappy, levels, dictionary codes and plain numbers.

Sources: Apache Parquet format ("Data pages", "RLE / bit-packing hybrid", "Plain"), Thrift compact protocol, Snappy format
description. Each kernel answers a count, or a negative number: DAMAGED where the bytes cannot be right, UNSURE where they may
be right but are of a form that these kernels leave to the general reader. Buffers must be readable and writable 64 bytes
behind what counts.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .jit import copy_8, copy_16, i32w, i64, i64w, inline, kernel, load_u32, load_u64, long_, u8, u8w

DAMAGED, UNSURE = -1, -2
PAD = 64

# a page in the table of pages: these many numbers, in this order
WIDTH = 12
KIND, UNPACKED, PACKED, CRC, N_VALUES, ENCODING, LEVELS, AT, V2_DEFS, V2_REPS, IS_PACKED, FIRST_BYTE = range(WIDTH)
DATA, DICTIONARY, DATA_V2 = 0, 2, 3
PLAIN, PLAIN_DICTIONARY, RLE, RLE_DICTIONARY = 0, 2, 3, 8
NO_CRC = -1
NO_CODEC, SNAPPY, OTHER_CODEC = 0, 1, 2

_STOP, _TRUE, _FALSE, _BYTE, _I16, _I32, _I64, _DOUBLE, _BINARY, _STRUCT = 0, 1, 2, 3, 4, 5, 6, 7, 8, 12
_DEEPEST = 8


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


@inline
def _byte(data: Any, at: Any) -> Any:
    return np.int64(data[np.uint64(at)])  # unsigned, or Numba would look for numbers from the end


@inline
def _varint(data: Any, at: Any, end: Any) -> Any:
    """Value and the place behind it; DAMAGED as the place where there is none."""
    value, shift = np.int64(0), np.int64(0)
    while at < end and shift < 63:
        byte = _byte(data, at)
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, at
        shift += 7
    return value, np.int64(DAMAGED)


@kernel(u8, long_, long_, i64w)
def page_table(data: Any, at: Any, end: Any, pages: Any) -> Any:
    """The headers of all pages from `at` to `end` into `pages`, WIDTH numbers each. Returns how many; UNSURE if there is no room.

    A header is a Thrift struct; of what it holds, the fields that a reader must know are picked, the others passed over.
    """
    n = 0
    ids = np.zeros(_DEEPEST + 1, np.int64)
    while at < end:
        base = n * WIDTH
        if base + WIDTH > pages.size:
            return UNSURE
        for k in range(WIDTH):
            pages[base + k] = -1
        pages[base + IS_PACKED] = 1
        pages[base + FIRST_BYTE] = at
        depth, ids[0] = 0, 0
        while depth >= 0:
            if at >= end:
                return DAMAGED
            head = _byte(data, at)
            at += 1
            kind = head & 15
            if kind == _STOP:
                depth -= 1
                continue
            step = head >> 4
            if step:
                ids[depth] += step
            else:
                number, at = _varint(data, at, end)
                if at < 0:
                    return DAMAGED
                ids[depth] = (number >> 1) ^ -(number & 1)
            value = np.int64(0)
            if kind == _TRUE or kind == _FALSE:
                value = np.int64(2 - kind)
            elif kind == _BYTE:
                at += 1
            elif kind == _I16 or kind == _I32 or kind == _I64:
                number, at = _varint(data, at, end)
                if at < 0:
                    return DAMAGED
                value = (number >> 1) ^ -(number & 1)
            elif kind == _DOUBLE:
                at += 8
            elif kind == _BINARY:
                number, at = _varint(data, at, end)
                if at < 0 or number > end - at:
                    return DAMAGED
                at += number
            elif kind == _STRUCT:
                depth += 1
                if depth > _DEEPEST:
                    return UNSURE
                ids[depth] = 0
                continue
            else:  # lists, sets and maps: no header of today has one
                return UNSURE
            if depth == 0:
                if ids[0] == 1:
                    pages[base + KIND] = value
                elif ids[0] == 2:
                    pages[base + UNPACKED] = value
                elif ids[0] == 3:
                    pages[base + PACKED] = value
                elif ids[0] == 4:
                    pages[base + CRC] = value & 0xFFFFFFFF
            elif depth == 1:
                inner = ids[1]
                if inner == 1:
                    pages[base + N_VALUES] = value
                elif ids[0] == 8:
                    if inner == 4:
                        pages[base + ENCODING] = value
                    elif inner == 5:
                        pages[base + V2_DEFS] = value
                    elif inner == 6:
                        pages[base + V2_REPS] = value
                    elif inner == 7:
                        pages[base + IS_PACKED] = value
                elif inner == 2:
                    pages[base + ENCODING] = value
                elif ids[0] == 5 and inner == 3:
                    pages[base + LEVELS] = value
        size, unpacked = pages[base + PACKED], pages[base + UNPACKED]
        if size < 0 or unpacked < 0 or pages[base + N_VALUES] < 0 or size > end - at:
            return DAMAGED
        pages[base + AT] = at
        at += size
        n += 1
    return n


@kernel(u8, long_, long_, u8w, long_, long_)
def unsnap(data: Any, at: Any, end: Any, out: Any, to: Any, size: Any) -> Any:
    """Snappy block `data[at:end]` of exactly `size` bytes into `out` from `to` on. 0, or DAMAGED. O(bytes)."""
    told, at = _varint(data, at, end)
    if at < 0 or told != size:
        return DAMAGED
    place, stop = to, to + size
    while at < end:
        tag = _byte(data, at)
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
            done = np.int64(16)
            while done < length:
                copy_16(out, place + done, data, at + done)
                done += 16
            at += length
            place += length
            continue
        if tag & 3 == 1:
            length, offset = 4 + ((tag >> 2) & 7), ((tag >> 5) << 8) | _byte(data, at)
            at += 1
        elif tag & 3 == 2:
            length, offset = (tag >> 2) + 1, np.int64(load_u32(data, at) & np.uint64(0xFFFF))
            at += 2
        else:
            length, offset = (tag >> 2) + 1, np.int64(load_u32(data, at))
            at += 4
        if at > end or offset == 0 or offset > place - to or length > stop - place:
            return DAMAGED
        if offset >= 16:
            done = np.int64(0)
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
        head, at = _varint(data, at, end)
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
            for i in range(take):
                out[to + done + i] = value
            at += n_bytes
        done += take
    return 0


@inline
def _are_all_ones(data: Any, at: Any, end: Any, n: Any) -> Any:
    """Whether n levels of one bit are one run of ones: then nothing is null."""
    head, at = _varint(data, at, end)
    return at > 0 and at < end and head & 1 == 0 and (head >> 1) >= n and data[at] == 1


@inline
def _is_beyond(codes: Any, first: Any, n: Any, size: Any) -> Any:
    """Whether a code is outside the dictionary; a negative one is a huge one."""
    highest = np.uint32(0)
    for i in range(first, first + n):
        highest = max(highest, np.uint32(codes[np.uint64(i)]))
    return np.int64(highest) >= size


@inline
def _spread_codes(codes: Any, row: Any, n: Any, valid: Any, spare: Any, k: Any) -> None:
    for i in range(n):
        codes[row + i] = 0
        if valid[row + i]:
            codes[row + i] = spare[k]
            k += 1


@inline
def _plain_numbers(data: Any, at: Any, n: Any, n_bytes: Any, out: Any, to: Any) -> None:
    if n_bytes == 8:
        for i in range(n):
            out[np.uint64(to + i)] = np.int64(load_u64(data, at + 8 * i))
    else:
        for i in range(n):
            out[np.uint64(to + i)] = np.int64(np.int32(load_u32(data, at + 4 * i)))


@kernel(u8, i64, long_, long_, long_, long_, i64, i64w, i32w, u8w, i32w)
def decode_pages(
    data: Any, pages: Any, n_pages: Any, is_optional: Any, is_text: Any, n_bytes: Any,
    dictionary: Any, numbers: Any, codes: Any, valid: Any, spare: Any,
) -> Any:  # fmt: skip
    """The data pages of a flat column: codes of texts into `codes`, else numbers of `n_bytes` (4 or 8) into `numbers`.

    `valid` gets 1 or 0 a row if any row is null, whose number or code is 0. `spare`: room for twice the values of a page.
    Returns how many rows are null, DAMAGED, or UNSURE (an encoding that is not built here). O(rows).
    """
    row, n_null, is_told = np.int64(0), np.int64(0), False
    n_rows = codes.size if is_text else numbers.size
    half = spare.size // 2
    for p in range(n_pages):
        base = p * WIDTH
        kind, n, encoding = pages[base + KIND], pages[base + N_VALUES], pages[base + ENCODING]
        if kind == DICTIONARY:
            continue
        if kind != DATA and kind != DATA_V2:
            return UNSURE
        if n > n_rows - row or n > half:
            return DAMAGED
        at = pages[base + AT]
        end = at + pages[base + UNPACKED]
        n_here = n
        if is_optional:
            if kind == DATA_V2:
                if pages[base + V2_REPS] != 0 or pages[base + V2_DEFS] < 0:
                    return UNSURE
                behind = at + pages[base + V2_DEFS]
            else:
                if pages[base + LEVELS] != RLE:
                    return UNSURE
                if end - at < 4:
                    return DAMAGED
                behind = at + 4 + np.int64(load_u32(data, at))
                at += 4
            if behind > end:
                return DAMAGED
            if n and not _are_all_ones(data, at, behind, n):
                if hybrid(data, at, behind, 1, spare, 0, n) < 0 or _is_beyond(spare, 0, n, 2):
                    return DAMAGED
                if not is_told:
                    valid[:row] = 1
                n_here = 0
                for i in range(n):
                    valid[row + i] = spare[i]
                    n_here += spare[i]
                is_told = True
            elif is_told:
                valid[row : row + n] = 1
            at = behind
        elif kind == DATA_V2:
            if pages[base + V2_REPS] > 0 or pages[base + V2_DEFS] > 0:
                return UNSURE
        n_null += n - n_here
        is_coded = encoding == PLAIN_DICTIONARY or encoding == RLE_DICTIONARY
        if is_coded and n_here:
            if at >= end or data[at] > 32:
                return DAMAGED
            width = np.int64(data[at])
            at += 1
            if n_here == n and is_text:
                if hybrid(data, at, end, width, codes, row, n) < 0:
                    return DAMAGED
            elif hybrid(data, at, end, width, spare, half, n_here) < 0:
                return DAMAGED
        elif encoding == PLAIN:
            if is_text and n_here:
                return UNSURE
            if n_here * n_bytes > end - at:
                return DAMAGED
        elif n_here:
            return UNSURE
        if is_text:
            if n_here < n:
                _spread_codes(codes, row, n, valid, spare, half)
            if n_here and _is_beyond(codes, row, n, dictionary[0]):
                return DAMAGED
        elif is_coded and n_here:
            if _is_beyond(spare, half, n_here, dictionary.size):
                return DAMAGED
            if n_here == n:
                for i in range(n):
                    numbers[np.uint64(row + i)] = dictionary[np.uint64(spare[np.uint64(half + i)])]
            else:
                k = half
                for i in range(n):
                    numbers[row + i] = 0
                    if valid[row + i]:
                        numbers[row + i] = dictionary[spare[k]]
                        k += 1
        elif n_here == n:
            _plain_numbers(data, at, n, n_bytes, numbers, row)
        else:
            for i in range(n):
                numbers[row + i] = 0
                if valid[row + i]:
                    _plain_numbers(data, at, 1, n_bytes, numbers, row + i)
                    at += n_bytes
        row += n
    return n_null if row == n_rows else DAMAGED


@kernel(u8, long_, long_, long_, i64w)
def plain_numbers(data: Any, at: Any, end: Any, n_bytes: Any, out: Any) -> Any:
    """A dictionary's numbers, of 4 or 8 bytes, widened with their sign. 0, or DAMAGED."""
    if out.size * n_bytes > end - at:
        return DAMAGED
    _plain_numbers(data, at, out.size, n_bytes, out, 0)
    return 0


@kernel(u8, long_, long_, i32w, u8w)
def plain_texts(data: Any, at: Any, end: Any, offsets: Any, out: Any) -> Any:
    """A dictionary's texts, each behind its length: offsets (one more than there are texts) and bytes. Bytes in all, or DAMAGED."""
    to = np.int64(0)
    offsets[0] = 0
    for i in range(offsets.size - 1):
        if end - at < 4:
            return DAMAGED
        size = np.int64(load_u32(data, at))
        at += 4
        if size > end - at:
            return DAMAGED
        done = np.int64(0)
        while done < size:
            copy_16(out, to + done, data, at + done)
            done += 16
        at += size
        to += size
        offsets[i + 1] = np.int32(to)
    return to
