"""Scores of the backtests of all series together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import field

import numpy as np

from ....planner.records import dataclass
from ...context import Context
from ...forecast.answer import Answer
from ...forecast.asked import Asked
from ...forecast.models import NAIVE
from ...notes import At

PERCENT = ("sMAPE", "MAPE")
FIRST = ("MASE", "sMAPE", "coverage", "RMSSE", "MAPE", "RMSE", "bias")


@dataclass(slots=True)
class Scores:
    """`held`: of each score the values of the series so far, in their order."""

    asked: Asked
    held: dict[str, list[float]] = field(default_factory=dict)

    def add(self, answers: Sequence[Answer]) -> None:
        for answer in answers:
            for name in sorted(answer.scores):
                values = answer.scores[name]
                self.held.setdefault(name, []).extend(values[np.isfinite(values)].tolist())

    def tell(self, at: At, ctx: Context) -> None:
        """The mean over the series of each measure (of RMSE the root of the mean square), beside the seasonal naive's."""
        if not self.asked.backtest:
            return
        told = []
        for name in sorted(self.held, key=_rank):
            if name != "coverage" and not name.startswith(NAIVE) and self.held[name]:
                told.append(f"{name} {self._mean(name)} (seasonal naive {self._mean(NAIVE + name)})")
        n = max(map(len, self.held.values()), default=0)
        what = f"backtest of {self.asked.backtest} origins: " + (", ".join(told) or "the series are too short for it")
        ctx.notes.count(at, "info", what, n)

    def _mean(self, name: str) -> str:
        values = np.array(self.held.get(name, []))
        if not len(values):
            return "none"
        mean = float(np.sqrt(np.mean(values**2))) if name.endswith("RMSE") else float(np.mean(values))
        return f"{mean:.4g}" + (" %" if name.endswith(PERCENT) else "")


def _rank(name: str) -> tuple[int, str]:
    return FIRST.index(name.split(" ")[0]) if not name.startswith(NAIVE) else len(FIRST), name
