"""Groups that a scan of text makes by itself: which aggregates it may add up, and where a worker has them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray

from ...planner.expr import FieldRef
from ...planner.records import dataclass
from ..arrow import pooled, zeros
from ..aside import aside
from ..context import Context
from .grouping import OneKey
from .groupkeys import word_order
from .keyhash import NULL_TAG
from .keytable import KeyTable
from .states import State
from .states.sums import COUNT, HIGH, LOW, Count, SumLong

if TYPE_CHECKING:
    from .groupprogram import Program, Table

FEW = 1024  # cells at first
WAITING, PART = 1 << 14, 16  # rows that wait, and the part of the memory that they take at most
FULL = 0.75  # of them that are taken before there are more
PLENTY = 8  # times as much memory as twice the cells take
NO_SPLITS = np.zeros(0, np.uint64)


@dataclass(frozen=True, slots=True)
class Recipe:
    """Of a Program: which captured group is the key (-1: there is none), and what its states take, by number of the state."""

    key: int
    sums: tuple[tuple[int, int], ...]  # states, and which of the scan's numbers each of them adds up
    counts: tuple[int, ...]  # states that count rows
    values: tuple[int, ...]  # ... that count rows with a value of some captured group
    n_numbers: int  # that the scan reads

    def fill(self, states: Sequence[State], values: NDArray[np.int64], at: int, null: int, unmatched: int) -> None:
        """Puts what `Records` have of groups into empty states that have room, from group `at` on. `null`: the group of the `unmatched`
        rows; -1: there is none."""
        made, ends = cast(list[Any], states), slice(at, at + len(values))
        for i in (*self.counts, *self.values):
            made[i].counts[ends] = values[:, 0]
        if null >= 0:
            for i in self.counts:
                made[i].counts[null] += unmatched
        for j, (i, _) in enumerate(self.sums):
            for field, column in ((LOW, 1 + 2 * j), (HIGH, 2 + 2 * j), (COUNT, 0)):
                made[i].cells[ends, field] = values[:, column]


def recipe_of(program: Program, texts: Mapping[str, int], numbers: Mapping[str, int], n_numbers: int) -> Recipe | None:
    """`texts`: places, among the captured groups, of fields that are these; `numbers`: of fields that are whole numbers read from
    groups, their places among the `n_numbers` that the scan reads. None: something else is asked for."""
    if len(program.keys) > 1 or program.ordered or program.volatile:
        return None
    names = [e.name if isinstance(e, FieldRef) else "" for e in program.exprs]
    key = texts.get(names[program.keys[0]]) if program.keys else -1
    if key is None:
        return None
    sums, counts, values = list[tuple[int, int]](), list[int](), list[int]()
    for i, slot in enumerate(program.slots):
        state, name = slot.make(), names[slot.args[0]] if len(slot.args) == 1 else ""
        if slot.where is not None:
            return None
        if type(state) is SumLong and name in numbers:
            sums.append((i, numbers[name]))
        elif type(state) is Count and state.what == "rows":
            counts.append(i)
        elif type(state) is Count and state.what == "values" and (name in numbers or name in texts):
            values.append(i)
        else:
            return None
    return Recipe(key, tuple(sums), tuple(counts), tuple(values), n_numbers)


@dataclass(frozen=True, slots=True)
class Records:
    """Groups of a table, their keys as words whose order is that of the texts. `values`: rows, and of each sum the low and the high
    word. Those of range k, of keys, lie from starts[k] to starts[k + 1]."""

    word0: NDArray[np.uint64]
    word1: NDArray[np.uint64]
    values: NDArray[np.int64]
    starts: NDArray[np.int64]

    def part(self, k: int) -> tuple[NDArray[np.uint64], NDArray[np.uint64], NDArray[np.int64]]:
        low, high = int(self.starts[k]), int(self.starts[k + 1])
        return self.word0[low:high], self.word1[low:high], self.values[low:high]


def folded(
    word0: NDArray[np.uint64], word1: NDArray[np.uint64], values: NDArray[np.int64]
) -> tuple[NDArray[np.uint64], NDArray[np.uint64], NDArray[np.int64]]:
    """Each key once, in order."""
    from ..kernels import scangroups as k

    order, fields = word_order(word0, word1), values.shape[1]
    out0, out1, out = np.empty_like(word0), np.empty_like(word1), np.empty_like(values)
    n = k.fold_groups(word0, word1, values.reshape(-1), order, fields, out0, out1, out.reshape(-1))
    return out0[:n], out1[:n], out[:n]


class ScanGroups:
    """Those of one Local, which may take `limit` bytes. `reserve`: asked for so many bytes more; where there are none it takes what is
    here, and all begins anew."""

    def __init__(self, recipe: Recipe, ctx: Context, limit: int, reserve: Callable[[int], None]) -> None:
        from ..kernels import scangroups as k

        self.recipe, self._ctx, self._limit, self._reserve = recipe, ctx, limit, reserve
        words = k.LOW + max(0, 2 * len(recipe.sums) - 1)
        self.width = 1 << (words - 1).bit_length()  # so no cell lies across more lines than it must
        self._held = np.array(
            [recipe.key, self.width, 0, 0, 0, k.MOST, *(number for _, number in recipe.sums)], np.int64
        )
        row = k.NUMBERS + recipe.n_numbers
        self._waiting = pooled(row * max(1, min(WAITING, limit // (PART * 8 * row))), np.int64)
        self.clear()

    def clear(self) -> None:
        from ..kernels import scangroups as k

        self._held[[k.N_GROUPS, k.UNMATCHED]] = 0
        self._put(zeros((FEW * self.width,), np.int64))

    def _put(self, cells: NDArray[np.int64]) -> None:
        from ..kernels import scangroups as k

        self.cells = cells
        self._held[k.LIMIT] = int(FULL * self.n_cells)

    @property
    def n_cells(self) -> int:
        return len(self.cells) // self.width

    @property
    def n_groups(self) -> int:
        """Cells that are taken."""
        from ..kernels import scangroups as k

        return int(self._held[k.N_GROUPS])

    @property
    def unmatched(self) -> int:
        """Rows without a match."""
        from ..kernels import scangroups as k

        return int(self._held[k.UNMATCHED])

    def arrays(self) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
        return self.cells, self._held, self._waiting

    def nbytes(self) -> int:
        return self.cells.nbytes + self._waiting.nbytes

    def grow(self) -> None:
        from ..kernels import scangroups as k

        growth = (
            4 if 4 * self.cells.nbytes * PLENTY <= self._limit else 2
        )  # where there is plenty groups are moved less often
        self._reserve((growth - 1) * self.cells.nbytes)
        if self._held[k.N_GROUPS] < self._held[k.LIMIT]:  # all was taken
            return
        more = zeros((growth * len(self.cells),), np.int64)
        aside(self._ctx, more.nbytes, lambda: k.move_cells(self.cells, self.width, more))
        self._put(more)

    def is_empty(self) -> bool:
        return not (self.n_groups or self.unmatched)

    def join(self, other: ScanGroups, low: int, high: int, n_ranges: int) -> NDArray[np.int32]:
        """Adds groups of other's ranges low .. high of `n_ranges`, of hashes, to those here; the cells of all that have none here."""
        return self._left(self._range(low, high, n_ranges), other, other._range(low, high, n_ranges))

    def taken(self, low: int = 0, high: int = 1, n_ranges: int = 1) -> NDArray[np.int32]:
        """The cells of all groups in these ranges."""
        return self._left((0, 0), self, self._range(low, high, n_ranges), np.empty(0, np.int64))

    def _range(self, low: int, high: int, n_ranges: int) -> tuple[int, int]:
        return self.n_cells * low // n_ranges, self.n_cells * high // n_ranges

    def _left(
        self, into: tuple[int, int], other: ScanGroups, ends: tuple[int, int], cells: NDArray[np.int64] | None = None
    ) -> NDArray[np.int32]:
        from ..kernels import scangroups as k

        left = np.empty(ends[1] - ends[0], np.int32)
        cells, most = self.cells if cells is None else cells, int(self._held[k.MOST_ROWS])
        n = k.join_cells(other.cells, self.width, *ends, cells, *into, len(self.recipe.sums), most, left)
        return left[:n]

    def divided(self, places: NDArray[np.int32], splits0: NDArray[np.uint64], splits1: NDArray[np.uint64]) -> Records:
        """Groups in these cells by ranges of their keys (see kernels.scangroups)."""
        from ..kernels import scangroups as k

        n, n_sums = len(places), len(self.recipe.sums)
        made = Records(
            np.empty(n, np.uint64), np.empty(n, np.uint64), np.empty((n, 1 + 2 * n_sums), np.int64),
            np.empty(len(splits0) + 2, np.int64),
        )  # fmt: skip
        k.divide_groups(
            self.cells, self.width, places, n_sums, splits0, splits1, made.starts, np.empty(n, np.int32), made.word0, made.word1,
            made.values.reshape(-1),
        )  # fmt: skip
        return made

    def take(self, program: Program) -> Table:
        """All of it as a table of the program's; what is here begins anew."""
        from ..kernels import scangroups as k

        word0, word1, values = self.divided(self.taken(), NO_SPLITS, NO_SPLITS).part(0)
        if (values[:, 0] >= self._held[k.MOST_ROWS]).any():  # then a key may have several cells
            word0, word1, values = folded(word0, word1, values)
        n, unmatched = len(word0), self.unmatched
        self.clear()
        made = program.table(True, 1 << max(10, n.bit_length()))
        null = -1  # the group of rows without a match
        if isinstance(made.keys, OneKey):
            made.keys.coder.by_row = True
            null = n if unmatched else -1
            _enter(cast(KeyTable, made.keys.coder.table), word0, word1, unmatched > 0)
        elif unmatched:
            null = 0
        made.make_room(max(n + (null == n), 1))
        self.recipe.fill(made.states, values, 0, null, unmatched)
        return made


def _enter(table: KeyTable, word0: NDArray[np.uint64], word1: NDArray[np.uint64], has_null: bool) -> None:
    """Distinct keys, and the null behind them, into an empty table that has room."""
    from ..kernels import group

    n = len(word0)
    table.key0[:n], table.key1[:n] = word0.byteswap(), (word1 - np.uint64(1)).byteswap()
    table.sizes[:n] = table.key1[:n] >> np.uint64(56)
    if has_null:
        table.key0[n], table.key1[n], table.sizes[n] = 0, NULL_TAG, -1
    table.state[0] = n + has_null
    group.rebuild(table.key0, table.key1, 0, n + has_null, table.slots)
