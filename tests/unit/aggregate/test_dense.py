"""Groups of several keys merged by cell: which tables have cells, that cells are in order of keys, and the same bits as by hashing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from cortado.engine.kernels import load
from cortado.engine.operators import groupdense, groupmerge
from cortado.engine.operators.groupdense import dense_of
from cortado.engine.operators.grouping import ManyKeys, OneKey
from cortado.engine.operators.keyform import from_normal
from cortado.engine.operators.pairgrid import PairGrid
from cortado.planner.types import DOUBLE, LONG, MAP, STRING

STOP = np.zeros(1, np.uint8)
AGGS = [("count",), ("sum", "x"), ("wavg", "y", "x"), ("first", "s"), ("dc", "s"), ("stddev", "y"), ("p50", "y")]


@pytest.fixture(scope="module", autouse=True)
def _kernels() -> None:
    load.ensure(background=False)


def keys_of(types: tuple[Any, ...], columns: list[pa.Array[Any]], compiled: bool = True) -> ManyKeys:
    keys = ManyKeys(types, compiled)
    keys.ids(columns, len(columns[0]), STOP)
    return keys


def tuples(keys: ManyKeys) -> list[tuple[Any, ...]]:
    return list(zip(*(c.to_pylist() for c in keys.values()), strict=True))


def test_two_keys_are_found_by_pair_as_they_are_by_cell() -> None:
    """Each table with its own codes; texts and numbers that only some tables have."""
    rng, types = np.random.default_rng(5), (STRING, LONG)
    for _ in range(20):
        rows = [
            (pa.array([f"k{i}" for i in rng.integers(0, 20, 300)]), pa.array(rng.integers(0, 15, 300))) for _ in "abc"
        ]
        gridded, hashed = ([keys_of(types, list(r)) for r in rows] for _ in "ab")
        for keys in hashed:
            keys.freeze(STOP)
        one, two = dense_of(types, gridded), dense_of(types, hashed)
        assert one is not None and two is not None
        assert all(isinstance(t, groupdense.ByPair) for t in one.tables)
        assert all(isinstance(t, groupdense.ByCell) for t in two.tables)
        low, high = np.sort(rng.integers(0, one.n_cells + 1, 2)).tolist()
        for (cells, groups), (same, others) in ((one.groups(low, high), two.groups(low, high)),):
            assert cells.tolist() == same.tolist()
            assert [g.tolist() for g in groups] == [g.tolist() for g in others]


@pytest.mark.parametrize("compiled", [True, False])
def test_cells_are_in_order_of_keys(compiled: bool) -> None:
    """Nulls first, negative numbers before others, text by its bytes; tables of one key each or with all of them."""
    texts = [None, "", "Z", "a", "a longer one than fits sixteen bytes", "ä", "😀"]
    numbers = [None, -(1 << 63), -5, 0, 7, (1 << 63) - 1]
    doubles = [None, float("-inf"), -0.5, 0.0, 2.5]
    every = [(t, i, d) for t in texts for i in numbers for d in doubles]
    types = (STRING, LONG, DOUBLE)
    rng = np.random.default_rng(3)
    picked = [[every[k] for k in rng.permutation(len(every))[:n]] for n in (150, 1, 120)]
    tables = [
        keys_of(types, [pa.array(c, t.arrow) for c, t in zip(zip(*rows, strict=True), types, strict=True)], compiled)
        for rows in picked
    ]
    dense = dense_of(types, tables)
    assert dense is not None
    cells, groups = dense.groups(0, dense.n_cells)
    columns = [from_normal(t, k).to_pylist() for t, k in zip(types, dense.keys(cells), strict=True)]
    met = {row for rows in picked for row in rows}
    assert list(zip(*columns, strict=True)) == [row for row in every if row in met]
    for table, by_cell in zip(tables, groups, strict=True):
        own = tuples(table)
        for row, group in zip(zip(*columns, strict=True), by_cell.tolist(), strict=True):
            assert (own[group] == row) if group >= 0 else (row not in own)


def test_ranges_of_cells_are_all_cells() -> None:
    table = keys_of((LONG, LONG), [pa.array([3, 1, 2, 1]), pa.array([0, 0, 5, 5])])
    dense = dense_of((LONG, LONG), [table])
    assert dense is not None
    pieces = [dense.groups(a, b)[0].tolist() for a, b in ((0, 1), (1, 1), (1, 4), (4, 6))]
    assert [c for piece in pieces for c in piece] == dense.groups(0, 6)[0].tolist() == [0, 1, 3, 4]


@pytest.mark.parametrize(("n", "fits"), [(8, True), (9, False)])
def test_keys_too_far_apart_have_no_cells(n: int, fits: bool) -> None:
    """A diagonal of n groups has n * n cells, here two for a group at most."""
    column = pa.array(np.arange(n) * 10**15 - 10**17)
    tables = [keys_of((LONG, LONG), [column, column])]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(groupdense, "CELLS_A_GROUP", 8)
        assert (dense_of((LONG, LONG), tables) is not None) == fits


def test_keys_whose_values_differ_between_tables_are_counted_together() -> None:
    """Each table alone is full; together they are a diagonal of blocks, most of whose cells are empty."""
    tables = [
        keys_of((LONG, LONG), [pa.array([k, k, k + 1, k + 1]), pa.array([k, k + 1, k, k + 1])])
        for k in range(0, 20, 2)
    ]  # fmt: skip
    assert dense_of((LONG, LONG), tables[:2]) is not None
    assert dense_of((LONG, LONG), tables) is None


def test_other_keys_have_no_cells() -> None:
    """A map is not made again from its normal form; one key alone has ways of its own."""
    maps = pa.array([[("a", "1")], [("b", "2")], [("a", "1")]], MAP.arrow)
    several = keys_of((MAP, LONG), [maps, pa.array([1, 2, 1])])
    assert several.n == 2
    assert dense_of((MAP, LONG), [several]) is None
    one = OneKey((STRING,), True)
    one.ids([pa.array(["x", "y"])], 2, STOP)
    assert dense_of((STRING,), [one]) is None


def test_no_groups_have_no_cells_and_no_fault() -> None:
    dense = dense_of((LONG, STRING), [ManyKeys((LONG, STRING), True), ManyKeys((LONG, STRING), True)])
    if dense is not None:
        assert not len(dense.groups(0, dense.n_cells)[0])


def table(n: int, seed: int) -> pa.Table:
    rng = np.random.default_rng(seed)
    names = [None, *(f"key {k}" for k in range(59))]
    return pa.table(
        {
            "k": pa.array([names[i] for i in rng.integers(0, 60, n)], pa.string()),
            "i": pa.array(rng.integers(-40, 60, n), mask=rng.random(n) < 0.01),
            "x": pa.array(rng.integers(-3, 100, n), mask=rng.random(n) < 0.1),
            "y": pa.array(rng.normal(size=n) * 100),
            "s": pa.array([f"v{k}" for k in rng.integers(0, 50, n)]),
        }
    )


@pytest.mark.parametrize("keys", [("k", "i"), ("i", "k")])
@pytest.mark.parametrize("compiled", ["yes", "no"])
def test_the_same_bits_as_by_hashing(
    keys: tuple[str, ...],
    compiled: str,
    run: Callable[..., Any],
    as_bits: Callable[[pa.Table], Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    t = table(30_000, len(compiled))
    used: list[bool] = []
    before = groupmerge.Merge._dense

    def seen(self: groupmerge.Merge) -> Any:
        found = before(self)
        used.append(found is not None)
        return found

    monkeypatch.setattr(groupmerge.Merge, "_dense", seen)
    by_cell = run(t, keys, AGGS, batch=700, threads=3, compiled=compiled, seed=2)
    monkeypatch.setattr(groupdense, "CELLS_A_GROUP", 0)
    hashed = run(t, keys, AGGS, batch=700, threads=3, compiled=compiled, seed=2)
    alone = run(t, keys, AGGS, compiled=compiled)
    assert used[:2] == [True, False]
    assert by_cell.table.num_rows > groupmerge.SMALL
    assert as_bits(by_cell.table) == as_bits(hashed.table) == as_bits(alone.table)


def test_without_memory_for_cells_groups_are_hashed(
    run: Callable[..., Any], as_bits: Callable[[pa.Table], Any]
) -> None:
    t = table(30_000, 9)
    ample = run(t, ("k", "i"), AGGS, batch=700, threads=3, seed=2)
    for memory in (1 << 19, 4 << 20, 16 << 20, 40 << 20):
        tight = run(t, ("k", "i"), AGGS, batch=700, threads=3, memory=memory, seed=2)
        assert as_bits(tight.table) == as_bits(ample.table)


@pytest.mark.parametrize("second_leads", [True, False])
def test_a_grid_gives_the_same_numbers_whichever_way_it_lies(second_leads: bool) -> None:
    rng = np.random.default_rng(4)
    slow, quick = np.sort(rng.integers(0, 400, 20_000)).astype(np.int32), rng.integers(0, 300, 20_000).astype(np.int32)
    first, second = (quick, slow) if second_leads else (slow, quick)
    grid, met, got = PairGrid(), list(zip(first.tolist(), second.tolist(), strict=True)), []
    grid.orient(first, second)
    assert grid._second_leads == second_leads
    for low in range(0, 20_000, 3000):
        a, b = first[low : low + 3000], second[low : low + 3000]
        assert grid.reach(int(first[: low + 3000].max()) + 1, int(second[: low + 3000].max()) + 1)
        got += grid.ids(a, b).tolist()
    numbers: dict[tuple[int, int], int] = {}
    assert got == [numbers.setdefault(pair, len(numbers)) for pair in met]
    assert [tuple(c) for c in grid.codes().tolist()] == list(numbers)
