"""A column chunk of Parquet from the file to values in one call."""

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
    long_, long_, long_, long_, long_, long_, long_, long_, u8w, i64w, i64w, u8w, i64w, i32w, u8w, i64w, i32w, u8w, i32w,
    i64w,
)  # fmt: skip
def read_column(
    read: Any, fd: Any, first: Any, size: Any, codec: Any, is_optional: Any, n_bytes: Any, most_values: Any,
    raw: Any, table: Any, told: Any, data: Any, values: Any, offsets: Any, texts: Any,
    numbers: Any, codes: Any, valid: Any, spare: Any, dense: Any,
) -> Any:  # fmt: skip
    """The column chunk of `size` bytes at `first` of the file `fd`, of values of `n_bytes` (0: texts); `read`: pread's address.

    As `pages.decode_pages`: numbers into `numbers`, codes into `codes`, `valid` where one is null. Texts are codes for the
    dictionary that is put into `offsets` and `texts`; numbers (told[IS_CODED]) for one in `values`, if all of them lie so and
    are no more than `most_values`. `told`, `table`: see `pagefields`. `raw`, `data`: the pages as they lie, and unpacked.
    Returns how many rows are null, LEFT (unpacked into `data`, and not known further here), DAMAGED, or UNSURE. O(bytes + rows).
    """
    n = read_chunk(read, fd, first, size, raw, table, told, data, codec)
    if n <= 0:
        return min(n, UNSURE)
    told[N_PAGES], told[IS_CODED] = n, 0
    n_rows = codes.size
    if told[ROWS] != n_rows or told[N_DICTIONARIES] > 1:
        return UNSURE
    n_values, at, end, encoding = np.int64(0), np.int64(0), np.int64(0), np.int64(PLAIN)
    if told[N_DICTIONARIES]:
        n_values, at, encoding = table[N_VALUES], table[AT], table[ENCODING]
        end = at + table[UNPACKED]
        if n_values * max(n_bytes, 4) > end - at or (encoding != PLAIN and encoding != PLAIN_DICTIONARY):
            return UNSURE
    if n_bytes == 0:
        if n_values == 0 or told[N_PLAIN] != 0:
            return LEFT
        if n_values + 1 > offsets.size or end - at + PAD > texts.size:
            return UNSURE
        if plain_texts(data, at, end, offsets[: n_values + 1], texts) < 0:
            return DAMAGED
        told[BOUND] = n_values
        return decode_pages(data, table, n, is_optional, 0, told[BOUND:], numbers[:0], codes, valid, spare, dense)
    is_coded = n_bytes == 8 and told[N_CODED] == told[N_DATA] and 0 < n_values <= most_values
    if (is_coded or n_bytes == 4 or at & 7) and n_values > values.size:
        return UNSURE
    dictionary = data[at : at + 8 * n_values].view(np.int64) if n_bytes == 8 and at & 7 == 0 else values[:n_values]
    if is_coded or n_bytes == 4 or at & 7:
        plain_numbers(data, at, end, n_bytes, values[:n_values])
    if is_coded:
        told[IS_CODED], told[BOUND] = 1, n_values
        return decode_pages(data, table, n, is_optional, 0, told[BOUND:], numbers[:0], codes, valid, spare, dense)
    return decode_pages(data, table, n, is_optional, n_bytes, dictionary, numbers, codes[:0], valid, spare, dense)
