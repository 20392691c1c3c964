"""Where the search for an ETS model starts: a shrunk decomposition, a line through the first values, a few smoothing parameters."""

from __future__ import annotations

import math
from typing import Any

from .jit import f64w, inline, kernel, long_, real_


@inline
def fill(y: Any, n: Any, out: Any) -> Any:
    """out[n] = y[n] with gaps on the line between their neighbours. The first is there. Only starting values see it."""
    last = 0
    for i in range(n):
        out[i] = y[i]
        if y[i] == y[i]:
            for j in range(last + 1, i):
                out[j] = y[last] + (y[i] - y[last]) * (j - last) / (i - last)
            last = i
    for j in range(last + 1, n):
        out[j] = y[last]


@kernel(f64w, long_, long_, long_, f64w, f64w, error_model="numpy", is_inner=True)
def line(y: Any, n: Any, m: Any, S: Any, s0: Any, out: Any) -> Any:
    """out = (level before the first point, slope) of the least-squares line through y[n], seasonally adjusted by s0."""
    sx = sy = sxx = sxy = 0.0
    at = (S - 1) * m
    for i in range(n):
        v = y[i]
        if S > 0:
            v = v - s0[at + i % m] if S == 1 else v / s0[at + i % m]
        x = i + 1.0
        sx += x
        sy += v
        sxx += x * x
        sxy += x * v
    spread = n * sxx - sx * sx
    slope = (n * sxy - sx * sy) / spread if spread > 0.0 else 0.0
    out[0] = (sy - slope * sx) / n
    out[1] = slope
    return n


@inline
def kept_part(m: Any, at: Any, shrink: Any, squares: Any, seen: Any, s0: Any, count: Any) -> Any:
    """What is kept of seasonals s0[at .. at + m] (sums of count[at ..] values, whose squares sum up to `squares`)."""
    mean = between = has = 0.0
    for j in range(at, at + m):
        if count[j] > 0.0:
            has += 1.0
            mean += (s0[j] / count[j] - mean) / has
            squares -= s0[j] * s0[j] / count[j]
    for j in range(at, at + m):
        if count[j] > 0.0:
            off = s0[j] / count[j] - mean
            between += off * off
    if not (between > 0.0 and has > 1.0):
        return 1.0
    noise = max(squares, 0.0) / max(seen - has, 1.0) * has / seen
    return max(0.0, 1.0 - shrink * noise / (between / (has - 1.0)))


@kernel(f64w, f64w, long_, long_, real_, f64w, f64w, f64w, error_model="numpy", is_inner=True)
def decompose(y: Any, whole: Any, n: Any, m: Any, shrink: Any, s0: Any, count: Any, out: Any) -> Any:
    """s0[2 m]: additive and multiplicative seasonals of the classical decomposition of `whole`, drawn to none by 1 less `shrink`
    times the variance of their error over their own (James & Stein 1961; for seasonals Miller & Williams, "Shrinkage
    estimators of time series seasonal factors", 2003), summing to 0 and m. The trend is a centred moving average where two periods and a point are
    there, else a line. What is missing in y is not averaged. Work: count[2 m]."""
    has_average = n >= 2 * m + 1
    half = m // 2
    is_even = m % 2 == 0
    line(whole, n, m, 0, s0, out)
    level = out[0]
    slope = out[1]
    for j in range(2 * m):
        s0[j] = 0.0
        count[j] = 0.0
    squares = of_ratios = seen = 0.0
    first = half if has_average else 0
    for i in range(first, n - first):
        base = level + slope * (i + 1.0)
        if has_average:
            base = 0.5 * whole[i - half] + 0.5 * whole[i + half] if is_even else whole[i - half] + whole[i + half]
            for j in range(i - half + 1, i + half):
                base += whole[j]
            base /= m
        if y[i] == y[i]:
            off = y[i] - base
            s0[i % m] += off
            squares += off * off
            seen += 1.0
            count[i % m] += 1.0
            if base > 0.0:
                off = y[i] / base - 1.0
                s0[m + i % m] += off
                of_ratios += off * off
                count[m + i % m] += 1.0
    kept = kept_part(m, 0, shrink, squares, seen, s0, count)
    keep = kept_part(m, m, shrink, of_ratios, seen, s0, count)
    sums = ratios = 0.0
    for j in range(m):
        s0[j] = kept * s0[j] / count[j] if count[j] > 0.0 else 0.0
        v = 1.0 + (keep * s0[m + j] / count[m + j] if count[m + j] > 0.0 else 0.0)
        s0[m + j] = v if v > 0.01 else 0.01
        sums += s0[j]
        ratios += s0[m + j]
    for j in range(m):
        s0[j] -= sums / m
        s0[m + j] *= m / ratios
    return n


@kernel(f64w, long_, long_, f64w, f64w, f64w, f64w, error_model="numpy", is_inner=True)
def scaled(values: Any, first: Any, n: Any, y: Any, whole: Any, seen: Any, end: Any) -> Any:
    """y[n] = values / mean |value|, `whole` without gaps, seen[n]; end = scale, least, greatest. Returns how many are there."""
    count = 0
    scale = 0.0
    low = math.inf
    high = -math.inf
    for i in range(n):
        v = values[first + i]
        y[i] = v
        seen[i] = 0.0
        if v == v:
            seen[i] = 1.0
            count += 1
            scale += (abs(v) - scale) / count  # a sum could overflow
            low = min(low, v)
            high = max(high, v)
    if scale == 0.0:
        scale = 1.0
    for i in range(n):
        y[i] /= scale
    if count > 0:
        fill(y, n, whole)
    end[0] = scale
    end[1] = low
    end[2] = high
    return count
