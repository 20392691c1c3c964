"""Tiny memory gives the same bits as ample memory."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

CHEAP = [("count",), ("sum", "x"), ("avg", "y"), ("min", "x"), ("max", "s"), ("last", "s"), ("stddev", "y")]
HEAVY = [("dc", "s"), ("values", "x"), ("array", "x"), ("mode", "s"), ("p25", "y"), ("argmax", "s", "y")]


def table(n: int, n_keys: int, seed: int) -> pa.Table:
    r = random.Random(seed)
    keys = [None, "", *(f"key {i}" + " and a long tail" * (i % 3) for i in range(n_keys - 2))]
    return pa.table(
        {
            "k": pa.array([keys[r.randrange(n_keys)] for _ in range(n)], pa.string()),
            "i": pa.array([r.choice([None, r.randrange(n_keys)]) for _ in range(n)], pa.int64()),
            "x": pa.array([r.choice([None, r.randrange(100)]) for _ in range(n)], pa.int64()),
            "y": pa.array([r.uniform(-1e6, 1e6) for _ in range(n)]),
            "s": pa.array([f"v{r.randrange(50)}" for _ in range(n)]),
        }
    )


@pytest.mark.parametrize(
    ("keys", "compiled"), [(("k",), "yes"), (("k",), "no"), (("i",), "flips"), (("k", "i"), "yes"), (("i", "k"), "no")]
)
def test_tiny_memory_gives_the_same_bits(
    keys: tuple[str, ...], compiled: str, run: Callable[..., Any], as_bits: Callable[[pa.Table], Any]
) -> None:
    t = table(2500, 900, len(keys))
    ample = run(t, keys, CHEAP + HEAVY)
    tiny = run(t, keys, CHEAP + HEAVY, batch=500, threads=3, memory=1 << 19, compiled=compiled, seed=5)
    assert tiny.sink.describe_run()["spilled_bytes"] > 0
    assert ample.sink.describe_run()["spilled_bytes"] == 0
    assert as_bits(tiny.table) == as_bits(ample.table)


def test_a_million_groups_in_four_megabytes(run: Callable[..., Any]) -> None:
    n = 1_000_000
    ids = np.random.default_rng(1).permutation(n)
    t = pa.table({"k": pa.array(ids), "x": pa.array(ids * 3)})
    out = run(t, ("k",), [("sum", "x"), ("count",)], batch=65_536, threads=2, memory=4 << 20)
    assert out.sink.describe_run()["spilled_bytes"] > n * 16
    assert out.query.memory.peak <= 4 << 20
    assert np.array_equal(out.table["k"].to_numpy(), np.arange(n))
    assert np.array_equal(out.table["a0"].to_numpy(), 3 * np.arange(n))
    assert set(out.table["a1"].to_pylist()) == {1}


def test_one_group_that_holds_more_than_the_budget(run: Callable[..., Any]) -> None:
    t = pa.table({"x": pa.array(np.arange(200_000)[::-1])})
    out = run(t, (), [("median", "x"), ("dc", "x"), ("values", "x", 3)], batch=10_000, threads=2, memory=1 << 20)
    assert out.table.to_pylist() == [{"a0": 99999.5, "a1": 200_000, "a2": [0, 1, 2]}]
    assert out.notes[("truncate", "values")] == 199_997
