"""Exact derivatives of the ETS errors by all parameters, in one pass forward, as normal equations."""

from __future__ import annotations

import math
from typing import Any

from .etscode import LARGE, MOST, TINY
from .etsfilter import first_seasons
from .jit import f64w, kernel, long_, real_


@kernel(
    f64w, long_, long_, long_, long_, long_, f64w, long_, long_, f64w, long_, f64w, f64w, f64w, f64w, f64w,
    returns=real_, error_model="numpy", is_inner=True,
)  # fmt: skip
def slopes(
    y: Any, n: Any, m: Any, E: Any, T: Any, S: Any, th: Any, p: Any, free: Any, s0: Any, to: Any, s: Any, A: Any, g: Any, d: Any, ds: Any
) -> Any:  # fmt: skip
    """The sum of squares that `walk` gives, and by th[p] its J'J and J'r: A[to MOST + p row + column], lower half, and g[to + row].

    A step is linear in the derivatives of the states, so all models are one loop over the parameters with other factors, and
    what a smoothing parameter does of itself is added. J is never kept: for relative errors it is G (J0 + r mf'), where mf is
    the derivative of the mean of log f, folded in at the end. Work: d[4 MOST], ds[m p].
    """
    alpha = th[0]
    k = 1
    beta = beta_share = gamma = gamma_share = b = 0.0
    phi = 1.0
    at_beta = at_gamma = at_phi = 0
    if T > 0:
        beta_share = th[k]
        beta = beta_share * alpha
        at_beta = k
        k += 1
    if S > 0:
        gamma_share = th[k]
        gamma = gamma_share * (1.0 - alpha)
        at_gamma = k
        k += 1
    if T == 2 or T == 4:
        phi = th[k]
        at_phi = k
        k += 1
    DB, DF, MF = MOST, 2 * MOST, 3 * MOST
    G = to
    H = to * MOST
    for a in range(p):
        d[a] = 0.0
        d[DB + a] = 0.0
        d[MF + a] = 0.0
        g[G + a] = 0.0
        for o in range(a + 1):
            A[H + a * p + o] = 0.0
    lvl = th[k]
    d[k] = 1.0
    k += 1
    if T > 0:
        b = th[k]
        d[DB + k] = 1.0
        k += 1
    first_seasons(th, k, S, m, free, s0, s)
    if S > 0:
        for a in range(m * p):
            ds[a] = 0.0
        if free:
            for j in range(m - 1):
                ds[j * p + k + j] = 1.0
                ds[(m - 1) * p + k + j] = -1.0
    squares = logs = 0.0
    product = 1.0
    seen = j = 0
    for i in range(n):
        value = y[i]
        if T < 3:
            ql = 1.0
            qb = bb = phi
            trend = phi * b
            q = lvl + trend
            trend_by_phi = q_by_phi = b
        else:
            if lvl <= TINY or b < 1.0 / LARGE or b > LARGE:
                return math.inf
            trend_by_phi = math.log(b)
            trend = math.exp(phi * trend_by_phi)
            trend_by_phi *= trend
            q = lvl * trend
            q_by_phi = lvl * trend_by_phi
            ql = trend
            bb = phi * trend / b
            qb = lvl * bb
        if value != value:
            if (S == 2 and (q <= TINY or s[j] <= TINY)) or (E == 1 and (q + s[j] if S == 1 else q) <= TINY):
                return math.inf
            for a in range(p):
                w = d[DB + a]
                d[a] = ql * d[a] + qb * w
                d[DB + a] = bb * w
            if at_phi > 0:
                d[at_phi] += q_by_phi
                d[DB + at_phi] += trend_by_phi
            lvl = q
            b = trend
            j += 1
            if j == m:
                j = 0
            continue
        seen += 1
        beta_now = beta
        back = 0.0
        fq = 1.0
        v = 0.0
        if S == 0:
            f = q
            u = value - q
            if T > 2:
                beta_now = beta / lvl
                back = beta_now * u / lvl
            la = 1.0 - alpha
            for a in range(p):
                x = d[a]
                w = d[DB + a]
                dq = ql * x + qb * w
                d[DF + a] = dq
                d[a] = la * dq
                d[DB + a] = bb * w - beta_now * dq - back * x
            if at_phi > 0:
                d[DF + at_phi] += q_by_phi
                d[at_phi] += la * q_by_phi
                d[DB + at_phi] += trend_by_phi - beta_now * q_by_phi
        else:
            r = s[j]
            if S == 1:
                f = q + r
                u = value - f
                v = u
                fs = us = vq = vs = 1.0
            else:
                if q <= TINY or r <= TINY:
                    return math.inf
                f = q * r
                u = value / r
                us = u / r
                u -= q
                v = value / q
                vq = v / q
                v -= r
                fq = r
                fs = q
                vs = 1.0
            if T > 2:
                beta_now = beta / lvl
                back = beta_now * u / lvl
            la = 1.0 - alpha
            ls = alpha * us
            bs = beta_now * us
            sq = gamma * vq
            ss = 1.0 - gamma * vs
            at = j * p
            for a in range(p):
                x = d[a]
                w = d[DB + a]
                z = ds[at + a]
                dq = ql * x + qb * w
                d[DF + a] = fq * dq + fs * z
                d[a] = la * dq - ls * z
                d[DB + a] = bb * w - beta_now * dq - bs * z - back * x
                ds[at + a] = ss * z - sq * dq
            if at_phi > 0:
                d[DF + at_phi] += fq * q_by_phi
                d[at_phi] += la * q_by_phi
                d[DB + at_phi] += trend_by_phi - beta_now * q_by_phi
                ds[at + at_phi] -= sq * q_by_phi
            ds[at] -= gamma_share * v
            ds[at + at_gamma] += (1.0 - alpha) * v
            s[j] = r + gamma * v
        d[0] += u
        if at_beta > 0:
            w = u if T < 3 else u / lvl
            d[DB] += beta_share * w
            d[DB + at_beta] += alpha * w
            b = trend + beta * w
        lvl = q + alpha * u
        e = value - f
        c = -1.0
        if E == 1:
            if f <= TINY:
                return math.inf
            w = 1.0 / f
            c = -value * w * w
            e *= w
            product *= f
            if product > 1e100 or product < 1e-100:
                logs += math.log(product)
                product = 1.0
            for a in range(p):
                d[MF + a] += d[DF + a] * w
        squares += e * e
        w = c * e
        c *= c
        for a in range(p):
            x = d[DF + a]
            g[G + a] += x * w
            x *= c
            at = H + a * p
            for k in range(a + 1):
                A[at + k] += x * d[DF + k]
        j += 1
        if j == m:
            j = 0
    if T > 2 and not 1.0 / LARGE <= b <= LARGE:
        return math.inf
    if E == 0:
        return squares if squares < math.inf else math.inf
    logs = 2.0 * (logs + math.log(product)) / seen
    if not (squares < math.inf and logs < 600.0):
        return math.inf
    scale = math.exp(logs)
    for a in range(p):
        d[MF + a] /= seen
    for a in range(p):
        at = H + a * p
        for k in range(a + 1):
            x = g[G + a] * d[MF + k] + g[G + k] * d[MF + a] + squares * d[MF + a] * d[MF + k]
            A[at + k] = scale * (A[at + k] + x)
    for a in range(p):
        g[G + a] = scale * (g[G + a] + squares * d[MF + a])
    return squares * scale
