"""The rows of an as-of join from those of the left and what was found for them."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ....planner.combine import Asof
from ....planner.records import dataclass
from ....planner.types import NULL
from ...arrow import array_from
from ...arrow import nulls as null_array
from ...batch import Batch, Column
from ...context import Context
from ...notes import At
from ..joinkeys import Side
from ..joinrows import Field, Joiner
from ..knownkeys import Numbers
from ..window.evaluation import is_fixed
from .held import Held
from .living import BEYOND
from .search import Searcher, Wish
from .times import I64, Clock, Times, gap_of

I32 = NDArray[np.int32]
GAP_HINT = "a distance beyond 64 bits is null"


@dataclass(frozen=True, slots=True)
class Match:
    """For each row of the left a row of the right or -1; for some columns of the right one of their own. `key`: its time."""

    rows: I32
    own: dict[int, I32]
    key: I64

    @property
    def has(self) -> NDArray[np.bool_]:
        return self.rows >= 0

    def pick(self, mask: NDArray[np.bool_]) -> Match:
        return Match(self.rows[mask], {i: r[mask] for i, r in self.own.items()}, self.key[mask])


class Matcher:
    """Matches rows of the left, for one worker."""

    def __init__(self, held: Held, side: Side, wish: Wish, ctx: Context) -> None:
        self._numbers = Numbers(side, held.known, ctx)
        self._searcher = Searcher(held.index, wish, ctx)
        self._own = {i: Searcher(index, wish, ctx) for i, index in held.masked.items()}

    def match(self, batch: Batch, times: Times) -> Match:
        code = self._numbers.of(batch)
        if times.valid is not None:
            code = np.where(times.valid, code, np.int32(-1))
        rows = self._searcher.rows(code, times.key)
        return Match(rows, {i: s.rows(code, times.key) for i, s in self._own.items()}, times.key)


CUT = "gap: nanoseconds cut off"


class AsofJoiner(Joiner):
    """Makes batches of matched rows, for one worker."""

    def __init__(self, node: Asof, held: Held, clock: Clock, ctx: Context, at: At) -> None:
        super().__init__(node, held, ctx.settings.timezone)
        self._held, self._clock, self._ctx = held, clock, ctx
        self._gap = node.gap
        self._kinds = (node.left.schema.type(node.on) or NULL, node.right.schema.type(node.righton) or NULL)
        self._match: Match | None = None
        self.tell: Any = partial(ctx.notes.rows, at)  # kind, reason, rows, which of them, text, hint

    def matched(self, left: Batch, match: Match) -> Batch:
        self._match = match
        return self.pairs(left, match.rows)

    def _column(self, f: Field, left: Batch, rows: I32, missing: NDArray[np.bool_] | None) -> Column:
        if f.name == self._gap:
            return self._distance(f, left, rows, missing)
        return super()._column(f, left, rows, missing)

    def _taken(self, f: Field, rows: I32, missing: NDArray[np.bool_] | None) -> Column:
        assert self._match is not None and f.right is not None
        own = self._match.own.get(f.right)
        if own is not None:
            lacks = own < 0
            rows, missing = own, lacks if lacks.any() else None
        column = self._held.columns[f.right]
        if self._ctx.compiled and column.type == f.type.arrow and is_fixed(column.type) and len(column):
            return self._held.gathered(f.right, rows, missing)
        return super()._taken(f, rows, missing)

    def _distance(self, f: Field, left: Batch, rows: I32, missing: NDArray[np.bool_] | None) -> pa.Array[Any]:
        assert self._match is not None
        theirs = self._held.index.key
        if not len(theirs):
            return null_array(left.n_rows, f.type.arrow)
        mine, other = self._match.key, theirs[np.maximum(rows, 0)]
        gap, beyond, cut = gap_of(self._clock, *self._kinds, mine, other)
        if missing is not None:
            beyond = beyond & ~missing
        if beyond.any():
            self._tell(left, np.flatnonzero(beyond), mine, other)
        nulls = beyond if missing is None else beyond | missing
        if cut is not None and (cut & ~nulls).any():
            self.tell("info", CUT, left, np.flatnonzero(cut & ~nulls), None)
        return array_from(gap, nulls, f.type.arrow)

    def _tell(self, left: Batch, rows: NDArray[np.int64], mine: I64, other: I64) -> None:
        """Samples show the distance as it would be."""
        texts = np.full(left.n_rows, None, object)
        texts[rows] = [str(int(a) - int(b)) for a, b in zip(mine[rows], other[rows], strict=True)]
        shown = pa.array(texts.tolist(), pa.string())
        self.tell("reject", BEYOND, left, rows, shown, GAP_HINT)
