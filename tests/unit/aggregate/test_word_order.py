"""The order of groups whose keys are two words, against NumPy's."""

from __future__ import annotations

import numpy as np
import pytest

from cortado.engine.kernels import load
from cortado.engine.operators.groupkeys import word_order


@pytest.fixture(scope="module", autouse=True)
def kernels() -> None:
    load.ensure(background=False)


@pytest.mark.parametrize("n", [0, 1, 2, 23, 24, 25, 49, 1000, 5003])
@pytest.mark.parametrize("n_first", [1, 3, 40, 5000])
@pytest.mark.parametrize("n_second", [2, 1 << 40])
def test_stretches_of_equal_first_words_of_any_length(n: int, n_first: int, n_second: int) -> None:
    rng = np.random.default_rng((n, n_first, n_second & 0xFFFF))
    first, second = (rng.integers(0, most, n).astype(np.uint64) << np.uint64(20) for most in (n_first, n_second))
    order = word_order(first, second)
    expected = np.lexsort((second, first))
    assert sorted(order.tolist()) == list(range(n))
    assert first[order].tolist() == first[expected].tolist() and second[order].tolist() == second[expected].tolist()


@pytest.mark.parametrize("step", [1, -1])
def test_words_in_order_and_in_reverse(step: int) -> None:
    second = np.arange(10_000, dtype=np.uint64)[::step].copy()
    assert word_order(np.zeros(10_000, np.uint64), second).tolist() == np.argsort(second).tolist()
