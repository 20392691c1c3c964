"""Groups whose keys several workers share (`sharedtable`): first what the workers have of a key is put together, range by range of
its number, and finished; beside that one task sorts the keys. Then values are taken in order of the keys, part by part.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from .groupprogram import Program, Table
from .grouprows import Run, joined
from .groupwords import run_of_words, table_of
from .keytable import Ids
from .states import State


class SharedMerge:
    """Of tables that have the same keys, which have words (`has_words`).

    First the tasks: `sort`, and `states` for each of the `ranges`, whose values are `put`. Then `part` for each of the `parts`.
    """

    def __init__(self, program: Program, tables: Sequence[Table], n_parts: int) -> None:
        self._program, self._tables = program, tables
        self._keys = tables[0].keys
        n = self._keys.n
        self.ranges = list(pairwise(n * k // n_parts for k in range(n_parts + 1)))
        self._word0, self._word1 = table_of(self._keys).sort_words()
        self._order: Ids = np.zeros(0, np.int32)
        self._done: list[Run | None] = [None] * n_parts

    def sort(self) -> None:
        """By the first word alone."""
        self._order = np.argsort(self._word0).astype(np.int32)

    def states(self, low: int, high: int) -> list[State]:
        """Of the groups low .. high, by number."""
        members, groups = np.arange(low, high, dtype=np.int32), np.arange(high - low, dtype=np.int32)
        states = self._program.states()
        for k, table in enumerate(self._tables):
            for mine, theirs in zip(states, table.states, strict=True):
                if not k:
                    if mine.lay(theirs, members, True):
                        continue
                    mine.resize(high - low)
                mine.merge(theirs, members, groups, True)
        return states

    def put(self, k: int, run: Run) -> None:
        """The values of range k."""
        self._done[k] = run

    def parts(self) -> list[tuple[int, int]]:
        """Stretches of the order, such that equal first words are in one."""
        n = len(self._order)
        self._values = joined([run for run in self._done if run is not None])
        ends = [n * k // len(self.ranges) for k in range(1, len(self.ranges))]
        first = self._word0[self._order]
        cuts = np.searchsorted(first, first[ends]).tolist() if ends else []
        return list(pairwise(sorted({0, *cuts, n})))

    def part(self, low: int, high: int) -> Run:
        """A run of these keys, in order, with their values."""
        from ..kernels import group

        order = self._order[low:high].copy()
        group.sort_ties(self._word0, self._word1, order)
        values = self._values.take(order)
        run = run_of_words(self._keys, self._word0[order], self._word1[order])
        run.aggs, run.faults = values.aggs, values.faults
        return run
