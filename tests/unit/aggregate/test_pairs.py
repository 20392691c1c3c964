"""Two keys: a grid over the pairs of codes while they are few, a table when not; the numbers must be the same."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from cortado.engine.kernels import load
from cortado.engine.operators import pairgrid
from cortado.engine.operators.grouping import ManyKeys
from cortado.planner.types import LONG, STRING

STOP = np.zeros(1, np.uint8)


@pytest.fixture(scope="module", autouse=True)
def _kernels() -> None:
    load.ensure(background=False)


def by_hand(pairs: list[tuple[object, object]]) -> list[int]:
    numbers: dict[tuple[object, object], int] = {}
    return [numbers.setdefault(pair, len(numbers)) for pair in pairs]


@pytest.mark.parametrize(
    ("n_first", "n_second", "stays"),
    [(1, 1, True), (3, 40, True), (700, 5, False), (900, 900, False), (5000, 5000, False)],
)
@pytest.mark.parametrize("form", ["plain", "dictionary"])
def test_numbers_by_first_sight(
    n_first: int, n_second: int, stays: bool, form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pairgrid, "CELLS", 1 << 12)  # so that the larger ones leave the grid on the way
    rng = np.random.default_rng(n_first)
    keys = ManyKeys((LONG, STRING), True, 1 << 4)
    met: list[tuple[object, object]] = []
    for step in range(6):
        a = rng.integers(0, 1 + n_first * (step + 1) // 6, 500) * 10**12
        b = [f"s{k}" if k else None for k in rng.integers(0, 1 + n_second * (step + 1) // 6, 500).tolist()]
        column = pa.array(b, pa.string())
        ids = keys.ids([pa.array(a), column.dictionary_encode() if form == "dictionary" else column], 500, STOP)
        before = len(met)
        met += zip(a.tolist(), b, strict=True)
        assert ids.tolist() == by_hand(met)[before:]
    assert keys.n == len(set(met))
    assert list(zip(*(c.to_pylist() for c in keys.values()), strict=True)) == list(dict.fromkeys(met))
    assert (keys._grid is not None) == stays


@pytest.mark.parametrize("n", [30, 3000])
def test_merge_keeps_pairs_apart(n: int) -> None:
    rng = np.random.default_rng(n)
    tables, met = [], []
    for compiled in (True, True, False):
        keys = ManyKeys((LONG, LONG), compiled)
        a, b = rng.integers(0, n, 4000), rng.integers(0, n, 4000)
        keys.ids([pa.array(a), pa.array(b)], 4000, STOP)
        keys.compile(STOP)
        tables.append(keys)
        met.append(list(zip(a.tolist(), b.tolist(), strict=True)))
    into = ManyKeys((LONG, LONG), True)
    for keys in tables:
        members = rng.permutation(keys.n).astype(np.int32)
        ids = into.merge(keys, members, STOP)
        theirs = list(zip(*(c.to_pylist() for c in keys.values(members)), strict=True))
        mine = list(zip(*(c.to_pylist() for c in into.values(ids)), strict=True))
        assert mine == theirs
    assert into.n == len({pair for pairs in met for pair in pairs})
    assert len(np.unique(into.hashes())) == into.n


def test_after_a_stop_nothing_is_looked_up() -> None:
    keys = ManyKeys((LONG, LONG), True)
    stopped = np.ones(1, np.uint8)
    a = np.arange(200_000)
    assert not keys.ids([pa.array(a), pa.array(a)], len(a), stopped).any()
    assert keys.n == 0


def test_stretches_of_keys_with_nulls_far_apart() -> None:
    """A null's word is 0, which is no reason to take it for the value before it."""
    from cortado.engine.operators.keyform import Words
    from cortado.engine.operators.keytable import KeyTable

    rng = np.random.default_rng(3)
    values = np.repeat(rng.integers(0, 3, 3000).astype(np.uint64) << np.uint64(40), rng.integers(1, 4, 3000))
    nulls = rng.random(len(values)) < 0.3
    values[nulls] = 0
    table = KeyTable(words=True)
    ids = table.ids(Words(values, nulls), STOP)
    pairs = [None if null else value for value, null in zip(values.tolist(), nulls.tolist(), strict=True)]
    assert ids.tolist() == by_hand([(p, 0) for p in pairs])
