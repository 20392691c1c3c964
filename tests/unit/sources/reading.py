"""Runs a source without a scheduler: all batches in order, with the notes they left."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from cortado.engine.context import Context, QueryState, Settings
from cortado.engine.memory import Budget
from cortado.engine.notes import At
from cortado.planner.catalog import ScanRequest
from cortado.planner.types import Schema

AT = At("1", "source")


@dataclass
class Read:
    """What came out: rows as Python values by name, and counts of notes by (kind, reason)."""

    schema: Schema
    table: pa.Table
    notes: dict[tuple[str, str], int] = field(default_factory=dict)
    samples: dict[tuple[str, str], list[str]] = field(default_factory=dict)
    n_batches: int = 0

    @property
    def rows(self) -> list[dict[str, Any]]:
        return self.table.to_pylist()


def context(*, compiled: bool = False, batch_rows: int = 65_536, zone: str = "UTC") -> Context:
    state = QueryState(Settings(batch_rows=batch_rows, timezone=zone), Budget(1 << 30))
    state.compiled = lambda: compiled
    return Context(state, state.ledger.worker())


def read(
    relation: Any, *, fields: Sequence[str] | None = None, filters: Sequence[Any] = (), compiled: bool = False,
    batch_rows: int = 65_536, target: int = 2 << 20, zone: str = "UTC",
) -> Read:  # fmt: skip
    ctx = context(compiled=compiled, batch_rows=batch_rows, zone=zone)
    source = relation.scan(ScanRequest(fields=None if fields is None else tuple(fields), filters=tuple(filters)))
    arrow, n = source.schema.arrow(), 0
    batches = []
    try:
        for seq, part in enumerate(source.partitions(target)):
            for batch in part.batches(ctx):
                assert batch.origin.seq == seq
                assert batch.n_rows <= batch_rows
                columns = [batch.array(i) for i in range(len(arrow))]
                assert all(len(c) == batch.n_rows for c in columns)
                for column, kind in zip(columns, arrow, strict=True):
                    assert column.type == kind.type, (kind.name, column.type, kind.type)
                    column.validate(full=True)
                n += batch.n_rows
                batches.append(pa.RecordBatch.from_arrays(columns, schema=arrow))
    finally:
        if hasattr(source, "close"):
            source.close()
    table = pa.Table.from_batches(batches, arrow)
    if not len(arrow):
        table = pa.table({"_": pa.nulls(n)})
    notes, samples = {}, {}
    number = line_of(ctx)
    for (_, kind, reason), entry in ctx.query.ledger.merged().items():
        notes[kind, reason] = entry.count
        samples[kind, reason] = [f"{_file(ctx, s)}:{number(s)}  {s.text}" for s in entry.samples]
    return Read(source.schema, table, notes, samples, len(batches))


def _file(ctx: Context, sample: Any) -> str:
    return str(sample.source or ctx.query.ledger.files_by_seq.get(sample.seq, ""))


def line_of(ctx: Context) -> Any:
    """Line numbers as the result has them: counted within a file."""
    ledger = ctx.query.ledger

    def number(sample: Any) -> int:
        same = [
            s
            for s in ledger.rows_by_seq
            if s < sample.seq and ledger.files_by_seq[s] == ledger.files_by_seq.get(sample.seq)
        ]
        return int(sum(ledger.rows_by_seq[s] for s in same) + sample.row + 1)

    return number
