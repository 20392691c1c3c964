"""Rows of a Python object into a stored table: `Session.append`."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from .engine.context import Context
from .engine.noted import ledger_entries
from .engine.notes import At, Ledger
from .engine.services import Services
from .engine.sources.memory import MemoryRelation, relation_of
from .planner.catalog import ScanRequest
from .planner.text import fault
from .result import NoteEntry

COMMAND = At("", "append")


def append(
    services: Services, ctx: Context, table: str, frame: Any, *, writer: str | None, seq: int | None, create: bool, overwrite: bool
) -> tuple[int, list[NoteEntry]]:  # fmt: skip
    """How many rows were stored, and what happened to them on the way."""
    _check(table, writer, seq)
    relation = relation_of(frame, table, zone=services.timezone, at=COMMAND, spent=services.spent)
    _note_columns(relation, ctx)
    shape = relation.schema.arrow()
    target = services.tables.begin_import(table, shape, create=create, overwrite=overwrite, writer=writer, seq=seq)
    try:
        for part in relation.scan(ScanRequest()).partitions(ctx.settings.batch_rows):
            for batch in part.batches(ctx):
                arrays = [batch.array(i) for i in range(len(shape))]
                target.write(pa.RecordBatch.from_arrays(arrays, schema=shape))
        stored = target.commit()
    except BaseException:
        target.abort()
        raise
    if not stored.stored:
        told = f"writer {writer}, seq {seq}"
        return 0, [NoteEntry("", "append", "info", "this seq was stored before: nothing was added", 1, hint=told)]
    return int(stored.n_rows), _entries(ctx.query.ledger)


def _check(table: Any, writer: Any, seq: Any) -> None:
    if not isinstance(table, str):
        raise fault("E603", f"a table's name is text, not {type(table).__name__}")
    if writer is not None and not isinstance(writer, str):
        raise fault("E311", f"writer is text, not {type(writer).__name__}")
    if seq is not None and (isinstance(seq, bool) or not isinstance(seq, int)):
        raise fault("E311", f"seq is a whole number, not {type(seq).__name__}")


def _note_columns(relation: MemoryRelation, ctx: Context) -> None:
    for column, kinds in relation.mixed.items():
        shown = ", ".join(f"{n} {k}" for k, n in kinds.items())
        lost = sum(kinds.values()) - max(kinds.values())
        ctx.notes.count(COMMAND, "mixed", f"field '{column}' mixes {shown}: it is text", lost)
    for column in relation.renamed:
        ctx.notes.count(COMMAND, "info", f"a column name is there twice: the later one is '{column}'", 1)


def _entries(ledger: Ledger) -> list[NoteEntry]:
    return [NoteEntry(e.stage, e.command, e.kind, e.reason, e.count, e.samples, e.hint) for e in ledger_entries(ledger)]


__all__ = ["append"]
