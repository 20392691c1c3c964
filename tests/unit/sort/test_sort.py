"""`sort` against Python's stable sort, DuckDB and pandas: every type, direction, split, memory and number of workers."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from cortado.engine.arrow import bytes_of
from cortado.engine.batch import PAD, Spans
from cortado.engine.notes import At
from cortado.engine.operators.sort import SortSink
from cortado.planner.types import LONG, Schema, Type

from .harness import Outcome, World, cut, make_sink, one_chunk, run, run_parts, sort_node
from .oracle import limited, order
from .tables import KINDS, plain_rows, random_table

ONE = World()
MANY = World(n_locals=4, rows=37, batches=3, seed=5, batch_rows=100)
TINY = World(n_locals=2, rows=50, batches=2, seed=9, memory=256 << 10)
WORLDS = [ONE, MANY, TINY, replace(MANY, compiled=True)]


def spec(table: pa.Table, keys: list[str]) -> list[tuple[int, bool]]:
    return [(table.column_names.index(k.removeprefix("-")), k.startswith("-")) for k in keys]


def assert_order(table: pa.Table, out: Outcome, numbers: list[int]) -> None:
    ids = out.columns[table.column_names.index("id")].to_pylist()
    assert ids == numbers
    want = table.take(pa.array(numbers, pa.int64()))
    for name, got in zip(table.column_names, out.columns, strict=True):
        assert got.equals(want[name].combine_chunks()) or repr(got.to_pylist()) == repr(want[name].to_pylist()), name


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("kind", list(KINDS))
def test_one_key_of_each_type(kind: str, descending: bool) -> None:
    table = random_table(random.Random(kind), 400, [kind])
    keys = [("-" if descending else "") + table.column_names[0]]
    for world in (ONE, MANY, TINY):
        assert_order(table, run(table, keys, world), order(plain_rows(table), spec(table, keys)))


@pytest.mark.parametrize("seed", range(24))
def test_several_keys_in_any_world(seed: int) -> None:
    rng = random.Random(seed)
    kinds = rng.sample([k for k in KINDS if k != "wide"], rng.randrange(1, 4))
    table = random_table(rng, rng.choice([0, 1, 2, 500, 900]), kinds, rng.choice([0, 0.3]))
    keys = [rng.choice(["", "-"]) + table.column_names[i] for i in range(len(kinds))]
    nulls = rng.choice([None, "first", "last"])
    wanted = order(plain_rows(table), spec(table, keys), nulls)
    world = WORLDS[seed % len(WORLDS)]
    world = replace(
        world, rows=rng.choice([1, 3, 64, 1000]), batches=rng.choice([1, 2, 7]), seed=rng.choice([None, seed])
    )
    assert_order(table, run(table, keys, world, nulls=nulls), wanted)


@pytest.mark.parametrize("seed", range(12))
def test_limit_per_partition(seed: int) -> None:
    rng = random.Random(100 + seed)
    by, key = rng.choice(["string", "double", "bool", "ip", "longs"]), rng.choice(["long", "string", "double"])
    table = random_table(rng, 600, [by, key], 0.1)
    keys = [rng.choice(["", "-"]) + table.column_names[1]]
    whole = [table.column_names[0], *keys]
    limit, nulls = rng.choice([0, 1, 3, 40, 1000]), rng.choice([None, "last", "first"])
    rows = plain_rows(table)
    wanted = limited(order(rows, spec(table, whole), nulls, n_by=1), rows, [0], limit)
    out = run(table, keys, WORLDS[seed % 4], by=[table.column_names[0]], limit=limit, nulls=nulls)
    assert_order(table, out, wanted)


def test_by_without_limit_orders_by_partition_first() -> None:
    table = random_table(random.Random(1), 300, ["string", "long"])
    out = run(table, ["-long1"], MANY, by=["string0"])
    assert_order(table, out, order(plain_rows(table), spec(table, ["string0", "-long1"])))


@pytest.mark.parametrize("compiled", [False, True])
def test_against_duckdb(compiled: bool) -> None:
    rng = np.random.default_rng(3)
    n = 30_000
    text = pa.array(
        [None if v % 11 == 0 else f"key-{v % 97}" + "x" * (v % 13) for v in rng.integers(0, 10**6, n).tolist()]
    )
    table = pa.table(
        {
            "a": pa.array(rng.integers(-50, 50, n), mask=rng.random(n) < 0.1),
            "b": text,
            "c": rng.random(n),
            "id": np.arange(n),
        }
    )
    con = duckdb.connect()
    con.register("t", table)
    for keys, sql in [
        (["a"], "a nulls first"),
        (["-a", "b"], "a desc nulls last, b nulls first"),
        (["b", "-c"], "b nulls first, c desc nulls last"),
        (["-b", "a", "c"], "b desc nulls last, a nulls first, c nulls first"),
    ]:
        want = con.sql(f"select id from t order by {sql}, id").to_arrow_table()["id"].to_pylist()
        for world in (
            World(n_locals=4, rows=4096, seed=1, compiled=compiled),
            World(n_locals=2, rows=5000, memory=1 << 20, compiled=compiled),
        ):
            assert run(table, keys, world).columns[3].to_pylist() == want, (keys, world)


@pytest.mark.parametrize("compiled", [False, True])
def test_against_pandas(compiled: bool) -> None:
    rng = np.random.default_rng(8)
    n = 250_000
    frame = pd.DataFrame({"g": rng.integers(0, 300, n), "x": rng.normal(size=n).round(2), "id": np.arange(n)})
    table = pa.Table.from_pandas(frame)
    world = World(n_locals=2, rows=65_536, batches=1, memory=128 << 20, compiled=compiled)
    out = run(table, ["g", "-x"], world)
    want = frame.sort_values(["g", "x"], ascending=[True, False], kind="stable")["id"]
    assert np.array_equal(out.columns[2].to_numpy(), want.to_numpy())
    assert len({b.origin.seq for b in out.batches}) > 1, "key ranges are merged as partitions of their own"


def test_spilled_runs_and_passes_are_reported_and_change_nothing() -> None:
    table = random_table(random.Random(2), 20_000, ["wide", "string"])
    out = run(table, ["-wide0"], World(n_locals=2, rows=500, seed=3, memory=160 << 10))
    assert_order(table, out, order(plain_rows(table), spec(table, ["-wide0"])))
    assert out.run["spilled_bytes"] > 0
    assert out.run["passes"] > 1
    calm = run(table, ["-wide0"], ONE)
    assert calm.run["spilled_bytes"] == 0
    assert calm.columns == out.columns


def dictionary_parts(table: pa.Table, world: World, rng: random.Random) -> list[list[tuple[Any, ...]]]:
    """Each batch's text as plain, dictionary (its own, shuffled, with values that do not occur) or Spans."""
    parts = cut(table, world)
    for batches in parts:
        for i, columns in enumerate(batches):
            batches[i] = tuple(reshaped(c, rng) for c in columns)
    return parts


