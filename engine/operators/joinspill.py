"""A join whose right side is on disk: the left is cut into the same parts. A part that does not fit is joined in pieces."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ...planner.combine import Join
from ..arrow import concat, indices
from ..arrow import nulls as null_array
from ..batch import Batch, Origin
from ..context import Context
from ..notes import At
from .grace import BEHIND, NOWHERE, Grace, Rows, Work
from .joinbuild import ROW_BYTES, Built
from .joinkeys import nulls_of
from .joinprobe import HINT, Matcher
from .joinrows import Joiner, RightJoiner
from .keytable import Ids


class GraceSink(Grace):
    """The rows of a join."""

    def __init__(self, node: Join, at: At, built: Built, *, ordered: bool = True) -> None:
        Grace.__init__(self, node, at, ordered=ordered)
        self._join, self._right = node, built
        self._n_doubled = 0

    def steps(self, part: int, work: Work) -> Iterator[None]:
        """Pieces of the right in turn against all of the left; then what of the left matched nothing."""
        kind = self._node.type
        keeps_left = kind in ("left", "full", "leftonly")
        met = np.zeros(self._n_left(part), np.bool_)
        for piece in self._pieces(part, work):
            matcher = Matcher(self._join, self._side, piece, work.ctx)
            joiner = Joiner(self._node, piece, work.ctx.settings.timezone)
            self._n_doubled += piece.n_doubled if self._join.first else 0
            begin = 0
            for batch, places, rows in self._left(part, last=False):
                numbers = matcher.numbers(batch)
                met[begin : begin + batch.n_rows] |= numbers >= 0
                begin += batch.n_rows
                if kind != "leftonly":
                    for _ in self._match(batch, places, rows, numbers, matcher, joiner, piece, work):
                        yield
            if kind in ("right", "full", "rightonly"):
                self._rest(piece, work)
                yield
        begin = 0
        for batch, places, rows in self._left(part, last=True):
            mine = met[begin : begin + batch.n_rows]
            begin += batch.n_rows
            self._tell(batch, places, rows, mine, work)
            if keeps_left and not mine.all():
                self._unmatched(batch, places, rows, np.flatnonzero(~mine), work)
                yield

    def _match(
        self, batch: Batch, places: Rows, rows: Rows, numbers: Ids, matcher: Matcher, joiner: Joiner, piece: Built,
        work: Work,
    ) -> Iterator[None]:  # fmt: skip
        most = work.ctx.settings.batch_rows
        if piece.is_unique:
            at, found = matcher.pairs(numbers)
            pairs: Iterator[tuple[Ids, Ids]] = iter([(at, found)] if len(at) else [])
        else:
            pairs = matcher.several(numbers, most, outer=False)
        for left, right in pairs:
            work.ctx.check()
            piece.matched[right] = True
            if self._node.type == "rightonly":
                continue
            made = joiner.pairs(batch, right, left)
            assert piece.places is not None
            self._emit(made, places[left], piece.places[right], rows[left], work)
            yield

    def _rest(self, piece: Built, work: Work) -> None:
        make = RightJoiner if self._node.type == "rightonly" else Joiner
        joiner = make(self._node, piece, work.ctx.settings.timezone)
        rows = np.flatnonzero(~piece.matched)
        assert piece.places is not None
        step = work.ctx.settings.batch_rows
        for low in range(0, len(rows), step):
            some = rows[low : low + step]
            behind = np.full(len(some), BEHIND)
            self._emit(joiner.alone(some, Origin(0)), behind, piece.places[some], np.zeros(len(some), np.int64), work)

    def _unmatched(self, batch: Batch, places: Rows, source: Rows, rows: NDArray[Any], work: Work) -> None:
        some = batch.take(rows.astype(np.int32))
        if self._node.type != "leftonly":
            joiner = Joiner(self._node, self._empty(work), work.ctx.settings.timezone)
            some = joiner.pairs(some, np.full(len(rows), -1, np.int32))
        else:
            some = some.select([self._node.left.schema.index(n) for n in self._node.schema.names()])
        self._emit(some, places[rows], np.full(len(rows), NOWHERE), source[rows], work)

    def _pieces(self, part: int, work: Work) -> Iterator[Built]:
        """The right's rows of a part, so many at once as there is room for. For a first match all of them are needed."""
        held: list[tuple[list[pa.Array[Any]], Rows]] = []
        nbytes = 0
        for writer in self._right.writers:
            for columns, places in writer.batches(part, last=True):
                held.append((columns, places))
                nbytes += 2 * (sum(c.nbytes for c in columns) + places.nbytes) + ROW_BYTES * len(places)
                if nbytes >= work.room and not self._join.first:
                    yield self._made(held, work)
                    held, nbytes = [], 0
        if held:
            yield self._made(held, work)

    def _made(self, held: list[tuple[list[pa.Array[Any]], Rows]], work: Work) -> Built:
        places = np.concatenate([p for _, p in held])
        order = np.argsort(places, kind="stable")
        columns = tuple(concat([c[i] for c, _ in held]).take(indices(order)) for i in range(len(self._right.schema)))
        built = Built(self._right.schema, self._right_side, work.ctx, columns, len(places), ())
        built.places = places[order]
        built.enter(work.ctx, self._join)
        return built

    def _empty(self, work: Work) -> Built:
        return self._made(
            [([null_array(0, t.arrow) for _, t in self._right.schema.fields], np.empty(0, np.int64))], work
        )

    # notes

    def _tell(self, batch: Batch, places: Rows, rows: Rows, met: NDArray[np.bool_], work: Work) -> None:
        """As ProbeTransform does, of rows whose places were kept."""
        if self._node.quiet:
            column = self._side.columns[0][0]
            text = batch.columns[column] if column is not None else None
            self._tell_rows(batch, places, rows, ~met, "info", "no match", text, "", work)
            return
        if self._node.type in ("leftonly", "rightonly"):
            return
        for name, i in self._clashes:
            reason = f"the subquery's '{name}' stands instead"
            nulls = nulls_of(batch.columns[i])
            lost = met if nulls is None else met & ~nulls
            self._tell_rows(batch, places, rows, lost, "overwrite", reason, batch.columns[i], HINT, work)

    def _conclude(self, ctx: Context) -> None:
        if self._n_doubled:
            hint = "W322: of several rows with one key the first counts"
            ctx.notes.count(self._at, "warn", "duplicate keys", self._n_doubled, hint)
