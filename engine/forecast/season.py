"""Which seasons a series has: those natural to its step that its data confirm."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..analytics.period import found_period
from ..zones import Ints, Mask
from .series import Series, bridge
from .steps import DAYS, ROWS, TICKS, Steps, natural

F64 = NDArray[np.float64]
LIMIT = 1.0  # standard errors: a season that is in doubt is weighed by the models, not ruled out


def seasons_of(series: Series, steps: Steps, given: tuple[int, ...] | None) -> list[tuple[int, ...]]:
    """The periods of each group's series in steps, shortest first. `given` ones are taken wherever two of them fit."""
    sizes = np.diff(series.offsets)
    if given is not None:
        return [tuple(p for p in given if n >= 2 * p) for n in sizes.tolist()]
    out: list[tuple[int, ...]] = [()] * len(series)
    kinds = np.stack([steps.unit, steps.size], axis=1)
    for kind in np.unique(kinds, axis=0):
        alike = np.flatnonzero((kinds == kind).all(axis=1) & (sizes > 0))
        if not len(alike):
            continue
        periods = natural(steps, int(alike[0]))
        if not periods and kind[0] in (ROWS, TICKS, DAYS):
            for k in alike.tolist():
                out[k] = _searched(series.values[series.offsets[k] : series.offsets[k + 1]])
            continue
        inner = np.zeros(len(series), np.int64)
        for period in periods:
            wanted = np.zeros(len(series), np.int64)
            wanted[alike] = period
            for shorter in np.unique(inner[alike]).tolist():
                asked = np.where(inner == shorter, wanted, 0)
                found = np.flatnonzero(confirmed(series.values, series.offsets, asked, shorter))
                for k in found.tolist():
                    out[k] = (*out[k], period)
                inner[found] = -period  # not asked again for this one
            inner = np.abs(inner)
    return out


def _searched(values: F64) -> tuple[int, ...]:
    gap = np.isnan(values)
    if gap.any():
        values = values.copy()
        bridge(values, gap, by_line=True)
    found = found_period(values)
    return () if found is None else (found,)


def confirmed(values: F64, offsets: Ints, period: Ints, inner: int = 0) -> Mask:
    """Whether each series repeats itself at its period (2 or more; two whole periods are needed).

    `inner`: a shorter season whose mean shape is taken away before, or a week would be found wherever there are days.

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
            out[chosen] = _repeats(values, offsets, chosen, int(m), inner)
    return out


def _repeats(values: F64, offsets: Ints, chosen: Ints, m: int, inner: int) -> Mask:
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
    if inner:
        place = np.repeat(np.arange(len(chosen)) * inner, sizes) + within % inner
        held = np.bincount(place, weights=inside, minlength=inner * len(chosen))
        shape = np.bincount(place, weights=rest, minlength=inner * len(chosen)) / np.maximum(held, 1.0)
        rest = np.where(inside, rest - shape[place], 0.0)
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
