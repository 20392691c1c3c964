"""Rows of a regular grid of time: what `resample` and `gapfill` make of rows in order of their groups and of time.

Only the rows that came in are held, and of those no more than a fill must see: a gap is numbers until its rows come out.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa

from ...planner.records import dataclass
from ...planner.text import fault
from ...planner.types import Schema, Type
from ..arrow import array_from, concat, is_valid, numbers_of, own
from ..arrow import nulls as null_array
from ..batch import Batch, Origin
from ..calendar import Span
from ..context import Context
from ..datecolumns import dates_from
from ..memory import Reservation
from ..notes import At
from ..operator import Emit, Flow
from ..ruler import Ruler
from ..values import to_text
from ..zones import Ints, Mask
from .expand import windows
from .fillcarry import changes
from .regularfill import Carried, FilledColumn, GridColumn, Wanted, carried_from, looked_at

Extent = tuple[int, int]  # first and last time


def told(row: int) -> str:
    """The place of a row of the result."""
    return f"row {row + 1}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """What is made: of each group of `keys` (columns) a row for each bucket of `span`.

    `time`: the column of the row's time, of so many `ticks`; where `of_buckets` it is the start of a bucket that the row stands
    for, and one row a bucket comes in; else rows that stand on no bound stay as they are. `begin`, `end`: instants to which
    grids reach at least. `extent`: of all rows, where one grid is for all groups. `order`: the columns that come out, in terms
    of those of `schema`; `columns`: of these, those that are filled; the others are null in rows that were added. `flagged`: a
    last column tells where a value was filled in.
    """

    span: Span
    ticks: int
    keys: tuple[int, ...]
    time: int
    order: tuple[int, ...]
    columns: tuple[GridColumn, ...]
    of_buckets: bool
    begin: int | None = None
    end: int | None = None
    extent: Callable[[], Extent | None] | None = None
    at_end: bool = False
    flagged: bool = False
    most: int = 10**8


@dataclass(slots=True)
class GridLocal:
    """`held`: rows that did not come out yet. Of what came out before: whether their group goes on, then its first time in
    the grid, the time of its last row, and each column's last value."""

    ctx: Context
    reservation: Reservation
    carried: list[Carried | None]
    held: list[pa.Array[Any]] | None = None
    goes_on: bool = False
    first: int = 0
    last: int = 0
    n_out: int = 0
    seq: int = 0
    charged: int = 0
    is_done: bool = False


@dataclass(slots=True)
class Looked:
    """Rows that are looked at together.

    `number`: the bucket whose label is the row's time, or the last such one before it, where it is not `on_grid`.
    `first`, `last`: the ends of each row's group in the grid. `lead`, `trail`: rows of the grid that are missing before it
    and, at the end of its group, behind it.
    """

    ruler: Ruler
    columns: list[pa.Array[Any]]
    raw: Ints  # times as they came in, and as they go out
    times: Ints
    number: Ints
    on_grid: Mask
    begins: Mask
    first: Ints
    last: Ints
    lead: Ints
    trail: Ints
    filled: list[FilledColumn]

    def __len__(self) -> int:
        return len(self.times)


