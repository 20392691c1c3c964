"""The rows of the right that can match one of the left; the others are counted."""

from __future__ import annotations

import numpy as np

from ....planner.records import dataclass
from ...batch import Batch
from ...context import Context
from ...notes import At
from ..joinkeys import Side, null_rows
from .times import Clock, Mask

NULL_TIME, NULL_KEY, BEYOND = "null time", "null key", "overflow"
FAR_HINT = "beside nanoseconds only the years 1677 to 2262 are in reach"


@dataclass(frozen=True, slots=True)
class Living:
    """`time`: the column of the time."""

    side: Side
    clock: Clock
    time: int
    at: At

    def rows(self, batch: Batch, ctx: Context) -> Batch:
        """Those with a time within reach and no null key."""
        times = self.clock.times(batch.array(self.time))
        keys, never = self.side.keys(batch)
        own = [keys[j] if i is None else batch.columns[i] for j, (i, _, _) in enumerate(self.side.columns)]
        nulls = null_rows(own)
        dead = np.zeros(batch.n_rows, np.bool_)
        if times.beyond is not None:
            dead |= times.beyond
            self._tell("reject", BEYOND, batch, times.beyond, ctx, FAR_HINT)
        if times.valid is not None:
            self._tell("drop", NULL_TIME, batch, ~times.valid & ~dead, ctx)
            dead |= ~times.valid
        if nulls is not None:
            self._tell("drop", NULL_KEY, batch, nulls & ~dead, ctx)
        for lost in (null_rows(keys), never):  # a value that the left cannot have is no null: nothing is told of it
            if lost is not None:
                dead |= lost
        return batch.pick(~dead) if dead.any() else batch

    def _tell(self, kind: str, reason: str, batch: Batch, which: Mask, ctx: Context, hint: str = "") -> None:
        rows = np.flatnonzero(which)
        if len(rows):
            text = batch.columns[self.time] if kind == "reject" else None
            ctx.notes.rows(self.at, kind, reason, batch, rows, text, hint)
