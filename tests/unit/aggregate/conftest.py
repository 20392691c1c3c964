"""Runs an AggregateSink over batches made here: no parser, no scheduler."""

from __future__ import annotations

import importlib
import pkgutil
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

import cortado.commands.aggregates
from cortado.commands.base import REGISTRY
from cortado.engine.arrow import buffer_of, bytes_of, concat, offsets_of
from cortado.engine.batch import PAD, Batch, Origin, Spans
from cortado.engine.context import Context, QueryState, Settings
from cortado.engine.memory import Budget
from cortado.engine.notes import At
from cortado.engine.operators.aggregate import AggregateSink
from cortado.engine.storage.spill import SpillArea
from cortado.planner import ast
from cortado.planner.expr import Bound, FieldRef, Literal
from cortado.planner.plan import AggCall, Aggregate, Key, Scan
from cortado.planner.types import BOOL, LONG, Schema, Type, of_arrow

for found in pkgutil.iter_modules(cortado.commands.aggregates.__path__):  # only these: this suite needs no other
    importlib.import_module(f"cortado.commands.aggregates.{found.name}")


@dataclass
class FakeCall:
    """What a bind function sees."""

    name: str
    args: Sequence[Any]
    values: Sequence[Any]
    warned: list[str]
    zone: str = "UTC"
    now_us: int = 0
    strict: bool = False
    time: str | None = None
    data: Any = None
    named: Any = None

    @property
    def types(self) -> list[Type]:
        return [a.type for a in self.args]

    def type_of(self, i: int) -> Type:
        return self.types[i]

    def is_constant(self, i: int) -> bool:
        return isinstance(self.args[i], Literal)

    def constant(self, i: int) -> Any:
        return self.args[i].value if i < len(self.args) else None

    def number(self, i: int) -> Any:
        return self.constant(i) if i < len(self.args) and self.type_of(i).is_number else None

    def whole(self, i: int) -> Any:
        known = self.number(i)
        return known if isinstance(known, int) else None

    def fail(self, code: str, message: str, at: int | None = None, **more: Any) -> Any:
        raise ValueError(f"{code} {message}")

    def warn(self, code: str, message: str, at: int | None = None, **more: Any) -> None:
        self.warned.append(code)


@dataclass
class World:
    """One way to run the same thing."""

    batch: int = 1000
    threads: int = 1
    compiled: str = "yes"  # yes, no, flips
    memory: int = 1 << 30
    form: str = "plain"  # of text: plain, dictionary, spans
    seed: int = 0


WORLDS = (
    World(),
    World(batch=7, threads=3, compiled="no", seed=1),
    World(batch=333, threads=2, compiled="flips", form="dictionary", seed=2),
    World(batch=100, threads=4, compiled="yes", form="spans", seed=3),
)


@dataclass
class Outcome:
    table: pa.Table
    notes: dict[tuple[str, str], int]
    warned: list[str]
    sink: AggregateSink
    query: QueryState


def to_spans(array: pa.Array[Any]) -> Spans:
    ends = offsets_of(array)
    raw = bytes_of(array.buffers()[2])
    data = np.zeros(len(raw) + 2 * PAD, np.uint8)
    data[PAD : PAD + len(raw)] = raw
    valid = np.asarray(array.is_valid())
    length = np.where(valid, np.diff(ends), -1).astype(np.int32)
    return Spans(buffer_of(data), data, ends[:-1] + np.int32(PAD), length)


def as_form(array: pa.Array[Any], form: str) -> Any:
    if not pa.types.is_string(array.type) or form == "plain":
        return array
    if form == "spans":
        return to_spans(pa.concat_arrays([array, array.slice(0, 0)]) if array.offset else array)
    return array.dictionary_encode()


def make_node(
    table: pa.Table, keys: Sequence[str], aggs: Sequence[Any], warned: list[str], drop: bool
) -> tuple[Aggregate, Schema]:
    schema = Schema(tuple((f.name, of_arrow(f.type)) for f in table.schema))

    def field(name: str) -> Bound:
        kind = schema.type(name)
        assert kind is not None
        return Bound(FieldRef(type=kind, name=name), ast.Name(name=name))

    def argument(value: Any) -> Bound:
        if isinstance(value, str) and value in schema:
            return field(value)
        kind = BOOL if isinstance(value, bool) else LONG if isinstance(value, int) else Type("double")
        if isinstance(value, str):
            kind = Type("string")
        return Bound(Literal(type=kind, value=value), ast.Name(name="literal"))

    calls = []
    for i, (name, *args) in enumerate(aggs):
        where = None
        if args and isinstance(args[-1], dict):
            where = field(args.pop()["where"])
        bound = [argument(a) for a in args]
        function = REGISTRY.aggregates[name]
        fake = FakeCall(name, [b.expr for b in bound], args, warned)
        kind = function.bind(fake)  # type: ignore[arg-type]
        calls.append(AggCall(function, tuple(bound), kind, where, f"a{i}", ast.Name(name=name), fake.data))
    source = Scan(relation=_Nothing(schema))  # type: ignore[arg-type]
    node = Aggregate(
        inputs=(source,), aggs=tuple(calls), keys=tuple(Key(field(k), k) for k in keys), drop_null_keys=drop
    )
    return node, schema


