"""The left side of a join: each batch finds its rows' partners in the table over the right."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...planner.combine import Join
from ...planner.records import dataclass
from ..batch import Batch, Origin
from ..context import Context
from ..notes import At
from ..operator import Emit, Flow
from .joinbuild import Built
from .joinkeys import Side, nulls_of, sides
from .joinrows import Joiner, RightJoiner
from .keytable import Ids
from .knownkeys import Numbers

FEW = 16  # batches of pairs that may be made at once
HINT = "suffix= keeps both"


def probes(node: Join, at: At, built: Built) -> list[Any]:
    """The transforms that the left goes through."""
    out: list[Any] = [ProbeTransform(node, at, built)]
    if node.type in ("right", "full", "rightonly"):
        out.append(RestTransform(node, built))
    return out


class Matcher:
    """The partners of each row of a batch of the left, for one worker."""

    def __init__(self, node: Join, side: Side, built: Built, ctx: Context) -> None:
        assert built.known is not None
        self._built, self._ctx = built, ctx
        self._numbers = Numbers(side, built.known, ctx)
        self._type = node.type

    def numbers(self, batch: Batch) -> Ids:
        """Of the keys of each row; -1 where the right has no such."""
        if self._type == "cross":
            return np.zeros(batch.n_rows, np.int32) if self._built.n_rows else np.full(batch.n_rows, -1, np.int32)
        return self._numbers.of(batch)

    def single(self, numbers: Ids) -> Ids:
        """The row of the right of each number, where no number has two."""
        rows = self._built.rows
        if rows is None:
            return numbers
        if not len(rows):
            return np.full(len(numbers), -1, np.int32)
        return np.where(numbers >= 0, rows[numbers], np.int32(-1))

    def several(self, numbers: Ids, most: int, *, outer: bool) -> Iterator[tuple[Ids, Ids]]:
        """Pairs of rows, at most so many at once; with `outer` a row without a partner is paired with -1."""
        starts, rows = self._built.starts, self._built.rows
        if self._ctx.compiled and rows is not None and not outer:
            from ..kernels import probe

            n = int(probe.count_pairs(numbers, starts))
            if n <= FEW * most:
                left, right = np.empty(n, np.int32), np.empty(n, np.int32)
                probe.pairs(numbers, starts, rows, left, right)
                for low in range(0, n, most):
                    yield left[low : low + most], right[low : low + most]
                return
        known = numbers >= 0
        first = np.where(known, starts[numbers], 0)
        counts = np.where(known, starts[numbers + 1] - first, 0)
        given = np.maximum(counts, 1) if outer else counts
        ends = np.cumsum(given)
        total = int(ends[-1]) if len(ends) else 0
        for low in range(0, total, most):
            high = min(total, low + most)
            a, b = np.searchsorted(ends, low, "right"), np.searchsorted(ends, high, "left") + 1
            here = given[a:b].copy()
            here[0] -= low - int(ends[a] - given[a])
            here[-1] -= int(ends[b - 1]) - high
            of = np.repeat(np.arange(a, b), here)
            at = np.arange(low, high) - (ends[of] - given[of])
            yield of.astype(np.int32), self._rows_at(first[of] + at, counts[of] > 0)

    def pairs(self, numbers: Ids) -> tuple[Ids, Ids]:
        """Rows of the left that have a partner, and this, where no number has two."""
        found = self.single(numbers)
        if self._ctx.compiled:
            from ..kernels import dense

            rows, partners = np.empty(len(found) + 1, np.int32), np.empty(len(found) + 1, np.int32)
            n = dense.rows_with(found, rows, partners)
            return rows[:n], partners[:n]
        rows = np.flatnonzero(found >= 0).astype(np.int32)
        return rows, found[rows]

    def alone(self, numbers: Ids) -> Ids:
        """Rows of the left without a partner."""
        if self._ctx.compiled:
            from ..kernels import dense

            rows = np.empty(len(numbers) + 1, np.int32)
            return rows[: dense.rows_without(numbers, rows)]
        return np.flatnonzero(numbers < 0).astype(np.int32)

    def _rows_at(self, at: NDArray[np.int64], has: NDArray[np.bool_]) -> Ids:
        rows = self._built.rows
        if rows is None:  # of a cross join
            return np.where(has, at, -1).astype(np.int32)
        if not len(rows):
            return np.full(len(at), -1, np.int32)
        return np.where(has, rows[np.minimum(at, len(rows) - 1)], np.int32(-1))


@dataclass(slots=True)
class ProbeLocal:
    ctx: Context
    matcher: Matcher
    joiner: Joiner


class ProbeTransform:
    """Takes batches in any order; the rows that come of one stay in its order."""

    needs_order = False

    def __init__(self, node: Join, at: At, built: Built) -> None:
        self._node, self._at, self._built = node, at, built
        self._side, _ = sides(node, node.left.schema, node.right.schema)
        self._outer = node.type in ("left", "full")
        self._marks = node.type in ("right", "full", "rightonly")
        self._clashes = [
            (n, node.left.schema.index(n)) for n in node.clashes if n in node.left.schema and not node.quiet
        ]
        self._carried = [node.left.schema.index(n) for n in node.schema.names()] if node.type == "leftonly" else []
        self._is_told = False

    def open(self, ctx: Context) -> ProbeLocal:
        node, built = self._node, self._built
        joiner = Joiner(node, built, ctx.settings.timezone)
        if not self._is_told and node.first and built.n_doubled:
            self._is_told = True
            ctx.notes.count(
                self._at,
                "warn",
                "duplicate keys",
                built.n_doubled,
                "W322: of several rows with one key the first counts",
            )
        return ProbeLocal(ctx, Matcher(node, self._side, built, ctx), joiner)

    def push(self, batch: Batch, local: ProbeLocal, emit: Emit) -> Flow:
        numbers = local.matcher.numbers(batch)
        kind = self._node.type
        if kind == "leftonly":
            rows = local.matcher.alone(numbers)
            if not len(rows):
                return Flow.MORE
            out = batch.select(self._carried)
            return emit(out if len(rows) == batch.n_rows else out.take(rows))
        self._tell(batch, numbers, local)
        if self._built.is_unique:
            return self._push_single(batch, numbers, local, emit)
        if kind == "rightonly":
            self._mark_groups(numbers)
            return Flow.MORE
        most = max(local.ctx.settings.batch_rows, batch.n_rows)
        for left, right in local.matcher.several(numbers, most, outer=self._outer):
            local.ctx.check()
            if self._marks:
                self._built.matched[right[right >= 0]] = True
            if emit(local.joiner.pairs(batch, right, left)) is Flow.DONE:
                return Flow.DONE
        return Flow.MORE

    def _push_single(self, batch: Batch, numbers: Ids, local: ProbeLocal, emit: Emit) -> Flow:
        if self._outer:
            rows = local.matcher.single(numbers)
            if self._marks:
                self._built.matched[rows[rows >= 0]] = True
            return emit(local.joiner.pairs(batch, rows))
        left, rows = local.matcher.pairs(numbers)
        if self._marks:
            self._built.matched[rows] = True
        if self._node.type == "rightonly" or not len(rows):
            return Flow.MORE
        return emit(local.joiner.pairs(batch, rows, None if len(left) == batch.n_rows else left))

    def _mark_groups(self, numbers: Ids) -> None:
        built = self._built
        assert built.rows is not None
        met = np.zeros(len(built.starts) - 1, np.bool_)
        met[numbers[numbers >= 0]] = True
        built.matched[built.rows[np.repeat(met, np.diff(built.starts))]] = True

    def _tell(self, batch: Batch, numbers: Ids, local: ProbeLocal) -> None:
        """What the subquery's values stand in place of; rows of a lookup without a match."""
        if not self._clashes and not self._node.quiet:
            return
        if self._node.quiet:
            missed = np.flatnonzero(numbers < 0)
            if len(missed):
                column = self._side.columns[0][0]
                text = batch.columns[column] if column is not None else None
                local.ctx.notes.rows(self._at, "info", "no match", batch, missed, text)
            return
        met = numbers >= 0
        for name, i in self._clashes:
            nulls = nulls_of(batch.columns[i])
            rows = np.flatnonzero(met if nulls is None else met & ~nulls)  # where nothing stood nothing is lost
            if len(rows):
                reason = f"the subquery's '{name}' stands instead"
                local.ctx.notes.rows(self._at, "overwrite", reason, batch, rows, batch.columns[i], HINT)

    def finish(self, local: ProbeLocal, emit: Emit) -> None:
        return None


