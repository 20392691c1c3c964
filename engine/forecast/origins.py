"""Rolling origins (Tashman 2000): what a model would have said at earlier ends of each series, beside what came."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from ...planner.records import dataclass
from .batch import F64, Batch, Ints, Outcome
from .ragged import ratio

Fit = Callable[[Batch, Sequence[float]], Outcome]
LEAST = 4  # values to learn from, and two seasons


@dataclass(frozen=True, slots=True)
class Part:
    """Some series, each up to a step: `series` int64[k] numbers them in the whole batch, `lengths` int64[k] counts their steps."""

    series: Ints
    lengths: Ints


@runtime_checkable
class Aligned(Protocol):
    """A model with columns beside the values (times, regressors): it cuts them as the values are cut."""

    def of(self, part: Part) -> Fit: ...


Candidate = Fit | Aligned


@dataclass(frozen=True, slots=True)
class Origin:
    """`actual` float64[k, H]: what came after each part, NaN where nothing is known. `batch`: the parts."""

    part: Part
    batch: Batch
    actual: F64


def fitted(model: Candidate, part: Part, batch: Batch, levels: Sequence[float]) -> Outcome:
    return (model.of(part) if isinstance(model, Aligned) else model)(batch, levels)


def chosen(batch: Batch, part: Part) -> Batch:
    """The parts as a batch of their own."""
    offsets = np.concatenate([[0], np.cumsum(part.lengths)]).astype(np.int64)
    return replace(
        batch,
        values=batch.values[rows_of(batch.offsets, part)],
        offsets=offsets,
        period=batch.period[part.series],
        keys=batch.keys[part.series],
    )


def rows_of(offsets: Ints, part: Part) -> Ints:
    """Where the values of the parts stand in the whole batch."""
    ends = np.cumsum(part.lengths)
    n = int(ends[-1]) if len(ends) else 0
    return np.arange(n) + np.repeat(offsets[part.series] - ends + part.lengths, part.lengths)


def ahead_of(offsets: Ints, part: Part, horizon: int) -> Ints:
    """int64[k, H]: where the steps behind each part stand among N + K * H rows, those of the batch first, then those ahead of each series."""
    steps = part.lengths[:, None] + np.arange(horizon)
    low, high = offsets[part.series][:, None], offsets[part.series + 1][:, None]
    return np.where(low + steps < high, low + steps, offsets[-1] + part.series[:, None] * horizon + low + steps - high)


def whole(batch: Batch) -> Part:
    return Part(np.arange(len(batch)), np.diff(batch.offsets))


def origins(batch: Batch, n_origins: int) -> list[Origin]:
    """The last first: its forecasts end where the series does. Each is a horizon before the one behind it, or nearer where a
    series is too short for that: every part has at least LEAST steps and two seasons.

    A part that would end with a step without value ends before it. A series that is too short for one origin is in none;
    one that is too short for all of them is in the later ones.
    """
    lengths, horizon = np.diff(batch.offsets), batch.horizon
    room = lengths - horizon - np.maximum(LEAST, 2 * np.where(3 * batch.period + horizon <= lengths, batch.period, 1))
    apart = np.clip(room // max(n_origins - 1, 1), 1, horizon)
    has = np.maximum.accumulate(np.where(np.isnan(batch.values), -1, np.arange(len(batch.values))))
    padded = np.concatenate([batch.values, np.full(horizon, np.nan)])
    out = []
    for i in range(n_origins):
        at = np.flatnonzero(room - i * apart >= 0)
        ends = lengths[at] - horizon - i * apart[at]
        ends = has[batch.offsets[at] + ends - 1] + 1 - batch.offsets[at]
        rows = (batch.offsets[at] + ends)[:, None] + np.arange(horizon)
        actual = padded[rows]
        seen = ~np.isnan(actual).all(axis=1)
        if not seen.any():
            continue
        part = Part(at[seen], ends[seen])
        out.append(Origin(part, chosen(batch, part), actual[seen]))
    return out


def scale(batch: Batch) -> tuple[F64, F64]:
    """float64[K] each: mean absolute and mean squared error of the seasonal naive forecast within the series (Hyndman & Koehler
    2006): of the changes over a season, or over one step where there is no season or not two seasons; NaN if there are none."""
    lengths = np.diff(batch.offsets)
    lag = np.where(lengths > batch.period, batch.period, 1)
    each = np.repeat(lag, lengths)
    step = np.arange(len(batch.values)) - np.repeat(batch.offsets[:-1], lengths)
    with np.errstate(over="ignore"):  # of the greatest doubles a scale may be infinite
        change = np.where(step >= each, batch.values - batch.values[np.arange(len(each)) - each], np.nan)
        return means(np.abs(change), batch.offsets), means(change * change, batch.offsets)


def means(values: F64, offsets: Ints) -> F64:
    """Of each stretch, without NaN; NaN where nothing is left."""
    seen: NDArray[np.bool_] = ~np.isnan(values)
    if len(offsets) < 2:
        return np.zeros(0)
    total = np.add.reduceat(np.where(seen, values, 0.0), offsets[:-1])
    count = np.add.reduceat(seen.astype(np.float64), offsets[:-1])
    return ratio(total, count)