class _Nothing:
    def __init__(self, schema: Schema) -> None:
        self.schema, self.name = schema, "t"


def run_sink(
    table: pa.Table,
    keys: Sequence[str],
    aggs: Sequence[Any],
    world: World = WORLDS[0],
    drop: bool = False,
    spill: SpillArea | None = None,
) -> Outcome:
    warned: list[str] = []
    node, schema = make_node(table, keys, aggs, warned, drop)
    settings = Settings(threads=world.threads, memory=world.memory)
    compiled = [world.compiled == "yes"]
    query = QueryState(settings, Budget(world.memory), compiled=lambda: compiled[0], spill=spill)
    at = At("2", "stats")
    sink = AggregateSink(node, schema, at, True)
    contexts = [Context(query, query.ledger.worker()) for _ in range(world.threads)]
    rng = random.Random(world.seed)
    try:
        locals_ = [sink.open(c) for c in contexts]
        batches = [table.slice(i, world.batch) for i in range(0, table.num_rows, world.batch)]
        per_seq = 3
        seqs = [batches[i : i + per_seq] for i in range(0, len(batches), per_seq)]
        order = list(range(len(seqs)))
        if world.threads > 1:
            rng.shuffle(order)
        for n, seq in enumerate(order):
            row = 0
            for part in seqs[seq]:
                local = locals_[rng.randrange(world.threads)]  # a begun partition may go on with another worker
                columns = tuple(as_form(concat(c.chunks), world.form) for c in part.columns)
                sink.push(Batch(part.num_rows, columns, Origin(seq, "t", 0, row)), local)
                row += part.num_rows
            if world.compiled == "flips" and n == len(order) // 2:
                compiled[0] = True
        rng.shuffle(locals_)
        for local in locals_:
            sink.combine(local)
        tasks = list(sink.merge(contexts[0]))
        rng.shuffle(tasks)
        for task in tasks:
            task()
        last = list(sink.refine(contexts[0]))
        rng.shuffle(last)
        for task in last:
            task()
        source = sink.result(contexts[0])
        out_schema = node.schema.arrow()
        rows = []
        for seq, partition in enumerate(source.partitions(settings.batch_rows)):
            for batch in partition.batches(contexts[0]):
                assert batch.origin.seq == seq
                rows.append(pa.record_batch([batch.array(i) for i in range(len(out_schema))], schema=out_schema))
        out = pa.Table.from_batches(rows, schema=out_schema)
    finally:
        sink.close()
    assert query.memory.used == 0
    notes: dict[tuple[str, str], int] = {}
    for (_, kind, reason), entry in query.ledger.merged().items():
        notes[kind, reason] = entry.count
    return Outcome(out, notes, warned, sink, query)


def bits(table: pa.Table) -> list[Any]:
    """Rows that compare bit for bit: doubles as their hex form."""

    def one(v: Any) -> Any:
        if isinstance(v, float):
            return "nan" if v != v else v.hex()
        return [one(x) for x in v] if isinstance(v, list) else v

    return [tuple(one(v) for v in row) for row in zip(*(c.to_pylist() for c in table.columns), strict=True)]


@pytest.fixture
def same_everywhere() -> Callable[..., Outcome]:
    """Run in every world; all must agree to the bit. Gives the first outcome."""

    def check(table: pa.Table, keys: Sequence[str], aggs: Sequence[Any], drop: bool = False) -> Outcome:
        first = run_sink(table, keys, aggs, WORLDS[0], drop)
        for world in WORLDS[1:]:
            other = run_sink(table, keys, aggs, world, drop)
            assert bits(other.table) == bits(first.table), world
            assert other.notes == first.notes, world
        return first

    return check


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Callable[..., Outcome]]:
    """run(table, keys, aggs, drop=..., **World's fields)."""
    with SpillArea(tmp_path) as area:

        def check(table: pa.Table, keys: Sequence[str], aggs: Sequence[Any], drop: bool = False, **how: Any) -> Outcome:
            out = run_sink(table, keys, aggs, World(**how), drop, area)
            assert area.used == 0, "files are left"
            return out

        yield check


@pytest.fixture
def as_bits() -> Callable[[pa.Table], list[Any]]:
    return bits
