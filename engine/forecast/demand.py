"""Intermittent demand as events: how much at a time, and how many steps after the event before; what may come, by drawing from them."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from ...planner.records import dataclass
from ..random import keyed, uniform
from .batch import F64, Batch, Ints
from .ragged import Steps, known, series, steps, within

INTERVAL = 1.32  # steps between demands (Syntetos, Boylan & Croston 2005): above it, Croston's forecasts are better than smoothing
CELLS = 1 << 22  # of paths in work at once
TRIES = 8  # for a first gap that is longer than what went by since the last demand


@dataclass(frozen=True, slots=True)
class Demand:
    """Events of the series that have any, by series and step.

    `events`: sizes as a batch of their own, whose series are `at` int64[J] of the whole. `gaps` float64[E]: known steps from the event
    before, of the first from the start. `state` int64[N]: of each step the last event up to it, -1 before the first.
    `since` int64[J]: known steps that went by after the last event.
    """

    events: Batch
    at: Ints
    gaps: F64
    state: Ints
    since: Ints


def is_intermittent(batch: Batch) -> NDArray[np.bool_]:
    """bool[K]: no value is negative, and from the first demand on more than 1.32 known steps pass for each. One pass."""
    some, _ = known(batch)
    demand = demands(batch)
    out = np.zeros(len(batch), np.bool_)
    if not len(demand.at):
        return out
    first = demand.gaps[demand.events.offsets[:-1]]
    n_steps = np.diff(some.offsets)[demand.at] - first + 1
    out[demand.at] = n_steps > INTERVAL * np.diff(demand.events.offsets)
    return out & (np.minimum.reduceat(some.values, some.offsets[:-1]) >= 0)


def demands(batch: Batch) -> Demand:
    some, places = known(batch)
    step, number = within(some), series(some)
    hit = np.flatnonzero(some.values != 0)
    owner = number[hit]
    at = np.unique(owner)
    offsets = np.searchsorted(owner, np.append(at, len(batch)))
    before = np.concatenate([[-1], step[hit][:-1]])[: len(hit)]
    before[offsets[:-1]] = -1
    gaps = (step[hit] - before).astype(np.float64)
    state = np.searchsorted(places[hit], np.arange(len(batch.values)), "right") - 1
    own = np.full(len(batch), len(hit))
    own[at] = offsets[:-1]
    state = np.where(state >= own[series(batch)], state, -1)
    since = np.diff(some.offsets)[at] - 1 - step[hit][offsets[1:] - 1] if len(at) else np.zeros(0, np.int64)
    events = replace(batch, values=some.values[hit], offsets=offsets, period=batch.period[at], keys=batch.keys[at])
    return Demand(events, at, gaps, state, since)


def smoothed(layout: Steps, values: F64, alpha: F64 | float) -> F64:
    """The level after each value: the first is its value, each other goes `alpha` (a number, or float64[K]) of the way. O(N)."""
    laid = layout.laid(values)
    part = np.broadcast_to(np.asarray(alpha, np.float64), (len(layout.order),))[layout.order]
    keep = 1 - part
    starts = layout.starts.tolist()
    for t, (low, high) in enumerate(pairwise(starts)):
        if t:
            n, above = high - low, starts[t - 1]
            laid[low:high] = part[:n] * laid[low:high] + keep[:n] * laid[above : above + n]
    return laid[layout.place]


def layout_of(demand: Demand) -> Steps:
    return steps(demand.events)


class Draws:
    """Picks events as old as the weights of smoothing make them: the newest with probability alpha, the one before it with
    alpha (1 - alpha), and so on, what is left with the first. So the mean of what is drawn is the smoothed level."""

    def __init__(self, demand: Demand, alpha: F64, low: int, high: int, n_paths: int, seed: int) -> None:
        """For series low .. high of `demand`; `alpha` float64[J]."""
        self._last = np.repeat(demand.events.offsets[low + 1 : high + 1] - 1, n_paths)
        self._first = np.repeat(demand.events.offsets[low:high], n_paths)
        self._keys = np.repeat(demand.events.keys[low:high], n_paths)
        self._path = np.tile(np.arange(n_paths, dtype=np.uint64), high - low)
        self._alpha, self._seed = np.repeat(alpha[low:high], n_paths), seed
        self._ages = {a: _survival(a) for a in np.unique(self._alpha).tolist()}

    def uniform(self, cells: Ints, step: int, lane: int) -> F64:
        place = self._path[cells] | np.uint64(step << 34 | lane << 28)
        return uniform(keyed(self._seed, self._keys[cells], place))

    def events(self, cells: Ints, step: int, lane: int) -> Ints:
        u = self.uniform(cells, step, lane)
        age = np.zeros(len(cells), np.int64)
        for alpha, table in self._ages.items():
            mine = slice(None) if len(self._ages) == 1 else self._alpha[cells] == alpha
            age[mine] = len(table) - np.searchsorted(table, u[mine], "right")
        out: Ints = np.maximum(self._last[cells] - age, self._first[cells])
        return out


def _survival(alpha: float) -> F64:
    """(1 - alpha)^j for j = ... 2, 1, ascending, down to what no draw can tell from 0."""
    n = int(np.ceil(-37 / np.log1p(-min(max(alpha, 1e-4), 1 - 1e-9)))) + 1
    return np.multiply.accumulate(np.full(n, 1 - alpha))[::-1].copy()


def chunks(demand: Demand, n_paths: int, n_steps: int) -> list[tuple[int, int]]:
    size = max(1, CELLS // max(1, n_paths * n_steps))
    return [(low, min(low + size, len(demand.at))) for low in range(0, len(demand.at), size)]


def renewals(demand: Demand, alpha: F64, low: int, high: int, n_paths: int, n_steps: int, seed: int) -> F64:
    """float64[high - low, n_paths, n_steps]: demand by drawing (gap, size) pairs one after the other (a renewal process). The first gap
    is longer than what went by since the last event, if one of TRIES draws is; else it starts anew."""
    draws = Draws(demand, alpha, low, high, n_paths, seed)
    sizes, gaps = demand.events.values, demand.gaps.astype(np.int64)
    since = np.repeat(demand.since[low:high], n_paths)
    out = np.zeros((len(since), n_steps))
    event, left = np.zeros((2, len(since)), np.int64)
    open_ = np.arange(len(since))
    for lane in range(1, TRIES + 1):
        event[open_] = draws.events(open_, 0, lane)
        left[open_] = gaps[event[open_]] - since[open_]
        open_ = open_[left[open_] <= 0]
    left[open_] = gaps[event[open_]]
    for step in range(n_steps):
        left -= 1
        hit = np.flatnonzero(left == 0)
        out[hit, step] = sizes[event[hit]]
        event[hit] = draws.events(hit, step + 1, 0)
        left[hit] = gaps[event[hit]]
    return out.reshape(high - low, n_paths, n_steps)


def chances(
    demand: Demand, alpha: F64, chance: F64, low: int, high: int, n_paths: int, n_steps: int, seed: int
) -> F64:  # fmt: skip
    """The same with a demand at each step by `chance` float64[J], whatever was before."""
    draws = Draws(demand, alpha, low, high, n_paths, seed)
    part = np.repeat(chance[low:high], n_paths)
    out = np.zeros((len(part), n_steps))
    cells = np.arange(len(part))
    for step in range(n_steps):
        hit = np.flatnonzero(draws.uniform(cells, step + 1, 1) < part)
        out[hit, step] = demand.events.values[draws.events(hit, step + 1, 0)]
    return out.reshape(high - low, n_paths, n_steps)
