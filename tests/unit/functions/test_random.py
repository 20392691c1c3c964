"""Random draws: the same for any split into batches, and as random as they say."""

from __future__ import annotations

import statistics
import uuid
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from cortado.engine import random
from cortado.engine.arrow import numbers_of
from cortado.engine.exprs import Eval, evaluate, plain
from cortado.planner.text import QueryError
from cortado.planner.types import Schema
from tests.unit.functions.harness import AT, Bench, call, longs

N = 200_000


def draw(name: str, *args: Any, n: int, first: int = 0, site: int = 1, seed: int = 0) -> Any:
    """A function's values for the rows first..first+n of a query."""
    bench = Bench(seed=seed, n=n)
    expr: Any = bench.bind(name, [bench.expr(a) for a in args])

    def none(*_: Any) -> None:
        raise AssertionError("refused")

    ev = Eval(n, bench.ctx, AT, Schema(), lambda i: bench.columns[i], none, place=(0, first))
    return plain(evaluate(replace(expr, site=site), ev), n)


@pytest.mark.parametrize(
    ("name", "args"), [("rand", (1000,)), ("rand", (1000, 5)), ("random", ()), ("randn", ()), ("seq", ())]
)
def test_batches_do_not_matter(name: str, args: tuple[int, ...]) -> None:
    whole = draw(name, *args, n=1000)
    pieces = [draw(name, *args, n=size, first=first) for first, size in ((0, 1), (1, 332), (333, 3), (336, 664))]
    assert np.concatenate([numbers_of(p) for p in pieces]).tobytes() == numbers_of(whole).tobytes()


def test_seeds_and_sites_draw_differently() -> None:
    draws = [draw("random", n=100, site=s, seed=seed).to_pylist() for s in (1, 2) for seed in (0, 1)]
    assert len({tuple(d) for d in draws}) == 4
    assert draw("rand", 100, 1, n=50, site=1).equals(draw("rand", 100, 1, n=50, site=9, seed=3))
    assert not draw("rand", 100, 1, n=50).equals(draw("rand", 100, 2, n=50))


def test_rand_is_even_over_its_range() -> None:
    for limit in (2, 7, 1000):
        counts = np.bincount(numbers_of(draw("rand", limit, n=N)), minlength=limit)
        assert len(counts) == limit
        chi2 = float(((counts - N / limit) ** 2 / (N / limit)).sum())
        assert abs(chi2 - (limit - 1)) < 5 * (2 * (limit - 1)) ** 0.5 + 5


def test_random_is_uniform_and_rows_do_not_lean_on_each_other() -> None:
    x = numbers_of(draw("random", n=N))
    assert x.min() >= 0 and x.max() < 1
    assert abs(x.mean() - 0.5) < 5 / (12 * N) ** 0.5
    for other in (
        x[1:],
        x[2:],
        x[256:],
        numbers_of(draw("random", n=N, seed=1)),
        numbers_of(draw("random", n=N, site=2)),
    ):
        m = min(len(x), len(other))
        assert abs(np.corrcoef(x[:m], other[:m])[0, 1]) < 5 / m**0.5
    counts = np.bincount((np.sort(x) * 256).astype(int), minlength=256)
    assert abs(((counts - N / 256) ** 2 / (N / 256)).sum() - 255) < 5 * (2 * 255) ** 0.5


def test_every_bit_of_a_draw_is_set_half_the_time() -> None:
    draws = random.bits(0, 1, 0, N)
    for bit in range(64):
        share = float(((draws >> np.uint64(bit)) & np.uint64(1)).mean())
        assert abs(share - 0.5) < 5 * 0.5 / N**0.5
    flips = np.unpackbits((random.bits(0, 1, 0, N) ^ random.bits(1, 1, 0, N)).view(np.uint8)).mean()
    assert abs(float(flips) - 0.5) < 0.001


def test_randn_is_standard_normal() -> None:
    x = numbers_of(draw("randn", n=N))
    assert abs(x.mean()) < 5 / N**0.5
    assert abs(x.std() - 1) < 5 / (2 * N) ** 0.5
    assert abs((x**4).mean() - 3) < 5 * (96 / N) ** 0.5


def test_the_normal_quantile_agrees_with_the_standard_library() -> None:
    p = np.array([1e-300, 1e-17, 1e-9, 0.001, 0.07, 0.075, 0.3, 0.5, 0.8, 0.925, 0.93, 0.999, 1 - 1e-9])
    expected = [statistics.NormalDist().inv_cdf(x) for x in p]
    assert np.allclose(random.normal_quantile(p), expected, rtol=1e-13, atol=1e-300)


def test_below_is_exact_multiplication() -> None:
    draws = np.array([0, 1, 2**63, 2**64 - 1, 0x123456789ABCDEF0], np.uint64)
    for limit in (1, 2, 10**9, 2**62 + 12345, 2**63 - 1):
        assert random.below(draws, limit).tolist() == [int(d) * limit >> 64 for d in draws]


def test_rand_of_a_column() -> None:
    got, rejects = call("rand", longs(1, 0, None, -5, 1))
    assert (got, rejects) == ([0, None, None, None, 0], {"domain": 2})
    assert call("rand", longs(5, None), longs(1, 1))[0][1] is None


def test_rand_of_nothing_is_refused() -> None:
    for limit in (0, -3):
        with pytest.raises(QueryError, match="E307"):
            call("rand", limit)


def test_seq_counts_rows() -> None:
    assert draw("seq", n=3, first=10).to_pylist() == [11, 12, 13]
    assert draw("seq", n=0).to_pylist() == []


def test_guids_are_version_4_and_repeat_only_with_a_seed() -> None:
    texts = draw("guid", n=500).to_pylist()
    assert all(
        uuid.UUID(t).version == 4 and str(uuid.UUID(t)) == t and uuid.UUID(t).variant == uuid.RFC_4122 for t in texts
    )
    assert len(set(texts)) == 500
    assert draw("guid", n=500).to_pylist() != texts
    seeded = draw("guid", n=500, seed=7)
    assert seeded.equals(draw("guid", n=500, seed=7)) and len(set(seeded.to_pylist())) == 500
    assert draw("guid", n=100, first=400, seed=7).equals(seeded.slice(400))
    assert all(uuid.UUID(t).version == 4 for t in seeded.to_pylist())
