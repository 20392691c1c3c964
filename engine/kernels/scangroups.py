"""Rows that a scan has found go into groups and sums of its own, some thousand at a time.

The keys and numbers of rows wait until there are many: between them the scan goes through so many bytes that no group would stay in
the processor's cache. `cells` holds the groups, by open addressing: of each the two words of its key (of at most 15 bytes, see
`group`), how many rows it has with the high word of its first sum, and of each sum the low word, of those behind the first the high one,
too. All of a group lies together, so that a row asks for one line of the cache, where a table of numbers and sums by number asks for four.

A group's place is the front of its hash, so groups lie in the order of their hashes: tables of any sizes, which are powers of two,
are gone through side by side, and a stretch of each has nearly the same groups. Nearly, as a group may lie some cells
behind its place; and one of more rows than a cell counts has several. Whoever puts tables together expects a key twice.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .jit import byte_swap, i32w, i64w, kernel, long_, prefetch, trailing_zeros, u64w
from .textkeys import mix

# fields of `held`: which captured group is the key (-1: none, all rows are one group), words of a cell, groups, how many there may
# be, rows without a match, how many rows a cell counts; behind them, for each sum, which of a row's numbers it adds up
KEY, WIDTH, N_GROUPS, LIMIT, UNMATCHED, MOST_ROWS, SUMS = range(7)
# of a cell: the key, 32 bits of rows (0: an empty cell) with as many of the first sum's high word above; then the low word of the
# first sum, and of each other one both. A sum of less than 2**31 numbers has no more bits.
WORD0, WORD1, TALLY, LOW, MORE = range(5)
MOST = (1 << 31) - 1
ROWS = (1 << 32) - 1
LONGEST = 15  # bytes of a key
FIRST, SECOND, HASH, NUMBERS = range(4)  # fields of a waiting row: its key's words and their hash, its numbers
AHEAD = 24  # rows whose cells are asked for before they are looked at


@kernel(i64w, i64w, i64w, long_, long_, long_, is_inner=True)
def add_rows(cells: Any, held: Any, rows: Any, width: Any, begin: Any, end: Any) -> Any:
    """Adds rows begin .. end of `rows`, each of so many words. Where it ended: at a row for whose group there is no room."""
    n_sums, most = held.size - SUMS, held[MOST_ROWS]
    step, last = (
        np.uint64(held[WIDTH]),
        np.uint64(cells.size // held[WIDTH] - 1),
    )  # an unsigned place is not looked at for its sign
    shift = np.uint64(64 - trailing_zeros(last + np.uint64(1)))
    ahead = AHEAD * width + HASH
    first_number = np.uint64(NUMBERS + held[SUMS]) if n_sums else np.uint64(0)
    for i in range(begin, end):
        at = np.uint64(i * width)
        if i + AHEAD < end:
            prefetch(cells, np.int64((np.uint64(rows[at + np.uint64(ahead)]) >> shift) * step))
        first, second = rows[at + np.uint64(FIRST)], rows[at + np.uint64(SECOND)]
        place = np.uint64(rows[at + np.uint64(HASH)]) >> shift
        while True:
            cell = place * step
            tally = cells[cell + np.uint64(TALLY)]
            if tally == 0:
                if held[N_GROUPS] >= held[LIMIT]:
                    return i
                held[N_GROUPS] += 1
                cells[cell + np.uint64(WORD0)], cells[cell + np.uint64(WORD1)] = first, second
                break
            if (
                cells[cell + np.uint64(WORD0)] == first
                and cells[cell + np.uint64(WORD1)] == second
                and tally & ROWS < most
            ):
                break
            place = (place + np.uint64(1)) & last
        tally += 1
        if n_sums:
            value, low = rows[at + first_number], cell + np.uint64(LOW)
            before = np.uint64(cells[low])
            after = before + np.uint64(value)
            cells[low] = np.int64(after)
            tally += ((1 if after < before else 0) + (value >> 63)) << 32
        cells[cell + np.uint64(TALLY)] = tally
        for j in range(1, n_sums):
            value = rows[at + np.uint64(NUMBERS + held[SUMS + j])]
            low = cell + np.uint64(MORE + 2 * (j - 1))
            before = np.uint64(cells[low])
            after = before + np.uint64(value)
            cells[low] = np.int64(after)
            cells[low + np.uint64(1)] += (1 if after < before else 0) + (value >> 63)
    return end


@kernel(i64w, long_, i64w)
def move_cells(cells: Any, width: Any, into: Any) -> Any:
    """All groups into empty cells that have room for them. Returns how many there are."""
    n_cells = into.size // width
    shift = np.uint64(64 - trailing_zeros(np.uint64(n_cells)))
    n = np.int64(0)
    for cell in range(0, cells.size, width):
        if cells[cell + TALLY] == 0:
            continue
        place = np.int64(mix(np.uint64(cells[cell + WORD0]), np.uint64(cells[cell + WORD1])) >> shift)
        while into[place * width + TALLY] != 0:
            place = (place + 1) & (n_cells - 1)
        for j in range(width):
            into[place * width + j] = cells[cell + j]
        n += 1
    return n


@kernel(i64w, long_, long_, long_, i64w, long_, long_, long_, long_, i32w)
def join_cells(
    cells: Any, width: Any, low: Any, high: Any, into: Any, into_low: Any, into_high: Any, n_sums: Any, most: Any, left: Any
) -> Any:  # fmt: skip
    """Groups in the cells low .. high are added to those of the same key in the cells into_low .. into_high of another table.

    The places of all others are put into `left`, and their number is returned: of those whose key is not there, or has more rows than
    a cell counts, or may lie beyond the stretch, which is another task's. With no cells in `into` these are all that are taken.
    """
    n, n_into = np.int64(0), into.size // width
    shift = np.uint64(64 - trailing_zeros(np.uint64(max(n_into, 2))))
    for at in range(low, high):
        cell = at * width
        tally = cells[cell + TALLY]
        if tally == 0:
            continue
        first, second = cells[cell + WORD0], cells[cell + WORD1]
        place = np.int64(mix(np.uint64(first), np.uint64(second)) >> shift) if n_into else np.int64(0)
        is_found = False
        while n_into and into_low <= place < into_high:
            other = place * width
            theirs = into[other + TALLY]
            if theirs == 0:
                break
            if into[other + WORD0] == first and into[other + WORD1] == second:
                is_found = (theirs & ROWS) + (tally & ROWS) <= most
                break
            place += 1
        if not is_found:
            left[n] = at
            n += 1
            continue
        other = place * width
        if n_sums:
            before = np.uint64(into[other + LOW])
            after = before + np.uint64(cells[cell + LOW])
            into[other + LOW] = np.int64(after)
            tally += (1 if after < before else 0) << 32
        into[other + TALLY] += tally
        for j in range(1, n_sums):
            word = MORE + 2 * (j - 1)
            before = np.uint64(into[other + word])
            after = before + np.uint64(cells[cell + word])
            into[other + word] = np.int64(after)
            into[other + word + 1] += cells[cell + word + 1] + (1 if after < before else 0)
    return n


@kernel(i64w, long_, i32w, long_, u64w, u64w, i64w, i32w, u64w, u64w, i64w)
def divide_groups(
    cells: Any, width: Any, places: Any, n_sums: Any, splits0: Any, splits1: Any, starts: Any, part: Any, word0: Any,
    word1: Any, values: Any,
) -> Any:  # fmt: skip
    """Groups in the cells `places` by ranges of their keys, of which each but the first begins with the words of a split.

    `word0`, `word1`: words of the keys whose order is that of the texts. `values`: rows, and of each sum the low and the high word, a group
    behind the other. `starts`: where each range begins, and the last ends; one more than there are ranges. `part` is space,
    a number for each place.
    """
    n, n_splits, fields = places.size, splits0.size, 1 + 2 * n_sums
    for k in range(n_splits + 2):
        starts[k] = 0
    for i in range(n):
        cell = np.int64(places[i]) * width
        first = byte_swap(np.uint64(cells[cell + WORD0]))
        second = byte_swap(np.uint64(cells[cell + WORD1])) + np.uint64(1)
        low, high = np.int64(0), n_splits
        while low < high:
            middle = (low + high) >> 1
            if splits0[middle] < first or (splits0[middle] == first and splits1[middle] <= second):
                low = middle + 1
            else:
                high = middle
        part[i] = low
        starts[low + 1] += 1
    for k in range(n_splits + 1):
        starts[k + 1] += starts[k]
    for i in range(n):
        cell = np.int64(places[i]) * width
        at = starts[part[i]]
        starts[part[i]] += 1
        word0[at] = byte_swap(np.uint64(cells[cell + WORD0]))
        word1[at] = byte_swap(np.uint64(cells[cell + WORD1])) + np.uint64(1)
        tally, at = cells[cell + TALLY], at * fields
        values[at] = tally & ROWS
        if n_sums:
            values[at + 1], values[at + 2] = cells[cell + LOW], tally >> 32
        for j in range(2 * (n_sums - 1)):
            values[at + 3 + j] = cells[cell + MORE + j]
    for k in range(n_splits + 1, 0, -1):
        starts[k] = starts[k - 1]
    starts[0] = 0
    return n


@kernel(u64w, u64w, i64w, i32w, long_, u64w, u64w, i64w)
def fold_groups(word0: Any, word1: Any, values: Any, order: Any, fields: Any, out0: Any, out1: Any, out: Any) -> Any:
    """Groups in an order in which those of one key are beside each other: each key once, with all of its `values`, so many fields a
    group (see `divide_groups`). Returns how many keys there are."""
    n = np.int64(-1)
    for i in range(order.size):
        row = np.int64(order[i])
        at = row * fields
        if n < 0 or out0[n] != word0[row] or out1[n] != word1[row]:
            n += 1
            out0[n], out1[n] = word0[row], word1[row]
            for j in range(fields):
                out[n * fields + j] = values[at + j]
            continue
        to = n * fields
        out[to] += values[at]
        for j in range(1, fields, 2):
            before = np.uint64(out[to + j])
            after = before + np.uint64(values[at + j])
            out[to + j] = np.int64(after)
            out[to + j + 1] += values[at + j + 1] + (1 if after < before else 0)
    return n + 1
