"""Exponentially weighted means: the recursion, and its last value as an aggregate.

m = w * m + (1 - w) * x from the first value on, with w = 1 - alpha, or w = exp(-dt / tau) where dt is the time since the value
before (for unevenly spaced series: Eckner, "Algorithms for unevenly spaced time series", 2012, the "next point" form). Adjusted
it is the mean with weights w ** age, as pandas' `ewm(adjust=True)`.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence

import numpy as np
from numpy.typing import NDArray

from ....planner.records import dataclass
from ....planner.types import Type
from ...arrow import array_from
from .base import Finished
from .observed import Observed

I64 = NDArray[np.int64]
F64 = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Decay:
    """How fast values fade: by each value (`alpha`), or with time (`tau_us`, microseconds)."""

    alpha: float = 0.0
    tau_us: float | None = None
    adjust: bool = False

    @property
    def by_time(self) -> bool:
        return self.tau_us is not None

    def keeps(self, n: int, times: I64 | None, ns: bool) -> F64:
        """What is left of earlier weights at each of n values, or one number for all. `times`: ascending within a group."""
        if self.tau_us is None:
            return np.full(1, 1.0 - self.alpha)
        assert times is not None
        out = np.ones(n)
        gap = times.view(np.uint64)[1:] - times.view(np.uint64)[:-1]  # distances may be beyond 63 bits
        tau = self.tau_us * (1000.0 if ns else 1.0)
        with np.errstate(over="ignore", under="ignore"):
            out[1:] = np.exp(-(gap.astype(np.float64) / tau))
        return out


def running(
    values: F64, starts: I64, decay: Decay, times: I64 | None, ns: bool, compiled: bool, stop: NDArray[np.uint8]
) -> F64:
    """The mean at each value of each group `starts[k] .. starts[k + 1]`."""
    keeps, out = decay.keeps(len(values), times, ns), np.empty(len(values))
    if compiled:
        from ...kernels import smooth

        smooth.run(np.ascontiguousarray(values), keeps, starts, int(decay.adjust), out, stop)
        return out
    keeps = np.broadcast_to(keeps, len(values)) if len(keeps) == 1 else keeps
    for low, high in zip(starts[:-1].tolist(), starts[1:].tolist(), strict=True):
        if stop[0]:
            break
        out[low:high] = smoothed(values[low:high].tolist(), keeps[low:high].tolist(), decay.adjust)
    return out


def smoothed(values: list[float], keeps: list[float], adjust: bool) -> list[float]:
    """One group. A recursion: no vector operations give its bits, so this serves where kernels are not loaded."""
    out: list[float] = []
    mean = weight = 0.0
    for i, (x, keep) in enumerate(zip(values, keeps, strict=True)):
        if i == 0:
            mean, weight = x, 1.0
        elif mean != mean or x != x:
            mean = math.nan
        elif adjust:
            weight = keep * weight + 1.0
            rise, share = x - mean, 1.0 / weight
            if weight == 1.0:
                mean = x
            elif math.isfinite(rise):
                mean += rise / weight
            else:
                mean = mean * (1.0 - share) + x * share
        elif keep == 0.0:
            mean = x
        elif keep < 1.0:
            mean = keep * mean + (1.0 - keep) * x
        out.append(mean)
    return out


class Ema(Observed):
    """The mean behind the last value of each group: in input order, or with `decay.by_time` in order of time."""

    needs_values = True  # looks at no frame, but `min=` counts the values so far

    def __init__(self, types: Sequence[Type], decay: Decay) -> None:
        super().__init__(types)
        self.decay, self.by_time, self.frameless = decay, decay.by_time, True

    def key(self) -> Hashable:
        return (Ema, self.types, self.decay)

    def finish(self, n: int, out: str, compiled: bool) -> Finished:
        found = self.in_order(n)
        means = running(
            found.values, found.starts, self.decay, found.times, found.ns, compiled, np.zeros(1, np.uint8)
        )  # fmt: skip
        sizes = np.diff(found.starts)
        some = sizes > 0
        made = np.zeros(n)
        made[some] = means[found.starts[1:][some] - 1]
        return Finished(array_from(made, ~some))
