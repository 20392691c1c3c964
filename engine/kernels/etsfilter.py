"""The ETS filter: one pass over a series, its errors, and how far the same states miss several steps ahead.

All functions here and in the other `ets` modules are plain scalar code over flat sequences: run as they stand, over lists, they
give the bits of the compiled ones over arrays. So there is no division by what may be 0, no `**`, no logarithm of what may
not be positive: Python would raise where compiled code goes on.
"""

from __future__ import annotations

import math
from typing import Any

from .etscode import LARGE, TINY
from .jit import f64w, kernel, long_, real_


@kernel(long_, long_, error_model="numpy", is_inner=True)
def smoothing_count(T: Any, S: Any) -> Any:
    """How many of the parameters are smoothing parameters."""
    return 1 + (1 if T > 0 else 0) + (1 if S > 0 else 0) + (1 if T == 2 or T == 4 else 0)


@kernel(long_, long_, long_, long_, error_model="numpy", is_inner=True)
def parameter_count(T: Any, S: Any, m: Any, free: Any) -> Any:
    """How many parameters a model has."""
    return smoothing_count(T, S) + 1 + (1 if T > 0 else 0) + (m - 1 if S > 0 and free else 0)


@kernel(f64w, long_, long_, long_, long_, f64w, f64w, error_model="numpy", is_inner=True)
def first_seasons(th: Any, k: Any, S: Any, m: Any, free: Any, s0: Any, s: Any) -> Any:
    """s[m]: the seasonals before the first value, from th[k:] where they are free, else s0[(S - 1) m ..]."""
    if S > 0 and free == 0:
        for j in range(m):
            s[j] = s0[(S - 1) * m + j]
    elif S > 0:
        total = 0.0
        for j in range(m - 1):
            s[j] = th[k + j]
            total += s[j]
        s[m - 1] = (m if S == 2 else 0.0) - total
    return m


@kernel(
    f64w, long_, long_, long_, long_, long_, f64w, long_, f64w, f64w, f64w, f64w, f64w, f64w, returns=real_,
    error_model="numpy", is_inner=True,
)  # fmt: skip
def walk(
    y: Any, n: Any, m: Any, E: Any, T: Any, S: Any, th: Any, free: Any, s0: Any, s: Any, level: Any, slope: Any, season: Any, end: Any
) -> Any:  # fmt: skip
    """Filters y[n] (NaN: missing, nothing is updated). Returns the sum of squares that is least where the likelihood is most.

    -2 log L is n log(sum e^2) + 2 sum log f for relative errors e, which is n log(sum (G e)^2), G the geometric mean of f. Infinite
    where a model that multiplies gets to nothing. Writes level, slope, season [n]: the states before each step; s[m]: the last
    seasonals, by place in the period; end: level and slope behind the last step, sum of squared errors, log of G^2, values seen.
    """
    alpha = th[0]
    k = 1
    beta = gamma = b = 0.0
    phi = 1.0
    if T > 0:
        beta = th[k] * alpha
        k += 1
    if S > 0:
        gamma = th[k] * (1.0 - alpha)
        k += 1
    if T == 2 or T == 4:
        phi = th[k]
        k += 1
    lvl = th[k]
    k += 1
    if T > 0:
        b = th[k]
        k += 1
    first_seasons(th, k, S, m, free, s0, s)
    errors = logs = 0.0
    product = 1.0
    seen = j = 0
    for i in range(n):
        value = y[i]
        level[i] = lvl
        slope[i] = b
        if T < 3:
            trend = phi * b
            q = lvl + trend
        else:
            if lvl <= TINY or b < 1.0 / LARGE or b > LARGE:
                return math.inf
            trend = math.exp(phi * math.log(b))
            q = lvl * trend
        f = q
        if S > 0:
            season[i] = s[j]
            if S == 1:
                f = q + s[j]
            else:
                if q <= TINY or s[j] <= TINY:
                    return math.inf
                f = q * s[j]
        if E == 1 and f <= TINY:
            return math.inf
        if value == value:
            seen += 1
            e = value - f
            u = e if S < 2 else value / s[j] - q
            if S == 1:
                s[j] += gamma * u
            elif S == 2:
                s[j] += gamma * (value / q - s[j])
            if E == 1:
                e /= f
                product *= f
                if product > 1e100 or product < 1e-100:
                    logs += math.log(product)
                    product = 1.0
            errors += e * e
            b = trend + beta * u if T < 3 else trend + beta * u / lvl
            lvl = q + alpha * u
        else:
            b = trend
            lvl = q
        j += 1
        if j == m:
            j = 0
    logs = 2.0 * (logs + math.log(product)) / seen
    end[0] = lvl
    end[1] = b
    end[2] = errors
    end[3] = logs
    end[4] = seen
    if not (errors < math.inf and logs < 600.0) or (T > 2 and not 1.0 / LARGE <= b <= LARGE):
        return math.inf
    return errors * math.exp(logs) if E == 1 else errors


@kernel(
    f64w, f64w, long_, long_, long_, real_, long_, f64w, f64w, f64w, f64w, f64w, f64w, returns=real_,
    error_model="numpy", is_inner=True,
)  # fmt: skip
def ahead(
    y: Any, seen: Any, n: Any, m: Any, S: Any, phi: Any, h: Any, level: Any, slope: Any, season: Any, sums: Any,
    count: Any, reach: Any,
) -> Any:  # fmt: skip
    """Mean over 1 .. h steps of the log of the mean squared error so many steps ahead, within the series. O(n h).

    y[n] with 0 for missing, seen[n] 1 or 0; additive trends only. A likelihood looks one step ahead, which misleads far ahead.
    level, slope, season as `walk` left them: before step i a season that comes up a < m steps later is season[i + a].
    """
    h = min(h, max(n // 3, 1))
    power = 1.0
    total = 0.0
    for a in range(h):
        power *= phi
        total += power
        reach[a] = total
        sums[a] = 0.0
    total = 0.0
    for i in range(n):
        total += seen[i]
    for a in range(h):
        count[a] = total
        total -= seen[a]
    for i in range(n):
        lvl = level[i]
        b = slope[i]
        most = min(h, n - i)
        if S == 0:
            for a in range(most):
                e = y[i + a] - (lvl + reach[a] * b)
                sums[a] += seen[i + a] * (e * e)
            continue
        first = 0
        while first < most:
            last = min(first + m, most)
            if S == 1:
                for a in range(first, last):
                    e = y[i + a] - (lvl + reach[a] * b + season[i + a - first])
                    sums[a] += seen[i + a] * (e * e)
            else:
                for a in range(first, last):
                    e = y[i + a] - (lvl + reach[a] * b) * season[i + a - first]
                    sums[a] += seen[i + a] * (e * e)
            first = last
    total = 0.0
    for a in range(h):
        total += math.log(max(sums[a] / max(count[a], 1.0), 1e-300))
    return total / h
