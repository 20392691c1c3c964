"""Batches of series for tests, and what holds of every model."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import fields

import numpy as np
from numpy.typing import NDArray

from cortado.engine.forecast.batch import Batch, Outcome

F64 = NDArray[np.float64]
Fit = Callable[[Batch, Sequence[float]], Outcome]
LEVELS = (0.8, 0.95)


def batch_of(
    series: Sequence[Sequence[float] | F64], period: int | Sequence[int] = 1, horizon: int = 6, first_key: int = 0
) -> Batch:
    lengths = [len(s) for s in series]
    values = np.concatenate([np.asarray(s, np.float64) for s in series]) if series else np.zeros(0)
    return Batch(
        values, np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
        np.broadcast_to(np.asarray(period, np.int64), (len(series),)).copy(),
        np.arange(first_key, first_key + len(series)).astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15), horizon,
    )  # fmt: skip


def parted(batch: Batch, chosen: Sequence[int]) -> Batch:
    """The chosen series, in that order."""
    pieces = [batch.values[batch.offsets[k] : batch.offsets[k + 1]] for k in chosen]
    offsets = np.concatenate([[0], np.cumsum([len(p) for p in pieces])]).astype(np.int64)
    at = np.asarray(chosen, np.int64)
    return Batch(np.concatenate(pieces), offsets, batch.period[at], batch.keys[at], batch.horizon)


def mixed(seed: int = 5, horizon: int = 6) -> Batch:
    """Series of every kind: short, constant, of zeros, huge, tiny, with holes, trends, seasons, rare demand."""
    rng = np.random.default_rng(seed)
    t = np.arange(60)
    wave = 50 + 10 * np.sin(t * 2 * np.pi / 12) + t + rng.normal(size=60)
    holes = wave.copy()
    holes[[3, 4, 20, 33, 34, 35, 36, 50]] = np.nan
    sparse = np.where(rng.random(60) < 0.3, rng.integers(1, 9, 60), 0).astype(float)
    one_phase = np.full(30, np.nan)
    one_phase[[0, 1, 13, 29]] = [1.0, 2.0, 4.0, 3.0]
    kinds: list[F64] = [
        np.array([7.0]), np.array([0.0]), np.array([-3.0, 5.0]), np.array([1.0, np.nan, 2.0]), np.full(20, 4.25), np.zeros(30),
        wave, holes, -wave, sparse, one_phase, wave * 1e300, wave * 1e-300, np.array([1e308, -1e308, 1e308]), np.array([5e-324, 0.0, 5e-324]),
        rng.normal(size=200).cumsum(), np.exp(rng.normal(size=37)), np.array([0.0, 0, 0, 0, 0, 0, 3.0]),
        np.array([2.0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]), np.tile([1.0, 2.0, 3.0], 9),
    ]  # fmt: skip
    periods = [1, 1, 1, 1, 12, 12, 12, 12, 12, 12, 12, 12, 12, 1, 1, 7, 4, 1, 1, 3]
    return batch_of(kinds, periods, horizon)


def holds_for_all(fit: Fit, batch: Batch | None = None) -> None:
    """Never NaN or infinite, the band about the mean, and of each series the same bits whatever is beside it."""
    batch = mixed() if batch is None else batch
    with np.errstate(all="raise", under="ignore"):
        whole = fit(batch, LEVELS)
    k, n, h = len(batch), len(batch.values), batch.horizon
    assert whole.mean.shape == whole.trend_ahead.shape == (k, h)
    assert whole.lower.shape == whole.upper.shape == (k, len(LEVELS), h)
    assert whole.trend.shape == whole.fitted.shape == (n,)
    assert np.isfinite(whole.mean).all() and np.isfinite(whole.trend_ahead).all() and np.isfinite(whole.trend).all()
    known = ~np.isnan(whole.lower)
    assert (known == ~np.isnan(whole.upper)).all() and np.isfinite(whole.lower[known]).all()
    assert (whole.lower <= whole.upper)[known].all()
    wide = known.all(axis=1)
    assert (whole.lower[:, 1] <= whole.lower[:, 0])[wide].all() and (whole.upper[:, 1] >= whole.upper[:, 0])[wide].all()
    assert len(whole.model) == len(whole.note) == k and all(whole.model)
    order = np.random.default_rng(1).permutation(k).tolist()
    for chosen in [order, *[[i] for i in range(k)], list(range(0, k, 3))]:
        made = fit(parted(batch, chosen), LEVELS)
        rows = np.concatenate([np.arange(batch.offsets[i], batch.offsets[i + 1]) for i in chosen])
        for field in fields(Outcome):
            mine, theirs = getattr(made, field.name), getattr(whole, field.name)
            if isinstance(mine, list):
                assert mine == [theirs[i] for i in chosen], field.name
                continue
            at = rows if field.name in ("trend", "fitted") else np.array(chosen)
            assert mine.tobytes() == theirs[at].tobytes(), (field.name, chosen)
