"""Fits the candidate ETS models of every series of a batch."""

from __future__ import annotations

import math
from typing import Any

from .etscode import (
    ALPHA, ALPHA_W, BETA, BETA_W, CONSTANT, DAMPED_PENALTY, EMPTY, FITTED, FREE, GAMMA, GAMMA_W, HEAD, HORIZON_SHARE,
    LEVEL_W, MOST_PERIOD, PHI, PHI_W, PRUNE, SEASON_SHARE, SHORT, SHRINK, SLOPE_W, STARTS, TREND_PENALTY, UNFIT,
)  # fmt: skip
from .etsfilter import ahead, parameter_count, smoothing_count, walk
from .etssearch import CENTRE, WEIGHT, criterion, search
from .etsstart import decompose, fill, line
from .jit import f64w, f64ws, i64w, inline, kernel, long_, u8w

N_WORK = 20


@inline
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


@inline
def write(th: Any, at: Any, T: Any, S: Any, m: Any, free: Any, alpha: Any, beta: Any, gamma: Any, phi: Any, level: Any, slope: Any, season: Any, s0: Any) -> Any:  # fmt: skip
    """One value for each parameter, in their order, to th[at ..]. Free seasonals: s0, or `season` where that is not negative."""
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
            th[k + j] = season if season >= 0.0 else s0[(S - 1) * m + j]


@inline
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


@inline
def aicc(n: Any, squares: Any, p: Any) -> Any:
    """AICc of p parameters and the variance, without the constant that R leaves out, too. Infinite with too few values."""
    k = p + 1.0
    if n - k - 1.0 <= 0.0 or not squares < math.inf:
        return math.inf
    return n * math.log(max(squares, 1e-300)) + 2.0 * k + 2.0 * k * (k + 1.0) / (n - k - 1.0)


