"""Rows whose groups are whole: what is computed at once."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ...arrow import bools_of, is_valid, numbers_of, pooled
from ...aside import aside
from ...context import Context
from ..keyform import SIGN, Words, normal
from ..keysort import ranks
from ..states.held import stable_order
from .evaluation import Evaluation
from .evaluators import evaluate
from .frames import Stretch, foreign, stretches
from .outs import Out
from .segment import I32, I64, Arena, Segment, segment
from .spec import Frame, Program, Sorting

LEAST = 1 << 13  # rows that are worth a piece of work of their own
PIECE_KEYS = 1 << 14
ROW_WORK = 64  # bytes of data that a row is worth where it counts how long work takes


def unlent(ctx: Context) -> Context:
    """The same for a thread that has no slot to lend: its checks see a cancel only."""
    return replace(ctx, query=replace(ctx.query, lend=lambda: None))


class Part:
    """`codes`: the group of each row, 0 .. n_keys; `arrays`: columns by number."""

    def __init__(self, program: Program, codes: I32, n_keys: int, arrays: dict[int, pa.Array[Any]]) -> None:
        self.program, self.codes, self.n_keys, self.arrays = program, codes, n_keys, arrays
        self.outs = [Out(len(codes), c.type.arrow) for c in program.columns]
        self._lock = threading.Lock()
        self._arenas: list[Arena] = []  # those that no piece of work has now
        self._keys: dict[int, tuple[I64 | None, NDArray[np.bool_] | None]] = {}

    def tasks(self, n: int, ctx: Context) -> list[Callable[[Context], None]]:
        """The work in about n pieces of whole groups."""
        for i, sorting in enumerate(self.program.sortings):
            self._keys[i] = self._sort_key(sorting)
            valid = self._keys[i][1]
            if valid is not None:
                for column, out in zip(self.program.columns, self.outs, strict=True):
                    if column.sorting == i:
                        out.leave_out(~valid)
        return [partial(self.compute, sizes, low, rows) for sizes, low, rows in self._pieces(n, ctx)]

    def _pieces(self, threads: int, ctx: Context) -> list[tuple[I64, int, I32]]:
        """Ranges of groups, and the rows of each.

        A piece reads every cache line of the columns that has a row of it, so there are no more than threads; but for so
        many groups that their places do not fit into the processor's cache.
        """
        n, sizes = len(self.codes), self._sizes(ctx)
        if self.n_keys <= 1 or n < 2 * LEAST:
            return [(sizes, 0, np.arange(n, dtype=np.int32))]
        ends = np.cumsum(sizes)
        pieces = min(max(threads, self.n_keys // PIECE_KEYS), n // LEAST)
        cuts = np.unique(np.searchsorted(ends, np.arange(1, pieces) * (n / pieces)) + 1)
        bounds = np.concatenate([[0], cuts[cuts < self.n_keys], [self.n_keys]])
        piece = np.repeat(np.arange(len(bounds) - 1, dtype=np.int32), np.diff(bounds))
        starts = np.append(0, ends)[bounds]
        if ctx.compiled:
            from ...kernels import windowrows

            rows = pooled(n, np.int32)
            windowrows.cut(self.codes, piece, starts[:-1].copy(), rows, ctx.stop)
            ctx.check()
        else:
            rows = stable_order(piece[self.codes]).astype(np.int32)
        edges = list(zip(pairwise(bounds.tolist()), pairwise(starts.tolist()), strict=True))
        return [(sizes[low:high], low, rows[a:b]) for (low, high), (a, b) in edges]

    def _sizes(self, ctx: Context) -> NDArray[np.int64]:
        """Rows a group."""
        if not ctx.compiled:
            return np.bincount(self.codes, minlength=self.n_keys)
        from ...kernels import windowrows

        counts = np.zeros(self.n_keys, np.int64)
        windowrows.count(self.codes, counts, ctx.stop)
        ctx.check()
        return counts

    def _sort_key(self, sorting: Sorting) -> tuple[I64 | None, NDArray[np.bool_] | None]:
        """What rows are ordered by, as whole numbers; and which rows have a place at all."""
        if sorting.column is None:
            return None, None
        array = self.arrays[sorting.column]
        if sorting.is_time:
            return numbers_of(array), is_valid(array) if array.null_count else None
        form: Any = normal(self.program.types[sorting.column], array)
        if isinstance(form, Words) and form.nulls is None:
            return (form.values ^ SIGN).view(np.int64), None
        return ranks(form.to_arrow() if isinstance(form, Words) else form), None

    def compute(self, sizes: I64, low: int, rows: I32, ctx: Context) -> None:
        """All columns of groups from `low` on, which have so many of these rows each."""
        aside(ctx, ROW_WORK * len(rows), lambda: self._compute(sizes, low, rows, unlent(ctx)))

    def _compute(self, sizes: I64, low: int, rows: I32, ctx: Context) -> None:
        arena = self._arena()
        for i, sorting in enumerate(self.program.sortings):
            key, valid = self._keys[i]
            made = segment(self.codes, rows, low, sizes, key, valid, arena, ctx)
            ctx.check()
            self._columns(i, sorting, made, ctx)
            arena.clear()
        with self._lock:
            self._arenas.append(arena)

    def _arena(self) -> Arena:
        with self._lock:
            return self._arenas.pop() if self._arenas else Arena()

    def _columns(self, at: int, sorting: Sorting, made: Segment, ctx: Context) -> None:
        time = made.key if sorting.is_time else None
        ns = sorting.is_time and self.program.types[sorting.column or 0].unit == "ns"
        shared: dict[Any, Any] = {}
        known: dict[int, Stretch] = {}
        for column, out in zip(self.program.columns, self.outs, strict=True):
            if column.sorting != at:
                continue
            if column.frame not in known:
                known[column.frame] = self._stretch(self.program.frames[column.frame], made, time, ns)
            ctx.check()
            ev = Evaluation(
                made, known[column.frame], column, self.arrays, self.program.types, ctx, time, ns,
                self.program.frames[column.frame], shared,
            )  # fmt: skip
            got = evaluate(ev)
            is_row = got.picked is not None and got.values is None
            out.put(made, got, self.arrays[got.source] if is_row else None)

    def _stretch(self, frame: Frame, made: Segment, time: I64 | None, ns: bool) -> Stretch:
        found = stretches(frame, made, time, ns)
        if frame.seen is None:
            return found
        return foreign(found, made, made.bring(bools_of(self.arrays[frame.seen])), frame.prevailing)

    def seal(self) -> None:
        self._arenas.clear()
        for out in self.outs:
            out.seal()
