"""`dtw`: the distance of each series to the pattern, by rank."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ....planner.records import dataclass
from ....planner.types import DOUBLE, Schema
from ...arrow import array_from, indices
from ...context import Context
from ...notes import At
from ...operator import Source
from .. import rows as memory
from ..states.base import Rows
from ..states.moments import Moments
from .band import Width, band
from .distances import blocks_of, nearest, squared
from .gather import SeriesSink, Spec, shares
from .pattern import Given
from .series import F64, FINE, I64, Series

UNEQUAL = "window 0 and another length"
SHARES = 4  # pieces of work a thread: so that none waits long for the last
LEAST_CELLS = 1 << 21  # of a piece, half a millisecond: less is not worth another task


@dataclass(slots=True)
class Found:
    """Of groups from `first` on. `squared`: by width, NaN where there is no distance, or with `top` none near enough."""

    first: int
    lengths: I64
    state: NDArray[np.uint8]
    is_flat: NDArray[np.bool_]
    squared: list[F64]


class RankedSink(SeriesSink):
    def __init__(self, spec: Spec, given: Given, out: Schema, at: At) -> None:
        super().__init__(spec, given, at)
        self._out = out
        self._found: list[Found] = []

    def tasks(self, series: Series, first: int, ctx: Context) -> Sequence[Callable[[], None]]:
        self.note_states(series, first, ctx)
        n = len(series.state)
        found = Found(first, series.lengths, series.state, np.zeros(n, np.bool_),
                      [np.full(n, np.nan) for _ in self.spec.widths])  # fmt: skip
        self._found.append(found)
        if self.points is None:
            return ()
        self._note_unequal(series, first, ctx)
        ids = np.flatnonzero(series.state == FINE)
        parts = shares(series.lengths[ids], self._n_shares(series.lengths[ids], ctx))
        return [partial(self._measure, series, ids[a:b], found, ctx) for a, b in parts]

    def _n_shares(self, lengths: I64, ctx: Context) -> int:
        assert self.points is not None
        m, cells = len(self.points), 0
        for width in self.spec.widths:
            reach = width.of(m)
            cells += int(lengths.sum()) * (m if reach is None else min(m, 2 * reach + 1))
        return max(1, min(SHARES * ctx.settings.threads, cells // LEAST_CELLS))

    def _note_unequal(self, series: Series, first: int, ctx: Context) -> None:
        assert self.points is not None
        if any(w.of(len(self.points)) == 0 for w in self.spec.widths):
            rows = np.flatnonzero((series.state == FINE) & (series.lengths != len(self.points)))
            if len(rows):
                hint = f"the pattern has {len(self.points)} points; window=1p is the least for other lengths"
                self.note("reject", UNEQUAL, rows + first, ctx, hint)

    def _measure(self, series: Series, ids: I64, found: Found, ctx: Context) -> None:
        assert self.points is not None
        blocks = blocks_of(series.values, series.offsets, ids, self.spec.znorm, ctx)
        for group in blocks:
            found.is_flat[group.ids] = group.is_flat
        for d, width in zip(found.squared, self.spec.widths, strict=True):
            reach = width.of(len(self.points))
            if self.spec.top is not None:
                nearest(self.points, blocks, reach, self.spec.top, d, ctx)
                continue
            for group in blocks:
                cells = band(len(self.points), group.length, reach)
                d[group.ids] = squared(self.points, group, cells, 0, ctx)

    def result(self, ctx: Context) -> Source:
        columns = [c for i, w in enumerate(self.spec.widths) for c in [self._of(i, w, ctx)]]
        whole = [pa.chunked_array(list(pieces)) for pieces in zip(*columns, strict=True)]
        return memory.Rows(whole, self._out, self.at.command)

    def _of(self, i: int, width: Width, ctx: Context) -> list[pa.Array[Any]]:
        """All columns of one width."""
        parts = sorted(self._found, key=lambda f: f.first)
        empty = np.empty(0)
        d = np.sqrt(np.concatenate([empty, *(f.squared[i] for f in parts)]))
        lengths = np.concatenate([empty.astype(np.int64), *(f.lengths for f in parts)])
        is_flat = np.concatenate([empty.astype(np.bool_), *(f.is_flat for f in parts)])
        is_fine = np.concatenate([empty.astype(np.bool_), *(f.state == FINE for f in parts)])
        order = np.argsort(d, kind="stable")  # equal ones by group, those without a distance last
        known = ~np.isnan(d)
        if self.spec.top is not None:
            order = self._head(order, known, is_fine, lengths, width)
        near, there = d[order], known[order]
        out = [k.take(indices(order)) for k in self.key_columns()]
        if len(self.spec.widths) > 1:
            out.append(pa.array([width.text] * len(order), pa.string()))
        out += [
            array_from(near, ~there),
            array_from(np.arange(1, len(order) + 1), ~there),
            array_from(lengths[order]),
            array_from(is_flat[order], ~is_fine[order] if self.points is not None else np.ones(len(order), np.bool_)),
        ]
        if self.spec.top is None:
            out.append(_scores(near, ctx))
        return out

    def _head(self, order: I64, known: Any, is_fine: Any, lengths: I64, width: Width) -> I64:
        """The first of a full run: series that have a distance but are not near enough are no rows."""
        assert self.spec.top is not None
        measured = is_fine.copy()
        if self.points is None:
            measured[:] = False
        elif width.of(len(self.points)) == 0:
            measured &= lengths == len(self.points)
        head: I64 = order[known[order] | ~measured[order]][: self.spec.top]
        return head


def _scores(d: F64, ctx: Context) -> pa.Array[Any]:
    """How many standard deviations from the mean of all distances; null where they have no spread. Both are exact, rounded once."""
    finite = np.isfinite(d)
    own = d[finite]
    moments, compiled = Moments([DOUBLE]), ctx.query.compiled()
    moments.resize(1)
    moments.update(Rows(np.zeros(len(own), np.int32), [array_from(own)], None, compiled, ctx.stop))
    made = moments.finish(1, "stddev", compiled).values
    spread = 0.0 if made.null_count else float(made[0].as_py())
    if not spread > 0.0:
        return pa.nulls(len(d), pa.float64())
    mean = moments.sums[0].finish(1, compiled)[0] / len(own)
    return array_from((np.where(finite, d, mean) - mean) / spread, ~finite)
