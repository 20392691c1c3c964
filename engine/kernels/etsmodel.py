"""One ETS model of one series: where its search starts, and the search."""

from __future__ import annotations

import math
from typing import Any

from .etscode import ALPHA, ALPHA_W, BETA, BETA_W, GAMMA, GAMMA_W, LEVEL_W, PHI, PHI_W, SLOPE_W, STARTS
from .etsfilter import smoothing_count, walk
from .etssearch import CENTRE, WEIGHT, criterion, search
from .etsstart import line
from .jit import f64w, inline, kernel, long_, real_


@kernel(
    f64w, long_, long_, long_, long_, long_, real_, real_, real_, real_, real_, real_, f64w, error_model="numpy",
    is_inner=True,
)  # fmt: skip
def write(
    th: Any, at: Any, T: Any, S: Any, m: Any, free: Any,
    alpha: Any, beta: Any, gamma: Any, phi: Any, level: Any, slope: Any, s0: Any,
) -> Any:  # fmt: skip
    """One value for each parameter, in their order, to th[at ..]."""
    th[at] = alpha
    k = at + 1
    if T > 0:
        th[k] = beta
        k += 1
    if S > 0:
        th[k] = gamma
        k += 1
    if T == 2 or T == 4:
        th[k] = phi
        k += 1
    th[k] = level
    k += 1
    if T > 0:
        th[k] = slope
        k += 1
    if S > 0 and free:
        for j in range(m - 1):
            th[k + j] = s0[(S - 1) * m + j]
    return k


@kernel(f64w, long_, long_, long_, long_, long_, f64w, long_, f64w, error_model="numpy", is_inner=True)
def states(whole: Any, n: Any, m: Any, E: Any, T: Any, S: Any, s0: Any, head: Any, end: Any) -> Any:
    """end = level and slope before the first value, by a line through the first ones; such that a product can start."""
    k = min(max(head, 2 * m if S > 0 else 0), n)
    line(whole, k, m, S, s0, end)
    level = end[0]
    slope = end[1]
    middle = level + slope * (k + 1) / 2.0
    if T == 0:
        level = middle
        slope = 0.0
    elif (E == 1 or S == 2 or T > 2) and (level + slope <= 0.0 or (T > 2 and level <= 0.0)):
        level = middle if middle > 1e-3 else 1e-3
        slope = 0.0
    if T > 2:
        slope = 1.0 + slope / level
        slope = slope if slope < 2.0 else 2.0
        slope = slope if slope > 0.5 else 0.5
    end[0] = level
    end[1] = slope
    return k


@kernel(long_, real_, real_, returns=real_, error_model="numpy", is_inner=True)
def aicc(n: Any, squares: Any, p: Any) -> Any:
    """AICc of p parameters and the variance, without the constant that R leaves out, too. Infinite with too few values."""
    k = p + 1.0
    if n - k - 1.0 <= 0.0 or not squares < math.inf:
        return math.inf
    return n * math.log(max(squares, 1e-300)) + 2.0 * k + 2.0 * k * (k + 1.0) / (n - k - 1.0)


@inline
def best_alpha(
    work: Any, cfg: Any, n: Any, n_seen: Any, m: Any, E: Any, T: Any, S: Any, p: Any, free: Any, level0: Any,
    slope0: Any,
) -> Any:  # fmt: skip
    """th at the centres of the priors, with the best of three alphas. Returns whether any of them can be."""
    y, _, _, level, slope, season, s0, th, s, end, best, _, _, _, _, _, x, _, _, _ = work
    least = math.inf
    for start in range(3):
        alpha = 0.1 if start == 0 else (cfg[ALPHA] if start == 1 else 0.75)
        write(th, 0, T, S, m, free, alpha, cfg[BETA], cfg[GAMMA], cfg[PHI], level0, slope0, s0)
        v = walk(y, n, m, E, T, S, th, free, s0, s, level, slope, season, end)
        if v < math.inf:
            v = criterion(n_seen, v, th, 0, p, smoothing_count(T, S), x)
            if v < least:
                least = v
                for a in range(p):
                    best[a] = th[a]
    if least < math.inf:
        for a in range(p):
            th[a] = best[a]
    return least < math.inf


@inline
def improve(
    work: Any, cfg: Any, n: Any, n_seen: Any, m: Any, E: Any, T: Any, S: Any, p: Any, free: Any, has: Any, stop: Any
) -> Any:
    """th of the model. Returns its sum of squares, infinite if there is none. end: level and slope to start with.

    With priors one search, from th itself if it `has` that of the other error, whose states move alike, or else from the best
    alpha. Else the best of 12 searches, those alike left out.
    """
    y, _, _, level, slope, season, s0, th, s, end, best, A, g, L, d, ds, x, _, _, _ = work
    level0 = end[0]
    slope0 = end[1]
    squares = math.inf
    has_many = cfg[STARTS] > 0.0
    for start in range(12 if has_many else 2):
        if stop[0]:
            break
        if has_many:
            if (T == 0 and start // 2 % 2 == 1) or (S == 0 and start % 2 == 1):
                continue
            alpha = 0.05 if start < 4 else (0.3 if start < 8 else 0.7)
            beta = 0.02 if start // 2 % 2 == 0 else 0.2
            gamma = 0.03 if start % 2 == 0 else 0.5
            write(th, 0, T, S, m, free, alpha, beta, gamma, 0.97, level0, slope0, s0)
        elif start == 0:
            if not has:
                continue
        elif squares < math.inf or not best_alpha(work, cfg, n, n_seen, m, E, T, S, p, free, level0, slope0):
            break
        v = search(y, n, n_seen, m, E, T, S, th, p, free, s0, cfg, x, s, A, g, L, d, ds, level, slope, season, end)
        if v < squares:
            squares = v
            for a in range(p):
                best[a] = th[a]
    if squares < math.inf:
        for a in range(p):
            th[a] = best[a]
    return squares


@kernel(f64w, long_, long_, long_, long_, real_, real_, f64w, f64w, error_model="numpy", is_inner=True)
def prior(cfg: Any, T: Any, S: Any, p: Any, m: Any, level: Any, slope: Any, s0: Any, x: Any) -> Any:
    """Centres and precisions, to x; free seasonals have none."""
    for a in range(p):
        x[CENTRE + a] = 0.0
        x[WEIGHT + a] = 0.0
    write(x, CENTRE, T, S, m, 0, cfg[ALPHA], cfg[BETA], cfg[GAMMA], cfg[PHI], level, slope, s0)
    write(
        x, WEIGHT, T, S, m, 0, cfg[ALPHA_W], cfg[BETA_W], cfg[GAMMA_W], cfg[PHI_W], cfg[LEVEL_W], cfg[SLOPE_W], s0
    )  # fmt: skip
    return p
