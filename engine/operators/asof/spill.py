"""An as-of join whose right side is on disk: parts by key one after the other, a part that does not fit by stretches of time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from ....planner.combine import Asof
from ....planner.plan import SortKey
from ...arrow import array_from, concat, indices, numbers_of
from ...arrow import nulls as null_array
from ...batch import Batch, Origin
from ...memory import Budget
from ...notes import At
from ..grace import NOWHERE, Grace, Rows, Work
from ..grouping import new_keys
from ..knownkeys import KnownKeys
from ..resort import PLACE, Sorter, with_place
from .build import ROW_BYTES, BuildSink
from .held import Held
from .index import Index
from .left import Left
from .rows import AsofJoiner, Matcher
from .stretches import LEAST, MOST, Columns, Stretches
from .times import Mask, Times

LEAST_ROOM = 256 << 10  # bytes of the right that are held at once, however short memory is
LEAST_SORT = 1 << 20  # the same, while they are put in order


class AsofGrace(Grace):
    def __init__(self, node: Asof, at: At, built: BuildSink, held: Held, *, ordered: bool) -> None:
        Grace.__init__(self, node, at, ordered=ordered)
        self._asof, self._writers, self._layout = node, held.writers, built.layout
        self._left_times = Left.of(node)
        self._row_bytes = ROW_BYTES * (1 + len(self._layout.columns) * node.skipnull)

    def steps(self, part: int, work: Work) -> Iterator[None]:
        room = max(work.room, LEAST_ROOM)
        if self._right_bytes(part) <= room:
            yield from self._against([LEAST, MOST], iter([self._made(self._read(part), work)]), part, work)
            return
        stretches = Stretches(
            partial(self._made, work=work), self._layout.n_keys, self._left_times.wish, self._at.command, work.ctx
        )
        try:
            self._cut(part, stretches, room, work)
            stretches.look_ahead()
            yield from self._against(stretches.bounds(), stretches.in_turn(), part, work)
        finally:
            stretches.close()

    def _against(self, bounds: list[int], pieces: Iterator[Held], part: int, work: Work) -> Iterator[None]:
        """The left of a part against pieces of its right, each of which has all for the times between two bounds."""
        for i, held in enumerate(pieces):
            matcher = Matcher(held, self._side, self._left_times.wish, work.ctx)
            joiner = AsofJoiner(self._asof, held, self._left_times.clock, work.noting or work.ctx, self._at)
            for batch, places, rows in self._left(part, last=i == len(bounds) - 2):
                work.ctx.check()
                mine = _within(self._left_times.times(batch), bounds[i], bounds[i + 1])
                if mine is not None:
                    batch, places, rows = batch.pick(mine), places[mine], rows[mine]
                if batch.n_rows:
                    self._matched(batch, places, rows, matcher, joiner, work)
                    yield

    def _matched(
        self, batch: Batch, places: Rows, rows: Rows, matcher: Matcher, joiner: AsofJoiner, work: Work
    ) -> None:  # fmt: skip
        times = self._left_times.times(batch)
        match = matcher.match(batch, times)

        def tell(kind: str, reason: str, batch: Batch, which: Any, text: Any, hint: str) -> None:
            wanted = np.zeros(batch.n_rows, np.bool_)
            wanted[which] = True
            self._tell_rows(batch, places, rows, wanted, kind, reason, text, hint, work)

        self._left_times.tell(batch, match, times, tell)
        joiner.tell = tell
        if self._node.type == "inner":
            has = match.has
            batch, places, rows, match = batch.pick(has), places[has], rows[has], match.pick(has)
        if batch.n_rows:
            made = joiner.matched(batch, match)
            self._emit(made, places, np.full(batch.n_rows, NOWHERE), rows, work)

    # the right

    def _right_bytes(self, part: int) -> int:
        n = sum(int(w.rows[part]) for w in self._writers)
        return 2 * sum(int(w.sizes[part]) for w in self._writers) + self._row_bytes * n

    def _read(self, part: int) -> Columns:
        """Keys, time and columns in the order in which they came."""
        held = [found for w in self._writers for found in w.batches(part, last=True)]
        if not held:
            return [null_array(0, t.arrow) for _, t in self._layout.schema.fields]
        order = indices(np.argsort(np.concatenate([p for _, p in held]), kind="stable"))
        return [concat([c[i] for c, _ in held]).take(order) for i in range(len(self._layout.schema))]

    def _made(self, columns: Columns, work: Work) -> Held:
        n_keys, ctx = self._layout.n_keys, work.ctx
        time = numbers_of(columns[n_keys])
        keys = new_keys(self._layout.side.types, ctx.compiled)
        code = keys.ids(columns[:n_keys], len(time), ctx.stop)
        ctx.check()
        index = Index(code, time, keys.n)
        held = Held(dict(zip(self._layout.columns, columns[n_keys + 1 :], strict=True)), index, KnownKeys(keys, ctx))
        if self._asof.skipnull:
            held.mask()
        return held

    def _cut(self, part: int, stretches: Stretches, room: int, work: Work) -> None:
        """The rows of a part in order of time."""
        schema = self._layout.schema
        ctx = replace(work.ctx, share=Budget(max(2 * room, LEAST_SORT)))  # what the pieces have when they are made
        sorter = Sorter(with_place(schema), ctx, self._at, keys=(SortKey("time"), SortKey(PLACE)), part=1.0)
        try:
            for writer in self._writers:
                for columns, places in writer.batches(part, last=True):
                    sorter.add(Batch(len(places), (*columns, array_from(places)), Origin(0)))
            stretches.cut(sorter.batches(), len(schema), room, self._row_bytes)
        finally:
            sorter.close()


def _within(times: Times, low: int, high: int) -> Mask | None:
    """Rows whose time is in low .. high; those without one are the first piece's. None: all."""
    if low == LEAST and high == MOST:
        return None
    mine: Mask = (times.key >= low) & ((times.key < high) | (high == MOST))
    return mine if times.valid is None else np.where(times.valid, mine, low == LEAST)
