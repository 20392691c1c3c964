"""A chunk of whole groups: their series are made and their models fitted, by several threads at once."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Any

import numpy as np
import pyarrow as pa

from ....planner.records import dataclass
from ....planner.text import fault
from ....planner.types import Schema
from ...arrow import bools_of, indices, is_valid, numbers_of
from ...calendar import to_local
from ...context import Context
from ...datecolumns import ticks_of
from ...forecast.answer import Answer, answer_for, put
from ...forecast.asked import MOST_AHEAD, SEVERAL, Asked
from ...forecast.batch import F64, Ints
from ...forecast.models import How, run
from ...forecast.season import seasons_of
from ...forecast.series import Series, series_of
from ...forecast.steps import NONE, ROWS, SCATTERED, Steps, by_rows, by_time, count_within
from ...forecast.work import Work
from ...zones import US, Mask
from ..keyform import Words, normal
from ..keyhash import hash_of, tuple_hash, words_for
from .telling import Telling

LOOK_S = 0.02
PIECES = 4  # for each thread, so that none waits long for the others
MOST_LEAD = 4096  # steps of a lead time: thousands of paths go that far
UNCOUNTED = 1 << 20  # bytes that are not asked for, as of any batch in flight


@dataclass(frozen=True, slots=True)
class Fields:
    """Columns, by place: the measures and which are whole numbers, the time (None: each row is a step), the keys, and fields
    that models may look at."""

    measures: tuple[int, ...]
    names: tuple[str, ...]
    whole: tuple[bool, ...]
    time: int | None
    keys: tuple[int, ...]
    beside: tuple[int, ...] = ()


def as_doubles(column: pa.Array[Any]) -> F64:
    """The values, of booleans 1 and 0; whatever where there is none."""
    if pa.types.is_boolean(column.type):
        return bools_of(column).astype(np.float64)
    return numbers_of(column)[: len(column)].astype(np.float64)


def numbers_known(column: pa.Array[Any]) -> Mask:
    known = is_valid(column)
    if pa.types.is_floating(column.type):
        known &= np.isfinite(numbers_of(column)[: len(column)])
    return known


class Chunk:
    """`columns` of whole groups, group k of which has the rows `offsets[k] : offsets[k + 1]`.

    After `compute`: the grid of the groups, and for each measure its series and what their models say. Group k goes on for
    `count[k]` steps behind cell `base[k]`.
    """

    def __init__(
        self, columns: list[pa.Array[Any]], offsets: Ints, asked: Asked, fields: Fields, schema: Schema, ctx: Context,
        pool: ThreadPoolExecutor, shared: Steps | None = None,
    ) -> None:  # fmt: skip
        self.columns, self.offsets, self.asked, self.fields, self.schema = columns, offsets, asked, fields, schema
        self._ctx, self._pool, self._shared = ctx, pool, shared
        self._reservation = ctx.memory.reserve("forecast")
        self.steps: Steps = self._steps()
        self.series: list[Series] = []
        self.answers: list[Answer] = []
        self.base: Ints = np.full(len(offsets) - 1, -1)
        self.count: Ints = np.zeros(len(offsets) - 1, np.int64)
        self.periods: list[list[tuple[int, ...]]] = []
        self.cpu_ns = 0
        self._known: dict[int, Mask] = {}

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def zone(self) -> str:
        return self._ctx.settings.timezone

    def known(self, measure: int) -> Mask:
        """Which rows have a number."""
        found = self._known.get(measure)
        if found is None:
            found = self._known[measure] = numbers_known(self.columns[self.fields.measures[measure]])
        return found

    def _steps(self) -> Steps:
        if self.fields.time is None:
            return by_rows(self.offsets)
        times = self.columns[self.fields.time]
        ticks = ticks_of(times)
        steps = by_time(numbers_of(times)[: len(times)], self.offsets, self.zone, ticks, self.asked.every, self._shared)
        why = steps.why.get(0, "")
        if not self.fields.keys and why.startswith(SCATTERED):
            raise fault(
                "E342", why, hint="every=, or bring them onto a grid before: resample span=..., timechart span=..."
            )
        return steps

    def compute(self, telling: Telling) -> None:
        self._make_series()
        self._reach()
        keys = self._key_hashes()
        for measure, series in enumerate(self.series):
            self._fit(measure, series, keys)
        self._tell_short(telling)
        telling.add(self)

    def _tell_short(self, telling: Telling) -> None:
        """Seasons that were asked for and are not there twice."""
        for series, periods in zip(self.series, self.periods, strict=True):
            for period in self.asked.periods or ():
                short = sum(
                    period not in own for own, n in zip(periods, np.diff(series.offsets).tolist(), strict=True) if n
                )
                telling.short(period, short)

    def _make_series(self) -> None:
        ticks = self.steps.ticks
        now = self._ctx.query.now_us * (ticks // US)
        for measure, whole in enumerate(self.fields.whole):
            column = self.columns[self.fields.measures[measure]]
            values = np.where(self.known(measure), as_doubles(column), np.nan)
            self.series.append(
                series_of(
                    self.steps, self.offsets, values, is_whole=whole, fill=self.asked.fill, dup=self.asked.dup, now=now
                )
            )

    def _reach(self) -> None:
        """From where and how far each group goes on."""
        has = [np.diff(s.offsets) > 0 for s in self.series]
        self.base = np.max([np.where(h, s.last, -1) for h, s in zip(has, self.series, strict=True)], axis=0)
        live = np.flatnonzero(self.base >= 0)
        if self.asked.horizon is None:
            self.count[live] = self.asked.count or 0
            return
        self.count[live] = count_within(self.steps, live, self.base[live], self.asked.horizon, MOST_AHEAD + 1)
        if (self.count > MOST_AHEAD).any():
            raise fault(
                "E701", f"the horizon is more than {MOST_AHEAD:,} steps of a series",
                hint="a shorter horizon=, or longer steps: every=",
            )  # fmt: skip
        short = live[self.count[live] == 0]
        for group in short.tolist():
            for series in self.series:
                series.why.setdefault(group, "the horizon is shorter than a step")

    def _key_hashes(self) -> Any:
        """Of each group's keys: the same whatever else is in the chunk."""
        first = indices(self.offsets[:-1])
        parts = []
        for place in self.fields.keys:
            form = normal(self.schema.fields[place][1], self.columns[place].take(first))
            plain: Any = (
                form
                if isinstance(form, Words)
                else form.dictionary_decode()
                if isinstance(form, pa.DictionaryArray)
                else form
            )
            parts.append(hash_of(*words_for(plain)))
        return tuple_hash(parts) if parts else np.zeros(len(self), np.uint64)

    def _fit(self, measure: int, series: Series, keys: Any) -> None:
        live = np.flatnonzero((np.diff(series.offsets) > 0) & (self.count > 0))
        ahead = np.zeros(len(self), np.int64)
        ahead[live] = self.base[live] + self.count[live] - series.last[live]
        self._ask(int(ahead.sum()))
        answer = answer_for(series.offsets, ahead, len(self.asked.levels))
        self.answers.append(answer)
        periods = seasons_of(series, self.steps, self.asked.periods)
        if self.asked.model not in SEVERAL:
            periods = [own[:1] for own in periods]
        self.periods.append(periods)
        if self.asked.is_pooled and len(live):
            self._fit_alike(measure, series, answer, live, int(ahead.max()), periods, keys)
            return
        for horizon in np.unique(ahead[live]).tolist():
            self._fit_alike(measure, series, answer, live[ahead[live] == horizon], horizon, periods, keys)

    def _ask(self, n_ahead: int) -> None:
        """Room for what is said of so many steps ahead; given back by `close`."""
        nbytes = 8 * n_ahead * (2 + 2 * len(self.asked.levels))
        if nbytes > UNCOUNTED and not self._reservation.grow(nbytes):
            raise fault(
                "E702", "forecast needs more memory than the query has for its steps ahead", hint="fewer steps, or raise memory="
            )  # fmt: skip

    def close(self) -> None:
        self._reservation.release()

    def _fit_alike(
        self,
        measure: int,
        series: Series,
        answer: Answer,
        chosen: Ints,
        horizon: int,
        periods: list[tuple[int, ...]],
        keys: Any,
    ) -> None:
        """Series that go on for as many steps, in pieces of about as many values."""
        sizes = np.diff(series.offsets)[chosen] + 1
        n_pieces = 1 if self.asked.is_pooled else min(len(chosen), PIECES * self._ctx.settings.threads)
        ends = np.searchsorted(np.cumsum(sizes), np.arange(1, n_pieces + 1) * (sizes.sum() / n_pieces))
        bounds = np.unique(np.append(0, np.minimum(ends + 1, len(chosen))))
        bounds[-1] = len(chosen)
        tasks = [
            lambda part=chosen[low:high]: self._piece(measure, series, answer, part, horizon, periods, keys)
            for low, high in zip(bounds[:-1].tolist(), bounds[1:].tolist(), strict=True)
            if low < high
        ]
        self._run(tasks)

    def _run(self, tasks: Sequence[Callable[[], int]]) -> None:
        """In the pool; sees a cancel, which the kernels see, too. What is at work then ends by itself: nobody waits for it."""
        waiting: set[Future[int]] = {self._pool.submit(t) for t in tasks}
        try:
            while waiting:
                done, waiting = wait(waiting, LOOK_S)
                for future in done:
                    self.cpu_ns += future.result()
                self._ctx.check()
        finally:
            for future in waiting:
                future.cancel()

    def _piece(
        self,
        measure: int,
        series: Series,
        answer: Answer,
        part: Ints,
        horizon: int,
        periods: list[tuple[int, ...]],
        keys: Any,
    ) -> int:
        began = time.thread_time_ns()
        work = self._work(measure, series, part, horizon, periods, keys)
        made = run(work, self.asked, How(self._ctx.stop, self._ctx.query.compiled))
        put(answer, part, made.outcome, work.batch.offsets)
        answer.safety[part], answer.reorder[part] = made.safety, made.reorder
        for name, score in made.scores.items():
            answer.scores.setdefault(name, np.full(len(self), np.nan))[part] = score
        return time.thread_time_ns() - began

    def _work(
        self, measure: int, series: Series, part: Ints, horizon: int, periods: list[tuple[int, ...]], keys: Any
    ) -> Work:
        sizes = np.diff(series.offsets)[part]
        offsets = np.append(0, np.cumsum(sizes))
        within = np.arange(offsets[-1]) - np.repeat(offsets[:-1], sizes)
        values = series.values[np.repeat(series.offsets[part], sizes) + within]
        own = [periods[k] for k in part.tolist()]
        cells = np.repeat(series.first[part], sizes) + within
        ahead = series.last[part][:, None] + np.arange(1, horizon + 1)
        return Work.of(
            values, offsets, own, keys[part] ^ np.uint64(measure * 0x9E3779B97F4A7C15 & (2**64 - 1)), horizon,
            lead=self._lead(part, series.last[part]),
            times=self._times(np.repeat(part, sizes), cells), times_ahead=self._times(np.repeat(part, horizon), ahead.ravel()),
            beside=self._beside(part, sizes, cells, ahead), codes=self._codes(part) if self.asked.is_pooled else None,
        )  # fmt: skip

    def _times(self, groups: Ints, cells: Ints) -> Ints | None:
        if self.fields.time is None or self.asked.model not in ("calendar", "trees"):
            return None
        walls: Ints = to_local(self.steps.times(groups, cells), self.zone, self.steps.ticks) // (self.steps.ticks // US)
        return walls

    def _codes(self, part: Ints) -> F64:
        """Of each series the numbers of its keys, in order of the keys: float64[K, G]."""
        first = indices(self.offsets[:-1][part])
        codes = []
        for place in self.fields.keys:
            column = self.columns[place].take(first)
            plain = column.dictionary_decode() if isinstance(column, pa.DictionaryArray) else column
            codes.append(np.asarray(plain.dictionary_encode(null_encoding="encode").indices, np.float64))
        return np.array(codes).T.reshape(len(part), len(codes))

    def _lead(self, part: Ints, last: Ints) -> F64 | None:
        """Of each series the lead time in steps, parts of one among them."""
        lead = self.asked.lead
        if lead is None:
            return None
        out = np.empty(len(part))
        for i, (group, cell) in enumerate(zip(part.tolist(), last.tolist(), strict=True)):
            out[i] = self._lead_steps(group, cell)
        return out

    def _lead_steps(self, group: int, last: int) -> float:
        lead, steps = self.asked.lead, self.steps
        assert lead is not None
        at = np.array([group])
        whole = int(count_within(steps, at, np.array([last]), lead, MOST_LEAD + 1)[0])
        if whole > MOST_LEAD:
            raise fault(
                "E701", f"the lead time is more than {MOST_LEAD:,} steps of a series", hint="longer steps: every="
            )  # fmt: skip
        if lead.months or steps.unit[group] in (ROWS, NONE):
            return float(whole)
        begin, *ends = steps.times(np.repeat(at, 3), last + np.array([0, whole, whole + 1])).tolist()
        length = lead.ns * steps.ticks // 10**9
        return float(whole + (begin + length - ends[0]) / (ends[1] - ends[0]))

    def _beside(self, part: Ints, sizes: Ints, cells: Ints, ahead: Ints) -> tuple[F64, F64] | None:
        """Fields that models may look at: float64[R, N] of the steps behind, float64[R, K, H] of those ahead; NaN where no row has one."""
        if not self.fields.beside:
            return None
        behind, before = [], []
        groups = np.repeat(np.arange(len(self)), np.diff(self.offsets))
        n_cells = np.maximum(self.steps.cells[self.offsets[1:] - 1] + 1, self.base + self.count + 1)
        n_cells[self.base < 0] = 0  # no series: its times may be far apart
        starts = np.append(0, np.cumsum(n_cells))
        for place in self.fields.beside:
            column = self.columns[place]
            values = as_doubles(column)
            good = numbers_known(column) & (n_cells[groups] > 0)
            grid = np.full(int(starts[-1]), np.nan)
            grid[(starts[groups] + self.steps.cells)[good]] = values[good]
            behind.append(grid[np.repeat(starts[part], sizes) + cells])
            before.append(grid[starts[part][:, None] + ahead])
        return np.array(behind), np.array(before)
