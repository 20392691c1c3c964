"""Memory that is used again: by whom, when, and how much of it is kept."""

from __future__ import annotations

import threading

import numpy as np
import pyarrow as pa
import pytest

from cortado.engine import blocks
from cortado.engine.arrow import buffer_of, pooled, zeros
from cortado.engine.blocks import KEPT, LARGE, LARGE_PAGE, LEAST, MOST, Kept, block


@pytest.fixture(autouse=True)
def empty(monkeypatch: pytest.MonkeyPatch) -> Kept:
    kept = Kept()
    monkeypatch.setattr(blocks, "_kept", kept)
    return kept


def place(array: np.ndarray) -> int:
    return int(array.ctypes.data)


@pytest.mark.parametrize("nbytes", [LEAST, LEAST + 1, LARGE - 1, LARGE, 5 << 20, MOST])
def test_it_is_used_again_once_nobody_looks_at_it(nbytes: int) -> None:
    first, is_new = block(nbytes)
    assert is_new and len(first) == nbytes and not first.any()
    where = place(first)
    if nbytes >= LARGE:
        assert where % LARGE_PAGE == 0
    first.fill(7)
    column = pa.Array.from_buffers(pa.uint8(), nbytes, [None, buffer_of(first)])
    view = first[nbytes // 2 :].reshape(-1)
    del first
    other, is_new = block(nbytes)
    assert is_new and place(other) != where
    del view
    third, is_new = block(nbytes)
    assert is_new and place(third) != where  # Arrow looks at it
    assert column[0].as_py() == 7
    del column
    fourth, is_new = block(nbytes)
    assert not is_new and place(fourth) == where and fourth[0] == 7


def test_one_that_is_larger_serves_as_well() -> None:
    where = place(block(3 << 20)[0])
    got, is_new = block(2 << 20)
    assert not is_new and place(got) == where and len(got) == 2 << 20
    del got
    assert place(block(3 << 20)[0]) == where  # it is still as large as it was
    assert block(1 << 20)[1]


def test_zeros_are_zeros_in_memory_that_was_used() -> None:
    for shape in ((LEAST,), (LEAST // 8 + 1, 8), (3, 1 << 20)):
        made = zeros(shape, np.int64)
        where = place(made)
        made.fill(-1)
        del made
        made = zeros(shape, np.int64)
        assert place(made) == where and made.shape == shape and not made.any()


def test_what_is_kept_has_an_end_and_the_oldest_goes(empty: Kept) -> None:
    held = [block(1 << 20)[0] for _ in range((KEPT >> 20) + 5)]
    places = [place(h) for h in held]
    while held:
        held.pop(0)
    assert empty._nbytes == KEPT
    again = [block(1 << 20) for _ in range(len(places))]
    assert [place(a) for a, is_new in again if not is_new] == places[:4:-1]
    assert not empty._nbytes
    del again
    blocks.trim()
    assert not empty._nbytes and block(1 << 20)[1]


def test_very_large_ones_are_not_kept(empty: Kept) -> None:
    made, is_new = block(MOST + 1)
    assert is_new and len(made) == MOST + 1
    del made
    assert not empty._nbytes


def test_threads_never_share_one() -> None:
    wrong: list[int] = []

    def work(k: int) -> None:
        for i in range(300):
            mine = pooled(LEAST // 8 + 1000 * (i % 7), np.int64)
            mine.fill(1000 * k + i)
            if (mine != 1000 * k + i).any():
                wrong.append(k)

    threads = [threading.Thread(target=work, args=(k,)) for k in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not wrong
