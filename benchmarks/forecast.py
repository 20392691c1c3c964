"""Accuracy and cost of `forecast` against statsforecast's AutoETS and AutoTheta, statsmodels and the seasonal naive forecast.

    PYTHONPATH=. python benchmarks/forecast.py [--data FOLDER] [--most N] [--without NAME,...] [--only accuracy|scale|cold]

All answer the same series in one process on one thread, with 95 % bands where they have them; processor time is per series. `--most`
draws so many series of each set. A peer that is not installed is said to be missing. Then: 10,000 series of 100 months on
one thread and on two; and a new installation's first answer and compilation, in processes of their own.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.forecast_score import SETS, Group, folder, naive2, read
from cortado.engine.forecast import ets
from cortado.engine.forecast.batch import Batch
from cortado.engine.kernels import load

Answer = tuple[Any, Any, Any]  # mean, lower, upper [K, h]; None for no band
Method = Callable[[Group], Answer]
Z = 1.959963984540054


def ours(group: Group) -> Answer:
    out = ets.fit(group.batch())
    return out.mean, out.lower[:, 0], out.upper[:, 0]


def seasonal_naive(group: Group) -> Answer:
    m, h = group.m, group.h
    steps = np.arange(h)
    mean, sd = np.empty((len(group.train), h)), np.empty((len(group.train), h))
    for k, y in enumerate(group.train):
        lag = m if len(y) > m else 1
        mean[k] = y[len(y) - lag + steps % lag]
        sd[k] = np.sqrt(np.mean((y[lag:] - y[:-lag]) ** 2) * (steps // lag + 1))
    return mean, mean - Z * sd, mean + Z * sd


def naive_2(group: Group) -> Answer:
    return np.array([naive2(y, group.m, group.h) for y in group.train]), None, None


def by_statsforecast(name: str) -> Method:
    from statsforecast import models

    def answer(group: Group) -> Answer:
        got = [getattr(models, name)(season_length=group.m).forecast(y, group.h, level=[95]) for y in group.train]
        return tuple(np.array([g[f] for g in got]) for f in ("mean", "lo-95", "hi-95"))  # type: ignore[return-value]

    return answer


def holt_winters(group: Group) -> Answer:
    """Additive damped trend, multiplicative season where the series is positive and long enough: what one would write first."""
    from statsmodels.tsa.holtwinters import ExponentialSmoothing

    mean = np.empty((len(group.train), group.h))
    for k, y in enumerate(group.train):
        season = "mul" if group.m > 1 and len(y) >= 2 * group.m and (y > 0).all() else None
        model = ExponentialSmoothing(
            y, trend="add", damped_trend=True, seasonal=season, seasonal_periods=group.m if season else None
        )
        mean[k] = model.fit().forecast(group.h)
    return mean, None, None


def methods(without: set[str]) -> dict[str, Method]:
    found: dict[str, Method] = {"cortado": ours}
    for name in ("AutoETS", "AutoTheta"):
        if name not in without:
            try:
                found[name] = by_statsforecast(name)
            except ImportError:
                print(f"statsforecast {name}: not installed")
    if "statsmodels" not in without:
        found["statsmodels"] = holt_winters
    found["sNaive"] = seasonal_naive
    return found


def timed(method: Method, group: Group, repeats: int) -> tuple[Answer, float]:
    """The answer, and the least processor milliseconds a series."""
    best = np.inf
    for _ in range(repeats):
        begin = time.process_time()
        answer = method(group)
        best = min(best, time.process_time() - begin)
    return answer, best / len(group.train) * 1e3


def accuracy(place: str | None, most: int, without: set[str]) -> None:
    chosen = methods(without)
    warm = read(folder(place), "forecast_m3", "MONTHLY").thinned(2)
    for method in chosen.values():
        method(warm)
    print(
        "| set (series) | method | sMAPE | MASE | OWA | cov95 | MSIS | CPU ms | ratio |\n|---|---|---|---|---|---|---|---|---|"
    )
    owas: dict[str, list[float]] = {name: [] for name in chosen}
    sizes = []
    for spec in SETS:
        group = read(folder(place), *spec).thinned(most)
        sizes.append(len(group.train))
        cost = 0.0
        for name, method in chosen.items():
            (mean, low, high), ms = timed(method, group, 3 if name == "cortado" else 1)
            cost = cost or ms
            smape, mase = group.point(mean)
            owas[name].append(group.owa(mean))
            band = "- | -" if low is None else "{:.3f} | {:.2f}".format(*group.interval(low, high))
            title = f"{group.name} ({len(group.train)})" if name == "cortado" else ""
            print(
                f"| {title} | {name} | {smape:.3f} | {mase:.3f} | {owas[name][-1]:.4f} | {band} | {ms:.3f} | {ms / cost:.0f} |",
                flush=True,
            )
    for title, weight in (("number", np.array(sizes)), ("root of the number", np.sqrt(sizes))):
        means = {name: float(np.average(owa, weights=weight)) for name, owa in owas.items()}
        print(f"mean OWA, weighed by the {title} of series: " + ", ".join(f"{n} {v:.4f}" for n, v in means.items()))
        if "AutoETS" in means:
            print(f"    that of cortado is {means['cortado'] / means['AutoETS']:.4f} of AutoETS's")


def monthly(n_series: int, n: int) -> Batch:
    rng = np.random.default_rng(5)
    t = np.arange(n)
    level = rng.uniform(50, 500, (n_series, 1)) * (1 + rng.normal(0, 0.004, (n_series, 1)) * t)
    season = 1 + rng.uniform(0, 0.4, (n_series, 1)) * np.sin(2 * np.pi * (t / 12 + rng.uniform(size=(n_series, 1))))
    values = np.abs(level * season * (1 + rng.normal(0, 0.08, (n_series, n)))) + 1
    return Batch(
        values.reshape(-1), np.arange(n_series + 1) * n, np.full(n_series, 12), np.arange(n_series, dtype=np.uint64), 18
    )


def scale() -> None:
    batch = monthly(10_000, 100)
    best: dict[int, tuple[float, float]] = {1: (np.inf, np.inf), 2: (np.inf, np.inf)}
    means = {}
    for _ in range(3):
        for threads in best:
            wall, cpu = time.perf_counter(), time.process_time()
            means[threads] = ets.fit(batch, threads=threads).mean
            wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
            best[threads] = min(best[threads][0], wall), min(best[threads][1], cpu)
    assert np.array_equal(means[1], means[2])
    for threads, (wall, cpu) in best.items():
        print(
            f"10,000 series of 100 months, {threads} thread(s): wall {wall:.2f} s, cpu {cpu:.2f} s, {best[1][0] / wall:.2f} times one thread"
        )


COLD = """
import time
wall, cpu = time.perf_counter(), time.process_time()
import numpy as np
from cortado.engine.forecast import ets
from cortado.engine.forecast.batch import Batch
y = (100 + np.arange(144.0)) * (1 + 0.2 * np.sin(np.arange(144) * np.pi / 6)) * (1 + 0.05 * np.cos(np.arange(144.0) ** 2))
batch = Batch(y, np.array([0, 144]), np.array([12]), np.array([1], np.uint64), 24)
print_ = ets.fit(batch, compiled=lambda: {compiled})
print(f"{{time.perf_counter() - wall:.2f}} s, cpu {{time.process_time() - cpu:.2f}} s")
"""
COMPILE = """
import time, importlib
import cortado.engine.kernels.jit
cpu = time.process_time()
for name in ("etsfilter", "etsslopes", "etssearch", "etsstart", "etsfit", "etsforecast", "etspaths"):
    importlib.import_module("cortado.engine.kernels." + name)
print(f"cpu {time.process_time() - cpu:.2f} s")
"""


def cold() -> None:
    """In processes of their own, with an empty cache and then with what the first left."""
    with tempfile.TemporaryDirectory() as cache:
        env = {**os.environ, "NUMBA_CACHE_DIR": cache}
        for title, code in (
            ("first answer by plain Python, imports included", COLD.format(compiled=False)),
            ("compilation of the ETS kernels", COMPILE),
            ("the same from the cache", COMPILE),
            ("first answer by kernels from the cache, imports included", COLD.format(compiled=True)),
        ):
            done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True)
            print(f"{title}: {done.stdout.strip()}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data")
    parser.add_argument("--most", type=int, default=10**9)
    parser.add_argument("--without", default="")
    parser.add_argument("--only", choices=["accuracy", "scale", "cold"])
    told = parser.parse_args()
    warnings.simplefilter("ignore")
    load.ensure(background=False)
    if told.only in (None, "accuracy"):
        accuracy(told.data, told.most, set(told.without.split(",")))
    if told.only in (None, "scale"):
        scale()
    if told.only in (None, "cold"):
        cold()


if __name__ == "__main__":
    main()
