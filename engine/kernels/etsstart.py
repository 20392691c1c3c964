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


@kernel(f64w, f64w, long_, long_, real_, f64w, f64w, f64w, error_model="numpy", is_inner=True)
def decompose(y: Any, whole: Any, n: Any, m: Any, shrink: Any, s0: Any, count: Any, out: Any) -> Any:
    """s0[2 m]: additive and multiplicative seasonals of the classical decomposition of `whole`, drawn to none by
    cycles / (cycles + shrink), summing to 0 and m. The trend is a centred moving average where two periods and a point are
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
    first = half if has_average else 0
    for i in range(first, n - first):
        base = level + slope * (i + 1.0)
        if has_average:
            base = 0.5 * whole[i - half] + 0.5 * whole[i + half] if is_even else whole[i - half] + whole[i + half]
            for j in range(i - half + 1, i + half):
                base += whole[j]
            base /= m
        if y[i] == y[i]:
            s0[i % m] += y[i] - base
            count[i % m] += 1.0
            if base > 0.0:
                s0[m + i % m] += y[i] / base
                count[m + i % m] += 1.0
    cycles = n / m
    keep = cycles / (cycles + shrink)
    sums = ratios = 0.0
    for j in range(m):
        s0[j] = keep * s0[j] / count[j] if count[j] > 0.0 else 0.0
        v = s0[m + j] / count[m + j] if count[m + j] > 0.0 else 1.0
        v = 1.0 + keep * (v - 1.0)
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
