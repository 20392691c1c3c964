"""ETS as one of the models of `forecast`."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from . import ets
from .batch import F64, Batch, Outcome

Stop = NDArray[np.uint8]


def fit(
    batch: Batch, levels: Sequence[float], model: str, how: str, seed: int, stop: Stop, compiled: Callable[[], bool]
) -> Outcome:
    """`model`: auto, best, or a code; `how`: shrunk or ml."""
    made = ets.fit(batch, model, how, [100.0 * level for level in levels], seed, stop, compiled=compiled)
    return Outcome(
        mean=made.mean, lower=made.lower, upper=made.upper, trend=made.trend_history, trend_ahead=made.trend_future,
        fitted=made.fitted, model=made.model, aicc=made.aicc, alpha=made.alpha, beta=made.beta, gamma=made.gamma, phi=made.phi,
        sigma=made.sigma, note=made.note,
    )  # fmt: skip


def paths(
    batch: Batch, n_paths: int, steps: int, model: str, how: str, seed: int, stop: Stop, compiled: Callable[[], bool]
) -> F64:
    """float64[K, n_paths, steps]: what the series may do, by the models that forecast them."""
    made = ets.fit(batch, model, how, [], seed, stop, compiled=compiled)
    return ets.simulate(batch, made, n_paths, steps, seed, stop, compiled)
