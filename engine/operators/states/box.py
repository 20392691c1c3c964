"""What `boxplot` and `histogram` take from all values of a group: quartiles, fences, what lies beyond; the values themselves."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ...arrow import array_from, is_valid, numbers_of
from ..keyform import from_words
from .base import Finished
from .distinct import lists
from .percentile import Percentile

REACH = 1.5  # of the interquartile range, from the quartiles to the fences


class Box(Percentile):
    """`out`: lower, upper, outliers and a method, or a percent and a method as of Percentile."""

    def finish(self, n: int, out: str, compiled: bool) -> Finished:
        what, method = out.split()
        self.asked = tuple(f"{percent} {method}" for percent in (25.0, 50.0, 75.0))
        if what not in ("lower", "upper", "outliers"):
            return super().finish(n, out, compiled)
        lower, upper, nulls = self._fences(n, method, compiled)
        if what == "outliers":
            return Finished(array_from(self._beyond(n, lower, upper, compiled)))
        fence = lower if what == "lower" else upper
        kind = pa.float64() if self.type.kind in ("long", "double") else self.type.arrow
        return Finished(array_from(np.where(nulls, fence.dtype.type(0), fence), nulls, kind))

    def _fences(self, n: int, method: str, compiled: bool) -> tuple[NDArray[Any], NDArray[Any], NDArray[np.bool_]]:
        first, third = (super(Box, self).finish(n, f"{p} {method}", compiled).values for p in (25.0, 75.0))
        a, b = numbers_of(first), numbers_of(third)
        if self.type.kind == "long":
            a, b = a.astype(np.float64), b.astype(np.float64)
        with np.errstate(invalid="ignore", over="ignore"):
            if self.type.kind in ("long", "double"):
                reach = REACH * (b - a)
            else:
                reach = np.rint(REACH * (b - a)).astype(np.int64)
            return a - reach, b + reach, ~is_valid(first)

    def _beyond(self, n: int, lower: NDArray[Any], upper: NDArray[Any], compiled: bool) -> NDArray[np.int64]:
        words, bounds = self._selected(n, compiled)
        sizes = np.diff(bounds)
        groups = np.repeat(np.arange(n), sizes)
        values = numbers_of(from_words(self.type, words[bounds[0] : bounds[-1]], None))
        with np.errstate(invalid="ignore"):
            out = (values < lower[groups]) | (values > upper[groups])
        return np.bincount(groups[out], minlength=n).astype(np.int64)


class Values(Percentile):
    """`out` is not looked at: all values of each group, ascending."""

    def finish(self, n: int, out: str, compiled: bool) -> Finished:
        words, bounds = self.grouped()
        bounds = np.concatenate([bounds, np.full(n + 1 - len(bounds), bounds[-1])])
        sizes = np.diff(bounds)
        ordered = words.copy()
        for g in np.flatnonzero(sizes > 1).tolist():
            ordered[bounds[g] : bounds[g + 1]].sort()
        return Finished(lists(from_words(self.type, ordered, None), sizes, np.zeros(n, np.bool_)))
