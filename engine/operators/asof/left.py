"""What both ways of an as-of join, in memory and by parts on disk, need to know of its left."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ....planner.combine import Asof
from ....planner.records import dataclass
from ...batch import Batch
from ..joinkeys import nulls_of
from .living import BEYOND, FAR_HINT
from .rows import Match
from .search import Wish, wish_of
from .times import Clock, Times, clock_of

CLASH_HINT = "prefix= keeps both"
Tell = Callable[[str, str, Batch, Any, Any, str], None]  # kind, reason, rows, which of them, text, hint


@dataclass(frozen=True, slots=True)
class Left:
    """`on`: the column of its time; `clashes`: fields, and their columns, that the right has as well."""

    on: int
    clock: Clock
    wish: Wish
    clashes: tuple[tuple[str, int], ...]

    @staticmethod
    def of(node: Asof) -> Left:
        schema, clock = node.left.schema, clock_of(node)
        clashes = tuple((n, schema.index(n)) for n in node.clashes if n in schema)
        return Left(schema.index(node.on), clock, wish_of(node, clock), clashes)

    def times(self, batch: Batch) -> Times:
        return self.clock.times(batch.array(self.on))

    def tell(self, batch: Batch, match: Match, times: Times, tell: Tell) -> None:
        """Times that are out of reach, and what the subquery's values stand in place of."""
        if times.beyond is not None:
            tell("reject", BEYOND, batch, np.flatnonzero(times.beyond), batch.columns[self.on], FAR_HINT)
        for name, i in self.clashes:
            nulls = nulls_of(batch.columns[i])
            rows = np.flatnonzero(
                match.has if nulls is None else match.has & ~nulls
            )  # where nothing stood nothing is lost
            if len(rows):
                reason = f"the subquery's '{name}' stands instead"
                tell("overwrite", reason, batch, rows, batch.columns[i], CLASH_HINT)
