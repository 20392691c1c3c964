"""Dynamic time warping of many series at once, with NumPy: the plain recursion over all cells of the band, nothing left out."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Doubles = NDArray[np.float64]


def normalised(series: NDArray[Any]) -> Doubles:
    """Each row less its mean, over its population standard deviation."""
    mean, sd = series.mean(axis=-1, keepdims=True), series.std(axis=-1, keepdims=True)
    return np.where(sd > 0, (series - mean) / np.where(sd > 0, sd, 1), 0.0)


def distances(series: NDArray[Any], pattern: NDArray[Any], width: int) -> Doubles:
    """Of each row of `series` to a pattern of the same length, both normalised; |i - j| <= width."""
    rows, shape = normalised(series), normalised(pattern)
    count, n = rows.shape
    above = np.full((n + 1, count), np.inf)
    above[0] = 0.0
    for i in range(n):
        here = np.full((n + 1, count), np.inf)
        for j in range(max(0, i - width), min(n, i + width + 1)):
            cost = (rows[:, i] - shape[j]) ** 2
            here[j + 1] = cost + np.minimum(np.minimum(above[j], above[j + 1]), here[j])
        above = here
    return np.sqrt(above[n])
