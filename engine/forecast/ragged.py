"""Many series of unlike lengths as arrays: sums of each, a step of all of them at a time, and a scale that squares survive.

Every result of a series depends on its own values alone: sums run inside of a series, all else is element by element, so
neither order nor the series beside it change a bit.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import wraps
from typing import Any, Concatenate, ParamSpec, cast

import numpy as np
from numpy.typing import NDArray

from ...planner.records import dataclass
from .batch import F64, Batch, Ints, Outcome

P = ParamSpec("P")
MOST = float(np.finfo(np.float64).max)


@dataclass(frozen=True, slots=True)
class Steps:
    """A layout of N values with step t of all series side by side, longest first.

    `order` int64[K]: the series by rank. `starts` int64[T + 1]: step t lies at `starts[t] : starts[t + 1]`, in order of rank.
    `place` int64[N]: where each value of the batch goes. O(N), whatever the lengths.
    """

    order: Ints
    starts: Ints
    place: Ints

    def laid(self, values: F64) -> F64:
        out = np.empty_like(values)
        out[self.place] = values
        return out


def steps(batch: Batch) -> Steps:
    return steps_of(batch.offsets)


def steps_of(offsets: Ints) -> Steps:
    lengths = np.diff(offsets)
    order = np.argsort(-lengths, kind="stable")
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    live = len(order) - np.searchsorted(lengths[order][::-1], np.arange(1, int(lengths.max(initial=0)) + 1))
    starts = np.concatenate([[0], np.cumsum(live)]).astype(np.int64)
    step = np.arange(int(lengths.sum())) - np.repeat(offsets[:-1], lengths)
    return Steps(order, starts, starts[step] + np.repeat(rank, lengths))


def within(batch: Batch) -> Ints:
    """int64[N]: the step of each value in its series, from 0."""
    return np.arange(len(batch.values)) - np.repeat(batch.offsets[:-1], np.diff(batch.offsets))


def series(batch: Batch) -> Ints:
    """int64[N]: the number of each value's series."""
    return np.repeat(np.arange(len(batch)), np.diff(batch.offsets))


def sums(batch: Batch, values: F64) -> F64:
    """float64[K] of float64[N] without NaN. No series is empty."""
    return np.add.reduceat(values, batch.offsets[:-1]) if len(batch) else np.zeros(0)


def running(batch: Batch, values: F64) -> F64:
    """Sums up to each place, of each series its own."""
    out = np.empty_like(values)
    for low, high in zip(batch.offsets[:-1].tolist(), batch.offsets[1:].tolist(), strict=True):
        np.cumsum(values[low:high], out=out[low:high])
    return out


def known(batch: Batch) -> tuple[Batch, Ints]:
    """The batch without the steps that have no value, and where those it has stood."""
    at = np.flatnonzero(~np.isnan(batch.values))
    return replace(batch, values=batch.values[at], offsets=np.searchsorted(at, batch.offsets)), at


def last_known(starts: Ints, has: NDArray[np.bool_]) -> Ints:
    """int64[N]: the last place up to each one where `has` holds, not before the `starts` of its group; -1 where there is none."""
    at = np.maximum.accumulate(np.where(has, np.arange(len(has)), -1))
    return np.where(at >= starts, at, -1)


def ratio(top: Any, bottom: Any, otherwise: float = np.nan) -> F64:
    """Quotients; `otherwise` where the bottom is 0."""
    top, bottom = np.broadcast_arrays(np.asarray(top, np.float64), np.asarray(bottom, np.float64))
    out: F64 = np.divide(top, bottom, out=np.full(top.shape, otherwise), where=bottom != 0)
    return out


Fit = Callable[Concatenate[Batch, Sequence[float], P], Outcome]


def scaled(fit: Fit[P]) -> Fit[P]:
    """The model works with values below 1: each series is divided by a power of two, which changes no digit, and no square
    or sum of it overflows. What it forecasts stays within doubles."""

    @wraps(fit)
    def wrapped(batch: Batch, levels: Sequence[float], *args: P.args, **kwargs: P.kwargs) -> Outcome:
        most = np.fmax.reduceat(np.abs(batch.values), batch.offsets[:-1]) if len(batch) else np.zeros(0)
        power = np.where(most > 0, np.frexp(most)[1], 0)
        each = np.repeat(power, np.diff(batch.offsets))
        out = fit(replace(batch, values=np.ldexp(batch.values, -each)), levels, *args, **kwargs)
        with np.errstate(over="ignore"):
            for name in ("mean", "trend_ahead"):
                setattr(out, name, np.clip(np.ldexp(getattr(out, name), power[:, None]), -MOST, MOST))
            for name in ("lower", "upper"):
                setattr(out, name, np.clip(np.ldexp(getattr(out, name), power[:, None, None]), -MOST, MOST))
            out.trend, out.fitted = np.ldexp(out.trend, each), np.ldexp(out.fitted, each)
            out.sigma = np.ldexp(out.sigma, power)
        return out

    return cast("Fit[P]", wrapped)


def bands(out: Outcome, levels: Sequence[float], spread: F64, quantile: Callable[[float], Any]) -> None:
    """Both ends, from a standard error float64[K, H] and the quantile of a probability (a number, or one a series)."""
    for i, level in enumerate(levels):
        width = np.reshape(np.asarray(quantile((1 + level) / 2), np.float64), (-1, 1)) * spread
        out.lower[:, i], out.upper[:, i] = out.mean - width, out.mean + width
