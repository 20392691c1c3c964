"""Sums that ride on the weights of a weighted mean are those that a state of their own has."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from cortado.engine.kernels import load
from cortado.engine.operators.states import weightcells
from cortado.engine.operators.states.base import Rows
from cortado.engine.operators.states.sums import SumLong
from cortado.engine.operators.states.weightcells import Bases
from cortado.engine.operators.states.weighted import Weighted
from cortado.planner.types import DOUBLE, LONG

STOP = np.zeros(1, np.uint8)
GROUPS = 9
EVERY = np.arange(GROUPS, dtype=np.int32)
Batch = tuple[np.ndarray, "pa.Array[Any]", "pa.Array[Any]"]


@pytest.fixture(scope="module", autouse=True)
def _kernels() -> None:
    load.ensure(background=False)


class Both:
    """A weighted mean that carries a sum, and the same sum alone."""

    def __init__(self, bases: Bases | None = None) -> None:
        self.mean, self.rider, self.alone = Weighted((DOUBLE, LONG), bases), SumLong(LONG), SumLong(LONG)
        self.rider.ride(self.mean)
        assert self.rides
        for state in (self.mean, self.rider, self.alone):
            state.resize(GROUPS)

    @property
    def rides(self) -> bool:
        return self.rider._host is not None

    def update(self, batch: Batch, compiled: bool) -> None:
        groups, x, w = batch
        self.mean.update(Rows(groups, [x, w], None, compiled, STOP))
        for state in (self.rider, self.alone):
            state.update(Rows(groups, [w], None, compiled, STOP))

    def merge(self, other: Both, compiled: bool) -> None:
        self.mean.merge(other.mean, EVERY, EVERY, compiled)
        self.rider.merge(other.rider, EVERY, EVERY, compiled)
        self.alone.merge(other.alone, EVERY, EVERY, compiled)

    def reloaded(self) -> Both:
        made = Both()
        for mine, its in ((self.mean, made.mean), (self.rider, made.rider), (self.alone, made.alone)):
            its.load(mine.export(EVERY))
        return made

    def same(self, compiled: bool) -> None:
        for out in ("sum", "avg", "count"):
            got, want = (s.finish(GROUPS, out, compiled) for s in (self.rider, self.alone))
            assert got.values.equals(want.values), out
            assert (got.faults is None) == (want.faults is None)
        assert [c.to_pylist() for c in self.rider.export(EVERY)] == [c.to_pylist() for c in self.alone.export(EVERY)]
        for total, other in zip(self.rider.totals(GROUPS), self.alone.totals(GROUPS), strict=True):
            assert total.tolist() == other.tolist()


def batch(rng: np.random.Generator, kind: str) -> Batch:
    n = int(rng.integers(0, 3000))
    groups = rng.integers(0, GROUPS - 1, n).astype(np.int32)
    x, w = 100 + rng.normal(size=n), rng.integers(1, 1000, n)
    no_x, no_w = np.zeros((2, n), np.bool_)
    odd = rng.random(n) < 0.001
    if kind == "zeros":
        w[odd] = 0
    elif kind == "negative":
        w[odd] = -7
    elif kind == "huge":
        w[odd] = (1 << 63) - 1
    elif kind == "not finite":
        x[odd] = np.nan
    elif kind == "null prices":
        no_x = odd
    elif kind == "null sizes":
        no_w = odd
    return groups, pa.array(x, mask=no_x), pa.array(w, mask=no_w)


KINDS = ("plain", "zeros", "negative", "huge", "not finite", "null prices", "null sizes")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("compiled", [True, False, None])
def test_the_sums_are_those_of_a_state_of_their_own(kind: str, compiled: bool | None) -> None:
    rng = np.random.default_rng(KINDS.index(kind))
    for _ in range(15):
        bases = Bases()
        parts = [Both(bases) for _ in range(int(rng.integers(1, 4)))]
        for part in parts:
            for _ in range(int(rng.integers(0, 4))):
                how = compiled if compiled is not None else bool(rng.integers(0, 2))
                part.update(batch(rng, kind if rng.random() < 0.5 else "plain"), how)
        whole = parts[0] if rng.random() < 0.5 else Both(bases)
        for part in parts[1:]:
            if rng.random() < 0.3:
                part = part.reloaded()
            whole.merge(part, compiled is not False)
        whole.same(compiled is not False)


def test_plain_sums_ride_to_the_end() -> None:
    rng, bases = np.random.default_rng(1), Bases()
    one, two, whole = Both(bases), Both(bases), Both(bases)
    for state in (one, two):
        state.update(batch(rng, "plain"), True)
        whole.merge(state, True)
    assert whole.rides and not whole.rider.cells.size
    whole.same(True)


@pytest.mark.parametrize("kind", KINDS[1:])
def test_the_first_other_row_ends_it(kind: str) -> None:
    rng = np.random.default_rng(4)
    both = Both()
    while both.rides:
        both.update(batch(rng, kind), True)
    for _ in range(3):
        both.update(batch(rng, "plain"), True)
    assert not both.rides
    both.same(True)


def test_sums_that_may_leave_their_words_end_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weightcells, "WIDE_AT", 4000)
    rng, both = np.random.default_rng(2), Both()
    while both.rides:
        both.update(batch(rng, "plain"), True)
    both.same(True)


def test_other_types_do_not_ride() -> None:
    state: Any = SumLong(LONG)
    state.ride(Weighted((DOUBLE, DOUBLE)))
    assert state._host is None
