"""Histograms of rows over bins, and the ways of rows down a tree; the general path is engine.forecast.boosting, with the same bits."""

from __future__ import annotations

from typing import Any

from numba import types

from .jit import f64c, i32w, i64c, kernel, u8w

bytes2 = types.Array(types.uint8, 2, "C", readonly=True)
f64w4 = types.Array(types.float64, 4, "C")
i32c = types.Array(types.int32, 1, "C", readonly=True)


@kernel(bytes2, i32c, i64c, f64c, f64w4, u8w)
def histogram(bins: Any, node: Any, slot: Any, gradient: Any, out: Any, stop: Any) -> Any:
    """Adds each row's gradient, and 1, to the cell [slot of its node, feature, bin]. `bins` [N, F]; rows of slot -1 are left out. O(N F)."""
    n_fields = bins.shape[1]
    for row in range(bins.shape[0]):
        if (row & 0xFFFF) == 0 and stop[0]:
            return row
        at = slot[node[row]]
        if at < 0:
            continue
        g = gradient[row]
        for f in range(n_fields):
            b = bins[row, f]
            out[at, f, b, 0] += g
            out[at, f, b, 1] += 1.0
    return bins.shape[0]


@kernel(bytes2, i64c, i64c, i32w, u8w)
def descend(bins: Any, field: Any, cut: Any, node: Any, stop: Any) -> Any:
    """Each row goes to child 2 node + (its bin is above the cut). `field` -1: all go to the first child."""
    for row in range(bins.shape[0]):
        if (row & 0xFFFF) == 0 and stop[0]:
            return row
        at = node[row]
        f = field[at]
        right = 1 if f >= 0 and bins[row, f] > cut[at] else 0
        node[row] = 2 * at + right
    return bins.shape[0]
