"""What an Aggregate node asks for, prepared once: distinct expressions, and the states that take their values."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, cast

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ...planner.expr import Expr, FieldRef, is_volatile
from ...planner.plan import Aggregate
from ...planner.records import dataclass
from ...planner.types import Schema, Type
from ..arrow import indices, is_valid
from ..batch import Batch, Column, Spans
from ..context import Context
from ..exprs import Eval, coded_of, has_codes, over, plain, truth
from ..needs import of_states
from ..notes import At
from .grouping import NO_CODES, Keys, ManyKeys, OneKey, Stop, new_keys
from .sharedtable import SharedTable
from .states import State
from .states.base import Maker, Rows
from .states.sums import Count, SumLong
from .states.weighted import Weighted

QUICK_STATES = 4
ROOM_TO_COUNT = 4096  # groups beyond those that are met
MOST_IN_LANES = 1 << 17  # groups; of more, few rows that follow each other are of one


@dataclass(frozen=True, slots=True)
class Slot:
    """One state, perhaps of several aggregates. Expressions by number."""

    make: Callable[[], State]
    args: tuple[int, ...]
    where: int | None


@dataclass(frozen=True, slots=True)
class Output:
    """One aggregate: its slot, which of the state's values it is, its type."""

    slot: int
    out: str
    type: Type


class Program:
    def __init__(self, node: Aggregate, schema: Schema, at: At) -> None:
        self.schema, self.at = schema, at
        self.exprs: list[Expr] = []
        self.keys = [self._number(k.expr.expr) for k in node.keys]
        self.key_types = tuple(k.expr.type for k in node.keys)
        self.slots: list[Slot] = []
        self.outputs: list[Output] = []
        known: list[Any] = []
        for agg in node.aggs:
            maker: Maker = agg.function.state([b.type for b in agg.args], agg.data)
            state = maker.make()
            args = tuple(self._number(b.expr) for b in agg.args[: state.arity])
            where = self._number(agg.where.expr) if agg.where is not None else None
            same = (state.key(), args, where)
            if same not in known:
                known.append(same)
                self.slots.append(Slot(maker.make, args, where))
            self.outputs.append(Output(known.index(same), maker.out, agg.type))
        self._hosts = self._put_hosts_first()
        self.asked = [tuple(o.out for o in self.outputs if o.slot == i) for i in range(len(self.slots))]
        self.guards = self._guards()
        self._widths: list[int] | None = None
        only = self.slots[0] if len(self.slots) == 1 else None
        self._counts_alone = (
            only is not None and not only.args and only.where is None and isinstance(only.make(), Count)
        )
        self.ordered = any(s.make().ordered for s in self.slots)
        self.volatile = [i for i, e in enumerate(self.exprs) if is_volatile(e)]
        used = {i for s in self.slots for i in (*s.args, s.where)}
        self.coded = {i for i in self.keys if i not in used and has_codes(self.exprs[i])}
        self._fields = {i: schema.index(e.name) for i, e in enumerate(self.exprs) if isinstance(e, FieldRef)}

    def kernels(self) -> frozenset[str]:
        """Of keys and of states; what takes keys that are codes comes with a source that gives such."""
        coded = ("codes",) if self.coded else ()
        several = ("codes", "cells", "buckets", "dense") if len(self.keys) > 1 else ()
        return frozenset(("group", *coded, *several)) | of_states(s.make() for s in self.slots)

    def is_quick(self, but: int = -1) -> bool:
        """Whether a row costs little: no expression, besides number `but`, is worked out, and states are few."""
        return len(self.slots) <= QUICK_STATES and len(self._fields.keys() | {but} - {-1}) == len(self.exprs)

    def _number(self, expr: Expr) -> int:
        """Equal expressions have one number and are evaluated once a batch."""
        if expr not in self.exprs:
            self.exprs.append(expr)
        return self.exprs.index(expr)

    def _guards(self) -> dict[int, tuple[int, ...]]:
        """Of arguments that only aggregates with `where` have: these conditions. Rows that none lets through count no rejects."""
        free = {*self.keys, *(s.where for s in self.slots), *(i for s in self.slots if s.where is None for i in s.args)}
        guarded = {i for s in self.slots for i in s.args} - free
        return {i: tuple({s.where: None for s in self.slots if s.where is not None and i in s.args}) for i in guarded}

    def _put_hosts_first(self) -> dict[int, int]:
        """Slots of sums of which another slot has the same: that slot, which now comes before them."""
        kinds = [type(s.make()) for s in self.slots]
        weighted = [i for i, kind in enumerate(kinds) if kind is Weighted]
        order = [*weighted, *(i for i in range(len(kinds)) if i not in weighted)]
        self.slots = [self.slots[i] for i in order]
        self.outputs = [replace(o, slot=order.index(o.slot)) for o in self.outputs]
        hosts: dict[int, int] = {}
        for i in range(len(weighted), len(order)):
            same = [(h.args[1:], h.where) for h in self.slots[: len(weighted)]]
            if kinds[order[i]] is SumLong and (found := (self.slots[i].args, self.slots[i].where)) in same:
                hosts[i] = same.index(found)
        return hosts

    def states(self) -> list[State]:
        made = [s.make() for s in self.slots]
        for rider, host in self._hosts.items():
            cast(SumLong, made[rider]).ride(cast(Weighted, made[host]))
        return made

    def table(self, compiled: bool, capacity: int = 1 << 10, shared: SharedTable | None = None) -> Table:
        """`shared`: of the one key."""
        keys = (
            new_keys(self.key_types, compiled, capacity)
            if shared is None
            else OneKey(self.key_types, True, capacity, shared)
        )
        made = Table(keys, self.states(), self._counts_alone)
        made.fit()
        return made

    def widths(self) -> list[int]:
        """How many columns each state exports."""
        if self._widths is None:
            none = np.empty(0, np.int32)
            self._widths = [len(s.make().export(none)) for s in self.slots]
        return self._widths

    def values(self, batch: Batch, ctx: Context, seen: int = 0) -> Values:
        """`seen`: rows before this batch, where an expression goes by them."""
        return Values(self, batch, over(batch, self.schema, ctx, self.at, (0, seen)), {})