@kernel(
    f64w, i64w, i64w, i64w, long_, i64w, long_, f64w, f64ws(N_WORK), f64w, f64w, f64w, f64w, f64w, i64w, u8w, error_model="numpy"
)  # fmt: skip
def fit(
    values: Any, starts: Any, ends: Any, periods: Any, horizon: Any, models: Any, mode: Any, cfg: Any, work: Any,
    out_th: Any, out_ic: Any, out_aicc: Any, out_s0: Any, out_scale: Any, out_status: Any, stop: Any,
) -> Any:  # fmt: skip
    """Fits models[C] (by trend, season, error) to each of K series; those that a series does not allow are left out.

    mode 0: all; 1: the first that can be fitted. Series k is values[starts[k] .. ends[k]], NaN where missing, but the first is
    there. Writes for series k and model c out_th[(k C + c) width ..], out_ic[k C + c] (what weighs, infinite: not fitted), out_aicc (plain, of scaled values),
    out_s0[k 2 MOST_PERIOD ..], out_scale[k], out_status[k]. Returns how many series are done: K unless it was stopped.
    """
    y, whole, seen, level, slope, season, s0, th, best_th, s, A, g, L, d, ds, x, end, sums, count, reach = work
    n_models = len(models)
    width = len(out_th) // (len(periods) * n_models)  # the most parameters of a model
    free = int(cfg[FREE])
    for k in range(len(periods)):
        if stop[0]:
            return k
        first = starts[k]
        n = ends[k] - first
        n_seen = scaled(values, first, n, y, whole, seen, end)
        out_scale[k] = end[0]
        low = end[1]
        for c in range(n_models):
            out_ic[k * n_models + c] = math.inf
            out_aicc[k * n_models + c] = math.inf
        if n_seen == 0:
            out_status[k] = EMPTY
            continue
        if n_seen == 1 or (n_seen < 4 and low < end[2]):
            out_status[k] = SHORT
            continue
        if low == end[2]:
            out_status[k] = CONSTANT
            continue
        out_status[k] = UNFIT
        is_positive = low > 0.0
        period = periods[k]
        has_season = period > 1 and period <= MOST_PERIOD and n >= 2 * period and n_seen >= period + 5
        if has_season:
            decompose(y, whole, n, period, cfg[SHRINK], s0, count, end)
            for j in range(2 * period):
                out_s0[k * 2 * MOST_PERIOD + j] = s0[j]
        leads0 = leads1 = leads2 = math.inf
        before = -1
        for i in range(n):
            season[i] = 0.0
        for c in range(n_models):
            E = models[c] % 2
            T = models[c] // 2 % 5
            S = models[c] // 10
            if (S > 0 and not has_season) or ((E == 1 or T > 2 or S == 2) and not is_positive):
                continue
            m = period if S > 0 else 1
            p = parameter_count(T, S, m, free)
            fixed = m - 1.0 if free == 0 else 0.0
            if n_seen - (p + cfg[SEASON_SHARE] * fixed) - 2.0 <= 0.0:
                continue
            lead = leads0 if S == 0 else (leads1 if S == 1 else leads2)
            if mode == 0 and T > 0 and lead > min(leads0, min(leads1, leads2)) + cfg[PRUNE]:
                continue
            states(whole, n, m, E, T, S, s0, int(cfg[HEAD]), end)
            now = end[0]
            step = end[1]
            smoothing = smoothing_count(T, S)
            for a in range(p):
                x[CENTRE + a] = 0.0
                x[WEIGHT + a] = 0.0
            write(x, CENTRE, T, S, m, 0, cfg[ALPHA], cfg[BETA], cfg[GAMMA], cfg[PHI], now, step, -1.0, s0)
            write(
                x,
                WEIGHT,
                T,
                S,
                m,
                0,
                cfg[ALPHA_W],
                cfg[BETA_W],
                cfg[GAMMA_W],
                cfg[PHI_W],
                cfg[LEVEL_W],
                cfg[SLOPE_W],
                0.0,
                s0,
            )
            squares = math.inf
            if cfg[STARTS] > 0.0:
                for start in range(12):
                    if (T == 0 and start // 2 % 2 == 1) or (S == 0 and start % 2 == 1):
                        continue
                    alpha = 0.05 if start < 4 else (0.3 if start < 8 else 0.7)
                    beta = 0.02 if start // 2 % 2 == 0 else 0.2
                    gamma = 0.03 if start % 2 == 0 else 0.5
                    write(th, 0, T, S, m, free, alpha, beta, gamma, 0.97, now, step, -1.0, s0)
                    v = search(
                        y, n, n_seen, m, E, T, S, th, p, free, s0, cfg, x, s, A, g, L, d, ds, level, slope, season, end
                    )
                    if v < squares:
                        squares = v
                        for a in range(p):
                            best_th[a] = th[a]
                for a in range(p):
                    th[a] = best_th[a]
            else:
                if E == 1 and before == models[c] - 1:  # the states of both errors move alike
                    squares = search(
                        y, n, n_seen, m, E, T, S, th, p, free, s0, cfg, x, s, A, g, L, d, ds, level, slope, season, end
                    )
                if not squares < math.inf:
                    best = math.inf
                    for start in range(3):
                        alpha = 0.1 if start == 0 else (cfg[ALPHA] if start == 1 else 0.75)
                        write(th, 0, T, S, m, free, alpha, cfg[BETA], cfg[GAMMA], cfg[PHI], now, step, -1.0, s0)
                        v = walk(y, n, m, E, T, S, th, free, s0, s, level, slope, season, end)
                        if v < math.inf:
                            v = criterion(n_seen, v, th, 0, p, smoothing, x)
                            if v < best:
                                best = v
                                for a in range(p):
                                    best_th[a] = th[a]
                    if best < math.inf:
                        for a in range(p):
                            th[a] = best_th[a]
                        squares = search(
                            y,
                            n,
                            n_seen,
                            m,
                            E,
                            T,
                            S,
                            th,
                            p,
                            free,
                            s0,
                            cfg,
                            x,
                            s,
                            A,
                            g,
                            L,
                            d,
                            ds,
                            level,
                            slope,
                            season,
                            end,
                        )
            before = -1
            if not squares < math.inf:
                continue
            before = models[c]
            at = k * n_models + c
            for a in range(p):
                out_th[at * width + a] = th[a]
            out_aicc[at] = aicc(n_seen, squares, p + (fixed if S > 0 else 0.0))
            v = aicc(n_seen, squares, p + (cfg[SEASON_SHARE] * fixed if S > 0 else 0.0))
            if cfg[HORIZON_SHARE] > 0.0 and mode == 0 and T < 3:
                walk(y, n, m, E, T, S, th, free, s0, s, level, slope, season, end)
                phi = th[smoothing - 1] if T == 2 else 1.0
                far = ahead(whole, seen, n, m, S, phi, horizon, level, slope, season, sums, count, reach)
                v += cfg[HORIZON_SHARE] * n_seen * (far - math.log(max(squares, 1e-300) / n_seen))
            if T == 1 or T == 3:
                v += cfg[TREND_PENALTY]
            elif T == 2 or T == 4:
                v += cfg[DAMPED_PENALTY]
            out_ic[at] = v
            out_status[k] = FITTED
            if S == 0:
                leads0 = min(leads0, v)
            elif S == 1:
                leads1 = min(leads1, v)
            else:
                leads2 = min(leads2, v)
            if mode == 1:
                break
    return len(periods)
