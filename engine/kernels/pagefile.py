"""Column chunks of Parquet from the file to values in one call."""

from __future__ import annotations

from typing import Any

import numpy as np

from .jit import i32w, i64w, kernel, long_, read_file, u8w
from .pagefields import (
    AT,
    BOUND,
    DAMAGED,
    ENCODING,
    IS_CODED,
    LEFT,
    N_CODED,
    N_DATA,
    N_DICTIONARIES,
    N_PAGES,
    N_PLAIN,
    N_VALUES,
    PAD,
    PLACE,
    PLAIN,
    PLAIN_DICTIONARY,
    ROWS,
    UNPACKED,
    UNPACKED_BYTES,
    UNSURE,
)
from .pageheads import page_table, survey_pages
from .pages import decode_pages, plain_numbers, plain_texts
from .unpack import unpack_pages


@kernel(long_, long_, long_, long_, u8w, i64w, i64w)
def read_pages(read: Any, fd: Any, first: Any, size: Any, raw: Any, table: Any, told: Any) -> Any:
    """`size` bytes of the file from `first` on into `raw`, and their pages' headers (`pageheads`) into `table` and `told`.

    `read`: the address of pread. Returns how many pages there are, DAMAGED, or UNSURE, also where `table` has no room. O(bytes).
    """
    done = 0
    while done < size:
        got = read_file(read, fd, raw, done, size - done, first + done)
        if got <= 0:
            return UNSURE
        done += got
    n = page_table(raw, 0, size, table)
    return np.int64(UNSURE) if n > 0 and survey_pages(table, n, told) else n


@kernel(long_, long_, long_, long_, u8w, i64w, i64w, u8w, long_, is_inner=True)
def read_chunk(read: Any, fd: Any, first: Any, size: Any, raw: Any, table: Any, told: Any, out: Any, codec: Any) -> Any:
    """As `read_pages`, and the pages unpacked into `out`; UNSURE also where that has no room."""
    n = read_pages(read, fd, first, size, raw, table, told)
    if n <= 0:
        return n
    if told[UNPACKED_BYTES] + PAD * n > out.size:
        return UNSURE
    return n if unpack_pages(raw, table, n, out, codec) == 0 else DAMAGED


@kernel(
    long_, long_, i64w, long_, long_, long_, long_, u8w, i64w, i64w, u8w, i64w, i32w, u8w, i64w, i32w, u8w, i32w, i64w,
)  # fmt: skip
def read_columns(
    read: Any, fd: Any, places: Any, codec: Any, is_optional: Any, n_bytes: Any, most_values: Any,
    raw: Any, table: Any, told: Any, data: Any, values: Any, offsets: Any, texts: Any,
    numbers: Any, codes: Any, valid: Any, spare: Any, dense: Any,
) -> Any:  # fmt: skip
    """A column's chunks of row groups that follow each other, one behind another; values of `n_bytes` (0: texts).

    `places`: of each chunk where it begins in the file `fd`, its bytes and its rows; `read`: pread's address. As
    `pages.decode_pages`: numbers into `numbers`, codes into `codes`, `valid` where one is null. Texts are codes for the
    dictionaries, which are put one behind another into `offsets` and `texts`, numbers (told[IS_CODED]) for those in `values`,
    if all of them lie so and are no more than `most_values`. A value may be in several dictionaries. `told`, `table`: of the last
    chunk, see `pagefields`. `raw`, `data`: a chunk's pages as they lie, and unpacked.
    Returns how many rows are null, LEFT (the one chunk is unpacked into `data`, and not known further here), DAMAGED, or UNSURE.
    O(bytes + rows).
    """
    n_groups = places.size // PLACE
    row, base, used = np.int64(0), np.int64(0), np.int64(0)
    n_null, n_pages, n_unpacked = np.int64(0), np.int64(0), np.int64(0)
    is_coded = False
    for g in range(n_groups):
        first, size, n_rows = places[PLACE * g], places[PLACE * g + 1], places[PLACE * g + 2]
        n = read_chunk(read, fd, first, size, raw, table, told, data, codec)
        if n <= 0 or told[ROWS] != n_rows or told[N_DICTIONARIES] > 1:
            return UNSURE
        n_pages += n
        n_unpacked += told[UNPACKED_BYTES]
        n_values, at, end, encoding = np.int64(0), np.int64(0), np.int64(0), np.int64(PLAIN)
        if told[N_DICTIONARIES]:
            n_values, at, encoding = table[N_VALUES], table[AT], table[ENCODING]
            end = at + table[UNPACKED]
            if n_values * max(n_bytes, 4) > end - at or (encoding != PLAIN and encoding != PLAIN_DICTIONARY):
                return UNSURE
        here, are_valid = codes[row : row + n_rows], valid[row : row + n_rows] if is_optional else valid
        told[BOUND] = n_values
        if n_bytes == 0:
            if n_values == 0 or told[N_PLAIN] != 0:
                if n_groups > 1:
                    return UNSURE
                told[N_PAGES] = n
                return LEFT
            if base + n_values + 1 > offsets.size or used + end - at + PAD > texts.size:
                return UNSURE
            n_text = plain_texts(data, at, end, offsets[base : base + n_values + 1], texts[used:])
            if n_text < 0:
                return DAMAGED
            if used:
                for i in range(base, base + n_values + 1):
                    offsets[np.uint64(i)] += np.int32(used)
            used += n_text
            found = decode_pages(
                data, table, n, is_optional, 0, told[BOUND:], numbers[:0], here, are_valid, spare, dense
            )  # fmt: skip
        else:
            are_codes = n_bytes == 8 and told[N_CODED] == told[N_DATA] and 0 < n_values <= most_values - base
            if g and are_codes != is_coded:
                return UNSURE
            is_coded = are_codes
            in_place = n_bytes == 8 and at & 7 == 0
            room = values[base:] if is_coded else values
            if (is_coded or not in_place) and n_values > room.size:
                return UNSURE
            if is_coded or not in_place:
                plain_numbers(data, at, end, n_bytes, room[:n_values])
            dictionary = data[at : at + 8 * n_values].view(np.int64) if in_place else room[:n_values]
            if is_coded:
                found = decode_pages(
                    data, table, n, is_optional, 0, told[BOUND:], numbers[:0], here, are_valid, spare, dense
                )  # fmt: skip
            else:
                out = numbers[row : row + n_rows]
                found = decode_pages(
                    data, table, n, is_optional, n_bytes, dictionary, out, codes[:0], are_valid, spare, dense
                )  # fmt: skip
        if found < 0:
            return found
        if base and (is_coded or n_bytes == 0):
            for i in range(n_rows):
                here[np.uint64(i)] += np.int32(base)
        if is_optional and found == 0 and n_groups > 1:
            are_valid[:] = 1
        n_null += found
        base += n_values
        row += n_rows
    told[N_PAGES], told[UNPACKED_BYTES], told[BOUND], told[IS_CODED] = n_pages, n_unpacked, base, is_coded
    return n_null
