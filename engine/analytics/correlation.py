"""Rank correlation of many groups at once, and how likely a correlation is by chance."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

F64 = NDArray[np.float64]
I64 = NDArray[np.int64]
MOST_EXACT = 33  # pairs up to which Kendall's p is counted out, as scipy does


def t_probability(corr: F64, n: I64) -> F64:
    """Two-sided p of a correlation of n independent pairs under Student's t with n - 2 degrees of freedom; NaN below 3 pairs.

    It is the incomplete beta function of 1 - r^2 (exact for normal variables; the usual approximation of ranks).
    """
    from scipy.special import betainc  # type: ignore[import-untyped,unused-ignore]

    freedom = np.maximum(n - 2, 1)
    p = betainc(freedom / 2.0, 0.5, np.clip((1.0 - corr) * (1.0 + corr), 0.0, 1.0))
    out: F64 = np.where((n >= 3) & ~np.isnan(corr), p, np.nan)
    return out


def doubled_ranks(values: F64, groups: I64) -> F64:
    """Twice the rank of each value within its group, equal values sharing the mean of theirs: whole numbers."""
    order = np.lexsort((values, groups))
    v, g = values[order], groups[order]
    head = np.ones(len(v), np.bool_)
    head[1:] = (g[1:] != g[:-1]) | (v[1:] != v[:-1])
    first = np.flatnonzero(head)
    last = np.append(first[1:], len(v)) - 1
    number = np.cumsum(head) - 1
    start = np.searchsorted(g, g)
    out = np.empty(len(v))
    out[order] = (first[number] + last[number]) - 2 * start + 2
    return out


def kendall(
    x: F64, y: F64, groups: I64, n_groups: int, stop: NDArray[np.uint8] | None = None
) -> tuple[F64, F64]:  # fmt: skip
    """Tau-b and its two-sided p in each group; NaN without spread (Kendall 1945; Knight 1966 for O(n log n)).

    `stop`: kernels may be used; the byte that ends them early. p as scipy's `kendalltau(method="auto")`: counted out for few pairs without ties, else normal, corrected for ties.
    """
    order = np.lexsort((y, x, groups))
    x, y, g = x[order], y[order], groups[order]
    n = np.bincount(g, minlength=n_groups)
    total = n * (n - 1) // 2
    x_ties, x0, x1 = _ties(_runs(g, x), g, n_groups)
    both, _, _ = _ties(_runs(g, x, y), g, n_groups)
    sorted_y = np.lexsort((y, g))
    y_ties, y0, y1 = _ties(_runs(g, y[sorted_y]), g, n_groups)
    against = _inversions(_dense(y), g, n_groups, stop)
    excess = total - x_ties - y_ties + both - 2 * against
    with np.errstate(invalid="ignore", divide="ignore"):
        # one root of the product: where both are equal it is exact
        tau = excess / np.sqrt((total - x_ties).astype(np.float64) * (total - y_ties))
        tau = np.where((total > x_ties) & (total > y_ties), np.clip(tau, -1.0, 1.0), np.nan)
        p = _normal_p(n, excess, (x_ties, x0, x1), (y_ties, y0, y1))
    least = np.minimum(against, total - against)
    exact = (x_ties == 0) & (y_ties == 0) & (n >= 2) & ((n <= MOST_EXACT) | (least <= 1))
    for i in np.flatnonzero(exact).tolist():
        p[i] = exact_p(int(n[i]), int(least[i]))
    return tau, np.where(np.isnan(tau), np.nan, p)


def _runs(*keys: NDArray[np.generic]) -> I64:
    """Lengths of runs of equal keys, one for each row that begins one and 0 for the others."""
    head = np.ones(len(keys[0]), np.bool_)
    if len(head):
        head[1:] = np.logical_or.reduce([k[1:] != k[:-1] for k in keys])
    at = np.flatnonzero(head)
    out = np.zeros(len(head), np.int64)
    out[at] = np.diff(np.append(at, len(head)))
    return out


def _ties(runs: I64, groups: I64, n_groups: int) -> tuple[I64, F64, F64]:
    """Pairs of equal values in each group, and the sums that correct the variance."""
    t = runs.astype(np.float64)
    up_to = np.append(0, np.cumsum(runs * (runs - 1) // 2))
    bounds = np.searchsorted(groups, np.arange(n_groups + 1))
    pairs: I64 = up_to[bounds[1:]] - up_to[bounds[:-1]]
    third = np.asarray(np.bincount(groups, weights=t * (t - 1) * (t - 2), minlength=n_groups), np.float64)
    spread = np.asarray(np.bincount(groups, weights=t * (t - 1) * (2 * t + 5), minlength=n_groups), np.float64)
    return pairs, third, spread


def _dense(values: F64) -> I64:
    return np.unique(values, return_inverse=True)[1].astype(np.int64)


def _inversions(ranks: I64, groups: I64, n_groups: int, stop: NDArray[np.uint8] | None) -> I64:
    """Pairs of a group in which the earlier value is greater. `groups` ascending.

    From the highest bit down: among values that are equal in all higher bits and stand in their old order, each 0 counts the 1s
    before it; then the 0s go before the 1s. O(n) a bit.
    """
    bounds = np.searchsorted(groups, np.arange(n_groups + 1))
    out = np.zeros(n_groups, np.int64)
    if stop is not None:
        from ..kernels import inversions

        inversions.inversions(ranks, np.empty_like(ranks), bounds, out, stop)
        return out
    sizes = np.diff(bounds)
    sizes = sizes[sizes > 0]  # of the stretches of equal higher bits
    for bit in reversed(range(int(ranks.max(initial=0)).bit_length())):
        is_one = (ranks >> bit) & 1 == 1
        ones = np.zeros(len(ranks) + 1, np.int64)
        np.cumsum(is_one, out=ones[1:])
        first = np.cumsum(sizes) - sizes
        before = ones[:-1] - np.repeat(ones[first], sizes)  # ones of the stretch
        crossed = np.zeros(len(ranks) + 1, np.int64)
        np.cumsum(np.where(is_one, 0, before), out=crossed[1:])
        out += crossed[bounds[1:]] - crossed[bounds[:-1]]
        n_ones = ones[first + sizes] - ones[first]
        zero_at = np.arange(len(ranks)) - before
        to = np.where(is_one, np.repeat(first + sizes - n_ones, sizes) + before, zero_at)
        moved = np.empty_like(ranks)
        moved[to] = ranks
        ranks = moved
        sizes = np.stack([sizes - n_ones, n_ones], axis=1).reshape(-1)
        sizes = sizes[sizes > 0]
    return out


def _normal_p(n: I64, excess: I64, x: tuple[I64, F64, F64], y: tuple[I64, F64, F64]) -> F64:
    from scipy.special import ndtr  # type: ignore[import-untyped,unused-ignore]

    m = n * (n - 1.0)
    (x_ties, x0, x1), (y_ties, y0, y1) = x, y
    variance = (m * (2 * n + 5) - x1 - y1) / 18 + 2.0 * x_ties * y_ties / m + x0 * y0 / (9 * m * np.maximum(n - 2, 1))
    out: F64 = 2.0 * np.asarray(ndtr(-np.abs(excess) / np.sqrt(variance)))
    return out


@lru_cache(1 << 12)
def exact_p(n: int, inversions: int) -> float:
    """Twice the part of all orders of n values that have so few inversions, or fewer (at most half of the pairs)."""
    if 4 * inversions >= n * (n - 1):
        return 1.0
    if inversions <= 1:
        few = 1 if inversions == 0 else n
        return 2.0 * few / math.factorial(n) if n <= 170 else 0.0
    return min(1.0, 2 * sum(_orders(n)[: inversions + 1]) / math.factorial(n))


@lru_cache(MOST_EXACT + 1)
def _orders(n: int) -> tuple[int, ...]:
    """How many orders of n values have 0, 1, 2, ... inversions (Mahonian numbers)."""
    if n == 1:
        return (1,)
    before = _orders(n - 1)
    size = n * (n - 1) // 2 + 1
    return tuple(sum(before[max(0, k - n + 1) : k + 1]) for k in range(size))
