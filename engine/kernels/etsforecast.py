"""Forecasts of fitted ETS models, weighed: means, standard deviations, and the fitted paths.

Variances: chapter 6 of Hyndman, Koehler, Ord & Snyder 2008, tables 6.1 and 6.2. Class 1 (additive error) and class 2 (relative error,
no or additive season) are exact; class 3 (relative error, multiplicative season) is the approximation of equation 6.25. The other
models have no formula; their bands come from simulated paths.
"""

from __future__ import annotations

import math
from typing import Any

from .etscode import (
    CUT,
    EMPTY,
    FITTED,
    FREE,
    GUARD,
    MOST_PERIOD,
    SD_PARAMETERS,
    SD_POWER,
    SD_STEPS,
    SEASON_SHARE,
    SHARED,
    TEMPERATURE,
    TEMPERATURE_POWER,
    UNFIT,
)  # fmt: skip
from .etsfilter import parameter_count, walk
from .etsstart import scaled
from .jit import f64w, f64ws, i64w, kernel, long_, real_, u8w


@kernel(f64w, long_, long_, long_, f64w, f64w, f64w, f64w, f64w, error_model="numpy", is_inner=True)
def naive(y: Any, n: Any, h: Any, first: Any, mean: Any, sd: Any, path: Any, fitted: Any, trend: Any) -> Any:
    """A random walk: the last value goes on; its deviation from the squared steps. NaN with one value, which has no step."""
    squares = 0.0
    steps = 0
    last = 0
    for i in range(n):
        fitted[first + i] = y[last]
        if y[i] == y[i]:
            if i > 0:
                e = y[i] - y[last]
                squares += e * e / (i - last)
                steps += 1
            last = i
        trend[first + i] = y[last]
    variance = squares / steps if steps > 0 else math.nan
    for i in range(h):
        mean[i] = y[last]
        path[i] = y[last]
        sd[i] = math.sqrt(variance * (i + 1.0))
    return h


@kernel(f64w, long_, real_, long_, returns=real_, error_model="numpy", is_inner=True)
def widening(cfg: Any, n: Any, p: Any, step: Any) -> Any:
    """By what a standard deviation grows since p parameters were estimated from n values: learnt, 1 for a long series."""
    share = math.exp(cfg[SD_POWER] * math.log(20.0 / n)) / 20.0
    return math.sqrt(1.0 + (cfg[SD_PARAMETERS] * p + cfg[SD_STEPS] * step) * share)


@kernel(long_, long_, long_, real_, f64w, long_, long_, f64w, f64w, f64w, long_, error_model="numpy", is_inner=True)
def predict(
    T: Any, S: Any, m: Any, phi: Any, states: Any, at: Any, h: Any, f: Any, base: Any, path: Any, to: Any
) -> Any:
    """Forecasts f, what class 3 multiplies (base), and without season (path), each [to .. to + h], from states[at ..]."""
    level = states[at]
    slope = states[at + 1]
    reach = 0.0
    power = 1.0
    for i in range(h):
        power *= phi
        reach += power
        if T == 0:
            q = level
        elif T < 3:
            q = level + reach * slope
        else:
            q = reach * math.log(slope)
            q = level * math.exp(q if q < 600.0 else 600.0)
        path[to + i] = q
        base[i] = q
        if S == 1:
            q += states[at + 2 + i % m]
            base[i] = q
        elif S == 2:
            q *= states[at + 2 + i % m]
        f[to + i] = q
    return h


