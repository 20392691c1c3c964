"""All values a group in input order, nulls with them: what several fields of one row have in common stays side by side."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ....planner.types import Type
from ...arrow import array_from, concat, indices, numbers_of, own
from ...arrow import nulls as null_array
from .base import Finished, Groups, Rows
from .distinct import flat, lists
from .held import Held, is_all, is_ordered


class InOrder(Held):
    """Several fields that have their rows in common. `out`: the number of a field."""

    ordered = True

    def __init__(self, types: Sequence[Type]) -> None:
        super().__init__()
        self.types, self.arity = tuple(types), len(types)
        self.values: list[list[pa.Array[Any]]] = [[] for _ in types]
        self.places: list[NDArray[np.int64]] = []
        self._finished: tuple[NDArray[np.int64] | None, NDArray[np.int64]] | None = None

    def key(self) -> Hashable:
        return (InOrder, self.types)

    def update(self, rows: Rows) -> None:
        assert rows.place is not None
        self._add(rows.groups, [own(a) for a in rows.args], rows.place)

    def _add(self, groups: Groups, columns: Sequence[pa.Array[Any]], place: NDArray[np.int64]) -> None:
        self.groups.append(groups)
        self._index = self._finished = None
        for chunks, values in zip(self.values, columns, strict=True):
            chunks.append(values)
            self._nbytes += values.nbytes
        self.places.append(place)
        self._nbytes += groups.nbytes + place.nbytes

    def everything(self) -> tuple[list[pa.Array[Any]], NDArray[np.int64]]:
        if len(self.places) != 1:
            self.values = [
                [concat(chunks) if chunks else null_array(0, t.arrow)]
                for chunks, t in zip(self.values, self.types, strict=True)
            ]
            self.places = [np.concatenate(self.places) if self.places else np.empty(0, np.int64)]
        return [chunks[0] for chunks in self.values], self.places[0]

    def seal(self) -> None:
        self.everything()
        self.by_group()

    def merge(self, other: InOrder, members: Groups, groups: Groups, compiled: bool) -> None:
        rows, sizes = other.by_group().of(members)
        columns, places = other.everything()
        if not is_all(rows, len(places)):
            at = indices(rows)
            columns, places = [c.take(at) for c in columns], places[rows]
        self._add(np.repeat(groups.astype(np.int32, copy=False), sizes), columns, places)

    def finish(self, n: int, out: str, compiled: bool) -> Finished:
        columns, _ = self.everything()
        if self._finished is None:
            self._finished = self._order(n)
        order, sizes = self._finished
        values = columns[int(out)]
        return Finished(lists(values if order is None else values.take(indices(order)), sizes, sizes == 0))

    def _order(self, n: int) -> tuple[NDArray[np.int64] | None, NDArray[np.int64]]:
        """The rows by group and place (None: as they are), and how many a group has."""
        groups, places = self.all_groups(), self.everything()[1]
        order = None if is_ordered(groups, places) else np.lexsort((places, groups))
        return order, np.bincount(groups, minlength=n)

    def export(self, members: Groups) -> list[pa.Array[Any]]:
        rows, sizes = self.by_group().of(members)
        columns, places = self.everything()
        none, at = np.zeros(len(sizes), np.bool_), indices(rows)
        return [*(lists(c.take(at), sizes, none) for c in columns), lists(array_from(places[rows]), sizes, none)]

    def load(self, arrays: Sequence[pa.Array[Any]]) -> None:
        *columns, places = arrays
        first, groups = flat(columns[0])
        self._add(groups, [first, *(flat(c)[0] for c in columns[1:])], numbers_of(flat(places)[0]))
