"""From a piece of series to what their models say: which model goes on with which series, and what holds for all of them."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...planner.records import dataclass
from ..analytics import stl
from ..analytics.seasonal import Effort
from ..context import Stopped
from . import boxcox, croston, safety, simple, smoothing, theta
from .asked import Asked
from .backtest import MEASURES, backtest
from .bakeoff import bakeoff
from .batch import F64, Batch, Outcome
from .calendar import Calendar
from .long import Long
from .long import paths as long_paths
from .merge import merged, part_of
from .origins import Fit, Part, chosen
from .trees import Pooled
from .work import Work

LONGEST = 24  # steps of a season that ETS takes, as R's ets
DEMANDS = ("croston", "sba", "tsb")
SHOWN = {"mase": "MASE", "smape": "sMAPE", "rmsse": "RMSSE", "mape": "MAPE", "rmse": "RMSE", "bias": "bias"}
NAIVE = "naive "
N_PATHS = 4000
PATH_CELLS = 1 << 22  # of paths that are held at once


@dataclass(slots=True)
class Made:
    """`safety`, `reorder` float64[K]; `scores`: float64[K] of each measure, with NAIVE before it those of the seasonal naive."""

    outcome: Outcome
    safety: F64
    reorder: F64
    scores: dict[str, F64] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class How:
    """`stop`: a byte that ends long work early; `compiled`: whether compiled kernels may be used by now."""

    stop: NDArray[np.uint8]
    compiled: Callable[[], bool]

    def check(self) -> None:
        if self.stop[0]:
            raise Stopped


def run(work: Work, asked: Asked, how: How) -> Made:
    k = len(work.batch)
    model = Model(asked.model, work, asked, how)
    outcome = model.fit(work, asked.levels)
    made = Made(outcome, np.full(k, np.nan), np.full(k, np.nan))
    if asked.safety is not None:
        made.safety, made.reorder = _stock(work, asked, how)
    if asked.backtest:
        _score(made, work, asked, model)
    return made


class Model:
    """One by name. As a candidate of backtests it is cut as the series are."""

    def __init__(self, name: str, work: Work, asked: Asked, how: How) -> None:
        self._name, self._work, self._asked, self._how = name, work, asked, how

    def of(self, part: Part) -> Fit:
        return lambda batch, levels: self.fit(self._work.cut(part, batch), levels)

    def fit(self, work: Work, levels: Sequence[float]) -> Outcome:
        if self._asked.normalize:
            shape = boxcox.shape_of(work.batch)
            outcome = self._raw(boxcox.bent(work, shape), levels)
            boxcox.unbend(outcome, work.batch, shape)
        else:
            outcome = self._raw(work, levels)
        bound(outcome, work, self._asked)
        return outcome

    def _raw(self, work: Work, levels: Sequence[float]) -> Outcome:
        name, batch, seed = self._name, work.batch, self._asked.seed
        match name:
            case "naive":
                return simple.naive(batch, levels)
            case "snaive":
                return simple.snaive(batch, levels)
            case "linear":
                return simple.linear(batch, levels)
            case "croston":
                return croston.croston(batch, levels, seed=seed)
            case "sba":
                return croston.sba(batch, levels, seed=seed)
            case "tsb":
                return croston.tsb(batch, levels, seed=seed)
            case "theta":
                return theta.theta(batch, levels, self._how.compiled(), self._how.stop)
            case "stl":
                return self._long(work, levels)
            case "calendar":
                return self._calendar(work, levels)
            case "trees":
                return self._trees(work, levels)
            case "auto":
                return self._auto(work, levels)
            case "bakeoff":
                return self._bakeoff(work, levels)
        return self._ets(work, levels)

    def _ets(self, work: Work, levels: Sequence[float]) -> Outcome:
        name = "auto" if self._name == "ets" else self._name
        return smoothing.fit(
            work.batch, levels, name, self._asked.how, self._asked.seed, self._how.stop, self._how.compiled
        )

    def _auto(self, work: Work, levels: Sequence[float]) -> Outcome:
        """Demand that is mostly 0 by its sizes and gaps, long and several seasons by decomposition, all else by ETS."""
        sparse = croston.is_intermittent(work.batch)
        far = ~sparse & is_long(work)
        routes: list[tuple[NDArray[np.bool_], Callable[[Work, Sequence[float]], Outcome]]] = [
            (sparse, lambda w, levels: croston.sba(w.batch, levels, seed=self._asked.seed)),
            (far, self._long),
            (~sparse & ~far, self._ets),
        ]
        return routed(work, levels, routes)

    def _long(self, work: Work, levels: Sequence[float]) -> Outcome:
        return long_of(self._plainly, work.periods, self._how)(work.batch, levels)

    def _calendar(self, work: Work, levels: Sequence[float]) -> Outcome:
        assert work.times is not None
        assert work.times_ahead is not None
        model = Calendar(
            work.times,
            work.times_ahead,
            work.batch.offsets,
            work.given(),
            self._asked.country,
            periods=self._asked.periods,
        )
        return model(work.batch, levels)

    def _trees(self, work: Work, levels: Sequence[float]) -> Outcome:
        model = Pooled(
            sorted({p for periods in work.periods for p in periods}), work.times, work.times_ahead, work.codes, work.given(),
            compiled=self._how.compiled(), stop=self._how.stop, offsets=work.batch.offsets, horizon=work.batch.horizon,
        )  # fmt: skip
        return model(work.batch, levels)

    def _plainly(self, batch: Batch, levels: Sequence[float]) -> Outcome:
        """ETS of what seasons were taken out of."""
        return smoothing.fit(
            batch, levels, "auto", self._asked.how, self._asked.seed, self._how.stop, self._how.compiled
        )

    def _bakeoff(self, work: Work, levels: Sequence[float]) -> Outcome:
        names = ("auto", "theta", "snaive", "sba", "tsb")
        return bakeoff(work.batch, levels, {n: Model(n, work, self._asked, self._how) for n in names})


def long_of(trend_fit: Fit, periods: Sequence[Sequence[int]], how: How) -> Long:
    effort = Effort(stop=how.stop if how.compiled() else None, check=how.check)
    return Long(trend_fit, periods, lambda grids, own: stl.decompose(grids, own, effort))


def is_long(work: Work) -> NDArray[np.bool_]:
    """Which series have several seasons, or one that is too long for ETS."""
    return np.array([len(p) > 1 or any(n > LONGEST for n in p) for p in work.periods], np.bool_)


def routed(
    work: Work,
    levels: Sequence[float],
    routes: Sequence[tuple[NDArray[np.bool_], Callable[[Work, Sequence[float]], Outcome]]],
) -> Outcome:
    """Each series by its route; the routes' masks are disjoint."""
    made = []
    for mask, fit in routes:
        if mask.all():
            return fit(work, levels)
        if mask.any():
            part = part_of(work.batch, mask)
            made.append((part, fit(work.cut(part, chosen(work.batch, part)), levels)))
    return merged(work.batch, len(levels), made)


