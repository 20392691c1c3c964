"""Weighted mean, from exact sums of products."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from ....planner.types import Type
from ...arrow import array_from, is_valid
from .base import Finished, Groups, Rows, State
from .limbs import Limbs
from .moments import UNIT, WIDTH, as_doubles, ratio
from .powers import add_products


class Weighted(State):
    """sum(E * W) / sum(W) over the rows where both have a value, rounded once; null where the weights sum to 0."""

    arity = 2

    def __init__(self, types: Sequence[Type]) -> None:
        self.types = tuple(types)
        self.values, self.weights, self.products = Limbs(4), Limbs(WIDTH), Limbs(WIDTH)

    def key(self) -> Hashable:
        return ("Weighted", self.types)

    @property
    def parts(self) -> list[Limbs]:
        return [self.values, self.weights, self.products]

    def resize(self, n: int) -> None:
        for p in self.parts:
            p.resize(n)

    def nbytes(self) -> int:
        return sum(p.nbytes() for p in self.parts)

    def update(self, rows: Rows) -> None:
        groups = rows.groups
        x, w = (as_doubles(a) for a in rows.args)
        nulls = [~is_valid(a) for a in rows.args if a.null_count]
        if nulls:
            keep = ~np.logical_or.reduce(nulls)
            groups, x, w = groups[keep], x[keep], w[keep]
        # the values' own sum tells whether any was infinite or NaN
        self.values.add(groups, array_from(x), rows.compiled)
        self.weights.add(groups, array_from(w), rows.compiled)
        finite = np.isfinite(x) & np.isfinite(w)
        if not finite.all():
            groups, x, w = groups[finite], x[finite], w[finite]
        add_products(self.products, groups, x, w, rows.compiled)

    def merge(self, other: Weighted, members: Groups, groups: Groups, compiled: bool) -> None:
        for mine, theirs in zip(self.parts, other.parts, strict=True):
            mine.merge(theirs, members, groups, compiled)

    def finish(self, n: int, out: str, compiled: bool) -> Finished:
        odd = np.zeros(n, np.bool_)
        for part in (self.values, self.weights):
            odd |= np.logical_or.reduce(part.specials(n))
        value = np.where(odd, np.nan, 0.0)
        nulls = ~odd
        live = np.flatnonzero(~odd & (self.values.count(n) > 0))
        if len(live):
            terms = zip(live.tolist(), self.products.integers(live), self.weights.integers(live), strict=True)
            for g, over, under in terms:
                if under:
                    value[g], nulls[g] = ratio(over, under << (UNIT // 2)), False
        if self.types[0].kind == "duration":
            nulls |= ~np.isfinite(value)
            return Finished(array_from(np.rint(np.where(nulls, 0.0, value)).astype(np.int64), nulls, pa.duration("us")))
        return Finished(array_from(value, nulls))

    def export(self, members: Groups) -> list[pa.Array[Any]]:
        return [c for p in self.parts for c in p.export(members)]

    def load(self, arrays: Sequence[pa.Array[Any]]) -> None:
        at = 0
        for part in self.parts:
            part.load(arrays[at : at + part.columns()])
            at += part.columns()
