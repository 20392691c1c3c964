"""Numbers of evenly spaced buckets."""

from __future__ import annotations

from typing import Any

import numpy as np

from .jit import i32w, i64c, kernel, long_


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
