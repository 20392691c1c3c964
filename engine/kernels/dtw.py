"""Dynamic time warping of one series with many, LANES of them side by side; the general path is operators.dtw.general.

Point cost is the squared difference; distances stay squared here. Cells are min(three neighbours) + d * d in one order
everywhere and no kernel uses fast-math, so pruned, compiled and general runs give the same bits.

Source: Sakoe and Chiba, "Dynamic programming algorithm optimization for spoken word recognition", 1978 (the band).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import types

from .jit import f64c, f64w, i32w, i64w, kernel, long_, u8w

LANES = 32  # the loop over lanes is the one that becomes vector instructions
f64w2, f64w3 = types.Array(types.float64, 2, "C"), types.Array(types.float64, 3, "C")


@kernel(types.float64, f64w2, long_, long_, long_, f64w2, f64w2)
def row(x: Any, block: Any, begin: Any, end: Any, until: Any, previous: Any, current: Any) -> Any:
    """The cells begin .. end of the row of point x, from those of the row above; the next row reads up to `until`."""
    for lane in range(LANES):
        current[begin, lane] = np.inf
    for j in range(begin, end):
        for lane in range(LANES):
            d = x - block[j, lane]
            best = previous[j, lane]
            up = previous[j + 1, lane]
            best = up if up < best else best
            left = current[j, lane]
            best = left if left < best else best
            current[j + 1, lane] = best + d * d
    for j in range(end, until):
        for lane in range(LANES):
            current[j + 1, lane] = np.inf
    return end


@kernel(f64w, f64w2, i32w, i32w, f64w2, f64w2, f64w, u8w)
def lanes(a: Any, block: Any, low: Any, high: Any, one: Any, two: Any, out: Any, stop: Any) -> Any:
    """Squared distances of `a` (n points) to the columns of `block` (m x LANES); 1, or 0 when stopped.

    Row i has the columns low[i] .. high[i], both never falling. `one`, `two`: m + 1 rows of LANES to work with.
    O(n * band * LANES), without a branch inside.
    """
    m = block.shape[0]
    previous, current = one, two
    previous[:] = np.inf
    current[:] = np.inf
    previous[0] = 0.0
    for i in range(a.size):
        if stop[0]:
            return 0
        begin, end = low[i], high[i]
        row(a[i], block, begin, end, high[i + 1] if i + 1 < a.size else end, previous, current)
        previous, current = current, previous
    for lane in range(LANES):
        out[lane] = previous[m, lane]
    return 1


@kernel(f64w, f64w3, i32w, i32w, long_, long_, f64w2, u8w, makes_arrays=True)
def one_to_many(
    a: Any, blocks: Any, low: Any, high: Any, first: Any, last: Any, out: Any, stop: Any
) -> Any:  # fmt: skip
    """`a` to the blocks first .. last (each m x LANES) into the rows of `out`; returns how far it came."""
    m = blocks.shape[1]
    one, two = np.empty((m + 1, LANES)), np.empty((m + 1, LANES))
    for g in range(first, last):
        if not lanes(a, blocks[g], low, high, one, two, out[g], stop):
            return g
    return last


@kernel(f64c, i64w, f64w3, u8w, u8w)
def fill(values: Any, starts: Any, blocks: Any, flat: Any, stop: Any) -> Any:
    """Series of one length, which begin at `starts` in `values`, side by side into blocks of zeros; `flat`: 1 where all points of one
    are equal. Returns how many it came to."""
    m = blocks.shape[1]
    for s in range(starts.size):
        if stop[0]:
            return s
        g, lane, begin = s // LANES, s % LANES, starts[s]
        first = values[begin]
        n_other = 0
        for i in range(m):
            x = values[begin + i]
            blocks[g, i, lane] = x
            n_other += x != first
        flat[s] = n_other == 0
    return starts.size


@kernel(f64w2, f64w, makes_arrays=True)
def normalise_block(block: Any, peaks: Any) -> Any:
    """Every column less its mean, by its population standard deviation, in place; a flat one is zeros.

    The steps are those of operators.dtw.general.normalised. `peaks`: 0 where a column is flat.
    """
    scale, mean, spread = np.empty(LANES), np.empty(LANES), np.empty(LANES)
    m = block.shape[0]
    for lane in range(LANES):
        peaks[lane] = 0.0
        mean[lane] = block[0, lane] * 0.25
    for i in range(m):
        for lane in range(LANES):
            block[i, lane] = block[i, lane] * 0.25 - mean[lane]
            size = abs(block[i, lane])
            peaks[lane] = size if size > peaks[lane] else peaks[lane]
    for lane in range(LANES):
        scale[lane] = math.ldexp(1.0, -max(math.frexp(peaks[lane])[1], -1000))
        mean[lane] = 0.0
        spread[lane] = 0.0
    for i in range(m):
        for lane in range(LANES):
            block[i, lane] *= scale[lane]
            mean[lane] += block[i, lane]
    for lane in range(LANES):
        mean[lane] /= m
    for i in range(m):
        for lane in range(LANES):
            d = block[i, lane] - mean[lane]
            block[i, lane] = d
            spread[lane] += d * d
    for lane in range(LANES):
        spread[lane] = math.sqrt(spread[lane] / m) if peaks[lane] > 0.0 else 1.0
        scale[lane] = 1.0 if peaks[lane] > 0.0 else 0.0
    for i in range(m):
        for lane in range(LANES):
            block[i, lane] = block[i, lane] / spread[lane] * scale[lane]
    return m


@kernel(f64w3, f64w2, u8w)
def normalise(blocks: Any, peaks: Any, stop: Any) -> Any:
    """Every block by `normalise_block`; returns how far it came."""
    for g in range(blocks.shape[0]):
        if stop[0]:
            return g
        normalise_block(blocks[g], peaks[g])
    return blocks.shape[0]


@kernel(f64w, f64w, i32w, i32w, u8w, u8w, makes_arrays=True)
def moves(a: Any, b: Any, low: Any, high: Any, out: Any, stop: Any) -> Any:
    """How each cell of the band is reached best: 0 from the diagonal, 1 from the row above, 2 from the left, in that order.

    `out` has the rows' cells one behind another, n * widest band bytes. 1, or 0 when stopped.
    """
    previous, current = np.full(b.size + 1, np.inf), np.full(b.size + 1, np.inf)
    previous[0] = 0.0
    at = np.int64(0)
    for i in range(a.size):
        if stop[0]:
            return 0
        begin, end = low[i], high[i]
        current[begin] = np.inf
        for j in range(begin, end):
            best, move = previous[j], 0
            if previous[j + 1] < best:
                best, move = previous[j + 1], 1
            if current[j] < best:
                best, move = current[j], 2
            d = a[i] - b[j]
            current[j + 1] = best + d * d
            out[at] = move
            at += 1
        if i + 1 < a.size:
            for j in range(end, high[i + 1]):
                current[j + 1] = np.inf
        previous, current = current, previous
    return 1


@kernel(u8w, i32w, i32w, types.Array(types.int64, 2, "C"))
def walk(made: Any, low: Any, high: Any, steps: Any) -> Any:
    """The cells (i, j) of the best path by what `moves` made, from the last to the first; returns how many."""
    i = np.int64(low.size - 1)
    j = np.int64(high[i] - 1)
    at = np.int64(made.size - 1)  # of cell (i, j)
    n = 0
    steps[n, 0], steps[n, 1] = i, j
    n += 1
    while i > 0 or j > 0:
        move = made[at]
        if move == 2:
            j -= 1
            at -= 1
        else:  # to the row above, which ends where this one begins
            at -= high[i - 1] - low[i]
            i -= 1
            if move == 0:
                j -= 1
                at -= 1
        steps[n, 0], steps[n, 1] = i, j
        n += 1
    return n
