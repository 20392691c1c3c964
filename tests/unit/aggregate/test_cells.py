"""Kernels of groups by cell against what NumPy says, and fresh codes in stretches."""

from __future__ import annotations

import numpy as np
import pytest

from cortado.engine.kernels import load
from cortado.engine.operators.groupaxes import divided, extended
from cortado.engine.operators.groupdense import MOST_CELLS, met
from cortado.engine.operators.pairgrid import PairGrid

rng = np.random.default_rng(11)


@pytest.fixture(scope="module", autouse=True)
def _kernels() -> None:
    load.ensure(background=False)


@pytest.mark.parametrize("width", [1, 2, 3, 7, 360, 1000, 65_537, (1 << 30) - 1, MOST_CELLS])
def test_ranks_of_cells(width: int) -> None:
    """Also next to each multiple of the width, where a reciprocal may be off by one."""
    at = np.append(np.arange(0, MOST_CELLS, max(width, MOST_CELLS // 1000)), MOST_CELLS)
    cells = np.unique(np.clip(np.add.outer(at, [-1, 0, 1]).ravel(), 0, MOST_CELLS - 1))
    before, rank = divided(cells, width, True)
    assert before.tolist() == (cells // width).tolist()
    assert rank.tolist() == (cells % width).tolist()


def test_cells_of_one_key_more() -> None:
    codes = rng.integers(0, 50, (1000, 2)).astype(np.int32)[:, 1]  # a column, as tables have them
    rank, cells = rng.permutation(50), rng.integers(0, 1 << 20, 1000)
    assert extended(cells.copy(), codes, rank, 60, True).tolist() == (cells * 60 + rank[codes]).tolist()
    assert extended(cells.copy(), codes, rank, 60, False).tolist() == (cells * 60 + rank[codes]).tolist()


@pytest.mark.parametrize("compiled", [True, False])
@pytest.mark.parametrize("n", [0, 1, 2, 100, 1000])
def test_cells_that_have_a_group(n: int, compiled: bool) -> None:
    for none in (0.0, 0.5, 1.0):
        numbers = np.where(rng.random(n) < none, -1, rng.permutation(n)).astype(np.int32)
        rows, found = met(numbers, compiled)
        assert rows.tolist() == [i for i, g in enumerate(numbers.tolist()) if g >= 0]
        assert found.tolist() == [g for g in numbers.tolist() if g >= 0]


@pytest.mark.parametrize("second_leads", [True, False])
def test_pairs_in_any_order_of_codes(second_leads: bool) -> None:
    """Also of codes that there are none of, from any pair to any other."""
    high, wide = 37, 90
    first, second = rng.integers(0, high, 900).astype(np.int32), rng.integers(0, wide, 900).astype(np.int32)
    grid = PairGrid()
    grid._second_leads = second_leads
    assert grid.reach(high, wide)
    numbers = dict(
        zip(zip(first.tolist(), second.tolist(), strict=True), grid.ids(first, second).tolist(), strict=True)
    )
    one, two = (np.append(rng.permutation(n), -1).astype(np.int32)[rng.permutation(n + 1)] for n in (high, wide))
    want = [numbers.get((a, b), -1) for a in one.tolist() for b in two.tolist()]
    for low, end in [(0, len(want)), *np.sort(rng.integers(0, len(want) + 1, (50, 2))).tolist()]:
        out = np.empty(end - low, np.int32)
        grid.in_order(one, two, low, end, out)
        assert out.tolist() == want[low:end]


@pytest.mark.parametrize("longest", [1, 5, 40, 400])
@pytest.mark.parametrize("n", [0, 1, 15, 16, 17, 5000])
def test_fresh_codes_by_first_sight(longest: int, n: int) -> None:
    """In stretches of any length; codes that are mapped are none."""
    from cortado.engine.kernels import codes

    rows = np.repeat(rng.integers(0, 100, n), rng.integers(1, longest + 1, n))[:n].astype(np.int32)
    mapped = np.where(np.arange(100) % 3, -1, np.arange(100)).astype(np.int32)
    fresh, before = np.empty(100, np.int32), mapped.copy()
    found = fresh[: codes.find_fresh(rows, mapped, fresh)].tolist()
    assert found == [c for c in dict.fromkeys(rows.tolist()) if before[c] < 0]
    assert mapped.tolist() == [codes.ASKED if c in found else before[c] for c in range(100)]


def test_a_grid_that_grows_keeps_its_pairs() -> None:
    """Higher alone, wider alone, both."""
    known: dict[tuple[int, int], int] = {}
    grid = PairGrid()
    for high, wide in ((3, 5), (40, 5), (40, 30), (41, 70), (300, 70), (301, 200)):
        assert grid.reach(high, wide)
        first, second = (rng.integers(0, n, 50).astype(np.int32) for n in (high, wide))
        for pair, number in zip(
            zip(first.tolist(), second.tolist(), strict=True), grid.ids(first, second), strict=True
        ):
            assert known.setdefault(pair, int(number)) == number
    assert sorted(known.values()) == list(range(grid.n))
