"""Any aggregate over stretches: its own state, a group for each frame.

Short frames are given to the state row by row. Long ones are put together from stretches of 8, 64, ... rows, whose states
are made once: `merge` gives the same bits in any order.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ...arrow import array_from, concat
from ...arrow import nulls as null_array
from ...aside import aside
from ..states.base import Finished, Rows, State
from ..states.distinct import ranges
from .evaluation import Evaluation, Made, Mask
from .segment import I64

BLOCK_ROWS = 1 << 18  # rows that are given to a state at a time
BLOCK_FRAMES = 1 << 13
BLOCK_BYTES = 16 << 20  # of a state over one block of frames
FAN = 8
LONG = 8 * FAN  # frames longer than this, on average, are worth a tree


def by_state(ev: Evaluation, state: State, out: str, make: Callable[[], State]) -> Made:
    arity = state.arity
    mask = ev.chosen()
    counted = _counted(ev, arity)
    few = ev.too_few(counted)
    columns = [_in_order(ev, i) for i in range(arity)]
    frames = Frames(ev, columns, mask, make, out)
    got = frames.all()
    return ev.made(got, few)


def by_group(ev: Evaluation, state: State, out: str) -> Made:
    """Where each row sees its whole group: one value a group, as `stats` makes it, for each of its rows."""
    ctx, group = ev.ctx, ev.segment.group
    columns = [_in_order(ev, i) for i in range(state.arity)]
    mask = ev.chosen()
    n_groups = len(ev.segment.starts) - 1
    state.asked = (out,)
    state.resize(n_groups)
    for begin in range(0, ev.n, BLOCK_ROWS):
        places = np.arange(begin, min(begin + BLOCK_ROWS, ev.n))
        if mask is not None:
            places = places[mask[places]]
        rows = array_from(places)
        args = [c.take(rows) for c in columns]
        state.update(Rows(group[places], args, places if state.ordered else None, ctx.compiled, ctx.stop))
        ctx.check()
    aside(ctx, state.nbytes(), state.seal)
    got = aside(ctx, state.nbytes(), lambda: state.finish(n_groups, out, ctx.compiled))
    few = ev.too_few(ev.mask(*range(state.arity)))
    spread = array_from(group)
    faults = got.faults.take(spread) if got.faults is not None else None
    return ev.made(Finished(got.values.take(spread), faults, got.cut), few)


def _counted(ev: Evaluation, arity: int) -> Mask | None:
    """Rows whose values the aggregate counts: where every argument has one."""
    return ev.mask(*range(arity))


def _in_order(ev: Evaluation, i: int) -> pa.Array[Any]:
    at = ev.column.args[i]
    made: pa.Array[Any] = ev.share(("in order", at), lambda: ev.arrays[at].take(array_from(ev.segment.perm)))
    return made


class Frames:
    """States of stretches of places."""

    def __init__(
        self, ev: Evaluation, columns: list[pa.Array[Any]], mask: Mask | None, make: Callable[[], State], out: str
    ) -> None:
        self._ev, self._columns, self._mask, self._make, self._out = ev, columns, mask, make, out
        self._stretch = ev.stretch
        self._levels: list[State] = []  # of FAN, FAN * FAN, ... places each

    def all(self) -> Finished:
        ev, s = self._ev, self._stretch
        parts: list[Finished] = []
        sizes = (s.high - s.low).astype(np.int64)
        step = min(BLOCK_FRAMES, max(1, BLOCK_BYTES // _state_bytes(self._make)))
        begin = 0
        while begin < ev.n:
            ev.ctx.check()
            end = min(begin + step, ev.n)
            if int(sizes[begin:end].sum()) <= LONG * (end - begin):
                parts.append(self._direct(begin, end))
                begin = end
                continue
            if not self._levels:
                self._levels = self._tree()
            parts.append(self._from_tree(begin, end))
            begin = end
        return joined(parts, ev.column.type.arrow)

    def _stretches(self, begin: int, end: int) -> tuple[NDArray[np.int32], I64, I64]:
        """Frame (from 0), first place and end of each stretch: one a frame, or two where the row itself is left out."""
        s = self._stretch
        low, high = s.low[begin:end].astype(np.int64), s.high[begin:end].astype(np.int64)
        frames = np.arange(end - begin, dtype=np.int32)
        if not s.holed:
            return frames, low, high
        own = np.arange(begin, end)
        first, second = np.maximum(low, np.minimum(high, own)), np.minimum(high, np.maximum(low, own + 1))
        return np.tile(frames, 2), np.concatenate([low, second]), np.concatenate([first, high])

    def _direct(self, begin: int, end: int) -> Finished:
        """Frames of the places begin .. end, row by row."""
        frames, low, high = self._stretches(begin, end)
        state = self._state(end - begin)
        self._update(state, frames, low, high)
        return self._finish(state, end - begin)

    def _tree(self) -> list[State]:
        """States of all stretches of FAN places, of FAN of these, and so on."""
        n, ctx = self._ev.n, self._ev.ctx
        size = -(-n // FAN)
        level = self._state(size)
        for begin in range(0, n, BLOCK_ROWS):
            places = np.arange(begin, min(begin + BLOCK_ROWS, n))
            self._take(level, (places // FAN).astype(np.int32), places)
        made = [level]
        while size > FAN:
            below, size = size, -(-size // FAN)
            level = self._state(size)
            members = np.arange(below, dtype=np.int32)
            made[-1].seal()
            level.merge(made[-1], members, members // np.int32(FAN), ctx.compiled)
            ctx.check()
            made.append(level)
        made[-1].seal()
        return made

    def _from_tree(self, begin: int, end: int) -> Finished:
        """Rows at the ends of each stretch, then parts of the tree between them, the small ones first."""
        ctx = self._ev.ctx
        frames, low, high = self._stretches(begin, end)
        state = self._state(end - begin)
        inner_low, inner_high = self._inner(low, high)
        self._update(state, frames, low, inner_low)
        self._update(state, frames, inner_high, high)
        low, high = inner_low // FAN, inner_high // FAN
        for i, level in enumerate(self._levels):
            last = i == len(self._levels) - 1
            inner_low, inner_high = (high, high) if last else self._inner(low, high)
            for a, b in ((low, inner_low), (inner_high, high)):
                members = ranges(a, b - a)
                if len(members):
                    state.merge(level, members.astype(np.int32), np.repeat(frames, b - a), ctx.compiled)
                    ctx.check()
            low, high = inner_low // FAN, inner_high // FAN
        return self._finish(state, end - begin)

    def _inner(self, low: I64, high: I64) -> tuple[I64, I64]:
        """The part of each stretch that is made of whole stretches of FAN."""
        first, end = -(-low // FAN) * FAN, high // FAN * FAN
        none = first >= end
        return np.where(none, high, first), np.where(none, high, end)

    def _state(self, n: int) -> State:
        state = self._make()
        state.asked = (self._out,)
        state.resize(n)
        return state

    def _finish(self, state: State, n: int) -> Finished:
        return state.finish(n, self._out, self._ev.ctx.compiled)

    def _update(self, state: State, frames: NDArray[np.int32], low: I64, high: I64) -> None:
        sizes = high - low
        self._take(state, np.repeat(frames, sizes), ranges(low, sizes))

    def _take(self, state: State, groups: NDArray[np.int32], places: NDArray[np.int64]) -> None:
        ctx = self._ev.ctx
        if self._mask is not None:
            keep = self._mask[places]
            groups, places = groups[keep], places[keep]
        if not len(groups):
            return
        rows = array_from(places)
        args = [c.take(rows) for c in self._columns]
        state.update(Rows(groups, args, places if state.ordered else None, ctx.compiled, ctx.stop))
        ctx.check()


def _state_bytes(make: Callable[[], State]) -> int:
    """Of one frame."""
    state = make()
    state.resize(8)
    return max(64, state.nbytes() // 8)


def joined(parts: list[Finished], kind: pa.DataType) -> Finished:
    if not parts:
        return Finished(null_array(0, kind))
    faults = None
    if any(p.faults is not None for p in parts):
        faults = concat([p.faults if p.faults is not None else null_array(len(p.values), pa.string()) for p in parts])
    return Finished(concat([p.values for p in parts]), faults, sum(p.cut for p in parts))
