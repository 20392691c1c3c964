"""Warping of LANES series side by side that is given up where none of them can come within a cut.

The rows that can still be lived in grow narrow from both sides as those of one series do in `dtwpruned.pruned`; a column
lives while it does in any lane. The cells that live are those of `dtw.lanes`, to the bit.

Source: Herrmann and Webb, "Early abandoning and pruning for elastic distances", 2021.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import types

from .dtw import LANES, f64w2
from .jit import f64w, i32w, kernel, long_, u8w


@kernel(types.float64, f64w2, long_, long_, f64w2, f64w2)
def stretch(x: Any, block: Any, begin: Any, end: Any, previous: Any, current: Any) -> Any:
    """Cells begin .. end of the row of point x, whose three neighbours may live."""
    for j in range(begin, end):
        for lane in range(LANES):
            d = x - block[j, lane]
            best = previous[j, lane]
            up = previous[j + 1, lane]
            best = up if up < best else best
            left = current[j, lane]
            best = left if left < best else best
            current[j + 1, lane] = best + d * d
    return end


@kernel(f64w2, long_, f64w2, long_, types.float64)
def living(current: Any, j: Any, rest: Any, i: Any, cut: Any) -> Any:
    """In how many lanes column j lives: its cost and what rows i and on cost at least are within the cut."""
    n = 0
    for lane in range(LANES):
        n += current[j + 1, lane] + rest[i, lane] <= cut
    return n


@kernel(f64w, f64w2, i32w, i32w, f64w2, types.float64, f64w2, f64w2, f64w, u8w)
def lanes_within(
    a: Any, block: Any, low: Any, high: Any, rest: Any, cut: Any, one: Any, two: Any, out: Any, stop: Any
) -> Any:  # fmt: skip
    """Squared distances of `a` to the columns of `block` (m x LANES), those that are within `cut`; others may be more than they are.

    rest[i]: what rows i and on cost each column at least. 1, or 0 when none is within the cut, or stopped. `one`, `two`: m + 1 rows of
    LANES to work with, in any state. O(living cells * LANES).
    """
    m = block.shape[0]
    previous, current = one, two
    for lane in range(LANES):
        previous[0, lane] = 0.0
    first, last = np.int64(0), np.int64(-1)  # living columns of the row above; before row 0 only the corner
    for i in range(a.size):
        if stop[0]:
            return 0
        x = a[i]
        begin, end = max(np.int64(low[i]), first), np.int64(high[i])
        known = min(last + 1, end)
        if begin > known:
            return 0
        for lane in range(LANES):
            current[begin, lane] = np.inf
        stretch(x, block, begin, known, previous, current)
        j = known
        if j == last + 1 and j < end:  # the one above is dead
            for lane in range(LANES):
                d = x - block[j, lane]
                best, left = previous[j, lane], current[j, lane]
                best = left if left < best else best
                current[j + 1, lane] = best + d * d
            j += 1
            while j < end and living(current, j - 1, rest, i + 1, cut):  # only the left one may live
                for lane in range(LANES):
                    d = x - block[j, lane]
                    current[j + 1, lane] = current[j, lane] + d * d
                j += 1
        first = begin
        while first < j and not living(current, first, rest, i + 1, cut):
            first += 1
        if first == j:
            return 0
        last = j - 1
        while not living(current, last, rest, i + 1, cut):
            last -= 1
        previous, current = current, previous
    if last < m - 1:
        return 0
    for lane in range(LANES):
        out[lane] = previous[m, lane]
    return 1
