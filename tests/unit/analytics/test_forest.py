"""Isolation forests: as good as scikit-learn's, the same bits from both paths, and a walk that is followed by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from numpy.typing import NDArray

import cortado
from cortado.engine.analytics.forest import Forest, drawn, grown, usual_length, walked, walked_compiled

F64 = NDArray[np.float64]
STOP = np.zeros(1, np.uint8)


def auc(score: F64, is_odd: NDArray[np.bool_]) -> float:
    from scipy.stats import rankdata  # type: ignore[import-untyped,unused-ignore]

    ranks, odd = rankdata(score), int(is_odd.sum())
    return float((ranks[is_odd].sum() - odd * (odd + 1) / 2) / (odd * (len(score) - odd)))


def mixture(seed: int, n: int = 3000, n_odd: int = 40) -> tuple[F64, NDArray[np.bool_]]:
    rng = np.random.default_rng(seed)
    rows = np.concatenate([rng.normal(size=(n // 2, 4)), rng.normal(size=(n - n // 2, 4)) * 0.5 + [4, 4, 0, 0]])
    is_odd = np.zeros(n, np.bool_)
    is_odd[rng.choice(n, n_odd, replace=False)] = True
    rows[is_odd] = rng.uniform(-6, 10, size=(n_odd, 4))
    return rows, is_odd


STORED = [0.9993, 0.9932, 0.9995]  # of scikit-learn 1.9.1, IsolationForest(random_state=seed), to four places


@pytest.mark.parametrize("seed", range(3))
def test_as_good_as_scikit_learn(seed: int) -> None:
    rows, is_odd = mixture(seed)
    forest = grown(rows, 256, 100, seed)
    length, _ = walked(forest, rows, False)
    ours = auc(-length, is_odd)
    assert ours > STORED[seed] - 0.01
    ensemble = pytest.importorskip("sklearn.ensemble")
    peer: Any = ensemble.IsolationForest(random_state=seed).fit(rows)
    theirs = -peer.score_samples(rows)
    assert ours > auc(theirs, is_odd) - 0.01
    assert np.corrcoef(theirs, 2.0 ** (-length / forest.usual))[0, 1] > 0.95


@pytest.mark.parametrize("sample", [2, 5, 256])
def test_kernels_give_the_same_bits(sample: int) -> None:
    rows, _ = mixture(7)
    forest = grown(rows, sample, 30, 1)
    length, gains = walked(forest, rows, True)
    for wants in (False, True):
        compiled, gained = walked_compiled(forest, rows, wants, STOP)
        np.testing.assert_array_equal(compiled, length)
        if wants:
            np.testing.assert_array_equal(gained, gains)


def by_hand(forest: Forest, row: F64) -> tuple[float, float]:
    """Length of the ways and the bits gained, one cut after the other."""
    total = gained = 0.0
    for root in forest.roots.tolist():
        at = root
        while forest.field[at] >= 0:
            at = int(forest.child[at]) + int(row[forest.field[at]] >= forest.cut[at])
            gained += float(forest.gain[at])
        total += float(forest.length[at])
    return total / len(forest.roots), gained / len(forest.roots)


def test_ways_and_gains_by_hand() -> None:
    rows, _ = mixture(3, 200, 5)
    forest = grown(rows, 64, 20, 0)
    length, gains = walked(forest, rows, True)
    assert gains is not None
    for i in range(0, 200, 17):
        want, gained = by_hand(forest, rows[i])
        assert length[i] == pytest.approx(want)
        assert gains[i].sum() == pytest.approx(gained)


def test_trees_end_where_rows_stand_alone_or_the_depth_is_reached() -> None:
    rows = np.arange(200.0)[:, None]
    forest = grown(rows, 256, 10, 0)  # a sample of all 200
    assert forest.depth <= 8
    assert forest.usual == pytest.approx(usual_length(np.array([200]))[0])
    inner = forest.field >= 0
    assert np.isfinite(forest.cut[inner]).all()
    # every child of a node is reached by some row of the sample: no empty leaf
    assert np.isfinite(forest.gain).all()


def test_usual_length_is_that_of_the_paper() -> None:
    n = np.array([0, 1, 2, 3, 256])
    harmonic = np.array([sum(1 / i for i in range(1, m)) for m in n])
    want = [0, 0, *(2 * harmonic[2:] - 2 * (n[2:] - 1) / n[2:])]
    np.testing.assert_allclose(usual_length(n), want)


@pytest.mark.parametrize(("n", "size"), [(10, 10), (300, 256), (1000, 64), (513, 256)])
def test_samples_have_no_row_twice_and_are_even(n: int, size: int) -> None:
    made = drawn(n, size, 200, 5)
    assert made.shape == (200, size)
    assert all(len(set(tree.tolist())) == size for tree in made)
    assert made.min() >= 0 and made.max() < n
    share = np.bincount(made.reshape(-1), minlength=n) / 200
    assert abs(share - size / n).max() < 0.25
    assert not np.array_equal(made, drawn(n, size, 200, 6)) or n == size


def test_values_at_the_ends_of_doubles_are_cut() -> None:
    rows = np.array([[-1.7e308], [1.7e308], [0.0], [5e-324]])
    length, _ = walked(grown(rows, 4, 50, 0), rows, False)
    assert np.isfinite(length).all()


@pytest.mark.parametrize("query", ["anomalies x, y", "anomalies scorer=1 x, s by k", "anomalies x, y by k [ table u ]"])
def test_threads_batches_memory_and_kernels_change_nothing(query: str) -> None:
    rng = np.random.default_rng(4)
    n = 30_000
    columns = {"k": rng.integers(0, 40, n), "x": rng.normal(size=n), "y": rng.normal(size=n), "pad": ["x" * 300] * n}
    t = pa.table({**columns, "s": [f"s{i}" for i in rng.zipf(1.5, n) % 50]})
    got = []
    worlds: list[dict[str, Any]] = [
        {"threads": 1, "kernels": "never"}, {"threads": 4, "kernels": "always", "batch_rows": 1000},
        {"threads": 2, "kernels": "always", "memory": 24 << 20},
    ]  # fmt: skip
    for settings in worlds:
        with cortado.connect(timezone="UTC", **settings) as s:
            made = s.query(f"table t | {query}", sources={"t": t, "u": t.slice(0, 9000)}).run().to_arrow()
            got.append(made.select([c for c in made.column_names if c.startswith("_")]).combine_chunks())
    assert got[0].equals(got[1]) and got[0].equals(got[2])
