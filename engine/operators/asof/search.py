"""For rows of the left the nearest rows of the right: one worker's state over an index that all share."""

from __future__ import annotations

from typing import Any

import numpy as np

from ....planner.combine import Asof
from ....planner.records import dataclass
from ...aside import aside
from ...context import Context
from .before import Before
from .index import I32, I64, Index, Way
from .times import Clock, Mask, is_ordered


@dataclass(frozen=True, slots=True)
class Wish:
    """What is looked for. `tolerance`: ticks or a number."""

    direction: str
    exact: bool = True
    tolerance: Any = None
    clock: Clock = Clock()

    def ways(self) -> list[Way]:
        """The searches that it takes."""
        match self.direction:
            case "backward":
                return [(False, False)]
            case "forward":
                return [(True, False)]
        return [(False, False), (True, True)]


def wish_of(node: Asof, clock: Clock) -> Wish:
    tolerance: Any = node.tolerance
    if tolerance is not None and not clock.is_double:
        left = node.left.schema.type(node.on)
        is_time = left is not None and left.kind in ("date", "duration")
        whole = int(min(tolerance, 2**64 - 1))
        tolerance = np.uint64(whole if clock.ns or not is_time else whole // 1000)
    return Wish(node.direction, node.exact, tolerance, clock)


class Searcher:
    """Rows of one index, for one worker."""

    def __init__(self, index: Index, wish: Wish, ctx: Context) -> None:
        self._index, self._wish, self._ctx = index, wish, ctx
        self._before = Before(index, wish.exact, ctx)

    def rows(self, code: I32, key: I64) -> I32:
        """A row of the right for each of the left, -1: none. `code` is negative where a row of the left takes no part."""
        wish = self._wish
        found = [self._found(code, key, *way) for way in wish.ways()]
        rows = self._nearer(key, *found) if len(found) > 1 else found[0]
        return rows if wish.tolerance is None else self._within(key, rows)

    def _nearer(self, key: I64, back: I32, ahead: I32) -> I32:
        """Of two rows the one in front, unless the other is nearer."""
        clock = self._wish.clock
        both = np.flatnonzero((back >= 0) & (ahead >= 0))
        out = np.where(back >= 0, back, ahead)
        if len(both):
            theirs, mine = self._index.key, key[both]
            nearer = clock.distance(mine, theirs[ahead[both]]) < clock.distance(mine, theirs[back[both]])
            out[both[nearer]] = ahead[both[nearer]]
        return out

    def _within(self, key: I64, rows: I32) -> I32:
        found = np.flatnonzero(rows >= 0)
        if not len(found):
            return rows
        far = self._wish.clock.distance(key[found], self._index.key[rows[found]]) > self._wish.tolerance
        out = rows.copy()
        out[found[far]] = -1
        return out

    def _found(self, code: I32, key: I64, ahead: bool, last_tie: bool) -> I32:
        index, ctx = self._index, self._ctx
        if not len(index.code) or not len(code):
            return np.full(len(code), -1, np.int32)
        parts = code >= 0
        whole = index.is_sorted and is_ordered(key, ctx.compiled)
        in_order = whole or (index.is_sorted and not parts.all() and is_ordered(key[parts], ctx.compiled))
        index.was_swept |= in_order
        index.was_searched |= not in_order
        if not ctx.compiled:
            return aside(ctx, 64 * len(code), lambda: self._ranked(code, key, ahead, last_tie))
        out = np.empty(len(code), np.int32)
        if not in_order:
            self._find(code, key, ahead, last_tie, out)
        elif not parts.any():
            out[:] = -1
        elif ahead:
            self._sweep_ahead(code, key, parts, last_tie, out)
        else:
            self._before.sweep(code, key, parts, out, whole=whole)
        ctx.check()
        return out

    def _sweep_ahead(self, code: I32, key: I64, parts: Mask, last_tie: bool, out: I32) -> None:
        from ...kernels import nearest

        index, ctx, exact = self._index, self._ctx, int(self._wish.exact)
        at, state = self._from_behind(int(key[len(key) - 1 - int(parts[::-1].argmax())]), last_tie)
        nearest.sweep_ahead(code, key, index.code, index.key, exact, int(last_tie), state, at, out, ctx.stop)

    def _from_behind(self, last: int, last_tie: bool) -> tuple[int, I32]:
        """A row from which on all may match a row of time `last`, and the state there."""
        marks = self._index.marks((True, last_tie), self._ctx)
        at = int(np.searchsorted(self._index.key, last, "left" if self._wish.exact else "right"))
        line = -(-at // marks.step)
        return min(line * marks.step, len(self._index.code)), marks.lines[line].copy()

    def _find(self, code: I32, key: I64, ahead: bool, last_tie: bool, out: I32) -> None:
        from ...kernels import nearest

        right = self._index.segments(self._ctx)
        nearest.find(
            code, key, right.key, right.row, right.starts, right.directory, right.shift, int(ahead), int(self._wish.exact),
            int(last_tie), out, self._ctx.stop,
        )  # fmt: skip

    def _ranked(self, code: I32, key: I64, ahead: bool, last_tie: bool) -> I32:
        """By binary search among the places of all rows of the right."""
        right = self._index.ranked(self._ctx)
        before = (ahead and self._wish.exact) or not (ahead or self._wish.exact)
        rank = np.searchsorted(right.times, key, "left" if before else "right")
        low = code.astype(np.int64) * right.width
        if ahead:
            at = np.searchsorted(right.place, low + rank + 1, "left")
            end = np.searchsorted(right.place, low + right.width, "left")
            found = np.minimum(at, max(0, len(right.row) - 1))
            if last_tie and len(right.row):
                found = np.searchsorted(right.place, right.place[found], "right") - 1
            has = at < end
        else:
            at = np.searchsorted(right.place, low + rank, "right")
            has = at > np.searchsorted(right.place, low, "left")
            found = np.maximum(at - 1, 0)
        has &= code >= 0
        return np.where(has, right.row[np.where(has, found, 0)], np.int32(-1)) if len(right.row) else _none(code)


def _none(code: I32) -> I32:
    return np.full(len(code), -1, np.int32)
