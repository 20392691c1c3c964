"""Questions about the order of values within stretches of a sequence, all at once: a wavelet matrix, level by level.

Each level splits the values by one bit, the highest first, those without it before those with it; a stretch stays a
stretch in either part ("The wavelet matrix", Information Systems 47, 2015). Nothing is kept between levels.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

I64: TypeAlias = NDArray[np.int64]
Ints: TypeAlias = NDArray[Any]


def _levels(values: Ints, check: Callable[[], None]) -> Iterator[tuple[int, Ints, int]]:
    """Bit, values without it before each place, values without it in all."""
    top = int(values.max(initial=0)).bit_length()
    for bit in reversed(range(top)):
        check()
        has = (values >> bit) & 1
        without = np.zeros(len(values) + 1, np.int32)
        np.cumsum(1 - has, out=without[1:])
        yield bit, without, int(without[-1])
        values = np.concatenate([values[has == 0], values[has == 1]])


def smallest(values: Ints, low: Ints, high: Ints, k: Ints, check: Callable[[], None]) -> I64:
    """The value that has k smaller or earlier equal ones in its stretch low .. high (0 <= k < size; else anything).

    `values` are not negative. `check`: called between levels. O((values + stretches) * bits).
    """
    low, high, k = low.astype(np.int32), high.astype(np.int32), k.astype(np.int32)
    out = np.zeros(len(low), np.int64)
    for bit, without, total in _levels(values, check):
        before, until = without[low], without[high]
        inside = until - before
        has = k >= inside
        low = np.where(has, total + low - before, before)
        high = np.where(has, total + high - until, until)
        k = np.where(has, k - inside, k)
        out |= has.astype(np.int64) << bit
    return out


def count_below(values: Ints, low: Ints, high: Ints, limit: Ints, check: Callable[[], None]) -> I64:
    """How many values of each stretch are less than its limit (neither is negative). O((values + stretches) * bits)."""
    low, high = low.astype(np.int32), high.astype(np.int32)
    top = int(values.max(initial=0)).bit_length()
    out = np.where(limit >> top > 0, high - low, 0).astype(np.int64)  # above all values
    live = limit >> top == 0
    for bit, without, total in _levels(values, check):
        before, until = without[low], without[high]
        has = (limit >> bit) & 1 == 1
        out += np.where(has & live, until - before, 0)
        low = np.where(has, total + low - before, before)
        high = np.where(has, total + high - until, until)
    return out
