"""Paths that fitted ETS models may take, from given normal draws."""

from __future__ import annotations

import math
from typing import Any

from .etscode import LARGE, TINY
from .jit import f64w, inline, kernel, long_, real_, u8w

FAR = 1e100  # of values whose mean is 1: a path goes no further


@inline
def advance(
    E: Any, T: Any, S: Any, phi: Any, alpha: Any, beta: Any, gamma: Any, noise: Any, state: Any, at: Any
) -> Any:
    """One step of a path: moves state (level, slope, seasonals; at: the place of this step's) and returns the value.

    A relative error is at least -1: the value does not change its sign.
    """
    level = state[0]
    if T < 3:
        grown = phi * state[1]
        q = level + grown
    else:
        slope = min(max(state[1], 1.0 / LARGE), LARGE)
        grown = math.exp(phi * math.log(slope))
        q = level * grown
    r = state[at] if S > 0 else 0.0
    q = min(max(q, -FAR), FAR)
    f = q + r if S == 1 else (q * r if S == 2 else q)
    e = max(noise, -1.0) * f if E == 1 else noise
    u = e
    v = e
    if S == 2:
        u = e / r if abs(r) > TINY else 0.0
        v = e / q if abs(q) > TINY else 0.0
    if T < 3:
        state[1] = grown + beta * u
    else:
        state[1] = grown + (beta * u / level if abs(level) > TINY else 0.0)
    state[0] = q + alpha * u
    if S > 0:
        state[at] = r + gamma * v
    return f + e


@kernel(
    long_, long_, long_, long_, long_, real_, real_, real_, real_, real_, f64w, long_, f64w, f64w, f64w, long_,
    f64w, u8w, error_model="numpy",
)  # fmt: skip
def paths(
    E: Any, T: Any, S: Any, m: Any, h: Any, alpha: Any, beta: Any, gamma: Any, phi: Any, sigma: Any,
    states: Any, at: Any, widen: Any, draws: Any, state: Any, n: Any, out: Any, stop: Any,
) -> Any:  # fmt: skip
    """out[n h] = n paths of h steps of one model, scaled, from states[at ..] and standard normal draws[n h].

    widen[h]: by what the distance of a step's value from the path without errors is multiplied (estimated parameters).
    Work: state[2 + m + h]. Returns the number of paths done.
    """
    size = 2 + (m if S > 0 else 0)
    calm = len(state) - h
    for j in range(size):
        state[j] = states[at + j]
    for i in range(h):
        state[calm + i] = advance(E, T, S, phi, alpha, beta, gamma, 0.0, state, 2 + i % m)
    for k in range(n):
        if stop[0]:
            return k
        for j in range(size):
            state[j] = states[at + j]
        for i in range(h):
            v = advance(E, T, S, phi, alpha, beta, gamma, sigma * draws[k * h + i], state, 2 + i % m)
            out[k * h + i] = state[calm + i] + widen[i] * (v - state[calm + i])
    return n
