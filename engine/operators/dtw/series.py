"""Series as they are gathered: points one behind another, and what is done about those that are null."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ....planner.records import dataclass
from ...arrow import is_valid, numbers_of

F64 = NDArray[np.float64]
I64 = NDArray[np.int64]
Mask = NDArray[np.bool_]

FINE, EMPTY, NULL, ODD = range(
    4
)  # what a series is: to be measured, without points, with a null, with NaN or an infinity
WHY = {
    EMPTY: ("drop", "no points", ""),
    NULL: ("reject", "null in the series", "nulls=drop leaves such points out, nulls=linear fills them"),
    ODD: ("reject", "not finite", "a series with NaN or an infinity has no distance"),
}


@dataclass(frozen=True, slots=True)
class Series:
    """Series i has the points offsets[i] .. offsets[i + 1] of `values`; `state`: FINE, EMPTY, NULL or ODD. `valid`: points that
    are not null, where series may hold others."""

    values: F64
    offsets: I64
    state: NDArray[np.uint8]
    valid: Mask | None = None

    @property
    def lengths(self) -> I64:
        return np.diff(self.offsets)


def doubles(array: pa.Array[Any]) -> tuple[F64, Mask]:
    """A column of numbers as doubles, and where it is not null."""
    if pa.types.is_null(array.type):
        return np.zeros(len(array)), np.zeros(len(array), np.bool_)
    return numbers_of(array).astype(np.float64), is_valid(array)


def series_of(values: F64, valid: Mask, sizes: I64, nulls: str) -> Series:
    """`nulls`: null (such a series has no distance), drop (the points are left out), linear (a line between neighbours), or
    keep (they are not `valid`, and the series is fine)."""
    offsets = np.concatenate([[0], np.cumsum(sizes)])
    if nulls == "drop" and not valid.all():
        offsets = np.concatenate([[0], np.cumsum(valid)])[offsets]
        values, valid = values[valid], np.ones(int(valid.sum()), np.bool_)
    elif nulls == "linear" and not valid.all():
        values, valid = _filled(values, valid, offsets)
    state = np.zeros(len(sizes), np.uint8)
    if nulls == "keep":
        return Series(values, offsets, state, valid)
    for of, what in ((valid & ~np.isfinite(values), ODD), (~valid, NULL)):
        if of.any():
            state[_some(of, offsets)] = what
    state[offsets[1:] == offsets[:-1]] = EMPTY
    return Series(values, offsets, state)


def _some(of: Mask, offsets: I64) -> Mask:
    """Which series have any such point."""
    before = np.concatenate([[0], np.cumsum(of)])
    return before[offsets[1:]] > before[offsets[:-1]]


def _filled(values: F64, valid: Mask, offsets: I64) -> tuple[F64, Mask]:
    """Nulls between two points of their series get the point on the line between these; at the ends they stay."""
    at = np.arange(len(values))
    first = np.repeat(offsets[:-1], np.diff(offsets))
    end = np.repeat(offsets[1:], np.diff(offsets))
    before = np.maximum.accumulate(np.where(valid, at, -1))
    behind = np.minimum.accumulate(np.where(valid, at, len(at))[::-1])[::-1]
    rows = np.flatnonzero(~valid & (before >= first) & (behind < end))
    a, b = before[rows], behind[rows]
    out, known = values.copy(), valid.copy()
    part = (rows - a) / (b - a)
    out[rows] = values[a] * (1.0 - part) + values[b] * part
    known[rows] = True
    return out, known
