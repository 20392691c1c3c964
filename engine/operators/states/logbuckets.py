"""Percentiles from counts by bucket: each bucket holds the values that agree in sign, exponent and seven more bits.

Buckets are at most 1/128 of their values wide, so the middle is within 0.4 % of each of them. Which bucket a value falls
into is a matter of its bits alone, and counts add up: the outcome is the same for any order and any split.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ....planner.types import LONG, Type
from ...arrow import array_from, is_valid, numbers_of
from .base import Finished, Groups, Rows, State
from .distinct import Distinct

BITS = 7
STEP = np.int64(1 << BITS)
LEAST = np.int64(-1074) * STEP  # the code of the least double that is not zero, less the code of 2 ** 0
BEYOND = np.int64(1 << 20)  # codes of infinity and NaN: above all others
CODE_1 = 1 - LEAST  # the code of 1.0; a code of 0 is the value 0, negative values have negative codes


class LogBuckets(State):
    """`out`: the percent. Interpolated between the values at the places below and above, as the exact percentile is."""

    grows = True

    def __init__(self, type_: Type) -> None:
        self.type = type_
        self.codes = Distinct(LONG, counted=True)

    def key(self) -> Hashable:
        return (LogBuckets, self.type)

    def resize(self, n: int) -> None:
        self.codes.resize(n)

    def nbytes(self) -> int:
        return self.codes.nbytes()

    def update(self, rows: Rows) -> None:
        column = rows.args[0]
        nulls = ~is_valid(column) if column.null_count else None
        codes = array_from(codes_of(numbers_of(column)), nulls)
        self.codes.update(Rows(rows.groups, [codes], None, rows.compiled, rows.stop))

    def seal(self) -> None:
        self.codes.seal()

    def merge(self, other: LogBuckets, members: Groups, groups: Groups, compiled: bool) -> None:
        self.codes.merge(other.codes, members, groups, compiled)

    def finish(self, n: int, out: str, compiled: bool) -> Finished:
        groups, codes, times = self.codes.ranked(n)
        total = np.zeros(n, np.int64)
        np.add.at(total, groups, times)
        if not len(groups):
            return Finished(array_from(np.zeros(n), np.ones(n, np.bool_), self._kind()))
        place = np.maximum(total - 1, 0) * float(out) / 100.0
        # values up to and with each bucket, counted over all groups; each group begins where the one before ends
        ends = np.cumsum(times)
        begins = np.cumsum(total) - total
        low = self._at(codes, ends, begins + np.floor(place).astype(np.int64))
        high = self._at(codes, ends, begins + np.ceil(place).astype(np.int64))
        part = place - np.floor(place)
        with np.errstate(invalid="ignore"):
            value = np.where((low == high) | (part == 0), low, low + (high - low) * part)
        nulls = total == 0
        value = np.where(nulls, 0.0, value)
        if self.type.kind == "duration":
            return Finished(array_from(np.rint(value).astype(np.int64), nulls, self._kind()))
        return Finished(array_from(value, nulls))

    def _at(self, codes: NDArray[np.int64], ends: NDArray[np.int64], places: NDArray[np.int64]) -> NDArray[np.float64]:
        """The middle of the bucket that holds the value at each place."""
        at = np.minimum(np.searchsorted(ends, places, side="right"), len(codes) - 1)
        return middles(codes[at], whole=self.type.kind != "double")

    def _kind(self) -> Any:
        return pa.duration("us") if self.type.kind == "duration" else pa.float64()

    def export(self, members: Groups) -> list[pa.Array[Any]]:
        return self.codes.export(members)

    def load(self, arrays: Sequence[pa.Array[Any]]) -> None:
        self.codes.load(arrays)


def codes_of(values: NDArray[Any]) -> NDArray[np.int64]:
    """Numbers of buckets in order of value; NaN is above all."""
    x = values if values.dtype == np.float64 else values.astype(np.float64)
    mantissa, exponent = np.frexp(np.abs(x))  # mantissa in 1/2 .. 1
    with np.errstate(invalid="ignore"):
        part = ((2.0 * mantissa - 1.0) * float(STEP)).astype(np.int64)
    size = (exponent.astype(np.int64) - 1) * STEP + part + CODE_1
    out: NDArray[np.int64] = np.where(x < 0, -size, size)
    odd = ~np.isfinite(x) | (x == 0)
    if odd.any():
        out[x == 0] = 0
        out[np.isinf(x)] = np.where(x[np.isinf(x)] < 0, -BEYOND, BEYOND)
        out[np.isnan(x)] = BEYOND + 1
    return out


def middles(codes: NDArray[np.int64], whole: bool) -> NDArray[np.float64]:
    """The middle of each bucket; of whole numbers, the middle of those in it."""
    size = np.abs(codes) - CODE_1
    exponent, part = size >> BITS, (size & (STEP - 1)).astype(np.float64)
    inside = np.abs(codes) < BEYOND
    power = np.where(inside, exponent, 0).astype(np.int32)
    low, high = np.ldexp(1.0 + part / float(STEP), power), np.ldexp(1.0 + (part + 1.0) / float(STEP), power)
    if whole:
        low, high = np.ceil(low), np.ceil(high) - 1.0
    out = np.where(high == np.inf, low, low + (high - low) / 2.0)
    out = np.where(inside, out, np.inf)
    out = np.where(codes < 0, -out, out)
    out = np.where(codes == 0, 0.0, out)
    return np.asarray(np.where(codes == BEYOND + 1, np.nan, out))
