"""Small sums over numbers of keys: which rows have a number first, and which numbers there are."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import kernels
from ..arrow import filled
from .keytable import Ids


def first_rows(ids: Ids, low: int, high: int, compiled: bool = False) -> NDArray[np.int64]:
    """The first row of each number low .. high, all of which appear."""
    if compiled:
        found = filled(high - low, -1, np.int64)
        kernels.group.first_rows(ids, low, found)
        return found
    rows = np.flatnonzero(ids >= low)
    first = np.empty(high - low, np.int64)
    first[ids[rows[::-1]] - low] = rows[::-1]
    return first


def distinct_codes(codes: Ids, n: int) -> tuple[Ids, Ids]:
    """The codes (below n) that occur, ascending, and the place of each row's code among them; O(rows + n)."""
    met = np.zeros(n, np.bool_)
    met[codes] = True
    used = np.flatnonzero(met).astype(np.int32)
    at = np.empty(n, np.int32)
    at[used] = np.arange(len(used), dtype=np.int32)
    return used, at[codes]


def in_order_of_sight(values: NDArray[Any], rows: Ids, n: int) -> NDArray[Any]:
    """Numbers of a dictionary of n values, all of which rows have, by the first of these rows: so keys are numbered."""
    if len(values) < 2:
        return values
    first = np.empty(n, np.int64)
    first[rows[::-1]] = np.arange(len(rows) - 1, -1, -1)
    order: NDArray[Any] = values[np.argsort(first[values])]
    return order
