"""The rows that come out: those that came in with their trend, and behind each group the steps that follow."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from ....planner.types import Schema
from ...arrow import array_from, nan_as_null
from ...batch import Batch, Origin
from ...context import Context
from ...datecolumns import dates_from
from ...forecast.answer import Answer
from ...forecast.asked import Asked
from ...forecast.batch import F64, Ints
from ...forecast.series import Series
from ...notes import At
from ...operator import Emit, Flow
from ..expand import windows
from ..regular import told
from .chunk import Chunk, Fields
from .explaining import explained


class Writer:
    """`after`: the columns that come out; those that `before` does not have, or that are made anew, are named as `columns_of` has them."""

    def __init__(self, asked: Asked, fields: Fields, before: Schema, after: Schema, at: At) -> None:
        self._asked, self._fields, self._before, self._after, self._at = asked, fields, before, after, at
        self._n_out = 0

    def write(self, chunk: Chunk, seq: int, ctx: Context, emit: Emit) -> Flow:
        if self._asked.explain:
            return self._out(explained(chunk, self._after), seq, ctx, emit)
        return self._rows(chunk, seq, ctx, emit)

    def _out(self, columns: list[pa.Array[Any]], seq: int, ctx: Context, emit: Emit) -> Flow:
        n = len(columns[0])
        for low in range(0, n, ctx.settings.batch_rows):
            part = [c.slice(low, ctx.settings.batch_rows) for c in columns]
            if emit(self._batch(part, seq)) is Flow.DONE:
                return Flow.DONE
        return Flow.MORE

    def _batch(self, columns: list[pa.Array[Any]], seq: int) -> Batch:
        origin = Origin(seq, self._at.command, 0, self._n_out, told=told)
        self._n_out += len(columns[0])
        return Batch(len(columns[0]), tuple(columns), origin)

    def _rows(self, chunk: Chunk, seq: int, ctx: Context, emit: Emit) -> Flow:
        group = np.repeat(np.arange(len(chunk)), np.diff(chunk.offsets))
        added = _added(chunk, group)
        counts = np.ones(len(group), np.int64)
        counts[chunk.offsets[1:] - 1] += np.diff(added.offsets)
        for piece in windows(counts, ctx.settings.batch_rows):
            ctx.pause(seq)
            rows, nth = piece.rows.astype(np.int64), piece.nth()
            if emit(self._batch(self._piece(chunk, group, added, rows, nth), seq)) is Flow.DONE:
                return Flow.DONE
        return Flow.MORE

    def _piece(self, chunk: Chunk, group: Ints, added: _Added, rows: Ints, nth: Ints) -> list[pa.Array[Any]]:
        is_new = nth > 0
        groups = group[rows]
        cells = np.where(is_new, 0, chunk.steps.cells[rows])
        cells[is_new] = added.cells[added.offsets[groups[is_new]] + nth[is_new] - 1]
        made = self._made(chunk, groups, cells, is_new, rows)
        whole, kept = array_from(rows), array_from(rows, is_new)
        columns: list[pa.Array[Any]] = []
        for name, _ in self._after.fields:
            place = self._before.index(name) if name in self._before else -1
            if name in made:
                columns.append(made[name])
            elif place == self._fields.time:
                columns.append(self._times(chunk, rows, groups, cells, is_new))
            else:
                columns.append(chunk.columns[place].take(whole if place in self._fields.keys else kept))
        return columns

    def _times(self, chunk: Chunk, rows: Ints, groups: Ints, cells: Ints, is_new: Any) -> pa.Array[Any]:
        assert self._fields.time is not None
        column = chunk.columns[self._fields.time]
        if not is_new.any():
            return column.take(array_from(rows))
        times = np.asarray(column.cast(pa.int64()).take(array_from(rows))).copy()
        times[is_new] = chunk.steps.times(groups[is_new], cells[is_new])
        return dates_from(times, None, chunk.steps.ticks)

    def _made(self, chunk: Chunk, groups: Ints, cells: Ints, is_new: Any, rows: Ints) -> dict[str, pa.Array[Any]]:
        out: dict[str, pa.Array[Any]] = {}
        single = len(self._fields.names) == 1
        for measure, name in enumerate(self._fields.names):
            prefix = "" if single else name
            series, answer = chunk.series[measure], chunk.answers[measure]
            empty = is_new | ~chunk.known(measure)[rows]
            ahead = _ahead(series, answer, groups, cells, empty)
            out[f"{prefix}_future"] = _taken(answer.mean, ahead)
            for i, suffix in enumerate(self._asked.suffixes):
                out[f"{prefix}_lower{suffix}"] = _taken(answer.lower[i], ahead)
                out[f"{prefix}_upper{suffix}"] = _taken(answer.upper[i], ahead)
            trend = _values(answer.trend_ahead, ahead)
            back = _behind(series, groups, cells)
            trend[back >= 0] = answer.trend[back[back >= 0]]
            out[f"{prefix}_trend"] = nan_as_null(trend)
            if self._asked.safety is not None:
                for word, figures in (("safety", answer.safety), ("reorder", answer.reorder)):
                    out[f"{prefix}_{word}"] = nan_as_null(np.where(ahead >= 0, figures[groups], np.nan))
        return out


class _Added:
    """Cells for which a row is added: group k has those of `offsets[k] : offsets[k + 1]`."""

    def __init__(self, offsets: Ints, cells: Ints) -> None:
        self.offsets, self.cells = offsets, cells


def _added(chunk: Chunk, group: Ints) -> _Added:
    """The steps ahead of each group but those for which a row without a value is there already."""
    count, base = chunk.count, np.maximum(chunk.base, 0)
    ends = np.append(0, np.cumsum(count))
    taken = np.zeros(int(ends[-1]), np.bool_)
    ahead = chunk.steps.cells - base[group] - 1
    empty = ~np.any([chunk.known(m) for m in range(len(chunk.series))], axis=0)
    there = (ahead >= 0) & (ahead < count[group]) & empty
    taken[ends[group[there]] + ahead[there]] = True
    owner = np.repeat(np.arange(len(count)), count)
    cells = base[owner] + 1 + np.arange(int(ends[-1])) - ends[owner]
    left = np.bincount(owner[~taken], minlength=len(count))
    return _Added(np.append(0, np.cumsum(left)), cells[~taken])


def _ahead(series: Series, answer: Answer, groups: Ints, cells: Ints, empty: Any) -> Ints:
    """The place of each row among the steps ahead; -1: none."""
    step = cells - series.last[groups] - 1
    n = np.diff(answer.ahead)[groups]
    return np.where(empty & (step >= 0) & (step < n), answer.ahead[groups] + step, -1)


def _behind(series: Series, groups: Ints, cells: Ints) -> Ints:
    """The place of each row among the values of its series; -1: none."""
    at = series.offsets[groups] + cells - series.first[groups]
    inside = (cells >= series.first[groups]) & (cells <= series.last[groups]) & (np.diff(series.offsets)[groups] > 0)
    return np.where(inside, at, -1)


def _values(values: F64, at: Ints) -> F64:
    out = np.full(len(at), np.nan)
    out[at >= 0] = values[at[at >= 0]]
    return out


def _taken(values: F64, at: Ints) -> pa.Array[Any]:
    return nan_as_null(_values(values, at))
