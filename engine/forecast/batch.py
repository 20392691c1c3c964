"""What every forecasting model takes, and what it gives."""

from __future__ import annotations

from dataclasses import field

import numpy as np
from numpy.typing import NDArray

from ...planner.records import dataclass

F64 = NDArray[np.float64]
Ints = NDArray[np.int64]
I64 = Ints


@dataclass(frozen=True, slots=True)
class Batch:
    """K series, one behind the other, each on a grid of equal steps.

    `values` float64[N]: NaN is a step without a value; a series neither begins nor ends with one, and has one value at least.
    `offsets` int64[K + 1]: series k is `values[offsets[k] : offsets[k + 1]]`. `period` int64[K]: steps of its season, 1: none.
    `keys` uint64[K]: a hash of the group's keys, of which random draws are seeded. `horizon`: steps to forecast.
    """

    values: F64
    offsets: Ints
    period: Ints
    keys: NDArray[np.uint64]
    horizon: int

    def __len__(self) -> int:
        return len(self.offsets) - 1


@dataclass(slots=True)
class Outcome:
    """Of K series with H steps ahead, in the units of the data; L levels of confidence.

    `mean` float64[K, H]. `lower`, `upper` float64[K, L, H]; NaN where no width is known. `trend` float64[N] and `trend_ahead`
    float64[K, H]: level and trend without season, of the steps that were and of those that come. `fitted` float64[N]: each step's
    forecast from those before it, NaN where there is none. `model`: words, of each series. `aicc`, `alpha`, `beta`, `gamma`,
    `phi`, `sigma` float64[K]: NaN where the model has none; sigma in units of the data, or relative for multiplicative errors.
    `note`: what is to be said of a series, or "".
    """

    mean: F64
    lower: F64
    upper: F64
    trend: F64
    trend_ahead: F64
    fitted: F64
    model: list[str]
    aicc: F64
    alpha: F64
    beta: F64
    gamma: F64
    phi: F64
    sigma: F64
    note: list[str] = field(default_factory=list)


def empty(batch: Batch, n_levels: int) -> Outcome:
    """An outcome that says nothing yet."""
    k, h, n = len(batch), batch.horizon, len(batch.values)
    return Outcome(
        mean=_nans(k, h), lower=_nans(k, n_levels, h), upper=_nans(k, n_levels, h), trend=_nans(n), trend_ahead=_nans(k, h),
        fitted=_nans(n), model=[""] * k, aicc=_nans(k), alpha=_nans(k), beta=_nans(k), gamma=_nans(k), phi=_nans(k),
        sigma=_nans(k), note=[""] * k,
    )  # fmt: skip


def _nans(*shape: int) -> F64:
    return np.full(shape, np.nan)
