"""Rows on their grids become series: what stands on one step is put together, gaps are filled or left, ends are cut."""

from __future__ import annotations

from dataclasses import field

import numpy as np
from numpy.typing import NDArray

from ...planner.records import dataclass
from ..zones import Ints, Mask
from .steps import NONE, ROWS, Steps

F64 = NDArray[np.float64]
MEANS_NONE = 0.2  # of the steps without a row, from which their absence means none
MOST_CELLS, FREE_CELLS = 100, 10_000  # steps for each row, and beside these, beyond which times are far apart
FILLS = ("auto", "missing", "zero", "linear", "prev", "none")
DUPS = ("auto", "sum", "mean", "last")


@dataclass(slots=True)
class Series:
    """Of K groups. `values` float64[M], NaN where a step has no value; group k has those of `offsets[k] : offsets[k + 1]`, none
    where `why` tells its reason. `first`, `last` int64[K]: the cells of its first and last value. `n_filled`, `n_missing`
    int64[K]: steps that were filled, and that were left without. `least` float64[K]."""

    values: F64
    offsets: Ints
    first: Ints
    last: Ints
    n_filled: Ints
    n_missing: Ints
    least: F64
    why: dict[int, str] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)  # what was done: rows, steps or series

    def __len__(self) -> int:
        return len(self.first)


def series_of(
    steps: Steps,
    rows: Ints,
    values: F64,
    *,
    is_whole: bool,
    fill: str = "auto",
    dup: str = "auto",
    now: int | None = None,
) -> Series:
    """`rows` int64[K + 1]: where groups begin, none is empty. `values` float64[N], NaN where a row has none. `is_whole`: they are
    whole numbers. `now`: an instant in ticks; the step that it is within is not over."""
    k = len(rows) - 1
    group = np.repeat(np.arange(k), np.diff(rows))
    why = dict(steps.why)
    n_cells = steps.cells[rows[1:] - 1] + 1
    for far in np.flatnonzero(n_cells > MOST_CELLS * np.diff(rows) + FREE_CELLS).tolist():
        why.setdefault(
            far,
            f"{int(n_cells[far]):,} steps for {int(rows[far + 1] - rows[far]):,} rows: is a time far off by mistake?",
        )
    n_cells[list(why)] = 0
    starts = np.append(0, np.cumsum(n_cells))
    counts: dict[str, int] = {}
    known = ~np.isnan(values) & (n_cells[group] > 0)
    index = np.append(0, np.cumsum(n_cells))[group] + steps.cells
    low = _least(values, known, rows)
    grid = _together(index, values, known, group, int(starts[-1]), is_whole & (low >= 0), dup, counts)
    has_row = np.zeros(int(starts[-1]), np.bool_)
    has_row[index[n_cells[group] > 0]] = True
    first, last = _ends(grid, starts)
    if now is not None:
        _cut_partial(steps, grid, starts, first, last, now, counts)
    for empty in np.flatnonzero(last < 0).tolist():
        why.setdefault(empty, "no value")
    return _filled(grid, has_row, starts, first, last, low, fill, why, counts)


def _least(values: F64, known: Mask, rows: Ints) -> F64:
    low: F64 = np.minimum.reduceat(np.where(known, values, np.inf), rows[:-1])
    return low


def _together(
    index: Ints, values: F64, known: Mask, group: Ints, n: int, whole: Mask, dup: str, counts: dict[str, int]
) -> F64:
    """One value a step."""
    at, got = index[known], values[known]
    held = np.bincount(at, minlength=n)
    grid = np.full(n, np.nan)
    grid[at] = got  # of several the last
    several = held > 1
    if dup == "last" or not several.any():
        _count(counts, "rows of one step: the last was taken", len(at) - int(np.count_nonzero(held)))
        return grid
    sums = np.bincount(at, weights=got, minlength=n)
    summed = np.zeros(n, np.bool_)
    summed[at] = np.full(len(at), dup == "sum") if dup != "auto" else whole[group[known]]
    with np.errstate(over="ignore", invalid="ignore"):
        merged = np.where(summed, sums, sums / np.maximum(held, 1))
    grid[several] = merged[several]
    for name, part in (("sum", several & summed), ("mean", several & ~summed)):
        _count(counts, f"rows of one step: their {name} was taken", int(held[part].sum() - np.count_nonzero(part)))
    return grid


