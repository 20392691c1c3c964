"""Local lines over evenly spaced values (Cleveland 1979), many series side by side; `engine.analytics.loess` gives the same bits.

Values lie in rows of `p` columns, one series a column: a long series is one column, the cycle-subseries of a season are `p` of them.
Weights depend on the place alone, so where no value weighs less than another a line is a sum of products with one row of weights, and
else of five such sums. Sums go in order of the window and many points at a time, so that they become vectors and keep their bits.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import types

from .jit import f64w, inline, kernel, long_, u8w

double_ = types.float64

BLOCK = 256  # points summed side by side: five sums stay in the first cache
LOOSE = 1e-3  # part of the second moment that the variance must be for five sums to do
TRICUBE, MEAN, LINE = 0, 1, 2  # what a row of weights is for


@inline
def window_of(n: Any, span: Any, i: Any) -> Any:
    """First point of the window of point i."""
    return min(max(np.int64(0), i - (span - 1) // 2), n - min(span, n))


@inline
def is_edge(n: Any, span: Any, i: Any) -> Any:
    half = (span - 1) // 2
    return n <= span or i < half or i >= n - half


@kernel(long_, long_, long_, f64w, long_)
def lean(n: Any, start: Any, size: Any, w: Any, at: Any) -> Any:
    """Weights of a mean become weights of a line at the point `start` lies from."""
    mean = 0.0
    for j in range(size):
        mean += w[at + j] * float(start + j)
    spread = 0.0
    for j in range(size):
        off = float(start + j) - mean
        spread += w[at + j] * (off * off)
    if math.sqrt(spread) > 0.001 * float(n - 1):
        slope = -mean / spread
        for j in range(size):
            w[at + j] *= slope * (float(start + j) - mean) + 1.0
    return 0


@kernel(long_, long_, long_, long_, long_, f64w, long_)
def weigh(n: Any, span: Any, i: Any, first: Any, kind: Any, out: Any, at: Any) -> Any:
    """The weights of point i of n (-1 and n lie outside) in the window from `first` on, from `at` on. O(span)."""
    size = min(span, n)
    reach = float(max(i - first, first + size - 1 - i))
    if span > n:
        reach += float((span - n) // 2)
    total = 0.0
    for j in range(size):
        far, w = abs(float(first + j - i)), 0.0
        if far <= 0.001 * reach:
            w = 1.0
        elif far <= 0.999 * reach:
            u = far / reach
            t = 1.0 - u * u * u
            w = t * t * t
        out[at + j] = w
        total += w
    if kind != TRICUBE:
        for j in range(size):
            out[at + j] /= total
    if kind == LINE:
        lean(n, first - i, size, out, at)
    return first


@kernel(f64w, long_, long_, long_, f64w, long_, long_, f64w)
def sum_plain(y: Any, base: Any, count: Any, p: Any, w: Any, at: Any, size: Any, acc: Any) -> Any:
    """Into `acc` the sum of weights by values for `count` points, whose windows begin at base, base + 1, ..."""
    j = 0
    if count == 1:
        s = 0.0
        for j in range(size):
            s += w[np.uint64(at + j)] * y[np.uint64(base + j * p)]
        acc[0] = s
        return 0
    for t in range(count):
        acc[np.uint64(t)] = 0.0
    while j + 4 <= size:
        w0, w1, w2, w3 = w[at + j], w[at + j + 1], w[at + j + 2], w[at + j + 3]
        a = base + j * p
        b, c, d = a + p, a + 2 * p, a + 3 * p
        for t in range(count):
            s = acc[np.uint64(t)]
            s += w0 * y[np.uint64(a + t)]
            s += w1 * y[np.uint64(b + t)]
            s += w2 * y[np.uint64(c + t)]
            s += w3 * y[np.uint64(d + t)]
            acc[np.uint64(t)] = s
        j += 4
    while j < size:
        w0, a = w[at + j], base + j * p
        for t in range(count):
            acc[np.uint64(t)] += w0 * y[np.uint64(a + t)]
        j += 1
    return 0


@kernel(f64w, f64w, long_, long_, long_, f64w, long_, long_, long_, f64w)
def sum_weighed(
    rw: Any, ry: Any, base: Any, count: Any, p: Any, w: Any, at: Any, size: Any, start: Any, acc: Any
) -> Any:  # fmt: skip
    """Five sums a point: of weights, by place, by its square; of weights by values, by place."""
    for t in range(5 * BLOCK):
        acc[np.uint64(t)] = 0.0
    for j in range(size):
        k, a = w[at + j], base + j * p
        by = k * float(start + j)
        square = by * float(start + j)
        for t in range(count):
            r, v = rw[np.uint64(a + t)], ry[np.uint64(a + t)]
            acc[np.uint64(t)] += k * r
            acc[np.uint64(BLOCK + t)] += by * r
            acc[np.uint64(2 * BLOCK + t)] += square * r
            acc[np.uint64(3 * BLOCK + t)] += k * v
            acc[np.uint64(4 * BLOCK + t)] += by * v
    return 0


@kernel(f64w, f64w, long_, long_, long_, f64w, long_, long_, long_, f64w, returns=double_)
def line_at(y: Any, rw: Any, base: Any, p: Any, n: Any, w: Any, at: Any, size: Any, start: Any, own: Any) -> Any:
    """One point, in steps that lose nothing where few values have all the weight. `own`: room for a row of weights."""
    total = 0.0
    for j in range(size):
        own[j] = w[at + j] * rw[base + j * p]
        total += own[j]
    for j in range(size):
        own[j] /= total
    lean(n, start, size, own, 0)
    out = 0.0
    for j in range(size):
        out += own[j] * y[base + j * p]
    return out


@kernel(
    f64w, f64w, f64w, long_, long_, long_, long_, long_, f64w, long_, long_, long_, f64w, f64w, f64w, long_
)  # fmt: skip
def points(
    y: Any, rw: Any, ry: Any, base: Any, count: Any, p: Any, first_n: Any, cut: Any, w: Any, at: Any, size: Any,
    start: Any, acc: Any, own: Any, out: Any, to: Any,
) -> Any:  # fmt: skip
    """`count` (at most BLOCK) points whose windows begin at base, base + 1, ..., into `out`; NaN where nothing has weight.

    Their series have `first_n` points; those of the columns from `cut` on have one fewer.
    """
    if not rw.size:
        sum_plain(y, base, count, p, w, at, size, acc)
        for t in range(count):
            out[np.uint64(to + t)] = acc[np.uint64(t)]
        return 0
    sum_weighed(rw, ry, base, count, p, w, at, size, start, acc)
    column = base % p
    for t in range(count):
        n = first_n if column < cut else first_n - 1
        column = column + 1 if column + 1 < p else 0
        weight = acc[np.uint64(t)]
        if weight <= 0.0:
            out[np.uint64(to + t)] = math.nan
            continue
        place, square = acc[np.uint64(BLOCK + t)] / weight, acc[np.uint64(2 * BLOCK + t)] / weight
        value, slope = acc[np.uint64(3 * BLOCK + t)] / weight, acc[np.uint64(4 * BLOCK + t)] / weight
        spread = square - place * place
        if spread < LOOSE * square:
            value = line_at(y, rw, base + t, p, n, w, at, size, start, own)
        elif math.sqrt(spread) > 0.001 * float(n - 1):
            value -= place / spread * (slope - place * value)
        out[np.uint64(to + t)] = value
    return 0


@kernel(long_, long_, long_, long_, f64w, u8w)
def edge_weights(n: Any, span: Any, beyond: Any, kind: Any, out: Any, stop: Any) -> Any:
    """Rows of weights of all points that have no full window on both sides, by `edge_row`; none if `out` is too small."""
    size, half = min(span, n), (span - 1) // 2
    rows = (n if n <= span else 2 * half) + 2 * beyond
    if rows * size > out.size:
        return 0
    for row in range(rows):
        if stop[0]:
            return 0
        i = row - beyond
        if n > span and i >= half:
            i += n - 2 * half
        weigh(n, span, i, window_of(n, span, i), kind, out, row * size)
    return rows


@inline
def edge_row(n: Any, span: Any, beyond: Any, i: Any) -> Any:
    half = (span - 1) // 2
    return i + beyond if n <= span or i < half else i - n + 2 * half + beyond


@kernel(
    f64w, f64w, f64w, long_, long_, long_, long_, long_, long_, long_, long_, f64w, long_, f64w, f64w, f64w, f64w, u8w
)  # fmt: skip
def row_of(
    y: Any, rw: Any, ry: Any, i: Any, seat: Any, low: Any, high: Any, p: Any, n: Any, span: Any, beyond: Any, edges: Any,
    n_edges: Any, mine: Any, acc: Any, own: Any, out: Any, stop: Any,
) -> Any:  # fmt: skip
    """Point i of the columns low .. high, whose series have n points, in the window of point `seat`, into row i + beyond of `out`."""
    size, first = min(span, n), window_of(n, span, seat)
    weights, at = mine, np.int64(0)
    if n_edges and i == seat and is_edge(n, span, i):
        weights, at = edges, edge_row(n, span, beyond, i) * size
    else:
        kind = TRICUBE if rw.size else (LINE if is_edge(n, span, i) else MEAN)
        weigh(n, span, i, first, kind, mine, 0)
    near = min(max(i, np.int64(0)), n - 1)
    a = low
    while a < high and not stop[0]:
        count, to = min(high - a, np.int64(BLOCK)), (i + beyond) * p + a
        points(y, rw, ry, first * p + a, count, p, n, p, weights, at, size, first - i, acc, own, out, to)
        for t in range(count):
            if math.isnan(out[to + t]):
                # outside what is next to it, which was made before
                out[to + t] = y[near * p + a + t] if near == i else out[(near + beyond) * p + a + t]
        a += count
    return 0


@kernel(
    f64w, f64w, f64w, long_, long_, long_, long_, long_, f64w, f64w, f64w, f64w, u8w
)  # fmt: skip
def inner_rows(
    y: Any, rw: Any, ry: Any, size_all: Any, p: Any, n: Any, span: Any, beyond: Any, mine: Any, acc: Any, own: Any,
    out: Any, stop: Any,
) -> Any:  # fmt: skip
    """All points that have a full window on both sides; columns from `size_all - (n - 1) * p` on have n - 1 points."""
    half, cut = (span - 1) // 2, size_all - (n - 1) * p
    weigh(n, span, half, 0, TRICUBE if rw.size else MEAN, mine, 0)
    a, end = half * p, size_all - half * p
    while a < end and not stop[0]:
        count = min(end - a, np.int64(BLOCK))
        to = a + beyond * p
        points(y, rw, ry, a - half * p, count, p, n, cut, mine, 0, span, -half, acc, own, out, to)
        for t in range(count):
            if math.isnan(out[to + t]):
                out[to + t] = y[a + t]
        a += count
    return 0


@kernel(f64w, long_, long_, long_, long_, long_, long_, long_, long_)
def between(
    out: Any, before: Any, behind: Any, end: Any, steps: Any, low: Any, high: Any, p: Any, beyond: Any
) -> Any:  # fmt: skip
    """Straight lines from row `before` to row `behind`, into the rows before `end`."""
    a, b = (before + beyond) * p, (behind + beyond) * p
    for c in range(low, high):
        rise = (out[b + c] - out[a + c]) / float(steps)
        for k in range(1, end - before):
            out[a + k * p + c] = out[a + c] + rise * float(k)
    return 0


@kernel(
    f64w, f64w, f64w, long_, long_, long_, long_, long_, long_, long_, f64w, long_, f64w, f64w, f64w, f64w, u8w
)  # fmt: skip
def jumped(
    y: Any, rw: Any, ry: Any, low: Any, high: Any, p: Any, n: Any, span: Any, beyond: Any, jump: Any, edges: Any, n_edges: Any, mine: Any, acc: Any, own: Any, out: Any, stop: Any,
) -> Any:  # fmt: skip
    """Every `jump`-th point and, in the window of the one before it as in the authors' program, the last; between them straight lines."""
    i = np.int64(0)
    while i < n and not stop[0]:
        row_of(y, rw, ry, i, i, low, high, p, n, span, beyond, edges, n_edges, mine, acc, own, out, stop)
        if i:
            between(out, i - jump, i, i, jump, low, high, p, beyond)
        i += jump
    last = i - jump
    if last != n - 1:
        row_of(y, rw, ry, n - 1, last, low, high, p, n, span, beyond, edges, n_edges, mine, acc, own, out, stop)
        between(out, last, n - 1, n, n - 1 - last, low, high, p, beyond)
    return 0


