"""Simple exponential smoothing of series and of their lines, for the Theta method; the general path is engine.forecast.theta,
which takes the same steps in the same order."""

from __future__ import annotations

import math
from typing import Any

from numba import types

from .jit import f64c, f64w, i64c, kernel, u8w

f64c2 = types.Array(types.float64, 2, "C", readonly=True)
f64w3 = types.Array(types.float64, 3, "C")


@kernel(f64c, f64c, i64c, f64c2, f64w3, u8w)
def sums(y: Any, x: Any, offsets: Any, alpha: Any, out: Any, stop: Any) -> Any:
    """Into `out` [6, K, A] the squares of the one-step errors u of y and v of x and of the weight w of the first level, and uv, uw, vw,
    summed over each series for each alpha [K, A]. Steps without y are passed over. O(N A)."""
    for k in range(offsets.size - 1):
        if stop[0]:
            return k
        first = offsets[k]
        for i in range(alpha.shape[1]):
            a = alpha[k, i]
            y_level, x_level, weight = y[first], x[first], 1.0
            u2 = v2 = w2 = uv = uw = vw = 0.0
            for at in range(first, offsets[k + 1]):
                if math.isnan(y[at]):
                    continue
                u, v, w = y[at] - y_level, x[at] - x_level, weight
                u2 += u * u
                v2 += v * v
                w2 += w * w
                uv += u * v
                uw += u * w
                vw += v * w
                y_level += a * u
                x_level += a * v
                weight -= a * w
            out[0, k, i], out[1, k, i], out[2, k, i] = u2, v2, w2
            out[3, k, i], out[4, k, i], out[5, k, i] = uv, uw, vw
    return offsets.size - 1


@kernel(f64c, i64c, f64c, f64c, f64w, f64w, u8w)
def levels(y: Any, offsets: Any, alpha: Any, first: Any, before: Any, after: Any, stop: Any) -> Any:
    """Into `before` and `after` [N] the smoothed level before and after each step; it begins at the first value and `first` [K]."""
    for k in range(offsets.size - 1):
        if stop[0]:
            return k
        level, a = y[offsets[k]] + first[k], alpha[k]
        for at in range(offsets[k], offsets[k + 1]):
            before[at] = level
            if not math.isnan(y[at]):
                level += a * (y[at] - level)
            after[at] = level
    return offsets.size - 1
