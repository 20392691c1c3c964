"""Where the rows of many groups stand on grids of equal steps, and the times that such grids go on with.

All groups are looked at together, by columns. A step is calendar months, whole days by the wall clock, days without weekends,
or a fixed length.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ...planner import ast
from ...planner.records import dataclass
from ..analytics.period import NATURAL, NATURAL_MONTHS
from ..calendar import WEEK_ORIGIN, day_of_month, month_length, month_of_day, to_local, to_utc
from ..zones import NS, US, Ints, Mask

ROWS, TICKS, DAYS, WORKDAYS, MONTHS, NONE = range(6)
DAY_S = 86_400
ON_GRID = 0.8  # the part of the rows that must lie on one grid
NEAR, NEARER = 4, 8  # a time is on the grid if it is within 1/NEAR of a step that people live by, 1/NEARER of any other
ROUND = np.array(
    [1, 5, 10, 15, 30, 60, 300, 600, 900, 1800, 3600, 7200, 10_800, 14_400, 21_600, 28_800, 43_200, DAY_S, 7 * DAY_S]
)
SHORTEST_MONTH = 27  # days below which no two times are a month apart
FEW_GAPS, SPREAD = 5, 100  # gaps that tell too little; steps for each row beyond which times are too far apart
LEAST_WORKDAYS = 10  # rows without a weekend that make days workdays
SINGLE, SCATTERED = "one time only: no step (every= tells it)", "the times stand on no one grid"


@dataclass(slots=True)
class Steps:
    """Of K groups of N rows. `unit` int[K]: of what a step is; NONE: `why` says why there is none.

    `size` int64[K]: the step, in months, days or ticks. `origin` int64[K]: cell 0, in steps from `phase` int64[K] (ticks; of
    months a month number). `day` int64[K]: of months, the day of the month (31: the last one). `clock` int64[K]: of days
    and months, ticks since midnight. `cells` int64[N]: of each row, from 0 in each group.
    """

    unit: Ints
    size: Ints
    phase: Ints
    origin: Ints
    day: Ints
    clock: Ints
    cells: Ints
    why: dict[int, str]
    zone: str
    ticks: int

    def times(self, groups: Ints, cells: Ints) -> Ints:
        """Instants of cells."""
        unit, steps = self.unit[groups], self.origin[groups] + cells
        out = self.phase[groups] + steps * self.size[groups]
        day = self.ticks * DAY_S
        months = unit == MONTHS
        if months.any():
            number = out[months]
            at = groups[months]
            within = np.minimum(self.day[at], month_length(number)) - 1
            out[months] = (day_of_month(number) + within) * day + self.clock[at]
        work = unit == WORKDAYS
        if work.any():
            out[work] = day_of_workday(steps[work]) * day + self.clock[groups[work]]
        wall = months | work | (unit == DAYS)
        if wall.any():
            out[wall] = to_utc(out[wall], self.zone, self.ticks)[0]
        return out

    def step_text(self, group: int) -> str:
        unit, size = int(self.unit[group]), int(self.size[group])
        if unit == WORKDAYS:
            return "1 workday"
        if unit == MONTHS:
            return ast.Duration(months=size).text()
        return ast.Duration(ns=size * (NS // self.ticks)).text() if unit in (TICKS, DAYS) else ""


def day_of_workday(number: Ints) -> Ints:
    """The day of a workday's number: Mondays to Fridays counted on."""
    return number // 5 * 7 + number % 5 + WEEK_ORIGIN


def workday_of_day(days: Ints) -> Ints:
    since = days - WEEK_ORIGIN
    return since // 7 * 5 + np.minimum(since % 7, 4)


def by_rows(offsets: Ints) -> Steps:
    """Each row is one step."""
    steps = _none(offsets, "UTC", US)
    steps.unit[:] = ROWS
    steps.cells = np.arange(int(offsets[-1])) - np.repeat(offsets[:-1], np.diff(offsets))
    return steps


