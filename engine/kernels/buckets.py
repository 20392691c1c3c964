"""Numbers of evenly spaced buckets."""

from __future__ import annotations

from typing import Any

import numpy as np

from .jit import i32w, i64c, i64w, kernel, long_


@kernel(i64c, long_, long_, i32w)
def even_codes(values: Any, first: Any, step: Any, out: Any) -> Any:
    """(value - first) // step. Needs 0 <= value - first < 2**53 and quotients below 2**31. O(rows).

    By the reciprocal, which is off by one at most: a division of whole numbers takes several times as long.
    """
    inverse = 1.0 / np.float64(step)
    for i in range(values.size):
        off = values[np.uint64(i)] - first
        number = np.int64(np.float64(off) * inverse)
        rest = off - number * step
        out[np.uint64(i)] = np.int32(number + np.int64(rest >= step) - np.int64(rest < 0))
    return values.size


@kernel(i64c, long_, long_, i32w, i64w)
def codes_and_ends(values: Any, base: Any, step: Any, out: Any, told: Any) -> Any:
    """(value - base) // step of at least one value, and the least and the greatest value into `told`, in one pass. O(rows).

    Quotients are right where these ends are less than 2**53 away from `base`, and the quotients within 32 bits.
    """
    inverse = 1.0 / np.float64(step)
    low, high = values[np.uint64(0)], values[np.uint64(0)]
    for i in range(values.size):
        value = values[np.uint64(i)]
        low, high = min(low, value), max(high, value)
        off = value - base
        number = np.int64(np.float64(off) * inverse)
        rest = off - number * step
        out[np.uint64(i)] = np.int32(number + np.int64(rest >= step) - np.int64(rest < 0))
    told[0], told[1] = low, high
    return values.size


@kernel(i64c, i64w)
def ends(values: Any, out: Any) -> Any:
    """The least and the greatest of at least one value into `out`, in one pass. O(rows)."""
    low, high = values[np.uint64(0)], values[np.uint64(0)]
    for i in range(values.size):
        low, high = min(low, values[np.uint64(i)]), max(high, values[np.uint64(i)])
    out[0], out[1] = low, high
    return values.size
