"""Short of memory, many threads, a cancel: the same rows, or an error that says what does not fit."""

from __future__ import annotations

import threading
import time
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

import cortado

SMALL = 24 << 20


def points(groups: int, length: int, seed: int = 0) -> pa.Table:
    """Shuffled rows of walks; each tenth group is a point shorter."""
    rng = np.random.default_rng(seed)
    sizes = np.full(groups, length) - (np.arange(groups) % 10 == 3)
    k = np.repeat(np.arange(groups), sizes)
    n = np.concatenate([np.arange(s) for s in sizes])
    x = np.concatenate([rng.normal(size=s).cumsum() for s in sizes])
    order = rng.permutation(len(k))
    return pa.table({"k": k[order], "n": n[order], "x": x[order]})


def asked(query: str, **settings: Any) -> list[dict[str, Any]]:
    sources = settings.pop("sources")
    with cortado.connect(timezone="UTC", **settings) as session:
        return session.query(query, sources=sources).to_arrow().to_pylist()


@pytest.mark.parametrize("kernels", ["never", "always"])
@pytest.mark.parametrize(
    "stage",
    [
        "dtw order=n window=0.02,3 x by k [ table p ]",
        "dtw order=n window=0.02 top=7 x by k [ table p ]",
        "dtw mode=search order=n window=0.02 top=2 x by k [ table p | search n < 20 ]",
    ],
)
def test_groups_are_measured_as_they_come(stage: str, kernels: str) -> None:
    sources = {"t": points(4000, 120), "p": points(1, 120, 1)}
    query = f"table t | {stage}"
    whole = asked(query, sources=sources, kernels=kernels, threads=2)
    assert len(whole) >= 7
    assert asked(query, sources=sources, kernels=kernels, threads=1, memory=SMALL) == whole


def test_same_bits_with_and_without_kernels_and_at_any_thread_count() -> None:
    sources = {"t": points(300, 90), "p": points(1, 90, 1)}
    for stage in (
        "dtw order=n window=0,0.1,none x by k [ table p ]",
        "dtw order=n top=5 x by k [ table p ]",
        "dtw order=n path=t top=5 x by k [ table p ]",
        "dtw order=n mode=search top=3 x by k [ table p | search n < 30 ]",
        "search k < 40 | dtw order=n mode=matrix x by k",
    ):
        made = [
            asked(f"table t | {stage}", sources=sources, kernels=kernels, threads=threads, batch_rows=rows)
            for kernels, threads, rows in (("never", 1, 65_536), ("always", 4, 100), ("always", 1, 65_536))
        ]
        assert made[0] == made[1] == made[2] and len(made[0]) >= 5, stage


def test_one_group_that_does_not_fit_is_told() -> None:
    big = pa.table({"n": np.arange(2_000_000), "x": np.zeros(2_000_000)})
    with pytest.raises(cortado.QueryError, match="E702 dtw needs"):
        asked("table t | dtw order=n pattern=1,2 x", sources={"t": big}, memory=SMALL)


def test_a_path_that_does_not_fit_is_told() -> None:
    long = pa.table({"n": np.arange(40_000), "x": np.arange(40_000) * 1.0})
    query = "table t | dtw path=t window={} order=n x [ table t ] | stats count, sum(cost)"
    with pytest.raises(cortado.QueryError, match="E701 a path between 40000 and 40000 points needs up to"):
        asked(query.format("none"), sources={"t": long}, memory=128 << 20)
    assert asked(query.format("5p"), sources={"t": long}, memory=128 << 20, kernels="always") == [
        {"count": 40_000, "sum(cost)": 0.0}
    ]


def test_a_matrix_that_does_not_fit_is_told() -> None:
    many = pa.table({"k": np.arange(20_000), "x": np.zeros(20_000)})
    with pytest.raises(cortado.QueryError, match="E701 20000 groups have 199990000 pairs"):
        asked("table t | dtw mode=matrix x by k", sources={"t": many}, memory=256 << 20)


@pytest.mark.parametrize("kernels", ["never", "always"])
@pytest.mark.parametrize(
    "stage",
    [
        "dtw order=n window=none x [ table t ]",
        "dtw mode=search order=n window=none znorm=f x [ table other ]",  # alike everywhere: nothing is abandoned early
    ],
)
def test_a_cancel_ends_it_soon(stage: str, kernels: str) -> None:
    rng = np.random.default_rng(1)
    long = pa.table({"n": np.arange(60_000), "x": rng.normal(size=60_000)})
    other = pa.table({"n": np.arange(4_000), "x": rng.normal(size=4_000)})
    with cortado.connect(timezone="UTC", kernels=kernels, threads=2) as session:
        session.query("table t | dtw order=n pattern=1,2 x", sources={"t": long.slice(0, 2)}).run()
        running = session.query(f"table t | {stage}", sources={"t": long, "other": other}).start()
        threading.Timer(0.5, running.cancel).start()
        begun = time.monotonic()
        with pytest.raises(cortado.Cancelled):
            running.result()
        assert time.monotonic() - begun < 30  # it would take minutes