def _none(offsets: Ints, zone: str, ticks: int) -> Steps:
    """Without a step so far."""
    unit, size, phase, origin, day, clock = np.zeros((6, len(offsets) - 1), np.int64)
    unit[:] = NONE
    return Steps(unit, size, phase, origin, day, clock, np.zeros(int(offsets[-1]), np.int64), {}, zone, ticks)


def by_time(
    times: Ints,
    offsets: Ints,
    zone: str,
    ticks: int,
    every: ast.Duration | None = None,
    shared: Steps | None = None,
) -> Steps:
    """`times`: instants, ascending in each group `offsets[k] : offsets[k + 1]`, none empty. `every`: the step, where it is given.
    `shared`: the grid of the times of all groups together, on which groups stand whose own times tell too little."""
    rows = _Rows.of(times, offsets, zone, ticks)
    steps = _none(offsets, zone, ticks)
    if every is not None:
        _given(rows, steps, every)
        return steps
    single = rows.gap_count == 0
    for group in np.flatnonzero(single).tolist():
        steps.why[group] = SINGLE
    left = ~single
    left &= ~_months(rows, steps, left)
    if left.any():
        _fixed(rows, steps, left)
    if shared is not None and shared.unit[0] != NONE:
        _share(rows, steps, shared)
    return steps


def _share(rows: _Rows, steps: Steps, shared: Steps) -> None:
    """Groups of few times, or of gaps of many lengths, that stand on the grid of all groups, have its step: what is asked for now
    and then has no step of its own."""
    few = rows.gap_count < FEW_GAPS
    regular = _support(rows, steps) >= ON_GRID
    asked = (few | ~regular | (steps.unit == NONE)) & ((steps.unit != shared.unit[0]) | (steps.size != shared.size[0]))
    if not asked.any():
        return
    numbers, off = _numbers(rows, shared)
    low, high = rows.first(numbers), numbers[rows.offsets[1:] - 1]
    asked &= (rows.share(off) >= ON_GRID) & (high - low < SPREAD * np.diff(rows.offsets))
    k = len(asked)
    one = np.ones(k, np.int64)
    _put(rows, steps, asked, int(shared.unit[0]), one * shared.size[0], one * shared.phase[0], numbers)
    steps.day[asked], steps.clock[asked] = shared.day[0], shared.clock[0]
    for group in np.flatnonzero(asked).tolist():
        steps.why.pop(group, None)


def _support(rows: _Rows, steps: Steps) -> NDArray[np.float64]:
    """The part of each group's gaps that are one step long."""
    step = np.diff(steps.cells, prepend=steps.cells[:1]) == 1
    step[rows.offsets[:-1]] = False
    single = np.add.reduceat((step & (rows.gaps > 0)).astype(np.int64), rows.offsets[:-1])
    return np.asarray(single / np.maximum(rows.gap_count, 1))


def _numbers(rows: _Rows, grid: Steps) -> tuple[Ints, Mask]:
    """Of each row, its number of steps from the phase of a grid of one group, and whether it stands on it."""
    unit, size, phase = int(grid.unit[0]), int(grid.size[0]), int(grid.phase[0])
    if unit == MONTHS:
        months = month_of_day(rows.days)
        within = rows.days - day_of_month(months) + 1
        on = (within == np.minimum(int(grid.day[0]), month_length(months))) & (rows.clocks == grid.clock[0])
        return (months - phase) // size, on & ((months - phase) % size == 0)
    if unit == WORKDAYS:
        return workday_of_day(rows.days), ((rows.days - WEEK_ORIGIN) % 7 < 5) & (rows.clocks == grid.clock[0])
    since = (rows.walls if unit == DAYS else rows.times) - phase
    numbers = (since + size // 2) // size
    return numbers, np.abs(since - numbers * size) * NEAR <= size


@dataclass(frozen=True, slots=True)
class _Rows:
    """Columns of the rows: instant, wall time, day and time of the day by the wall clock; the gap before each (0 at the first
    of a group), and of each group the least gap and how many differ from 0."""

    times: Ints
    walls: Ints
    days: Ints
    clocks: Ints
    gaps: Ints
    group: Ints
    offsets: Ints
    least_gap: Ints
    gap_count: Ints
    ticks: int

    @staticmethod
    def of(times: Ints, offsets: Ints, zone: str, ticks: int) -> _Rows:
        walls = to_local(times, zone, ticks)
        days = walls // (ticks * DAY_S)
        gaps = np.diff(times, prepend=times[:1])
        gaps[offsets[:-1]] = 0
        group = np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))
        least = np.minimum.reduceat(np.where(gaps > 0, gaps, np.iinfo(np.int64).max), offsets[:-1])
        count = np.add.reduceat((gaps > 0).astype(np.int64), offsets[:-1])
        return _Rows(times, walls, days, walls - days * ticks * DAY_S, gaps, group, offsets, least, count, ticks)

    def same(self, values: Ints) -> Mask:
        """Groups in which all rows have one value."""
        starts = self.offsets[:-1]
        return np.asarray(np.minimum.reduceat(values, starts) == np.maximum.reduceat(values, starts))

    def first(self, values: Ints) -> Ints:
        return values[self.offsets[:-1]]

    def share(self, good: Mask) -> NDArray[np.float64]:
        """Of the rows of each group."""
        return np.asarray(np.add.reduceat(good.astype(np.int64), self.offsets[:-1]) / np.diff(self.offsets))


