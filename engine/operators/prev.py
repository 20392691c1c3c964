"""`prev`: values of the row so many rows before, among rows of the same key; rows stream."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ...planner.records import dataclass
from ...planner.text import fault
from ...planner.types import Type
from ..arrow import array_from
from ..arrow import nulls as null_array
from ..batch import Batch
from ..context import Context
from ..memory import Reservation
from ..notes import At
from ..operator import Emit, Flow
from .grouping import Keys, new_keys
from .states.held import stable_order
from .states.store import Store

SLACK = 1 << 16  # values kept beyond twice those that are wanted, before they are cut down


@dataclass(slots=True)
class PrevLocal:
    """`history[key, j]`: the number in the stores of the row j + 1 before, -1: there is none."""

    ctx: Context
    keys: Keys
    reservation: Reservation
    stores: list[Store]
    history: NDArray[np.int64]
    charged: int = 0

    def nbytes(self) -> int:
        return self.keys.nbytes() + self.history.nbytes + sum(s.nbytes() for s in self.stores)


class PrevTransform:
    """`columns`: what is looked up (None: a field that is not there); `places`: where it goes."""

    needs_order = True

    def __init__(
        self, columns: tuple[int | None, ...], keys: tuple[tuple[int, Type], ...], n: int, places: tuple[int, ...],
        types: tuple[Type, ...], at: At,
    ) -> None:  # fmt: skip
        self._columns, self._keys, self._n, self._places, self._types, self._at = columns, keys, n, places, types, at

    def open(self, ctx: Context) -> PrevLocal:
        keys = new_keys([t for _, t in self._keys], ctx.compiled)
        stores = [Store(t.arrow) for t in self._types]
        history = np.full((0, 0), -1, np.int64)
        return PrevLocal(ctx, keys, ctx.memory.reserve(self._at.command), stores, history)

    def push(self, batch: Batch, local: PrevLocal, emit: Emit) -> Flow:
        n, ctx = batch.n_rows, local.ctx
        if not n:
            return emit(batch)
        if ctx.compiled and not local.keys.compiled:
            local.keys.compile(ctx.stop)
        codes = local.keys.ids([batch.columns[i] for i, _ in self._keys], n, ctx.stop)
        ctx.check()
        first = 0
        for store, i in zip(local.stores, self._columns, strict=True):
            first = store.add(batch.array(i) if i is not None else null_array(n, pa.null()))
        at = self._earlier(codes, first, local)
        found = array_from(np.maximum(at, 0), at < 0)
        made = [store.take_nullable(found) for store in local.stores]
        self._trim(local)
        return emit(_put(batch, self._places, made))

    def finish(self, local: PrevLocal, emit: Emit) -> None:
        return None

    def _earlier(self, codes: NDArray[np.int32], first: int, local: PrevLocal) -> NDArray[np.int64]:
        """The number in the stores of the row n before each; -1: there is none. Rows here have numbers from `first` on."""
        order = stable_order(codes)
        sorted_codes = codes[order]
        heads = np.flatnonzero(np.append(True, sorted_codes[1:] != sorted_codes[:-1]))
        sizes = np.diff(np.append(heads, len(codes)))
        keys = sorted_codes[heads]
        self._widen(local, int(keys.max()) + 1, int(sizes.max()))
        history, n = local.history, self._n
        number = np.arange(len(codes)) - np.repeat(heads, sizes)  # of the row among those of its key here
        back = np.arange(len(codes)) - n
        at = np.where(number >= n, first + order[np.maximum(back, 0)], -1)
        short = np.flatnonzero(number < n)
        depth = n - 1 - number[short]
        known = depth < history.shape[1]
        at[short[known]] = history[sorted_codes[short[known]], depth[known]]
        out = np.empty(len(codes), np.int64)
        out[order] = at
        self._remember(local, keys, heads + sizes, sizes, order, first)
        return out

    def _widen(self, local: PrevLocal, n_keys: int, longest: int) -> None:
        """Room for the keys that there are now, and for as many rows of each as may be wanted."""
        old = local.history
        deep = min(self._n, old.shape[1] + longest)
        wide = old.shape[0] if n_keys <= old.shape[0] else max(n_keys, 2 * old.shape[0])
        if (wide, deep) != old.shape:
            local.history = np.full((wide, deep), -1, np.int64)
            local.history[: old.shape[0], : old.shape[1]] = old

    def _remember(
        self, local: PrevLocal, keys: NDArray[Any], ends: NDArray[Any], sizes: NDArray[Any], order: NDArray[Any], first: int
    ) -> None:  # fmt: skip
        deep = local.history.shape[1]
        back = np.arange(deep)
        here = back[None, :] < sizes[:, None]
        new = first + order[np.maximum(ends[:, None] - 1 - back[None, :], 0)]
        older = np.maximum(back[None, :] - sizes[:, None], 0)
        local.history[keys] = np.where(here, new, local.history[keys[:, None], older])

    def _trim(self, local: PrevLocal) -> None:
        """Values that no later row can want go; what is left counts."""
        if local.stores[0].n > 2 * local.history.size + SLACK:
            wanted = local.history[local.history >= 0]
            numbers = np.sort(wanted)
            for store in local.stores:
                store.keep(numbers)
            live = local.history >= 0
            local.history[live] = np.searchsorted(numbers, local.history[live])
        now = local.nbytes()
        if now > local.charged:
            if not local.reservation.grow(now - local.charged):
                raise fault(
                    "E702", f"{self._at.command} is over its part of the memory: it keeps the last {self._n} rows of each key",
                    hint="raise the setting `memory`, or group `by` fields of fewer values",
                )  # fmt: skip
            local.charged = now


def _put(batch: Batch, places: tuple[int, ...], columns: list[pa.Array[Any]]) -> Batch:
    """Those that overwrite first, as the others go behind all that were there."""
    n = len(batch.columns)
    pairs = sorted(zip(places, columns, strict=True), key=lambda pair: pair[0])
    for place, column in pairs:
        batch = batch.put((place,), (column,)) if place < n else batch.with_columns((column,))
    return batch
