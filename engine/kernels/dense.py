"""Keys that lie close together, found by their place in a table with a cell for each value that there could be.

Several keys are one cell's number in a mixed radix: cell = ((c0 * w1) + c1) * w2 + c2 ..., with 0 <= cj < wj. -1 is no cell.
Source of the idea: "perfect hashing" of dense integer ranges, as in column stores' array joins.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .jit import i32, i32c, i32w, i64, i64w, inline, kernel, long_, u8, u64w

LANES = 4


@inline
def coordinate(value: Any, low: Any, room: Any) -> Any:
    """value - low, -1 if that is not within 0 .. room - 1. Differences wrap, so ends of the range are as good as any."""
    off = np.uint64(value) - np.uint64(low)
    return np.int64(off) if off < np.uint64(room) else np.int64(-1)


@kernel(i64, u8, long_, long_, long_, i32w)
def first_cells(values: Any, nulls: Any, low: Any, room: Any, null_at: Any, out: Any) -> Any:
    """The coordinate of each value; of a null (`nulls`: a byte a row, or empty) it is `null_at`. O(rows)."""
    if nulls.size:
        for i in range(values.size):
            at = null_at if nulls[np.uint64(i)] else coordinate(values[np.uint64(i)], low, room)
            out[np.uint64(i)] = at
    else:
        for i in range(values.size):
            out[np.uint64(i)] = coordinate(values[np.uint64(i)], low, room)
    return values.size


@kernel(i64, u8, long_, long_, long_, long_, i32w)
def next_cells(values: Any, nulls: Any, low: Any, room: Any, null_at: Any, width: Any, out: Any) -> Any:
    """One more key: out = out * width + coordinate, -1 where either is. O(rows)."""
    if nulls.size:
        for i in range(values.size):
            at = null_at if nulls[np.uint64(i)] else coordinate(values[np.uint64(i)], low, room)
            before = np.int64(out[np.uint64(i)])
            out[np.uint64(i)] = before * width + at if (before | at) >= 0 else np.int64(-1)
    else:
        for i in range(values.size):
            at = coordinate(values[np.uint64(i)], low, room)
            before = np.int64(out[np.uint64(i)])
            out[np.uint64(i)] = before * width + at if (before | at) >= 0 else np.int64(-1)
    return values.size


@kernel(i32w, i32w)
def look_up(cells: Any, table: Any) -> Any:
    """Each cell's number, in place. `table` has one entry more in front, which is for -1. O(rows)."""
    for i in range(cells.size):
        cells[np.uint64(i)] = table[np.uint64(np.int64(cells[np.uint64(i)]) + 1)]
    return cells.size


@kernel(i32w, i32w, long_)
def number_cells(cells: Any, table: Any, n: Any) -> Any:
    """As look_up, of cells that are all >= 0; those that have no number get n, n + 1, ... by first sight. Returns the new n."""
    for i in range(cells.size):
        at = np.uint64(np.int64(cells[np.uint64(i)]) + 1)
        number = table[at]
        if number < 0:
            number = n
            table[at] = number
            n += 1
        cells[np.uint64(i)] = number
    return n


@kernel(i32, i32w)
def rows_without(numbers: Any, rows: Any) -> Any:
    """Rows whose number is negative, ascending, into `rows` (one place more than there are numbers). Returns how many."""
    n = np.uint64(0)
    for i in range(numbers.size):
        rows[n] = np.int32(i)
        n += np.uint64(numbers[np.uint64(i)] < 0)
    return np.int64(n)


@kernel(i32, i32w, i32w)
def rows_with(numbers: Any, rows: Any, found: Any) -> Any:
    """Rows whose number is not negative, and these numbers (one place more each than there are numbers). Returns how many."""
    n = np.uint64(0)
    for i in range(numbers.size):
        number = numbers[np.uint64(i)]
        rows[n], found[n] = np.int32(i), number
        n += np.uint64(number >= 0)
    return np.int64(n)


@kernel(i32w, long_, long_, i64w)
def keep_met(numbers: Any, n_tables: Any, low: Any, cells: Any) -> Any:
    """Of cells low, low + 1, ... those that some table has into `cells`, ascending. Returns how many they are.

    `numbers`: of each table the number in each cell, -1: none, one table behind another; those that are kept move to the
    front of their table's. O(tables x cells).
    """
    width = numbers.size // n_tables
    n = np.uint64(0)
    for i in range(width):
        cells[n] = low + i
        none = np.int32(-1)
        for t in range(n_tables):
            number = numbers[np.uint64(t * width + i)]
            numbers[np.uint64(t * width) + n] = number
            none &= number
        n += np.uint64(none >= 0)
    return np.int64(n)


@kernel(i32c, u64w, i32w)
def unmet_rows(cells: Any, met: Any, rows: Any) -> Any:
    """Rows that are the first of their cell, ascending, into `rows` (one place more than there are cells). Returns how many.

    `met`: a bit a cell, set where it was met before; those of the rows are set. O(rows).
    """
    n = np.uint64(0)
    for i in range(cells.size):
        cell = np.uint64(np.int64(cells[np.uint64(i)]))
        bit = np.uint64(1) << (cell & np.uint64(63))
        word = met[cell >> np.uint64(6)]
        met[cell >> np.uint64(6)] = word | bit
        rows[n] = np.int32(i)
        n += np.uint64((word & bit) == 0)
    return np.int64(n)


@kernel(i32, i64w)
def count_in_lanes(numbers: Any, counts: Any) -> Any:
    """Adds one for each row: LANES counts a number, which rows take in turn, so that none waits for the one before. O(rows)."""
    last = np.int64(LANES - 1)
    for i in range(numbers.size):
        counts[np.uint64(LANES * np.int64(numbers[np.uint64(i)]) + (i & last))] += 1
    return numbers.size
