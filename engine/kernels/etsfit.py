"""Fits the candidate ETS models of every series of a batch."""

from __future__ import annotations

import math
from typing import Any

from .etscode import (
    CONSTANT,
    DAMPED_PENALTY,
    EMPTY,
    FITTED,
    FREE,
    HEAD,
    HORIZON_SHARE,
    MOST_PERIOD,
    N_WORK,
    PRUNE,
    SEASON_SHARE,
    SHORT,
    SHRINK,
    TREND_PENALTY,
    UNFIT,
)
from .etsfilter import ahead, parameter_count, smoothing_count, walk
from .etsmodel import aicc, improve, prior, states
from .etsstart import decompose, scaled
from .jit import f64w, f64ws, i64w, kernel, long_, u8w


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
    y, whole, seen, level, slope, season, s0, th, s, end, _, _, _, _, _, _, x, sums, count, reach = work
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
        scored = max(8, period + period // 2) if has_season else 6
        leads0 = leads1 = leads2 = math.inf
        before = -1
        for i in range(n):
            season[i] = 0.0
        for c in range(n_models):
            if stop[0]:
                return k
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
            prior(cfg, T, S, p, m, end[0], end[1], s0, x)
            has = E == 1 and before == models[c] - 1
            squares = improve(work, cfg, n, n_seen, m, E, T, S, p, free, has, stop)
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
                phi = th[smoothing_count(T, S) - 1] if T == 2 else 1.0
                far = ahead(whole, seen, n, m, S, phi, scored, level, slope, season, sums, count, reach)
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
