"""`dtw` over rows that are series: each keeps its place and gets its distance to the pattern."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ....planner.records import dataclass
from ...arrow import array_from, is_valid, numbers_of
from ...batch import Batch
from ...context import Context
from ...notes import At
from ...operator import Emit, Flow
from .band import Width, band
from .distances import LANES, Blocks, blocks_of, side_by_side, squared
from .pattern import Given
from .ranked import UNEQUAL
from .series import FINE, WHY, Series, series_of

POINTS = 1 << 20  # of the rows that are measured at once


@dataclass(slots=True)
class Local:
    ctx: Context


class WideTransform:
    """`columns`: the points of a row, in order. It adds a distance for each width, and whether the row is flat."""

    needs_order = False

    def __init__(
        self, columns: Sequence[int], widths: Sequence[Width], znorm: bool, nulls: str, given: Given, at: At
    ) -> None:  # fmt: skip
        self._columns, self._widths, self._znorm, self._nulls = list(columns), widths, znorm, nulls
        self._given, self._at = given, at
        self._lock = threading.Lock()
        self._is_ready = False
        self._points: NDArray[np.float64] | None = None

    def open(self, ctx: Context) -> Local:
        return Local(ctx)

    def finish(self, local: Local, emit: Emit) -> None:
        return None

    def push(self, batch: Batch, local: Local, emit: Emit) -> Flow:
        if not batch.n_rows:
            return emit(
                batch.with_columns(
                    [array_from(np.empty(0)) for _ in self._widths] + [array_from(np.empty(0, np.bool_))]
                )
            )
        points = self._ready(local.ctx)
        rows = max(1, POINTS // max(1, len(self._columns)))
        for begin in range(0, batch.n_rows, rows):
            local.ctx.check()
            part = batch.slice(begin, min(batch.n_rows, begin + rows))
            if emit(part.with_columns(self._measured(part, points, local.ctx))) is Flow.DONE:
                return Flow.DONE
        return Flow.MORE

    def _ready(self, ctx: Context) -> NDArray[np.float64] | None:
        with self._lock:
            if not self._is_ready:
                self._points = self._given.pattern(ctx).ready(self._nulls, self._znorm, self._at, ctx)
                self._is_ready = True
            return self._points

    def _measured(self, batch: Batch, points: NDArray[np.float64] | None, ctx: Context) -> list[Any]:
        n, m = batch.n_rows, len(self._columns)
        values, valid = self._values(batch)
        blocks: list[Blocks] = []
        if valid is None and np.isfinite(values).all():
            fine = np.ones(n, np.bool_)
            if points is not None:
                blocks = [side_by_side(values, n, self._znorm, ctx)]
        else:
            known = np.ones((n, m), np.bool_) if valid is None else valid.T.reshape(-1)
            rows = np.ascontiguousarray(values[:, :n].T).reshape(-1)
            series = series_of(rows, known.reshape(-1), np.full(n, m, np.int64), self._nulls)
            self._note(series, batch, ctx)
            fine = series.state == FINE
            if points is not None:
                blocks = blocks_of(series.values, series.offsets, np.flatnonzero(fine), self._znorm, ctx)
        if points is not None:
            self._note_unequal(blocks, batch, len(points), ctx)
        is_flat = np.zeros(n, np.bool_)
        out: list[Any] = []
        for width in self._widths:
            d = np.full(n, np.nan)
            for group in blocks:
                assert points is not None
                is_flat[group.ids] = group.is_flat
                d[group.ids] = np.sqrt(
                    squared(points, group, band(len(points), group.length, width.of(len(points))), 0, ctx)
                )
            out.append(array_from(d, np.isnan(d)))
        return [*out, array_from(is_flat, ~fine if points is not None else np.ones(n, np.bool_))]

    def _values(self, batch: Batch) -> tuple[NDArray[np.float64], NDArray[np.bool_] | None]:
        """A row a point, a column a series, as many as fill blocks; which are not null, where some are."""
        n, m = batch.n_rows, len(self._columns)
        values = np.zeros((m, -(-n // LANES) * LANES))
        valid: NDArray[np.bool_] | None = None
        for j, i in enumerate(self._columns):
            column = batch.array(i)
            if not pa.types.is_null(column.type):
                values[j, :n] = numbers_of(column)
            if column.null_count:
                valid = np.ones((m, n), np.bool_) if valid is None else valid
                valid[j] = is_valid(column)
        return values, valid

    def _note(self, series: Series, batch: Batch, ctx: Context) -> None:
        for state, (kind, reason, hint) in WHY.items():
            rows = np.flatnonzero(series.state == state)
            if len(rows):
                ctx.notes.rows(self._at, kind, reason, batch, rows, None, hint)

    def _note_unequal(self, blocks: Sequence[Blocks], batch: Batch, m: int, ctx: Context) -> None:
        if any(w.of(m) == 0 for w in self._widths):
            unequal = [b.ids for b in blocks if b.length != m]
            if unequal:
                rows = np.sort(np.concatenate(unequal))
                ctx.notes.rows(self._at, "reject", UNEQUAL, batch, rows, None, f"the pattern has {m} points")
