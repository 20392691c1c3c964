"""Dynamic time warping against aeon, dtaidistance and the UCR suite: the same answers, in one process, engines in turn.

python -m benchmarks.dtw [pattern] [matrix] [search] [compile]

Peers are what is installed of aeon, dtaidistance (C) and ucrdtw (the UCR suite's C code as a Python module). The least time of
the rounds counts, wall and processor time. "kernel" is series in memory to distances, with the set-up that a query does;
"query" is from a table of rows to a table of rows: scan, sort by key and point, distances, ranks.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as pc
import pyarrow.parquet as pq

import cortado
from cortado.engine.kernels import load
from cortado.engine.operators.dtw.band import band
from cortado.engine.operators.dtw.distances import blocks_of, normalised, squared
from cortado.engine.operators.dtw.search import Search

DATA = Path(__file__).parents[1] / "tests" / "data"
THREADS, ROUNDS = 2, 5
Ask = Callable[[], Any]
Timed = dict[str, tuple[float, float]]


class Alone:
    """A context outside of a query: compiled kernels, and nobody who cancels."""

    def __init__(self) -> None:
        self.stop = np.zeros(1, np.uint8)
        self.query = self

    def compiled(self) -> bool:
        return True

    def check(self) -> None:
        return None


ALONE: Any = Alone()


def timed(asks: dict[str, Ask], same: Callable[[Any, Any], bool], rounds: int = ROUNDS) -> Timed:
    best = {name: (1e9, 1e9) for name in asks}
    first: Any = None
    for _ in range(rounds):
        for name, ask in asks.items():
            wall, cpu = time.perf_counter(), time.process_time()
            got = ask()
            wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
            best[name] = min(best[name][0], wall), min(best[name][1], cpu)
            first = got if first is None else first
            assert same(first, got), f"{name} differs"
    return best


def told(title: str, best: Timed, peer: str, floor: float, goal: float) -> None:
    print(f"\n{title}; ratios to {peer}, floor {floor}, goal {goal}")
    base = best.get(peer, next(iter(best.values())))
    for name, (wall, cpu) in best.items():
        print(
            f"  {name:<28} wall {1e3 * wall:9.2f} ms  cpu {1e3 * cpu:9.2f} ms   {wall / base[0]:6.3f} {cpu / base[1]:6.3f}"
        )


def close(a: Any, b: Any) -> bool:
    return bool(np.allclose(a, b, rtol=1e-9, atol=1e-9))


def rows_of(series: Any) -> pa.Table:
    n, m = series.shape
    return pa.table({"k": np.repeat(np.arange(n), m), "n": np.tile(np.arange(m), n), "x": series.reshape(-1)})


def znormed(x: Any) -> Any:
    return (x - x.mean(-1, keepdims=True)) / x.std(-1, keepdims=True)


def installed(name: str) -> Any:
    import importlib

    try:
        return importlib.import_module(name)
    except ImportError:
        print(f"({name} is not installed)")
        return None


def session() -> cortado.Session:
    return cortado.connect(timezone="UTC", threads=THREADS, kernels="always")


def pattern() -> None:
    """811 series of 52 points and one pattern, half the length as window."""
    sales = pc.read_csv(DATA / "sales_weekly.csv")
    raw = np.array([sales[f"W{i}"].to_numpy() for i in range(52)], np.float64).T.copy()
    q = pc.read_csv(DATA / "pattern.csv")["sales"].to_numpy().astype(np.float64)
    z, zq = znormed(raw), znormed(q)
    offsets, ids = np.arange(812) * 52, np.arange(811)
    asks: dict[str, Ask] = {}
    if aeon := installed("aeon.distances"):
        asks["aeon"] = lambda: aeon.dtw_pairwise_distance(z, zq[None], window=0.5)[:, 0] ** 0.5
        asks["aeon with znorm"] = lambda: aeon.dtw_pairwise_distance(znormed(raw), zq[None], window=0.5)[:, 0] ** 0.5
    if dtai := installed("dtaidistance.dtw"):
        asks["dtaidistance C"] = lambda: np.array([dtai.distance_fast(s, zq, window=27, use_pruning=False) for s in z])

    def kernel() -> Any:
        (blocks,) = blocks_of(raw.reshape(-1), offsets, ids, True, ALONE)
        return np.sqrt(squared(normalised(q)[0], blocks, band(52, 52, 26), 0, ALONE))

    (ready,) = blocks_of(raw.reshape(-1), offsets, ids, True, ALONE)
    asks["cortado distances alone"] = lambda: np.sqrt(squared(zq, ready, band(52, 52, 26), 0, ALONE))
    asks["cortado kernel with znorm"] = kernel
    with session() as s, tempfile.TemporaryDirectory() as folder:
        rows = rows_of(raw)
        s.register("t", rows)
        s.register("wide", sales)
        s.register("texts", rows.set_column(0, "k", pa.array([f"P{k}" for k in rows["k"].to_pylist()])))
        pq.write_table(rows, f"{folder}/t.parquet")
        fixed = (
            ("rows", rows.slice(0, 52), "window=0.5 order=n pattern=$p x by k"),
            ("wide", sales.slice(0, 1), "window=0.5 pattern=$p W*"),
        )
        costs: dict[str, Ask] = {}
        for what, few, stage in fixed:
            s.register(f"few_{what}", few)
            costs[f"one series, {what}"] = lambda t=f"table few_{what} | dtw {stage}": len(s.query(t, p=q).to_arrow())
        told("the fixed cost of a query: one series", timed(costs, close, 15), "one series, rows", 0, 0)
        long = "table t | dtw window=0.5 order=n pattern=$p x by k"
        asks["cortado query, rows"] = lambda: by_key(s.query(long, p=q).to_arrow())
        for name, source, number in (
            ("text keys", "table texts", lambda k: int(k[1:])),
            ("Parquet", f"parquetfile {folder}/t.parquet", int),
        ):
            text = long.replace("table t", source)
            asks[f"cortado query, {name}"] = lambda text=text, number=number: by_key(
                s.query(text, p=q).to_arrow(), number
            )
        wide = "table wide | dtw window=0.5 pattern=$p W* | fields _distance"
        asks["cortado query, wide"] = lambda: s.query(wide, p=q).to_arrow()["_distance"].to_numpy()
        told("811 x 52 against a pattern, window 26", timed(asks, close, 15), "aeon", 0.30, 0.08)


def matrix() -> None:
    """All pairs of 500 series of 256 points, a tenth of the length as window."""
    rng = np.random.default_rng(1)
    raw = rng.normal(size=(500, 256)).cumsum(1)
    z = znormed(raw)
    offsets, ids = np.arange(501) * 256, np.arange(500)
    upper = np.triu_indices(500, 1)
    asks: dict[str, Ask] = {}
    if dtai := installed("dtaidistance.dtw"):
        asks["dtaidistance C, parallel"] = lambda: dtai.distance_matrix_fast(z, window=26, use_pruning=False)[upper]
    if aeon := installed("aeon.distances"):
        asks["aeon, 2 jobs"] = lambda: aeon.dtw_pairwise_distance(z, window=0.1, n_jobs=2)[upper] ** 0.5

    def kernel() -> Any:
        (blocks,) = blocks_of(raw.reshape(-1), offsets, ids, True, ALONE)
        cells = band(256, 256, 25)
        out = np.zeros((500, 500))

        def row(i: int) -> None:
            first = (i + 1) // 32
            if first < len(blocks.values):
                out[i, first * 32 :] = squared(blocks.row(i), blocks, cells, first, ALONE)

        with ThreadPoolExecutor(THREADS) as pool:
            list(pool.map(row, range(500)))
        return np.sqrt(out[upper])

    asks["cortado kernel with znorm"] = kernel
    with session() as s:
        s.register("t", rows_of(raw))
        query = "table t | dtw mode=matrix window=0.1 order=n x by k"
        asks["cortado query"] = lambda: s.query(query).to_arrow()["_distance"].to_numpy()
        told("matrix 500 x 256, window 25", timed(asks, close), "dtaidistance C, parallel", 0.20, 0.06)


def search() -> None:
    """The nearest of a million windows of 128 points, normalised, in a random walk and in a noisy sine."""
    ucr = installed("_ucrdtw")
    n, m = 1_000_000, 128
    rng = np.random.default_rng(3)
    at = np.arange(n)
    walks = rng.normal(size=n).cumsum(), rng.normal(size=m).cumsum()
    sines = np.sin(at / 20) + rng.normal(0, 0.3, n), np.sin(at[:m] / 20) + rng.normal(0, 0.3, m)
    for name, (t, q) in (("random walk", walks), ("noisy sine", sines)):
        for part, floor, goal in ((0.05, 0.60, 0.25), (0.1, 0.60, 0.25), (0.3, 0.40, 0.15)):
            asks: dict[str, Ask] = {}
            if ucr is not None:
                asks["UCR suite C, one thread"] = lambda t=t, q=q, part=part: ucr.ucrdtw(t, q, part, False)[:2]
            for threads in (1, THREADS):
                asks[f"cortado kernel, {threads} thread" + "s" * (threads > 1)] = (
                    lambda t=t, q=q, part=part, threads=threads: searched(t, q, int(part * m), threads)
                )
            with session() as s:
                s.register("t", pa.table({"n": at, "x": t}))
                query = f"table t | dtw mode=search window={part} order=n pattern=$p x"
                asks["cortado query"] = lambda s=s, q=q, query=query: first_row(s.query(query, p=q).to_arrow())
                title = f"{m} in {n:,}, {name}, w {part}"
                told(title, timed(asks, close, 3), "UCR suite C, one thread", floor, goal)


def by_key(table: pa.Table, number: Callable[[Any], int] = int) -> Any:
    """The distances of groups 0, 1, 2, ...; `number`: of a key."""
    out = np.empty(len(table))
    out[[number(k) for k in table["k"].to_pylist()]] = table["_distance"].to_numpy()
    return out


def first_row(table: pa.Table) -> tuple[int, float]:
    return table["_start"][0].as_py(), table["_distance"][0].as_py()


def searched(t: Any, q: Any, width: int, threads: int) -> Any:
    found = Search(t, np.isfinite(t), normalised(q)[0], width, 0.5, True)
    found.begin(threads)
    if threads == 1:
        for unit in found.units:
            found.look(unit, 0, ALONE)
        return found.take()
    todo = iter(found.units)

    def work(worker: int) -> None:
        for unit in todo:
            found.look(unit, worker, ALONE)

    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(work, range(threads)))
    return found.take()


def compile_() -> None:
    """What the first use on a machine takes, and what later processes take to load."""
    code = (
        "import time; b = time.process_time(); import numba; c = time.process_time(); "
        "from cortado.engine.kernels import dtw, dtwpruned, dtwsearch; print(round(time.process_time() - c, 2), 's')"
    )
    with tempfile.TemporaryDirectory() as folder:
        env = {**os.environ, "NUMBA_CACHE_DIR": folder}
        for what in ("compiling the three modules, once a machine", "loading them, once a process"):
            made = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True)
            print(f"{what}: {made.stdout.strip()} of processor time")


def main() -> None:
    load.ensure(background=False)
    questions = {"pattern": pattern, "matrix": matrix, "search": search, "compile": compile_}
    for name in sys.argv[1:] or questions:
        questions[name]()


if __name__ == "__main__":
    main()
