"""Rows whose groups are whole: what is computed at once."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ...arrow import is_valid, numbers_of
from ...context import Context
from ..keyform import SIGN, Words, normal
from ..keysort import ranks
from .evaluation import Evaluation
from .evaluators import evaluate
from .frames import Stretch, stretches
from .outs import Out
from .segment import I32, I64, Segment, segment
from .spec import WHOLE, Program, Sorting


class Part:
    """`codes`: the group of each row, 0 .. n_keys; `arrays`: columns by number."""

    def __init__(self, program: Program, codes: I32, n_keys: int, arrays: dict[int, pa.Array[Any]]) -> None:
        self.program, self.codes, self.n_keys, self.arrays = program, codes, n_keys, arrays
        self.outs = [Out(len(codes), c.type.arrow) for c in program.columns]
        self._keys: dict[int, tuple[I64 | None, NDArray[np.bool_] | None]] = {}

    def tasks(self, n: int, ctx: Context) -> list[Callable[[], None]]:
        """The work in about n pieces of whole groups."""
        for i, sorting in enumerate(self.program.sortings):
            self._keys[i] = self._sort_key(sorting)
            valid = self._keys[i][1]
            if valid is not None:
                for column, out in zip(self.program.columns, self.outs, strict=True):
                    if column.sorting == i:
                        out.leave_out(~valid)
        return [partial(self.compute, low, high, ctx) for low, high in self._ranges(n)]

    def _ranges(self, n: int) -> list[tuple[int, int]]:
        if n <= 1 or self.n_keys <= 1:
            return [(0, self.n_keys)]
        ends = np.cumsum(np.bincount(self.codes, minlength=self.n_keys))
        cuts = np.unique(np.searchsorted(ends, np.arange(1, n) * (len(self.codes) / n)) + 1)
        bounds = [0, *cuts[cuts < self.n_keys].tolist(), self.n_keys]
        return list(pairwise(bounds))

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

    def compute(self, low: int, high: int, ctx: Context) -> None:
        """All columns of groups low .. high."""
        for i, sorting in enumerate(self.program.sortings):
            key, valid = self._keys[i]
            made = segment(self.codes, low, high, key, valid, ctx)
            ctx.check()
            self._columns(i, sorting, made, key, ctx)

    def _columns(self, at: int, sorting: Sorting, made: Segment, key: I64 | None, ctx: Context) -> None:
        time = made.bring(key) if sorting.is_time and key is not None else None
        ns = sorting.is_time and self.program.types[sorting.column or 0].unit == "ns"
        shared: dict[Any, Any] = {}
        known: dict[int, Stretch] = {}
        for column, out in zip(self.program.columns, self.outs, strict=True):
            if column.sorting != at:
                continue
            if column.frame not in known:
                known[column.frame] = stretches(self.program.frames[column.frame], made, time, ns)
            ctx.check()
            ev = Evaluation(
                made, known[column.frame], column, self.arrays, self.program.types, ctx, time, ns,
                self.program.frames[column.frame] == WHOLE, shared,
            )  # fmt: skip
            got = evaluate(ev)
            out.put(made, got, self.arrays[got.source] if got.picked is not None else None)

    def seal(self) -> None:
        for out in self.outs:
            out.seal()
