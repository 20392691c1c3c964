"""Some hundred random questions of each kind against the whole table; `tests/scripts/dtw_oracle.py` asks many more."""

from __future__ import annotations

import random

import pytest

import cortado

from .cases import CHECKS, asking


@pytest.mark.parametrize("kernels", ["never", "always"])
@pytest.mark.parametrize("kind", CHECKS)
def test_same_as_the_whole_table(kind: str, kernels: str) -> None:
    rng = random.Random(f"dtw {kind}")
    with cortado.connect(timezone="UTC", threads=2, kernels=kernels) as session:
        for _ in range(60):
            CHECKS[kind](asking(session), rng)


@pytest.mark.parametrize("case", ["0 1101", "1 537", "2 705"])
def test_top_where_distances_are_equal_and_their_squares_are_not(case: str) -> None:
    with cortado.connect(timezone="UTC", threads=2, kernels="always") as session:
        CHECKS["distances"](asking(session), random.Random(case))
