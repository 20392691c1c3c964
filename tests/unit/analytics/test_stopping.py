"""A cancel is seen soon, whatever is computed; and more templates than memory has room for are told."""

from __future__ import annotations

import time

import numpy as np
import pyarrow as pa
import pytest

import cortado


@pytest.fixture(scope="module")
def rows() -> pa.Table:
    n = 300_000
    rng = np.random.default_rng(1)
    words = np.array(["alpha", "beta", "gamma", "delta", "eps"])
    line = [" ".join(words[row]) + f" {i}" for i, row in enumerate(rng.integers(0, 5, (n, 6)))]
    numbers = {name: pa.array(rng.normal(size=n)) for name in "xyz"}
    return pa.table({"k": pa.array(rng.integers(0, 2000, n)), "line": line, **numbers})


@pytest.mark.parametrize("kernels", ["never", "always"])
@pytest.mark.parametrize(
    "query",
    [
        "anomalies scorer=2 size=300 x, y, z", "stl period=7 x by k", "stl period=1000 robust=t x",
        "correlate method=kendall lag=20 x, y, z",
        "correlate method=spearman lag=20 x, y", "curvefit degree=20 x, y", "patterns", "patterns mode=label by k",
    ],
)  # fmt: skip
def test_a_cancel_is_seen(query: str, kernels: str, rows: pa.Table) -> None:
    with cortado.connect(timezone="UTC", threads=2, kernels=kernels) as s:
        s.register("t", rows)
        for wait in (0.05, 0.6):
            running = s.query(f"table t | repeat count=40 | {query} | stats count").start()  # many seconds
            time.sleep(wait)
            begun = time.perf_counter()
            running.cancel()
            with pytest.raises(cortado.Cancelled):
                running.result()
            assert time.perf_counter() - begun < 2


def test_more_templates_than_fit() -> None:
    draw = np.random.default_rng(2)
    letters = np.array(list("abcdefghijklmnop"))
    lines = [" ".join("".join(letters[w]) for w in row) for row in draw.integers(0, 16, (40_000, 6, 12))]
    with (
        cortado.connect(timezone="UTC", memory=16 << 20) as s,
        pytest.raises(cortado.LimitError, match="templates need more") as caught,
    ):
        s.query("table t | patterns similarity=1", sources={"t": pa.table({"line": lines})}).run()
    assert caught.value.code == "E702"
