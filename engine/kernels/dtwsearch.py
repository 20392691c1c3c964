"""The window of a long series that is nearest to a pattern.

Bounds use running means and deviations, which are close; whatever passes them is normalised as a series of its own, so that the
distance is, to the bit, that of the window cut out.

Source: Rakthanmanon et al., "Searching and mining trillions of time series subsequences under dynamic time warping", 2012.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import types

from .dtwpruned import SLACK, keogh, warped
from .jit import f64w, i32w, i64w, kernel, long_, u8w

double_ = types.float64
POSITIONS = 2048  # between two looks at the stop byte
RESTART = 4096  # positions after which running sums begin anew
UNSURE = 1e-5  # variance to mean square below which a window's own values are summed
CLOSE = (
    1e-6  # how far a running normalisation may be off; measured from sums of RESTART terms, it is a thousandth of that
)


@kernel(f64w, long_, f64w, f64w, u8w)
def running(t: Any, m: Any, mean: Any, scale: Any, stop: Any) -> Any:
    """Mean and 1 / population standard deviation of each window of m points, nearly; 0 for a flat one. O(points).

    Values are at most 1 in size. A window whose values are too small to square has no scale (NaN): it passes all bounds.
    """
    step = max(RESTART, m)
    for start in range(0, mean.size, step):
        if stop[0]:
            return start
        centre = t[start]
        s = q = 0.0
        for i in range(start, start + m - 1):
            v = t[i] - centre
            s += v
            q += v * v
        peak = q
        for p in range(start, min(start + step, mean.size)):
            v = t[p + m - 1] - centre
            s += v
            q += v * v
            peak = max(peak, q)
            u = s / m
            var = q / m - u * u
            mean[p] = u + centre
            if var * m <= UNSURE * peak:
                u = 0.0
                is_flat = True
                for i in range(p, p + m):
                    u += t[i] - t[p]
                    is_flat = is_flat and t[i] == t[p]
                u = u / m + t[p]
                var = 0.0
                for i in range(p, p + m):
                    var += (t[i] - u) * (t[i] - u)
                var /= m
                mean[p] = u
                if is_flat:
                    scale[p] = 0.0
                elif var > 1e-280:
                    scale[p] = 1.0 / math.sqrt(var)
                else:
                    scale[p] = np.nan
            else:
                scale[p] = 1.0 / math.sqrt(var) if var > 1e-280 else np.nan
            v = t[p] - centre
            s -= v
            q -= v * v
    return mean.size


@kernel(f64w, f64w, f64w, f64w, long_, long_, f64w)
def ends(t: Any, q: Any, mean: Any, scale: Any, begin: Any, end: Any, out: Any) -> Any:
    """A bound of each window begin .. end from its first two and last two points. No branch, so it becomes vectors; m >= 4."""
    m = q.size
    for p in range(begin, end):
        u, s = mean[p], scale[p]
        x0, x1 = (t[p] - u) * s, (t[p + 1] - u) * s
        y0, y1 = (t[p + m - 1] - u) * s, (t[p + m - 2] - u) * s
        front = min(min((x1 - q[0]) ** 2, (x0 - q[1]) ** 2), (x1 - q[1]) ** 2)
        back = min(min((y1 - q[m - 1]) ** 2, (y0 - q[m - 2]) ** 2), (y1 - q[m - 2]) ** 2)
        out[p - begin] = (x0 - q[0]) ** 2 + (y0 - q[m - 1]) ** 2 + front + back
    return end


@kernel(f64w, long_, f64w)
def cut_out(t: Any, at: Any, z: Any) -> Any:
    """The window from `at` on, normalised as kernels.dtw.normalise does; 0 where it is flat."""
    m = z.size
    peak = 0.0
    first = t[at] * 0.25
    for i in range(m):
        z[i] = t[at + i] * 0.25 - first
        peak = max(peak, abs(z[i]))
    if peak == 0.0:
        z[:] = 0.0
        return 0
    scale = math.ldexp(1.0, -max(math.frexp(peak)[1], -1000))
    mean = spread = 0.0
    for i in range(m):
        z[i] *= scale
        mean += z[i]
    mean /= m
    for i in range(m):
        z[i] -= mean
        spread += z[i] * z[i]
    spread = math.sqrt(spread / m)
    for i in range(m):
        z[i] /= spread
    return 1


@kernel(
    f64w, f64w, f64w, f64w, u8w, f64w, f64w, i32w, i32w, f64w, f64w, double_, long_, long_, f64w, i64w, u8w
)  # fmt: skip
def search(
    t: Any, q: Any, mean: Any, scale: Any, allowed: Any, tupper: Any, tlower: Any, low: Any, high: Any, qupper: Any, qlower: Any,
    off: Any, base: Any, part: Any, best: Any, where: Any, stop: Any,
) -> Any:  # fmt: skip
    """The nearest allowed window of t: best[part] becomes its squared distance, where[part] its place, counted from `base`.

    `off`: how far `mean` and `scale` may be off in normalised values, 0 where windows are taken as they are; the pattern's
    envelope is wider by it. All parts read all of `best`, so what one finds cuts the others short. Only what exceeds a cut is
    dropped, never what equals it: the earliest of equal windows is found whatever the threads do. Returns how far it came.
    """
    m = q.size
    bound = np.zeros(POSITIONS)
    z, upper, lower, work = np.empty(m), np.empty(m), np.empty(m), np.empty((4, m + 1))
    for a in range(0, mean.size, POSITIONS):
        if stop[0]:
            return a
        b = min(a + POSITIONS, mean.size)
        if m >= 4:
            ends(t, q, mean, scale, a, b, bound)
        known, near, limit = np.inf, np.inf, np.inf
        for p in range(a, b):
            cut = best[part]
            for other in range(best.size):
                cut = min(cut, best[other])
            if cut != known:
                known, limit = cut, cut * SLACK
                near = (math.sqrt(cut) + 2.0 * off) ** 2 * SLACK
            if bound[p - a] > near or not allowed[p]:
                continue
            if stop[0]:
                return p
            u, s = mean[p], scale[p]
            two = -1.0
            if s == s:
                for i in range(m):
                    z[i] = (t[p + i] - u) * s
                one = keogh(z, qupper, qlower, limit, work[0])
                if one > limit:
                    continue
                for i in range(m):
                    upper[i] = (tupper[p + i] - u) * s + off
                    lower[i] = (tlower[p + i] - u) * s - off
                two = keogh(q, upper, lower, limit, work[1])
                if two > limit:
                    continue
                if off > 0.0:
                    cut_out(t, p, z)
            else:
                cut_out(t, p, z)
                one = keogh(z, qupper, qlower, limit, work[0])
                if one > limit:
                    continue
            d = warped(z, q, low, high, low, high, one, two, cut, work, stop)
            if d < best[part] or (d == best[part] and d < np.inf and base + p < where[part]):
                best[part] = d
                where[part] = base + p
    return mean.size
