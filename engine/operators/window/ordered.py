"""Percentiles, distinct counts and most frequent values over stretches."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ...arrow import array_from
from ..keyform import words_of
from ..states.base import Finished
from ..states.distinct import Distinct
from ..states.percentile import Percentile
from .counts import codes_of, counted
from .evaluation import Evaluation, Made, Mask
from .frames import Stretch
from .general import by_state
from .segment import I64
from .wavelet import count_below, smallest


def percentile(ev: Evaluation, state: Percentile, out: str) -> Made:
    mask = ev.mask(0)
    words = ev.segment.bring(words_of(state.type, ev.argument()).values)
    live, low, high, own = _compact(ev, mask)
    ranked = ev.share(("ranked", ev.column.args[0], ev.column.where), lambda: _ranks(words[live]))
    rank, order = ranked
    sizes = high - low
    skip = np.full(ev.n, -1, np.int64)  # how many values of the stretch are below the one left out
    if ev.stretch.holed:
        inside = (own >= low) & (own < high)
        at = np.minimum(own, max(len(rank) - 1, 0))
        if len(rank):
            skip = np.where(inside, count_below(rank, low, high, rank[at], ev.ctx.check), -1)
        sizes = sizes - inside

    def pick(rows: I64) -> NDArray[np.uint64]:
        if not len(order):
            return np.zeros(ev.n, np.uint64)
        rows = np.clip(rows, 0, None)
        rows = np.where((skip >= 0) & (rows >= skip), rows + 1, rows)
        found = smallest(rank, low, high, rows, ev.ctx.check)
        picked: NDArray[np.uint64] = words[live][order[np.minimum(found, len(order) - 1)]]
        return picked

    return ev.made(state.valued(sizes, out, pick), ev.too_few(mask, or_none=True))


def _compact(ev: Evaluation, mask: Mask | None) -> tuple[I64, I64, I64, I64]:
    """Places in the mask; the stretches among them; where each row's own place is among them (-1: it is not)."""
    s: Stretch = ev.stretch
    if mask is None:
        every = np.arange(ev.n)
        return every, s.low.astype(np.int64), s.high.astype(np.int64), every
    before = np.zeros(ev.n + 1, np.int64)
    np.cumsum(mask, out=before[1:])
    return np.flatnonzero(mask), before[s.low], before[s.high], np.where(mask, before[:-1], -1)


def _ranks(words: NDArray[np.uint64]) -> tuple[I64, I64]:
    """The rank of each value, equal ones in their order; and the value at each rank."""
    order = np.argsort(words, kind="stable")
    rank = np.empty(len(words), np.int64)
    rank[order] = np.arange(len(words))
    return rank, order


def distinct(ev: Evaluation, state: Distinct, out: str) -> Made:
    if out != "dc":
        if ev.ctx.compiled and len(ev.argument()):
            return counted(ev, state, out)
        return by_state(ev, state, out, ev.column.maker.make)
    mask = ev.mask(0)
    live, low, high, own = _compact(ev, mask)
    codes = codes_of(ev, state)[live]
    earlier, later = _neighbours(codes)
    number = count_below(
        earlier + 1, low, high, low + 1, ev.ctx.check
    )  # of equal values in a stretch the first has none before it there
    if ev.stretch.holed and len(codes):
        at = np.clip(own, 0, len(codes) - 1)
        alone = (earlier[at] < low) & (later[at] >= high)
        number -= (own >= low) & (own < high) & alone
    return ev.made(Finished(array_from(number)), ev.too_few(mask))


def _neighbours(codes: I64) -> tuple[I64, I64]:
    """The places of the nearest equal values before (-1: none) and behind (their number: none)."""
    n = len(codes)
    order = np.argsort(codes, kind="stable")
    same = codes[order[1:]] == codes[order[:-1]]
    earlier, later = np.full(n, -1, np.int64), np.full(n, n, np.int64)
    earlier[order[1:][same]] = order[:-1][same]
    later[order[:-1][same]] = order[1:][same]
    return earlier, later
