"""`peek`: passes all rows, and tells in the notes what they are."""

from __future__ import annotations

from dataclasses import field

import numpy as np
from numpy.typing import NDArray

from ...planner.records import dataclass
from ...planner.types import Schema
from ..arrow import is_valid
from ..batch import Batch, Spans
from ..context import Context
from ..jsontext import json_text
from ..notes import N_SAMPLES, At
from ..operator import Emit, Flow


@dataclass(slots=True)
class PeekLocal:
    ctx: Context
    nulls: NDArray[np.int64]
    n_rows: int = 0
    first: list[str] = field(default_factory=list)


class PeekTransform:
    """`rows`: how many of the first are told, each as JSON."""

    needs_order = True
    is_steady = True

    def __init__(self, rows: int, label: str, schema: Schema, at: At) -> None:
        self._rows, self._schema, self._at = rows, schema, at
        self._name = f"peek {label}".rstrip()

    def open(self, ctx: Context) -> PeekLocal:
        return PeekLocal(ctx, np.zeros(len(self._schema), np.int64))

    def push(self, batch: Batch, local: PeekLocal, emit: Emit) -> Flow:
        wanted = min(self._rows - len(local.first), batch.n_rows)
        if wanted > 0:
            local.first += self._texts(batch.slice(0, wanted), local.ctx)
        local.n_rows += batch.n_rows
        for i, column in enumerate(batch.columns):
            if isinstance(column, Spans):
                local.nulls[i] += int((column.length < 0).sum())
            else:
                local.nulls[i] += batch.n_rows - int(is_valid(batch.array(i)).sum())
        return emit(batch)

    def _texts(self, batch: Batch, ctx: Context) -> list[str]:
        cells = []
        for i, (name, kind) in enumerate(self._schema.fields):
            values = json_text(batch.array(i), kind, ctx.settings.timezone)
            cells.append([f"{name}={'null' if v is None else v}" for v in values.to_pylist()])
        return [", ".join(row) for row in zip(*cells, strict=True)] if cells else [""] * batch.n_rows

    def finish(self, local: PeekLocal, emit: Emit) -> None:
        n = local.n_rows
        shares = [f", {m / n:.0%} null" if m else "" for m in local.nulls.tolist()]
        fields = [f"{name}: {kind}{share}" for (name, kind), share in zip(self._schema.fields, shares, strict=True)]
        local.ctx.notes.count(self._at, "info", self._name, n, "; ".join(fields) or "no field")
        for low in range(0, len(local.first), N_SAMPLES):
            rows = local.first[low : low + N_SAMPLES]
            told = (
                f"{self._name}, rows {low + 1} to {low + len(rows)}"
                if len(rows) > 1
                else f"{self._name}, row {low + 1}"
            )
            local.ctx.notes.count(self._at, "info", told, len(rows), samples=rows)
