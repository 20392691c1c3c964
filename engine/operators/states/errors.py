"""Means of the errors of predictions."""

from __future__ import annotations

from collections.abc import Hashable

import numpy as np
from numpy.typing import NDArray

from ...arrow import array_from, is_valid, numbers_of
from .base import Finished
from .sums import SumDouble


class MeanError(SumDouble):
    """The mean of one error a row; `name`: the measure, which says what becomes of it."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name

    def key(self) -> Hashable:
        return (MeanError, self.name)

    def finish(self, n: int, out: str, compiled: bool) -> Finished:
        mean = super().finish(n, "avg", compiled).values
        valid = is_valid(mean)
        return Finished(array_from(self.measure(np.where(valid, numbers_of(mean)[:n], 0.0)), ~valid))

    def measure(self, means: NDArray[np.float64]) -> NDArray[np.float64]:
        match self.name:
            case "rmse":
                out: NDArray[np.float64] = np.sqrt(means)
                return out
            case "mape":
                return means * 100.0
            case "smape":
                return means * 200.0
        return means
