"""The left side of an as-of join: each batch finds the nearest rows of the right that is held."""

from __future__ import annotations

from functools import partial

from ....planner.combine import Asof
from ....planner.records import dataclass
from ...batch import Batch
from ...context import Context
from ...notes import At
from ...operator import Emit, Flow
from ..joinkeys import sides
from .held import Held
from .left import Left
from .rows import AsofJoiner, Matcher


@dataclass(slots=True)
class ProbeLocal:
    ctx: Context
    matcher: Matcher
    joiner: AsofJoiner


class ProbeTransform:
    """Takes batches in any order; rows keep theirs."""

    needs_order = False

    def __init__(self, node: Asof, at: At, held: Held) -> None:
        self._node, self._at, self._held = node, at, held
        self._side, _ = sides(node, node.left.schema, node.right.schema)
        self._left = Left.of(node)

    def open(self, ctx: Context) -> ProbeLocal:
        joiner = AsofJoiner(self._node, self._held, self._left.clock, ctx, self._at)
        return ProbeLocal(ctx, Matcher(self._held, self._side, self._left.wish, ctx), joiner)

    def push(self, batch: Batch, local: ProbeLocal, emit: Emit) -> Flow:
        times = self._left.times(batch)
        match = local.matcher.match(batch, times)
        self._left.tell(batch, match, times, partial(local.ctx.notes.rows, self._at))
        if self._node.type == "inner":
            has = match.has
            if not has.all():
                if not has.any():
                    return Flow.MORE
                batch, match = batch.pick(has), match.pick(has)
        return emit(local.joiner.matched(batch, match))

    def finish(self, local: ProbeLocal, emit: Emit) -> None:
        return None

    def describe_run(self) -> str:
        return self._held.way()
