"""The compiled order of words: that of NumPy's stable sort, whatever bits the words differ in; and cuts of sorted rows."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from numpy.typing import NDArray

from cortado.engine.context import Context, QueryState, Settings
from cortado.engine.memory import Budget
from cortado.engine.operators.sortkeys import Keys, Same, SortBy
from cortado.engine.operators.sortorder import order_of_longs, sort_words
from cortado.engine.operators.sortrows import block_cuts
from cortado.engine.operators.sortruns import Chunk, Layout

TOP = np.uint64(1) << np.uint64(63)


def context() -> Context:
    query = QueryState(Settings(threads=1), Budget(64 << 20), compiled=lambda: True)
    return Context(query, query.ledger.worker())


def _bits(rng: Any, n: int, bits: int) -> NDArray[np.uint64]:
    made: NDArray[np.uint64] = rng.integers(0, 2**bits, n, dtype=np.uint64)
    return made


def words(kind: str, n: int, rng: Any) -> NDArray[np.uint64]:
    """No kind is told by its highest bits alone but the first."""
    match kind:
        case "spread":
            return _bits(rng, n, 64)
        case "few":
            return _bits(rng, n, 5)
        case "clusters":  # far apart, each of some thousand rows that differ in their lowest bits
            return (_bits(rng, n, 2) << np.uint64(62)) | _bits(rng, n, 30)
        case "one far away":
            return np.append(_bits(rng, n - 1, 17), TOP)
        case "lowest bits":  # which have no room beside the place of a row
            return (_bits(rng, n, 9) << np.uint64(55)) | _bits(rng, n, 9)
        case "small groups":  # that are put in order one row at a time
            return (np.repeat(_bits(rng, n // 8 + 1, 50), 8)[:n] << np.uint64(6)) ^ _bits(rng, n, 6)
    raise ValueError(kind)


KINDS = ("spread", "few", "clusters", "one far away", "lowest bits", "small groups")


@pytest.mark.parametrize("n", [2049, 10_000, 70_000])
@pytest.mark.parametrize("kind", KINDS)
def test_same_as_a_stable_sort(kind: str, n: int) -> None:
    rng = np.random.default_rng(n)
    word = words(kind, n, rng)
    assert np.array_equal(sort_words([word], n, context()), np.argsort(word, kind="stable"))
    first = _bits(rng, n, 3)
    assert np.array_equal(sort_words([first, word], n, context()), np.lexsort((word, first)))


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_whole_numbers_as_they_are_and_ties_by_place(kind: str, descending: bool) -> None:
    rng, n = np.random.default_rng(1), 30_000
    values = words(kind, n, rng).view(np.int64)
    comparable = [-v if descending else v for v in values.tolist()]
    places = rng.permutation(n)
    by_place = order_of_longs(values, descending, context(), lambda: places)
    assert by_place.tolist() == sorted(range(n), key=lambda i: (comparable[i], places[i]))
    as_they_stand = order_of_longs(values, descending, context())
    assert as_they_stand.tolist() == sorted(range(n), key=lambda i: comparable[i])
    assert order_of_longs(values[as_they_stand], descending, context()).tolist() == list(range(n))


@pytest.mark.parametrize("flag", [0, 1])
def test_where_rows_end_that_are_not_behind_others(flag: int) -> None:
    rng = np.random.default_rng(2)
    word, places = np.sort(_bits(rng, 500, 6)), np.arange(0, 5000, 10)
    keys = Keys(500, (Same(np.uint8(1)), word))
    rows = sorted((np.uint8(flag), np.uint64(rng.integers(0, 70)), np.int64(rng.integers(-5, 5005))) for _ in range(60))
    got = keys.ends(rows, places)
    assert got == [sum((1, w, p) <= row for w, p in zip(word.tolist(), places.tolist(), strict=True)) for row in rows]


@pytest.mark.parametrize("n_chunks", [3, 80])
def test_blocks_are_alike_where_chunks_have_the_same_spread(n_chunks: int) -> None:
    layout, long, n_blocks = Layout((SortBy(0, False, True),)), 2000, 25
    runs = [
        [Chunk((pa.array(np.arange(long) * 1000 + i),), np.arange(i * long, (i + 1) * long), layout)]
        for i in range(n_chunks)
    ]
    blocks = block_cuts(runs, n_blocks, context())
    sizes = [sum(end - begin for _, begin, end in block) for block in blocks]
    assert len(sizes) == n_blocks and sum(sizes) == n_chunks * long
    assert max(sizes) < 1.25 * min(sizes)
    values = [np.concatenate([c.columns[0][b:e].to_numpy() for c, b, e in block]) for block in blocks]
    assert all(before.max() < after.min() for before, after in pairwise(values))
