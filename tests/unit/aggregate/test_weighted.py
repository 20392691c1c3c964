"""wavg: sums in a cache line a group and as limbs are the same sums; quotients against exact fractions."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from cortado.engine.kernels import load
from cortado.engine.operators.states import weightcells
from cortado.engine.operators.states.base import Rows
from cortado.engine.operators.states.weightcells import Bases, WeightCells
from cortado.engine.operators.states.weighted import Weighted
from cortado.planner.types import DOUBLE

STOP = np.zeros(1, np.uint8)
Pair = tuple[np.ndarray, np.ndarray]
rng = np.random.default_rng(7)


@pytest.fixture(scope="module", autouse=True)
def _kernels() -> None:
    load.ensure(background=False)


def cancelling(n: int) -> Pair:
    large = np.repeat(rng.random((n + 1) // 2), 2)[:n] * 1e9
    return np.where(np.arange(n) % 2, 1, -1) * large + rng.integers(0, 2, n) * 1e-3, np.ones(n)


KINDS: dict[str, Callable[[int], Pair]] = {
    "trades": lambda n: (100 + rng.normal(size=n), rng.integers(0, 1000, n).astype(float)),
    "signed": lambda n: (rng.normal(size=n) * 100, rng.integers(-5, 6, n).astype(float)),
    "far apart": lambda n: (rng.normal(size=n) * 2.0 ** rng.integers(-60, 60, n), rng.random(n) * 2.0 ** (n % 40)),
    "cancelling": cancelling,
    "subnormal": lambda n: (rng.random(n) * 5e-320, rng.random(n) * 5e-310),
    "subnormal weights": lambda n: (rng.random(n) * 1e200, rng.random(n) * 5e-315),
    "growing": lambda n: (rng.normal(size=n) * 2.0 ** (np.arange(n) // 3.0), rng.integers(1, 9, n) * 1.0),
    "zeros": lambda n: (rng.integers(-1, 2, n) * 1.0, rng.integers(-1, 2, n) * 1.0),
    "zeros first": lambda n: (np.where(np.arange(n) < n // 2, 0.0, 2.5), np.where(np.arange(n) < n // 3, 0.0, 3.0)),
    "not finite": lambda n: (np.where(rng.random(n) < 0.02, np.nan, 1.5), np.where(rng.random(n) < 0.02, np.inf, 2.5)),
}


def exact(groups: np.ndarray, x: np.ndarray, w: np.ndarray, n: int) -> list[float | None]:
    out: list[float | None] = []
    for g in range(n):
        at = groups == g
        if not (np.isfinite(x[at]).all() and np.isfinite(w[at]).all()):
            out.append(float("nan"))
            continue
        over = sum((Fraction(a) * Fraction(b) for a, b in zip(x[at], w[at], strict=True)), Fraction(0))
        under = sum(map(Fraction, w[at]), Fraction(0))
        out.append(float(over / under) if under else None)
    return out


def rows(groups: np.ndarray, x: np.ndarray, w: np.ndarray, compiled: bool = True) -> Rows:
    return Rows(groups.astype(np.int32), [pa.array(x), pa.array(w)], None, compiled, STOP)


def made(n: int, bases: Bases | None = None) -> Weighted:
    state = Weighted((DOUBLE, DOUBLE), bases)
    state.resize(n)
    return state


def result(state: Weighted, n: int, compiled: bool = True) -> list[Any]:
    return state.finish(n, "", compiled).values.to_pylist()


def folded(parts: list[Weighted], n: int, into: Weighted, way: str) -> Weighted:
    every = np.arange(n, dtype=np.int32)
    for part in parts:
        if way == "export":
            loaded = Weighted((DOUBLE, DOUBLE))
            loaded.load(part.export(every))
            part = loaded
        into.merge(part, every, every, way != "general")
    return into


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("way", ["one", "merge", "other bases", "export", "general"])
def test_means_are_the_exact_ones_rounded(kind: str, way: str) -> None:
    for _ in range(6):
        n, n_groups = int(rng.integers(1, 300)), int(rng.integers(1, 9))
        x, w = KINDS[kind](n)
        groups = rng.integers(0, n_groups, n)
        cuts = sorted({0, n, *rng.integers(0, n + 1, 3).tolist()})
        bases = Bases()
        parts: list[Weighted] = []
        for low, high in pairwise(cuts):
            if way != "one" or not parts:
                parts.append(made(n_groups, None if way == "other bases" else bases))
            parts[-1].update(rows(groups[low:high], x[low:high], w[low:high], way != "general"))
        whole = parts[0] if way == "one" else folded(parts, n_groups, made(n_groups, bases), way)
        assert repr(result(whole, n_groups, way != "general")) == repr(exact(groups, x, w, n_groups))


@pytest.mark.parametrize("kind", ["trades", "signed", "cancelling", "subnormal", "zeros"])
def test_cells_and_limbs_are_the_same_sums(kind: str) -> None:
    x, w = KINDS[kind](500)
    groups = rng.integers(0, 7, 500)
    cells, limbs = made(7), made(7)
    limbs._widen()
    for state in (cells, limbs):
        state.update(rows(groups, x, w))
    assert cells._cells is not None
    assert limbs._cells is None
    cells._widen()
    for a, b in zip(cells.parts, limbs.parts, strict=True):
        assert a.top.tolist() == b.top.tolist()
        assert a.integers(np.arange(7)) == b.integers(np.arange(7))
        assert a.extra.tolist() == b.extra.tolist()


def test_open_roundings_are_settled_by_whole_numbers() -> None:
    """(2 + 2**-52) / 2 lies between two doubles and goes to the even one."""
    state = made(2)
    tiny = 2.0**-52
    state.update(rows(np.array([0, 0, 1, 1]), np.array([1.0, 1 + tiny, 1 + tiny, 1 + 2 * tiny]), np.ones(4)))
    assert state._cells is not None
    assert result(state, 2) == [1.0, 1 + 2 * tiny]


@pytest.mark.parametrize("name", ["PRODUCT", "WEIGHT"])
@pytest.mark.parametrize("side", ["below", "above"])
def test_exponents_up_to_the_range_fit(name: str, side: str) -> None:
    """The bases lie in the middle of the range: as far as that the sums stay cells, one further they become limbs."""
    room = weightcells.PRODUCT_RANGE if name == "PRODUCT" else weightcells.WEIGHT_RANGE
    reach = -(room // 2) if side == "below" else room - room // 2
    for off, fits in ((reach, True), (reach + (1 if reach > 0 else -1), False)):
        state = made(1)
        state.update(rows(np.array([0]), np.array([1.0]), np.array([1.0])))
        x, w = (2.0**off, 1.0) if name == "PRODUCT" else (2.0**-off, 2.0**off)
        state.update(rows(np.array([0]), np.array([x]), np.array([w])))
        assert (state._cells is not None) == fits
        assert result(state, 1) == exact(np.zeros(2), np.array([1.0, x]), np.array([1.0, w]), 1)


def test_sums_that_could_leave_their_words_become_limbs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weightcells, "WIDE_AT", 10)
    x, w = KINDS["trades"](8)
    groups, bases = np.zeros(8), Bases()
    one, two = made(1, bases), made(1, bases)
    for state in (one, two):
        state.update(rows(groups, x, w))
        assert state._cells is not None
    one.merge(two, np.array([0], np.int32), np.array([0], np.int32), True)
    two.update(rows(groups, x, w))
    want = exact(np.zeros(16), np.tile(x, 2), np.tile(w, 2), 1)
    for state in (one, two):
        assert state._cells is None
        assert result(state, 1) == want


def test_the_greatest_sums_stay_within_their_words() -> None:
    """As many of the greatest terms as are let in, by doubling: nothing is lost at the top."""
    cells = WeightCells(Bases())
    cells.resize(2)
    x, w = np.array([1.0, -(2.0**5 * (2 - 2.0**-52))]), np.array([1.0, 2.0**22 * (2 - 2.0**-52)])
    cells._bases.settle(x[:1], w[:1])
    one = np.array([0], np.int32)
    assert cells.add(one, x[1:], w[1:]) == 1
    for _ in range(28):
        twice = WeightCells(cells._bases)
        twice.resize(2)
        for _ in range(2):
            assert twice.merge(cells, one, one)
        cells = twice
    (over,), (under,) = cells.integers(np.array([0]))
    assert Fraction(over, 1 << 2150) == Fraction(x[1]) * Fraction(w[1]) * 2**28
    assert Fraction(under, 1 << 1075) == Fraction(w[1]) * 2**28


@pytest.mark.parametrize("compiled", [True, False])
def test_whole_weights_are_taken_as_doubles(compiled: bool) -> None:
    """Beyond 2**53 they are rounded, as everywhere; nulls leave their row out."""
    weights = [3, -7, 0, (1 << 53) + 1, (1 << 63) - 1, -(1 << 63), None, 5]
    x = np.array([1.5, 2.5, 1e300, 3.25, 4.125, 5.0625, 7.0, 8.0])
    groups = np.array([0, 0, 0, 1, 1, 2, 2, 3], np.int32)
    state = made(5)
    state.update(Rows(groups, [pa.array(x), pa.array(weights, pa.int64())], None, compiled, STOP))
    live = np.array([w is not None for w in weights])
    w = np.array([float(w or 0) for w in weights])
    assert result(state, 5, compiled) == exact(groups[live], x[live], w[live], 5)


@pytest.mark.parametrize("sign", [1, -1, 0])
@pytest.mark.parametrize("most", [2, 1000, 1 << 20, 1 << 31, 1 << 40])
@pytest.mark.parametrize("scale", [1.0, 2.0**-70, 2.0**300])
def test_plain_whole_weights_are_the_same_sums(sign: int, most: int, scale: float) -> None:
    """The kernel that looks at no row gives each word that the careful one gives, at both ends of what it may be given."""
    n = 3000
    x = rng.uniform(1, 64, n) * scale * (sign or rng.choice([-1, 1], n))
    w = np.minimum(rng.integers(1, most + 1, n) >> rng.integers(0, 40, n), most).clip(1)
    w[0], w[1] = 1, most
    groups = rng.integers(0, 20, n).astype(np.int32)
    bases = weightcells._bases_of(x, w.astype(np.float64))
    if bases is None:
        assert most > 1 << 20
        return
    from cortado.engine.kernels import weighted

    quick, careful = np.zeros((2, 20 * weightcells.WORDS), np.int64)
    low = np.zeros(20 * weightcells.LOW_WORDS, np.int64)
    done = weighted.add_whole(groups, x, w, *bases, quick)
    assert done == n or most > 1 << 20
    assert weighted.add_weighted_longs(groups[:done], x[:done], w[:done], *bases, careful, low) == done
    assert quick.tolist() == careful.tolist()
    assert not low.any()


@pytest.mark.parametrize(
    ("x", "w"),
    [
        ([1.0, 2.0], [0, 1]),
        ([1.0, 2.0], [-1, 1]),
        ([1.0, 0.0], [1, 1]),
        ([1.0, np.nan], [1, 1]),
        ([1.0, -np.inf], [1, 1]),
        ([1.0, 5e-324], [1, 1]),
        ([1.0, 1.0], [1, 1 << 53]),
        ([1.0, 2.0**60], [1, 1]),
        ([1.0, 1.0], [1, 1 << 50]),
    ],
)
def test_what_is_not_plain(x: list[float], w: list[int]) -> None:
    """The block that has such a row is not begun, those before are added."""
    from cortado.engine.kernels import weighted

    n = weighted.BLOCK
    groups, cells = np.zeros(2 * n, np.int32), np.zeros(weightcells.WORDS, np.int64)
    values, weights = np.resize([1.0, 1.5], 2 * n), np.resize([1, 3], 2 * n)
    assert weighted.add_whole(groups, values, weights, 2030, 1006, cells) == 2 * n
    once = np.zeros_like(cells)
    assert weighted.add_whole(groups[:n], values[:n], weights[:n], 2030, 1006, once) == n
    for at in (n, 2 * n - 2):
        values[n:], weights[n:] = np.resize([1.0, 1.5], n), np.resize([1, 3], n)
        values[at : at + 2], weights[at : at + 2] = x, w
        cells[:] = 0
        assert weighted.add_whole(groups, values, weights, 2030, 1006, cells) == n
        assert cells.tolist() == once.tolist()


def test_a_block_that_is_not_plain_goes_the_careful_way() -> None:
    n = 5000
    x, w = rng.uniform(1, 64, n), rng.integers(1, 1000, n)
    x[3000], w[4000], w[4001] = 0.0, 0, -5
    groups = rng.integers(0, 20, n).astype(np.int32)
    state = made(20)
    state.update(Rows(groups, [pa.array(x), pa.array(w)], None, True, STOP))
    assert state._cells is not None
    assert result(state, 20, True) == exact(groups, x, w.astype(np.float64), 20)
