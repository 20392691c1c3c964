"""Weighted mean, from exact sums of products."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ....planner.types import Type
from ...arrow import array_from, bools_of, is_valid
from .base import Finished, Groups, Rows, State, fit
from .limbs import Limbs
from .moments import UNIT, WIDTH, as_doubles, ratio
from .powers import add_products
from .ratios import quotients


class Weighted(State):
    """sum(E * W) / sum(W) over the rows where both have a value, rounded once; null where the weights sum to 0.

    A group with an infinite or NaN value among them is NaN.
    """

    arity = 2

    def __init__(self, types: Sequence[Type]) -> None:
        self.types = tuple(types)
        self.weights, self.products = Limbs(WIDTH), Limbs(WIDTH)
        self.odd = np.zeros(0, np.bool_)  # a value was not finite

    def key(self) -> Hashable:
        return ("Weighted", self.types)

    @property
    def parts(self) -> list[Limbs]:
        return [self.weights, self.products]

    def resize(self, n: int) -> None:
        for p in self.parts:
            p.resize(n)
        self.odd = fit(self.odd, n)

    def nbytes(self) -> int:
        return sum(p.nbytes() for p in self.parts) + self.odd.nbytes

    def update(self, rows: Rows) -> None:
        groups = rows.groups
        x, w = (as_doubles(a) for a in rows.args)
        nulls = [~is_valid(a) for a in rows.args if a.null_count]
        if nulls:
            keep = ~np.logical_or.reduce(nulls)
            groups, x, w = groups[keep], x[keep], w[keep]
        self.weights.add(groups, array_from(w), rows.compiled)
        finite = np.isfinite(x)
        if not finite.all():
            self.odd[groups[~finite]] = True
        finite &= np.isfinite(w)
        if not finite.all():
            groups, x, w = groups[finite], x[finite], w[finite]
        add_products(self.products, groups, x, w, rows.compiled)

    def merge(self, other: Weighted, members: Groups, groups: Groups, compiled: bool) -> None:
        for mine, theirs in zip(self.parts, other.parts, strict=True):
            mine.merge(theirs, members, groups, compiled)
        self.odd[groups[other.odd[members]]] = True

    def finish(self, n: int, out: str, compiled: bool) -> Finished:
        odd = self.odd[:n] | np.logical_or.reduce(self.weights.specials(n))
        value = np.where(odd, np.nan, 0.0)
        nulls = ~odd
        live = np.flatnonzero(~odd & (self.weights.count(n) > 0))
        if len(live):
            found, sure, none = quotients(self.products, self.weights, live, -UNIT // 2, compiled)
            value[live], nulls[live] = np.where(none, 0.0, found), none
            for g in self._exactly(live[~sure & ~none]):
                value[g[0]] = ratio(g[1], g[2] << (UNIT // 2))
        if self.types[0].kind == "duration":
            nulls |= ~np.isfinite(value)
            return Finished(array_from(np.rint(np.where(nulls, 0.0, value)).astype(np.int64), nulls, pa.duration("us")))
        return Finished(array_from(value, nulls))

    def _exactly(self, members: NDArray[Any]) -> Iterable[tuple[int, int, int]]:
        """Group, sum of products, sum of weights as whole multiples of their units, of the few whose rounding is open."""
        if not len(members):
            return ()
        return zip(members.tolist(), self.products.integers(members), self.weights.integers(members), strict=True)

    def export(self, members: Groups) -> list[pa.Array[Any]]:
        return [*(c for p in self.parts for c in p.export(members)), array_from(self.odd[members])]

    def load(self, arrays: Sequence[pa.Array[Any]]) -> None:
        at = 0
        for part in self.parts:
            part.load(arrays[at : at + part.columns()])
            at += part.columns()
        self.odd = bools_of(arrays[at]).copy()
