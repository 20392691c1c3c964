"""Places of rows in the order of arrival, by which ties are told apart: whole, or in half the memory."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Order = NDArray[np.int32]


class RowPlaces:
    """Places of rows of one stretch, by their number within: half the memory of whole places."""

    __slots__ = ("first", "rows")

    def __init__(self, first: int, rows: Order) -> None:
        self.first, self.rows = np.int64(first), rows

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, at: int | slice | NDArray[Any]) -> Any:
        found = self.rows[at]
        return RowPlaces(int(self.first), found) if isinstance(at, slice) else found + self.first

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[np.int64]:
        return self.rows + self.first

    def searchsorted(self, place: np.int64, side: Any) -> int:
        """As of an array; the rows ascend."""
        return int(np.asarray(self).searchsorted(place, side))


Places: TypeAlias = "NDArray[np.int64] | RowPlaces"
Arrived: TypeAlias = "NDArray[np.int64] | range"  # a range: rows that follow one another


def place_array(places: Arrived) -> NDArray[np.int64]:
    return np.arange(places.start, places.stop, dtype=np.int64) if isinstance(places, range) else places


def arrived_at(places: Arrived, rows: Order) -> Places:
    return RowPlaces(places.start, rows) if isinstance(places, range) else places[rows]
