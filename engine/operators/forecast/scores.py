"""Scores of the backtests of all series together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from ...context import Context
from ...forecast.answer import Answer
from ...forecast.asked import Asked
from ...notes import At


@dataclass(slots=True)
class Scores:
    """`held`: of each score the values of the series so far, in their order."""

    asked: Asked
    held: dict[str, list[float]] = field(default_factory=dict)

    def add(self, answers: Sequence[Answer]) -> None:
        for answer in answers:
            for name, values in answer.scores.items():
                self.held.setdefault(name, []).extend(values[np.isfinite(values)].tolist())

    def tell(self, at: At, ctx: Context) -> None:
        if not self.held:
            return
        means = {name: float(np.mean(values)) for name, values in self.held.items() if values}
        told = ", ".join(f"{name} {value:.4g}" for name, value in means.items())
        ctx.notes.count(at, "info", f"backtest of {self.asked.backtest} origins: {told}", max(map(len, self.held.values())))
