"""`correlate`: the fields of each group, held in input order, become rows of pairs of fields."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import field, replace
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ...planner.records import dataclass
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


@dataclass(frozen=True, slots=True)
class Sides:
    """Both values and the group of each row where both are known; `n` a group. `fields`: numbers of the two where every row is there."""

    x: F64
    y: F64
    groups: NDArray[np.int32]
    n: I64
    fields: tuple[int, int] | None = None


@dataclass(slots=True)
class Fields:
    """The fields of some groups, one group behind the other; the group of each row, and rows a group."""

    values: list[F64]
    good: list[NDArray[np.bool_]]
    groups: NDArray[np.int32]
    sizes: I64
    known: dict[tuple[str, int], Any] = field(default_factory=dict)  # what is shared by a field's pairs

    def pairs(self, pair: Pair) -> Sides:
        lag = pair.lag
        if not lag and self.is_full(pair.x) and self.is_full(pair.y):
            return Sides(self.values[pair.x], self.values[pair.y], self.groups, self.sizes, (pair.x, pair.y))
        starts = (
            np.cumsum(self.sizes) - self.sizes
        )  # of the rows that have another so far on, one group behind the other
        sizes = np.maximum(self.sizes - abs(lag), 0)
        at = np.arange(int(sizes.sum())) + np.repeat(starts + max(0, -lag) - (np.cumsum(sizes) - sizes), sizes)
        at = at[self.good[pair.x][at] & self.good[pair.y][at + lag]]
        groups = self.groups[at]
        n = np.bincount(groups, minlength=len(self.sizes)).astype(np.int64)
        return Sides(self.values[pair.x][at], self.values[pair.y][at + lag], groups, n)

    def is_full(self, number: int) -> bool:
        full: bool = self.share("full", number, lambda: bool(self.good[number].all()))
        return full

    def share(self, what: str, number: int, make: Callable[[], Any]) -> Any:
        if (what, number) not in self.known:
            self.known[what, number] = make()
        return self.known[what, number]


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
            numbers = np.ascontiguousarray(numbers_of(column), np.float64)
            valid, finite = is_valid(column), np.isfinite(numbers)
            self._tell(batch, self._names[i], column, groups, np.flatnonzero(valid & ~finite), ctx)
            values.append(numbers)
            good.append(valid & finite)
        sizes = np.bincount(groups, minlength=batch.n_rows).astype(np.int64)
        return Fields(values, good, groups, sizes)

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
        sides = fields.pairs(pair)
        if self._method == "kendall":
            stop = ctx.stop if ctx.compiled else None
            x, y, groups = sides.x, sides.y, sides.groups.astype(np.int64)
            corr, p = aside(ctx, 16 * len(x), lambda: kendall(x, y, groups, n_groups, stop))
            return corr, sides.n, p
        if self._method == "spearman":
            x, y = (_ranks(fields, sides, i, ctx) for i in (0, 1))
            sides = replace(sides, x=x, y=y)
        corr, sure = _quick(fields, sides, ctx) if ctx.compiled else (np.full(n_groups, np.nan), sides.n < 2)
        if not sure.all():
            corr = np.where(sure, corr, _exact(sides, sure, ctx))
        return corr, sides.n, t_probability(corr, sides.n)


def _ranks(fields: Fields, sides: Sides, side: int, ctx: Context) -> F64:
    values = sides.y if side else sides.x
    made: F64

    def make() -> F64:
        return aside(ctx, 16 * len(values), lambda: doubled_ranks(values, sides.groups.astype(np.int64)))

    made = make() if sides.fields is None else fields.share("ranks", sides.fields[side], make)
    return made


def _quick(fields: Fields, sides: Sides, ctx: Context) -> tuple[F64, NDArray[np.bool_]]:
    """Correlations whose rounding is certain, and which these are."""
    from ..kernels import correlation as kernel

    starts = np.append(0, np.cumsum(sides.n))
    corr, sure = np.full(len(sides.n), np.nan), np.zeros(len(sides.n))

    def sums(values: F64) -> F64:
        made = np.empty(kernel.FIGURES * len(sides.n))
        kernel.sums(values, starts, made, ctx.stop)
        return made

    x, y = sides.x, sides.y
    if sides.fields is None:
        of_x, of_y = sums(x), sums(y)
    else:
        of_x, of_y = (fields.share("sums", f, partial(sums, v)) for f, v in zip(sides.fields, (x, y), strict=True))
    kernel.correlations(x, y, starts, of_x, of_y, corr, sure, ctx.stop)
    ctx.check()
    return corr, (sure == 1.0) | (sides.n < 2)


def _exact(sides: Sides, sure: NDArray[np.bool_], ctx: Context) -> F64:
    """The other correlations, from exact sums."""
    rows = ~sure[sides.groups]
    state = Moments([DOUBLE, DOUBLE])
    state.resize(len(sure))
    columns = [array_from(v[rows]) for v in (sides.x, sides.y)]
    state.update(Rows(sides.groups[rows], columns, None, ctx.compiled, ctx.stop))
    made = state.finish(len(sure), "corr", ctx.compiled).values
    return np.where(is_valid(made) & (sides.n > 1), numbers_of(made), np.nan)
