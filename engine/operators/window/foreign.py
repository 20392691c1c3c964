"""`windowjoin`: aggregates over rows of a subquery around each row.

The rows of both sides are grouped and put in order of time together. Those that came in see, those of the subquery are
seen; a column tells which is which. So frames, aggregates, spilling and notes are those of `window`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from ....planner.records import dataclass
from ....planner.types import Schema, Type
from ...arrow import array_from, call, no_value
from ...arrow import nulls as null_array
from ...batch import Batch, Column, Spans
from ...context import Context
from ...notes import At
from ...operator import Emit, Flow, SideRun, Source, StreamTransform
from ..asof.living import BEYOND, FAR_HINT, Living
from ..asof.times import Clock
from ..collect import CollectSink
from ..joinkeys import Side
from .chunks import kept
from .inputs import InputsTransform
from .sink import NULL_TIME, Local, WindowSink
from .spec import Computed, Program


@dataclass(frozen=True, slots=True)
class Sides:
    """`time`, `righttime`: columns of either side; `args`: columns of the right (with what is computed) that are wanted.

    The program's columns are those of the left, the time, whether a row is seen, then `args`.
    """

    left: Side
    right: Side
    time: int
    righttime: int
    clock: Clock
    kind: Type  # of the times of both sides
    args: tuple[int, ...]

    def whole(self, array: pa.Array[Any]) -> pa.Array[Any]:
        """Times of the one kind; those out of reach are null."""
        found = self.clock.times(array)
        return array_from(found.key, None if found.valid is None else ~found.valid, self.kind.arrow)


class SeenTransform(StreamTransform):
    """Of the subquery: keys, time and arguments of rows that can be seen."""

    def __init__(self, sides: Sides, at: At) -> None:
        self._sides = sides
        self._living = Living(sides.right, sides.clock, sides.righttime, at)

    def push(self, batch: Batch, local: Context, emit: Emit) -> Flow:
        batch = self._living.rows(batch, local)
        if not batch.n_rows:
            return Flow.MORE
        sides = self._sides
        keys, _ = sides.right.keys(batch)
        time = sides.whole(batch.array(sides.righttime))
        return emit(Batch(batch.n_rows, (*keys, time, *(batch.columns[i] for i in sides.args)), batch.origin))


class ForeignSink(WindowSink):
    """Takes the left, then from `seen` the rows of the right."""

    def __init__(self, program: Program, sides: Sides, seen: Source, at: At) -> None:
        super().__init__(program, at)
        self._sides, self._seen = sides, seen
        self._n_keys, self._left_columns = len(sides.left.types), program.carried

    def push(self, batch: Batch, local: Local) -> Flow:
        n, sides = batch.n_rows, self._sides
        if not n:
            return Flow.MORE
        times = sides.clock.times(batch.array(sides.time))
        if times.beyond is not None:
            rows, text = np.flatnonzero(times.beyond), batch.columns[sides.time]
            local.ctx.notes.rows(self._at, "reject", BEYOND, batch, rows, text, FAR_HINT)
        if times.valid is not None:
            missing = ~times.valid if times.beyond is None else ~times.valid & ~times.beyond
            if missing.any():
                local.ctx.notes.rows(self._at, "drop", NULL_TIME, batch, np.flatnonzero(missing), None)
        plain = self._plain(sides.whole(batch.array(sides.time)), n)
        local.trail.add(batch)
        self._take(self._keys(batch), [kept(batch, i) for i in range(self._left_columns)], plain, n, local)
        return Flow.MORE

    def _keys(self, batch: Batch) -> list[Column]:
        """Those that equal none of the right's are as good as null."""
        keys, never = self._sides.left.keys(batch)
        if never is None:
            return keys
        mask = array_from(never)
        plain = [k.to_arrow() if isinstance(k, Spans) else k for k in keys]
        return [call("if_else", mask, no_value(k.type), k) for k in plain]

    def _plain(self, time: pa.Array[Any], n: int, seen: Sequence[pa.Array[Any]] | None = None) -> list[pa.Array[Any]]:
        """What is computed from, in the order in which it is held: `seen` are the arguments, of the left there are none."""
        found = {self._left_columns: time, self._left_columns + 1: array_from(np.full(n, seen is not None))}
        for j in range(len(self._sides.args)):
            i = self._left_columns + 2 + j
            found[i] = null_array(n, self._program.types[i].arrow) if seen is None else seen[j]
        return [found[i] for i in self._needed]

    def combine(self, local: Local) -> None:
        self._goes_out = False
        if getattr(self._seen, "on_disk", False):
            self._spill(local)  # what is read from there needs memory of its own
        for part in self._seen.partitions(1 << 18):
            for batch in part.batches(local.ctx):
                local.ctx.check()
                args = [batch.array(i) for i in range(self._n_keys + 1, len(batch.columns))]
                plain = self._plain(batch.array(self._n_keys), batch.n_rows, args)
                self._take(batch.columns[: self._n_keys], [], plain, batch.n_rows, local)
        super().combine(local)

    def close(self) -> None:
        super().close()
        close = getattr(self._seen, "close", None)
        if close is not None:
            close()


class ForeignRun(SideRun):
    """A window join as operators: what takes the right, and what the left goes through when the right is there."""

    def __init__(self, program: Program, sides: Sides, computed: Sequence[Computed], right: Schema, at: At) -> None:
        self._program, self._sides, self._at = program, sides, at
        taken = CollectSink(at)
        args = [(f"argument {i}", program.types[program.carried + 2 + i]) for i in range(len(sides.args))]
        keys = [(f"key {i}", t) for i, t in enumerate(sides.right.types)]
        taken.schema = Schema((*keys, ("time", sides.kind), *args))
        before = [InputsTransform(computed, right, at)] if computed else []
        self.right = [*before, SeenTransform(sides, at), taken]

    def left(self, taken: Source, ordered: bool) -> list[Any]:
        return [ForeignSink(self._program, self._sides, taken, self._at)]
