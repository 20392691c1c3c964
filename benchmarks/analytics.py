"""`stl`, `correlate`, `curvefit`, `anomalies`, `patterns` against statsmodels, pandas, scipy, NumPy, scikit-learn and drain3.

python benchmarks/analytics.py [scale]

Both answer in turn in one process on the same data, and the answers are compared; the least processor time of the repeats
counts, wall time beside it. A peer that is not installed is said to be missing. `scale` multiplies the rows.
"""

from __future__ import annotations

import importlib.util
import logging
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from scipy import stats

import cortado

THREADS, REPEATS = 2, 3
Ask = Callable[[], Any]
RNG = np.random.default_rng(3)


def compared(title: str, ours: Ask, peer: str, theirs: Ask, agree: Callable[[Any, Any], None]) -> None:
    best = {"cortado": (1e9, 1e9), peer: (1e9, 1e9)}
    answers: dict[str, Any] = {}
    for _ in range(REPEATS):
        for name, ask in (("cortado", ours), (peer, theirs)):
            wall, cpu = time.perf_counter(), time.process_time()
            answers[name] = ask()
            wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
            best[name] = min(best[name][0], wall), min(best[name][1], cpu)
    agree(answers["cortado"], answers[peer])
    (wall, cpu), (peer_wall, peer_cpu) = best["cortado"], best[peer]
    print(
        f"{title:<52} wall {wall:6.2f} s cpu {cpu:6.2f} s   {peer}: wall {peer_wall:6.2f} s cpu {peer_cpu:6.2f} s   "
        f"ratio {wall / peer_wall:5.2f} {cpu / peer_cpu:5.2f}"
    )


def asked(session: cortado.Session, query: str, table: pa.Table) -> Ask:
    return lambda: session.query(f"table t | {query}", sources={"t": table}).to_arrow()


def column(table: Any, name: str) -> Any:
    return table[name].combine_chunks().to_numpy(zero_copy_only=False)


def near(tolerance: float, ours: str) -> Callable[[Any, Any], None]:
    return lambda a, b: np.testing.assert_allclose(column(a, ours), b, rtol=tolerance, atol=tolerance)


def seasonal(session: cortado.Session, scale: float) -> None:
    from statsmodels.tsa.seasonal import STL

    for n_groups, n, period, robust in (
        (int(2000 * scale), 96, 24, "f"), (1, int(100_000 * scale), 24, "f"), (int(500 * scale), 96, 24, "t"),
        (1, int(20_000 * scale), 1000, "t"),
    ):  # fmt: skip
        k = np.repeat(np.arange(n_groups), n)
        x = np.sin(np.arange(len(k)) / period * 2 * np.pi) + RNG.normal(size=len(k))
        frame = pd.DataFrame({"k": k, "x": x})

        def peer(frame: pd.DataFrame = frame, period: int = period, robust: bool = robust == "t") -> Any:
            made = [STL(g.to_numpy(), period=period, robust=robust).fit().trend for _, g in frame.groupby("k")["x"]]
            return np.concatenate(made)

        table = pa.table({"k": k, "x": x})
        title = f"stl period={period} robust={robust}, {n_groups:,} groups of {n:,}"
        ask = asked(session, f"stl period={period} robust={robust} x by k", table)
        compared(title, ask, "statsmodels", peer, near(1e-9, "_trend"))


def correlated(session: cortado.Session, scale: float) -> None:
    n = int(300_000 * scale)
    a = RNG.normal(size=n)
    frame = pd.DataFrame({"a": a, "b": a + RNG.normal(size=n), "c": np.round(RNG.normal(size=n), 1)})
    table = pa.Table.from_pandas(frame, preserve_index=False)

    def by_pandas(method: Any) -> Ask:
        return lambda: frame.corr(method).to_numpy()[[0, 0, 1], [1, 2, 2]]

    def by_scipy() -> Any:
        return [stats.kendalltau(frame[x], frame[y]).statistic for x, y in ("ab", "ac", "bc")]

    for method, name, peer in (
        ("pearson", "pandas", by_pandas("pearson")), ("spearman", "pandas", by_pandas("spearman")), ("kendall", "scipy", by_scipy),
    ):  # fmt: skip
        title = f"correlate method={method}, 3 fields, {n:,} rows"
        compared(title, asked(session, f"correlate method={method} a, b, c", table), name, peer, near(1e-9, "corr"))


