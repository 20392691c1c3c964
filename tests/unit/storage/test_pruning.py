"""Pruning never loses a row, and what it keeps does not depend on how rows were stored."""

from __future__ import annotations

import math
import random
from typing import Any

import pyarrow as pa
import pytest

from cortado.engine.storage import delta, parquet, tables
from cortado.engine.storage.paths import Gate
from cortado.engine.storage.snapshot import Op
from cortado.engine.storage.tables import Bound, TableStore

OPS: list[Op] = ["<", "<=", "==", ">=", ">"]
TEXTS = ["", "a", "ab", "b", "\U0001f600", "\uffff", "가", "z" * 100, "z" * 64]
NUMBERS = [0, 1, -1, 2**53, 2**53 + 1, -(2**53) - 1, 2**63 - 1, -(2**63)]
FLOATS = [0.0, -0.0, 1.5, -1.5, math.inf, -math.inf, math.nan, 5e-324, 2.0**53]
TIMES = [0, 1, 999, 1000, 1001, -1, 10**15, 10**15 + 1, 253402300799999999, 2**62]


def some(rng: random.Random, values: list[Any], n: int) -> list[Any]:
    """A few neighbouring values, so that bounds are narrow, with nulls."""
    few = rng.sample(values, rng.randint(1, 3))
    return [None if rng.random() < 0.1 else rng.choice(few) for _ in range(n)]


def make(rng: random.Random) -> pa.Table:
    n = rng.randint(1, 12)
    times: Any = pa.array(some(rng, TIMES, n), pa.int64()).cast(pa.timestamp("us", "UTC"))
    days: Any = pa.array(some(rng, [0, 1, 20_000, -1], n), pa.int32()).cast(pa.date32())
    return pa.table(
        {
            "t": times,
            "i": pa.array(some(rng, NUMBERS, n), pa.int64()),
            "f": pa.array(some(rng, FLOATS, n), pa.float64()),
            "s": pa.array(some(rng, TEXTS, n), pa.string()),
            "d": days,
            "l": pa.array([[1]] * n),
        }
    )


def key(value: Any) -> Any:
    """NaN after all numbers and equal to itself, as the engine compares."""
    return (math.isnan(value), 0.0 if math.isnan(value) else value) if isinstance(value, float) else value


def holds(op: Op, left: Any, right: Any) -> bool:
    if left is None:
        return False
    if isinstance(left, float) or isinstance(right, float):
        left, right = key(float(left)), key(float(right))
    answers = {"<": left < right, "<=": left <= right, "==": left == right, ">=": left >= right, ">": left > right}
    return bool(answers[op])


@pytest.mark.parametrize("seed", range(4))
def test_pruning_never_loses_a_row(store: TableStore, seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet, "ROW_GROUP_ROWS", 4)
    monkeypatch.setattr(delta, "CHECKPOINT_EVERY", 8)
    monkeypatch.setattr(tables, "CHECKPOINT_EVERY", 8)
    rng = random.Random(seed)
    for _ in range(20):
        store.append("t", make(rng), create=True)
    if seed % 2:
        store.compact("t")
    snap = TableStore(Gate(), store.snapshot("t").folder.parents[1], durable=False).snapshot("t")
    everything = {s.place: rows_of(s) for s in snap.splits()}
    n_pruned = 0
    for _ in range(150):
        bounds = [bound(rng) for _ in range(rng.randint(1, 2))]
        kept = {s.place: s for s in snap.splits(bounds)}
        assert list(kept) == sorted(kept)
        for place, rows in everything.items():
            matching = [r for r in rows if all(holds(b.op, r[b.field], b.value) for b in bounds)]
            if place not in kept:
                n_pruned += 1
                assert not matching, (bounds, matching)
    assert n_pruned > 500
    for split in snap.splits():
        for name in "tifsd":
            found = split.bounds(name)
            values = [r[name] for r in everything[split.place] if r[name] is not None]
            assert found is None or all(holds("<=", found[0], v) and holds("<=", v, found[1]) for v in values)


def rows_of(split: tables.Split) -> list[dict[str, Any]]:
    out: list[dict[str, Any]] = []
    for batch in split.read(["t", "i", "f", "s", "d"]):
        columns = []
        for column in batch.columns:
            plain: Any = column.cast(pa.string()) if pa.types.is_dictionary(column.type) else column
            columns.append(plain.cast(pa.int64()) if pa.types.is_timestamp(plain.type) else plain)
        out += pa.RecordBatch.from_arrays(columns, names=batch.schema.names).to_pylist()
    return out


def bound(rng: random.Random) -> Bound:
    name = rng.choice("tifsd")
    known: dict[str, list[Any]] = {
        "t": TIMES,
        "i": [*NUMBERS, *FLOATS],
        "f": [*FLOATS, 0, 1, 2**53 + 1],
        "s": TEXTS,
        "d": TIMES,
    }
    values = known[name]
    return Bound(name, rng.choice(OPS), rng.choice(values))


@pytest.mark.parametrize(
    "bound", [Bound("i", "==", "1"), Bound("s", "<", 5), Bound("i", "<", True), Bound("x", "<", 5), Bound("l", "<", 5)]
)
def test_a_bound_that_does_not_fit_prunes_nothing(store: TableStore, bound: Bound) -> None:
    store.append("t", make(random.Random(1)), create=True)
    assert len(list(store.snapshot("t").splits([bound]))) == 1


def test_a_small_time_window_opens_few_files(store: TableStore) -> None:
    for i in range(50):
        times: Any = pa.array([i * 1000, i * 1000 + 999]).cast(pa.timestamp("us", "UTC"))
        store.append("t", pa.table({"_time": times}), create=True)
    counts = tables.ScanCounts()
    assert len(list(store.snapshot("t").splits(from_us=25_000, to_us=26_000, counts=counts))) == 1
    assert counts.files_opened == 1
