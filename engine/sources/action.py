"""A source of one row that tells what was done: the work happens when the query runs, not when it is bound."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from ...planner.catalog import Pushdown, ScanRequest
from ...planner.expr import Expr
from ...planner.records import dataclass
from ...planner.types import LONG, STRING, Schema, scalar
from ..batch import Batch, Origin
from ..context import Context
from ..exprs import spread
from ..operator import Partition

Act = Callable[[Context], tuple[str, str, int]]  # long work looks at the context's stop byte
FIELDS = Schema((("table", STRING), ("action", STRING), ("rows", LONG)))


class ActionRelation:
    schema = FIELDS

    def __init__(self, act: Act, name: str) -> None:
        self._act, self.name = act, name

    def pushdown(self, predicate: Expr) -> Pushdown:
        return Pushdown.NO

    def scan(self, request: ScanRequest) -> ActionSource:
        return ActionSource(self._act, FIELDS if request.fields is None else FIELDS.select(request.fields))

    def describe(self, request: ScanRequest) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class ActionSource:
    act: Act
    schema: Schema

    def partitions(self, target: int) -> Sequence[Partition]:
        return [ActionPartition(self.act, self.schema)]


@dataclass(frozen=True, slots=True)
class ActionPartition:
    act: Act
    schema: Schema

    def batches(self, ctx: Context) -> Iterator[Batch]:
        table, action, rows = self.act(ctx)
        whole = {"table": scalar(table, STRING), "action": scalar(action, STRING), "rows": scalar(rows, LONG)}
        yield Batch(1, tuple(spread(whole[n], 1) for n in self.schema.names()), Origin(0, action))
