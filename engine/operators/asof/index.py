"""The right side in memory: codes of its keys and times, and what is made of them for searches, once each."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from ...arrow import pooled
from ...aside import aside
from ...context import Context
from ..window.part import unlent
from ..window.segment import starts_of
from .times import Mask, is_ordered

I32 = NDArray[np.int32]
I64 = NDArray[np.int64]
STEP = 1 << 16  # rows from one line of marks to the next, at least
WAIT_S = 0.02

Made = TypeVar("Made")


@dataclass(frozen=True, slots=True)
class Marks:
    """Line j: of each key the last row in front of row j * step, or the first at or behind it."""

    step: int
    lines: NDArray[np.int32]


@dataclass(slots=True)
class Segments:
    """Rows of key number g stand at `starts[g] : starts[g + 1]`, in order of time, then as they came."""

    key: I64
    row: I32
    starts: I64


@dataclass(frozen=True, slots=True)
class Ranked:
    """Segments as one sorted sequence: number * width + rank of the time (from 1) among `times`."""

    times: I64
    place: I64
    row: I32
    width: int


class Index:
    """`code`: the number of each row's key, -1 where it takes no part; `key`: its time, in the order of the rows."""

    def __init__(self, code: I32, key: I64, n_keys: int, is_sorted: bool | None = None) -> None:
        self.code, self.key, self.n_keys = code, key, n_keys
        self.is_sorted = is_ordered(key) if is_sorted is None else is_sorted
        self.was_swept = self.was_merged = False  # by rows in order, by others
        self._lock = threading.Lock()
        self._made: dict[Any, Any] = {}

    def masked(self, valid: Mask) -> Index:
        """The same rows, of which only some take part."""
        return Index(np.where(valid, self.code, np.int32(-1)), self.key, self.n_keys, self.is_sorted)

    def tasks(self, ctx: Context) -> Sequence[Callable[[], None]]:
        """What may be prepared on all threads: segments, where the rows are in no order."""
        if self.is_sorted or not ctx.compiled:
            return ()
        made, pieces = self._room(ctx)
        self._made["segments"] = made
        spare = pooled(len(made.key), np.int64), pooled(len(made.row), np.int32)
        return [partial(self._fill, made, spare, low, high, ctx) for low, high in pieces]

    def marks(self, ahead: bool, last_tie: bool, ctx: Context) -> Marks:
        return self._once(("marks", ahead, last_tie), lambda c: self._marks(ahead, last_tie, c), ctx)

    def segments(self, ctx: Context) -> Segments:
        return self._once("segments", self._segments, ctx)

    def ranked(self, ctx: Context) -> Ranked:
        """Without compiled kernels."""
        return self._once("ranked", lambda c: aside(c, 16 * len(self.code), self._ranked), ctx)

    def _once(self, name: Any, make: Callable[[Context], Made], ctx: Context) -> Made:
        """Made by the worker that asks first; others wait, and see a cancel meanwhile."""
        if name not in self._made:
            while not self._lock.acquire(timeout=WAIT_S):
                ctx.check()
            try:
                if name not in self._made:
                    self._made[name] = make(unlent(ctx))
            finally:
                self._lock.release()
        return self._made[name]  # type: ignore[no-any-return]

    def _marks(self, ahead: bool, last_tie: bool, ctx: Context) -> Marks:
        from ...kernels import nearest

        step = max(STEP, self.n_keys)
        lines = -(-len(self.code) // step) + 1
        out = pooled(lines * self.n_keys, np.int32)
        out.reshape(lines, self.n_keys)[-1 if ahead else 0] = -1
        nearest.marks(self.code, self.key, step, int(ahead), int(last_tie), out, ctx.stop)
        ctx.check()
        return Marks(step, out.reshape(lines, self.n_keys))

    def _segments(self, ctx: Context) -> Segments:
        made, pieces = self._room(ctx)
        spare = pooled(len(made.key), np.int64), pooled(len(made.row), np.int32)
        for low, high in pieces:
            self._fill(made, spare, low, high, ctx)
        return made

    def _room(self, ctx: Context) -> tuple[Segments, list[tuple[int, int]]]:
        """Empty segments, and ranges of keys with about equally many rows for each thread."""
        from ...kernels import segments

        counts = np.zeros(self.n_keys, np.int64)
        segments.count(self.code, counts, ctx.stop)
        ctx.check()
        starts = starts_of(counts)
        total, threads = int(starts[-1]), max(1, ctx.settings.threads)
        cuts = np.searchsorted(starts, [total * i // threads for i in range(1, threads)])
        bounds = sorted({0, *(int(c) for c in cuts), self.n_keys})
        return Segments(pooled(total, np.int64), pooled(total, np.int32), starts), list(pairwise(bounds))

    def _fill(self, made: Segments, spare: tuple[I64, I32], low: int, high: int, ctx: Context) -> None:
        from ...kernels import segments

        cursor = made.starts[:-1].copy()
        segments.scatter(self.code, self.key, low, high, cursor, made.key, made.row, ctx.stop)
        if not self.is_sorted:
            segments.sort_segments(made.key, made.row, *spare, made.starts, low, high, ctx.stop)
        ctx.check()

    def _ranked(self) -> Ranked:
        rows = np.flatnonzero(self.code >= 0)
        times, rank = np.unique(self.key[rows], return_inverse=True)
        width = len(times) + 2
        place = self.code[rows].astype(np.int64) * width + rank + 1
        order = np.argsort(place, kind="stable")
        return Ranked(times, place[order], rows[order].astype(np.int32), width)
