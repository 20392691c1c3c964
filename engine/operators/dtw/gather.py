"""What the modes have in common: a sink that gathers series, with the keys of each, from rows in order of keys and points."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import field
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ....planner.records import dataclass
from ....planner.text import QueryError, fault
from ....planner.types import Type
from ...arrow import array_from, concat, indices, is_valid, own
from ...arrow import nulls as null_array
from ...batch import Batch
from ...context import Context
from ...memory import Reservation
from ...notes import N_SAMPLES, At, of_group, shown
from ...operator import Flow, Source
from ...values import row_text
from ..begins import Begins
from .band import Width
from .pattern import Given
from .series import I64, WHY, Series, doubles, series_of

AT_ONCE = 1 << 14  # rows that are taken together
ROW_BYTES = 48  # of a point: as it came, as a series, normalised, and side by side with others
GROUP_BYTES = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Spec:
    """What is asked for. `keys`, `order`, `value`: columns of the input, by number."""

    keys: tuple[int, ...]
    key_types: tuple[Type, ...]
    order: int | None
    value: int
    widths: tuple[Width, ...]
    znorm: bool
    nulls: str
    top: int | None
    exclude: float
    is_time: bool  # whether the order is a time

    @property
    def no_place(self) -> str:
        """Why a point has no place in its series."""
        return "null time" if self.is_time else "null order"


@dataclass(slots=True)
class Local:
    ctx: Context
    reservation: Reservation
    begins: Begins
    keys: list[list[pa.Array[Any]]] = field(default_factory=list)  # the first row of each group, by batch
    values: list[NDArray[np.float64]] = field(default_factory=list)
    valid: list[NDArray[np.bool_]] = field(default_factory=list)
    order: list[pa.Array[Any]] = field(default_factory=list)
    sizes: list[I64] = field(default_factory=list)
    waiting: list[Batch] = field(default_factory=list)  # small ones, which are taken together
    n_waiting: int = 0
    n_groups: int = 0  # all, also those that were measured already
    n_done: int = 0

    def held(self) -> int:
        """Groups whose points are here."""
        return self.n_groups - self.n_done


class SeriesSink:
    """One Local, fed in order. Where `may_drain` and memory is short, whole groups are measured as they come."""

    needs_order = True
    may_drain = True
    keeps_order = False  # whether the order column's values are told

    def __init__(self, spec: Spec, given: Given, at: At) -> None:
        self.spec, self.at = spec, at
        self._given = given
        self.points: NDArray[np.float64] | None = None
        self.local: Local | None = None

    # -- what a mode does --

    def tasks(self, series: Series, first: int, ctx: Context) -> Sequence[Callable[[], None]]:
        """Measure these groups, numbered from `first` on."""
        raise NotImplementedError

    def result(self, ctx: Context) -> Source:
        raise NotImplementedError

    def drained(self) -> None:
        """The groups of the last tasks are measured, and their points go."""

    # -- gathering --

    def open(self, ctx: Context) -> Local:
        self.local = Local(ctx, ctx.memory.reserve(self.at.command), Begins(self.spec.keys, self.spec.key_types))
        return self.local

    def push(self, batch: Batch, local: Local) -> Flow:
        if not batch.n_rows:
            return Flow.MORE
        local.ctx.check()
        self._make_room(batch, local)
        local.waiting.append(batch)
        local.n_waiting += batch.n_rows
        if local.n_waiting >= AT_ONCE:
            self._take(local)
        return Flow.MORE

    def _take(self, local: Local) -> None:
        """The rows that wait become points."""
        if not local.n_waiting:
            return
        batch = local.waiting[0] if len(local.waiting) == 1 else self._joined(local.waiting, local.n_waiting)
        local.waiting, local.n_waiting = [], 0
        spec, begins = self.spec, local.begins.of(batch)
        if not local.n_groups:
            self._ready(local.ctx)
        starts = np.flatnonzero(begins)
        if len(starts):
            local.keys.append([own(batch.array(i).take(indices(starts))) for i in spec.keys])
        values, valid = doubles(batch.array(spec.value))
        bounds = np.concatenate([[0], starts, [batch.n_rows]])
        if spec.order is not None:
            values, valid, bounds = self._placed(batch, values, valid, bounds, local)
        counts = np.diff(bounds)
        if local.sizes and counts[0]:
            local.sizes[-1][-1] += counts[0]
        if len(starts):
            local.sizes.append(counts[1:])
        local.n_groups += len(starts)
        local.values.append(values)
        local.valid.append(valid)

    def _joined(self, batches: Sequence[Batch], n: int) -> Batch:
        """As one, of the columns that are read; its rows stand as many behind the first batch's first one."""
        spec, first = self.spec, batches[0]
        read = {*spec.keys, spec.value, *((spec.order,) if spec.order is not None else ())}
        columns = [
            concat([b.array(i) for b in batches]) if i in read else null_array(n, pa.null())
            for i in range(len(first.columns))
        ]
        return Batch(n, tuple(columns), first.origin)

    def _placed(self, batch: Batch, values: Any, valid: Any, bounds: I64, local: Local) -> tuple[Any, Any, I64]:
        """Points without a place are left out."""
        assert self.spec.order is not None
        order = batch.array(self.spec.order)
        if order.null_count:
            placed = is_valid(order)
            missing = np.flatnonzero(~placed)
            told = [(row, self._shown(batch, row, local.ctx)) for row in missing[:N_SAMPLES].tolist()]
            local.ctx.notes.told(self.at, "drop", self.spec.no_place, len(missing), batch, told)
            values, valid, order = values[placed], valid[placed], order.filter(array_from(placed))
            bounds = np.concatenate([[0], np.cumsum(placed)])[bounds]
        if self.keeps_order:
            local.order.append(own(order))
        return values, valid, bounds

    def _shown(self, batch: Batch, row: int, ctx: Context) -> str:
        """A point, behind the keys of its series."""
        zone, spec = ctx.settings.timezone, self.spec
        keys = row_text([batch.array(i) for i in spec.keys], spec.key_types, row, zone)
        return of_group(keys, shown(batch.array(spec.value), row, zone))

    def _ready(self, ctx: Context) -> None:
        """Once, before the first group."""
        nulls = "null" if self.spec.nulls == "keep" else self.spec.nulls
        self.points = self._given.pattern(ctx).ready(nulls, self.spec.znorm, self.at, ctx)

    def _make_room(self, batch: Batch, local: Local) -> None:
        """For a batch; what a group takes is counted as if each row began one."""
        key_bytes = sum(batch.array(i).nbytes for i in self.spec.keys)
        order_bytes = 8 * batch.n_rows if self.keeps_order else 0
        needed = ROW_BYTES * batch.n_rows + 2 * key_bytes + order_bytes
        if local.reservation.grow(needed):
            return
        self._take(local)
        if self.may_drain and local.held() > 1:
            self._drain(local)
        if not local.reservation.grow(needed):
            raise self.too_little(needed)

    def too_little(self, needed: int) -> QueryError:
        return fault("E702", f"{self.at.command} needs {needed} bytes more than its part of the memory",
                     hint="raise the setting `memory`: the points of a group must fit into it")  # fmt: skip

    def _drain(self, local: Local) -> None:
        """Measure all groups but the last, whose points may still be coming; only what was found stays."""
        sizes = np.concatenate(local.sizes)
        values, valid = np.concatenate(local.values), np.concatenate(local.valid)
        keep = int(sizes[-1])
        cut = len(values) - keep
        series = series_of(values[:cut], valid[:cut], sizes[:-1], self.spec.nulls)
        for task in self.tasks(series, local.n_done, local.ctx):
            task()
        self.drained()
        local.values, local.valid, local.sizes = [values[cut:].copy()], [valid[cut:].copy()], [sizes[-1:].copy()]
        if self.keeps_order:
            order = concat(local.order)
            local.order = [own(order.slice(len(order) - keep))]
        local.n_done = local.n_groups - 1
        local.reservation.release()
        kept = GROUP_BYTES * local.n_groups * len(self.spec.widths) + sum(k.nbytes for ks in local.keys for k in ks)
        if not local.reservation.grow(ROW_BYTES * keep + kept):
            raise self.too_little(kept)

    # -- after the last row --

    def combine(self, local: Local) -> None:
        self._take(local)
        if not local.n_groups and not self.spec.keys:  # all rows are one group, also where there is none
            local.n_groups, local.sizes, local.keys = 1, [np.zeros(1, np.int64)], [[]]
            local.values, local.valid = [np.empty(0)], [np.empty(0, np.bool_)]
            self._ready(local.ctx)

    def merge(self, ctx: Context) -> Sequence[Callable[[], None]]:
        local = self.local
        if local is None or not local.held():
            return ()
        if not local.reservation.grow(GROUP_BYTES * local.n_groups * len(self.spec.widths)):
            raise self.too_little(GROUP_BYTES * local.n_groups)
        values, valid, sizes = np.concatenate(local.values), np.concatenate(local.valid), np.concatenate(local.sizes)
        local.values, local.valid, local.sizes = [], [], []
        return self.tasks(series_of(values, valid, sizes, self.spec.nulls), local.n_done, ctx)

    def note_states(self, series: Series, first: int, ctx: Context) -> None:
        """Which series are not measured, and why; the first of them are named."""
        for state, (kind, reason, hint) in WHY.items():
            rows = np.flatnonzero(series.state == state)
            if len(rows):
                self.note(kind, reason, rows + first, ctx, hint)

    def note(self, kind: str, reason: str, groups: I64, ctx: Context, hint: str = "", n: int | None = None) -> None:
        names = [self.named(int(g)) for g in groups[:N_SAMPLES]] if self.spec.keys else []
        ctx.notes.count(self.at, kind, reason, len(groups) if n is None else n, hint, names)

    def named(self, group: int) -> str:
        """The keys of a group as notes show them."""
        assert self.local is not None
        at = group
        for piece in self.local.keys:
            if at < len(piece[0]):
                zone = self.local.ctx.settings.timezone
                return ", ".join(shown(k, at, zone) for k in piece)
            at -= len(piece[0])
        return ""

    def key_columns(self) -> list[pa.Array[Any]]:
        """A row a group."""
        assert self.local is not None
        if not self.local.keys:
            return [null_array(0, t.arrow) for t in self.spec.key_types]
        return [concat(list(pieces)) for pieces in zip(*self.local.keys, strict=True)]

    def close(self) -> None:
        if self.local is not None:
            self.local.values, self.local.valid, self.local.order, self.local.keys = [], [], [], []
            self.local.waiting = []
            self.local.reservation.release()


def shares(lengths: I64, n: int) -> list[tuple[int, int]]:
    """Ranges of series with about as many points each, n at most."""
    ends = np.cumsum(lengths)
    total = int(ends[-1]) if len(ends) else 0
    cuts = np.unique(np.searchsorted(ends, np.arange(1, n) * (total / n)) + 1) if n > 1 else np.empty(0, np.int64)
    bounds = [0, *cuts[cuts < len(lengths)].tolist(), len(lengths)]
    return [(a, b) for a, b in pairwise(bounds) if b > a]
