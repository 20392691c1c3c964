"""Groups of several tables by cell: a cell for each tuple of keys that could be, its number in mixed radix (see operators.groupdense)."""

from __future__ import annotations

from typing import Any

import numpy as np

from .jit import i32, i32w, i64, i64c, i64w, kernel, long_


@kernel(i64w, i32, i64c, long_)
def add_axis(cells: Any, codes: Any, rank: Any, width: Any) -> Any:
    """One more key, whose values have these ranks below `width`: cells = cells * width + rank[codes]. O(groups)."""
    for g in range(cells.size):
        at = np.uint64(g)
        cells[at] = cells[at] * width + rank[np.uint64(codes[at])]
    return cells.size


@kernel(i64c, long_, i32w, i32w)
def claim(cells: Any, start: Any, rows: Any, shared: Any) -> Any:
    """Each group takes its cell of `rows` (-1: free), with the number start + group. O(groups).

    Groups whose cell another one has go into `shared`; how many is returned.
    """
    n = np.int64(0)
    for g in range(cells.size):
        cell = np.uint64(cells[np.uint64(g)])
        if rows[cell] < 0:
            rows[cell] = np.int32(start + g)
        else:
            shared[np.uint64(n)] = np.int32(g)
            n += 1
    return n


@kernel(i32w, i64w, i32w)
def taken(rows: Any, cells: Any, out: Any) -> Any:
    """The cells that are not free, ascending, and what stands in them; both may be written one beyond. O(cells)."""
    n = np.int64(0)
    for cell in range(rows.size):
        row = rows[np.uint64(cell)]
        cells[np.uint64(n)], out[np.uint64(n)] = cell, row
        n += np.int64(row >= 0)
    return n


@kernel(i64c, long_, i64w, i32w)
def last_axis(cells: Any, width: Any, before: Any, out: Any) -> Any:
    """The rank of the last key into `out`, the cells of the keys before into `before`. O(cells).

    Cells below 2**52, ranks below 2**31.

    By the reciprocal, which is off by one at most: a division of whole numbers takes several times as long.
    """
    inverse = 1.0 / np.float64(width)
    for i in range(cells.size):
        at = np.uint64(i)
        cell = cells[at]
        number = np.int64(np.float64(cell) * inverse)
        rest = cell - number * width
        more, less = np.int64(rest >= width), np.int64(rest < 0)
        before[at] = number + more - less
        out[at] = np.int32(rest + (less - more) * width)
    return cells.size


@kernel(i64, long_, i64w, i32w)
def rows_by_bucket(cells: Any, shift: Any, starts: Any, rows: Any) -> Any:
    """Rows in order of bucket, the cell without its last `shift` bits, and within it as they come. O(rows + buckets).

    `starts`: zeros, two more than buckets; becomes where each bucket begins, and the first entry stays 0, the last is the end.
    """
    by = np.uint64(shift)
    for i in range(cells.size):
        starts[(np.uint64(cells[np.uint64(i)]) >> by) + np.uint64(2)] += 1
    for b in range(2, starts.size):
        starts[np.uint64(b)] += starts[np.uint64(b - 1)]
    for i in range(cells.size):
        bucket = (np.uint64(cells[np.uint64(i)]) >> by) + np.uint64(1)
        at = starts[bucket]
        rows[np.uint64(at)] = np.int32(i)
        starts[bucket] = at + 1
    return cells.size


@kernel(i64w, long_, long_, i64w, i32w)
def number_sorted(packed: Any, bits: Any, low: Any, cells: Any, ids: Any) -> Any:
    """`packed`: cell - low above `bits` bits of row, ascending. The distinct cells, and of each row the number of its own.

    Returns how many cells there are. O(rows).
    """
    by, mask = np.uint64(bits), (np.uint64(1) << np.uint64(bits)) - np.uint64(1)
    n, last = np.int64(-1), np.int64(-1)
    for i in range(packed.size):
        word = np.uint64(packed[np.uint64(i)])
        cell = np.int64(word >> by)
        if cell != last:
            n += 1
            cells[np.uint64(n)] = cell + low
            last = cell
        ids[word & mask] = np.int32(n)
    return n + 1
