"""A cancel is seen soon, whatever a window computes."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

import cortado
from cortado.engine import aside
from cortado.engine.operators.window import spill


@pytest.fixture(scope="module")
def rows() -> pa.Table:
    n = 400_000
    rng = np.random.default_rng(1)
    return pa.table(
        {
            "_time": pa.array(rng.integers(0, 4_000_000, n), pa.timestamp("s", "UTC")),
            "k": pa.array(rng.integers(0, 50, n)),
            "x": pa.array(rng.integers(-1000, 1000, n)),
            "y": pa.array(rng.normal(0, 1, n)),
        }
    )


@pytest.mark.parametrize("kernels", ["never", "always"])
@pytest.mark.parametrize(
    "query",
    [
        "window span=30000s avg(y) as a, median(y) as m",
        "window mode(x) as m by k",
        "window rows=50 corr(x, y) as c",
        "window span=2mon entropy(x) as m by k",
        "eventstats values(y) as v by k",
    ],
)
def test_a_cancel_is_seen(query: str, kernels: str, rows: pa.Table) -> None:
    with cortado.connect(timezone="UTC", threads=2, kernels=kernels) as s:
        s.register("t", pa.concat_tables([rows] * (10 if kernels == "always" else 1)))  # or they are done before
        for wait in (0.05, 0.5):
            running = s.query(f"table t | {query}").start()
            time.sleep(wait)
            begun = time.perf_counter()
            running.cancel()
            with pytest.raises(cortado.Cancelled):
                running.result()
            assert time.perf_counter() - begun < 2


def test_a_cancel_leaves_the_cut_into_parts_behind(
    rows: pa.Table, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sorting the rows by their part takes as long as it likes: nobody waits for it."""
    begun, let_go = threading.Event(), threading.Event()
    cut = spill.PartRows._cut

    def held_up(self, keys, codes):  # type: ignore[no-untyped-def]
        begun.set()
        let_go.wait(60)
        return cut(self, keys, codes)

    monkeypatch.setattr(aside, "LARGE", 0)
    monkeypatch.setattr(spill.PartRows, "_cut", held_up)
    try:
        with cortado.connect(timezone="UTC", threads=2, memory="64MB", spill_dir=tmp_path) as s:
            s.register("t", pa.concat_tables([rows] * 4))
            running = s.query("table t | window avg(y) as m by x").start()
            assert begun.wait(60)
            running.cancel()
            with pytest.raises(cortado.Cancelled):
                running.result(30)
            assert not [p for p in tmp_path.rglob("*") if p.is_file() and p.suffix != ".lock" and p.name != "lock"]
    finally:
        let_go.set()
