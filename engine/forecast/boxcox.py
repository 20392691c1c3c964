"""The transform of Box & Cox (1964), with its parameter as Guerrero (1993) chooses it: the one under which the spread within a
season does not go with its mean."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from .batch import F64, Batch, Outcome
from .work import Work

GRID = np.arange(21) / 20.0  # from the logarithm to the values themselves: beyond, forecasts may have no end
LEAST = 2


def shape_of(batch: Batch) -> F64:
    """float64[K]: the parameter; 1, which bends nothing, where a value is not positive or there are no two whole seasons."""
    out = np.ones(len(batch))
    for k in range(len(batch)):
        values = batch.values[batch.offsets[k] : batch.offsets[k + 1]]
        out[k] = _guerrero(values, max(LEAST, int(batch.period[k])))
    return out


def _guerrero(values: F64, m: int) -> float:
    known = values[~np.isnan(values)]
    if len(known) < 2 * m or not known.min() > 0:
        return 1.0
    n = len(values) // m
    whole = values[len(values) - n * m :].reshape(n, m)
    whole = whole[~np.isnan(whole).any(axis=1)]
    if len(whole) < 2:
        return 1.0
    mean, spread = whole.mean(axis=1), whole.std(axis=1, ddof=1)
    ratios = spread[None, :] / mean[None, :] ** (1.0 - GRID[:, None])
    centre = ratios.mean(axis=1)
    if not (centre > 0).all():
        return 1.0
    return float(GRID[int(np.argmin(ratios.std(axis=1, ddof=1) / centre))])


def bent(work: Work, shape: F64) -> Work:
    each = np.repeat(shape, np.diff(work.batch.offsets))
    with np.errstate(invalid="ignore", divide="ignore"):
        curved = np.where(
            each == 0, np.log(work.batch.values), (work.batch.values**each - 1.0) / np.where(each == 0, 1.0, each)
        )
    values = np.where(each == 1.0, work.batch.values, curved)
    return replace(work, batch=replace(work.batch, values=values))


def unbend(outcome: Outcome, batch: Batch, shape: F64) -> None:
    """Back to the units of the data, in place: forecasts become medians. What no value is bent to becomes the nearest that is."""
    each = np.repeat(shape, np.diff(batch.offsets))
    outcome.trend[:], outcome.fitted[:] = _back(outcome.trend, each), _back(outcome.fitted, each)
    outcome.mean[:], outcome.trend_ahead[:] = (
        _back(outcome.mean, shape[:, None]),
        _back(outcome.trend_ahead, shape[:, None]),
    )
    outcome.lower[:], outcome.upper[:] = (
        _back(outcome.lower, shape[:, None, None]),
        _back(outcome.upper, shape[:, None, None]),
    )
    for k in np.flatnonzero(shape != 1.0).tolist():
        outcome.model[k] += f" of Box-Cox {shape[k]:g}"


def _back(values: F64, shape: F64) -> F64:
    shape = np.broadcast_to(shape, values.shape)
    top = np.finfo(np.float64).max ** 0.5
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        inner = np.maximum(shape * values + 1.0, 0.0)
        power = np.where(shape == 0, np.exp(values), inner ** (1.0 / np.where(shape == 0, 1.0, shape)))
    return np.where(shape == 1.0, values, np.where(np.isnan(values), np.nan, np.minimum(power, top)))
