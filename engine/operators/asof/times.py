"""What orders the rows of either side (dates, lengths of time, numbers) as whole numbers of one scale."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ....planner.combine import Asof
from ....planner.records import dataclass
from ....planner.types import NULL, Type
from ...arithmetic import multiply
from ...arrow import array_from, is_valid, numbers_of

I64 = NDArray[np.int64]
Mask = NDArray[np.bool_]
US_NS = 1000
TOP = np.int64((1 << 63) - 1)


@dataclass(frozen=True, slots=True)
class Times:
    """Of a batch: `key` orders the rows; `valid` (None: all) where there is a time; `beyond`: where it does not fit."""

    key: I64
    valid: Mask | None
    beyond: Mask | None = None


@dataclass(frozen=True, slots=True)
class Clock:
    """`is_double`: keys are those of doubles; `ns`: of nanoseconds, where one side has them."""

    is_double: bool = False
    ns: bool = False

    def times(self, array: pa.Array[Any]) -> Times:
        """Microseconds beside nanoseconds become such; those beyond their 64 bits are told."""
        kind = array.type
        if pa.types.is_null(kind):
            return Times(np.zeros(len(array), np.int64), np.zeros(len(array), np.bool_))
        values = numbers_of(array)
        valid = is_valid(array) if array.null_count else None
        if self.is_double:
            return _of_doubles(values.astype(np.float64, copy=False), valid)
        if self.ns and not is_ns(kind):
            return _of_micros(values, valid)
        return Times(values, valid)

    def whole(self, array: pa.Array[Any]) -> pa.Array[Any]:
        """The keys of times that are all there, as whole numbers; without a copy where they are such already."""
        if self.is_double or (self.ns and not is_ns(array.type)) or pa.types.is_null(array.type):
            return array_from(self.times(array).key)
        return array.view(pa.int64())

    def distance(self, a: I64, b: I64) -> NDArray[Any]:
        """|a - b| of two keys: unsigned, since it may need 64 bits; of doubles a double, 0 for equal infinities."""
        if self.is_double:
            x, y = doubles(a), doubles(b)
            with np.errstate(invalid="ignore", over="ignore"):
                return np.where(x == y, 0.0, np.abs(x - y))
        u, v = a.view(np.uint64), b.view(np.uint64)
        return np.where(a >= b, u - v, v - u)


def is_ns(kind: pa.DataType) -> bool:
    return bool(pa.types.is_timestamp(kind) and kind.unit == "ns")


def clock_of(node: Asof) -> Clock:
    mine = node.left.schema.type(node.on) or NULL
    theirs = node.right.schema.type(node.righton) or NULL
    return clock_for(mine, theirs)


def clock_for(mine: Type, theirs: Type) -> Clock:
    dates = [t for t in (mine, theirs) if t.kind == "date"]
    return Clock("double" in (mine.kind, theirs.kind), any(t.unit == "ns" for t in dates))


def _of_doubles(values: NDArray[np.float64], valid: Mask | None) -> Times:
    nan = np.isnan(values)
    if nan.any():
        valid = ~nan if valid is None else valid & ~nan
    bits = (values + 0.0).view(np.int64)  # -0.0 is 0.0
    return Times(np.where(bits < 0, bits ^ TOP, bits), valid)


def doubles(key: I64) -> NDArray[np.float64]:
    """The doubles of which these are the keys."""
    return np.where(key < 0, key ^ TOP, key).view(np.float64)


def _of_micros(values: I64, valid: Mask | None) -> Times:
    if valid is not None:
        values = np.where(valid, values, 0)
    out, beyond = multiply(values, np.array([US_NS]))
    if not beyond.any():
        return Times(out, valid)
    return Times(out, ~beyond if valid is None else valid & ~beyond, beyond)


def is_ordered(key: I64, compiled: bool = False) -> bool:
    """Whether it never falls."""
    if compiled:
        from ...kernels import nearest

        return bool(nearest.never_falls(key))
    return len(key) < 2 or bool((key[1:] >= key[:-1]).all())


def gap_of(clock: Clock, mine: Type, theirs: Type, a: I64, b: I64) -> tuple[NDArray[Any], Mask, Mask | None]:
    """Left minus right, as the language subtracts them, where that is beyond 64 bits, and where it is no whole microsecond (None: nowhere)."""
    with np.errstate(over="ignore", invalid="ignore"):
        if clock.is_double:
            x, y = doubles(a), doubles(b)
            return np.where(x == y, 0.0, x - y), np.zeros(len(a), np.bool_), None
        below: Mask | None = None
        is_mixed = clock.ns and (mine.unit != "ns" or theirs.unit != "ns")
        if is_mixed:
            (a, below_a), (b, below_b) = np.divmod(a, US_NS), np.divmod(b, US_NS)
            below = (below_a | below_b) != 0
        out = a - b
        beyond: Mask = ((a ^ b) & (a ^ out)) < 0
        if is_mixed or not clock.ns:
            return out, beyond, below
        whole, below = np.divmod(out, US_NS)
        return whole, beyond, below != 0
