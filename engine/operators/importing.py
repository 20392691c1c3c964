"""`import`: rows go to data files as they come; the table's one commit is made when the whole query has succeeded."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from ...planner.records import dataclass
from ...planner.text import fault
from ...planner.types import Schema
from ..batch import Batch
from ..context import Context
from ..notes import At
from ..operator import Emit, Flow
from ..values import without_months


@dataclass(slots=True)
class ImportLocal:
    ctx: Context
    target: Any
    done: bool = False  # below: whoever reads these rows wants no more


class ImportTransform:
    """Takes its rows in order, hands them on, and lets no DONE through: a `limit` below does not shorten the table."""

    needs_order = True
    swallows_done = True

    def __init__(self, node: Any, schema: Schema, at: At) -> None:
        self._node, self._schema, self._at = node, schema, at
        self._arrow = schema.arrow()

    def open(self, ctx: Context) -> ImportLocal:
        for name, kind in self._schema.fields:
            if without_months(kind) != kind:
                raise fault(
                    "E603", f"field `{name}`: a table keeps no calendar lengths", hint="string(x) writes them as text"
                )
        node = self._node
        target = node.store.begin_import(
            node.table, self._arrow, create=node.create, overwrite=node.overwrite, writer=node.writer, seq=node.seq
        )
        local = ImportLocal(ctx, target)
        stage = int("".join(c for c in self._at.stage.split(".")[0] if c.isdigit()) or 0)
        ctx.on_success(stage, lambda: self._commit(local), target.abort)
        return local

    def _commit(self, local: ImportLocal) -> None:
        stored = local.target.commit()
        if not stored.stored:
            local.ctx.notes.count(self._at, "info", "this seq was stored before: nothing was added", 1,
                                  f"writer {self._node.writer}, seq {self._node.seq}")  # fmt: skip

    def push(self, batch: Batch, local: ImportLocal, emit: Emit) -> Flow:
        rows: Any = pa.RecordBatch.from_arrays([batch.array(i) for i in range(len(self._schema))], schema=self._arrow)
        local.target.write(rows)
        if not local.done and emit(batch) is Flow.DONE:
            local.done = True
        return Flow.MORE

    def finish(self, local: ImportLocal, emit: Emit) -> None:
        return None
