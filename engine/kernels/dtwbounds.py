"""Envelope bounds of LANES neighbouring windows side by side.

The loop over windows is the one that becomes vector instructions; neighbours are alike, so that most are given up together.

Sources: Keogh and Ratanamahatana, "Exact indexing of dynamic time warping", 2005; Rakthanmanon et al., "Searching and mining
trillions of time series subsequences under dynamic time warping", 2012 (roles swapped).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import types

from .dtw import LANES, f64w2
from .dtwpruned import envelope
from .jit import f64w, inline, kernel, long_

double_ = types.float64
STEP = 32  # points between two looks at the cut-off


@inline
def outside(x: Any, high: Any, low: Any) -> Any:
    """How far x is from low .. high, with either sign."""
    near = high if x > high else x
    near = low if near < low else near
    return x - near


@kernel(f64w, double_)
def within(total: Any, cut: Any) -> Any:
    """How many bounds are."""
    n = 0
    for lane in range(LANES):
        n += total[lane] <= cut
    return n


@kernel(f64w, long_, f64w, f64w, long_, f64w, f64w, double_, f64w)
def about_pattern(
    x: Any, at: Any, mean: Any, scale: Any, p: Any, upper: Any, lower: Any, cut: Any, total: Any
) -> Any:  # fmt: skip
    """How far each of the windows p .. p + LANES, whose points begin at x[at], is from the pattern's envelope.

    `total`: 0, or NaN for windows that are out of question, to begin with; the bounds where they are within `cut`. Returns how
    many are. A window without a scale has no bound.
    """
    us, ss = mean[p : p + LANES], scale[p : p + LANES]  # slices: no index in the loops below can be negative
    i = 0
    while i < upper.size:
        end = min(i + STEP, upper.size)
        while i + 4 <= end:
            k = at + i
            x0, x1, x2, x3 = (
                x[k : k + LANES],
                x[k + 1 : k + 1 + LANES],
                x[k + 2 : k + 2 + LANES],
                x[k + 3 : k + 3 + LANES],
            )
            h0, h1, h2, h3 = upper[i], upper[i + 1], upper[i + 2], upper[i + 3]
            l0, l1, l2, l3 = lower[i], lower[i + 1], lower[i + 2], lower[i + 3]
            for lane in range(LANES):
                u, s = us[lane], ss[lane]
                d0, d1 = outside((x0[lane] - u) * s, h0, l0), outside((x1[lane] - u) * s, h1, l1)
                d2, d3 = outside((x2[lane] - u) * s, h2, l2), outside((x3[lane] - u) * s, h3, l3)
                total[lane] += (d0 * d0 + d1 * d1) + (d2 * d2 + d3 * d3)
            i += 4
        while i < end:
            own = x[at + i : at + i + LANES]
            for lane in range(LANES):
                d = outside((own[lane] - us[lane]) * ss[lane], upper[i], lower[i])
                total[lane] += d * d
            i += 1
        if not within(total, cut):
            return 0
    return within(total, cut)


@kernel(f64w, long_, f64w, f64w, f64w, f64w, long_, double_, double_, f64w, f64w2)
def about_window(
    q: Any, at: Any, upper: Any, lower: Any, mean: Any, scale: Any, p: Any, off: Any, cut: Any, total: Any, cost: Any
) -> Any:  # fmt: skip
    """As `about_pattern`, how far the pattern is from the envelope of each window, wider by `off`; cost[i]: the shares of point i.

    `upper`, `lower`: of the points from `at` on.
    """
    us, ss = mean[p : p + LANES], scale[p : p + LANES]
    i = 0
    while i < q.size:
        end = min(i + STEP, q.size)
        while i < end:
            y, k = q[i], at + i
            highs, lows, costs = upper[k : k + LANES], lower[k : k + LANES], cost[i]
            for lane in range(LANES):
                u, s = us[lane], ss[lane]
                d = outside(y, (highs[lane] - u) * s + off, (lows[lane] - u) * s - off)
                costs[lane] = d * d
                total[lane] += d * d
            i += 1
        if not within(total, cut):
            return 0
    return within(total, cut)


@kernel(f64w, long_, long_, long_, long_, f64w, f64w, makes_arrays=True)
def around(t: Any, begin: Any, end: Any, left: Any, right: Any, upper: Any, lower: Any) -> Any:
    """Greatest and least of t[i - left : i + right] for i of begin .. end, within t."""
    first, last = max(0, begin - left), min(t.size, end - 1 + right)
    low, high = np.empty(end - begin, np.int32), np.empty(end - begin, np.int32)
    for i in range(begin, end):
        low[i - begin] = max(i - left, 0) - first
        high[i - begin] = min(i + right, t.size) - first
    return envelope(t[first:last], low, high, upper, lower)
