"""What is known of the series of a chunk when their models are done, whatever lengths they have."""

from __future__ import annotations

import numpy as np

from ...planner.records import dataclass
from .batch import F64, Ints, Outcome

TEXTS = ("model", "note")
FIGURES = ("aicc", "alpha", "beta", "gamma", "phi", "sigma")


@dataclass(slots=True)
class Answer:
    """Of K series, some of which may have none (`model` is "" then). Series k has `ahead[k] : ahead[k + 1]` steps ahead and
    `offsets[k] : offsets[k + 1]` behind it, as an Outcome has them; `lower`, `upper` float64[L, H]."""

    offsets: Ints
    ahead: Ints
    mean: F64
    lower: F64
    upper: F64
    trend: F64
    trend_ahead: F64
    fitted: F64
    figures: dict[str, F64]
    model: list[str]
    note: list[str]
    safety: F64
    reorder: F64
    scores: dict[str, F64]


def answer_for(offsets: Ints, steps: Ints, n_levels: int) -> Answer:
    """One that says nothing yet. `steps` int64[K]: how far each series goes on."""
    k, ahead = len(steps), np.append(0, np.cumsum(steps))
    n, h = int(offsets[-1]), int(ahead[-1])
    return Answer(
        offsets=offsets, ahead=ahead, mean=_nans(h), lower=_nans(n_levels, h), upper=_nans(n_levels, h), trend=_nans(n),
        trend_ahead=_nans(h), fitted=_nans(n), figures={f: _nans(k) for f in FIGURES}, model=[""] * k, note=[""] * k,
        safety=_nans(k), reorder=_nans(k), scores={},
    )  # fmt: skip


def _nans(*shape: int) -> F64:
    return np.full(shape, np.nan)


def put(answer: Answer, series: Ints, made: Outcome, offsets: Ints) -> None:
    """Enters the outcome of some `series`, as far as each goes on; `offsets` are those of its batch. From any thread: series are apart."""
    steps = answer.ahead[series + 1] - answer.ahead[series]
    row = np.repeat(np.arange(len(series)), steps)
    step = np.arange(len(row)) - np.repeat(np.cumsum(steps) - steps, steps)
    to = answer.ahead[series][row] + step
    answer.mean[to], answer.trend_ahead[to] = made.mean[row, step], made.trend_ahead[row, step]
    for level in range(answer.lower.shape[0]):
        answer.lower[level, to], answer.upper[level, to] = made.lower[row, level, step], made.upper[row, level, step]
    sizes = np.diff(offsets)
    back = np.repeat(answer.offsets[series] - offsets[:-1], sizes) + np.arange(offsets[-1])
    answer.trend[back], answer.fitted[back] = made.trend, made.fitted
    for name, figure in answer.figures.items():
        figure[series] = getattr(made, name)
    for i, k in enumerate(series.tolist()):
        answer.model[k], answer.note[k] = made.model[i], made.note[i]
