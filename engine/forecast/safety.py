"""What to keep in stock, from simulated demand: quantiles of the demand of a lead time, not a formula of variances."""

from __future__ import annotations

import numpy as np

from .batch import F64


def lead_demand(paths: F64, lead: float) -> F64:
    """float64[K, P]: what is asked for within `lead` steps, of paths float64[K, P, S]; of a last step that is begun, its part.

    `lead` is above 0 and at most S. Demand below 0 counts as none.
    """
    whole = int(lead)
    asked = np.maximum(paths, 0.0)
    total = np.zeros(paths.shape[:2])
    for step in range(whole):  # one after the other: the same sum for any number of series
        total += asked[:, :, step]
    return total + (lead - whole) * asked[:, :, whole] if lead > whole else total


def stock(paths: F64, level: float, lead: float) -> tuple[F64, F64]:
    """Safety stock and reorder point of each series, float64[K]: the least demand of a lead time that is not exceeded in `level` of
    the paths is the reorder point; what it is above the mean demand is the safety stock, 0 at least.

    A quantile of paths that were drawn (its inverse distribution function, no line between two), so that the level is met.
    `level` lies between 0 and 1. O(K * P * (lead + log P)).
    """
    demand = np.sort(lead_demand(paths, lead), axis=1)
    n_paths = demand.shape[1]
    at = min(max(int(np.ceil(level * n_paths - 1e-9)) - 1, 0), n_paths - 1)
    reorder = demand[:, at].copy()
    mean = np.zeros(len(demand))
    for path in range(n_paths):
        mean += (demand[:, path] - mean) / (path + 1)
    return np.maximum(reorder - mean, 0.0), reorder
