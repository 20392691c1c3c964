"""Gaps in columns: which row's value holds at each row, and how a gap is filled from its two ends."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ...planner.records import dataclass
from ...planner.types import Type
from ..arrow import array_from, bools_of, call, concat, is_valid, nulls, numbers_of, own
from ..batch import Column, Spans
from .keyform import Words, normal

Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]
NOBODY = -1
DATED = frozenset({"date", "duration"})
NUMBERS = frozenset({pa.Int64Array, pa.DoubleArray, pa.TimestampArray, pa.DurationArray})


@dataclass(frozen=True, slots=True, kw_only=True)
class Fill:
    """How gaps are filled. A gap of more than `most_rows`, or longer than `most_ticks`, stays as it is, as a whole.

    The rows of a group are taken in input order, with `by_time` in order of time.
    """

    method: str  # value, prev, next, linear
    most_rows: int | None = None
    most_ticks: int | None = None  # of the time field

    @property
    def by_time(self) -> bool:
        return self.method == "linear"

    @property
    def needs_time(self) -> bool:
        return self.by_time or self.most_ticks is not None

    @property
    def is_limited(self) -> bool:
        return self.most_rows is not None or self.most_ticks is not None

    @property
    def looks_back(self) -> bool:
        return self.method in ("prev", "linear") or self.is_limited

    @property
    def looks_ahead(self) -> bool:
        return self.method in ("next", "linear") or self.is_limited


def holders(valid: Mask, begins: Mask) -> Ints:
    """For each row the last one at or before it, in its group, that is valid; NOBODY if there is none.

    `begins`: where a group begins. Rows before the first beginning go on with a group whose last valid row is not here: for
    these, where none is valid yet, the number is that of the row behind the last.
    """
    n = len(valid)
    at = np.arange(n, dtype=np.int64)
    last = np.maximum.accumulate(np.where(valid, at, NOBODY))
    first = np.maximum.accumulate(np.where(begins, at, NOBODY))
    out = np.where(last < first, NOBODY, last)
    out[(first == NOBODY) & (last == NOBODY)] = n
    return out


def first_of_group(begins: Mask) -> Ints:
    """For each row the first of its group; the number of rows where that is not here."""
    n = len(begins)
    first = np.maximum.accumulate(np.where(begins, np.arange(n, dtype=np.int64), NOBODY))
    return np.where(first == NOBODY, n, first)


def changes(columns: Sequence[Column], types: Sequence[Type], n: int) -> Mask:
    """Where rows differ from the one before in any column; the first row does. Values are equal as keys are."""
    out = np.zeros(n, np.bool_)
    out[:1] = True
    for column, kind in zip(columns, types, strict=True):
        form = normal(kind, column)
        if isinstance(form, Words):
            nulls = form.nulls if form.nulls is not None else np.zeros(n, np.bool_)
            out[1:] |= (form.values[1:] != form.values[:-1]) | (nulls[1:] != nulls[:-1])
            continue
        plain: Any = form.to_arrow() if isinstance(form, Spans) else form
        if isinstance(plain, pa.DictionaryArray):
            plain = plain.dictionary.take(plain.indices)
        valid = is_valid(plain)
        differ = bools_of(call("not_equal", plain.slice(1), plain.slice(0, max(n - 1, 0))))
        out[1:] |= differ | (valid[1:] != valid[:-1])
    return out


@dataclass(frozen=True, slots=True)
class Ends:
    """What bounds each row's gap on one side: a value (null: there is none), its row's number and time.

    `is_open`: the gap reaches the end of its group; number and time are those of the group's last row on that side.
    """

    values: pa.Array[Any]
    numbers: Ints
    times: Ints
    timed: Mask
    is_open: Mask

    def reversed(self) -> Ends:
        back = array_from(np.arange(len(self.numbers) - 1, -1, -1))
        return Ends(self.values.take(back), self.numbers[::-1], self.times[::-1], self.timed[::-1], self.is_open[::-1])


@dataclass(frozen=True, slots=True)
class Clock:
    """Number and time of rows in the order in which gaps are looked at; `timed`: False where the time is null."""

    numbers: Ints
    times: Ints
    timed: Mask

    def reversed(self) -> Clock:
        return Clock(self.numbers[::-1], self.times[::-1], self.timed[::-1])

    def row(self, i: int) -> Clock:
        return Clock(self.numbers[i : i + 1], self.times[i : i + 1], self.timed[i : i + 1])

    def followed_by(self, other: Clock) -> Clock:
        return Clock(
            np.concatenate([self.numbers, other.numbers]),
            np.concatenate([self.times, other.times]),
            np.concatenate([self.timed, other.timed]),
        )


NO_ROW = Clock(np.zeros(1, np.int64), np.zeros(1, np.int64), np.zeros(1, np.bool_))


class Side:
    """Looks at gaps from one side, batch after batch; remembers what goes on from one batch to the next."""

    def __init__(self, n_columns: int) -> None:
        self._values: list[pa.Array[Any] | None] = [None] * n_columns  # the last value of the group, if it had one
        self._at = [NO_ROW] * n_columns  # its row
        self._first = NO_ROW  # the first row of the group

    def ends(self, columns: Sequence[pa.Array[Any]], begins: Mask, clock: Clock) -> list[Ends]:
        """For each column what bounds the gap that each row is in; a row with a value is bounded by itself."""
        firsts = clock.followed_by(self._first)
        group = first_of_group(begins)
        out = [self._column(i, c, begins, clock, firsts, group) for i, c in enumerate(columns)]
        if len(begins):
            self._first = firsts.row(int(group[-1]))
        return out

    def _column(self, i: int, column: pa.Array[Any], begins: Mask, clock: Clock, firsts: Clock, group: Ints) -> Ends:
        n = len(begins)
        held = holders(is_valid(column), begins)
        before = self._values[i]
        known = concat([column, before if before is not None else nulls(1, column.type)])
        rows = clock.followed_by(self._at[i])
        is_open = held == NOBODY
        if before is None:
            is_open |= held == n
        source = np.where(is_open, 0, held)
        values = known.take(array_from(source, is_open))
        ends = Ends(
            values,
            np.where(is_open, firsts.numbers[group], rows.numbers[source]),
            np.where(is_open, firsts.times[group], rows.times[source]),
            np.where(is_open, firsts.timed[group], rows.timed[source]),
            is_open,
        )
        if n:
            last = int(source[-1])
            self._values[i] = None if is_open[-1] else own(known.slice(last, 1))
            self._at[i] = rows.row(last)
        return ends


def filled(
    fill: Fill,
    column: pa.Array[Any],
    constant: Any,
    before: Ends | None,
    after: Ends | None,
    clock: Clock,
    type_: Type,
    out: Type,
) -> pa.Array[Any]:
    """The column, as type `out`, with its gaps filled. `constant`: an Arrow scalar of that type."""
    kept = column if column.type == out.arrow else call("cast", column, out.arrow, safe=False)
    missing = ~is_valid(column)
    if not missing.any():
        return kept
    if fill.is_limited:
        assert before is not None and after is not None
        missing &= short_enough(fill, before, after)
    match fill.method:
        case "prev":
            assert before is not None
            made = before.values
        case "next":
            assert after is not None
            made = after.values
        case "linear":
            assert before is not None and after is not None
            made = between(before, after, clock.times, type_)
        case _:
            made = constant
    return call("if_else", array_from(missing), made, kept)


def short_enough(fill: Fill, before: Ends, after: Ends) -> Mask:
    """Rows whose gap may be filled."""
    ok = np.ones(len(before.numbers), np.bool_)
    if fill.most_rows is not None:
        ok &= np.abs(after.numbers - before.numbers) - 1 + before.is_open + after.is_open <= fill.most_rows
    if fill.most_ticks is not None:
        with np.errstate(over="ignore"):
            span = np.abs(after.times - before.times)
        ok &= before.timed & after.timed & (span >= 0) & (span <= fill.most_ticks)
    return ok


def between(before: Ends, after: Ends, times: Ints, type_: Type) -> pa.Array[Any]:
    """Points on the line between the values before and after, null where one is missing; whole numbers give doubles."""
    missing = ~(is_valid(before.values) & is_valid(after.values))
    made = line(
        numbers_of(before.values),
        numbers_of(after.values),
        before.times,
        after.times,
        times,
        missing,
        dated=type_.kind in DATED,
    )
    return array_from(made, missing, type_.arrow if type_.kind in DATED else None)


def line(
    low: NDArray[Any], high: NDArray[Any], low_at: Ints, high_at: Ints, at: Ints, missing: Mask, *, dated: bool
) -> NDArray[Any]:
    """The value at each time between two others; `dated`: to the nearest whole one. What is missing is of no matter."""
    width = (high_at - low_at).astype(np.float64)
    with np.errstate(all="ignore"):
        share = np.where(width > 0, (at - low_at) / width, 0.0)
        a, b = low.astype(np.float64), high.astype(np.float64)
        if dated:
            whole: NDArray[Any] = low + np.where(missing, 0.0, np.rint((b - a) * share)).astype(np.int64)
            return whole
        rise = b - a
        made = np.where(np.isfinite(rise), a + rise * share, a * (1 - share) + b * share)
        points: NDArray[Any] = np.where(a == b, a, made)
        return points


def patched(
    column: pa.Array[Any], rows: NDArray[np.int64], known: pa.Array[Any], source: NDArray[np.int64]
) -> pa.Array[Any]:
    """The column with other values in `rows`: those of `known` at `source`."""
    if not len(rows):
        return column
    if type(column) in NUMBERS:
        values, valid = numbers_of(column).copy(), is_valid(column).copy()
        values[rows], valid[rows] = numbers_of(known)[source], is_valid(known)[source]
        return array_from(values, ~valid, column.type)
    wanted = np.arange(len(column), dtype=np.int64)
    wanted[rows] = len(column) + source
    return concat([column, known]).take(array_from(wanted))
