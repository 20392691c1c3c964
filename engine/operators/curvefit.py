"""`curvefit`: X and Y of each group, held in input order, become the points of a fitted polynomial, or its coefficients."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ...planner.types import Type
from ..analytics.curve import Fit, fit
from ..arrow import array_from, indices, is_valid, nan_as_null, numbers_of
from ..aside import aside
from ..batch import Batch
from ..context import Context
from ..notes import N_SAMPLES, NOT_FINITE, NULL_VALUE, At, of_group, shown
from ..operator import Emit, Flow, StreamTransform
from ..values import row_text
from .states.distinct import flat

F64 = NDArray[np.float64]


class CurveTransform(StreamTransform):
    """Rows `keys, list of X, list of Y` become rows `keys, _x, _p`, or `keys, power, coef, stderr, r2`."""

    def __init__(self, key_types: list[Type], degree: int, coefs: bool, at: At) -> None:
        self._n_keys, self._key_types = len(key_types), key_types
        self._degree, self._coefs, self._at = degree, coefs, at

    def push(self, batch: Batch, local: Context, emit: Emit) -> Flow:
        if not batch.n_rows:
            return Flow.MORE
        xs, groups = flat(batch.array(self._n_keys))
        ys, _ = flat(batch.array(self._n_keys + 1))
        live = self._live(batch, xs, ys, groups, local)
        x, y = (numbers_of(v)[live] for v in (xs, ys))
        groups = groups[live]
        order = aside(local, 16 * len(x), lambda: np.lexsort((x, groups)))
        x, y = x[order], y[order].astype(np.float64)
        bounds = np.searchsorted(groups, np.arange(batch.n_rows + 1)).tolist()
        made: list[tuple[int, int, int, Fit]] = []
        for group, (low, high) in enumerate(pairwise(bounds)):
            local.check()
            if low < high:
                got = aside(local, 64 * (high - low), lambda a=low, b=high: self._fit(x[a:b], y[a:b]))  # type: ignore[misc]
                if got is None:
                    self._tell_short(batch, group, high - low, local)
                else:
                    made.append((group, low, high, got))
        if not made:
            return Flow.MORE
        columns = self._coefficients(made) if self._coefs else self._points(made, x)
        sizes = [self._degree + 1 if self._coefs else high - low for _, low, high, _ in made]
        at = indices(np.repeat(np.array([m[0] for m in made]), sizes))
        keys = [batch.array(i).take(at) for i in range(self._n_keys)]
        return emit(Batch(len(at), (*keys, *columns), batch.origin))

    def _fit(self, x: NDArray[Any], y: F64) -> Fit | None:
        with np.errstate(over="ignore", invalid="ignore"):
            return fit(x.astype(np.float64), y, self._degree, self._coefs)

    def _live(
        self, batch: Batch, xs: pa.Array[Any], ys: pa.Array[Any], groups: NDArray[Any], ctx: Context
    ) -> NDArray[np.int64]:  # fmt: skip
        """Rows that have both numbers; the others are counted."""
        valid = is_valid(xs) & is_valid(ys)
        finite = np.ones(len(xs), np.bool_)
        for column in (xs, ys):
            if pa.types.is_floating(column.type):
                finite &= np.isfinite(numbers_of(column))
        zone = ctx.settings.timezone
        for reason, is_left in ((NULL_VALUE, ~valid), (NOT_FINITE, valid & ~finite)):
            rows = np.flatnonzero(is_left)
            if len(rows):
                told = [
                    (g, of_group(self._named(batch, g, ctx), f"{shown(xs, at, zone)}, {shown(ys, at, zone)}"))
                    for at, g in zip(rows[:N_SAMPLES].tolist(), groups[rows[:N_SAMPLES]].tolist(), strict=True)
                ]
                ctx.notes.told(self._at, "drop", reason, len(rows), batch, told)
        return np.flatnonzero(valid & finite)

    def _tell_short(self, batch: Batch, group: int, n: int, ctx: Context) -> None:
        reason = f"fewer than {self._degree + 1} different X"
        told = [(group, self._named(batch, group, ctx))] if self._n_keys else []
        ctx.notes.told(self._at, "drop", reason, n, batch, told)

    def _named(self, batch: Batch, group: int, ctx: Context) -> str:
        """The keys of a group."""
        keys = [batch.array(i) for i in range(self._n_keys)]
        return row_text(keys, self._key_types, group, ctx.settings.timezone)

    def _points(self, made: list[tuple[int, int, int, Fit]], x: NDArray[Any]) -> list[pa.Array[Any]]:
        points = np.concatenate([x[low:high] for _, low, high, _ in made])
        return [array_from(points), array_from(np.concatenate([f.fitted for *_, f in made]))]

    def _coefficients(self, made: list[tuple[int, int, int, Fit]]) -> list[pa.Array[Any]]:
        n = self._degree + 1
        power = array_from(np.tile(np.arange(n, dtype=np.int64), len(made)))
        coef = array_from(np.concatenate([f.coefs for *_, f in made]))
        stderr = np.concatenate([f.stderr for *_, f in made])
        r2 = np.repeat(np.array([f.r2 for *_, f in made]), n)
        return [power, coef, nan_as_null(stderr), nan_as_null(r2)]