def commonest(group: Ints, values: Ints, k: int) -> tuple[Ints, Ints, Ints]:
    """Of each group the commonest value, the least of equally common ones; how often it is there; the second. -1: none."""
    best, count, second = (np.full(k, -1, np.int64) for _ in range(3))
    if not len(group):
        return best, count, second
    order = np.lexsort((values, group))
    g, v = group[order], values[order]
    starts = np.flatnonzero(np.append(True, (g[1:] != g[:-1]) | (v[1:] != v[:-1])))
    counts = np.diff(np.append(starts, len(g)))
    g, v = g[starts], v[starts]
    order = np.lexsort((v, -counts, g))
    g, v, counts = g[order], v[order], counts[order]
    heads = np.flatnonzero(np.append(True, g[1:] != g[:-1]))
    best[g[heads]], count[g[heads]] = v[heads], counts[heads]
    more = heads[:-1][np.diff(heads) > 1] if len(heads) > 1 else heads[:0]
    if len(g) - heads[-1] > 1:
        more = np.append(more, heads[-1])
    second[g[more]] = v[more + 1]
    return best, count, second


def _phase(rows: _Rows, at: Ints, step: Ints, asked: Mask) -> Ints:
    """Where each group's grid stands: where most rows stand; the first row's place if they scatter."""
    places = at % step[rows.group]
    starts = rows.offsets[:-1]
    low, high = np.minimum.reduceat(places, starts), np.maximum.reduceat(places, starts)
    out = places[starts].copy()
    mixed = asked & (low != high)
    if mixed.any():
        chosen = mixed[rows.group]
        best, count, _ = commonest(rows.group[chosen], places[chosen], len(starts))
        good = mixed & (count * 5 >= np.diff(rows.offsets))
        out[good] = best[good]
    return out


