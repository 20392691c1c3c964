"""`dtw path=t`: the steps of the best path of each series, made as they are read."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ....planner.records import dataclass
from ....planner.text import fault
from ....planner.types import Schema
from ...arrow import array_from, indices
from ...batch import Batch, Origin
from ...context import Context
from ...notes import At
from ...operator import Partition, Source
from . import general
from .band import Width, band
from .distances import normalised
from .gather import Spec
from .pattern import Given
from .ranked import RankedSink
from .series import F64, FINE, I64, Series

PART_STEPS = 1 << 18  # of a partition, at most as far as is known beforehand


@dataclass(frozen=True, slots=True)
class Path:
    """Points of the series and of the pattern that each step pairs, and its squared cost."""

    i: I64
    j: I64
    cost: F64


def best_path(a: F64, b: F64, width: int | None, ctx: Context) -> Path:
    """Source: Sakoe and Chiba, 1978. Memory: a byte a cell of the band."""
    cells = band(len(a), len(b), width)
    assert cells is not None
    low, high = cells
    sizes = (high - low).astype(np.int64)
    moves = np.empty(int(sizes.sum()), np.uint8)
    if ctx.query.compiled():
        from ...kernels import dtw

        dtw.moves(a, b, low, high, moves, ctx.stop)
        ctx.check()
        steps = np.empty((len(a) + len(b), 2), np.int64)
        n = dtw.walk(moves, low, high, steps)
        i, j = steps[n - 1 :: -1].T if n else steps[:0].T
    else:
        general.moves(a, b, low, high, moves, ctx.check)
        i, j = general.walk(moves, low, high).T
    d = a[i] - b[j]
    return Path(np.ascontiguousarray(i), np.ascontiguousarray(j), d * d)


class PathSink(RankedSink):
    """Series stay until their paths are read. With `top` distances are measured first."""

    may_drain = False

    def __init__(self, spec: Spec, given: Given, out: Schema, at: At) -> None:
        super().__init__(spec, given, out, at)
        self._series: Series | None = None

    def tasks(self, series: Series, first: int, ctx: Context) -> Sequence[Callable[[], None]]:
        self._series = series
        self._guard(series, ctx)
        measure = super().tasks(series, first, ctx)
        return measure if self.spec.top is not None else ()

    def _guard(self, series: Series, ctx: Context) -> None:
        """A byte a cell of the band of one series, for each of the threads that read."""
        if self.points is None:
            return
        room = ctx.memory.limit // (2 * max(1, ctx.settings.threads))
        m = len(self.points)
        for n in np.unique(series.lengths[series.state == FINE]).tolist():
            for width in self.spec.widths:
                reach = width.of(m)
                most = n * min(m, 2 * (reach if reach is not None else m) * max(n, m) // max(n - 1, 1) + 1)
                if most > room:
                    raise fault("E701", f"a path between {n} and {m} points needs up to {most} bytes",
                                hint="a narrower window=, or raise the setting `memory`")  # fmt: skip

    def result(self, ctx: Context) -> Source:
        series = self._series
        if series is None or self.points is None:
            return Paths((), self._out)
        keys, parts = self.key_columns(), []
        for i, width in enumerate(self.spec.widths):
            groups = self._walked(i, width, series)
            ends = np.cumsum(series.lengths[groups] + len(self.points))
            for begin, end in _cuts(ends, PART_STEPS):
                parts.append(partial(self._batches, keys, width, groups[begin:end], series))
        return Paths([PathPart(p, i, self.at.command) for i, p in enumerate(parts)], self._out)

    def _walked(self, i: int, width: Width, series: Series) -> I64:
        """The groups that have a path, in order of groups; with `top` those that are near enough."""
        assert self.points is not None
        there = series.state == FINE
        if width.of(len(self.points)) == 0:
            there &= series.lengths == len(self.points)
        if self.spec.top is not None:
            d = self._found[0].squared[i]
            near = np.argsort(np.sqrt(d), kind="stable")[
                : self.spec.top
            ]  # as they rank: squares may differ where roots do not
            chosen = np.zeros(len(d), np.bool_)
            chosen[near] = True
            there &= chosen & ~np.isnan(d)
        return np.flatnonzero(there)

    def _batches(
        self, keys: list[pa.Array[Any]], width: Width, groups: I64, series: Series, ctx: Context
    ) -> Iterator[tuple[int, tuple[Any, ...]]]:  # fmt: skip
        assert self.points is not None
        held: list[tuple[int, Path]] = []
        n = 0
        for group in groups.tolist():
            ctx.check()
            a = series.values[series.offsets[group] : series.offsets[group + 1]]
            a = normalised(a)[0] if self.spec.znorm else np.ascontiguousarray(a)
            made = best_path(a, self.points, width.of(len(self.points)), ctx)
            held.append((group, made))
            n += len(made.i)
            if n >= ctx.settings.batch_rows:
                yield n, self._columns(keys, width, held, n)
                held, n = [], 0
        if n:
            yield n, self._columns(keys, width, held, n)

    def _columns(
        self, keys: list[pa.Array[Any]], width: Width, held: list[tuple[int, Path]], n: int
    ) -> tuple[Any, ...]:
        sizes = [len(p.i) for _, p in held]
        rows = np.repeat([g for g, _ in held], sizes)
        out: list[Any] = [k.take(indices(rows)) for k in keys]
        if len(self.spec.widths) > 1:
            out.append(pa.array([width.text] * n, pa.string()))
        steps = np.concatenate([np.arange(s) for s in sizes])
        i, j, cost = (np.concatenate(c) for c in zip(*((p.i, p.j, p.cost) for _, p in held), strict=True))
        return (*out, *map(array_from, (steps, i, j, cost)))


def _cuts(ends: NDArray[Any], most: int) -> Iterator[tuple[int, int]]:
    """Stretches of about so much, at least one each."""
    begin = 0
    while begin < len(ends):
        before = int(ends[begin - 1]) if begin else 0
        end = max(begin + 1, int(np.searchsorted(ends, before + most, "right")))
        yield begin, end
        begin = end


class Paths:
    def __init__(self, parts: Sequence[PathPart], schema: Schema) -> None:
        self.schema, self._parts = schema, parts

    def partitions(self, target: int) -> Sequence[Partition]:
        return self._parts


@dataclass(frozen=True, slots=True)
class PathPart:
    make: Callable[[Context], Iterator[tuple[int, tuple[Any, ...]]]]
    seq: int
    name: str

    def batches(self, ctx: Context) -> Iterator[Batch]:
        row = 0
        for n, columns in self.make(ctx):
            whole = Batch(n, columns, Origin(self.seq, self.name, 0, row))
            for begin in range(0, n, ctx.settings.batch_rows):
                yield whole.slice(begin, min(n, begin + ctx.settings.batch_rows))
            row += n
