"""Percentiles of few groups of many values: kept in pieces, found by counting, the same bits as by sorting all."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
import pytest

from cortado.engine.kernels import load
from cortado.engine.operators.keyform import double_words
from cortado.engine.operators.states import percentile, ranked
from cortado.engine.operators.states.percentile import Percentile
from cortado.engine.operators.states.ranked import words_of_ranks

rng = np.random.default_rng(21)
Words = Callable[[int], np.ndarray]
Numbers: TypeAlias = np.ndarray


@pytest.fixture(scope="module", autouse=True)
def _kernels() -> None:
    load.ensure(background=False)


KINDS: dict[str, Words] = {
    "even": lambda n: rng.integers(0, 1 << 64, n, np.uint64),
    "near": lambda n: rng.integers(1 << 63, (1 << 63) + 50, n, np.uint64),
    "equal": lambda n: np.full(n, 7, np.uint64),
    "one far away": lambda n: np.append(rng.integers(5, 5000, n - 1, np.uint64), np.uint64(1 << 63)),
    "both ends": lambda n: np.append(rng.integers(0, 2, n - 1, np.uint64) * np.uint64((1 << 64) - 1), np.uint64(9)),
    "skewed": lambda n: (1 / rng.random(n)).astype(np.uint64),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("n_pieces", [1, 2, 9])
def test_words_of_ranks(kind: str, n_pieces: int) -> None:
    for n in (ranked.FEW - 1, ranked.FEW, 3 * ranked.FEW):
        words = KINDS[kind](n)
        pieces = np.split(words, np.sort(rng.integers(0, n + 1, n_pieces - 1)))
        ends = [0, n - 1][: int(rng.integers(0, 3))]
        ranks = np.unique([*rng.integers(0, n, rng.integers(1, 6)).tolist(), *ends])
        assert words_of_ranks(pieces, ranks).tolist() == np.sort(words)[ranks].tolist()


@pytest.mark.parametrize("kind", KINDS)
def test_ranks_that_a_sample_misses(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Words that a sample never sees, since every so many of them are alike, and bands too narrow for any rank."""
    monkeypatch.setattr(ranked, "SAMPLED", 64)
    monkeypatch.setattr(ranked, "DEVIATIONS", 0.1)
    n = 2 * ranked.FEW
    words = KINDS[kind](n)
    words[:: n // 64] = 3
    for ranks in ([0, 1, n - 2, n - 1], [n // 2], [n // 3, n // 3 + 1]):
        assert (
            words_of_ranks([words[: n // 5], words[n // 5 :]], np.array(ranks)).tolist()
            == np.sort(words)[ranks].tolist()
        )


def doubles(n: int) -> Numbers:
    odd = [np.nan, -np.nan, np.inf, -np.inf, 0.0, -0.0, 5e-324, -5e-324, 1.7e308, -1.7e308, 1.0, -1.0]
    made = rng.choice([-1.0, 1.0], n) * np.exp2(rng.uniform(-70, 70, n))
    return np.where(rng.random(n) < 0.1, rng.choice(odd, n), made)


def wholes(n: int) -> Numbers:
    return rng.integers(-(1 << 63), 1 << 63, n, np.int64) >> rng.integers(0, 63, n)


@pytest.mark.parametrize("make", [doubles, wholes])
@pytest.mark.parametrize("n", [1, 2, 3, 4, 5, 1000])
@pytest.mark.parametrize("n_groups", [1, 3, 50])
def test_words_in_order_of_group(make: Callable[[int], Numbers], n: int, n_groups: int) -> None:
    from cortado.engine.kernels import ranked as kernels

    groups, numbers = rng.integers(0, n_groups, n).astype(np.int32), make(n)
    out, fill = np.empty(n, np.uint64), np.zeros(kernels.LANES * n_groups, np.int64)
    is_double = numbers.dtype == np.float64
    assert kernels.group_words(groups, numbers.view(np.uint64), int(is_double), fill, out) == n
    words = double_words(numbers) if is_double else numbers.view(np.uint64) ^ np.uint64(1 << 63)
    ends = fill[kernels.LANES - 1 :: kernels.LANES].tolist()
    for g, (low, high) in enumerate(zip([0, *ends], ends, strict=False)):
        assert sorted(out[low:high].tolist()) == sorted(words[groups == g].tolist())


def table(n: int) -> pa.Table:
    sizes = np.array([0.7, 0.2, 0.09, 0.01])
    doubles = np.where(rng.random(n) < 0.001, np.nan, rng.choice([-1.0, 1.0], n) * 2.0 ** rng.integers(-40, 40, n))
    return pa.table(
        {
            "k": pa.array(rng.choice([200, 304, 404, 500], n, p=sizes)),
            "x": pa.array(rng.integers(-(1 << 62), 1 << 62, n) >> rng.integers(0, 60, n)),
            "y": pa.array(doubles),
            "z": pa.array(rng.integers(0, 9, n), mask=np.arange(n) > n - 100),
        }
    )


AGGS = [("p5", "x"), ("median", "x"), ("p95", "y"), ("p50", "z"), ("p99", "z")]


@pytest.mark.parametrize("keys", [("k",), ()])
@pytest.mark.parametrize("compiled", ["yes", "flips"])
@pytest.mark.parametrize("memory", [0, 1 << 20])
def test_the_same_bits_as_by_sorting(
    keys: tuple[str, ...],
    compiled: str,
    memory: int,
    run: Callable[..., Any],
    as_bits: Callable[[pa.Table], Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Also where some batches are kept in another way, with nulls, and when states are written to disk."""
    t = table(40_000)
    plain = run(t, keys, AGGS, compiled="no")
    monkeypatch.setattr(percentile, "PIECE", 100)
    monkeypatch.setattr(ranked, "FEW", 500)
    found: list[int] = []
    before = Percentile._of_pieces

    def seen(self: Percentile, n: int, out: str) -> Any:
        found.append(n)
        return before(self, n, out)

    monkeypatch.setattr(Percentile, "_of_pieces", seen)
    more = {"memory": memory} if memory else {}
    for threads in (1, 3):
        got = run(t, keys, AGGS, batch=3000, threads=threads, compiled=compiled, seed=3, **more)
        assert as_bits(got.table) == as_bits(plain.table)
    assert found or compiled != "yes" or memory
