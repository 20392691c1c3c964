"""Sums scaled to the length of their bucket."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from ....planner.types import Type
from ...arrow import array_from, is_valid
from .base import Bucketed, Finished, Groups, Rows
from .sums import SumLong, sum_state


class Rate(Bucketed):
    """A sum, by the true length of the bucket, which must be known before `finish`."""

    def __init__(self, type_: Type, seconds: int) -> None:
        self.type, self.seconds = type_, seconds
        self.sum: Any = sum_state(type_)

    def key(self) -> Hashable:
        return (Rate, self.type, self.seconds)

    def resize(self, n: int) -> None:
        self.sum.resize(n)

    def update(self, rows: Rows) -> None:
        self.sum.update(rows)

    def merge(self, other: Rate, members: Groups, groups: Groups, compiled: bool) -> None:
        self.sum.merge(other.sum, members, groups, compiled)

    def finish(self, n: int, out: str, compiled: bool) -> Finished:
        if self.bounds is None:
            raise ValueError("a rate needs the bounds of its buckets")
        lengths = (self.bounds.ends - self.bounds.starts) / self.bounds.ticks
        if isinstance(self.sum, SumLong):
            total, nulls = self.sum.totals(n)
        else:
            done = self.sum.finish(n, "sum", compiled).values
            total, nulls = np.asarray(done.fill_null(0.0)), ~is_valid(done)
        rate = total * self.seconds / lengths[:n]
        return Finished(array_from(np.where(nulls, 0.0, rate), nulls))

    def export(self, members: Groups) -> list[pa.Array[Any]]:
        return self.sum.export(members)  # type: ignore[no-any-return]

    def load(self, arrays: Sequence[pa.Array[Any]]) -> None:
        self.sum.load(arrays)

    def nbytes(self) -> int:
        return self.sum.nbytes()  # type: ignore[no-any-return]