def fitted(session: cortado.Session, scale: float) -> None:
    for n_groups, n in ((int(1000 * scale), 500), (1, int(500_000 * scale))):
        k = np.repeat(np.arange(n_groups), n)
        x = np.tile(np.linspace(0, 10, n), n_groups)
        y = np.sin(x) + RNG.normal(size=len(x))
        frame = pd.DataFrame({"k": k, "x": x, "y": y})

        def peer(frame: pd.DataFrame = frame) -> Any:
            made = []
            for _, g in frame.groupby("k"):
                made.append(np.polynomial.Polynomial.fit(g.x, g.y, 3)(g.x.to_numpy()))
            return np.concatenate(made)

        table = pa.Table.from_pandas(frame, preserve_index=False)
        title = f"curvefit degree=3, {n_groups:,} groups of {n:,}"
        compared(title, asked(session, "curvefit x, y by k", table), "numpy", peer, near(1e-8, "_p"))


def isolated(session: cortado.Session, scale: float) -> None:
    if importlib.util.find_spec("sklearn") is None:
        print("anomalies: scikit-learn is not installed")
        return
    from sklearn.ensemble import IsolationForest

    n = int(300_000 * scale)
    rows = RNG.normal(size=(n, 4))
    rows[: n // 100] *= 3
    table = pa.table({name: rows[:, i] for i, name in enumerate("abcd")})

    def agree(ours: Any, theirs: Any) -> None:
        assert np.corrcoef(column(ours, "_score"), theirs)[0, 1] > 0.9

    compared(
        f"anomalies, 4 fields, {n:,} rows", asked(session, "anomalies a, b, c, d", table), "scikit-learn",
        lambda: -IsolationForest(random_state=0).fit(rows).score_samples(rows), agree,
    )  # fmt: skip


def logs(n: int, words: bool) -> list[str]:
    names = ["anna", "ben", "cyd", "dan", "eve"]
    free = [["".join(w) for w in row] for row in RNG.choice(list("abcdefgh"), (1000, 2, 6))]
    made = []
    for i in range(n):
        if i % 3 == 0:
            made.append(
                f"10:{i % 60:02d}:01,{i % 1000:03d} INFO [worker-{i % 16}] GET /api/items/{i} took {i % 999} ms"
            )
        elif i % 3 == 1:
            made.append(f"WARN cache miss for {names[i % 5]} key=k{i} shard {i % 7}")
        else:
            left, right = free[i % 1000], free[i * 7 % 999]
            made.append(f"ERROR job {left[0]} of {right[1]} failed: code {i % 9}" if words else f"ERROR job {i} failed")
    return made


def mined(session: cortado.Session, scale: float) -> None:
    missing = importlib.util.find_spec("drain3") is None
    for words, n in ((False, int(1_000_000 * scale)), (True, int(1_000_000 * scale))):
        lines = logs(n, words)
        table = pa.table({"line": lines})
        title = f"patterns, {n:,} lines, {'many different' if words else 'few different'} masked"
        ours = asked(session, "patterns", table)
        if missing:
            begun = time.perf_counter()
            made = ours()
            print(
                f"{title:<52} wall {time.perf_counter() - begun:6.2f} s, {len(made)} templates; drain3 is not installed"
            )
            continue
        part = lines[: n // 20]  # a twentieth: it would take minutes
        compared(
            f"{title} (1/20)",
            asked(session, "patterns", table.slice(0, n // 20)),
            "drain3",
            lambda p=part: by_drain3(p),
            same_counts,
        )
        begun = time.perf_counter()
        ours()
        print(f"{title:<52} wall {time.perf_counter() - begun:6.2f} s")


def by_drain3(lines: list[str]) -> list[int]:
    from drain3.masking import MaskingInstruction
    from drain3.template_miner import TemplateMiner
    from drain3.template_miner_config import TemplateMinerConfig

    logging.getLogger("drain3").setLevel(logging.ERROR)
    word = r"[\w.+\-]*[0-9][\w.+\-]*"
    config = TemplateMinerConfig()
    config.drain_sim_th, config.drain_depth = 0.5, 4
    config.masking_instructions = [MaskingInstruction(f"{word}(?::{word})*", "N")]
    miner = TemplateMiner(config=config)
    for line in lines:
        miner.add_log_message(line)
    return [c.size for c in miner.drain.clusters]


def same_counts(ours: Any, theirs: list[int]) -> None:
    """The commonest templates; rare ones may be cut otherwise, since branches are made otherwise."""
    assert sorted(column(ours, "count").tolist(), reverse=True)[:3] == sorted(theirs, reverse=True)[:3]


def main() -> None:
    scale = float(sys.argv[1]) if len(sys.argv) > 1 else 1.0
    session = cortado.connect(timezone="UTC", threads=THREADS, kernels="always")
    for run in (seasonal, correlated, fitted, isolated, mined):
        run(session, scale)


if __name__ == "__main__":
    main()
