"""Backward sweeps in lanes, from states that are looked back for, against brute force over the rows."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from cortado.engine.kernels import nearest, sweep
from cortado.engine.operators.asof import before, index
from cortado.engine.operators.asof.index import Index
from cortado.engine.operators.asof.search import Searcher, Wish

from .test_nearest import LEAST, MOST, brute, context

SPREADS = {"unique": 10**9, "ties": 900, "bursts": 25}


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Looking back gives up after a few rows, and lanes begin with a few."""
    monkeypatch.setattr(before, "BACK", 40)
    monkeypatch.setattr(before, "LANE_ROWS", 4)
    monkeypatch.setattr(index, "STEP", 64)


def made(n: int, spread: int, seed: int, dead: float = 0.0) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    rng = np.random.default_rng(seed)
    often = np.array([dead, 0.6, 0.3, 0.09, 0.009, 0.001])
    code = rng.choice(np.arange(-1, 5), n, p=often / often.sum()).astype(np.int32)
    return code, np.sort(rng.integers(0, spread, n))


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("exact", [True, False])
@pytest.mark.parametrize("dead", [0.0, 0.1])
@pytest.mark.parametrize("spread", SPREADS)
@pytest.mark.parametrize("sizes", [(1000, 3000), (1000, 1000), (2000, 200)])
def test_batches_in_any_turn_find_their_rows(sizes: tuple[int, int], spread: str, dead: float, exact: bool) -> None:
    left, right = made(sizes[0], SPREADS[spread], 1, dead), made(sizes[1], SPREADS[spread], 2, dead)
    wanted = np.array(brute(left, right, False, exact))
    n, ctx = sizes[0], context()
    in_turn = [(i, i + 100) for i in range(0, n, 100)]
    for turns in (in_turn, in_turn[::2] + in_turn[1::2], in_turn[::-1], [(0, n)]):
        searcher = Searcher(Index(*right, 5), Wish("backward", exact), ctx)
        for low, high in turns:
            got = searcher.rows(left[0][low:high], left[1][low:high])
            assert got.tolist() == wanted[low:high].tolist(), (low, high)


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("exact", [True, False])
def test_the_ends_of_64_bits(exact: bool) -> None:
    n = 200
    key = np.sort(np.array([LEAST, 0, MOST] * n)[:n])
    code = (np.arange(n) % 3).astype(np.int32)
    got = Searcher(Index(code, key, 3), Wish("backward", exact), context()).rows(code, key)
    assert got.tolist() == brute((code, key), (code, key), False, exact)


@pytest.mark.usefixtures("small")
def test_rows_that_take_no_part_may_have_any_time() -> None:
    left, right = made(1000, 900, 1, 0.2), made(3000, 900, 2)
    key = np.where(left[0] < 0, MOST, left[1])
    got = Searcher(Index(*right, 5), Wish("backward"), context()).rows(left[0], key)
    assert got.tolist() == brute(left, right, False, True)


def test_marks_of_the_rows_in_front_are_made_only_where_a_key_is_not_near(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(before, "BACK", 100)
    asked: list[Any] = []
    kept = nearest.marks

    def marks(*given: Any) -> Any:
        asked.append(given)
        return kept(*given)

    monkeypatch.setattr(nearest, "marks", marks)
    code = np.array([1] + [0] * 999, np.int32)
    found = Index(code, np.arange(1000), 2)
    searcher = Searcher(found, Wish("backward"), context())
    late = np.arange(900, 1000)
    assert searcher.rows(np.zeros(100, np.int32), late).tolist() == late.tolist() and not asked
    searcher = Searcher(found, Wish("backward"), context())
    assert searcher.rows(np.ones(100, np.int32), late).tolist() == [0] * 100 and asked
    assert searcher.rows(np.zeros(100, np.int32), late).tolist() == late.tolist()


def test_lanes_see_a_cancel() -> None:
    n, stop = 1 << 20, np.ones(1, np.uint8)
    code, key, out = np.zeros(n, np.int32), np.arange(n), np.full(n, -7, np.int32)
    bounds = np.array([n * i // 4 for i in range(5)])
    sweep.sweep_lanes(code, key, code, key, 0, np.full(8, -2, np.int32), bounds, bounds, out, stop)
    assert (out == -7).all()
    state = np.full(2, -2, np.int32)
    assert sweep.look_back(np.full(n, -1, np.int32), n, 0, state, stop) == 2
