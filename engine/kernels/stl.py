"""Seasonal-trend decomposition (Cleveland, Cleveland, McRae & Terpenning 1990) of series that lie one behind the other.

`engine.analytics.seasonal` is the general path, which gives the same bits.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .jit import f64w, i64w, kernel, long_, u8w
from .loess import BLOCK, LINE, TRICUBE, double_, edge_weights, smooth

TABLE = 1 << 18  # weights of edges that are kept, at most
ROUNDING = 1e-12  # part of the greatest value that counts as what rounding left


@kernel(f64w, f64w, long_, long_, long_, long_)
def moving_mean(x: Any, out: Any, at: Any, to: Any, n: Any, size: Any) -> Any:
    """Of each `size` neighbours of n values from `at` on. Returns how many there are. O(n)."""
    total = 0.0
    for i in range(size):
        total += x[at + i]
    out[to] = total / float(size)
    for i in range(1, n - size + 1):
        total += x[at + i + size - 1] - x[at + i - 1]
        out[to + i] = total / float(size)
    return n - size + 1


@kernel(f64w, long_, long_, returns=double_)
def kth(values: Any, n: Any, k: Any) -> Any:
    """The k-th least (from 0) of the first n values, which are moved about (Hoare 1961)."""
    low, high = np.int64(0), n - 1
    while low < high:
        pivot = values[(low + high) >> 1]
        i, j = low, high
        while i <= j:
            while values[i] < pivot:
                i += 1
            while pivot < values[j]:
                j -= 1
            if i <= j:
                values[i], values[j] = values[j], values[i]
                i += 1
                j -= 1
        if k <= j:
            high = j
        elif k >= i:
            low = i
        else:
            break
    return values[k]


@kernel(f64w, long_, long_, f64w, f64w, f64w, f64w)
def bisquare(y: Any, first: Any, n: Any, trend: Any, season: Any, rw: Any, spare: Any) -> Any:
    """Weights by what is left: 1 - (r / 6 medians)^2, squared. Returns 0 where what is left is no number.

    Where most is left only what rounding left, which says nothing of a value, the greatest value counts instead of the medians.
    """
    largest = 0.0
    for i in range(n):
        largest = max(largest, abs(y[first + i]))
        rw[i] = spare[i] = abs(y[first + i] - (trend[i] + season[i]))
        if not rw[i] < math.inf:
            return 0
    high = kth(spare, n, n // 2)
    most = max(3.0 * (high + kth(spare, n, n - n // 2 - 1)), ROUNDING * largest)
    for i in range(n):
        r = rw[i]
        if most == 0.0 or r <= 0.001 * most:
            rw[i] = 1.0
        elif r <= 0.999 * most:
            u = r / most
            t = 1.0 - u * u
            rw[i] = t * t
        else:
            rw[i] = 0.0
    return 1


@kernel(f64w, i64w, i64w, i64w, long_, long_, i64w, f64w, f64w, f64w, u8w, makes_arrays=True)
def decompose(
    values: Any, offsets: Any, periods: Any, spans: Any, inner: Any, outer: Any, jumps: Any, out_trend: Any,
    out_season: Any, out_weight: Any, stop: Any,
) -> Any:  # fmt: skip
    """Trend, season and weight of each value of the series `offsets[k] .. offsets[k + 1]`.

    `periods`: 2 or more, twice within the series; `spans`: of the season's, the trend's, the low-pass lines of each series, odd, the last
    two above the period; `jumps`: of the three. Returns how many series were done. O(values * span / jump).
    """
    longest = wide = table = np.int64(0)
    for k in range(offsets.size - 1):
        n = offsets[k + 1] - offsets[k]
        longest = max(longest, n)
        wide = max(wide, periods[k], spans[3 * k], spans[3 * k + 1], spans[3 * k + 2])
        size = min(n, max(spans[3 * k], spans[3 * k + 1], spans[3 * k + 2]))
        table = max(table, min((size + 2) * size, np.int64(TABLE)))
    room = longest + 2 * wide
    rest, cycle, mean, low = np.empty(room), np.empty(room), np.empty(room), np.empty(room)
    trend, season, rw, ry, none = (
        np.empty(longest),
        np.empty(longest),
        np.empty(longest),
        np.empty(longest),
        np.empty(0),
    )
    mine, own, acc = np.empty(wide), np.empty(wide), np.empty(5 * BLOCK)
    tables = np.empty((7, table))
    known = np.zeros(7, np.int64)
    n_before = p_before = s_before = t_before = l_before = np.int64(-1)
    for k in range(offsets.size - 1):
        first, n, p = offsets[k], offsets[k + 1] - offsets[k], periods[k]
        s_span, t_span, l_span = spans[3 * k], spans[3 * k + 1], spans[3 * k + 2]
        cycles = (n + p - 1) // p
        if n != n_before or p != p_before or s_span != s_before or t_span != t_before or l_span != l_before:
            known[0] = edge_weights(cycles, s_span, 1, LINE, tables[0], stop)
            known[1] = edge_weights(cycles - 1, s_span, 1, LINE, tables[1], stop)
            known[2] = edge_weights(n, t_span, 0, LINE, tables[2], stop)
            known[3] = edge_weights(n, l_span, 0, LINE, tables[3], stop)
            if outer:
                known[4] = edge_weights(cycles, s_span, 1, TRICUBE, tables[4], stop)
                known[5] = edge_weights(cycles - 1, s_span, 1, TRICUBE, tables[5], stop)
                known[6] = edge_weights(n, t_span, 0, TRICUBE, tables[6], stop)
            n_before, p_before, s_before, t_before, l_before = n, p, s_span, t_span, l_span
        for i in range(n):
            trend[i] = season[i] = 0.0
            rw[i] = 1.0
        for loop in range(outer + 1):
            weighed = rw if loop else none
            byes = ry if loop else none
            kind = 4 if loop else 0
            for _ in range(inner):
                for i in range(n):
                    rest[i] = values[first + i] - trend[i]
                    if loop:
                        ry[i] = rw[i] * rest[i]
                smooth(
                    rest, weighed, byes, n, p, s_span, 1, jumps[0], tables[kind], known[kind], tables[kind + 1],
                    known[kind + 1], mine, acc, own, cycle, stop,
                )  # fmt: skip
                if stop[0]:
                    return k
                m = moving_mean(cycle, mean, 0, 0, n + 2 * p, p)
                m = moving_mean(mean, low, 0, 0, m, p)
                moving_mean(low, mean, 0, 0, m, 3)
                smooth(
                    mean, none, none, n, 1, l_span, 0, jumps[2], tables[3], known[3], tables[3], known[3], mine, acc,
                    own, low, stop,
                )  # fmt: skip
                if stop[0]:
                    return k
                for i in range(n):
                    season[i] = cycle[p + i] - low[i]
                    rest[i] = values[first + i] - season[i]
                    if loop:
                        ry[i] = rw[i] * rest[i]
                smooth(
                    rest, weighed, byes, n, 1, t_span, 0, jumps[1], tables[kind + 2], known[kind + 2], tables[kind + 2],
                    known[kind + 2], mine, acc, own, trend, stop,
                )  # fmt: skip
                if stop[0]:
                    return k
            if loop < outer and not bisquare(values, first, n, trend, season, rw, mean):
                for i in range(n):
                    trend[i] = season[i] = rw[i] = math.nan
                break
        for i in range(n):
            out_trend[first + i], out_season[first + i], out_weight[first + i] = trend[i], season[i], rw[i]
    return offsets.size - 1
