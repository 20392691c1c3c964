"""The Theta method's search: for each smoothing constant the rest is least squares, so that one number is looked for."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from ...planner.records import dataclass
from .batch import F64, Ints
from .ragged import Steps, ratio, steps_of

PRIOR_C, PRIOR_LEVEL = 25.0, 1.0  # what (c - 1/2)^2 costs, in variances of the errors, and l^2 in squared errors
FIRST = np.array([0.01, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.99])
ROUNDS, PARTS = 2, 8  # each round looks at the places between the neighbours of the best, cut into so many parts


@dataclass(frozen=True, slots=True)
class Rows:
    """Values `y` and their line `x`, float64[N], of series `offsets[k] : offsets[k + 1]`. `compiled`: by kernels, which `stop` ends."""

    offsets: Ints
    y: F64
    x: F64
    compiled: bool
    stop: NDArray[np.uint8]

    def laid(self) -> tuple[Steps, F64, F64]:
        layout = steps_of(self.offsets)
        return layout, layout.laid(self.y), layout.laid(self.x)


@dataclass(frozen=True, slots=True)
class Found:
    """float64[K], or float64[K, A] for several alphas: the least sum of squared errors, and c and the first level that give it."""

    alpha: F64
    cost: F64
    c: F64
    level: F64


def search(rows: Rows, count: F64, is_free: bool) -> Found:
    """`count` float64[K]: known steps. `is_free`: c is looked for, with the prior; else it is 1/2, without."""
    grid = np.broadcast_to(FIRST, (len(count), len(FIRST)))
    best: Found | None = None
    for _ in range(ROUNDS + 1):
        tried = _costs(rows, count, grid, is_free)
        at = np.argmin(tried.cost, axis=1)[:, None]
        now = Found(*(np.take_along_axis(a, at, 1)[:, 0] for a in (tried.alpha, tried.cost, tried.c, tried.level)))
        if best is None:
            best = now
        else:
            better = now.cost < best.cost
            pairs = ((now.alpha, best.alpha), (now.cost, best.cost), (now.c, best.c), (now.level, best.level))
            best = Found(*(np.where(better, new, old) for new, old in pairs))
        low = np.take_along_axis(grid, np.maximum(at - 1, 0), 1)
        high = np.take_along_axis(grid, np.minimum(at + 1, grid.shape[1] - 1), 1)
        grid = low + (high - low) * (np.arange(PARTS + 1) / PARTS)
    assert best is not None
    return best


def _costs(rows: Rows, count: F64, alpha: F64, is_free: bool) -> Found:
    """For alpha float64[K, A] the best c and first level, and what they cost."""
    u2, v2, w2, uv, uw, vw = _sums(rows, np.ascontiguousarray(alpha))
    ridge, w2 = 0.0, w2 + (PRIOR_LEVEL if is_free else 0.0)
    if is_free:
        ridge = PRIOR_C * np.maximum(u2 - uv + 0.25 * v2, 0.0) / np.maximum(count - 2, 1)[:, None]
    top, bottom = uv - uw * vw / w2, np.maximum(v2 - vw * vw / w2, 0.0)
    c = np.clip(ratio(top + 0.5 * ridge, bottom + ridge, 0.5), 0.0, 1.0) if is_free else np.full(alpha.shape, 0.5)
    level = (uw - c * vw) / w2
    cost = u2 - uw * uw / w2 - 2 * c * top + c * c * bottom + ridge * (c - 0.5) * (c - 0.5)
    return Found(alpha, np.maximum(cost, 0.0), c, level)


def _sums(rows: Rows, alpha: F64) -> F64:
    """float64[6, K, A]: squares of u, v and w, and products uv, uw and vw, over the steps. One pass. O(N A).

    u and v are the one-step errors of y and of its line, w the weight that the first level has.
    """
    if rows.compiled:
        from ..kernels.theta import sums

        out = np.zeros((6, *alpha.shape))
        sums(rows.y, rows.x, rows.offsets, alpha, out, rows.stop)
        return out
    layout, y_laid, x_laid = rows.laid()
    alpha = alpha[layout.order]
    total = np.zeros((6, *alpha.shape))
    y_level, x_level, weight = np.zeros(alpha.shape), np.zeros(alpha.shape), np.ones(alpha.shape)
    for t, (low, high) in enumerate(pairwise(layout.starts.tolist())):
        if rows.stop[0]:
            break
        n = high - low
        y, x, a = y_laid[low:high, None], x_laid[low:high, None], alpha[:n]
        if t == 0:
            y_level[:], x_level[:] = y, x
        u, v, w = y - y_level[:n], x - x_level[:n], weight[:n]
        holes = np.isnan(y)
        if holes.any():
            u, v, w = np.where(holes, 0.0, u), np.where(holes, 0.0, v), np.where(holes, 0.0, w)
        for into, one, other in zip(total, (u, v, w, u, u, v), (u, v, w, v, w, w), strict=True):
            into[:n] += one * other
        y_level[:n] += a * u
        x_level[:n] += a * v
        weight[:n] -= a * w
    out = np.empty_like(total)
    out[:, layout.order] = total
    return out


def levelled(rows: Rows, found: Found, number: Ints) -> tuple[F64, F64]:
    """What is added to c times the line: float64[N] before and after each step. `number` int64[N]: the series of each."""
    rest = rows.y - found.c[number] * rows.x
    before, after = np.zeros_like(rest), np.zeros_like(rest)
    if rows.compiled:
        from ..kernels.theta import levels

        levels(rest, rows.offsets, found.alpha, found.level, before, after, rows.stop)
        return before, after
    layout, _, _ = rows.laid()
    rest, alpha = layout.laid(rest), found.alpha[layout.order]
    level = rest[: len(alpha)] + found.level[layout.order]
    for low, high in pairwise(layout.starts.tolist()):
        n = high - low
        before[low:high] = level[:n]
        error = rest[low:high] - level[:n]
        level[:n] = np.where(np.isnan(error), level[:n], level[:n] + alpha[:n] * error)
        after[low:high] = level[:n]
    return before[layout.place], after[layout.place]
