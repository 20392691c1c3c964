"""Rows that a scan has found go into groups and sums of its own, some thousand at a time.

The keys and numbers of rows wait until there are many: between them the scan goes through so many bytes that no group would stay in
the processor's cache. `cells` holds the groups, by open addressing: of each the two words of its key (of at most 15 bytes, see
`group`), how many rows it has (0: an empty cell), and for each sum the low and the high word of 128 bits. All of a group lies
together, so that a row asks for one line of the cache, where a table of numbers and sums by number asks for four.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .jit import i32w, i64w, kernel, long_, prefetch, u64w
from .textkeys import mix

# fields of `held`: which captured group is the key (-1: none, all rows are one group), words of a cell, groups, how many there may
# be, rows without a match; behind them, for each sum, which of a row's numbers it adds up
KEY, WIDTH, N_GROUPS, LIMIT, UNMATCHED, SUMS = range(6)
WORD0, WORD1, COUNT, LOWS = range(4)  # of a cell; from LOWS on two words a sum
LONGEST = 15  # bytes of a key
FIRST, SECOND, HASH, NUMBERS = range(4)  # fields of a waiting row: its key's words and their hash, its numbers
AHEAD = 24  # rows whose cells are asked for before they are looked at


@kernel(i64w, i64w, i64w, long_, long_, long_, is_inner=True)
def add_rows(cells: Any, held: Any, rows: Any, width: Any, begin: Any, end: Any) -> Any:
    """Adds rows begin .. end of `rows`, each of so many words. Where it ended: at a row for whose group there is no room."""
    step, n_sums = held[WIDTH], held.size - SUMS
    mask = np.uint64(cells.size // step - 1)
    for i in range(begin, end):
        at = i * width
        if i + AHEAD < end:
            prefetch(cells, np.int64(np.uint64(rows[at + AHEAD * width + HASH]) & mask) * step)
        first, second, place = rows[at + FIRST], rows[at + SECOND], np.uint64(rows[at + HASH]) & mask
        while True:
            cell = np.int64(place) * step
            if cells[cell + WORD0] == first and cells[cell + WORD1] == second and cells[cell + COUNT] != 0:
                break
            if cells[cell + COUNT] == 0:
                if held[N_GROUPS] >= held[LIMIT]:
                    return i
                held[N_GROUPS] += 1
                cells[cell + WORD0], cells[cell + WORD1] = first, second
                break
            place = (place + np.uint64(1)) & mask
        cells[cell + COUNT] += 1
        for j in range(n_sums):
            value, low = rows[at + NUMBERS + held[SUMS + j]], cell + LOWS + 2 * j
            before = np.uint64(cells[low])
            after = before + np.uint64(value)
            cells[low] = np.int64(after)
            cells[low + 1] += (1 if after < before else 0) + (value >> 63)
    return end


@kernel(i64w, long_, i64w)
def move_cells(cells: Any, width: Any, into: Any) -> Any:
    """All groups into empty cells that have room for them. Returns how many there are."""
    mask = np.uint64(into.size // width - 1)
    n = np.int64(0)
    for cell in range(0, cells.size, width):
        if cells[cell + COUNT] == 0:
            continue
        place = mix(np.uint64(cells[cell + WORD0]), np.uint64(cells[cell + WORD1])) & mask
        while into[np.int64(place) * width + COUNT] != 0:
            place = (place + np.uint64(1)) & mask
        for j in range(width):
            into[np.int64(place) * width + j] = cells[cell + j]
        n += 1
    return n


@kernel(i64w, long_, u64w, u64w, i32w, i64w)
def list_groups(cells: Any, width: Any, key0: Any, key1: Any, sizes: Any, values: Any) -> Any:
    """Keys of the groups as a table has them, and the other words of their cells, `values` field by field. Returns how many."""
    n, room = np.int64(0), key0.size
    for cell in range(0, cells.size, width):
        if cells[cell + COUNT] == 0:
            continue
        key0[n], key1[n] = np.uint64(cells[cell + WORD0]), np.uint64(cells[cell + WORD1])
        sizes[n] = np.int32(key1[n] >> np.uint64(56))
        for j in range(COUNT, width):
            values[(j - COUNT) * room + n] = cells[cell + j]
        n += 1
    return n