def reshaped(column: Any, rng: random.Random) -> Any:
    if not pa.types.is_string(column.type):
        return column
    match rng.randrange(3):
        case 0:
            return column
        case 1:
            values = sorted({v for v in column.to_pylist() if v is not None}, key=lambda v: rng.random())
            dictionary = ["never", *values, "neither"]
            codes = pa.array([None if v is None else dictionary.index(v) for v in column.to_pylist()], pa.int32())
            return pa.DictionaryArray.from_arrays(codes, pa.array(dictionary))
    return spans_of(column)


def spans_of(column: Any) -> Spans:
    texts = [None if v is None else v.encode() for v in column.to_pylist()]
    buffer = pa.py_buffer(b"~" * PAD + b"|".join(t or b"" for t in texts) + b"~" * PAD)
    start = np.cumsum([PAD, *(len(t or b"") + 1 for t in texts)])[:-1].astype(np.int32)
    length = np.array([-1 if t is None else len(t) for t in texts], np.int32)
    return Spans(buffer, bytes_of(buffer), start, length)


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("limit", [None, 25])
def test_text_in_any_form(seed: int, limit: int | None) -> None:
    rng = random.Random(seed)
    table = random_table(rng, 700, ["string", "string", "long"])
    world = replace(WORLDS[seed % 4], rows=rng.choice([40, 200]))
    keys = ["-string0", "string1"] if seed % 2 else ["string1", "-long2"]
    out = run_parts(make_sink(table, keys, limit=limit), dictionary_parts(table, world, rng), world)
    assert_order(table, out, order(plain_rows(table), spec(table, keys))[:limit])


