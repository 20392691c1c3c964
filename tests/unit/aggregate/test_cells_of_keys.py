"""Groups of keys that fill their ranges, as those of keys by minutes: the same bits as by hashing, faults, little memory."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from cortado.engine.arrow import zeros
from cortado.engine.blocks import LARGE_PAGE
from cortado.engine.kernels import load
from cortado.engine.operators import groupdense, groupmerge
from cortado.engine.operators.grouping import ManyKeys
from cortado.planner.types import LONG, STRING

STOP = np.zeros(1, np.uint8)
AGGS = [("count",), ("sum", "x"), ("sum", "y"), ("wavg", "y", "x"), ("stddev", "y"), ("max", "y")]


@pytest.fixture(scope="module", autouse=True)
def _kernels() -> None:
    load.ensure(background=False)


def table(n: int, seed: int, minutes: int = 100) -> pa.Table:
    """`m` rises with the rows, so that few batches share a value of it; sums of `x` leave 64 bits here and there."""
    rng = np.random.default_rng(seed)
    names = [None, *(f"key {k}" for k in range(59))]
    large = np.where(rng.random(n) < 0.05, (1 << 62) + 5, rng.integers(1, 100, n))
    return pa.table(
        {
            "k": pa.array([names[i] for i in rng.integers(0, 60, n)], pa.string()),
            "m": pa.array(np.arange(n) * minutes // n),
            "x": pa.array(large, mask=rng.random(n) < 0.1),
            "y": pa.array(rng.normal(size=n) * 100),
            "s": pa.array([f"v{k}" for k in rng.integers(0, 50, n)]),
        }
    )


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Of each merge of many groups: whether they had cells."""
    found: list[bool] = []
    before = groupmerge.Merge._dense

    def look(self: groupmerge.Merge) -> Any:
        out = before(self)
        found.append(out is not None)
        return out

    monkeypatch.setattr(groupmerge.Merge, "_dense", look)
    monkeypatch.setattr(groupmerge, "SMALL", 500)
    return found


@pytest.mark.parametrize("keys", [("k", "m"), ("m", "k")])
@pytest.mark.parametrize("compiled", ["yes", "no", "flips"])
@pytest.mark.parametrize("threads", [1, 2, 5])
def test_the_same_bits_as_by_hashing(
    keys: tuple[str, ...],
    compiled: str,
    threads: int,
    run: Callable[..., Any],
    as_bits: Callable[[pa.Table], Any],
    seen: list[bool],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    t = table(40_000, threads)
    by_cell = run(t, keys, AGGS, batch=2000, threads=threads, compiled=compiled, seed=2)
    monkeypatch.setattr(groupdense, "CELLS_A_GROUP", 0)
    hashed = run(t, keys, AGGS, batch=2000, threads=threads, compiled=compiled, seed=2)
    assert seen == [True, False]
    assert by_cell.notes[("reject", "overflow")] > 5
    assert as_bits(by_cell.table) == as_bits(hashed.table)
    assert by_cell.notes == hashed.notes


def test_groups_that_most_tables_have(
    run: Callable[..., Any], as_bits: Callable[[pa.Table], Any], seen: list[bool]
) -> None:
    t = table(40_000, 6)
    shuffled = t.take(np.random.default_rng(1).permutation(len(t)))
    shared = run(shuffled, ("k", "m"), AGGS, batch=2000, threads=2, seed=2)
    apart = run(t, ("k", "m"), AGGS, batch=2000, threads=2, seed=2)
    assert seen == [True, True]
    assert as_bits(shared.table) == as_bits(apart.table)


def test_states_that_hold_values(run: Callable[..., Any], as_bits: Callable[[pa.Table], Any], seen: list[bool]) -> None:
    """One table alone keeps them where they are."""
    t = table(40_000, 7)
    two, one = (run(t, ("k", "m"), [("dc", "s")], batch=2000, threads=n, seed=2) for n in (2, 1))
    assert seen == [True, False]
    assert as_bits(two.table) == as_bits(one.table)


def test_with_little_memory(run: Callable[..., Any], as_bits: Callable[[pa.Table], Any], seen: list[bool]) -> None:
    t = table(40_000, 8)
    ample = run(t, ("k", "m"), AGGS, batch=2000, threads=2, seed=2)
    for memory in (1 << 19, 3 << 20, 6 << 20, 9 << 20, 12 << 20, 20 << 20):
        tight = run(t, ("k", "m"), AGGS, batch=2000, threads=2, memory=memory, seed=2)
        assert as_bits(tight.table) == as_bits(ample.table), memory
    assert set(seen) == {True, False}


def test_keys_of_new_dictionaries_are_the_same_groups() -> None:
    """In one pass over the codes as when each key is numbered alone; values come late, are null, or are never met."""
    rng = np.random.default_rng(3)
    words = [None, *(f"w{i}" for i in range(400))]
    one, other = ManyKeys((STRING, LONG), True), ManyKeys((STRING, LONG), True)
    for i in range(30):
        picked = [words[k] for k in rng.integers(0, 13 * i + 5, 700)]
        numbers = np.sort(rng.integers(10 * i, 10 * i + 12, 700))
        plain: list[Any] = [pa.array(picked, pa.string()), pa.array(numbers, mask=rng.random(700) < 0.01)]
        coded = [
            pa.array([*picked, "never"], pa.string()).dictionary_encode().slice(0, 700),
            plain[1].dictionary_encode(),
        ]
        assert one.ids(coded, 700, STOP).tolist() == other.ids(plain, 700, STOP).tolist()
        assert [c.to_pylist() for c in one.values()] == [c.to_pylist() for c in other.values()]
    assert one.n == other.n > 5000


def test_zeros_are_zero_and_ones_own() -> None:
    for shape in ((3,), (LARGE_PAGE // 8 - 1,), (LARGE_PAGE // 8,), (LARGE_PAGE, 3)):
        one, two = zeros(shape, np.int64), zeros(shape, np.int64)
        assert one.shape == shape
        assert not one.any()
        one[...] = 7
        assert not two.any()
