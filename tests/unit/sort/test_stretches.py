"""Rows that come in stretches of equal first keys: the order is that of any sort, and is found without one where they are in order."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from cortado.engine.context import Context, QueryState, Settings
from cortado.engine.memory import Budget
from cortado.engine.operators.sortkeys import SortBy, keys_of
from cortado.engine.operators.sortstretches import order_by_stretches

N, LONG = 64, 40  # stretches, rows of each


def context() -> Context:
    query = QueryState(Settings(threads=1), Budget(64 << 20), compiled=lambda: False)
    return Context(query, query.ledger.worker())


def table(kind: str, rng: random.Random) -> list[pa.Array[Any]]:
    names = [rng.choice([None, f"key {i % 50:02}", "", "a\0" * (i % 3), "x" * 20 + str(i)]) for i in range(N)]
    keys: Any = pa.array([k for k in names for _ in range(LONG)])
    if kind == "codes":
        keys = keys.dictionary_encode()
    if kind == "numbers":
        keys = pa.array([None if k is None else len(k) % 7 for k in names for _ in range(LONG)], pa.int64())
    return [keys, pa.array(list(range(LONG)) * N)]


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("kind", ["text", "codes", "numbers"])
@pytest.mark.parametrize("seed", range(6))
def test_same_as_a_stable_sort(kind: str, descending: bool, seed: int) -> None:
    columns = table(kind, random.Random(seed))
    places = np.arange(N * LONG)
    for second in (pa.array(places), columns[1]):  # in order whatever comes before, and where no key comes back
        rows = [columns[0], second]
        keys = keys_of(rows, (SortBy(0, descending, not descending), SortBy(1, False, True)), N * LONG, 1)
        got = order_by_stretches(keys, context())
        values = list(zip(columns[0].to_pylist(), second.to_pylist(), strict=True))
        ranks = {v: i for i, v in enumerate(sorted({v for v, _ in values if v is not None}), 1)}
        sign = -1 if descending else 1  # so a null, 0, is first ascending and last descending
        at = [(sign * ranks.get(k, 0), v) for k, v in values]
        by_key = sorted(at, key=lambda a: a[0])
        comes_back = by_key != sorted(at)
        wanted = sorted(range(N * LONG), key=lambda i: at[i])
        assert (got is None) == comes_back
        assert got is None or got.tolist() == wanted


def test_rows_out_of_order_within_a_stretch_are_left_to_a_sort() -> None:
    rows = [pa.array(np.repeat(np.arange(N), LONG)), pa.array(np.arange(N * LONG)[::-1].copy())]
    keys = keys_of(rows, (SortBy(0, False, True), SortBy(1, False, True)), N * LONG, 1)
    assert order_by_stretches(keys, context()) is None
