"""`correlate`: the fields of each group, held in input order, become rows of pairs of fields."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ...planner.types import DOUBLE, Type
from ..analytics.correlation import doubled_ranks, kendall, t_probability
from ..arrow import array_from, indices, is_valid, nan_as_null, numbers_of
from ..aside import aside
from ..batch import Batch
from ..context import Context
from ..notes import N_SAMPLES, NOT_FINITE, At, of_group, shown
from ..operator import Emit, Flow, StreamTransform
from ..values import row_text
from .states.base import Rows
from .states.distinct import flat
from .states.moments import Moments

F64 = NDArray[np.float64]
I64 = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Pair:
    """Numbers of two fields, and by how many rows the second lags behind."""

    x: int
    y: int
    lag: int


@dataclass(slots=True)
class Fields:
    """The fields of some groups, one group behind the other. `own`: number of the row in its group, `left`: rows behind it."""

    values: list[F64]
    good: list[NDArray[np.bool_]]
    groups: I64
    own: I64
    left: I64

    def pairs(self, pair: Pair) -> tuple[F64, F64, I64]:
        """Both values and the group of each row where both are known."""
        lag = pair.lag
        at = np.flatnonzero((self.left >= lag) if lag >= 0 else (self.own >= -lag))
        at = at[self.good[pair.x][at] & self.good[pair.y][at + lag]]
        return self.values[pair.x][at], self.values[pair.y][at + lag], self.groups[at]


class CorrelateTransform(StreamTransform):
    """Rows `keys, a list for each field` become rows `keys, field_x, field_y, lag, corr, n, p`."""

    def __init__(
        self, names: Sequence[str], pairs: Sequence[Pair], method: str, key_types: Sequence[Type], at: At
    ) -> None:  # fmt: skip
        self._names, self._pairs, self._method, self._at = list(names), pairs, method, at
        self._n_keys, self._key_types = len(key_types), key_types

    def push(self, batch: Batch, local: Context, emit: Emit) -> Flow:
        n, n_pairs = batch.n_rows, len(self._pairs)
        if not n:
            return Flow.MORE
        fields = self._fields(batch, local)
        figures = [self._figures(fields, pair, n, local) for pair in self._pairs]
        at = indices(np.repeat(np.arange(n), n_pairs))
        keys = [batch.array(i).take(at) for i in range(self._n_keys)]
        names = pa.array(self._names, pa.string())
        sides = [names.take(indices(np.tile([getattr(p, s) for p in self._pairs], n))) for s in ("x", "y")]
        lag = array_from(np.tile(np.array([p.lag for p in self._pairs], np.int64), n))
        corr, count, p = (np.stack(part, axis=1).reshape(-1) for part in zip(*figures, strict=True))
        made = (nan_as_null(corr), array_from(np.ascontiguousarray(count)), nan_as_null(p))
        return emit(Batch(n * n_pairs, (*keys, *sides, lag, *made), batch.origin))

    def _fields(self, batch: Batch, ctx: Context) -> Fields:
        values, good = [], []
        groups: Any = np.empty(0, np.int32)
        for i in range(len(self._names)):
            column, groups = flat(batch.array(self._n_keys + i))
            numbers = numbers_of(column).astype(np.float64)
            valid, finite = is_valid(column), np.isfinite(numbers)
            self._tell(batch, self._names[i], column, groups, np.flatnonzero(valid & ~finite), ctx)
            values.append(numbers)
            good.append(valid & finite)
        sizes = np.bincount(groups, minlength=batch.n_rows)
        ends = np.cumsum(sizes)
        number = np.arange(len(groups))
        return Fields(values, good, groups.astype(np.int64), number - (ends - sizes)[groups], ends[groups] - number - 1)

    def _tell(
        self, batch: Batch, name: str, column: pa.Array[Any], groups: I64, odd: I64, ctx: Context
    ) -> None:  # fmt: skip
        """Of values that are no numbers, with the keys of their group and the field."""
        if not len(odd):
            return
        zone = ctx.settings.timezone
        keys = [batch.array(i) for i in range(self._n_keys)]
        told = [
            (g, of_group(row_text(keys, self._key_types, g, zone), f"{name} {shown(column, at, zone)}"))
            for at, g in zip(odd[:N_SAMPLES].tolist(), groups[odd[:N_SAMPLES]].tolist(), strict=True)
        ]
        ctx.notes.told(self._at, "drop", NOT_FINITE, len(odd), batch, told)

    def _figures(self, fields: Fields, pair: Pair, n_groups: int, ctx: Context) -> tuple[F64, I64, F64]:
        """Correlation, number of pairs and p of each group; NaN where there is none."""
        ctx.check()
        x, y, groups = fields.pairs(pair)
        n = np.bincount(groups, minlength=n_groups).astype(np.int64)
        if self._method == "kendall":
            nbytes = 16 * len(x)
            corr, p = aside(ctx, nbytes, lambda: kendall(x, y, groups, n_groups, ctx.stop if ctx.compiled else None))
            return corr, n, p
        if self._method == "spearman":
            x, y = aside(ctx, 16 * len(x), lambda: (doubled_ranks(x, groups), doubled_ranks(y, groups)))
        state = Moments([DOUBLE, DOUBLE])
        state.resize(n_groups)
        state.update(Rows(groups.astype(np.int32), [array_from(x), array_from(y)], None, ctx.compiled, ctx.stop))
        made = state.finish(n_groups, "corr", ctx.compiled).values
        corr = np.where(is_valid(made) & (n > 1), numbers_of(made), np.nan)
        return corr, n, t_probability(corr, n)
