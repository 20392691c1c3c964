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

from .dtw import LANES, f64w2, normalise_block
from .dtwbounds import about_pattern, about_window, around
from .dtwlanes import lanes_within
from .dtwpruned import SLACK
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
    m, n = q.size, end - begin
    us, ss, bounds = mean[begin:end], scale[begin:end], out[:n]
    first, second = t[begin:end], t[begin + 1 : end + 1]
    last, last_but = t[begin + m - 1 : end + m - 1], t[begin + m - 2 : end + m - 2]
    q0, q1, r0, r1 = q[0], q[1], q[m - 1], q[m - 2]
    for p in range(n):
        u, s = us[p], ss[p]
        x0, x1, y0, y1 = (first[p] - u) * s, (second[p] - u) * s, (last[p] - u) * s, (last_but[p] - u) * s
        front = min(min((x1 - q0) ** 2, (x0 - q1) ** 2), (x1 - q1) ** 2)
        back = min(min((y1 - r0) ** 2, (y0 - r1) ** 2), (y1 - r1) ** 2)
        bounds[p] = (x0 - q0) ** 2 + (y0 - r0) ** 2 + front + back
    return end


@kernel(f64w, f64w, i32w, i32w, i64w, long_, f64w2, double_, long_, f64w2, f64w2, f64w2, f64w, u8w)
def warp(
    t: Any, q: Any, low: Any, high: Any, at: Any, n: Any, rest: Any, cut: Any, normalised: Any, block: Any, one: Any, two: Any,
    out: Any, stop: Any,
) -> Any:  # fmt: skip
    """Squared distances of q and the n windows that begin `at`; 0 once all exceed `cut`, 1 where `out` has them."""
    for lane in range(LANES):
        p = at[min(lane, n - 1)]
        own = t[p : p + q.size]
        for i in range(q.size):
            block[i, lane] = own[i]
    if normalised:
        normalise_block(block, out)
    for lane in range(n, LANES):
        rest[:, lane] = np.inf
    for i in range(q.size - 1, -1, -1):
        for lane in range(LANES):
            rest[i, lane] += rest[i + 1, lane]
    return lanes_within(q, block, low, high, rest, cut, one, two, out, stop)


@kernel(u8w, f64w, f64w)
def barred(allowed: Any, scale: Any, bound: Any) -> Any:
    """The bounds of windows that are not allowed become infinite; returns how many windows have no scale."""
    n = 0
    for p in range(scale.size):
        bound[p] = bound[p] if allowed[p] else np.inf
        n += scale[p] != scale[p]
    return n


@kernel(f64w, double_, f64w)
def candidates(bound: Any, near: Any, total: Any) -> Any:
    """Of LANES windows those that are not out of question by their first bound: 0 in `total`, NaN for the others; how many."""
    n = 0
    for lane in range(LANES):
        b = bound[lane]
        total[lane] = np.nan if (b > near) | (b == np.inf) else 0.0
        n += total[lane] == 0.0
    return n


@kernel(f64w, returns=double_)
def least(best: Any) -> Any:
    """Of what all parts have found."""
    cut = best[0]
    for part in range(1, best.size):
        cut = min(cut, best[part])
    return cut


@kernel(
    f64w, f64w, i32w, i32w, i64w, long_, f64w2, double_, double_, f64w2, f64w2, f64w2, f64w, long_, long_, long_, f64w, i64w, u8w
)  # fmt: skip
def warp_all(
    t: Any, q: Any, low: Any, high: Any, at: Any, n: Any, rest: Any, limit: Any, off: Any, block: Any, one: Any, two: Any, out: Any,
    lead: Any, base: Any, part: Any, best: Any, where: Any, stop: Any,
) -> Any:  # fmt: skip
    """The nearest of n windows that begin `at` becomes the part's best if it is; 0 if none is within the limit."""
    if not warp(t, q, low, high, at, n, rest, limit, off > 0.0, block, one, two, out, stop):
        return 0
    for lane in range(n):
        d, place = out[lane], base + at[lane] - lead
        if d < best[part] or (d == best[part] and d < np.inf and place < where[part]):
            best[part], where[part] = d, place
    return 1


