"""Rows whose number lies in a range (their places, not a mask), and rows by their place."""

from __future__ import annotations

from typing import Any

import numpy as np

from .jit import i32c, i32w, i64, i64c, i64w, kernel, long_


@kernel(i64, long_, long_, i32w)
def rows_in_range(values: Any, low: Any, high: Any, rows: Any) -> Any:
    """Rows with low <= value <= high, ascending, into `rows` (one place more than there are values). Returns how many.

    Without a branch, since which rows pass cannot be foretold. O(rows).
    """
    n = np.uint64(0)
    for i in range(values.size):
        value = values[np.uint64(i)]
        rows[n] = np.int32(i)
        n += np.uint64((value >= low) & (value <= high))
    return np.int64(n)


@kernel(i64, long_, long_, i32w, long_)
def narrow_to_range(values: Any, low: Any, high: Any, rows: Any, n: Any) -> Any:
    """Of the first n `rows` those with low <= value <= high, in place. Returns how many. O(n)."""
    kept = np.uint64(0)
    for k in range(n):
        row = rows[np.uint64(k)]
        value = values[np.uint64(row)]
        rows[kept] = row
        kept += np.uint64((value >= low) & (value <= high))
    return np.int64(kept)


@kernel(i64c, i32c, i64w)
def gather(values: Any, rows: Any, out: Any) -> Any:
    """Words by number of their row; of a negative number what stands in the first row. O(rows)."""
    for i in range(rows.size):
        out[np.uint64(i)] = values[np.uint64(max(rows[np.uint64(i)], np.int32(0)))]
    return rows.size
