"""The models of `forecast` other than ETS against statsforecast, Prophet and scikit-learn.

python benchmarks/forecast_models.py [scale] [m3.parquet ...]

Both answer in turn in one process on the same data, and the answers are compared: the same numbers where the method is fixed, else
the errors of both against what the series were made of. The least processor time of the repeats counts. A peer that is not
installed is said to be missing. Files with columns series, period, season, train, test (lists), such as the competition M3:
Theta's scores on them are printed, beside statsforecast's.
"""

from __future__ import annotations

import importlib
import importlib.util
import logging
import sys
import time
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from cortado.engine.forecast import croston, simple, theta
from cortado.engine.forecast.batch import Batch
from cortado.engine.forecast.calendar import Calendar
from cortado.engine.forecast.long import Long
from cortado.engine.forecast.origins import scale
from cortado.engine.forecast.trees import Pooled

F64 = NDArray[np.float64]
REPEATS = 2
DAY = 86_400_000_000
RNG = np.random.default_rng(3)
Ask = Callable[[], F64]


def batch_of(series: list[F64], period: int, horizon: int) -> Batch:
    offsets = np.concatenate([[0], np.cumsum([len(s) for s in series])]).astype(np.int64)
    keys = np.arange(len(series)).astype(np.uint64)
    return Batch(np.concatenate(series), offsets, np.full(len(series), period), keys, horizon)


def cpu(ask: Ask) -> tuple[float, F64]:
    best, made = np.inf, np.zeros(0)
    for _ in range(REPEATS):
        start = time.process_time()
        made = ask()
        best = min(best, time.process_time() - start)
    return best, made


def compared(
    title: str, ours: Ask, n_ours: int, peer: str, theirs: Ask, n_theirs: int, judge: Callable[[F64], str]
) -> None:
    """Milliseconds of processor a series of each, how often the peer's is ours, and what `judge` says of both answers."""
    mine, answer = cpu(ours)
    line = f"{title:<44} {mine / n_ours * 1e3:9.3f} ms a series, {judge(answer)}"
    if importlib.util.find_spec(peer.split(" ")[0]) is None:
        print(f"{line}   {peer}: not installed")
        return
    other, said = cpu(theirs)
    print(
        f"{line}   {peer}: {other / n_theirs * 1e3:9.3f} ms, {judge(said)}   ratio {other / n_theirs / (mine / n_ours):7.1f}"
    )


def rare(scale_: float) -> None:
    k, few = int(10_000 * scale_), 300
    y = np.where(RNG.random((k, 100)) < 0.3, RNG.integers(1, 9, (k, 100)), 0).astype(float)
    batch = batch_of(list(y), 1, 12)
    for name in ("CrostonClassic", "CrostonSBA", "TSB"):
        fit = {"CrostonClassic": croston.croston, "CrostonSBA": croston.sba, "TSB": croston.tsb}[name]

        def theirs(name: str = name) -> F64:
            models = importlib.import_module("statsforecast.models")
            model = models.TSB(0.1, 0.1) if name == "TSB" else getattr(models, name)()
            return np.array([model.forecast(y=row, h=12)["mean"] for row in y[:few]])

        def judge(mean: F64, want: list[F64] = []) -> str:  # noqa: B006
            want.append(mean[:few])
            np.testing.assert_allclose(want[-1], want[0], rtol=1e-5)
            return "the same numbers" if len(want) > 1 else "without bands"

        compared(
            f"{name}, {k:,} series of 100", lambda fit=fit: fit(batch, ()).mean, k, "statsforecast", theirs, few, judge
        )  # type: ignore[misc]
        taken, _ = cpu(lambda fit=fit: fit(batch, (0.8, 0.95)).upper)  # type: ignore[misc]
        print(f"{'  with two bands, of 256 simulated paths':<44} {taken / k * 1e3:9.3f} ms a series")


def waves(k: int, n: int, horizon: int) -> tuple[F64, F64]:
    """What is, and what is seen: weeks and years."""
    t = np.arange(n + horizon)
    year, week = np.sin(2 * np.pi * t / 365.25), np.array([1.2, 0.9, 0.9, 0.9, 1.0, 1.4, 1.5])[t % 7]
    clean = np.exp(RNG.normal(size=(k, 1))) * 50 * (1 + 0.0003 * t) * (1 + 0.3 * year) * week
    return clean, np.asarray(clean + np.sqrt(clean) * RNG.normal(size=clean.shape))


def judge_of(clean: F64) -> Callable[[F64], str]:
    def judge(mean: F64) -> str:
        want = clean[: len(mean)]
        return f"relative RMSE {np.sqrt(np.mean((mean - want) ** 2 / want.mean(axis=1, keepdims=True) ** 2)):.4f}"

    return judge


