"""The groups that one Local still has in memory, in the orders in which they are merged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import field

import numpy as np
from numpy.typing import NDArray

from ...planner.records import dataclass
from .grouping import OneKey, shared_table
from .groupprogram import Table
from .groupspill import by_part
from .groupwords import SortedGroups, has_words, sorted_groups
from .keytable import Ids


@dataclass(slots=True)
class Held:
    """What one Local still has in memory."""

    table: Table
    beside: list[Table] = field(default_factory=list)  # of other Locals, whose keys are those of this one
    order: Ids | None = None  # groups by radix part, and where each part begins
    bounds: NDArray[np.int64] | None = None
    sorted: SortedGroups | None = None

    def prepare(self, least: int) -> None:
        """What can be done of its groups alone, if they are so many, before those of others are known: one key alone has no cells."""
        if not isinstance(self.table.keys, OneKey) or self.table.keys.n < least:
            return
        if shared_table(self.table.keys) is not None:  # others may still enter keys
            return
        if has_words(self.table.keys):
            self.sort()
        else:
            self.divide()

    def sort(self) -> None:
        if self.sorted is None:
            self.sorted = sorted_groups(self.table.keys)

    def divide(self) -> None:
        if self.order is None:
            self.order, self.bounds = by_part(self.table.keys.hashes(), 0)

    def members(self, low: int, high: int) -> Ids:
        """Groups of the radix parts from `low` to `high`."""
        if self.order is None or self.bounds is None:
            return np.arange(self.table.keys.n, dtype=np.int32)
        return self.order[self.bounds[low] : self.bounds[high]]


def brought_together(held: Sequence[Held]) -> list[Held]:
    """Those that share their keys as one. Called when no worker enters any more."""
    out: list[Held] = []
    first: dict[int, Held] = {}
    for one in held:
        shared = shared_table(one.table.keys)
        if shared is None:
            out.append(one)
            continue
        one.table.fit(exact=True)
        of = first.setdefault(id(shared), one)
        if of is one:
            out.append(one)
        else:
            of.beside.append(one.table)
    return out
