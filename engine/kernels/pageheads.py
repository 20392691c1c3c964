"""Headers of Parquet pages, into a table.

Sources: Apache Parquet format, "Data pages"; Thrift compact protocol. Kernels over pages answer a count, or a negative
number: DAMAGED where the bytes cannot be right, UNSURE where they may be right but are of a form that is left to the general
reader. Their buffers must be readable and writable PAD bytes behind what counts.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .jit import i64, i64w, inline, kernel, load_u32, load_u64, long_, u8
from .pagefields import (
    AT,
    CRC,
    DAMAGED,
    DATA,
    DATA_V2,
    DICTIONARY,
    ENCODING,
    FIRST_BYTE,
    FIRST_ROW,
    IS_PACKED,
    KIND,
    LARGEST,
    LEAST,
    LEVELS,
    MOST,
    N_CODED,
    N_DATA,
    N_DICTIONARIES,
    N_NULLS,
    N_PLAIN,
    N_VALUES,
    PACKED,
    PLAIN,
    PLAIN_DICTIONARY,
    RLE_DICTIONARY,
    ROWS,
    SIZES,
    UNPACKED,
    UNPACKED_BYTES,
    UNSURE,
    V2_DEFS,
    V2_REPS,
    WIDTH,
)

_STOP, _TRUE, _FALSE, _BYTE, _I16, _I32, _I64, _DOUBLE, _BINARY, _STRUCT = 0, 1, 2, 3, 4, 5, 6, 7, 8, 12
_DEEPEST = 8


@inline
def byte_at(data: Any, at: Any) -> Any:
    return np.int64(data[np.uint64(at)])  # unsigned, or Numba would look for numbers from the end


@inline
def varint(data: Any, at: Any, end: Any) -> Any:
    """Value and the place behind it; DAMAGED as the place where there is none."""
    value, shift = np.int64(0), np.int64(0)
    while at < end and shift < 63:
        byte = byte_at(data, at)
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, at
        shift += 7
    return value, np.int64(DAMAGED)


@inline
def _note(pages: Any, base: Any, depth: Any, ids: Any, value: Any, size: Any) -> None:
    """A number of the header's, by field ids: those of PageHeader, within 5, 7 and 8 those of the kinds of page, and within
    these those of Statistics, whose least and greatest value are numbers if they take 4 or 8 bytes."""
    outer, inner = ids[0], ids[1]
    place = np.int64(-1)
    if depth == 0:
        if outer == 1:
            place = np.int64(KIND)
        elif outer == 2:
            place = np.int64(UNPACKED)
        elif outer == 3:
            place = np.int64(PACKED)
        elif outer == 4:
            place = np.int64(CRC)
            value = value & 0xFFFFFFFF
    elif depth == 1:
        if inner == 1:
            place = np.int64(N_VALUES)
        elif outer == 8:
            if inner == 4:
                place = np.int64(ENCODING)
            elif inner == 5:
                place = np.int64(V2_DEFS)
            elif inner == 6:
                place = np.int64(V2_REPS)
            elif inner == 7:
                place = np.int64(IS_PACKED)
        elif inner == 2:
            place = np.int64(ENCODING)
        elif outer == 5 and inner == 3:
            place = np.int64(LEVELS)
    elif depth == 2 and outer == inner and (outer == 5 or outer == 8):
        if ids[2] == 3:
            place = np.int64(N_NULLS)
        elif ids[2] == 5:
            place = np.int64(MOST)
        elif ids[2] == 6:
            place = np.int64(LEAST)
        pages[base + SIZES] += size if place >= 0 else 0
    if place >= 0:
        pages[base + place] = value


@kernel(u8, long_, long_, i64w, makes_arrays=True, is_short=True)
def page_table(data: Any, at: Any, end: Any, pages: Any) -> Any:
    """The headers of all pages from `at` to `end` into `pages`, WIDTH numbers each. Returns how many; UNSURE if there is no room.

    A header is a Thrift struct; of what it holds, the fields that a reader must know are picked, the others passed over.
    FIRST_ROW counts the values of the data pages before, which in a flat column are rows.
    """
    n, row = 0, np.int64(0)
    ids = np.zeros(_DEEPEST + 1, np.int64)
    while at < end:
        base = n * WIDTH
        if base + WIDTH > pages.size:
            return UNSURE
        for k in range(WIDTH):
            pages[base + k] = -1
        pages[base + IS_PACKED] = 1
        pages[base + SIZES] = 0
        pages[base + FIRST_BYTE] = at
        depth, ids[0] = 0, 0
        while depth >= 0:
            if at >= end:
                return DAMAGED
            head = byte_at(data, at)
            at += 1
            kind = head & 15
            if kind == _STOP:
                depth -= 1
                continue
            step = head >> 4
            if step:
                ids[depth] += step
            else:
                number, at = varint(data, at, end)
                if at < 0:
                    return DAMAGED
                ids[depth] = (number >> 1) ^ -(number & 1)
            value, size = np.int64(0), np.int64(0)
            if kind in (_TRUE, _FALSE):
                value = np.int64(2 - kind)
            elif kind == _BYTE:
                at += 1
            elif kind in (_I16, _I32, _I64):
                number, at = varint(data, at, end)
                if at < 0:
                    return DAMAGED
                value = (number >> 1) ^ -(number & 1)
            elif kind == _DOUBLE:
                at += 8
            elif kind == _BINARY:
                number, at = varint(data, at, end)
                if at < 0 or number > end - at:
                    return DAMAGED
                size = number
                value = np.int64(load_u64(data, at)) if number == 8 else np.int64(np.int32(load_u32(data, at)))
                at += number
            elif kind == _STRUCT:
                depth += 1
                if depth > _DEEPEST:
                    return UNSURE
                ids[depth] = 0
                continue
            else:  # lists, sets and maps: no header of today has one
                return UNSURE
            _note(pages, base, depth, ids, value, size)
        size, unpacked = pages[base + PACKED], pages[base + UNPACKED]
        if size < 0 or unpacked < 0 or pages[base + N_VALUES] < 0 or size > end - at:
            return DAMAGED
        pages[base + AT] = at
        pages[base + FIRST_ROW] = row
        if pages[base + KIND] == DATA or pages[base + KIND] == DATA_V2:
            row += pages[base + N_VALUES]
        at += size
        n += 1
    return n


@kernel(i64, long_, i64w, is_short=True)
def survey_pages(pages: Any, n_pages: Any, told: Any) -> Any:
    """What the pages of a table are together, into `told`: rows, the most values of a page, bytes unpacked, and how many are
    dictionaries, data pages, of them of codes and plain. Returns 1 if a dictionary stands behind a data page."""
    told[:] = 0
    is_odd = np.int64(0)
    for p in range(n_pages):
        base = p * WIDTH
        n, encoding = pages[base + N_VALUES], pages[base + ENCODING]
        told[LARGEST] = max(told[LARGEST], n)
        told[UNPACKED_BYTES] += pages[base + UNPACKED]
        if pages[base + KIND] == DICTIONARY:
            told[N_DICTIONARIES] += 1
            is_odd |= np.int64(p > 0)
        else:
            told[N_DATA] += 1
            told[ROWS] += n
            told[N_CODED] += np.int64(encoding in (PLAIN_DICTIONARY, RLE_DICTIONARY))
            told[N_PLAIN] += np.int64(encoding == PLAIN)
    return is_odd
