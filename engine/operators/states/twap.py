"""Mean of a value over time: each holds until the next one."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ...arrow import array_from, numbers_of
from .base import Bucketed, Finished, Rows
from .observed import Observed
from .sums import SumDouble

I64 = NDArray[np.int64]
F64 = NDArray[np.float64]


class Twap(Observed, Bucketed):
    """sum(E * dt) / sum(dt), dt the time to the next value of the group; of the last one to the end of its bucket, if there is one.

    Null where no time passes.
    """

    by_time = True

    def key(self) -> Hashable:
        return (Twap, self.types)

    def finish(self, n: int, out: str, compiled: bool) -> Finished:
        found = self.in_order(n)
        assert found.times is not None
        bounds = self.bounds
        held = lasting(found.times, found.starts, bounds.ends if bounds is not None else None)
        sums = SumDouble()
        sums.resize(n)
        parts = array_from(products(found.values, held))
        sums.update(Rows(found.groups, [parts], None, compiled, np.zeros(1, np.uint8)))
        total = numbers_of(sums.finish(n, "sum", compiled).values)[:n]
        return Finished(ratio(total, elapsed(found.times, found.starts, bounds.ends if bounds is not None else None)))


def lasting(times: I64, starts: I64, ends: I64 | None) -> F64:
    """How long each value holds, in ticks. `ends`: of each group, beyond its times; None: its last value holds for no time."""
    if not len(times):
        return np.zeros(0)
    some = np.flatnonzero(starts[1:] > starts[:-1])
    last = starts[1:][some] - 1
    after = np.append(times[1:], times[-1:])
    after[last] = times[last] if ends is None else ends[some]
    return _between(times, after)


def elapsed(times: I64, starts: I64, ends: I64 | None) -> F64:
    """From the first value of each group to its end; 0 for a group without values."""
    out = np.zeros(len(starts) - 1)
    some = np.flatnonzero(starts[1:] > starts[:-1])
    first, last = starts[:-1][some], starts[1:][some] - 1
    out[some] = _between(times[first], times[last] if ends is None else ends[some])
    return out


def _between(early: I64, late: I64) -> F64:
    """Distances may be beyond 63 bits."""
    return (late.view(np.uint64) - early.view(np.uint64)).astype(np.float64)


def products(values: F64, held: F64) -> F64:
    """What each value adds. One that holds for no time adds nothing, also if it is infinite or NaN."""
    with np.errstate(over="ignore", invalid="ignore"):
        return np.where(held > 0, values * held, 0.0)


def ratio(sums: F64, total: F64) -> pa.Array[Any]:
    """Null where no time passed."""
    none = ~(total > 0)
    return array_from(np.where(none, 0.0, sums / np.where(none, 1.0, total)), none)
