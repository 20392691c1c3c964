"""Values for rows of a regular grid: of a column's own rows, and what is filled in between."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from ...planner.records import dataclass
from ...planner.types import Type, scalar
from ..arrow import array_from, call, concat, is_valid, numbers_of, own
from ..arrow import nulls as null_array
from ..exprs import spread
from .fillcarry import DATED, NOBODY, Fill, Ints, Mask, holders, line


@dataclass(frozen=True, slots=True, kw_only=True)
class GridColumn:
    """One column: where it is among the columns that come in, its type there and behind, and how it is filled (None: not at all).

    `constant`: what fills it with method `value`. `around`: of a line through single observations the columns that hold, of
    each row, the value and time of its first observation and of its last one; without them the line goes through the values.
    """

    source: int
    type: Type
    out: Type
    fill: Fill | None = None
    constant: Any = None
    around: tuple[int, int, int, int] | None = None

    @property
    def looks_ahead(self) -> bool:
        return self.fill is not None and self.fill.looks_ahead

    def columns(self) -> tuple[int, ...]:
        return (self.source, *(self.around or ()))


@dataclass(slots=True)
class Wanted:
    """Rows of the grid that come out: each belongs to row `owner`, before it, behind it or itself (`side` -1, 1, 0).

    `times`: their labels. `first`, `last`: the labels of the ends of their group, by owner.
    """

    owner: Ints
    side: Ints
    times: Ints
    first: Ints
    last: Ints


@dataclass(slots=True)
class Carried:
    """The last row with a value of the group that goes on: its columns, and its time."""

    columns: list[pa.Array[Any]]
    time: int


@dataclass(frozen=True, slots=True)
class FilledColumn:
    """A column over rows that are looked at together, in order of groups and time. The last group may go on behind them.

    `columns`: those of `spec.columns()`, with one row behind the others: what was carried. `kept`: the values in the type that
    comes out. `before`, `before_it`, `after`: of each row the last one with a value up to it and before it, and the next one
    from it on; NOBODY: there is none.
    """

    spec: GridColumn
    columns: Sequence[pa.Array[Any]]
    times: Ints
    kept: pa.Array[Any]
    before: Ints
    before_it: Ints
    after: Ints

    def out(self, rows: Wanted, fills_rows: bool) -> tuple[pa.Array[Any], Mask | None]:
        """The values of these rows, and which were filled in. `fills_rows`: rows that are there without a value, too."""
        absent = rows.side != 0
        fill = self.spec.fill
        if fill is not None and fills_rows:
            absent = absent | ~is_valid(self.columns[0])[rows.owner]
        at = np.flatnonzero(absent)
        if not len(at):
            return self.kept.take(array_from(rows.owner)), None
        source, nothing = rows.owner.copy(), absent.copy()
        if fill is None:
            return self.kept.take(array_from(source, nothing)), None
        low, high = self._ends(rows, at)
        ok = self._short_enough(rows, at, low, high)
        made = self.kept
        match fill.method:
            case "prev":
                ok &= low != NOBODY
                source[at] = low
            case "next":
                ok &= high != NOBODY
                source[at] = high
            case "linear":
                ok &= (low != NOBODY) & (high != NOBODY)
                made = concat([made, self._line(rows.times[at], low, high, ~ok)])
                source[at] = len(self.kept) + np.arange(len(at))
            case _:
                made = concat([made, spread(scalar(self.spec.constant, self.spec.out), 1)])
                source[at] = len(self.kept)
        nothing[at] = ~ok
        filled = absent & ~nothing
        source[nothing] = 0
        return made.take(array_from(source, nothing)), filled

    def _ends(self, rows: Wanted, at: Ints) -> tuple[Ints, Ints]:
        """Rows with a value on either side of the gap that each of these rows is in."""
        owner, side = rows.owner[at], rows.side[at]
        low = np.where(side > 0, self.before[owner], self.before_it[owner])
        return low, np.where(side > 0, NOBODY, self.after[owner])

    def _short_enough(self, rows: Wanted, at: Ints, low: Ints, high: Ints) -> Mask:
        """As `fillnull maxgap=DUR`: a gap at an end of its group reaches to the last row there."""
        assert self.spec.fill is not None
        most = self.spec.fill.most_ticks
        if most is None:
            return np.ones(len(at), np.bool_)
        owner = rows.owner[at]
        begin = np.where(low == NOBODY, rows.first[owner], self.times[low])
        end = np.where(high == NOBODY, rows.last[owner], self.times[high])
        with np.errstate(over="ignore"):
            length = end - begin
        ok: Mask = (length >= 0) & (length <= most)
        return ok

    def _line(self, at: Ints, low: Ints, high: Ints, missing: Mask) -> pa.Array[Any]:
        first = self.columns[0], self.times
        last = first
        if self.spec.around is not None:
            _, first_value, first_time, last_value, last_time = self.columns
            first, last = (first_value, numbers_of(first_time)), (last_value, numbers_of(last_time))
        dated = self.spec.type.kind in DATED
        a, b = np.maximum(low, 0), np.maximum(high, 0)
        made = line(numbers_of(last[0])[a], numbers_of(first[0])[b], last[1][a], first[1][b], at, missing, dated=dated)
        return array_from(made, missing, self.spec.out.arrow)


def looked_at(
    spec: GridColumn, columns: Sequence[pa.Array[Any]], times: Ints, begins: Mask, ends: Mask, carried: Carried | None
) -> FilledColumn:
    """`columns`: all that came in. `ends`: rows that are surely the last of their group."""
    chosen = [columns[i] for i in spec.columns()]
    behind = [null_array(1, c.type) for c in chosen] if carried is None else carried.columns
    whole = [concat([c, b]) for c, b in zip(chosen, behind, strict=True)]
    before, before_it, after = _neighbours(chosen[0], begins, ends, carried is not None)
    kept = whole[0] if whole[0].type == spec.out.arrow else call("cast", whole[0], spec.out.arrow, safe=False)
    all_times = np.append(times, 0 if carried is None else carried.time)
    return FilledColumn(spec, whole, all_times, kept, before, before_it, after)


def _neighbours(values: pa.Array[Any], begins: Mask, ends: Mask, is_carried: bool) -> tuple[Ints, Ints, Ints]:
    """`before`, `before_it`, `after` of a FilledColumn."""
    n = len(values)
    if not values.null_count:
        before = after = np.arange(n, dtype=np.int64)
    else:
        valid = is_valid(values)
        before = holders(valid, begins)
        if not is_carried:
            before[before == n] = NOBODY
        after = holders(valid[::-1], ends[::-1])[::-1]
        after = np.where((after == NOBODY) | (after == n), NOBODY, n - 1 - after)
    before_it = np.append(n if is_carried else NOBODY, before[:-1])[:n]
    before_it[begins] = NOBODY
    return before, before_it, after


def carried_from(column: FilledColumn, row: int) -> Carried | None:
    """What goes on behind `row`, if its group does."""
    at = int(column.before[row])
    if at == NOBODY:
        return None
    return Carried([own(c.slice(at, 1)) for c in column.columns], int(column.times[at]))