@kernel(
    f64w, f64w, f64w, long_, long_, long_, long_, long_, f64w, long_, f64w, long_, f64w, f64w, f64w, f64w, u8w
)  # fmt: skip
def smooth(
    y: Any, rw: Any, ry: Any, size_all: Any, p: Any, span: Any, beyond: Any, jump: Any, edges: Any, n_edges: Any,
    fewer: Any, n_fewer: Any, mine: Any, acc: Any, own: Any, out: Any, stop: Any,
) -> Any:  # fmt: skip
    """Lines through the first `size_all` values of y, in rows of p columns.

    `rw`, `ry`: weights and values by weights (empty: all weigh the same); `span`: odd, 3 or more; `beyond` 1: one point before and one
    behind each series too, `out` begins with the row before. `edges`, `fewer`: `edge_weights` of the longer and the shorter series.
    `mine`, `own`: room for `span` weights, `acc` for 5 * BLOCK sums. Points * span, by `jump`.
    """
    n = (size_all + p - 1) // p
    cut = size_all - (n - 1) * p
    if jump == 1 and n - 1 > span:
        inner_rows(y, rw, ry, size_all, p, n, span, beyond, mine, acc, own, out, stop)
    for part in range(2):
        low, high, own_n = (np.int64(0), cut, n) if part == 0 else (cut, p, n - 1)
        if low == high:
            continue
        known, n_known = (edges, n_edges) if part == 0 else (fewer, n_fewer)
        if jump > 1 and own_n > 2:
            step = min(jump, own_n - 1)
            jumped(y, rw, ry, low, high, p, own_n, span, beyond, step, known, n_known, mine, acc, own, out, stop)
        else:
            whole = jump == 1 and n - 1 > span
            half = (span - 1) // 2
            i = np.int64(0)
            while i < own_n and not stop[0]:
                if whole and i == half:
                    i = own_n - half
                row_of(y, rw, ry, i, i, low, high, p, own_n, span, beyond, known, n_known, mine, acc, own, out, stop)
                i += 1
        if beyond:
            row_of(y, rw, ry, -1, -1, low, high, p, own_n, span, beyond, known, n_known, mine, acc, own, out, stop)
            row_of(
                y, rw, ry, own_n, own_n, low, high, p, own_n, span, beyond, known, n_known, mine, acc, own, out, stop
            )
    return 0
