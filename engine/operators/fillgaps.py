"""Filling of gaps whose end must be known, on disk: by three passes over sorted rows.

Forward, in order of groups (and time), each row learns what stands before its gap; backward, what stands behind it; then
the rows are put back into input order.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from ...planner.plan import SortKey
from ...planner.records import dataclass
from ...planner.types import BOOL, LONG, Schema, Type, scalar
from ..arrow import array_from, bools_of, concat, is_valid, numbers_of
from ..batch import Batch
from ..context import Context
from ..notes import At
from .fillcarry import Clock, Ends, Fill, Side, changes, filled
from .resort import PLACE, Sorter

PART = 0.22  # of the operator's memory, for each of the sorts that are open at once
NUMBER = "\0number"


@dataclass(frozen=True, slots=True, kw_only=True)
class Gaps:
    """Columns `targets` are filled, each group of `keys` apart; `types`: of the columns when they are.

    `time`: the column of the row's time, where it is needed. `values`: what fills them with method `value`.
    """

    fill: Fill
    targets: tuple[int, ...]
    types: tuple[Type, ...]
    keys: tuple[int, ...] = ()
    time: int | None = None
    values: tuple[Any, ...] = ()

    def out(self, schema: Schema) -> Schema:
        for i, kind in zip(self.targets, self.types, strict=True):
            schema = schema.put(schema.fields[i][0], kind)
        return schema

    def constant(self, j: int) -> Any:
        return scalar(self.values[j], self.types[j]) if self.values else None

    def clock(self, columns: Sequence[pa.Array[Any]] | Mapping[int, pa.Array[Any]], first: int, n: int) -> Clock:
        """Rows numbered from `first` on."""
        numbers = np.arange(first, first + n, dtype=np.int64)
        if self.time is None:
            return Clock(numbers, np.zeros(n, np.int64), np.ones(n, np.bool_))
        times = columns[self.time]
        if pa.types.is_null(times.type):
            return Clock(numbers, np.zeros(n, np.int64), np.zeros(n, np.bool_))
        valid = is_valid(times)
        return Clock(numbers, np.where(valid, numbers_of(times), 0), valid)


class GapPasses:
    """Takes rows in input order; `schema` has their place as its last column. Gives them back in that order, filled.

    Where gaps go by time, rows without a time are no part of any: they come back as they are.
    """

    def __init__(self, gaps: Gaps, schema: Schema, ctx: Context, at: At) -> None:
        self._gaps, self._schema, self._ctx, self._at = gaps, schema, ctx, at
        self._types = [schema.fields[i][1] for i in gaps.targets]
        names = schema.names()
        keys = [SortKey(names[gaps.time])] if gaps.fill.by_time and gaps.time is not None else []
        self._by = [names[i] for i in gaps.keys]
        self._sorters: list[Sorter] = []
        self._forward = self._sorter(schema, by=self._by, keys=keys)
        self._home = self._sorter(gaps.out(schema), keys=[SortKey(PLACE)])

    def _sorter(self, schema: Schema, **how: Any) -> Sorter:
        made = Sorter(schema, self._ctx, self._at, part=PART, **how)
        self._sorters.append(made)
        return made

    def add(self, batch: Batch) -> None:
        if not self._gaps.fill.by_time:
            self._forward.add(batch)
            return
        timed = self._gaps.clock([batch.array(i) for i in range(len(batch.columns))], 0, batch.n_rows).timed
        if not timed.all():
            self._send_home(batch.pick(~timed), [batch.pick(~timed).array(i) for i in self._gaps.targets])
            batch = batch.pick(timed)
        if batch.n_rows:
            self._forward.add(batch)

    def batches(self) -> Iterator[Batch]:
        if self._gaps.fill.looks_ahead:
            self._back_from(self._ahead(self._forward))
        else:
            for batch, ends in self._looked(self._forward.batches(), forward=True):
                clock = self._clock(batch, 0)
                self._finish(batch, ends, None, clock)
        self._forward.close()
        yield from self._home.batches()

    def _clock(self, batch: Batch, first: int) -> Clock:
        return self._gaps.clock([batch.array(i) for i in range(len(self._schema))], first, batch.n_rows)

    def _looked(self, batches: Iterator[Batch], *, forward: bool) -> Iterator[tuple[Batch, list[Ends]]]:
        """Each batch, whose rows are in order of their groups, with what bounds the gaps on the side it comes from."""
        side, before, first = Side(len(self._gaps.targets)), None, 0
        key_types = [self._schema.fields[i][1] for i in self._gaps.keys]
        for batch in batches:
            keys = [batch.array(i) for i in self._gaps.keys]
            if before is None:
                begins = changes(keys, key_types, batch.n_rows)
            else:
                joined = [concat([b, k]) for b, k in zip(before, keys, strict=True)]
                begins = changes(joined, key_types, batch.n_rows + 1)[1:]
            before = [k.slice(batch.n_rows - 1) for k in keys]
            clock = self._clock(batch, first)
            if not forward:
                clock = Clock(numbers_of(batch.array(len(self._schema))), clock.times, clock.timed)
            first += batch.n_rows
            yield batch, side.ends([batch.array(i) for i in self._gaps.targets], begins, clock)

    def _ahead(self, rows: Sorter) -> Sorter:
        """The forward pass: what stands before each row's gap goes along with it."""
        wide = self._schema.put(NUMBER, LONG)
        for j, kind in enumerate(self._types):
            for what, type_ in (("v", kind), ("n", LONG), ("t", LONG), ("k", BOOL), ("o", BOOL)):
                wide = wide.put(f"\0{what}{j}", type_)
        out = self._sorter(wide, keys=[SortKey(NUMBER, descending=True)])
        first = 0
        for batch, ends in self._looked(rows.batches(), forward=True):
            more: list[Any] = [array_from(np.arange(first, first + batch.n_rows, dtype=np.int64))]
            for e in ends:
                more += [e.values, *map(array_from, (e.numbers, e.times, e.timed, e.is_open))]
            out.add(batch.with_columns(more))
            first += batch.n_rows
        return out

    def _back_from(self, rows: Sorter) -> None:
        n = len(self._schema)
        for batch, after in self._looked(rows.batches(), forward=False):
            before = [_ends_of(batch, n + 1 + 5 * j) for j in range(len(self._gaps.targets))]
            self._finish(batch.select(range(n)), before, after, self._clock(batch, 0))
        rows.close()

    def _finish(self, batch: Batch, before: Sequence[Ends], after: Sequence[Ends] | None, clock: Clock) -> None:
        made = [
            filled(self._gaps.fill, batch.array(i), self._gaps.constant(j), before[j], None if after is None else after[j],
                   clock, self._types[j], self._gaps.types[j])
            for j, i in enumerate(self._gaps.targets)
        ]  # fmt: skip
        self._send_home(batch, made)

    def _send_home(self, batch: Batch, made: Sequence[pa.Array[Any]]) -> None:
        from ..arrow import call

        typed = [
            c if c.type == t.arrow else call("cast", c, t.arrow, safe=False)
            for c, t in zip(made, self._gaps.types, strict=True)
        ]
        self._home.add(batch.put(self._gaps.targets, typed))

    @property
    def spilled_bytes(self) -> int:
        return sum(s.spilled_bytes for s in self._sorters)

    def close(self) -> None:
        for sorter in self._sorters:
            sorter.close()


def _ends_of(batch: Batch, at: int) -> Ends:
    values, numbers, times, timed, is_open = (batch.array(at + k) for k in range(5))
    return Ends(values, numbers_of(numbers), numbers_of(times), bools_of(timed), bools_of(is_open))
