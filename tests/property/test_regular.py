"""`resample` and `gapfill` against brute force in all worlds; and by laws that need no oracle."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

import cortado
from tests.worlds import WORLDS

from .made import some
from .regularoracle import Case, made
from .regularrun import answer, difference

Sessions = dict[str, cortado.Session]


@pytest.mark.parametrize("world", WORLDS)
def test_as_brute_force_has_it(sessions: Sessions, world: str) -> None:
    first = 1_000 * list(WORLDS).index(world)
    for seed in range(first, first + 60):
        found = difference(sessions[world], made(seed))
        assert not found, f"seed {seed}: {found}"


@some(60)
@given(seed=st.integers(0, 10**9), world=st.sampled_from(list(WORLDS)))
def test_any_case(sessions: Sessions, seed: int, world: str) -> None:
    found = difference(sessions[world], made(seed))
    assert not found, f"seed {seed}: {found}"


@some(40)
@given(seed=st.integers(0, 10**9), shuffle=st.integers(0, 100))
def test_the_order_of_rows_of_different_times_is_of_no_matter(sessions: Sessions, seed: int, shuffle: int) -> None:
    case = made(seed)
    times = [r["t"] for r in case.rows]
    if case.command == "gapfill" or len(set(times)) < len(times):
        return
    other = Case(**{**case.__dict__, "rows": random.Random(shuffle).sample(case.rows, len(case.rows))})
    assert repr(answer(sessions["plain"], case)) == repr(answer(sessions["threads"], other))
