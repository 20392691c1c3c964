"""Chooses the constants of the ETS fit on M1 and M3 alone, and prints them: `engine/forecast/settings.py` holds what it chose.

    PYTHONPATH=. python benchmarks/forecast_tune.py [--data FOLDER] [--rounds N] [--from-scratch]

A walk along one constant after the other while the mean OWA falls (sets weighed by the root of their number of series, so that
the monthly M3 does not decide alone); then a grid for the widening of the bands by MSIS and coverage.
"""

from __future__ import annotations

import argparse
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace
from typing import Any

import numpy as np

from benchmarks.forecast_score import SETS, Group, folder, read
from cortado.engine.forecast import ets
from cortado.engine.forecast.settings import SHRUNK, Settings
from cortado.engine.kernels import load

FACTOR = {
    "alpha_precision": 4, "beta_precision": 4, "gamma_precision": 4, "phi_precision": 4, "level_weight": 4, "slope_weight": 4,
    "temperature": 1.5,
}  # fmt: skip
STEP = {
    "alpha": 0.15, "beta": 0.04, "gamma": 0.05, "phi": 0.03, "season_shrink": 0.5, "temperature_power": 0.5, "trend_penalty": 3.0,
    "damped_penalty": 2.0, "horizon_share": 0.1, "season_share": 0.25, "head": 4.0,
}  # fmt: skip
LIMIT = {
    "alpha": (0.05, 0.95), "beta": (0.005, 0.9), "gamma": (0.005, 0.9), "phi": (0.82, 0.98), "season_shrink": (0, 9),
    "temperature_power": (0, 2), "horizon_share": (0, 1), "season_share": (0, 1), "head": (4, 40),
}  # fmt: skip
PLAIN = replace(  # wide priors, nothing added: where a search from scratch starts
    SHRUNK, alpha_precision=1, beta=0.1, beta_precision=10, gamma=0.2, gamma_precision=10, phi=0.9, phi_precision=10, level_weight=1,
    slope_weight=1, temperature=4, temperature_power=0, trend_penalty=0, damped_penalty=0, season_share=1, horizon_share=0,
)  # fmt: skip
KEEP = 2e-4  # of OWA: a smaller gain is chance
OFF = 3.0  # what coverage beyond one point from 95 % costs, in units of log MSIS


def weights(groups: list[Group]) -> Any:
    return np.sqrt([len(g.train) for g in groups])


def owas(groups: list[Group], settings: Settings) -> Any:
    return np.array([g.owa(ets.fit(g.batch(), settings=settings).mean) for g in groups])


def neighbours(settings: Settings, key: str) -> list[Settings]:
    """One step up and down in one constant, within its limits."""
    v = asdict(settings)[key]
    tried = [v * FACTOR[key], v / FACTOR[key]] if key in FACTOR else [v + STEP[key], v - STEP[key]]
    low, high = LIMIT.get(key, (-1e9, 1e9))
    return [replace(settings, **{key: float(min(max(x, low), high))}) for x in tried if min(max(x, low), high) != v]


def searched(groups: list[Group], settings: Settings, rounds: int) -> Settings:
    weight = weights(groups)
    with ThreadPoolExecutor(2) as pool:
        best = float(np.average(owas(groups, settings), weights=weight))
        print(f"start {best:.5f}", flush=True)
        for turn in range(rounds):
            before = best
            for key in [*FACTOR, *STEP]:
                while True:
                    tried = neighbours(settings, key)
                    got = [float(np.average(o, weights=weight)) for o in pool.map(lambda t: owas(groups, t), tried)]
                    at = int(np.argmin(got))
                    if got[at] > best - KEEP:
                        break
                    settings, best = tried[at], got[at]
                    print(f"round {turn} {key} = {asdict(settings)[key]:.4g}: {best:.5f}", flush=True)
            if before - best < KEEP:
                break
    return settings


def widened(groups: list[Group], settings: Settings) -> Settings:
    """The widening of bands of lowest loss. It tends to 1 for long series by its form: M1 and M3 have none beyond 144 points."""
    weight = weights(groups)
    grid = [
        replace(settings, sd_parameters=a, sd_steps=b, sd_power=c)
        for c in (1.0, 1.5, 2.0) for a in (0.0, 1.0, 2.0, 3.0) for b in (0.0, 1.0, 2.0, 4.0)
    ]  # fmt: skip

    def loss(tried: Settings) -> float:
        parts = []
        for g in groups:
            out = ets.fit(g.batch(), settings=tried)
            coverage, msis = g.interval(out.lower[:, 0], out.upper[:, 0])
            parts.append(np.log(msis) + OFF * max(abs(coverage - 0.95) - 0.01, 0))
        return float(np.average(parts, weights=weight))

    with ThreadPoolExecutor(2) as pool:
        got = list(pool.map(loss, grid))
    for k in np.argsort(got)[:5]:
        print(f"sd {grid[k].sd_parameters} {grid[k].sd_steps} {grid[k].sd_power}: {got[k]:.4f}", flush=True)
    return grid[int(np.argmin(got))]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--from-scratch", action="store_true")
    told = parser.parse_args()
    load.ensure(background=False)
    groups = [read(folder(told.data), *spec) for spec in SETS]
    chosen = widened(groups, searched(groups, PLAIN if told.from_scratch else SHRUNK, told.rounds))
    print(chosen)
    for group, owa in zip(groups, owas(groups, chosen), strict=True):
        print(group.name, f"{owa:.4f}")


if __name__ == "__main__":
    main()