def test_shared_dictionary_stays_codes() -> None:
    text = pa.array([f"g{i % 5}" for i in range(300_000)]).dictionary_encode()
    table = pa.table({"s": text, "id": pa.array(range(300_000))})
    out = run(table, ["-s"], World(n_locals=2, rows=65_536, batches=1))
    assert all(b.coded(0) is not None for b in out.batches)
    want = sorted(range(300_000), key=lambda i: -(i % 5))
    assert out.columns[1].to_pylist() == want


def test_maps_order_by_their_text() -> None:
    kind = pa.struct([("a", pa.int64()), ("b", pa.string())])
    values = [{"a": 2, "b": "x"}, None, {"a": 10, "b": "x"}, {"a": 2, "b": "a"}]
    table = pa.table({"m": pa.array(values, kind), "id": pa.array(range(4))})
    assert run(table, ["m"]).columns[1].to_pylist() == [1, 2, 3, 0]
    assert run(table, ["-m"]).columns[1].to_pylist() == [0, 3, 2, 1]


def test_a_field_that_is_not_there_orders_nothing() -> None:
    table = pa.table({"a": pa.array([3, 1, 2])})
    assert run(table, ["nowhere", "a"]).columns[0].to_pylist() == [1, 2, 3]
    assert run(table, ["nowhere"]).columns[0].to_pylist() == [3, 1, 2]


def test_sliced_input_with_offsets() -> None:
    table = random_table(random.Random(4), 500, ["bool", "ip", "strings", "double"])
    part = table.slice(123, 200)
    keys = ["bool0", "-ip1", "strings2", "double3"]
    parts = [[tuple(one_chunk(c) for c in part.columns)]]
    out = run_parts(make_sink(part, keys), parts, ONE)
    numbers = order(plain_rows(part), spec(part, keys))
    assert out.columns[4].to_pylist() == [123 + i for i in numbers]


def test_foreign_types_order_by_value() -> None:
    columns: list[Any] = [
        pa.array([5, 1, None, 3], pa.time32("s")),
        pa.array([2**64 - 1, 0, None, 2**63], pa.uint64()),
        pa.array([1.5, -2.0, None, 0.0], pa.float32()),
        pa.array([100, -(10**30), None, 0], pa.decimal128(38, 0)),
    ]
    for column in columns:
        kind = Type("other", arrow_type=column.type)
        schema = Schema((("x", kind), ("id", LONG)))
        sink = SortSink(sort_node(schema, ["x"]), schema, At("2", "sort"))
        out = run_parts(sink, [[(column, pa.array(range(4)))]], ONE)
        values = column.to_pylist()
        assert out.columns[1].to_pylist() == sorted(range(4), key=lambda i: (values[i] is not None, _rank(values, i)))


def _rank(values: list[Any], i: int) -> int:
    return sum(v is not None and values[i] is not None and v < values[i] for v in values)


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("seed", range(6))
def test_text_with_long_common_prefixes(seed: int, compiled: bool) -> None:
    """Prefixes of all lengths, texts that are the prefix, zeros, nulls, empties, many of one kind."""
    rng = random.Random(seed)
    prefix = "p" * rng.choice([0, 1, 7, 8, 9, 63, 64, 65, 200])
    tails = ["", "\0", "\0\0", "\0a", "a", "aaaaaaaa", "aaaaaaaab", "b" * 70, "b" * 70 + "c", "b" * 70 + "\0", "é"]
    texts = [rng.choice([None, "", *[prefix + t for t in tails for _ in range(2)]]) for _ in range(900)]
    if seed == 5:
        texts = [prefix + t for t in tails * 60]
    table = pa.table({"t": pa.array(texts, pa.string()), "id": pa.array(range(len(texts)))})
    world = World(n_locals=2, rows=200, seed=seed, compiled=compiled)
    for key in ("t", "-t"):
        assert_order(table, run(table, [key], world), order(plain_rows(table), spec(table, [key])))


def test_sorted_and_reversed_runs_that_do_not_overlap() -> None:
    n = 60_000
    for step in (1, -1):
        table = pa.table({"k": pa.array(range(n)[::step]), "id": pa.array(range(n))})
        for world in (World(n_locals=2, rows=1000), World(n_locals=2, rows=1000, memory=1 << 20)):
            out = run(table, ["k"], world)
            assert out.columns[0].to_pylist() == list(range(n))
            assert run(table, ["-k"], world).columns[0].to_pylist() == list(range(n - 1, -1, -1))
