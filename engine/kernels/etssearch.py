"""Levenberg-Marquardt for ETS models: least squares with prior rows, smoothing parameters in a box (an active set)."""

from __future__ import annotations

import math
from typing import Any

from .etscode import EPS, ITERATIONS, MOST, PHI_HIGH, PHI_LOW, TOLERANCE
from .etsfilter import smoothing_count, walk
from .etsslopes import slopes
from .jit import f64w, kernel, long_, real_

TRIALS = 8  # of a step, each shorter
CENTRE, WEIGHT, TRIAL, STEP, FIXED = 0, MOST, 2 * MOST, 3 * MOST, 4 * MOST  # in the work array `x`


@kernel(f64w, f64w, long_, long_, real_, f64w, f64w, error_model="numpy", is_inner=True)
def solve(A: Any, g: Any, to: Any, p: Any, damping: Any, x: Any, L: Any) -> Any:
    """x[STEP ..] = -(A + damping diag A)^-1 g by Cholesky, 0 for what is fixed (x[FIXED ..] not 0)."""
    for a in range(p):
        row = a * p
        for c in range(a + 1):
            if x[FIXED + a] != 0.0 or x[FIXED + c] != 0.0:
                v = 1.0 if a == c else 0.0
            else:
                v = A[to * MOST + row + c]
                if a == c:
                    v += damping * v + 1e-12
            for q in range(c):
                v -= L[row + q] * L[c * p + q]
            L[row + c] = math.sqrt(v if v > 1e-14 else 1e-14) if a == c else v / L[c * p + c]
    for a in range(p):
        v = 0.0 if x[FIXED + a] != 0.0 else -g[to + a]
        for q in range(a):
            v -= L[a * p + q] * x[STEP + q]
        x[STEP + a] = v / L[a * p + a]
    for a in range(p - 1, -1, -1):
        v = x[STEP + a]
        for q in range(a + 1, p):
            v -= L[q * p + a] * x[STEP + q]
        x[STEP + a] = v / L[a * p + a]
    return p


@kernel(long_, real_, f64w, long_, long_, long_, f64w, returns=real_, error_model="numpy", is_inner=True)
def criterion(n: Any, squares: Any, th: Any, at: Any, p: Any, smoothing: Any, x: Any) -> Any:
    """n log(squares + prior of the states) + prior of the smoothing parameters, of th[at ..]: twice the log posterior, negative."""
    box = 0.0
    for a in range(smoothing):
        v = th[at + a] - x[CENTRE + a]
        box += x[WEIGHT + a] * v * v
    for a in range(smoothing, p):
        v = th[at + a] - x[CENTRE + a]
        squares += x[WEIGHT + a] * v * v
    return n * math.log(max(squares, 1e-300)) + box


@kernel(
    f64w, long_, long_, long_, long_, long_, long_, f64w, long_, long_, f64w, f64w, f64w, f64w, f64w, f64w, f64w, f64w, f64w, f64w, f64w, f64w, f64w,
    returns=real_, error_model="numpy", is_inner=True,
)  # fmt: skip
def search(
    y: Any, n: Any, seen: Any, m: Any, E: Any, T: Any, S: Any, th: Any, p: Any, free: Any, s0: Any, cfg: Any, x: Any,
    s: Any, A: Any, g: Any, L: Any, d: Any, ds: Any, level: Any, slope: Any, season: Any, end: Any,
) -> Any:  # fmt: skip
    """Improves th[p] in place; the prior's centres and precisions are x[CENTRE ..] and x[WEIGHT ..]. Returns the sum of squares.

    Precisions are in units of the error's variance for states and absolute for smoothing parameters, so that the latter weigh
    less the longer the series is. Ends after two gains in a row below the tolerance. Infinite if it cannot start.
    """
    smoothing = smoothing_count(T, S)
    has_phi = T == 2 or T == 4
    to = 0
    squares = slopes(y, n, m, E, T, S, th, p, free, s0, to, s, A, g, d, ds)
    if not squares < math.inf:
        return squares
    best = criterion(seen, squares, th, 0, p, smoothing, x)
    damping = 1e-2
    small = 0
    steps = int(cfg[ITERATIONS])
    for step in range(steps):
        states = 0.0
        for a in range(smoothing, p):
            v = th[a] - x[CENTRE + a]
            states += x[WEIGHT + a] * v * v
        variance = (squares + states) / seen
        for a in range(p):
            v = x[WEIGHT + a] * (variance if a < smoothing else 1.0)
            A[to * MOST + a * p + a] += v
            g[to + a] += v * (th[a] - x[CENTRE + a])
            x[FIXED + a] = 0.0
            if a < smoothing:
                is_phi = has_phi and a == smoothing - 1
                low = PHI_LOW if is_phi else EPS
                high = PHI_HIGH if is_phi else 1.0 - EPS
                if (th[a] <= low + 1e-12 and g[to + a] > 0.0) or (th[a] >= high - 1e-12 and g[to + a] < 0.0):
                    x[FIXED + a] = 1.0
        is_better = False
        gain = 0.0
        for trial in range(TRIALS):
            solve(A, g, to, p, damping, x, L)
            for a in range(p):
                v = th[a] + x[STEP + a]
                if not abs(x[STEP + a]) < 1e15:  # derivatives beyond all bounds
                    v = th[a]
                if a < smoothing:
                    is_phi = has_phi and a == smoothing - 1
                    low = PHI_LOW if is_phi else EPS
                    high = PHI_HIGH if is_phi else 1.0 - EPS
                    if v < low:
                        v = low
                    elif v > high:
                        v = high
                x[TRIAL + a] = v
            for a in range(p):
                x[STEP + a] = th[a]
                th[a] = x[TRIAL + a]
            if trial == 0 and step + 1 < steps:
                v = slopes(y, n, m, E, T, S, th, p, free, s0, MOST - to, s, A, g, d, ds)
            else:
                v = walk(y, n, m, E, T, S, th, free, s0, s, level, slope, season, end)
            if v < math.inf:
                gain = best - criterion(seen, v, th, 0, p, smoothing, x)
                if gain > 0.0:
                    squares = v
                    is_better = True
                    if trial == 0:
                        to = MOST - to
                    elif step + 1 < steps:
                        slopes(y, n, m, E, T, S, th, p, free, s0, to, s, A, g, d, ds)
                    break
            for a in range(p):
                th[a] = x[STEP + a]
            damping *= 6.0
        if not is_better:
            break
        best -= gain
        damping = max(damping / 5.0, 1e-9)
        small = small + 1 if gain < cfg[TOLERANCE] else 0
        if small >= 2:
            break
    return squares