class RestTransform:
    """Behind all rows of the left: those of the right that none of them matched, in their order."""

    needs_order = True

    def __init__(self, node: Join, built: Built) -> None:
        self._node, self._built = node, built

    def open(self, ctx: Context) -> RestLocal:
        make = RightJoiner if self._node.type == "rightonly" else Joiner
        return RestLocal(ctx, make(self._node, self._built, ctx.settings.timezone))

    def push(self, batch: Batch, local: RestLocal, emit: Emit) -> Flow:
        local.seq = max(local.seq, batch.origin.seq)
        flow = emit(batch)
        local.is_done = local.is_done or flow is Flow.DONE
        return flow

    def finish(self, local: RestLocal, emit: Emit) -> None:
        if local.is_done:
            return
        rows = np.flatnonzero(~self._built.matched)
        step = local.ctx.settings.batch_rows
        for low in range(0, len(rows), step):
            local.ctx.check()
            some = rows[low : low + step]
            made = local.joiner.alone(some, Origin(local.seq + 1, told=_Alone(some)))
            if emit(made) is Flow.DONE:
                return


@dataclass(frozen=True, slots=True)
class _Alone:
    """The place in words of a row that has no left."""

    rows: NDArray[np.int64]

    def __call__(self, row: int) -> str:
        return f"row {int(self.rows[row]) + 1} of the subquery"


@dataclass(slots=True)
class RestLocal:
    ctx: Context
    joiner: Joiner
    seq: int = -1
    is_done: bool = False
