"""Every constant of the fit. Those of `SHRUNK` were chosen by benchmarks/forecast_tune.py on M1 and M3 alone, then frozen."""

from __future__ import annotations

from dataclasses import astuple, replace

import numpy as np
from numpy.typing import NDArray

from ...planner.records import dataclass


@dataclass(frozen=True, slots=True)
class Settings:
    """Fields are in the order of `kernels.etscode.FIELDS`. A precision is 1 / width^2 of a prior, 0 for none.

    Smoothing precisions are absolute, state weights in units of the error's variance, both for values scaled to mean 1.
    """

    iterations: float = 4
    tolerance: float = 0.05  # of -2 log likelihood
    free: float = 0  # 1: initial seasonals are parameters
    starts: float = 0  # 1: the best of 12 starts of the whole search
    alpha: float = 0.3
    alpha_precision: float = 0.25
    beta: float = 0.05  # beta / alpha
    beta_precision: float = 120.0
    gamma: float = 0.45  # gamma / (1 - alpha)
    gamma_precision: float = 120.0
    phi: float = 0.92
    phi_precision: float = 25.0
    level_weight: float = 19.2
    slope_weight: float = 1.9
    season_shrink: float = 1.0  # of the share of error in the variance of a decomposition's seasons, which is taken off
    temperature: float = 8.0  # weights exp(-IC / T), T = this * (n / 50) ** temperature_power
    temperature_power: float = 0.5
    trend_penalty: float = -3.0  # on IC
    damped_penalty: float = -6.0
    season_share: float = 0.5  # of the m - 1 fixed seasonals that IC counts
    head: float = 10  # points that the starting line goes through, at least
    prune: float = 60.0  # a season class that trails by more on IC is left out
    horizon_share: float = 0.1  # of the many-step score in IC
    sd_parameters: float = 3.0
    sd_steps: float = 4.0
    sd_power: float = 2.0
    cut: float = 6.0  # temperatures behind the best beyond which a model has no weight
    guard: float = 10.0  # ranges of the series that a forecast may be away from it

    def vector(self) -> NDArray[np.float64]:
        """The constants for the kernels, in the order of the fields."""
        return np.array(astuple(self), np.float64)


SHRUNK = Settings()
ML = replace(
    SHRUNK, iterations=100, tolerance=1e-8, free=1, starts=1, alpha_precision=0, beta_precision=0, gamma_precision=0,
    phi_precision=0, level_weight=0, slope_weight=0, season_shrink=0, temperature=2, temperature_power=0,
    trend_penalty=0, damped_penalty=0, season_share=1, prune=1e9, horizon_share=0, sd_parameters=0, sd_steps=0,
)  # fmt: skip


def plainly(settings: Settings) -> Settings:
    """For the choice of the single best model: AICc as it is, of all models, nothing added."""
    return replace(settings, trend_penalty=0, damped_penalty=0, season_share=1, prune=1e9, horizon_share=0)