def _months(rows: _Rows, steps: Steps, asked: Mask) -> Mask:
    """Groups whose rows all have one time of the day, and one day of the month or the last of shorter ones."""
    day = rows.ticks * DAY_S
    fits = asked & (rows.least_gap >= SHORTEST_MONTH * day) & rows.same(rows.clocks)
    if not fits.any():
        return fits
    months = month_of_day(rows.days)
    within = rows.days - day_of_month(months) + 1
    anchor = np.maximum.reduceat(within, rows.offsets[:-1])
    as_anchored = within == np.minimum(anchor[rows.group], month_length(months))
    fits &= rows.share(as_anchored) == 1.0
    gaps = np.diff(months, prepend=months[:1])
    chosen = fits[rows.group] & (rows.gaps > 0)
    size, _, _ = commonest(rows.group[chosen], gaps[chosen], len(anchor))
    size = np.where(fits, size, 1)
    phase = _phase(rows, months, size, fits)
    at = months - phase[rows.group]
    on = rows.share(at % size[rows.group] == 0)
    fits &= on >= ON_GRID
    _put(rows, steps, fits, MONTHS, size, phase, at // size[rows.group])
    steps.day[fits], steps.clock[fits] = anchor[fits], rows.first(rows.clocks)[fits]
    return fits


def _put(rows: _Rows, steps: Steps, groups: Mask, unit: int, size: Ints, phase: Ints, numbers: Ints) -> None:
    """`numbers`: of each row, in steps from the phase."""
    first = rows.first(numbers)
    steps.unit[groups], steps.size[groups] = unit, size[groups]
    steps.phase[groups], steps.origin[groups] = phase[groups], first[groups]
    chosen = groups[rows.group]
    steps.cells[chosen] = (numbers - first[rows.group])[chosen]


@dataclass(frozen=True, slots=True)
class _Fit:
    """How rows stand on grids of one step a group: the row's number of steps from the phase, and how far it is from there."""

    size: Ints
    by_day: Mask
    phase: Ints
    numbers: Ints
    off: Ints

    @staticmethod
    def of(rows: _Rows, size: Ints, asked: Mask) -> _Fit:
        by_day = asked & (size % (rows.ticks * DAY_S) == 0)
        at = np.where(by_day[rows.group], rows.walls, rows.times)
        phase = _phase(rows, at, size, asked)
        of_row, since = size[rows.group], at - phase[rows.group]
        numbers = (since + of_row // 2) // of_row
        return _Fit(size, by_day, phase, numbers, np.abs(since - numbers * of_row))

    def mean_off(self, rows: _Rows) -> NDArray[np.float64]:
        """In steps."""
        total = np.add.reduceat(self.off.astype(np.float64), rows.offsets[:-1])
        return np.asarray(total / np.diff(rows.offsets) / self.size)


def _fixed(rows: _Rows, steps: Steps, asked: Mask) -> None:
    """Groups whose step is a length of time: the commonest gap, or the step that people live by next to it where rows stand
    closer to that."""
    chosen = asked[rows.group] & (rows.gaps > 0)
    size, _, second = commonest(rows.group[chosen], rows.gaps[chosen], len(asked))
    size = np.where(asked, size, 1)
    fit = _Fit.of(rows, size, asked)
    known = ROUND * rows.ticks
    near = known[np.argmin(np.abs(np.log(known[None, :] / size[:, None])), axis=1)]
    rounder = asked & (near != size) & (np.abs(near - size) * NEAR <= size) & (fit.mean_off(rows) > 0)
    if rounder.any():
        other = _Fit.of(rows, np.where(rounder, near, size), asked)
        size = np.where(rounder & (other.mean_off(rows) < fit.mean_off(rows)), near, size)
        fit = _Fit.of(rows, size, asked)
    nearness = np.where(near == size, NEAR, NEARER)[rows.group]
    good = asked & (rows.share(fit.off * nearness <= size[rows.group]) >= ON_GRID)
    for group in np.flatnonzero(asked & ~good).tolist():
        steps.why[group] = _candidates(rows, int(size[group]), int(second[group]))
    _put(rows, steps, good & ~fit.by_day, TICKS, size, fit.phase, fit.numbers)
    _put(rows, steps, good & fit.by_day, DAYS, size, fit.phase, fit.numbers)
    _workdays(rows, steps, good & fit.by_day & (size == rows.ticks * DAY_S), fit.phase, fit.numbers)


def _candidates(rows: _Rows, size: int, second: int) -> str:
    told = [ast.Duration(ns=s * (NS // rows.ticks)).text() for s in (size, second) if s > 0]
    return f"{SCATTERED}: the step is {' or '.join(told)} (every= tells it)"


def _workdays(rows: _Rows, steps: Steps, asked: Mask, phase: Ints, days: Ints) -> None:
    """Days of which no row is a Saturday or a Sunday, two weeks of them at least, are numbered without weekends."""
    weekday = (days - WEEK_ORIGIN) % 7
    fits = asked & (rows.gap_count + 1 >= LEAST_WORKDAYS) & (rows.share(weekday >= 5) == 0)
    if not fits.any():
        return
    _put(rows, steps, fits, WORKDAYS, np.ones(len(fits), np.int64), np.zeros(len(fits), np.int64), workday_of_day(days))
    steps.clock[fits] = phase[fits]


def _given(rows: _Rows, steps: Steps, every: ast.Duration) -> None:
    """A step that was asked for. Rows that all stand at one place of their step keep it, else steps begin where calendars do."""
    k = len(rows.offsets) - 1
    groups = np.ones(k, np.bool_)
    one = np.ones(k, np.int64)
    if every.months:
        months = month_of_day(rows.days)
        size = one * every.months
        places = months % every.months
        phase = np.where(rows.same(places), rows.first(places), 0)
        _put(rows, steps, groups, MONTHS, size, phase, (months - phase[rows.group]) // every.months)
        within = rows.days - day_of_month(months) + 1
        anchor = np.maximum.reduceat(within, rows.offsets[:-1])
        as_anchored = rows.share(within == np.minimum(anchor[rows.group], month_length(months))) == 1.0
        steps.day[:] = np.where(as_anchored, anchor, 1)
        steps.clock[:] = np.where(as_anchored & rows.same(rows.clocks), rows.first(rows.clocks), 0)
        return
    step = every.ns * rows.ticks // NS
    day = rows.ticks * DAY_S
    by_day = step % day == 0
    at = rows.walls if by_day else rows.times
    places = at % step
    start = WEEK_ORIGIN * day if by_day and step % (7 * day) == 0 else 0
    phase = np.where(rows.same(places), rows.first(places), start)
    _put(rows, steps, groups, DAYS if by_day else TICKS, one * step, phase, (at - phase[rows.group]) // step)


def count_within(steps: Steps, groups: Ints, last: Ints, length: ast.Duration, most: int) -> Ints:
    """How many steps behind cell `last` end within a length of time, of each group; at most `most`."""
    out = np.zeros(len(groups), np.int64)
    size = steps.size[groups]
    exact = steps.unit[groups] == (MONTHS if length.months else TICKS)
    if not length.months:
        exact |= steps.unit[groups] == DAYS
    whole = length.months or length.ns * steps.ticks // NS
    out[exact] = whole // size[exact]
    rest = ~exact & (steps.unit[groups] != ROWS) & (steps.unit[groups] != NONE)
    if rest.any():
        out[rest] = _counted(steps, groups[rest], last[rest], length, most)
    return np.minimum(out, most)


def _counted(steps: Steps, groups: Ints, last: Ints, length: ast.Duration, most: int) -> Ints:
    """By the times themselves: doubled until they pass the end, then halved."""
    start = steps.times(groups, last)
    if length.months:
        walls = to_local(start, steps.zone, steps.ticks)
        day = steps.ticks * DAY_S
        days = walls // day
        months = month_of_day(days)
        within = np.minimum(days - day_of_month(months), month_length(months + length.months) - 1)
        end = to_utc((day_of_month(months + length.months) + within) * day + walls % day, steps.zone, steps.ticks)[0]
    else:
        end = start + length.ns * steps.ticks // NS
    low, high = np.zeros(len(groups), np.int64), np.full(len(groups), most + 1, np.int64)
    while (high - low > 1).any():
        middle = (low + high) // 2
        fits = steps.times(groups, last + middle) <= end
        low, high = np.where(fits, middle, low), np.where(fits, high, middle)
    return low


def natural(steps: Steps, group: int) -> tuple[int, ...]:
    """Periods that people live by, in steps of this group's grid."""
    unit, size = int(steps.unit[group]), int(steps.size[group])
    if unit == MONTHS:
        return NATURAL_MONTHS.get(size, ())
    if unit == WORKDAYS:
        return (5,)
    if unit not in (TICKS, DAYS):
        return ()
    seconds, odd = divmod(size, steps.ticks)
    return () if odd else NATURAL.get(seconds, ())


__all__ = [
    "DAYS",
    "MONTHS",
    "NONE",
    "ROWS",
    "TICKS",
    "WORKDAYS",
    "Steps",
    "by_rows",
    "by_time",
    "count_within",
    "natural",
]
