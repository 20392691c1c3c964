"""Groups that a scan of text makes by itself: which aggregates it may add up, and where a worker has them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray

from ...planner.expr import FieldRef
from ...planner.records import dataclass
from ..arrow import pooled, zeros
from ..aside import aside
from ..context import Context
from .grouping import OneKey
from .keyhash import NULL_TAG
from .keytable import KeyTable
from .states.sums import COUNT, HIGH, LOW, Count, SumLong

if TYPE_CHECKING:
    from .groupprogram import Program, Table

FEW = 1024  # cells at first
WAITING, PART = 1 << 14, 16  # rows that wait, and the part of the memory that they take at most
FULL = 0.75  # of them that are taken before there are twice as many


@dataclass(frozen=True, slots=True)
class Recipe:
    """Of a Program: which captured group is the key (-1: there is none), and what its states take, by number of the state."""

    key: int
    sums: tuple[tuple[int, int], ...]  # states, and which of the scan's numbers each of them adds up
    counts: tuple[int, ...]  # states that count rows
    values: tuple[int, ...]  # ... that count rows with a value of some captured group
    n_numbers: int  # that the scan reads


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


class ScanGroups:
    """Those of one Local, which may take `limit` bytes. `reserve`: asked for so many bytes more; where there are none it takes what is
    here, and all begins anew."""

    def __init__(self, recipe: Recipe, ctx: Context, limit: int, reserve: Callable[[int], None]) -> None:
        from ..kernels import scangroups as k

        self._recipe, self._ctx, self._reserve = recipe, ctx, reserve
        width = k.LOWS + 2 * len(recipe.sums)
        self._width = 1 << (width - 1).bit_length()  # so no cell lies across more lines than it must
        self._held = np.array([recipe.key, self._width, 0, 0, 0, *(number for _, number in recipe.sums)], np.int64)
        row = k.NUMBERS + recipe.n_numbers
        self._waiting = pooled(row * max(1, min(WAITING, limit // (PART * 8 * row))), np.int64)
        self.clear()

    def clear(self) -> None:
        from ..kernels import scangroups as k

        self._held[[k.N_GROUPS, k.UNMATCHED]] = 0
        self._put(zeros((FEW * self._width,), np.int64))

    def _put(self, cells: NDArray[np.int64]) -> None:
        from ..kernels import scangroups as k

        self._cells = cells
        self._held[k.LIMIT] = int(FULL * (len(cells) // self._width))

    def arrays(self) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
        return self._cells, self._held, self._waiting

    def nbytes(self) -> int:
        return self._cells.nbytes + self._waiting.nbytes

    def grow(self) -> None:
        from ..kernels import scangroups as k

        self._reserve(self._cells.nbytes)
        if self._held[k.N_GROUPS] < self._held[k.LIMIT]:  # all was taken
            return
        more = zeros((2 * len(self._cells),), np.int64)
        aside(self._ctx, more.nbytes, lambda: k.move_cells(self._cells, self._width, more))
        self._put(more)

    def is_empty(self) -> bool:
        from ..kernels import scangroups as k

        return not (self._held[k.N_GROUPS] or self._held[k.UNMATCHED])

    def take(self, program: Program) -> Table:
        """All of it as a table of the program's; what is here begins anew."""
        from ..kernels import scangroups as k

        n, unmatched = int(self._held[k.N_GROUPS]), int(self._held[k.UNMATCHED])
        made = program.table(True, 1 << max(10, n.bit_length()))
        values = np.empty((self._width - k.COUNT, n), np.int64)
        keys = [np.empty(n, kind) for kind in (np.uint64, np.uint64, np.int32)]
        k.list_groups(self._cells, self._width, *keys, values.reshape(-1))
        self.clear()
        null = -1  # the group of rows without a match
        if isinstance(made.keys, OneKey):
            made.keys.coder.by_row = True
            null = n if unmatched else -1
            _enter(cast(KeyTable, made.keys.coder.table), keys, unmatched > 0)
        elif unmatched:
            null = 0
        made.make_room(max(n + (null == n), 1))
        self._fill(made, values, n, null, unmatched)
        return made

    def _fill(self, made: Table, values: NDArray[np.int64], n: int, null: int, unmatched: int) -> None:
        recipe, states = self._recipe, cast(list[Any], made.states)
        for i in (*recipe.counts, *recipe.values):
            states[i].counts[:n] = values[0]
        if null >= 0:
            for i in recipe.counts:
                states[i].counts[null] += unmatched
        for j, (i, _) in enumerate(recipe.sums):
            for field, row in ((LOW, 1 + 2 * j), (HIGH, 2 + 2 * j), (COUNT, 0)):
                states[i].cells[:n, field] = values[row]


def _enter(table: KeyTable, keys: list[NDArray[Any]], has_null: bool) -> None:
    """Distinct keys, and the null behind them, into an empty table that has room."""
    from ..kernels import group

    n = len(keys[0])
    table.key0[:n], table.key1[:n], table.sizes[:n] = keys
    if has_null:
        table.key0[n], table.key1[n], table.sizes[n] = 0, NULL_TAG, -1
    table.state[0] = n + has_null
    group.rebuild(table.key0, table.key1, 0, n + has_null, table.slots)
