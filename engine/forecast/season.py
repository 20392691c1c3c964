"""Which seasons a series has: those natural to its step that its data confirm."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..zones import Ints, Mask
from .series import bridge

F64 = NDArray[np.float64]
LIMIT = 1.0  # standard errors: a season that is in doubt is weighed by the models, not ruled out


def confirmed(values: F64, offsets: Ints, period: Ints) -> Mask:
    """Whether each series repeats itself at its period (2 or more; two whole periods are needed).

    It does where, of what a centred moving average over one period leaves, the autocorrelation at the period is above one
    standard error, 1 / sqrt(n); with fewer than three periods that cannot be told, and it is taken to. Steps without a value
    stand on a line between their neighbours. Chosen on the M1 and M3 competitions, where models with every natural season, weighed,
    forecast as well; those of the stricter test of M4 (autocorrelation of the values themselves at 1.645) forecast worse.
    All series are looked at together, each by itself: the answer does not depend on the others.
    """
    n = np.diff(offsets)
    out = (period >= 2) & (n >= 2 * period)
    for m in np.unique(period[out]).tolist():
        chosen = np.flatnonzero(out & (period == m) & (n >= 3 * period))
        if len(chosen):
            out[chosen] = _repeats(values, offsets, chosen, int(m))
    return out


def _repeats(values: F64, offsets: Ints, chosen: Ints, m: int) -> Mask:
    sizes = offsets[chosen + 1] - offsets[chosen]
    starts = np.append(0, np.cumsum(sizes))
    within = np.arange(starts[-1]) - np.repeat(starts[:-1], sizes)
    x = values[np.repeat(offsets[chosen], sizes) + within]
    gap = np.isnan(x)
    if gap.any():
        bridge(x, gap, by_line=True)
    largest = np.maximum.reduceat(np.abs(x), starts[:-1])
    x = x / np.repeat(np.where(largest > 0, largest, 1.0), sizes)
    rest = _without_average(x, m)
    inside = (within >= m // 2) & (within < np.repeat(sizes, sizes) - m // 2)
    count = np.add.reduceat(inside.astype(np.float64), starts[:-1])
    rest = np.where(inside, rest, 0.0)
    mean = np.add.reduceat(rest, starts[:-1]) / count
    rest = np.where(inside, rest - np.repeat(mean, sizes), 0.0)
    base = np.add.reduceat(rest * rest, starts[:-1])
    product = np.zeros(len(rest))
    product[:-m] = rest[:-m] * rest[m:]  # across series one of them is an end, and 0
    product[within >= np.repeat(sizes, sizes) - m] = 0.0
    with np.errstate(invalid="ignore", divide="ignore"):
        r = np.add.reduceat(product, starts[:-1]) / base
        good: Mask = r > LIMIT / np.sqrt(sizes)
    return good & (base > 1e-18 * count)


def _without_average(x: F64, m: int) -> F64:
    """Each value less the mean of one period around it (of even periods half of each end); the ends of series are not to be used."""
    half = m // 2
    total = np.zeros(len(x))
    for shift in range(-half, half + 1):
        weight = 0.5 if m % 2 == 0 and abs(shift) == half else 1.0
        low, high = max(0, -shift), len(x) - max(0, shift)
        total[low:high] += weight * x[low + shift : high + shift]
    return x - total / m
