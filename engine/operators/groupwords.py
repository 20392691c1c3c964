"""Groups of one key by ranges of the key's words: each table's groups are sorted once, and what equal keys of several tables have
is put together range by range, without hashing. What comes out is in order. Only for keys that are two words (`KeyTable.sort_words`).
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ...planner.records import dataclass
from ..arrow import array_from
from .grouping import Keys, OneKey
from .groupkeys import word_order
from .groupprogram import Program, Table
from .grouprows import Run
from .keyform import is_opaque
from .keytable import Ids, KeyTable
from .states import State

U64 = NDArray[np.uint64]
PART_GROUPS = 1 << 14  # of all tables, that a part has at least
SORT_WORK = 32  # bytes a group, beside its table
SIDES: tuple[Literal["left", "right"], ...] = ("left", "right")


def has_words(keys: Keys) -> bool:
    """Whether the order of the groups is that of two words each."""
    if not isinstance(keys, OneKey) or is_opaque(keys.coder.type):
        return False
    table = keys.coder.table
    return isinstance(table, KeyTable) and not table.has_long()


def table_of(keys: Keys) -> KeyTable:
    """Where `has_words`."""
    assert isinstance(keys, OneKey) and isinstance(keys.coder.table, KeyTable)
    return keys.coder.table


def run_of_words(keys: Keys, word0: U64, word1: U64) -> Run:
    """The keys alone."""
    if table_of(keys).words:
        return Run([array_from(word0, word1 == 0)], [])
    return Run([array_from(word0), array_from(word1)], [], inline=True)


@dataclass(frozen=True, slots=True)
class SortedGroups:
    """The groups of a table in order of their keys, and the words of these, in that order."""

    order: Ids
    word0: U64
    word1: U64

    def place(self, first: np.uint64, second: np.uint64) -> int:
        """The first group whose key is not before that of these words."""
        low, high = (int(np.searchsorted(self.word0, first, side)) for side in SIDES)
        return low + int(np.searchsorted(self.word1[low:high], second))


def sorted_groups(keys: Keys) -> SortedGroups:
    """Where `has_words`."""
    word0, word1 = table_of(keys).sort_words()
    order = word_order(word0, word1)
    return SortedGroups(order, word0[order], word1[order])


class WordMerge:
    """Of several tables whose keys have words, each perhaps with others that have the same keys."""

    def __init__(
        self, program: Program, tables: Sequence[Sequence[Table]], groups: Sequence[SortedGroups], n_parts: int
    ) -> None:
        self._program, self._tables, self._groups = program, tables, groups
        longest = max(groups, key=lambda g: len(g.order))
        self.n_parts = max(1, min(n_parts, len(longest.order)))
        bounds = [k * len(longest.order) // self.n_parts for k in range(1, self.n_parts)]  # so no part is empty
        self._cuts = [[0, *(g.place(longest.word0[b], longest.word1[b]) for b in bounds), len(g.order)] for g in groups]

    def groups(self, part: int) -> tuple[U64, U64, list[State]]:
        """Words of the keys, ascending, and the states of their groups."""
        ends = [(cuts[part], cuts[part + 1]) for cuts in self._cuts]
        picked = [(t, g, a, b) for t, g, (a, b) in zip(self._tables, self._groups, ends, strict=True) if a < b]
        word0, word1 = (
            np.concatenate(w)
            for w in ([g.word0[a:b] for _, g, a, b in picked], [g.word1[a:b] for _, g, a, b in picked])
        )
        order = word_order(word0, word1) if len(picked) > 1 else np.arange(len(word0), dtype=np.int32)
        word0, word1 = word0[order], word1[order]
        fresh = np.ones(len(order), np.bool_)
        np.logical_or(word0[1:] != word0[:-1], word1[1:] != word1[:-1], out=fresh[1:])
        numbers = np.empty(len(order), np.int32)
        numbers[order] = np.cumsum(fresh, dtype=np.int32) - np.int32(1)
        found = np.flatnonzero(fresh)
        states = self._program.states()
        for state in states:
            state.resize(len(found))
        places = np.cumsum([0, *(b - a for _, _, a, b in picked)]).tolist()
        for (tables, of, a, b), (low, high) in zip(picked, pairwise(places), strict=True):
            for table in tables:
                for mine, theirs in zip(states, table.states, strict=True):
                    mine.merge(theirs, of.order[a:b], numbers[low:high], True)
        return word0[found], word1[found], states

    def run(self, word0: U64, word1: U64) -> Run:
        """The keys alone."""
        return run_of_words(self._tables[0][0].keys, word0, word1)
