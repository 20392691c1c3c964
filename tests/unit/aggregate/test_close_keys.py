"""Quick ways to the numbers of keys: whole numbers by their distance, large dictionaries by marks; counts in lanes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

import cortado
from cortado.engine.kernels import load
from cortado.engine.normalise import normalise
from cortado.engine.operators import keycoder
from cortado.engine.operators.grouping import Coder
from cortado.planner.types import LONG, STRING, Type, of_arrow

STOP = np.zeros(1, np.uint8)
rng = np.random.default_rng(8)
LOW, HIGH = -(1 << 63), (1 << 63) - 1


@pytest.fixture(scope="module", autouse=True)
def _kernels() -> None:
    load.ensure(background=False)


def numbers_as_met(kind: Type, batches: list[pa.Array[Any]], starts_compiled: bool) -> None:
    coder, known = Coder(kind, starts_compiled), dict[Any, int]()
    for i, batch in enumerate(batches):
        if i == 1:
            coder.compile(STOP)
        want = [known.setdefault(v, len(known)) for v in batch.to_pylist()]
        assert coder.codes(batch, STOP).tolist() == want
    assert coder.values().to_pylist() == list(known)


@pytest.mark.parametrize("starts_compiled", [True, False])
@pytest.mark.parametrize("values", [[200, 304, 404, 500], [0, 1 << 40], [LOW, LOW + 5, HIGH, 0, -1], [-2000, 3000, 7]])
def test_whole_numbers_near_and_far(values: list[int], starts_compiled: bool) -> None:
    """New ones late in a batch, far ones among near ones, nulls, slices, batches without rows."""
    batches = []
    for i in range(8):
        some = rng.choice(np.array(values[: 1 + i // 2], np.int64), 500)
        if i % 3 == 2:
            some[-3:] = rng.integers(-50, 50, 3)
        nulls = rng.random(500) < (0.01 if i == 4 else 0)
        batches += [pa.array(some, mask=nulls).slice(i), pa.array([], pa.int64())]
    numbers_as_met(LONG, batches, starts_compiled)


@pytest.mark.parametrize("kind", [pa.timestamp("us", "UTC"), pa.duration("us")])
def test_times_and_lengths(kind: pa.DataType) -> None:
    batches = [pa.array(rng.integers(0, 40, 300) * (1 if i % 2 else 10**9), kind) for i in range(6)]
    numbers_as_met(of_arrow(kind), batches, True)


def coded(words: list[str], n: int, used: int) -> pa.DictionaryArray[Any, Any]:
    """`words` in any order, of which rows have the first `used`; nulls are among the rows."""
    codes = rng.integers(0, used, n).astype(np.int32)
    indices: Any = pa.array(codes, mask=rng.random(n) < 0.01)
    return pa.DictionaryArray.from_arrays(indices, pa.array(words, pa.string()))


@pytest.mark.parametrize("few", [0, 1 << 20])
def test_dictionaries_by_marks_are_the_same_groups(few: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only values that rows have are keys; the next batches of a dictionary bring more of them."""
    monkeypatch.setattr(keycoder, "FEW_VALUES", few)
    coder, seen = Coder(STRING, True), dict[Any, int]()
    for _ in range(4):
        words = [f"w{i}" for i in rng.permutation(900).tolist()]
        base = coded(words, 0, 1).dictionary
        for used in (30, 30, 400):
            batch = pa.DictionaryArray.from_arrays(coded(words, 700, used).indices, base)
            plain, got = batch.cast(pa.string()).to_pylist(), coder.codes(batch, STOP).tolist()
            for value, number in zip(plain, got, strict=True):
                assert seen.setdefault(value, number) == number
    assert sorted(seen.values()) == list(range(coder.n))
    assert coder.values().to_pylist() == [v for v, _ in sorted(seen.items(), key=lambda kv: kv[1])]


@pytest.mark.parametrize("few", [0, 1 << 20])
def test_distinct_values_of_dictionaries(few: int, run: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """Whole tables and by a key, with values that no row has, against Python's sets."""
    monkeypatch.setattr(keycoder, "FEW_VALUES", few)
    words = [f"w{i}" for i in rng.permutation(2000).tolist()]
    column = coded(words, 9000, 1500)
    keys = rng.integers(0, 3, 9000)
    t = pa.table({"k": pa.array(keys), "s": column})
    texts = column.cast(pa.string()).to_pylist()
    for threads in (1, 3):
        whole = run(t, (), [("dc", "s")], batch=1000, threads=threads)
        assert whole.table.columns[0].to_pylist() == [len({x for x in texts if x is not None})]
        by_key = run(t, ("k",), [("dc", "s")], batch=1000, threads=threads)
        want = [len({x for x, k in zip(texts, keys, strict=True) if k == g and x is not None}) for g in range(3)]
        assert by_key.table.columns[1].to_pylist() == want


@pytest.mark.parametrize("n", [0, 1, 3, 4, 1001])
def test_counts_in_lanes(n: int) -> None:
    from cortado.engine.kernels import dense

    numbers = rng.integers(0, 7, n).astype(np.int32)
    counts = np.zeros((7, dense.LANES), np.int64)
    assert dense.count_in_lanes(numbers, counts.reshape(-1)) == n
    assert counts.sum(axis=1).tolist() == np.bincount(numbers, minlength=7).tolist()


@pytest.mark.parametrize("unit", ["us", "ns", "ms"])
@pytest.mark.parametrize("zone", ["UTC", "+00:00", "+02:00", "Europe/London"])
def test_walls_of_utc_are_instants(unit: str, zone: str) -> None:
    """As Arrow puts a zone to them, with nulls and in slices; a fixed or a lawful offset is taken off."""
    moments = rng.integers(1_600_000_000, 1_601_000_000, 50)
    for nulls in (np.zeros(50, np.bool_), np.arange(50) % 7 == 0):
        factor = {"us": 10**6, "ns": 10**9, "ms": 10**3}[unit]
        kind: Any = {"us": pa.timestamp("us"), "ns": pa.timestamp("ns"), "ms": pa.timestamp("ms")}[unit]
        walls: Any = pa.array(moments * factor, kind, mask=nulls)
        for column in (walls, walls.slice(5, 20)):
            got = normalise(column, of_arrow(column.type), zone)
            want: Any = pc.assume_timezone(column, "UTC" if zone == "+00:00" else zone)
            assert got.to_pylist() == [v and v.astimezone(v.tzinfo) for v in want.to_pylist()]
            assert got.null_count == want.null_count


@pytest.mark.parametrize("n", [3000, 9000])
def test_dedup_keeps_the_order_of_rows(n: int) -> None:
    """Also where the values of a dictionary are so many that they are numbered in its order."""
    words = [f"w{i:05}" for i in rng.permutation(n).tolist()]
    codes = rng.integers(0, n, 30_000).astype(np.int32)
    indices: Any = pa.array(codes)
    t = pa.table({"k": pa.DictionaryArray.from_arrays(indices, pa.array(words)), "i": pa.array(np.arange(len(codes)))})
    first = np.sort(np.unique(codes, return_index=True)[1])
    ways: list[dict[str, Any]] = [
        {"kernels": "always", "threads": 3},
        {"kernels": "never"},
        {"kernels": "always", "batch_rows": 500},
    ]
    for way in ways:
        with cortado.connect(**way) as session:
            got = session.query("table t | dedup k", sources={"t": t}).to_arrow()
        assert got["i"].to_pylist() == first.tolist()
        assert got["k"].to_pylist() == [words[codes[r]] for r in first.tolist()]