@dataclass(slots=True)
class Values:
    """The program's expressions over one batch, evaluated when first asked for."""

    program: Program
    batch: Batch
    ev: Eval
    known: dict[int, Column]

    def column(self, i: int) -> Column:
        """A column in any form."""
        found = self.known.get(i)
        if found is None and i in self.program.coded:
            found = coded_of(self.program.exprs[i], self.ev)
        if found is None:
            found = self.ev.as_column(self.ev.run(self.program.exprs[i], self._active(i)))
        self.known[i] = found
        return found

    def _active(self, i: int) -> NDArray[np.bool_] | None:
        guards = self.program.guards.get(i)
        if guards is None:
            return None
        active = np.zeros(self.batch.n_rows, np.bool_)
        for where in guards:
            active |= truth(self.column(where), self.batch.n_rows)
        return active

    def array(self, i: int) -> pa.Array[Any]:
        """A plain Arrow array; the batch remembers those of its own columns."""
        field = self.program._fields.get(i)
        return self.batch.array(field) if field is not None else plain(self.column(i), self.batch.n_rows)

    def update(
        self, table: Table, groups: NDArray[np.int32], place: NDArray[np.int64] | None, compiled: bool, stop: Any
    ) -> None:
        for slot, state in zip(self.program.slots, table.states, strict=True):
            if stop[0]:  # nobody will ask for what is missing
                return
            args = [self.column(i) if state.raw else self.array(i) for i in slot.args]
            rows = Rows(groups, args, place if state.ordered else None, compiled, stop)
            if slot.where is not None:
                rows = chosen(rows, truth(self.column(slot.where), self.batch.n_rows))
            state.update(rows)


@dataclass(slots=True)
class Table:
    """Keys and states of one Local or one radix part."""

    keys: Keys
    states: list[State]
    counts_alone: bool = False  # the one state counts the rows
    room: int = 0  # groups the states have space for

    def needs_room(self) -> bool:
        return self.keys.n > self.room

    def fit(self, exact: bool = False, growth: int = 2) -> None:
        if self.needs_room():
            self.make_room(self.keys.n if exact else max(growth * self.room, self.keys.n, 64))

    def make_room(self, n: int) -> None:
        """Space in the states for so many groups."""
        self.room = n
        for state in self.states:
            state.resize(n)

    def tally(self, keys: Sequence[Column], n_rows: int, stop: Stop) -> int:
        """How many rows, from the first on, were counted where their groups were found; nothing else is wanted of them."""
        if not (self.counts_alone and isinstance(self.keys, ManyKeys)):
            return 0
        counter, row = cast(Count, self.states[0]), 0
        while row < n_rows and self.keys.n <= MOST_IN_LANES:
            lanes = counter.lanes(self.keys.n + ROOM_TO_COUNT)
            before, row = row, self.keys.number(keys, row, n_rows, NO_CODES, lanes, stop)
            if row == before:
                break
        return row

    def leave_shared(self) -> None:
        """From here on its keys are its own, and no others come than it adds."""
        if isinstance(self.keys, OneKey):
            self.keys.coder.leave_shared()
            self.fit(exact=True)

    def nbytes(self) -> int:
        return self.keys.nbytes() + sum(s.nbytes() for s in self.states)

    def fold(self, other: Table, members: NDArray[np.int32], ctx: Context, *beside: Table) -> None:
        """Add groups `members` of another table, and of those that have the same keys."""
        groups = self.keys.merge(other.keys, members, ctx.stop)  # type: ignore[arg-type]
        ctx.check()
        self.fit(exact=True)
        for table in (other, *beside):
            for mine, theirs in zip(self.states, table.states, strict=True):
                mine.merge(theirs, members, groups, ctx.compiled)

    def fold_batch(self, batch: pa.RecordBatch, program: Program, ctx: Context) -> None:
        """Add groups that were exported: keys first, then each state's columns."""
        n, n_keys = batch.num_rows, len(program.key_types)
        groups = self.keys.ids(batch.columns[:n_keys], n, ctx.stop)
        ctx.check()
        self.fit()
        members, at = np.arange(n, dtype=np.int32), n_keys
        for mine, slot, width in zip(self.states, program.slots, program.widths(), strict=True):
            loaded = slot.make()
            loaded.resize(n)
            loaded.load(batch.columns[at : at + width])
            mine.merge(loaded, members, groups, ctx.compiled)
            at += width


def null_mask(column: Column) -> NDArray[np.bool_]:
    if isinstance(column, Spans):
        return column.length < 0
    if pa.types.is_dictionary(column.type) and column.dictionary.null_count:  # type: ignore[attr-defined]
        return ~is_valid(column.dictionary.take(column.indices))  # type: ignore[attr-defined]
    return ~is_valid(column)


def taken(column: Column, rows: NDArray[Any]) -> Any:
    return column.take(rows) if isinstance(column, Spans) else column.take(indices(rows))


def chosen(rows: Rows, mask: NDArray[np.bool_]) -> Rows:
    """The rows where mask holds."""
    if mask.all():
        return rows
    at = np.flatnonzero(mask)
    place = rows.place[at] if rows.place is not None else None
    return Rows(rows.groups[at], [taken(a, at) for a in rows.args], place, rows.compiled, rows.stop)


__all__ = ["Program", "Table", "Values", "chosen", "null_mask", "taken"]
