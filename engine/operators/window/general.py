"""Any aggregate over stretches: its own state, a group for each frame.

Short frames are given to the state row by row. Long ones are put together from stretches of 16, 256, ... rows, whose states
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

BLOCK_ROWS = 1 << 18  # rows that are given to a state at a time
BLOCK_FRAMES = 1 << 13
BLOCK_BYTES = 16 << 20  # of a state over one block of frames
FAN = 16
LONG = 4 * FAN  # frames longer than this, on average, are worth a tree


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

    def all(self) -> Finished:
        ev, s = self._ev, self._stretch
        parts: list[Finished] = []
        sizes = (s.high - s.low).astype(np.int64)
        for begin, end in self._blocks(sizes):
            ev.ctx.check()
            parts.append(self._direct(begin, end, sizes[begin:end]))
        return _joined(parts, ev.column.type.arrow)

    def _blocks(self, sizes: NDArray[np.int64]) -> list[tuple[int, int]]:
        n = self._ev.n
        frames = min(BLOCK_FRAMES, max(1, BLOCK_BYTES // _state_bytes(self._make)))
        out, begin = [], 0
        ends = np.cumsum(sizes)
        while begin < n:
            before = int(ends[begin - 1]) if begin else 0
            end = int(np.searchsorted(ends, before + BLOCK_ROWS, "right"))
            end = min(max(end, begin + 1), begin + frames, n)
            out.append((begin, end))
            begin = end
        return out

    def _direct(self, begin: int, end: int, sizes: NDArray[np.int64]) -> Finished:
        """Frames of the places begin .. end, row by row."""
        s = self._stretch
        places = ranges(s.low[begin:end].astype(np.int64), sizes)
        groups = np.repeat(np.arange(end - begin, dtype=np.int32), sizes)
        keep: Any = None
        if s.holed:
            keep = places != groups + begin
        if self._mask is not None:
            keep = self._mask[places] if keep is None else keep & self._mask[places]
        if keep is not None:
            places, groups = places[keep], groups[keep]
        state = self._state(end - begin)
        self._update(state, groups, places)
        return state.finish(end - begin, self._out, self._ev.ctx.compiled)

    def _state(self, n: int) -> State:
        state = self._make()
        state.asked = (self._out,)
        state.resize(n)
        return state

    def _update(self, state: State, groups: NDArray[np.int32], places: NDArray[np.int64]) -> None:
        ctx = self._ev.ctx
        rows = array_from(places)
        args = [c.take(rows) for c in self._columns]
        state.update(Rows(groups, args, places if state.ordered else None, ctx.compiled, ctx.stop))
        ctx.check()


def _state_bytes(make: Callable[[], State]) -> int:
    """Of one frame."""
    state = make()
    state.resize(8)
    return max(64, state.nbytes() // 8)


def _joined(parts: list[Finished], kind: pa.DataType) -> Finished:
    if not parts:
        return Finished(null_array(0, kind))
    faults = None
    if any(p.faults is not None for p in parts):
        faults = concat([p.faults if p.faults is not None else null_array(len(p.values), pa.string()) for p in parts])
    return Finished(concat([p.values for p in parts]), faults, sum(p.cut for p in parts))
