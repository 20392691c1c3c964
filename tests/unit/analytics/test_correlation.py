"""Correlation and its p against scipy and pandas."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from scipy import stats  # type: ignore[import-untyped,unused-ignore]

import cortado
from cortado.engine.analytics.correlation import doubled_ranks, exact_p, kendall

PEERS = {"pearson": stats.pearsonr, "spearman": stats.spearmanr, "kendall": stats.kendalltau}


def frame(n: int, ties: bool, seed: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    a = rng.normal(size=n)
    made = pd.DataFrame({"k": rng.integers(0, 4, n), "a": a, "b": a + rng.normal(size=n), "c": rng.normal(size=n)})
    if ties:
        made[["a", "b", "c"]] = made[["a", "b", "c"]].round()
    return made.mask(rng.random((n, 4)) < [0, 0.1, 0.1, 0.2])


@pytest.mark.parametrize("kernels", ["never", "always"])
@pytest.mark.parametrize("method", PEERS)
@pytest.mark.parametrize("ties", [False, True])
def test_groups_pairs_and_lags_against_scipy(method: str, ties: bool, kernels: str) -> None:
    t = frame(240, ties, 5)
    with cortado.connect(timezone="UTC", kernels=kernels) as s:
        query = f"table t | correlate method={method} lag=2 a, b, c by k"
        rows = s.query(query, sources={"t": pa.Table.from_pandas(t, preserve_index=False)}).run().to_pylist()
    assert len(rows) == 4 * 3 * 5
    for row in rows:
        group = t[t.k == row["k"]]
        both = pd.DataFrame({"x": group[row["field_x"]], "y": group[row["field_y"]].shift(-row["lag"])}).dropna()
        peer: Any = PEERS[method](both.x, both.y)
        assert row["n"] == len(both)
        assert row["corr"] == pytest.approx(peer.statistic, abs=1e-12)
        assert row["p"] == pytest.approx(peer.pvalue, rel=1e-9, abs=1e-300)


def test_pearson_is_the_aggregate_to_the_bit_in_any_order() -> None:
    rng = np.random.default_rng(1)
    table = pa.table({"x": rng.normal(size=5000) * 1e8, "y": rng.normal(size=5000)})
    shuffled = table.take(rng.permutation(5000))
    with cortado.connect(timezone="UTC") as s:
        got = [
            s.query("table t | correlate x, y", sources={"t": t}).run().to_pylist()[0]["corr"]
            for t in (table, shuffled)
        ]
        want = s.query("table t | stats corr(x, y) as c", sources={"t": table}).run().to_pylist()[0]["c"]
    assert got == [want, want]


def test_ranks_within_groups() -> None:
    rng = np.random.default_rng(2)
    g, x = np.sort(rng.integers(0, 5, 200)), rng.integers(0, 20, 200).astype(float)
    want = np.concatenate([stats.rankdata(x[g == i]) for i in range(5)])
    np.testing.assert_array_equal(doubled_ranks(x, g) / 2, want)


@pytest.mark.parametrize("n", [2, 3, 4, 7, 20, 33, 34, 180])
def test_kendall_without_ties_of_every_size(n: int) -> None:
    rng = np.random.default_rng(n)
    for y in (np.arange(n), np.arange(n)[::-1], np.append(np.arange(n - 2), [n - 1, n - 2]), rng.permutation(n)):
        peer = stats.kendalltau(np.arange(n), y)
        balance = sum(int(np.sign(y[i + 1 :] - y[i]).sum()) for i in range(n))  # pairs in order less those that are not
        for stop in (None, np.zeros(1, np.uint8)):
            tau, p = kendall(np.arange(float(n)), y.astype(float), np.zeros(n, np.int64), 1, stop)
            assert tau[0] == balance / (n * (n - 1) // 2)  # exact: without ties the quotient of two whole numbers
            assert tau[0] == pytest.approx(peer.statistic, rel=1e-15, abs=1e-16)
            assert p[0] == pytest.approx(peer.pvalue, rel=1e-12, abs=1e-300)


def test_orders_are_counted_out() -> None:
    from itertools import combinations, permutations

    wrong = [sum(a > b for a, b in combinations(order, 2)) for order in permutations(range(5))]
    for most in range(5):
        assert exact_p(5, most) == pytest.approx(2 * sum(w <= most for w in wrong) / 120)
    assert exact_p(5, 5) == 1.0


SERIES: dict[str, Any] = {
    "normal": lambda rng, n: (rng.normal(size=n), rng.normal(size=n)),
    "far from zero": lambda rng, n: (1e9 + rng.normal(size=n), -1e6 + rng.normal(size=n)),
    "hardly any spread": lambda rng, n: (1e15 + rng.integers(0, 3, n), rng.normal(size=n)),
    "one line": lambda rng, n: (np.arange(n) / 7, 3 * (np.arange(n) / 7) - 1),
    "nearly one line": lambda rng, n: (np.arange(n) * 1.0, np.arange(n) + 1e-9 * rng.normal(size=n)),
    "wide": lambda rng, n: (10.0 ** rng.integers(-12, 12, n) * rng.normal(size=n), rng.normal(size=n)),
    "out of range": lambda rng, n: (rng.normal(size=n) * 1e250, rng.normal(size=n) * 1e-250),
    "few": lambda rng, n: (rng.integers(0, 2, n) * 1.0, rng.integers(0, 2, n) * 1.0),
    "constant": lambda rng, n: (np.full(n, 0.1), rng.normal(size=n)),
}


@pytest.mark.parametrize("kind", SERIES)
def test_quick_sums_round_as_exact_ones(kind: str) -> None:
    """The kernels' sums of twice the precision and the exact sums: the same bits, with nulls, lags and groups of all sizes."""
    rng = np.random.default_rng(4)
    sizes = [1, 2, 3, 5, 40, 63, 64, 65, 1023, 1024, 1025, 5000]
    x, y = (np.concatenate(side) for side in zip(*(SERIES[kind](rng, n) for n in sizes), strict=True))
    table = pa.table(
        {"k": np.repeat(np.arange(len(sizes)), sizes), "x": x, "y": y, "z": pa.array(y, mask=rng.random(len(y)) < 0.1)}
    )
    made = []
    for kernels in ("never", "always"):
        with cortado.connect(timezone="UTC", kernels=kernels) as s:
            made.append(s.query("table t | correlate lag=1 x, y, z by k", sources={"t": table}).run().to_arrow())
    assert made[0].equals(made[1])


def test_quick_sums_are_sure_of_usual_values() -> None:
    from cortado.engine.kernels import correlation as kernel

    rng, starts, stop = np.random.default_rng(5), np.array([0, 3000]), np.zeros(1, np.uint8)
    for scale in (1.0, 1e6, 1e-30):
        x, y = rng.normal(size=(2, 3000)) * scale + scale
        of_x, of_y, corr, sure = np.empty(kernel.FIGURES), np.empty(kernel.FIGURES), np.empty(1), np.empty(1)
        kernel.sums(x, starts, of_x, stop)
        kernel.sums(y, starts, of_y, stop)
        kernel.correlations(x, y, starts, of_x, of_y, corr, sure, stop)
        assert sure[0] == 1.0
        assert corr[0] == pytest.approx(np.corrcoef(x, y)[0, 1], abs=1e-12)
