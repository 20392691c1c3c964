"""Only the nearest series: bounds from below, then warping that is given up as soon as it exceeds the best so far.

Sources: Keogh and Ratanamahatana, "Exact indexing of dynamic time warping", 2005 (the envelope bound); Rakthanmanon et al.,
"Searching and mining trillions of time series subsequences under dynamic time warping", 2012 (the cascade, roles swapped);
Herrmann and Webb, "Early abandoning and pruning for elastic distances", 2021; Lemire, "Faster retrieval with a two-pass
dynamic-time-warping lower bound", 2009 (running extremes).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import types

from .dtw import f64w2
from .jit import f64w, i32w, i64w, kernel, long_, u8w

double_ = types.float64
SLACK = 1.0 + 1e-9  # of every cut-off: bounds and distances are sums in another order
SAME_ROOT = 1.0 + 2.0**-50  # squares that differ by more have different roots
STEP = 32  # points between two looks at the cut-off


@kernel(f64w, f64w, i32w, i32w, double_, f64w, f64w, f64w, u8w, returns=double_)
def pruned(a: Any, b: Any, low: Any, high: Any, cut: Any, rest: Any, one: Any, two: Any, stop: Any) -> Any:
    """Squared distance of `a` and `b`, or infinity where it exceeds `cut`, and when stopped.

    rest[i]: what rows i and on cost at least (rest[n] is 0). A cell lives while its cost and the rest are within the cut. A row
    runs from the first living column of the row above to the first dead one behind its last; in four stages, each of
    which reads only neighbours that can live. `one`, `two`: m + 1 places to work with, in any state. O(living cells).
    """
    previous, current = one, two
    previous[0] = 0.0
    first, final = np.int64(0), np.int64(-1)  # living columns of the row above; before row 0 only the corner
    cost = np.inf
    for i in range(a.size):
        if stop[0]:
            return np.inf
        x = a[i]
        most = cut * SLACK - rest[i + 1]
        j = max(np.int64(low[i]), first)
        end = np.int64(high[i])
        current[j] = np.inf
        begin = last = np.int64(-1)
        known = min(final + 1, end)
        cost = np.inf
        while j < known and begin < 0:  # nothing lives to the left yet
            d = x - b[j]
            cost = min(previous[j], previous[j + 1]) + d * d
            current[j + 1] = cost
            if cost <= most:
                begin = last = j
            j += 1
        while j < known:  # all three neighbours
            d = x - b[j]
            cost = min(min(previous[j], previous[j + 1]), cost) + d * d
            current[j + 1] = cost
            if cost <= most:
                last = j
            j += 1
        if j == final + 1 and j < end:  # the one above is dead
            d = x - b[j]
            cost = min(previous[j], cost) + d * d
            current[j + 1] = cost
            if cost <= most:
                last = j
                if begin < 0:
                    begin = j
            j += 1
            while j < end and last == j - 1:  # only the left one lives
                d = x - b[j]
                cost += d * d
                current[j + 1] = cost
                if cost <= most:
                    last = j
                j += 1
        if begin < 0:
            return np.inf
        first, final = begin, last
        previous, current = current, previous
    return cost if final == b.size - 1 and cost <= cut else np.inf


@kernel(f64w, i32w, i32w, f64w, f64w, makes_arrays=True)
def envelope(x: Any, low: Any, high: Any, upper: Any, lower: Any) -> Any:
    """Greatest and least of x[low[i] : high[i]] for each i; the ends never fall. O(points)."""
    big, small = np.empty(x.size, np.int64), np.empty(x.size, np.int64)
    b0 = b1 = s0 = s1 = j = 0
    for i in range(low.size):
        while j < high[i]:
            while b1 > b0 and x[big[b1 - 1]] <= x[j]:
                b1 -= 1
            big[b1] = j
            b1 += 1
            while s1 > s0 and x[small[s1 - 1]] >= x[j]:
                s1 -= 1
            small[s1] = j
            s1 += 1
            j += 1
        while big[b0] < low[i]:
            b0 += 1
        while small[s0] < low[i]:
            s0 += 1
        upper[i] = x[big[b0]]
        lower[i] = x[small[s0]]
    return low.size


@kernel(f64w, long_, returns=double_)
def added(cost: Any, n: Any) -> Any:
    """Of the first n places: four sums side by side."""
    s0 = s1 = s2 = s3 = 0.0
    k = 0
    while k + 4 <= n:
        s0 += cost[k]
        s1 += cost[k + 1]
        s2 += cost[k + 2]
        s3 += cost[k + 3]
        k += 4
    while k < n:
        s0 += cost[k]
        k += 1
    return (s0 + s1) + (s2 + s3)


@kernel(f64w, f64w, f64w, double_, f64w, returns=double_)
def keogh(x: Any, upper: Any, lower: Any, cut: Any, cost: Any) -> Any:
    """The envelope bound, given up above `cut`; cost[i] is the share of point i."""
    total = 0.0
    i = 0
    while i < x.size and total <= cut:
        end = min(i + STEP, x.size)
        for k in range(i, end):  # no sum in here: this loop becomes vectors, a sum in order would not
            d = max(0.0, max(x[k] - upper[k], lower[k] - x[k]))
            cost[k] = d * d
        total += added(cost[i:], end - i)
        i = end
    return total


@kernel(f64w, f64w, i32w, i32w, i32w, i32w, double_, double_, double_, f64w2, u8w, returns=double_)
def warped(
    x: Any, q: Any, low: Any, high: Any, qlow: Any, qhigh: Any, one: Any, two: Any, cut: Any, work: Any,
    stop: Any,
) -> Any:  # fmt: skip
    """Squared distance of x and q if it is at most `cut`, else infinity.

    `one`, `two`: the bounds of x about q and of q about x, their shares in work[0] and work[1]. The series of the greater bound
    becomes the rows, since its shares tell what is left. (low, high): the band with x as rows, (qlow, qhigh): with q. work:
    4 x (greater length + 1).
    """
    cost, n = (work[1], q.size) if two > one else (work[0], x.size)
    cost[n] = 0.0
    for i in range(n - 1, -1, -1):
        cost[i] += cost[i + 1]
    if two > one:
        return pruned(q, x, qlow, qhigh, cut, cost, work[2], work[3], stop)
    return pruned(x, q, low, high, cut, cost, work[2], work[3], stop)


@kernel(double_, long_, double_, long_)
def is_before(a: Any, i: Any, b: Any, j: Any) -> Any:
    """Whether the squared distance a of series i ranks before b of j: by distance, which may be equal where squares are not."""
    first, second = math.sqrt(a), math.sqrt(b)
    return first < second or (first == second and i < j)


@kernel(f64w2, i64w, f64w, i32w, i32w, i32w, i32w, long_, long_, f64w, i64w, u8w, makes_arrays=True)
def nearest(
    series: Any, ids: Any, q: Any, low: Any, high: Any, qlow: Any, qhigh: Any, begin: Any, end: Any,
    best: Any, who: Any, stop: Any,
) -> Any:  # fmt: skip
    """Of the rows begin .. end of `series`, numbered `ids`, those nearest to q: among the `best` squared distances so far, and
    `who` has them, ascending; those whose distances, the roots, are equal by number. Returns how far it came."""
    n, m, k = series.shape[1], q.size, best.size
    work = np.empty((4, max(n, m) + 1))
    upper, lower, qupper, qlower = np.empty(m), np.empty(m), np.empty(n), np.empty(n)
    envelope(q, low, high, qupper, qlower)
    for s in range(begin, end):
        if stop[0]:
            return s
        x, cut = series[s], best[k - 1] * SAME_ROOT
        ends = (x[0] - q[0]) ** 2 + ((x[n - 1] - q[m - 1]) ** 2 if n > 1 or m > 1 else 0.0)
        if ends > cut * SLACK:
            continue
        one = keogh(x, qupper, qlower, cut * SLACK, work[0])
        if one > cut * SLACK:
            continue
        envelope(x, qlow, qhigh, upper, lower)
        two = keogh(q, upper, lower, cut * SLACK, work[1])
        if two > cut * SLACK:
            continue
        d = warped(x, q, low, high, qlow, qhigh, one, two, cut, work, stop)
        if d < np.inf and is_before(d, ids[s], best[k - 1], who[k - 1]):
            p = k - 1
            while p > 0 and is_before(d, ids[s], best[p - 1], who[p - 1]):
                best[p], who[p] = best[p - 1], who[p - 1]
                p -= 1
            best[p], who[p] = d, ids[s]
    return end
