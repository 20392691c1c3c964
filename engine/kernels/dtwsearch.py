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

from .dtw import LANES, f64w2, lanes_within, normalise_block
from .dtwpruned import SLACK, STEP, added, envelope
from .jit import f64w, i32w, i64w, kernel, long_, u8w

double_ = types.float64
POSITIONS = 2048  # between two looks at the stop byte
RESTART = 4096  # positions after which running sums begin anew
UNSURE = 1e-5  # variance to mean square below which a window's own values are summed
FAR = 1e8  # standard deviations between a window and zero from which the mean's last bit is too coarse
CLOSE = 1e-6  # how far a running normalisation may be off: sums of RESTART terms are some hundred times closer


@kernel(f64w, f64w, long_, f64w, f64w, u8w)
def running(x: Any, t: Any, m: Any, mean: Any, scale: Any, stop: Any) -> Any:
    """Mean and 1 / population standard deviation of each window of m points of x, nearly; 0 for a flat one. O(points).

    `t`: the values that x are made from, which tell a flat window; x are at most 2 in size. A window whose values are too
    small to square, or too far from zero, has no scale (NaN): it passes all bounds.
    """
    step = max(RESTART, m)
    for start in range(0, mean.size, step):
        if stop[0]:
            return start
        centre = x[start]
        s = q = 0.0
        for i in range(start, start + m - 1):
            v = x[i] - centre
            s += v
            q += v * v
        peak = q
        for p in range(start, min(start + step, mean.size)):
            v = x[p + m - 1] - centre
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
                    u += x[i] - x[p]
                    is_flat = is_flat and t[i] == t[p]
                u = u / m + x[p]
                var = 0.0
                for i in range(p, p + m):
                    var += (x[i] - u) * (x[i] - u)
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
            if abs(mean[p]) * scale[p] > FAR:
                scale[p] = np.nan
            v = x[p] - centre
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


@kernel(f64w, f64w, i32w, i32w, i64w, long_, f64w2, double_, long_, f64w2, f64w2, f64w2, f64w, u8w)
def warp(
    t: Any, q: Any, low: Any, high: Any, at: Any, n: Any, rest: Any, cut: Any, normalised: Any, block: Any, one: Any, two: Any,
    out: Any, stop: Any,
) -> Any:  # fmt: skip
    """Squared distances of q and the n windows that begin `at`; 0 once all exceed `cut`, 1 where `out` has them."""
    for lane in range(LANES):
        p = at[min(lane, n - 1)]
        for i in range(q.size):
            block[i, lane] = t[p + i]
    if normalised:
        normalise_block(block, out)
    for lane in range(n, LANES):
        rest[:, lane] = np.inf
    for i in range(q.size - 1, -1, -1):
        for lane in range(LANES):
            rest[i, lane] += rest[i + 1, lane]
    return lanes_within(q, block, low, high, rest, cut, one, two, out, stop)


@kernel(f64w, long_, double_, double_, f64w, f64w, double_, f64w, returns=double_)
def about_pattern(t: Any, p: Any, u: Any, s: Any, upper: Any, lower: Any, cut: Any, cost: Any) -> Any:
    """The envelope bound of the window from p on about the pattern, given up above `cut`; `cost`: STEP places to work with."""
    total = 0.0
    i = 0
    while i < upper.size and total <= cut:
        n = min(STEP, upper.size - i)
        for k in range(n):  # no sum in here: this loop becomes vectors, a sum in order would not
            x = (t[p + i + k] - u) * s
            d = max(0.0, max(x - upper[i + k], lower[i + k] - x))
            cost[k] = d * d
        total += added(cost, n)
        i += n
    return total


@kernel(f64w, long_, f64w, f64w, double_, double_, double_, double_, f64w, returns=double_)
def about_window(q: Any, p: Any, upper: Any, lower: Any, u: Any, s: Any, off: Any, cut: Any, cost: Any) -> Any:
    """The bound of the pattern about the window from p on, wider by `off`; cost[i]: the share of point i."""
    total = 0.0
    i = 0
    while i < q.size and total <= cut:
        n = min(STEP, q.size - i)
        share = cost[i:]
        for k in range(n):
            high, low = (upper[p + i + k] - u) * s + off, (lower[p + i + k] - u) * s - off
            d = max(0.0, max(q[i + k] - high, low - q[i + k]))
            share[k] = d * d
        total += added(share, n)
        i += n
    return total