def days(scale_: float) -> None:
    logging.getLogger("cmdstanpy").disabled = True
    k, n, horizon, few = max(10, int(500 * scale_)), 1826, 90, 8
    clean, y = waves(k, n, horizon)
    batch, stamps = batch_of(list(y[:, :n]), 7, horizon), DAY * np.arange(16071, 16071 + n + horizon)
    past, ahead = np.tile(stamps[:n], k), np.tile(stamps[n:], (k, 1))
    calendar, judge = Calendar(past, ahead, batch.offsets), judge_of(clean[:, n:])

    def prophet() -> F64:
        import pandas as pd
        from prophet import Prophet  # type: ignore[import-not-found,unused-ignore]

        out = []
        for row in y[:few, :n]:
            model = Prophet(interval_width=0.95)
            model.fit(pd.DataFrame({"ds": pd.to_datetime(stamps[:n], unit="us"), "y": row}))
            out.append(model.predict(pd.DataFrame({"ds": pd.to_datetime(stamps[n:], unit="us")}))["yhat"].to_numpy())
        return np.array(out)

    title = f"{k} series of {n:,} days, {horizon} ahead"
    compared(f"calendar, {title}", lambda: calendar(batch, (0.95,)).mean, k, "prophet", prophet, few, judge)
    trees = Pooled((7, 364), past, ahead, compiled=True)

    def hist() -> F64:
        """The same columns cannot be had there without this file's; so its cost alone, on as many rows and columns."""
        from sklearn.ensemble import HistGradientBoostingRegressor  # type: ignore[import-not-found,unused-ignore]

        rows = RNG.normal(size=(min(k * n, 500_000), 28))
        HistGradientBoostingRegressor(max_iter=120, max_depth=5, max_bins=63, early_stopping=False).fit(
            rows, rows[:, 0]
        )
        return clean[:1, n:]

    compared(f"trees, {title}", lambda: trees(batch, ()).mean, k, "sklearn (one fit, no forecast)", hist, k, judge)
    taken, _ = cpu(lambda: trees(batch, (0.95,)).upper)
    print(f"{'  with bands, a second model':<44} {taken / k * 1e3:9.3f} ms a series")
    for name, fit in (("snaive", simple.snaive), ("linear", simple.linear)):
        taken, mean = cpu(lambda fit=fit: fit(batch, (0.95,)).mean)  # type: ignore[misc]
        print(f"{name + ', ' + title:<44} {taken / k * 1e3:9.3f} ms a series, {judge(mean)}")


def hours(scale_: float) -> None:
    k, n, horizon, few = max(5, int(50 * scale_)), 24 * 7 * 8, 48, 5
    t = np.arange(n + horizon)
    clean = 100 + 0.01 * t + 20 * np.sin(2 * np.pi * t / 24) + 10 * np.sin(2 * np.pi * t / 168) + np.zeros((k, 1))
    y = clean + 5 * RNG.normal(size=clean.shape)
    batch = batch_of(list(y[:, :n]), 24, horizon)
    model = Long(lambda b, levels: theta.theta(b, levels, True), [[24, 168]] * k)

    def theirs() -> F64:
        from statsforecast.models import MSTL, AutoTheta  # type: ignore[import-not-found,unused-ignore]

        return np.array([MSTL([24, 168], AutoTheta(1)).forecast(y=row, h=horizon)["mean"] for row in y[:few, :n]])

    title = f"MSTL and theta, {k} series of {n:,} hours"
    compared(title, lambda: model(batch, (0.95,)).mean, k, "statsforecast", theirs, few, judge_of(clean[:, n:]))


def months(scale_: float) -> None:
    k, few = int(10_000 * scale_), 20
    t = np.arange(112)
    clean = 100 + 0.3 * t + 10 * np.sin(2 * np.pi * t / 12) + RNG.normal(size=(k, 112)).cumsum(axis=1)
    y = clean + 3 * RNG.normal(size=clean.shape)
    batch = batch_of(list(y[:, :100]), 12, 12)

    def theirs() -> F64:
        from statsforecast.models import AutoTheta

        return np.array([AutoTheta(12).forecast(y=row, h=12)["mean"] for row in y[:few, :100]])

    judge = judge_of(clean[:, 100:])
    title = f"theta, {k:,} series of 100 months"
    compared(title, lambda: theta.theta(batch, (0.95,), True).mean, k, "statsforecast AutoTheta", theirs, few, judge)
    taken, mean = cpu(lambda: theta.theta(batch, (0.95,), False).mean)
    print(f"{'  without kernels':<44} {taken / k * 1e3:9.3f} ms a series, {judge(mean)}")


def competition(path: str) -> None:
    import pyarrow.parquet as pq

    rows = pq.read_table(path).to_pylist()
    print(f"{path}: sMAPE, MASE, coverage of 95 %")
    for name, fit in (("theta", theta.theta), ("standard theta", theta.standard), ("snaive", simple.snaive)):
        total = []
        for period in sorted({r["period"] for r in rows}):
            some = [r for r in rows if r["period"] == period]
            actual = np.array([r["test"] for r in some], float)
            batch = batch_of([np.array(r["train"], float) for r in some], some[0]["season"], actual.shape[1])
            made = fit(batch, (0.95,))
            size = np.abs(made.mean - actual)
            smape = np.mean(200 * size / (np.abs(made.mean) + np.abs(actual)), axis=1)
            mase = np.mean(size, axis=1) / scale(batch)[0]
            inside = np.mean((made.lower[:, 0] <= actual) & (actual <= made.upper[:, 0]))
            total.extend(smape.tolist())
            print(
                f"  {name:<16} {period:<10} {len(some):5} {smape.mean():7.3f} {np.mean(mase[np.isfinite(mase)]):7.3f} {inside:6.3f}"
            )
        print(f"  {name:<16} all        {len(total):5} {np.mean(total):7.3f}")


def main() -> None:
    scale_ = float(sys.argv[1]) if len(sys.argv) > 1 else 1.0
    for name in ("theta", "boosting"):  # compiled before anything is timed
        importlib.import_module(f"cortado.engine.kernels.{name}")
    for part in (rare, months, hours, days):
        part(scale_)
    for path in sys.argv[2:]:
        competition(path)


if __name__ == "__main__":
    main()