class GridTransform:
    """Takes rows in order of groups and time; gives those and the missing ones in the same order."""

    needs_order = True

    def __init__(self, grid: Grid, schema: Schema, at: At) -> None:
        self._grid, self._schema, self._at = grid, schema, at
        self._key_types = [schema.fields[i][1] for i in grid.keys]

    def open(self, ctx: Context) -> GridLocal:
        return GridLocal(ctx, ctx.memory.reserve(self._at.command), [None] * len(self._grid.columns))

    def push(self, batch: Batch, local: GridLocal, emit: Emit) -> Flow:
        if local.is_done:
            return Flow.DONE
        if not batch.n_rows:
            return Flow.MORE
        local.seq = batch.origin.seq
        columns = [batch.array(i) for i in range(len(self._schema))]
        if local.held is not None:
            columns = [concat([h, c]) for h, c in zip(local.held, columns, strict=True)]
        rows = self._looked(columns, local, is_last=False)
        cut = self._known(rows)
        flow = self._emit(rows, cut, local, emit)
        if flow is Flow.DONE:
            local.is_done = True
        else:
            self._keep(rows, cut, local)
        return flow

    def finish(self, local: GridLocal, emit: Emit) -> None:
        if local.is_done:
            return
        if local.held is not None:
            rows = self._looked(local.held, local, is_last=True)
            self._emit(rows, len(rows), local, emit)
        elif not self._grid.keys:
            self._emit_empty(local, emit)

    def _known(self, rows: Looked) -> int:
        """So many rows can come out: every value to be filled before and in them is known.

        The last row waits in any case: what is missing behind it depends on whether its group goes on.
        """
        cut = len(rows) - 1
        starts = np.flatnonzero(rows.begins)
        group = int(starts[-1]) if len(starts) else 0
        for column in rows.filled:
            if column.spec.looks_ahead:
                valid = np.flatnonzero(is_valid(column.columns[0])[group : len(rows)])
                cut = min(cut, group + int(valid[-1]) + 1 if len(valid) else group)
        return cut

    def _keep(self, rows: Looked, cut: int, local: GridLocal) -> None:
        if cut:
            local.goes_on = not rows.begins[cut]
            local.first = int(rows.first[cut - 1])
            local.last = int(rows.raw[cut - 1])
            local.carried = [carried_from(c, cut - 1) if local.goes_on else None for c in rows.filled]
        local.held = [own(c.slice(cut)) for c in rows.columns]
        nbytes = sum(c.nbytes for c in local.held)
        if nbytes > local.charged and not local.reservation.grow(nbytes - local.charged):
            raise fault(
                "E702", f"{self._at.command} needs more memory than the query has: rows wait for a value that is not null",
                hint="fill=prev, zero or a constant, without maxgap=, need not wait",
            )  # fmt: skip
        if nbytes < local.charged:
            local.reservation.shrink(local.charged - nbytes)
        local.charged = nbytes

    # where rows stand

    def _ruler(self, times: Ints, local: GridLocal) -> Ruler:
        grid = self._grid
        ends = [int(times.min()), int(times.max())] if len(times) else []
        ends += [local.last] if local.goes_on else []
        ends += [] if grid.begin is None else [grid.begin]
        ends += [] if grid.end is None else [grid.end]
        ends += self._extent() or ()
        return Ruler(min(ends), max(ends), grid.span, local.ctx.settings.timezone, grid.ticks)

    def _extent(self) -> Extent | None:
        return None if self._grid.extent is None else self._grid.extent()

    def _stand(self, ruler: Ruler, times: Ints) -> tuple[Ints, Mask]:
        """The number of the bucket that each row stands for, or of the last one labelled before it; and whether it does."""
        number = ruler.number(times)
        if self._grid.of_buckets:
            return number, np.ones(len(times), np.bool_)
        return number - self._grid.at_end, ruler.start(number) == times

    def _label(self, ruler: Ruler, numbers: Ints) -> Ints:
        return ruler.start(numbers + 1 if self._grid.at_end else numbers)

    def _least(self, ruler: Ruler) -> tuple[list[int], list[int]]:
        """Numbers of buckets to which every grid reaches, at either end."""
        grid, low, high = self._grid, [], []
        if grid.begin is not None:
            low.append(int(ruler.number(np.array([grid.begin]))[0]))
        if grid.end is not None:
            high.append(int(ruler.number(np.array([grid.end]))[0]))
        extent = self._extent()
        if extent is not None:
            number, on_grid = self._stand(ruler, np.array(extent))
            low.append(int(number[0]) + (not on_grid[0]))
            high.append(int(number[1]))
        return low, high

    def _looked(self, columns: list[pa.Array[Any]], local: GridLocal, *, is_last: bool) -> Looked:
        grid = self._grid
        raw = numbers_of(columns[grid.time])[: len(columns[grid.time])]
        n = len(raw)
        begins = changes([columns[i] for i in grid.keys], self._key_types, n)
        begins[0] = not local.goes_on
        ends = np.append(begins[1:], is_last)
        ruler = self._ruler(raw, local)
        number, on_grid = self._stand(ruler, raw)
        times = self._label(ruler, number) if grid.of_buckets else raw
        before = np.append(0, number[:-1])
        if local.goes_on:
            before[0] = self._stand(ruler, np.array([local.last]))[0][0]
        lows, highs = self._least(ruler)
        own_low = number + ~on_grid
        low = np.minimum(own_low, min(lows)) if lows else own_low
        high = np.maximum(number, max(highs)) if highs else number
        lead = np.where(begins, number - on_grid - low + 1, np.maximum(number - before - on_grid, 0))
        trail = np.where(ends, high - number, 0)
        group = np.cumsum(begins) - 1
        heads, tails = np.flatnonzero(begins), np.flatnonzero(ends)
        first, last = self._label(ruler, low[heads]), self._label(ruler, high[tails])
        if not grid.of_buckets:
            first, last = np.minimum(first, times[heads]), np.maximum(last, times[tails])
        first = np.append(first, local.first)[group]  # the group that goes on has the number -1
        last = np.append(last, times[-1])[np.cumsum(ends) - ends]
        filled = [
            looked_at(c, columns, times, begins, ends, carried)
            for c, carried in zip(grid.columns, local.carried, strict=True)
        ]
        return Looked(ruler, columns, raw, times, number, on_grid, begins, first, last, lead, trail, filled)

    # what comes out

    def _emit(self, rows: Looked, cut: int, local: GridLocal, emit: Emit) -> Flow:
        """The first `cut` rows with what is missing around them."""
        counts = rows.lead[:cut] + 1 + rows.trail[:cut]
        self._guard(rows, counts, local)
        for piece in windows(counts, local.ctx.settings.batch_rows):
            local.ctx.pause(local.seq)
            if emit(self._batch(rows, piece.rows.astype(np.int64), piece.nth(), local)) is Flow.DONE:
                return Flow.DONE
        return Flow.MORE

    def _batch(self, rows: Looked, owner: Ints, nth: Ints, local: GridLocal) -> Batch:
        grid = self._grid
        away = nth - rows.lead[owner]
        side = np.sign(away)
        absent = side != 0
        number = rows.number[owner] + away + ((side < 0) & ~rows.on_grid[owner])
        times = rows.times[owner]
        times[absent] = self._label(rows.ruler, number[absent])
        wanted = Wanted(owner, side, times, rows.first, rows.last)
        made = [column.out(wanted, grid.of_buckets) for column in rows.filled]
        filled = {c.source: values for c, (values, _) in zip(grid.columns, made, strict=True)}
        whole, kept = array_from(owner), array_from(owner, absent)
        columns: list[pa.Array[Any]] = []
        for i in grid.order:
            if i == grid.time:
                columns.append(dates_from(times, None, grid.ticks))
            elif i in filled:
                columns.append(filled[i])
            else:
                columns.append(rows.columns[i].take(whole if i in grid.keys else kept))
        if grid.flagged:
            marks = [m for _, m in made if m is not None]
            columns.append(array_from(np.logical_or.reduce([np.zeros(len(owner), np.bool_), *marks])))
        origin = Origin(local.seq, self._at.command, 0, local.n_out, told=told)
        local.n_out += len(owner)
        return Batch(len(owner), tuple(columns), origin)

    def _emit_empty(self, local: GridLocal, emit: Emit) -> None:
        """The grid from `begin` to `end` where no row came in: behind a row that is not there."""
        grid = self._grid
        if grid.begin is None or grid.end is None or grid.begin > grid.end:
            return
        ruler = self._ruler(np.empty(0, np.int64), local)
        low, high = ruler.number(np.array([grid.begin, grid.end])).tolist()
        one = np.ones(1, np.int64)
        columns = [null_array(1, t.arrow) for _, t in self._schema.fields]
        begins = np.ones(1, np.bool_)
        times = self._label(ruler, one * low)
        filled = [looked_at(c, columns, times, begins, begins, None) for c in grid.columns]
        rows = Looked(
            ruler, columns, times, times, one * (low - 1), begins, begins, times, self._label(ruler, one * high),
            one * 0, one * (high - low + 1), filled,
        )  # fmt: skip
        self._guard(rows, rows.trail, local)
        for piece in windows(rows.trail, local.ctx.settings.batch_rows):
            local.ctx.pause(local.seq)
            if emit(self._batch(rows, piece.rows.astype(np.int64), piece.nth() + 1, local)) is Flow.DONE:
                return

    def _guard(self, rows: Looked, counts: Ints, local: GridLocal) -> None:
        """E701 before rows are made, at the group whose rows are too many."""
        ends = np.cumsum(counts)
        if not len(ends) or local.n_out + int(ends[-1]) <= self._grid.most:
            return
        row = int(np.searchsorted(ends, self._grid.most - local.n_out, "right"))
        first, zone = rows.first[row], local.ctx.settings.timezone
        until = self._label(rows.ruler, rows.number[row : row + 1] + rows.trail[row])[0]
        reach = dates_from(np.array([first, until]), None, self._grid.ticks)
        ends_told = to_text(reach, Type("date"), zone).to_pylist()
        keys = []
        for i, type_ in zip(self._grid.keys, self._key_types, strict=True):
            value = to_text(rows.columns[i].slice(row, 1), type_, zone)[0].as_py()
            keys.append(f"{self._schema.fields[i][0]}={'null' if value is None else value}")
        named = f" of {', '.join(keys)}" if keys else ""
        raise fault(
            "E701",
            f"{local.n_out + int(ends[row]):,} rows with the grid{named} from {ends_told[0]} to {ends_told[1]}: "
            f"more than maxrows={self._grid.most:,}",
            hint="a longer span, or maxrows=; is a time far off by mistake?",
        )
