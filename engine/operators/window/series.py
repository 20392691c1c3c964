"""Aggregates that go through a group's values one after the other: exponential means, means over time."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...arrow import array_from
from ..states.base import Finished
from ..states.errors import MeanError
from ..states.smooth import Ema, running
from ..states.twap import Twap, products, ratio
from .evaluation import Evaluation, Made, Mask
from .frames import Stretch
from .general import by_state
from .segment import I64
from .sums import totals


def mean_error(ev: Evaluation, state: MeanError, out: str) -> Made:
    mask = ev.mask(0)
    means, number = totals(ev, ev.doubles(), mask, mean=True)
    nulls = None if number is None else number == 0
    return ev.made(Finished(array_from(state.measure(means), nulls)), ev.too_few(mask, or_none=True))


def ema(ev: Evaluation, state: Ema, out: str) -> Made:
    """At each row the mean of all values of its group up to it; `least` is of these values."""
    mask, ctx, least = ev.mask(0), ev.ctx, max(1, ev.column.least or 0)
    if mask is None and least == 1:
        means = running(ev.doubles(), ev.segment.starts, state.decay, ev.time, ev.ns, ctx.compiled, ctx.stop)
        ctx.check()
        return Made(array_from(means))
    live, starts = _live(ev, mask)
    times = ev.time[live] if ev.time is not None else None
    means = running(ev.doubles()[live], starts, state.decay, times, ev.ns, ctx.compiled, ctx.stop)
    ctx.check()
    seen = np.zeros(ev.n + 1, np.int64)
    seen[1:] = np.arange(1, ev.n + 1) if mask is None else np.cumsum(mask)
    before = seen[ev.segment.starts[ev.segment.group]]  # values in the groups before
    number = seen[1:] - before
    none = number < least
    at = np.maximum(seen[1:] - 1, 0)
    made = np.where(none, 0.0, means[at]) if len(means) else np.zeros(ev.n)
    return Made(array_from(made, none))


def _live(ev: Evaluation, mask: Mask | None) -> tuple[I64, I64]:
    """Places of the values that count, and where each group begins among them."""
    if mask is None:
        return np.arange(ev.n), ev.segment.starts
    before = np.zeros(ev.n + 1, np.int64)
    np.cumsum(mask, out=before[1:])
    return np.flatnonzero(mask), before[ev.segment.starts]


def twap(ev: Evaluation, state: Twap, out: str) -> Made:
    """Each value of a frame holds until the next one; the last for no time. Frames with a hole go the general way."""
    s = ev.stretch
    if s.holed:
        return by_state(ev, state, out, ev.column.maker.make)
    mask = ev.mask(0)
    live, starts = _live(ev, mask)
    assert ev.time is not None
    times, values = ev.time[live], ev.doubles()[live]
    held = np.zeros(len(live))
    if len(live):
        gap = times.view(np.uint64)[1:] - times.view(np.uint64)[:-1]
        held[:-1] = gap.astype(np.float64)
        ends = starts[1:][starts[1:] > starts[:-1]] - 1
        held[ends] = 0.0  # of a group
    low, high = _bounds(s, mask, ev.n)
    parts = np.zeros(ev.n)
    parts[live] = products(values, held)
    # all values of a frame but the last, which holds for no time
    last = live[np.maximum(high - 1, 0)] if len(live) else np.zeros(ev.n, np.int64)
    some = high > low
    inner = Stretch(s.low, np.where(some, np.maximum(s.low, last), s.low).astype(np.int32))
    sums, _ = totals(replace(ev, stretch=inner), parts, mask, mean=False)
    spent = np.zeros(ev.n)
    rows = np.flatnonzero(some)
    spent[rows] = (times.view(np.uint64)[high[rows] - 1] - times.view(np.uint64)[low[rows]]).astype(np.float64)
    return ev.made(Finished(ratio(sums, spent)), ev.too_few(mask))


def _bounds(s: Stretch, mask: Mask | None, n: int) -> tuple[NDArray[Any], NDArray[Any]]:
    """Of each stretch the first and the end among the values that count."""
    if mask is None:
        return s.low, s.high
    before = np.zeros(n + 1, np.int64)
    np.cumsum(mask, out=before[1:])
    return before[s.low], before[s.high]
