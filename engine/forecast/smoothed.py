"""What ETS knows of its series beyond what every model tells: the models themselves, for simulating from them."""

from __future__ import annotations

from ...planner.records import dataclass
from .batch import F64, I64
from .settings import Settings


@dataclass(frozen=True, slots=True)
class Models:
    """The models of each series as the kernels left them, for `simulate`. C models, in values scaled by `scale` [K]."""

    codes: I64  # [C]
    settings: Settings
    parameters: F64  # [K, C, width]
    weight: F64  # [K, C], summing to 1; all 0 for a series without a model
    states: F64  # [K, C, 2 + most period]
    sigma: F64  # [K, C]
    scale: F64
    n_seen: I64  # [K] values that are not missing
    gaps: I64  # [K] how many are missing behind the last of them; the states are those behind that one


@dataclass(frozen=True, slots=True)
class Smoothed:
    """Forecasts of K series, h steps, L levels, in the units of the values.

    NaN stands for what there is not: parameters that the model has not, the band of a series of one value, all of a series
    without values, `trend_history` and `fitted` before the first value. All else is finite.
    """

    mean: F64  # [K, h]
    sd: F64  # [K, h]
    lower: F64  # [K, L, h]
    upper: F64  # [K, L, h]
    trend_future: F64  # [K, h]: level and trend, without season
    trend_history: F64  # [N]: the level behind each value, without season
    fitted: F64  # [N]: forecasts one step ahead
    model: list[str]
    aicc: F64  # [K], as R counts it; this and what follows of the heaviest model
    alpha: F64
    beta: F64
    gamma: F64
    phi: F64
    sigma: F64  # of relative errors where the model's are
    note: list[str]  # "" where there is nothing to say
    models: Models
