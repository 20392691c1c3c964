"""Drives a sort sink as the scheduler does: partitions to workers, combine, merge tasks, the result's partitions."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from unittest import mock

import pyarrow as pa

from cortado.engine.batch import Batch, Column, Origin
from cortado.engine.context import Context, QueryState, Settings
from cortado.engine.memory import Budget
from cortado.engine.notes import At
from cortado.engine.operators import sortorder
from cortado.engine.operators.sort import SortSink
from cortado.engine.operators.topk import TopKSink
from cortado.engine.storage.spill import SpillArea
from cortado.planner.plan import Here, Sort, SortKey
from cortado.planner.types import Schema, of_arrow


@dataclass
class World:
    """Under what a sort runs; no result may depend on it."""

    n_locals: int = 1
    rows: int = 1000  # of a batch
    batches: int = 2  # of a partition
    memory: int = 64 << 20
    compiled: bool = False
    batch_rows: int = 65_536
    seed: int | None = None  # order in which partitions reach the workers
    spill: SpillArea | None = None
    threads: int | None = None

    def query(self) -> QueryState:
        settings = Settings(threads=self.threads or self.n_locals, batch_rows=self.batch_rows)
        return QueryState(settings, Budget(self.memory), spill=self.spill, compiled=lambda: self.compiled)


@dataclass
class Outcome:
    columns: list[pa.Array[Any]]
    batches: list[Batch]
    run: dict[str, Any] = field(default_factory=dict)
    peak: int = 0

    def rows(self) -> list[tuple[Any, ...]]:
        return list(zip(*(c.to_pylist() for c in self.columns), strict=True))


def schema_of(table: pa.Table) -> Schema:
    return Schema(tuple((f.name, of_arrow(f.type)) for f in table.schema))


def sort_node(
    schema: Schema, keys: Sequence[str], by: Sequence[str] = (), limit: int | None = None, nulls: str | None = None
) -> Sort:
    """Keys as in the language: `-f` descends."""
    parsed = tuple(SortKey(k.removeprefix("-"), k.startswith("-")) for k in keys)
    return Sort(inputs=(Here(columns=schema),), keys=parsed, by=tuple(by), limit=limit, nulls=nulls)


def make_sink(table: pa.Table, keys: Sequence[str], **more: Any) -> SortSink:
    schema = schema_of(table)
    node = sort_node(schema, keys, **more)
    kind = TopKSink if node.limit is not None and not node.by else SortSink
    return kind(node, schema, At("2", "sort"))


def one_chunk(column: Any) -> Column:
    """A table's column as an array."""
    found: Column = column.chunk(0) if column.num_chunks else pa.nulls(0, column.type)
    return found


def cut(table: pa.Table, world: World) -> list[list[tuple[Column, ...]]]:
    """Partitions of batches of columns."""
    n = table.num_rows
    pieces = [table.slice(i, world.rows).combine_chunks() for i in range(0, n, world.rows)]
    columns: list[tuple[Column, ...]] = [tuple(one_chunk(c) for c in p.columns) for p in pieces]
    return [columns[i : i + world.batches] for i in range(0, len(columns), world.batches)]


def feed(sink: SortSink, query: QueryState, parts: list[list[tuple[Column, ...]]], world: World) -> list[Any]:
    """Pushes every batch; partitions are mixed among workers, a partition's batches stay in order."""
    chance = random.Random(world.seed or 0)
    locals_ = [sink.open(Context(query, query.ledger.worker())) for _ in range(world.n_locals)]
    waiting = list(enumerate(parts))
    if world.seed is not None:
        chance.shuffle(waiting)
    begun: list[tuple[int, list[tuple[Column, ...]], Any]] = []
    for seq, batches in waiting:
        begun.append((seq, list(batches), chance.choice(locals_)))
    while begun:
        at = chance.randrange(min(3, len(begun))) if world.seed is not None else 0
        seq, batches, local = begun[at]
        columns = batches.pop(0)
        sink.push(Batch(len(columns[0]), columns, Origin(seq)), local)
        if not batches:
            begun.pop(at)
    return locals_


def run_parts(sink: SortSink, parts: list[list[tuple[Column, ...]]], world: World) -> Outcome:
    with mock.patch.object(
        sortorder, "SMALL", 0 if world.compiled else sortorder.SMALL
    ):  # kernels for small blocks too
        return _run_parts(sink, parts, world)


def _run_parts(sink: SortSink, parts: list[list[tuple[Column, ...]]], world: World) -> Outcome:
    query = world.query()
    try:
        for local in feed(sink, query, parts, world):
            sink.combine(local)
        ctx = Context(query, query.ledger.worker())
        for task in sink.merge(ctx):
            task()
        batches: list[Batch] = []
        for seq, partition in enumerate(sink.result(ctx).partitions(world.batch_rows)):
            row = 0
            for batch in partition.batches(Context(query, query.ledger.worker())):
                assert batch.origin.seq == seq
                assert batch.origin.row == row
                assert 0 < batch.n_rows <= world.batch_rows
                row += batch.n_rows
                batches.append(batch)
        assert query.memory.peak <= query.memory.limit
        columns = (
            [pa.concat_arrays([b.array(i) for b in batches]) for i in range(len(batches[0].columns))] if batches else []
        )
        return Outcome(columns, batches, sink.describe_run(), query.memory.peak)
    finally:
        sink.close()
        assert query.memory.used == 0


def run(table: pa.Table, keys: Sequence[str], world: World | None = None, **more: Any) -> Outcome:
    world = world or World()
    out = run_parts(make_sink(table, keys, **more), cut(table, world), world)
    if not out.columns:
        out.columns = [pa.nulls(0, f.type) for f in table.schema]
    return out