@kernel(
    f64w, f64w, long_, f64w, f64w, f64w, u8w, i32w, i32w, f64w, f64w, double_, long_, long_, long_, f64w, i64w, u8w
, makes_arrays=True)  # fmt: skip
def search(
    t: Any, x: Any, size: Any, q: Any, mean: Any, scale: Any, allowed: Any, low: Any, high: Any, qupper: Any, qlower: Any, off: Any,
    lead: Any, base: Any, part: Any, best: Any, where: Any, stop: Any,
) -> Any:  # fmt: skip
    """The nearest allowed window of t: best[part] becomes its squared distance, where[part] its place, counted from `base`.

    `x`: t made smaller, less a level near to it, to which `mean` and `scale` belong. Window p has the points from lead + p on; those
    before and behind all windows are there for the envelope, `size` in all. Windows are as many as fill LANES, those behind the last
    not allowed, and as many points are readable behind all. `off`: how far `mean` and `scale` may be off in normalised values, 0 where
    windows are taken as they are; the pattern's envelope is wider by it. All parts read all of `best`, so what one finds cuts the
    others short. Only what exceeds a cut is dropped, never what equals it: the earliest of equal windows is found whatever the threads
    do. Returns how far it came.
    """
    m, n_windows = q.size, mean.size
    positions = max(POSITIONS, (4 * m + LANES - 1) // LANES * LANES)
    left = right = np.int64(0)
    for i in range(m):
        left, right = max(left, i - np.int64(low[i])), max(right, np.int64(high[i]) - i)
    bound = np.zeros(positions)
    upper, lower = np.zeros(positions + m + LANES), np.zeros(positions + m + LANES)
    total, cost = np.empty(LANES), np.empty((m, LANES))
    block, one, two, rest = (
        np.empty((m, LANES)),
        np.empty((m + 1, LANES)),
        np.empty((m + 1, LANES)),
        np.zeros((m + 1, LANES)),
    )
    at, out = np.empty(LANES, np.int64), np.empty(LANES)
    n = 0
    known, near, limit = np.inf, np.inf, np.inf
    for a in range(0, n_windows, positions):
        if stop[0]:
            return a
        end = min(a + positions, n_windows)
        has_envelope = False
        bound[:] = 0.0
        if m >= 4:
            ends(x[lead:], q, mean, scale, a, end, bound)
        has_unsure = barred(allowed[a:end], scale[a:end], bound)
        for p in range(a, end, LANES):
            if not candidates(bound[p - a : p - a + LANES], near, total):
                continue
            n_unsure = 0
            for lane in range(LANES if has_unsure else 0):
                n_unsure += allowed[p + lane] != 0 and scale[p + lane] != scale[p + lane]
            n_left = about_pattern(x, lead + p, mean, scale, p, qupper, qlower, limit, total)
            if n_left == 0 and n_unsure == 0:
                continue
            if n_left:
                if not has_envelope:
                    around(x[:size], lead + a, min(lead + end + m - 1, size), left, right, upper, lower)
                    has_envelope = True
                for lane in range(LANES):
                    total[lane] = 0.0 if total[lane] <= limit else np.nan
                n_left = about_window(q, p - a, upper, lower, mean, scale, p, off, limit, total, cost)
            if n_left == 0 and n_unsure == 0:
                continue
            for lane in range(LANES):
                is_unsure = scale[p + lane] != scale[p + lane]
                if is_unsure:
                    if allowed[p + lane] == 0:
                        continue
                    rest[:m, n] = 0.0
                elif n_left and total[lane] <= limit:
                    for i in range(m):
                        rest[i, n] = cost[i, lane]
                else:
                    continue
                rest[m, n] = 0.0
                at[n] = lead + p + lane
                n += 1
                if n < LANES and known < np.inf:
                    continue
                warp_all(
                    t, q, low, high, at, n, rest, limit, off, block, one, two, out, lead, base, part, best, where, stop
                )
                n = 0
                if stop[0]:
                    return p
                cut = least(best)
                if cut != known:
                    known, limit = cut, cut * SLACK
                    near = (math.sqrt(cut) + 2.0 * off) ** 2 * SLACK
    if n:
        warp_all(t, q, low, high, at, n, rest, limit, off, block, one, two, out, lead, base, part, best, where, stop)
    return n_windows
