"""Weighted mean, from exact sums of products."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Hashable, Sequence
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ....planner.types import Type
from ...arrow import array_from, bools_of, is_valid, numbers_of
from .base import Finished, Groups, Rows, State, fit
from .limbs import Limbs
from .moments import UNIT, WIDTH, as_doubles, ratio
from .powers import add_products
from .ratios import quotients
from .weightcells import Bases, WeightCells


class Rider(Protocol):
    """A state that needs no sums of its own while those of the weights are the same."""

    def leave(self, done: int) -> None:
        """Take over the sums as they are now: of all rows so far, and of so many of the batch that is being added."""


class Weighted(State):
    """sum(E * W) / sum(W) over the rows where both have a value, rounded once; null where the weights sum to 0.

    A group with an infinite or NaN value among them is NaN. `bases`: shared by all states of one aggregate.
    """

    arity = 2

    def __init__(self, types: Sequence[Type], bases: Bases | None = None) -> None:
        self.types = tuple(types)
        self._cells: WeightCells | None = WeightCells(bases or Bases())  # None: the limbs have the sums
        self.weights, self.products = Limbs(WIDTH), Limbs(WIDTH)
        self.odd = np.zeros(0, np.bool_)  # a value was not finite; only beside limbs
        self._riders: list[weakref.ref[Rider]] = []  # they hold this one: what refers to itself is freed late

    def key(self) -> Hashable:
        return ("Weighted", self.types)

    @property
    def parts(self) -> list[Limbs]:
        return [self.weights, self.products]

    def resize(self, n: int) -> None:
        if self._cells is not None:
            self._cells.resize(n)
            return
        for p in self.parts:
            p.resize(n)
        self.odd = fit(self.odd, n)

    def nbytes(self) -> int:
        cells = self._cells.nbytes() if self._cells is not None else 0
        return cells + sum(p.nbytes() for p in self.parts) + self.odd.nbytes

    def _widen(self) -> None:
        """The same sums as limbs."""
        if self._cells is None:
            return
        self._unload()
        n = len(self._cells.cells)
        self.weights, self.products = self._cells.limbs(np.arange(n, dtype=np.int32), WIDTH)
        self._cells, self.odd = None, np.zeros(n, np.bool_)

    def carry(self, rider: Rider) -> bool:
        """From now on `rider` is told when there is a row whose weight, a whole number, is not in `whole_weights`.

        False where that cannot be known.
        """
        if self._cells is None or self._cells.added or self.types[1].kind != "long":
            return False
        self._riders.append(weakref.ref(rider))
        return True

    def whole_weights(self, members: Groups | slice) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Sums and counts of the weights of these groups, while riders are carried."""
        assert self._cells is not None
        return self._cells.whole_weights(members)

    def whole_sums(self, n: int) -> NDArray[np.int64] | None:
        """Sums of the weights of groups 0 .. n, while riders are carried; None: some group has none. Compiled only."""
        assert self._cells is not None
        return self._cells.whole_sums(n)

    def _unload(self, done: int = 0) -> None:
        riders, self._riders = self._riders, []
        for ref in riders:
            if (rider := ref()) is not None:
                rider.leave(done)

    def update(self, rows: Rows) -> None:
        groups = rows.groups
        x, w = as_doubles(rows.args[0]), numbers_of(rows.args[1])
        nulls = [~is_valid(a) for a in rows.args if a.null_count]
        if nulls:
            self._unload()
            keep = ~np.logical_or.reduce(nulls)
            groups, x, w = groups[keep], x[keep], w[keep]
        if self._cells is not None:
            done = self._add_cells(self._cells, groups, x, w) if rows.compiled else 0
            if done == len(groups):
                return
            groups, x, w = groups[done:], x[done:], w[done:]
            self._widen()
        self._add(groups, x, np.ascontiguousarray(w, np.float64), rows.compiled)

    def _add_cells(self, cells: WeightCells, groups: Groups, x: NDArray[np.float64], w: NDArray[Any]) -> int:
        """How many of the rows, from the first on, were added."""
        done = cells.add_whole(groups, x, w) if w.dtype != np.float64 else 0
        if done < len(groups):
            self._unload(done)
            done += cells.add(groups[done:], x[done:], w[done:])
        return done

    def _add(self, groups: Groups, x: NDArray[np.float64], w: NDArray[np.float64], compiled: bool) -> None:
        self.weights.add(groups, array_from(w), compiled)
        finite = np.isfinite(x)
        if not finite.all():
            self.odd[groups[~finite]] = True
        finite &= np.isfinite(w)
        if not finite.all():
            groups, x, w = groups[finite], x[finite], w[finite]
        add_products(self.products, groups, x, w, compiled)

    def lay(self, other: Weighted, members: Groups, compiled: bool) -> bool:
        if not compiled or self._cells is None or other._cells is None or bool(self._riders) is not bool(other._riders):
            return False
        return self._cells.lay(other._cells, members)

    def merge(self, other: Weighted, members: Groups, groups: Groups, compiled: bool) -> None:
        if not other._riders:
            self._unload()
        if compiled and self._cells is not None and other._cells is not None:  # noqa: SIM102
            if self._cells.merge(other._cells, members, groups):
                return
        self._widen()
        if other._cells is not None:  # which others may be reading
            theirs = other._cells.limbs(members, WIDTH)
            members = np.arange(len(members), dtype=np.int32)
        else:
            theirs = other.weights, other.products
            self.odd[groups[other.odd[members]]] = True
        for mine, part in zip(self.parts, theirs, strict=True):
            mine.merge(part, members, groups, compiled)

    def finish(self, n: int, out: str, compiled: bool) -> Finished:
        if self._cells is not None and not compiled:
            self._widen()
        value, nulls = self._cell_means(n) if self._cells is not None else self._limb_means(n, compiled)
        if self.types[0].kind == "duration":
            nulls |= ~np.isfinite(value)
            return Finished(array_from(np.rint(np.where(nulls, 0.0, value)).astype(np.int64), nulls, pa.duration("us")))
        return Finished(array_from(value, nulls))

    def _cell_means(self, n: int) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        assert self._cells is not None
        value, sure, none = self._cells.means(n)
        self._exactly(np.flatnonzero(~sure & ~none), value, self._cells.integers)
        return value, none

    def _limb_means(self, n: int, compiled: bool) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        odd = self.odd[:n] | np.logical_or.reduce(self.weights.specials(n))
        value = np.where(odd, np.nan, 0.0)
        nulls = ~odd
        live = np.flatnonzero(~odd & (self.weights.count(n) > 0))
        if len(live):
            found, sure, none = quotients(self.products, self.weights, live, -UNIT // 2, compiled)
            value[live], nulls[live] = np.where(none, 0.0, found), none
            self._exactly(
                live[~sure & ~none], value, lambda m: (self.products.integers(m), self.weights.integers(m))
            )  # fmt: skip
        return value, nulls

    @staticmethod
    def _exactly(
        members: NDArray[Any],
        value: NDArray[np.float64],
        integers: Callable[[NDArray[Any]], tuple[list[int], list[int]]],
    ) -> None:
        """Into `value` the few quotients whose rounding is open."""
        if len(members):
            for g, over, under in zip(members.tolist(), *integers(members), strict=True):
                value[g] = ratio(over, under << (UNIT // 2))

    def export(self, members: Groups) -> list[pa.Array[Any]]:
        if self._cells is not None:  # others may be reading them
            made = [
                c for p in self._cells.limbs(members, WIDTH) for c in p.export(np.arange(len(members), dtype=np.int32))
            ]
            return [*made, array_from(np.zeros(len(members), np.bool_))]
        return [*(c for p in self.parts for c in p.export(members)), array_from(self.odd[members])]

    def load(self, arrays: Sequence[pa.Array[Any]]) -> None:
        self._unload()
        self._cells = None
        at = 0
        for part in self.parts:
            part.load(arrays[at : at + part.columns()])
            at += part.columns()
        self.odd = bools_of(arrays[at]).copy()
