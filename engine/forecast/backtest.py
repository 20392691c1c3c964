"""How far forecasts can be trusted: errors at rolling origins, of each series and overall, beside the seasonal naive forecast.

Measures: Hyndman & Koehler, "Another look at measures of forecast accuracy", 2006 (MASE); Makridakis et al. 2020 and 2022
(sMAPE as in M4, RMSSE as in M5).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ...planner.records import dataclass
from .batch import F64, Batch, Ints
from .origins import Candidate, fitted, origins, scale
from .ragged import ratio
from .simple import snaive

MEASURES = ("mase", "smape", "rmsse", "mape", "rmse", "bias")


@dataclass(frozen=True, slots=True)
class Scores:
    """`series[measure]` float64[K], NaN for a series that has none; `overall[measure]`: the mean over the series that have one
    (`rmse`: over all errors).

    Of a series: mean over all steps of all origins. `mase`: absolute errors over the scale of their origin's part, NaN where that
    is 0. `rmsse`: the root of squared errors over the squared scale. `smape` (0 to 200) and `mape` in per cent; a step of
    actual 0 and forecast 0 has sMAPE 0; steps of actual 0 are left out of MAPE and counted in `zeros`. `bias`: forecast less
    actual. `coverage` float64[K, L], `overall_coverage` float64[L]: part of the actual values within the band, of the steps that
    have a band. `n_origins` int64[K].
    """

    series: dict[str, F64]
    overall: dict[str, float]
    coverage: F64
    overall_coverage: F64
    zeros: Ints
    n_origins: Ints


@dataclass(frozen=True, slots=True)
class Backtest:
    model: Scores
    naive: Scores  # the seasonal naive forecast at the same origins


class _Sums:
    """Sums of errors of each series."""

    def __init__(self, n_series: int, n_levels: int) -> None:
        self.total = {m: np.zeros(n_series) for m in MEASURES}
        self.count = {m: np.zeros(n_series) for m in MEASURES}
        self.inside, self.banded = np.zeros((2, n_series, n_levels))
        self.zeros, self.n_origins = np.zeros((2, n_series), np.int64)

    def add(self, measure: str, at: Ints, errors: F64) -> None:
        """`errors` float64[k, H], NaN: not counted."""
        for h in range(errors.shape[1]):  # one after the other: a sum does not depend on the series beside it
            seen = ~np.isnan(errors[:, h])
            self.total[measure][at] += np.where(seen, errors[:, h], 0.0)
            self.count[measure][at] += seen

    def scores(self) -> Scores:
        each = {m: ratio(self.total[m], self.count[m]) for m in MEASURES}
        each["rmsse"], each["rmse"] = np.sqrt(each["rmsse"]), np.sqrt(each["rmse"])
        overall = {m: _mean(each[m]) for m in MEASURES}
        n_errors = float(np.sum(self.count["rmse"]))
        overall["rmse"] = float(np.sqrt(np.sum(self.total["rmse"]) / n_errors)) if n_errors else np.nan
        coverage = ratio(self.inside, self.banded)
        inside, banded = self.inside.sum(axis=0), self.banded.sum(axis=0)
        covered = ratio(inside, banded)
        return Scores(each, overall, coverage, covered, self.zeros, self.n_origins)


def _mean(values: F64) -> float:
    seen = values[~np.isnan(values)]
    return float(np.mean(seen)) if len(seen) else np.nan


def backtest(batch: Batch, model: Candidate, n_origins: int, levels: Sequence[float] = (0.95,)) -> Backtest:
    """Fits `model` and the seasonal naive at up to `n_origins` earlier ends of each series. Costs as many fits of the model."""
    ours, theirs = (_Sums(len(batch), len(levels)) for _ in range(2))
    for origin in origins(batch, n_origins):
        base, squared = scale(origin.batch)
        for into, candidate in ((ours, model), (theirs, snaive)):
            made = fitted(candidate, origin.part, origin.batch, levels)
            _score(into, origin.part.series, origin.actual, made.mean, made.lower, made.upper, base, squared)
    return Backtest(ours.scores(), theirs.scores())


@np.errstate(over="ignore", invalid="ignore")  # of the greatest doubles squares are infinite
def _score(into: _Sums, at: Ints, actual: F64, mean: F64, lower: F64, upper: F64, base: F64, squared: F64) -> None:
    error = mean - actual
    size = np.abs(error)
    both = np.abs(mean) + np.abs(actual)
    into.add("mase", at, ratio(size, base[:, None]))
    into.add("rmsse", at, ratio(error * error, squared[:, None]))
    into.add("smape", at, np.where(both == 0, 0.0, 200 * ratio(size, both)))
    into.add("mape", at, 100 * ratio(size, np.abs(actual)))
    into.add("rmse", at, error * error)
    into.add("bias", at, error)
    into.zeros[at] += (actual == 0).sum(axis=1)
    into.n_origins[at] += 1
    has = ~np.isnan(actual)[:, None] & ~np.isnan(lower) & ~np.isnan(upper)
    within = has & (lower <= actual[:, None]) & (actual[:, None] <= upper)
    into.inside[at] += within.sum(axis=2)
    into.banded[at] += has.sum(axis=2)