@kernel(
    long_, long_, long_, long_, real_, real_, real_, real_, real_, long_, f64w, f64w, f64w, f64w, f64w, long_, u8w,
    error_model="numpy", is_inner=True,
)  # fmt: skip
def deviate(
    E: Any, T: Any, S: Any, m: Any, alpha: Any, beta: Any, gamma: Any, phi: Any, variance: Any,
    h: Any, f: Any, base: Any, effect: Any, theta: Any, sd: Any, to: Any, stop: Any,
) -> Any:  # fmt: skip
    """sd[to ..]: standard deviations of the forecasts; `variance` of e, or of e / f. O(h), O(h^2) with relative errors."""
    reach = 0.0
    power = 1.0
    for i in range(h):  # of an error on the forecast i + 1 steps later
        power *= phi
        reach += power
        effect[i] = alpha + beta * reach
        if S == 1 and (i + 1) % m == 0:
            effect[i] += gamma
    if E == 0:
        v = 1.0
        for i in range(h):
            sd[to + i] = math.sqrt(variance * v)
            v += effect[i] * effect[i]
        return h
    growth = 1.0
    for i in range(h):
        if stop[0]:
            return i
        square = base[i] * base[i]
        v = 0.0
        for j in range(i):
            v += effect[j] * effect[j] * theta[i - 1 - j]
        theta[i] = square + variance * v
        if S == 2 and i > 0 and i % m == 0:
            growth *= 1.0 + gamma * gamma * variance
        v = theta[i] * (1.0 + variance) * growth - square
        v = math.sqrt(v) if v > 0.0 else 0.0
        if S == 2 and base[i] != 0.0:
            v *= abs(f[to + i] / base[i])
        sd[to + i] = v
    return h


@kernel(
    long_, long_, long_, real_, real_, f64w, f64w, f64w, real_, long_, f64w, f64w, error_model="numpy", is_inner=True
)
def look_back(
    n: Any, T: Any, S: Any, phi: Any, w: Any, level: Any, slope: Any, season: Any, last: Any, first: Any, fitted: Any, trend: Any
) -> Any:  # fmt: skip
    """Adds w times a model's forecasts one step ahead, and its levels behind each value, to fitted and trend [first ..]."""
    for i in range(n):
        f = level[i]
        if T > 2:
            f *= math.exp(phi * math.log(slope[i]))
        elif T > 0:
            f += phi * slope[i]
        if S == 1:
            f += season[i]
        elif S == 2:
            f *= season[i]
        fitted[first + i] += w * f
        trend[first + i] += w * (level[i + 1] if i + 1 < n else last)
    return n


@kernel(long_, long_, long_, real_, f64w, f64w, f64w, f64w, f64w, f64w, error_model="numpy", is_inner=True)
def mix(
    n_models: Any, at: Any, h: Any, total: Any, weight: Any, f_of: Any, sd_of: Any, means: Any, spreads: Any, lines: Any
) -> Any:  # fmt: skip
    """Weights [at ..] made to sum to 1; the mixture's means and deviations: those of the models and between them."""
    for c in range(n_models):
        weight[at + c] /= total
    for i in range(h):
        f = means[i] / total
        means[i] = f
        lines[i] /= total
        v = 0.0
        for c in range(n_models):
            w = weight[at + c]
            if w > 0.0:
                e = f_of[c * h + i] - f
                v += w * (sd_of[c * h + i] * sd_of[c * h + i] + e * e)
        spreads[i] = math.sqrt(v)
    return h


