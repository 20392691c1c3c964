"""Compiled and general paths to the bit, with ties, far levels, sizes near the ends of doubles, and units in any order."""

from __future__ import annotations

import math
import random
from typing import Any

import numpy as np
import pytest

from cortado.engine.operators.dtw import general, search
from cortado.engine.operators.dtw.band import Width, band
from cortado.engine.operators.dtw.distances import blocks_of, nearest, normalised, squared

from . import oracle


class Alone:
    """A context outside of a query."""

    def __init__(self, compiled: bool) -> None:
        self.query, self.stop, self._compiled = self, np.zeros(1, np.uint8), compiled

    def compiled(self) -> bool:
        return self._compiled

    def check(self) -> None:
        return None


BOTH: tuple[Any, Any] = (Alone(True), Alone(False))


def walk(rng: np.random.Generator, n: int) -> Any:
    made = rng.normal(size=n).cumsum() if rng.random() < 0.6 else rng.integers(0, 3, n).astype(float)
    return made * 10.0 ** rng.integers(-200, 200) if rng.random() < 0.1 else made


@pytest.mark.parametrize("seed", range(3))
def test_one_to_many(seed: int) -> None:
    rng = np.random.default_rng(seed)
    for _ in range(60):
        znorm, width = bool(rng.random() < 0.5), [0, 1, 2, 5, None][rng.integers(5)]
        q = walk(rng, int(rng.integers(1, 20))) if znorm else rng.normal(size=int(rng.integers(1, 20)))
        many = [
            walk(rng, len(q) if rng.random() < 0.5 else int(rng.integers(1, 20))) if znorm else rng.normal(size=len(q))
            for _ in range(int(rng.integers(1, 50)))
        ]
        many[-1] = many[0].copy()
        offsets, values = np.concatenate([[0], np.cumsum([len(s) for s in many])]), np.concatenate(many)
        pattern = normalised(q)[0] if znorm else q
        made = []
        for ctx in BOTH:
            blocks = blocks_of(values, offsets, np.arange(len(many)), znorm, ctx)
            d = np.full(len(many), np.nan)
            for group in blocks:
                d[group.ids] = squared(pattern, group, band(len(pattern), group.length, width), 0, ctx)
            for top in (1, 3, 100):
                near = np.full(len(many), np.nan)
                nearest(pattern, blocks, width, top, near, ctx)
                head = [i for i in np.argsort(d, kind="stable")[:top] if not np.isnan(d[i])]
                assert [i for i in np.argsort(near, kind="stable")[:top] if not np.isnan(near[i])] == head
                assert (near[head] == d[head]).all()
            made.append(d)
        assert np.array_equal(made[0], made[1], equal_nan=True)
        for s, got in zip(many, made[0], strict=True):
            want = oracle.squared((normalised(s)[0] if znorm else s).tolist(), pattern.tolist(), width)
            assert got == want or (math.isinf(want) and np.isnan(got))


@pytest.mark.parametrize("seed", range(3))
def test_search_in_units_of_any_order(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "UNIT", 40)
    monkeypatch.setattr(search, "BLOCK", 16)
    monkeypatch.setattr(search, "FEW", 5)
    monkeypatch.setattr(general, "LOOK", 4)
    rng, order = np.random.default_rng(seed), random.Random(seed)
    for _ in range(60):
        n, m, width = int(rng.integers(27, 140)), int(rng.integers(1, 17)), [0, 1, 3, None][rng.integers(4)]
        t, q, znorm = walk(rng, n), walk(rng, m), bool(rng.random() < 0.7)
        t[5:9] = t[5]
        if rng.random() < 0.3:
            t[10 : 10 + m], t[n - m :] = q, q
        if rng.random() < 0.3:
            t = t + 10.0 ** rng.integers(3, 15)
        if rng.random() < 0.1:
            t[: n // 2] *= 1e-250
        if not znorm:
            t, q = np.clip(t, -1e50, 1e50), np.clip(q, -1e50, 1e50)
        valid = np.ones(n, np.bool_)
        valid[rng.integers(n)] = rng.random() < 0.7
        pattern = normalised(q)[0] if znorm else q
        profile = [
            oracle.squared((normalised(t[p : p + m])[0] if znorm else t[p : p + m]).tolist(), pattern.tolist(), width)
            if valid[p : p + m].all()
            else math.inf
            for p in range(n - m + 1)
        ]
        exclude = [0.0, 0.5, 1.0][rng.integers(3)]
        want = [(p, math.sqrt(d)) for p, d in oracle.matches(profile, m, 4, exclude)]
        for ctx in (BOTH[0], BOTH[0], BOTH[1]):
            workers = order.choice((1, 2))
            asked, got = search.Search(t, valid, pattern, width, exclude, znorm), []
            for _ in range(len(want)):
                asked.begin(workers)
                for unit in order.sample(asked.units, len(asked.units)):
                    asked.look(unit, order.randrange(workers), ctx)
                found = asked.take()
                assert found is not None
                got.append(found)
            assert got == want


def test_bands() -> None:
    for n in range(1, 12):
        for m in range(1, 12):
            for width in (0, 1, 2, 5, None):
                cells = band(n, m, width)
                if cells is None:
                    assert width == 0 and n != m
                    continue
                low, high = cells
                inside = [[bool(low[i] <= j < high[i]) for j in range(m)] for i in range(n)]
                assert inside == [[oracle.in_band(i, j, n, m, width) for j in range(m)] for i in range(n)]
                turned = band(m, n, width)
                assert turned is not None
                assert [[bool(turned[0][j] <= i < turned[1][j]) for j in range(m)] for i in range(n)] == inside


def test_fractions_are_decimal() -> None:
    from decimal import Decimal

    assert Width("0.29", fraction=Decimal("0.29")).of(100) == 29 and int(0.29 * 100) == 28
    assert Width("0.07", fraction=Decimal("0.07")).of(100) == 7