def _count(counts: dict[str, int], what: str, n: int) -> None:
    if n:
        counts[what] = counts.get(what, 0) + n


def _ends(grid: F64, starts: Ints) -> tuple[Ints, Ints]:
    """The first and the last cell of each group that has a value; -1: none."""
    first, last = (np.full(len(starts) - 1, -1, np.int64) for _ in range(2))
    at = np.flatnonzero(~np.isnan(grid))
    low, high = np.searchsorted(at, starts[:-1]), np.searchsorted(at, starts[1:])
    has = high > low
    first[has] = at[low[has]] - starts[:-1][has]
    last[has] = at[high[has] - 1] - starts[:-1][has]
    return first, last


def _cut_partial(
    steps: Steps, grid: F64, starts: Ints, first: Ints, last: Ints, now: int, counts: dict[str, int]
) -> None:
    """Leaves out the last step where it is not over, unless it is the only one."""
    asked = np.flatnonzero((last > first) & (steps.unit != ROWS) & (steps.unit != NONE))
    if not len(asked):
        return
    begin, end = steps.times(asked, last[asked]), steps.times(asked, last[asked] + 1)
    cut = asked[(begin <= now) & (now < end)]
    if not len(cut):
        return
    grid[starts[cut] + last[cut]] = np.nan
    last[cut] = _ends(grid, starts)[1][cut]
    _count(counts, "the last step is not over: it was left out", len(cut))


def _filled(
    grid: F64, has_row: Mask, starts: Ints, first: Ints, last: Ints, low: F64, fill: str, why: dict[int, str],
    counts: dict[str, int],
) -> Series:  # fmt: skip
    k = len(first)
    group = np.repeat(np.arange(k), np.diff(starts))
    cell = np.arange(len(grid)) - starts[group]
    within = (cell >= first[group]) & (cell <= last[group]) & (last[group] >= 0)
    gap = within & np.isnan(grid)
    absent = gap & ~has_row
    length = np.where(last >= 0, last - first + 1, 0)
    wanted = np.zeros(len(grid), np.bool_)
    if fill == "auto":
        n_absent = np.bincount(group[absent], minlength=k)
        means_none = (n_absent >= MEANS_NONE * length) & (n_absent > 0) & (low >= 0)
        wanted = absent & means_none[group]
        grid[wanted] = 0.0
    elif fill == "zero":
        wanted = gap
        grid[wanted] = 0.0
    elif fill in ("linear", "prev"):
        wanted = gap
        bridge(grid, gap, fill == "linear")
    elif fill == "none":
        for bad in np.unique(group[gap]).tolist():
            why.setdefault(bad, "steps without a value (fill=none)")
    keep = np.ones(k, np.bool_)
    keep[list(why)] = False
    kept = within & keep[group]
    n_filled = np.bincount(group[wanted & kept], minlength=k)
    n_missing = np.bincount(group[kept & np.isnan(grid)], minlength=k)
    how = {"auto": "0", "zero": "0", "linear": "a line", "prev": "the value before"}.get(fill, "")
    _count(counts, f"steps without a value: filled by {how}", int(n_filled.sum()))
    _count(counts, "steps without a value: passed over", int(n_missing.sum()))
    offsets = np.append(0, np.cumsum(np.where(keep, length, 0)))
    return Series(grid[kept], offsets, first, last, n_filled, n_missing, low, why, counts)


def bridge(grid: F64, gap: Mask, by_line: bool) -> None:
    """Fills gaps between two values of one group, in place."""
    at = np.arange(len(grid))
    before = np.maximum.accumulate(np.where(np.isnan(grid), -1, at))
    behind = len(grid) - 1 - np.maximum.accumulate(np.where(np.isnan(grid[::-1]), -1, at))[::-1]
    where = np.flatnonzero(gap)
    low, high = before[where], behind[where]
    left = grid[low]
    if not by_line:
        grid[where] = left
        return
    share = (where - low) / (high - low)
    grid[where] = left * (1 - share) + grid[high] * share