@kernel(
    f64w, i64w, i64w, i64w, i64w, long_, i64w, long_, f64w, f64ws(SHARED), f64ws(9), f64w, f64w, f64w, i64w,
    f64w, f64w, f64w, f64w, f64w, f64w, f64w, f64w, i64w, u8w, error_model="numpy",
)  # fmt: skip
def forecast(
    values: Any, starts: Any, ends: Any, gaps: Any, periods: Any, horizon: Any, models: Any, mode: Any, cfg: Any, work: Any, steps: Any,
    out_th: Any, rank: Any, all_s0: Any, status: Any,
    mean: Any, sd: Any, path: Any, fitted: Any, trend: Any, weight: Any, states: Any, sigma: Any, dropped: Any, stop: Any,
) -> Any:  # fmt: skip
    """Forecasts K series from what `fit` wrote; rank[K C]: what weighs, the lowest is best. mode 0: blend; else the best alone.

    Behind series k, whose last value is there, gaps[k] are missing: they are forecast first, and stand in fitted and trend.
    Writes mean, sd, path (without season) [K horizon], fitted (one step ahead) and trend (the level behind each value) [N];
    weight[K C], summing to 1; states[K C ..] (level, slope, seasonals from the next step on) and sigma[K C], scaled;
    dropped[K], how many models went beyond the guard.
    A series without a model goes on as its last value. Returns how many series are done.
    """
    y, whole, seen, level, slope, season, s0, th, s, end = work
    f_of, sd_of, path_of, means, spreads, lines, base, effect, theta = steps
    n_models = len(models)
    width = len(out_th) // (len(periods) * n_models)
    n_states = len(states) // (len(periods) * n_models)
    free = int(cfg[FREE])
    for k in range(len(periods)):
        if stop[0]:
            return k
        first = starts[k]
        n = ends[k] - first
        gap = gaps[k]
        h = horizon + gap
        n_seen = scaled(values, first, n, y, whole, seen, end)
        if status[k] == EMPTY:
            continue
        scale = end[0]
        low = end[1] / scale
        high = end[2] / scale
        for i in range(n):
            fitted[first + i] = 0.0
            trend[first + i] = 0.0
            season[i] = 0.0
        for i in range(h):
            means[i] = 0.0
            lines[i] = 0.0
        total = 0.0
        best = math.inf
        best_at = -1
        if status[k] == FITTED:
            for c in range(n_models):
                if rank[k * n_models + c] < best:
                    best = rank[k * n_models + c]
                    best_at = c
        for j in range(2 * MOST_PERIOD):
            s0[j] = all_s0[k * 2 * MOST_PERIOD + j]
        temperature = cfg[TEMPERATURE] * math.exp(cfg[TEMPERATURE_POWER] * math.log(max(n_seen, 1) / 50.0))
        for c in range(n_models):
            at = k * n_models + c
            weight[at] = 0.0
            if best_at < 0 or (mode != 0 and c != best_at) or not rank[at] - best < cfg[CUT] * temperature:
                continue
            E = models[c] % 2
            T = models[c] // 2 % 5
            S = models[c] // 10
            m = periods[k] if S > 0 else 1
            p = parameter_count(T, S, m, free)
            for a in range(p):
                th[a] = out_th[at * width + a]
            if not walk(y, n, m, E, T, S, th, free, s0, s, level, slope, season, end) < math.inf:
                continue
            full = p + (cfg[SEASON_SHARE] * (m - 1.0) if S > 0 and free == 0 else 0.0)
            variance = end[2] / max(n_seen - full, 1.0)
            sigma[at] = math.sqrt(variance)
            to = at * n_states
            states[to] = end[0]
            states[to + 1] = end[1]
            if S > 0:
                for j in range(m):
                    states[to + 2 + j] = s[(n + j) % m]
            alpha = th[0]
            beta = th[1] * alpha if T > 0 else 0.0
            gamma = th[1 + (1 if T > 0 else 0)] * (1.0 - alpha) if S > 0 else 0.0
            phi = th[1 + (1 if T > 0 else 0) + (1 if S > 0 else 0)] if T == 2 or T == 4 else 1.0
            predict(T, S, m, phi, states, to, h, f_of, base, path_of, c * h)
            deviate(E, T, S, m, alpha, beta, gamma, phi, variance, h, f_of, base, effect, theta, sd_of, c * h, stop)
            spread = cfg[GUARD] * (high - low)
            is_wild = False
            for i in range(h):
                f = f_of[c * h + i]
                is_wild = is_wild or not (low - spread <= f and f <= high + spread and sd_of[c * h + i] < math.inf)
            if is_wild:
                dropped[k] += 1
                continue
            for i in range(h):
                sd_of[c * h + i] *= widening(cfg, n_seen, full, i + 1)
            w = math.exp(-(rank[at] - best) / temperature)
            weight[at] = w
            total += w
            for i in range(h):
                means[i] += w * f_of[c * h + i]
                lines[i] += w * path_of[c * h + i]
            look_back(n, T, S, phi, w, level, slope, season, end[0], first, fitted, trend)
        if total > 0.0:
            mix(n_models, k * n_models, h, total, weight, f_of, sd_of, means, spreads, lines)
            for i in range(n):
                fitted[first + i] /= total
                trend[first + i] /= total
        else:
            if status[k] == FITTED:
                status[k] = UNFIT
            naive(y, n, h, first, means, spreads, lines, fitted, trend)
        for i in range(gap):
            fitted[first + n + i] = means[i]
            trend[first + n + i] = lines[i]
        for i in range(horizon):
            mean[k * horizon + i] = means[gap + i] * scale
            path[k * horizon + i] = lines[gap + i] * scale
            sd[k * horizon + i] = spreads[gap + i] * scale
        for i in range(n + gap):
            fitted[first + i] *= scale
            trend[first + i] *= scale
    return len(periods)
