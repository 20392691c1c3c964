"""Pearson's correlation of groups from sums of twice the precision (Ogita, Rump & Oishi 2005), with a bound of their error.

Where the bound leaves open how the correlation rounds, `operators.states.moments` says it from exact sums, so both give the same bits.
Rows of a group are summed in blocks by their place in it: the sums depend on the group's own values alone.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import types

from .jit import f64c, f64w, fused, i64c, inline, kernel, long_, u8w

LANES, DEEP = 64, 16  # sums side by side, and the rows that each takes before they become one
MOST = 1 << 27  # rows a group for which the bounds hold
ERROR = 2.0**-76  # of a centred sum, by the sum of the absolute values in it before they were centred
FIGURES = 6  # a field and group: shift, sum (two words), sum of squares (two words), whether they are of use


@inline
def two_sum(a: Any, b: Any) -> Any:
    s = a + b
    t = s - a
    return s, (a - (s - t)) + (b - t)


@inline
def add_two(ah: Any, al: Any, bh: Any, bl: Any) -> Any:
    """Of numbers of two words each (accurate: within 3 * 2**-106 of the result)."""
    s, e = two_sum(ah, bh)
    t, f = two_sum(al, bl)
    e += t
    h = s + e
    e = e - (h - s)
    e += f
    g = h + e
    return g, e - (g - h)


@inline
def times_two(ah: Any, al: Any, bh: Any, bl: Any) -> Any:
    p = ah * bh
    e = fused(ah, bh, -p)
    e += ah * bl + al * bh
    h = p + e
    return h, e - (h - p)


@inline
def by_two(ah: Any, al: Any, bh: Any, bl: Any) -> Any:
    q = ah / bh
    r = fused(-q, bh, ah) + al - q * bl
    e = r / bh
    h = q + e
    return h, e - (h - q)


@kernel(f64w, long_, long_, f64w, long_)
def folded(acc: Any, at: Any, count: Any, out: Any, to: Any) -> Any:
    """Adds `count` lanes, high words from `at` on and low ones LANES behind, to the two words at `to`."""
    high, low = out[to], out[to + 1]
    for t in range(count):
        high, low = add_two(high, low, acc[at + t], acc[at + LANES + t])
    out[to], out[to + 1] = high, low
    return 0


@kernel(f64c, long_, long_, returns=types.float64)
def shift_of(x: Any, first: Any, end: Any) -> Any:
    """A number whose difference from every value is exact: one of them if they lie within twice of one another, else 0."""
    low = high = x[first]
    for i in range(first, end):
        low, high = min(low, x[np.uint64(i)]), max(high, x[np.uint64(i)])
    if (low > 0.0 and high * 0.5 <= low) or (high < 0.0 and low * 0.5 >= high):
        return x[first]
    return 0.0


@kernel(f64c, i64c, f64w, u8w, makes_arrays=True)
def sums(x: Any, starts: Any, out: Any, stop: Any) -> Any:
    """FIGURES of each group `starts[g] .. starts[g + 1]` of finite values. O(rows)."""
    acc = np.empty(4 * LANES)
    for g in range(starts.size - 1):
        first, end, at = starts[g], starts[g + 1], FIGURES * g
        for k in range(FIGURES):
            out[at + k] = 0.0
        if end == first:
            continue
        shift = shift_of(x, first, end)
        out[at] = shift
        block = first
        while block < end:
            if stop[0]:
                return g
            until = min(end, block + LANES * DEEP)
            count = min(np.int64(LANES), until - block)
            acc[:] = 0.0
            row = block
            while row < until:
                for t in range(min(count, until - row)):
                    d = x[np.uint64(row + t)] - shift
                    s, e = two_sum(acc[np.uint64(t)], d)
                    acc[np.uint64(t)] = s
                    acc[np.uint64(LANES + t)] += e
                    p = d * d
                    low = fused(d, d, -p)
                    s, e = two_sum(acc[np.uint64(2 * LANES + t)], p)
                    acc[np.uint64(2 * LANES + t)] = s
                    acc[np.uint64(3 * LANES + t)] += e + low
                row += LANES
            folded(acc, 0, count, out, at + 1)
            folded(acc, 2 * LANES, count, out, at + 3)
            block = until
        fits = 2.0**-400 < out[at + 3] < 2.0**400 and end - first <= MOST
        out[at + 5] = 1.0 if fits else 0.0
    return starts.size - 1


@inline
def centred(ph: Any, pl: Any, xh: Any, xl: Any, yh: Any, yl: Any, n: Any) -> Any:
    """A sum of products about the means: p - x * y / n."""
    h, e = times_two(xh, xl, yh, yl)
    h, e = by_two(h, e, n, 0.0)
    return add_two(ph, pl, -h, -e)


@kernel(f64c, f64c, long_, types.float64, types.float64, types.float64, f64w, f64w, long_)
def settle(
    of_x: Any, of_y: Any, at: Any, ph: Any, pl: Any, n: Any, corr: Any, sure: Any, g: Any
) -> Any:  # fmt: skip
    """The root of c^2 / (a * b), as the exact path rounds it: the ratio first. Open where the ratio within its error rounds otherwise."""
    xh, xl, yh, yl = of_x[at + 1], of_x[at + 2], of_y[at + 1], of_y[at + 2]
    xx, yy = of_x[at + 3], of_y[at + 3]
    ah, al = centred(xx, of_x[at + 4], xh, xl, xh, xl, n)
    bh, bl = centred(yy, of_y[at + 4], yh, yl, yh, yl, n)
    ch, cl = centred(ph, pl, xh, xl, yh, yl, n)
    if not (ah > ERROR * xx and bh > ERROR * yy and abs(ch) > ERROR * math.sqrt(xx) * math.sqrt(yy)):
        return 0
    error = ERROR * (xx / ah + yy / bh + 2.0 * (math.sqrt(xx) * math.sqrt(yy) / abs(ch)) + 1.0)
    h, e = times_two(ch, cl, ch, cl)
    dh, dl = times_two(ah, al, bh, bl)
    h, e = by_two(h, e, dh, dl)
    if not (h > 2.0**-400 and error < 2.0**-60):
        return 0
    slack = 2.0 * error * h
    if h + (e + slack) != h or h + (e - slack) != h:
        return 0
    size = min(math.sqrt(h), 1.0)
    corr[g], sure[g] = -size if ch < 0.0 else size, 1.0
    return 1


@kernel(f64c, f64c, i64c, f64c, f64c, f64w, f64w, u8w, makes_arrays=True)
def correlations(
    x: Any, y: Any, starts: Any, of_x: Any, of_y: Any, corr: Any, sure: Any, stop: Any
) -> Any:  # fmt: skip
    """Of two columns whose `sums` are known, into `corr`; `sure`: 1 where it is rounded as the exact one. O(rows)."""
    acc, total = np.empty(2 * LANES), np.empty(2)
    for g in range(starts.size - 1):
        first, end, at = starts[g], starts[g + 1], FIGURES * g
        sure[g] = 0.0
        if not (of_x[at + 5] and of_y[at + 5]):
            continue
        u, v = of_x[at], of_y[at]
        total[:] = 0.0
        block = first
        while block < end:
            if stop[0]:
                return g
            until = min(end, block + LANES * DEEP)
            count = min(np.int64(LANES), until - block)
            acc[:] = 0.0
            row = block
            while row < until:
                for t in range(min(count, until - row)):
                    a, b = x[np.uint64(row + t)] - u, y[np.uint64(row + t)] - v
                    p = a * b
                    low = fused(a, b, -p)
                    s, e = two_sum(acc[np.uint64(t)], p)
                    acc[np.uint64(t)] = s
                    acc[np.uint64(LANES + t)] += e + low
                row += LANES
            folded(acc, 0, count, total, 0)
            block = until
        settle(of_x, of_y, at, total[0], total[1], float(end - first), corr, sure, g)
    return starts.size - 1
