"""`insert`: rows go to the table that a field of theirs names; all tables are committed when the query has succeeded."""

from __future__ import annotations

from dataclasses import field
from typing import Any

import numpy as np
import pyarrow as pa

from ...planner.records import dataclass
from ...planner.types import Schema
from ..arrow import array_from, call
from ..batch import Batch
from ..context import Context
from ..normalise import numbers32
from ..notes import At
from ..operator import Emit, Flow
from ..values import to_text

HELD_BYTES = 64 << 20  # of rows that wait for their row group, in all tables together


@dataclass(slots=True)
class InsertLocal:
    ctx: Context
    targets: dict[str, Any] = field(default_factory=dict)  # imports by table, in order of first sight
    held: int = 0
    done: bool = False  # below: whoever reads these rows wants no more


class InsertTransform:
    """Takes its rows in order, hands them on, and lets no DONE through. `at` is the column that names the table."""

    needs_order = True
    swallows_done = True

    def __init__(self, store: Any, create: bool, at: int, schema: Schema, told: At) -> None:
        self._store, self._create, self._at, self._told = store, create, at, told
        self._type = schema.fields[at][1]
        self._kept = [i for i in range(len(schema)) if i != at]
        self._arrow = Schema(tuple(schema.fields[i] for i in self._kept)).arrow()

    def open(self, ctx: Context) -> InsertLocal:
        local = InsertLocal(ctx)
        stage = int("".join(c for c in self._told.stage.split(".")[0] if c.isdigit()) or 0)
        ctx.on_success(stage, lambda: self._commit(local), lambda: self._abort(local))
        return local

    def _commit(self, local: InsertLocal) -> None:
        from ..storage.together import commit_together

        commit_together(self._store, list(local.targets.values()))

    def _abort(self, local: InsertLocal) -> None:
        for target in local.targets.values():
            target.abort()

    def push(self, batch: Batch, local: InsertLocal, emit: Emit) -> Flow:
        if batch.n_rows:
            self._insert(batch, local)
        if not local.done and emit(batch) is Flow.DONE:
            local.done = True
        return Flow.MORE

    def _insert(self, batch: Batch, local: InsertLocal) -> None:
        names: Any = call("dictionary_encode", to_text(batch.array(self._at), self._type, local.ctx.settings.timezone))
        codes = np.where(call("is_valid", names.indices).to_numpy(zero_copy_only=False), numbers32(names.indices), -1)
        nameless = np.flatnonzero(codes < 0)
        if len(nameless):
            local.ctx.notes.rows(
                self._told, "drop", "null table name", batch, nameless, None, "the row is stored nowhere"
            )
        columns = [batch.array(i) for i in self._kept]
        for code, name in enumerate(v.as_py() for v in names.dictionary):
            local.ctx.check()
            rows = array_from(np.flatnonzero(codes == code))
            part: Any = pa.RecordBatch.from_arrays([c.take(rows) for c in columns], schema=self._arrow)
            self._target(name, local).write(part)
            local.held += part.nbytes
        if local.held > min(HELD_BYTES, local.ctx.memory.limit // 4):
            for target in local.targets.values():
                target.flush()
            local.held = 0

    def _target(self, name: str, local: InsertLocal) -> Any:
        if name not in local.targets:
            local.targets[name] = self._store.begin_import(name, self._arrow, create=self._create)
        return local.targets[name]

    def finish(self, local: InsertLocal, emit: Emit) -> None:
        return None