@kernel(f64w, long_, long_, long_, long_, f64w, f64w, makes_arrays=True)
def around(t: Any, begin: Any, end: Any, left: Any, right: Any, upper: Any, lower: Any) -> Any:
    """Greatest and least of t[i - left : i + right] for i of begin .. end, within t."""
    first, last = max(0, begin - left), min(t.size, end - 1 + right)
    low, high = np.empty(end - begin, np.int32), np.empty(end - begin, np.int32)
    for i in range(begin, end):
        low[i - begin] = max(i - left, 0) - first
        high[i - begin] = min(i + right, t.size) - first
    return envelope(t[first:last], low, high, upper, lower)


@kernel(
    f64w, f64w, f64w, f64w, f64w, u8w, i32w, i32w, f64w, f64w, double_, long_, long_, long_, f64w, i64w, u8w
, makes_arrays=True)  # fmt: skip
def search(
    t: Any, x: Any, q: Any, mean: Any, scale: Any, allowed: Any, low: Any, high: Any, qupper: Any, qlower: Any, off: Any, lead: Any,
    base: Any, part: Any, best: Any, where: Any, stop: Any,
) -> Any:  # fmt: skip
    """The nearest allowed window of t: best[part] becomes its squared distance, where[part] its place, counted from `base`.

    `x`: t made smaller, less a level near to it, to which `mean` and `scale` belong. Window p has the points from lead + p on; those before and behind all windows are there for the envelope. `off`: how far
    `mean` and `scale` may be off in normalised values, 0 where windows are taken as they are; the pattern's envelope is wider
    by it. All parts read all of `best`, so what one finds cuts the others short. Only what exceeds a cut is dropped, never
    what equals it: the earliest of equal windows is found whatever the threads do. Returns how far it came.
    """
    m = q.size
    positions = max(POSITIONS, 4 * m)
    left = right = np.int64(0)
    for i in range(m):
        left, right = max(left, i - np.int64(low[i])), max(right, np.int64(high[i]) - i)
    bound = np.zeros(positions)
    upper, lower, work = np.empty(positions + m), np.empty(positions + m), np.empty(max(m, STEP))
    block, one, two, rest = (
        np.empty((m, LANES)),
        np.empty((m + 1, LANES)),
        np.empty((m + 1, LANES)),
        np.zeros((m + 1, LANES)),
    )
    at, out = np.empty(LANES, np.int64), np.empty(LANES)
    n = a = 0
    has_envelope = False
    known, near, limit = np.inf, np.inf, np.inf
    for p in range(mean.size + 1):
        is_end = p == mean.size
        if not is_end:
            if p == a + positions or p == 0:
                a = p
                has_envelope = False
                if stop[0]:
                    return p
                if m >= 4:
                    ends(x[lead:], q, mean, scale, p, min(p + positions, mean.size), bound)
            if bound[p - a] > near or not allowed[p]:
                continue
            u, s = mean[p], scale[p]
            if s == s:
                if about_pattern(x, lead + p, u, s, qupper, qlower, limit, work) > limit:
                    continue
                if not has_envelope:
                    around(x, lead + a, lead + min(a + positions, mean.size) + m - 1, left, right, upper, lower)
                    has_envelope = True
                if about_window(q, p - a, upper, lower, u, s, off, limit, work) > limit:
                    continue
                for i in range(m):
                    rest[i, n] = work[i]
            else:
                for i in range(m):
                    rest[i, n] = 0.0
            rest[m, n] = 0.0
            at[n] = lead + p
            n += 1
        if n == 0 or (n < LANES and not is_end and known < np.inf):
            continue
        if warp(t, q, low, high, at, n, rest, limit, off > 0.0, block, one, two, out, stop):
            for lane in range(n):
                d, place = out[lane], base + at[lane] - lead
                if d < best[part] or (d == best[part] and d < np.inf and place < where[part]):
                    best[part], where[part] = d, place
        if stop[0]:
            return p
        n = 0
        cut = best[part]
        for other in range(best.size):
            cut = min(cut, best[other])
        if cut != known:
            known, limit = cut, cut * SLACK
            near = (math.sqrt(cut) + 2.0 * off) ** 2 * SLACK
    return mean.size
