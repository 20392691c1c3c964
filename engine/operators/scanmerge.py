"""The groups that workers' scans have made, put together where they lie.

Groups lie in the order of their hashes (`kernels.scangroups`), so the same stretch of all workers' cells is one task's: it adds what is in
the others to the largest one and divides all of it by ranges of keys. A range is then sorted, and ready to be put out, as one part.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray

from ..aside import aside
from ..context import Context
from .groupkeys import word_order
from .groupprogram import Program
from .grouprows import Run
from .keyform import normal_type
from .keytable import inline_keys
from .scangroups import Records, ScanGroups, folded
from .states import State

PART_GROUPS = 1 << 15  # of all workers, that a part has at least
SAMPLE = 1 << 12  # cells that are looked at for where parts begin
WORK = 8  # bytes a group beside its records: its places


class ScanMerge:
    """First all `divisions`, then the `parts`. No worker has groups elsewhere."""

    def __init__(self, program: Program, ctx: Context, groups: Sequence[ScanGroups]) -> None:
        self._program, self._ctx = program, ctx
        self._first, *self._others = sorted(groups, key=lambda g: -g.n_groups)
        self._unmatched = sum(g.unmatched for g in groups)
        workers = ctx.settings.threads
        self._n_ranges = 1 << (2 * workers - 1).bit_length()
        self.n_parts = max(2 * workers, sum(g.n_groups for g in groups) // PART_GROUPS)
        self._splits = self._sampled()
        self._records: list[Records] = []

    @staticmethod
    def nbytes(groups: Sequence[ScanGroups]) -> int:
        """That are needed beside the groups themselves: all of them as records twice."""
        width = 2 + 1 + 2 * len(groups[0].recipe.sums)
        return sum(g.n_groups for g in groups) * (2 * 8 * width + WORK)

    def _sampled(self) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
        """Keys with which the parts but the first begin. The front of the cells is a sample, as groups lie by their hashes."""
        first = self._first
        n_ranges = max(1, first.n_cells // SAMPLE)
        word0, word1, _ = first.divided(first.taken(0, 1, n_ranges), *_NONE).part(0)
        order = word_order(word0, word1)
        at = order[[k * len(order) // self.n_parts for k in range(1, self.n_parts)] if len(order) else []]
        return word0[at], word1[at]

    def divisions(self) -> list[Callable[[], None]]:
        work = sum(g.cells.nbytes for g in (self._first, *self._others)) // self._n_ranges
        return [partial(aside, self._ctx, work, partial(self._divide, r)) for r in range(self._n_ranges)]

    def _divide(self, range_: int) -> None:
        where = range_, range_ + 1, self._n_ranges
        left = [(other, self._first.join(other, *where)) for other in self._others]
        left.append((self._first, self._first.taken(*where)))
        made = [groups.divided(places, *self._splits) for groups, places in left]
        self._records.extend(made)  # one step: several tasks do

    def part(self, number: int) -> tuple[Run, list[State]]:
        """Keys, ascending, and the states of their groups."""
        pieces = [r.part(number) for r in self._records]
        word0, word1, values = folded(*(np.concatenate([p[j] for p in pieces]) for j in range(3)))
        has_null = number == 0 and self._unmatched > 0
        if has_null:
            word0, word1 = np.append(np.uint64(0), word0), np.append(np.uint64(0), word1)
        n, states = len(word0), self._program.states()
        for state in states:
            state.resize(n)
        self._first.recipe.fill(states, values, int(has_null), 0 if has_null else -1, self._unmatched)
        form = normal_type(self._program.key_types[0])
        return Run([inline_keys(word0, word1, np.arange(n, dtype=np.int32), form)], []), states


_NONE = np.zeros(0, np.uint64), np.zeros(0, np.uint64)
