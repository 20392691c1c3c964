"""One row of each frame: the first, the last, the least, the greatest."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ..keyform import Words, normal
from ..keysort import ranks
from ..states.best import Best
from ..states.extremes import NAN_WORD, TOP, Extreme, Range
from .evaluation import Evaluation, Made, Mask, picked
from .frames import Stretch
from .segment import I32

U64: TypeAlias = NDArray[np.uint64]


def extreme(ev: Evaluation, state: Extreme, out: str) -> Made:
    mask = ev.mask(0)
    fill(ev, state, mask)
    return ev.finished(state, out, ev.too_few(mask, or_none=True))


def fill(ev: Evaluation, state: Extreme, mask: Mask | None) -> None:
    """The best word of each place's stretch."""
    words = ev.share(
        ("words", ev.column.args[0], state.key()), lambda: ev.segment.bring(state.words(ev.argument()).values)
    )
    at = least(ev, ~words if state.greatest else words, mask)
    state.seen = (at >= 0).view(np.uint8)
    best = words[np.maximum(at, 0)] if ev.n else words
    state.best = np.where(at >= 0, best, np.uint64(0) if state.greatest else TOP)


def spread(ev: Evaluation, state: Range, out: str) -> Made:
    mask = ev.mask(0)
    fill(ev, state.low, mask)
    fill(ev, state.high, mask)
    return ev.finished(state, out, ev.too_few(mask, or_none=True))


def best(ev: Evaluation, state: Best, out: str) -> Made:
    both = state.mode in ("earliest", "latest")
    mask = ev.mask(0, 1) if both else ev.mask(state.arity - 1)
    few = ev.too_few(mask, or_none=True)
    if state.placed:
        at = nearest(ev, mask, state.mode == "first")
    else:
        find = last_least if state.mode == "latest" else least
        at = find(ev, _keys(ev, state), mask)
    return picked(at, few, ev.column.args[0])


def _keys(ev: Evaluation, state: Best) -> U64:
    """Words, the least of which wins."""
    at = ev.column.args[-1] if state.arity > 1 else ev.column.args[0]
    made: U64 = ev.share(("keys", at, state.mode), lambda: ev.segment.bring(_row_keys(ev, state, at)))
    return made


def _row_keys(ev: Evaluation, state: Best, at: int) -> U64:
    form: Any = normal(state.key_type, ev.arrays[at])
    if isinstance(form, Words):
        words = form.values
        if not state.upwards and state.key_type.kind == "double":
            words = np.where(words == NAN_WORD, np.uint64(0), words)
    else:
        words = ranks(form).view(np.uint64)
    return words if state.upwards else ~words


def nearest(ev: Evaluation, mask: Mask | None, first: bool) -> I32:
    """The first or the last place of each stretch that is in the mask; -1: none."""
    s = ev.stretch
    if not s.holed:
        return _nearest(ev, mask, s.low, s.high, first)
    own = np.arange(ev.n, dtype=np.int32)
    before = _nearest(ev, mask, s.low, np.maximum(s.low, np.minimum(s.high, own)), first)
    after = _nearest(ev, mask, np.minimum(s.high, np.maximum(s.low, own + 1)), s.high, first)
    one, other = (before, after) if first else (after, before)
    return np.where(one >= 0, one, other)


def _nearest(ev: Evaluation, mask: Mask | None, low: I32, high: I32, first: bool) -> I32:
    if mask is None:
        return np.where(low < high, low if first else high - 1, np.int32(-1)).astype(np.int32)
    n = ev.n
    places = np.arange(n + 1, dtype=np.int32)
    if first:
        following = np.where(np.append(mask, True), places, np.int32(n))
        following = np.minimum.accumulate(following[::-1])[::-1]
        at = following[low]
        return np.where(at < high, at, np.int32(-1)).astype(np.int32)
    preceding = np.maximum.accumulate(np.where(np.insert(mask, 0, False), places - 1, np.int32(-1)))
    at = preceding[high]
    return np.where(at >= low, at, np.int32(-1)).astype(np.int32)


def least(ev: Evaluation, words: U64, mask: Mask | None) -> I32:
    """The place of the least word of each stretch, the first of equals; -1: there is none in the mask."""
    s = ev.stretch
    if ev.ctx.compiled:
        from ...kernels import windowpicks

        out = np.empty(ev.n, np.int32)
        valid = np.empty(0, np.uint8) if mask is None else mask.view(np.uint8)
        if not s.holed:
            windowpicks.least(words, valid, s.low, s.high, out, ev.ctx.stop)
            ev.ctx.check()
            return out
        other = np.empty(ev.n, np.int32)
        before, after = _sides(s)
        windowpicks.least(words, valid, before.low, before.high, out, ev.ctx.stop)
        windowpicks.least(words, valid, after.low, after.high, other, ev.ctx.stop)
        ev.ctx.check()
        return _better(words, out, other)
    order = np.argsort(words, kind="stable")
    rank = np.empty(ev.n, np.int64)
    rank[order] = np.arange(ev.n)
    if mask is not None:
        rank[~mask] = ev.n
    if not s.holed:
        got = _range_least(rank, s.low, s.high)
    else:
        before, after = _sides(s)
        got = np.minimum(_range_least(rank, before.low, before.high), _range_least(rank, after.low, after.high))
    return np.append(order, -1)[np.minimum(got, ev.n)].astype(np.int32)


def last_least(ev: Evaluation, words: U64, mask: Mask | None) -> I32:
    """As `least`, the last of equals."""
    n, s = np.int32(ev.n), ev.stretch
    backwards = replace(
        ev, stretch=Stretch((n - s.high[::-1]).astype(np.int32), (n - s.low[::-1]).astype(np.int32), s.holed)
    )
    at = least(backwards, words[::-1].copy(), None if mask is None else mask[::-1].copy())[::-1]
    return np.where(at >= 0, n - 1 - at, np.int32(-1)).astype(np.int32)


def _sides(s: Stretch) -> tuple[Stretch, Stretch]:
    """What lies before and behind each row in its stretch."""
    own = np.arange(len(s.low), dtype=np.int32)
    before = Stretch(s.low, np.maximum(s.low, np.minimum(s.high, own)))
    after = Stretch(np.minimum(s.high, np.maximum(s.low, own + 1)), s.high)
    return before, after


def _better(words: U64, one: I32, other: I32) -> I32:
    """Of two places each the one with the lesser word; of equals the first, which is the earlier place."""
    take = (one < 0) | ((other >= 0) & (words[other] < words[one]))
    return np.where(take, other, one)


def _range_least(rank: NDArray[np.int64], low: I32, high: I32) -> NDArray[np.int64]:
    """The least rank of each stretch, from minima of stretches of 1, 2, 4, ... places; `len(rank)` of an empty one."""
    n = len(rank)
    out = np.full(len(low), n, np.int64)
    sizes = high.astype(np.int64) - low
    level = np.frexp(np.maximum(sizes, 1).astype(np.float64))[1] - 1
    table, width = rank, 1
    for k in range(int(level.max(initial=0)) + 1):
        at = np.flatnonzero((level == k) & (sizes > 0))
        out[at] = np.minimum(table[low[at]], table[high[at] - width])
        if len(table) > width:
            table = np.minimum(table[:-width], table[width:])
        width *= 2
    return out
