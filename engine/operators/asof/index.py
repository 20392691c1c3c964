"""The right side in memory: codes of its keys and times, and what is made of them for searches, once each."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from functools import partial
from itertools import pairwise
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from ....planner.records import dataclass
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
BACK = 1 << 20  # rows in front of a place among which the last of each key is looked for before marks are made
FEW_KEYS = BACK >> 4  # among so many rows these are likely to be all there

Made = TypeVar("Made")
Way = tuple[bool, bool]  # whether it goes ahead, and takes the last of rows of one time


@dataclass(frozen=True, slots=True)
class Marks:
    """Line j: of each key the last row in front of row j * step, or the first at or behind it."""

    step: int
    lines: NDArray[np.int32]


@dataclass(slots=True)
class Segments:
    """Rows of key number g stand at `starts[g] : starts[g + 1]`, in order of time, then as they came.

    `directory`, `shift`: near which of them a time is (`kernels.nearest.direct`).
    """

    key: I64
    row: I32
    starts: I64
    directory: I32
    shift: I64


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
        self.was_swept = self.was_searched = False  # by rows in order, by others
        self._lock = threading.Lock()
        self._made: dict[Any, Any] = {}
        self._found: dict[Way, Marks] = {}  # by stretch

    def masked(self, valid: Mask) -> Index:
        """The same rows, of which only some take part."""
        return Index(np.where(valid, self.code, np.int32(-1)), self.key, self.n_keys, self.is_sorted)

    def tasks(self, ways: Sequence[Way], ctx: Context) -> list[Callable[[], None]]:
        """What may be prepared on all threads: marks where the rows are in order, else segments."""
        if not ctx.compiled or not len(self.code):
            return []
        if self.is_sorted:
            wanted = [way for way in ways if way[0] or not self.looks_back]
            self._found = {way: self._stretches(way) for way in wanted}
            return [task for way, s in self._found.items() for task in self._mark_tasks(way, s, ctx)]
        room, pieces = self._room(ctx)
        self._made["segments"] = room
        spare = pooled(len(room.key), np.int64), pooled(len(room.row), np.int32)
        return [partial(self._fill, room, spare, low, high, ctx) for low, high in pieces]

    @property
    def looks_back(self) -> bool:
        """Whether marks of the rows in front are made only where looking back has failed."""
        return self.n_keys <= FEW_KEYS and (False, False) not in self._made

    def marks(self, way: Way, ctx: Context) -> Marks:
        return self._once(way, lambda c: self._marks(way, c), ctx)

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

    def _marks(self, way: Way, ctx: Context) -> Marks:
        """From the rows of each stretch those in front of it, or from it on."""
        found = self._found.pop(way, None)
        if found is None:
            found = self._stretches(way)
            for task in self._mark_tasks(way, found, ctx):
                task()
        ahead, last_tie = way
        lines, n = found.lines, len(found.lines)
        for i in range(1, n):
            line, behind = (n - 1 - i, n - i) if ahead else (i, i - 1)
            other = lines[behind]
            taken = lines[line] < 0
            if last_tie:  # rows of one time that lie on both sides
                taken |= (other >= 0) & (self.key[lines[line]] == self.key[other])
            lines[line] = np.where(taken, other, lines[line])
        nothing = np.full((1, self.n_keys), -1, np.int32)
        return Marks(found.step, np.concatenate([lines, nothing] if ahead else [nothing, lines]))

    def _stretches(self, way: Way) -> Marks:
        step = max(STEP, self.n_keys)
        return Marks(step, np.full((-(-len(self.code) // step), self.n_keys), -1, np.int32))

    def _mark_tasks(self, way: Way, found: Marks, ctx: Context) -> list[Callable[[], None]]:
        from ...kernels import nearest

        def mark(low: int, high: int) -> None:
            ahead, last_tie = way
            out = found.lines.reshape(-1)
            nearest.marks(
                self.code, self.key, found.step, self.n_keys, low, high, int(ahead), int(last_tie), out, ctx.stop
            )  # fmt: skip
            ctx.check()

        n, threads = len(found.lines), max(1, ctx.settings.threads)
        cuts = [n * i // threads for i in range(threads + 1)]
        return [partial(mark, a, b) for a, b in pairwise(cuts) if a < b]

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
        directory, shift = pooled(total // 4 + 2 * self.n_keys, np.int32), np.empty(self.n_keys, np.int64)
        made = Segments(pooled(total, np.int64), pooled(total, np.int32), starts, directory, shift)
        return made, list(pairwise(bounds))

    def _fill(self, made: Segments, spare: tuple[I64, I32], low: int, high: int, ctx: Context) -> None:
        from ...kernels import nearest, segments

        cursor = made.starts[:-1].copy()
        segments.scatter(self.code, self.key, low, high, cursor, made.key, made.row, ctx.stop)
        if not self.is_sorted:
            segments.sort_segments(made.key, made.row, *spare, made.starts, low, high, ctx.stop)
        nearest.direct(made.key, made.starts, low, high, made.directory, made.shift, ctx.stop)
        ctx.check()

    def _ranked(self) -> Ranked:
        rows = np.flatnonzero(self.code >= 0)
        times, rank = np.unique(self.key[rows], return_inverse=True)
        width = len(times) + 2
        place = self.code[rows].astype(np.int64) * width + rank + 1
        order = np.argsort(place, kind="stable")
        return Ranked(times, place[order], rows[order].astype(np.int32), width)
