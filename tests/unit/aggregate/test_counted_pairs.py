"""Counts of two keys in one pass over both (PairGrid.number) against those by hand, with all that makes it stop on the way."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from cortado.engine.kernels import codes, load
from cortado.engine.operators import groupprogram, pairgrid
from cortado.engine.operators.grouping import ManyKeys
from cortado.engine.operators.groupprogram import Table
from cortado.engine.operators.states.sums import LANES, Count
from cortado.planner.types import LONG, STRING, Type

STOP = np.zeros(1, np.uint8)


@pytest.fixture(scope="module", autouse=True)
def _kernels() -> None:
    load.ensure(background=False)


def test_the_kernel_and_its_callers_agree() -> None:
    assert (codes.BLOCK, codes.LANES) == (pairgrid.BLOCK, pairgrid.LANES)
    assert LANES == codes.LANES


def column(rng: np.random.Generator, form: str, n: int, values: int) -> pa.Array[Any]:
    numbers = rng.integers(0, values, n)
    match form:
        case "close":
            return pa.array(numbers + 7)
        case "far":
            return pa.array(numbers * 10**12 - 5)
        case "nulls":
            return pa.array([None if k == 0 else k for k in numbers.tolist()], pa.int64())
        case "coded numbers":
            return pa.array(numbers * 10**12).dictionary_encode()
        case "coded":
            return pa.array([f"v{k}" if k else None for k in numbers.tolist()], pa.string()).dictionary_encode()
    return pa.array([f"v{k}" for k in numbers.tolist()])


def type_of(form: str) -> Type:
    return STRING if form in ("coded", "text") else LONG


FORMS = ["close", "far", "nulls", "coded numbers", "coded", "text"]


@pytest.mark.parametrize("first", FORMS)
@pytest.mark.parametrize("second", FORMS)
@pytest.mark.parametrize(("values", "most"), [(3, 1 << 17), (60, 1 << 17), (60, 100), (5000, 1 << 17)])
def test_counts(first: str, second: str, values: int, most: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pairgrid, "CELLS", 1 << 13)
    monkeypatch.setattr(groupprogram, "ROOM_TO_COUNT", codes.BLOCK)
    monkeypatch.setattr(groupprogram, "MOST_IN_LANES", most)
    rng = np.random.default_rng(values)
    table = Table(ManyKeys((type_of(first), type_of(second)), True, 16), [Count()], True)
    table.fit()
    met: Counter[tuple[object, object]] = Counter()
    for step in range(5):
        n = (1500, 1, 4000, 0, 2500)[step]
        keys = [column(rng, first, n, 1 + values * (step + 1) // 5), column(rng, second, n, 1 + values // 2)]
        done = table.tally(keys, n, STOP)
        assert 0 <= done <= n
        if done < n:
            groups = table.keys.ids([k.slice(done) for k in keys], n - done, STOP)
            table.fit()
            np.add.at(table.states[0].counts, groups, 1)  # type: ignore[attr-defined]
        table.fit()
        met.update(zip(*(k.to_pylist() for k in keys), strict=True))
    table.states[0].seal()
    counts = table.states[0].finish(table.keys.n, "", True).values.to_pylist()
    pairs = zip(*(c.to_pylist() for c in table.keys.values()), strict=True)
    assert dict(zip(pairs, counts, strict=True)) == dict(met)


def test_one_pass_is_really_taken() -> None:
    table = Table(ManyKeys((LONG, STRING), True), [Count()], True)
    table.fit()
    rng = np.random.default_rng(1)
    for step in range(3):
        keys = [column(rng, "close", 3000, 9), column(rng, "coded", 3000, 5)]
        done = table.tally(keys, 3000, STOP)
        assert done == (3000 if step else 0)  # the first rows tell how the grid lies
        if not done:
            table.keys.ids(keys, 3000, STOP)
