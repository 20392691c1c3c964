"""One worker's sweep over rows of both sides in order of time, for the last row of the right not after each of the left."""

from __future__ import annotations

import numpy as np

from ...context import Context
from .index import BACK, I32, I64, Index
from .times import Mask

LANES = 4
LANE_KEYS = 1 << 12  # so that the states of all lanes stay near the processor
LANE_ROWS = 1 << 8
LEAST = -(1 << 63)
OPEN = np.int32(-2)  # as the kernels have it


class Before:
    """Batches of one worker often follow each other: the state is kept from one to the next."""

    def __init__(self, index: Index, exact: bool, ctx: Context) -> None:
        self._index, self._exact, self._ctx = index, exact, ctx
        self._state: I32 = np.empty(0, np.int32)  # of each key the last row in front of row `_at`
        self._at = -1
        self._lanes: I32 = np.empty(0, np.int32)

    def sweep(self, code: I32, key: I64, parts: Mask, out: I32, *, whole: bool) -> None:
        """Rows of the left that take `parts` are in order; `whole`: the others as well."""
        self._go_to(int(key[int(parts.argmax())]))
        begin = self._at
        if whole and self._has_lanes(key):
            n_open = self._sweep_lanes(code, key, begin, out)
        else:
            n_open = self._sweep_rows(code, key, out)
        self._ctx.check()
        if n_open:
            self._settle(code, begin, out)

    def _go_to(self, first: int) -> None:
        """A state in front of which no row is that the first of the left may not match."""
        from ...kernels import nearest, sweep

        index, ctx = self._index, self._ctx
        at = int(np.searchsorted(index.key, first, "left"))
        if at <= self._at and (self._at == at or self._may_match(index.key[self._at - 1], first)):
            return
        if index.looks_back:
            low = max(0, at - BACK)
            known = self._state if low <= self._at <= at else None
            low = low if known is None else self._at
            self._state = np.full(index.n_keys, OPEN, np.int32)
            if sweep.look_back(index.code, at, low, self._state, ctx.stop) and (known is not None or not low):
                rest = np.int32(-1) if known is None else known
                self._state = np.where(self._state == OPEN, rest, self._state)
        else:
            marks = index.marks((False, False), ctx)
            line = at // marks.step
            if not line * marks.step <= self._at <= at:
                self._at, self._state = line * marks.step, marks.lines[line].copy()
            nearest.pass_by(index.code, self._at, at, self._state, 0, ctx.stop)
        self._at = at

    def _may_match(self, theirs: np.int64, mine: int) -> bool:
        return bool(theirs <= mine if self._exact else theirs < mine)

    def _has_lanes(self, key: I64) -> bool:
        n_keys, least = self._index.n_keys, LANES * LANE_ROWS
        if n_keys > LANE_KEYS or len(key) < max(least, LANES * n_keys):
            return False
        return self._exact or bool(key[0] != LEAST)  # nothing is before that

    def _sweep_rows(self, code: I32, key: I64, out: I32) -> int:
        from ...kernels import nearest

        index = self._index
        self._at = int(
            nearest.sweep_back(
                code, key, index.code, index.key, int(self._exact), self._state, self._at, out, self._ctx.stop
            )
        )
        return int((out == OPEN).sum())

    def _sweep_lanes(self, code: I32, key: I64, begin: int, out: I32) -> int:
        from ...kernels import sweep

        index, n = self._index, len(code)
        cuts = key[[n * i // LANES for i in range(LANES)]]
        left = np.append(np.searchsorted(key, cuts, "left"), n)  # rows of one time are of one lane
        right = np.searchsorted(index.key, cuts, "left")
        end = np.searchsorted(index.key, key[-1], "right" if self._exact else "left")
        right = np.maximum(np.append(right, end), begin)
        width = index.n_keys + 1
        if not len(self._lanes):
            self._lanes = np.empty(LANES * width, np.int32)
        lanes = self._lanes
        lanes[:] = OPEN
        lanes[1:width] = self._state
        n_open = sweep.sweep_lanes(
            code, key, index.code, index.key, int(not self._exact), lanes, left, right, out, self._ctx.stop
        )
        self._state, self._at = lanes[-index.n_keys :].copy(), int(right[-1])
        return int(n_open)

    def _settle(self, code: I32, begin: int, out: I32) -> None:
        """By marks what looking back has left open. `begin`: where the sweep began."""
        from ...kernels import nearest

        index = self._index
        marks = index.marks((False, False), self._ctx)
        line = begin // marks.step
        state = marks.lines[line].copy()
        nearest.pass_by(index.code, line * marks.step, begin, state, 0, self._ctx.stop)
        rows = np.flatnonzero(out == OPEN)
        out[rows] = state[code[rows]]
        self._state = np.where(self._state == OPEN, state, self._state)
