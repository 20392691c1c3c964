"""Date columns and scalars as NumPy ticks, for the kernels of date functions and buckets."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from . import kernels
from .arithmetic import multiply
from .arrow import array_from, is_valid, numbers_of
from .zones import NS, US, Ints, Mask


def ticks_of(array: pa.Array[Any]) -> int:
    """Ticks a second of a date column."""
    return NS if array.type.unit == "ns" else US


def instants_of(array: pa.Array[Any]) -> tuple[Ints, Mask]:
    """Instants and which are not null; a null holds some valid instant, so that a batch keeps to the days it is of."""
    values: NDArray[Any] = numbers_of(array)[: len(array)]
    valid = is_valid(array)
    if array.null_count:
        first = int(np.argmax(valid))
        values = np.where(valid, values, values[first] if valid[first] else 0)
    return values, valid


def plain_instants(array: pa.Array[Any]) -> Ints:
    """Instants of a column without nulls."""
    values: Ints = numbers_of(array)[: len(array)]
    return values


def ends_of(instants: Ints, compiled: bool) -> tuple[int, int] | None:
    """The least and the greatest instant; None: there is none."""
    if not len(instants):
        return None
    if not compiled:
        return int(instants.min()), int(instants.max())
    found = np.empty(2, np.int64)
    kernels.buckets.ends(np.ascontiguousarray(instants), found)
    low, high = found.tolist()
    return low, high


def dates_from(values: Ints, null: Mask | None, ticks: int = US) -> pa.Array[Any]:
    """Timestamps in UTC over ticks."""
    return array_from(values, null, NS_TYPE if ticks == NS else US_TYPE)


def to_nanoseconds(array: pa.Array[Any]) -> tuple[pa.Array[Any], Mask]:
    """Dates in nanoseconds, and where that is beyond 64 bits (1677 to 2262), which is null."""
    if array.type == NS_TYPE:
        return array, np.zeros(len(array), np.bool_)
    ticks, beyond = multiply(numbers_of(array), np.array([1000]))
    valid = is_valid(array)
    return dates_from(ticks, ~valid | beyond, NS), beyond & valid


US_TYPE, NS_TYPE = pa.timestamp("us", "UTC"), pa.timestamp("ns", "UTC")
