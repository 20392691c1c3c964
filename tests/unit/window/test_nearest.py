"""The kernels of as-of joins over segments with many rows, against binary search by NumPy and brute force."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from cortado.engine.context import Context, QueryState, Settings
from cortado.engine.memory import Budget
from cortado.engine.notes import WorkerNotes
from cortado.engine.operators.asof.index import Index
from cortado.engine.operators.asof.search import Searcher, Wish

I64 = NDArray[np.int64]
LEAST, MOST = -(1 << 63), (1 << 63) - 1


def times(kind: str, n: int, rng: np.random.Generator) -> I64:
    """Times that lie evenly, in a few bursts, all over 64 bits, mostly near the least, and a few values only."""
    match kind:
        case "even":
            return rng.integers(0, 10**12, n) * 1000
        case "bursts":
            return rng.integers(0, 5, n) * 10**15 + rng.integers(0, 3000, n)
        case "whole":
            return np.concatenate([rng.integers(LEAST, MOST, n - 2), [LEAST, MOST]])
        case "skewed":
            return (rng.lognormal(0, 6, n) * 1000).astype(np.int64)
    return rng.integers(0, 7, n)


def context() -> Context:
    return Context(QueryState(Settings(threads=1), Budget(1 << 30)), WorkerNotes(), kernels=True)


def brute(left: tuple[Any, I64], right: tuple[Any, I64], ahead: bool, exact: bool) -> list[int]:
    out = []
    for code, key in zip(*left, strict=True):
        mine = np.flatnonzero(right[0] == code) if code >= 0 else np.empty(0, np.int64)
        theirs = right[1][mine]
        if ahead:
            mine = mine[(theirs >= key) if exact else (theirs > key)]
            best = mine[right[1][mine] == right[1][mine].min()][:1] if len(mine) else mine
        else:
            mine = mine[(theirs <= key) if exact else (theirs < key)]
            best = mine[right[1][mine] == right[1][mine].max()][-1:] if len(mine) else mine
        out.append(int(best[0]) if len(best) else -1)
    return out


@pytest.mark.parametrize("kind", ["even", "bursts", "whole", "skewed", "few"])
@pytest.mark.parametrize("direction", ["backward", "forward"])
@pytest.mark.parametrize("exact", [True, False])
def test_a_place_is_found_through_the_directory(kind: str, direction: str, exact: bool) -> None:
    rng = np.random.default_rng(len(kind) + 10 * len(direction) + exact)
    n = 5000
    code = rng.choice([-1, 0, 1, 2, 3], n, p=[0.1, 0.7, 0.15, 0.046, 0.004]).astype(np.int32)
    right = times(kind, n, rng)
    wanted = np.concatenate([rng.choice(right, 150), rng.choice(right, 50) + 1, [LEAST, MOST, LEAST + 1, MOST - 1]])
    number = rng.integers(-1, 5, len(wanted)).astype(np.int32)
    ctx = context()
    index = Index(code, right, 5)
    got = Searcher(index, Wish(direction, exact), ctx).rows(number, wanted)
    assert got.tolist() == brute((number, wanted), (code, right), direction == "forward", exact)
    assert index.was_searched


@pytest.mark.parametrize("kind", ["even", "bursts", "whole", "skewed", "few"])
def test_segments_are_in_order_of_time_then_of_rows(kind: str) -> None:
    rng = np.random.default_rng(7)
    n = 40_000
    code, key = rng.choice([0, 1, 2, -1], n, p=[0.9, 0.07, 0.02, 0.01]).astype(np.int32), times(kind, n, rng)
    made = Index(code, key, 3).segments(context())
    rows = np.flatnonzero(code >= 0)
    rows = rows[np.lexsort((key[rows], code[rows]))]
    assert made.row.tolist() == rows.tolist()
    assert (made.key == key[rows]).all()


@pytest.mark.parametrize("n", [0, 1, 2, 4096, 4097, 9000])
def test_order_is_seen_wherever_it_fails(n: int) -> None:
    from cortado.engine.operators.asof.times import is_ordered

    key = np.arange(n) // 2
    assert is_ordered(key, True) and is_ordered(key, False)
    for at in {1, n // 2, 4096, n - 1} & set(range(1, n)):
        fallen = key.copy()
        fallen[at] = -1
        assert is_ordered(fallen, True) == is_ordered(fallen, False) == (fallen[at] >= fallen[at - 1])