def bound(outcome: Outcome, work: Work, asked: Asked) -> None:
    """What holds of any model: widths that were not to grow, and no less than 0 where there never was."""
    if not asked.accumulate:
        for side in (outcome.lower, outcome.upper):
            side[:] = outcome.mean[:, None, :] + (side - outcome.mean[:, None, :])[:, :, :1]
    floor = least(work.batch) >= 0 if asked.nonneg is None else np.full(len(work.batch), asked.nonneg)
    for part in (outcome.mean, outcome.lower, outcome.upper, outcome.trend_ahead):
        part[floor] = np.maximum(part[floor], 0.0)


def least(batch: Batch) -> F64:
    """The least value of each series."""
    low: F64 = np.fmin.reduceat(batch.values, batch.offsets[:-1])
    return low


def _stock(work: Work, asked: Asked, how: How) -> tuple[F64, F64]:
    """Safety stock and reorder point of each series, some series at a time: paths are large."""
    assert asked.safety is not None
    assert work.lead is not None
    out = np.full((2, len(work.batch)), np.nan)
    draw = paths_of(asked, how)
    for lead in np.unique(work.lead[work.lead > 0]).tolist():
        steps = math.ceil(lead)
        alike = np.flatnonzero(work.lead == lead)
        size = max(1, PATH_CELLS // (N_PATHS * steps))
        for low in range(0, len(alike), size):
            at = alike[low : low + size]
            part = Part(at, np.diff(work.batch.offsets)[at])
            paths = draw(work.cut(part, chosen(work.batch, part)), steps)
            out[:, at] = safety.stock(paths, asked.safety, lead)
    return out[0], out[1]


def paths_of(asked: Asked, how: How) -> Callable[[Work, int], F64]:
    """What draws demand float64[K, N_PATHS, steps] of some series, by the model that forecasts them."""

    def smooth(batch: Batch, steps: int) -> F64:
        name = "auto" if asked.model == "ets" else asked.model
        return smoothing.paths(batch, N_PATHS, steps, name, asked.how, asked.seed, how.stop, how.compiled)

    def demand(work: Work, steps: int) -> F64:
        method: Any = asked.model if asked.model in DEMANDS else "sba"
        return croston.paths(work.batch, N_PATHS, steps, asked.seed, method)

    def far(work: Work, steps: int) -> F64:
        return long_paths(
            work.batch, steps, long_of(simple.naive, work.periods, how), lambda plain: smooth(plain, steps)
        )

    if asked.model in DEMANDS:
        return demand
    if asked.model != "auto":
        return lambda work, steps: smooth(work.batch, steps)

    def mixed(work: Work, steps: int) -> F64:
        sparse = croston.is_intermittent(work.batch)
        long = ~sparse & is_long(work)
        out = np.empty((len(work.batch), N_PATHS, steps))
        rest: Callable[[Work, int], F64] = lambda w, n: smooth(w.batch, n)  # noqa: E731
        for mask, draw in ((sparse, demand), (long, far), (~sparse & ~long, rest)):
            if mask.any():
                part = part_of(work.batch, mask)
                out[mask] = draw(work.cut(part, chosen(work.batch, part)), steps)
        return out

    return mixed


def _score(made: Made, work: Work, asked: Asked, model: Model) -> None:
    got = backtest(work.batch, model, asked.backtest, asked.levels)
    for before, scores in (("", got.model), (NAIVE, got.naive)):
        for measure in MEASURES:
            made.scores[before + SHOWN[measure]] = scores.series[measure]
        for i, level in enumerate(asked.levels):
            made.scores[f"{before}coverage of {100 * level:.10g} %"] = scores.coverage[:, i]
    made.scores["coverage"] = got.model.coverage[:, -1]
