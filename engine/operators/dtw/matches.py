"""`dtw mode=search`: the windows of each series that are nearest to the pattern."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import field
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa

from ....planner.records import dataclass
from ....planner.types import Schema
from ...arrow import array_from, concat, indices
from ...context import Context
from ...notes import N_SAMPLES, At, of_group
from ...operator import Source
from ..rows import Rows
from .gather import SeriesSink, Spec
from .pattern import Given
from .search import Search, whole_windows
from .series import I64, Series

SHORT = "shorter than the pattern"
LEFT_OUT = (
    ("null in the window", "windows with a null are left out"),
    ("NaN or infinity in the window", "windows with NaN or an infinity are left out"),
)


@dataclass(slots=True)
class Job:
    """One series: passes until there are enough matches."""

    group: int
    search: Search
    left_out: tuple[I64, ...]  # windows that are not looked at, a reason each: their first points
    units: deque[int] = field(default_factory=deque)
    n_running: int = 0
    found: list[tuple[int, float]] = field(default_factory=list)

    def begin(self, workers: int) -> None:
        self.search.begin(workers)
        self.units.extend(self.search.units)


class Board:
    """What workers share: each takes a unit of a series at work, or else begins another; only who finds neither waits."""

    def __init__(self, groups: Sequence[int], make: Callable[[int], Job], workers: int, top: int) -> None:
        self._todo, self._make, self._workers, self._top = deque(groups), make, workers, top
        self._lock = threading.Lock()
        self._active: list[Job] = []
        self._n_begun = 0  # series that are being prepared
        self._is_failed = False
        self.done: list[Job] = []

    def work(self, worker: int, ctx: Context) -> None:
        try:
            while (unit := self._next()) is not None or not self._is_over():
                ctx.check()
                if unit is None:
                    ctx.query.rest(self._may_go_on)
                    continue
                job, number = unit
                job.search.look(number, worker, ctx)
                self._looked(job)
        except BaseException:
            self._is_failed = True
            raise

    def _next(self) -> tuple[Job, int] | None:
        with self._lock:
            found = next((j for j in self._active if j.units), None)
            if found is not None:
                found.n_running += 1
                return found, found.units.popleft()
            if not self._todo:
                return None
            group = self._todo.popleft()
            self._n_begun += 1
        job = self._make(group)
        with self._lock:
            self._n_begun -= 1
            job.begin(self._workers)
            self._active.append(job)
            job.n_running += 1
            return job, job.units.popleft()

    def _looked(self, job: Job) -> None:
        with self._lock:
            job.n_running -= 1
            if job.units or job.n_running:
                return
            match = job.search.take()
            if match is not None:
                job.found.append(match)
            if match is not None and len(job.found) < self._top:
                job.begin(self._workers)
                return
            self._active.remove(job)
            job.search.let_go()
            self.done.append(job)

    def _is_over(self) -> bool:
        with self._lock:
            return self._is_failed or not (self._todo or self._active or self._n_begun)

    def _may_go_on(self) -> bool:
        with self._lock:
            waits = not self._todo and not any(j.units for j in self._active) and (self._active or self._n_begun)
            return self._is_failed or not waits


@dataclass(slots=True)
class Chunk:
    """Series that were searched, and where their points stood."""

    board: Board
    series: Series
    first: int
    order: pa.Array[Any] | None


@dataclass(slots=True)
class LeftOut:
    """Windows of one kind: how many, and of the first their group and first point."""

    n: int = 0
    first: list[tuple[int, int]] = field(default_factory=list)

    def add(self, group: int, starts: I64) -> None:
        self.n += len(starts)
        self.first += [(group, at) for at in starts[: N_SAMPLES - len(self.first)].tolist()]


class MatchSink(SeriesSink):
    def __init__(self, spec: Spec, given: Given, out: Schema, at: At) -> None:
        super().__init__(spec, given, at)
        self.keeps_order = spec.order is not None
        self._out = out
        self._chunks: list[Chunk] = []
        self._rows: list[tuple[Any, ...]] = []
        self._short: list[I64] = []
        self._left_out = [LeftOut() for _ in LEFT_OUT]

    def tasks(self, series: Series, first: int, ctx: Context) -> Sequence[Callable[[], None]]:
        assert self.local is not None
        order = concat(self.local.order) if self.local.order else None
        points = self.points
        if points is None:
            return ()
        long = series.lengths >= len(points)
        if not long.all():
            self._short.append(np.flatnonzero(~long) + first)
        spec, reach = self.spec, self.spec.widths[0].of(len(points))

        def job(group: int) -> Job:
            begin, end = series.offsets[group], series.offsets[group + 1]
            assert series.valid is not None
            t, valid, m = series.values[begin:end], series.valid[begin:end], len(points)
            finite = valid & np.isfinite(t)
            known = whole_windows(valid, m)
            odd = np.flatnonzero(known > whole_windows(finite, m))
            found = Search(t, finite, points, reach, spec.exclude, spec.znorm)
            return Job(group, found, (np.flatnonzero(known == 0), odd))

        workers = max(1, ctx.settings.threads)
        board = Board(np.flatnonzero(long).tolist(), job, workers, spec.top or 1)
        self._chunks.append(Chunk(board, series, first, order))
        return [partial(board.work, worker, ctx) for worker in range(workers)]

    def drained(self) -> None:
        self._settle()

    def _settle(self) -> None:
        """What was found in chunks that are done; their points go."""
        for chunk in self._chunks:
            jobs = sorted(chunk.board.done, key=lambda j: j.group)
            for job in jobs:
                for kind, left in zip(self._left_out, job.left_out, strict=True):
                    kind.add(job.group + chunk.first, left)
            sizes = [len(j.found) for j in jobs]
            group = np.repeat(np.array([j.group for j in jobs], np.int64), sizes)
            starts = np.array([at for j in jobs for at, _ in j.found], np.int64)
            distance = np.array([d for j in jobs for _, d in j.found])
            rank = np.array([i + 1 for s in sizes for i in range(s)], np.int64)
            m = len(self.points) if self.points is not None else 0
            times: tuple[Any, ...] = ()
            if chunk.order is not None:
                at = chunk.series.offsets[group] + starts
                times = chunk.order.take(indices(at)), chunk.order.take(indices(at + m - 1))
            self._rows.append((group + chunk.first, starts, starts + m - 1, times, distance, rank))
        self._chunks.clear()

    def result(self, ctx: Context) -> Source:
        self._settle()
        if self._short:
            groups = np.concatenate(self._short)
            self.note("drop", SHORT, groups, ctx, "it has no window of the pattern's length")
        for (reason, hint), found in zip(LEFT_OUT, self._left_out, strict=True):
            if found.n:
                texts = [of_group(self.named(g) if self.spec.keys else "", f"from point {at}") for g, at in found.first]
                ctx.notes.count(self.at, "drop", reason, found.n, hint, texts)
        keys = self.key_columns()
        pieces = [self._columns(keys, *r) for r in self._rows if len(r[0])]
        empty = [pa.array([], t.arrow) for _, t in self._out.fields]
        whole = [pa.chunked_array(list(p)) for p in zip(*pieces, strict=True)] if pieces else empty
        return Rows(whole, self._out, self.at.command)

    def _columns(
        self, keys: list[pa.Array[Any]], group: Any, start: Any, end: Any, times: Any, d: Any, rank: Any
    ) -> Any:
        own = [k.take(indices(group)) for k in keys]
        return [*own, array_from(start), array_from(end), *times, array_from(d), array_from(rank)]
