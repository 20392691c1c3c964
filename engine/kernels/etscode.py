"""What the ETS kernels agree on: codes of models, bounds, and where each constant of the fit stands.

Notation of Hyndman, Koehler, Ord & Snyder, "Forecasting with Exponential Smoothing", 2008. Error E: 0 additive, 1 multiplicative.
Trend T: 0 none, 1 additive, 2 additive damped, 3 multiplicative, 4 multiplicative damped. Season S: 0 none, 1 additive,
2 multiplicative, period m. A model is the one number E + 2 T + 10 S.

Parameters of a model, in this order: alpha, beta / alpha (with a trend), gamma / (1 - alpha) (with a season), phi (damped), level,
slope (with a trend), the first m - 1 seasonals (where they are free; the last follows, as they sum to 0, or to m). The first are
smoothing parameters, in a box; the others are states before the first value.
"""

from __future__ import annotations

ERRORS = ("A", "M")
TRENDS = ("N", "A", "Ad", "M", "Md")
SEASONS = ("N", "A", "M")
MOST_PERIOD = 24  # seasons longer than this are not for ETS, as in R
MOST = 32  # parameters at most: 6 and 23 seasonals
EPS = 1e-4  # the box is EPS .. 1 - EPS, as in R
PHI_LOW, PHI_HIGH = 0.8, 0.98  # as in R
TINY = 1e-10  # below it nothing is divided by: mean |y| is 1
LARGE = 1e8  # a multiplicative trend beyond it, or below its inverse, is no model

FIELDS = (
    "iterations", "tolerance", "free", "starts", "alpha", "alpha_precision", "beta", "beta_precision", "gamma",
    "gamma_precision", "phi", "phi_precision", "level_weight", "slope_weight", "season_shrink", "temperature",
    "temperature_power", "trend_penalty", "damped_penalty", "season_share", "head", "prune", "horizon_share",
    "sd_parameters", "sd_steps", "sd_power", "cut", "guard",
)  # fmt: skip
(
    ITERATIONS, TOLERANCE, FREE, STARTS, ALPHA, ALPHA_W, BETA, BETA_W, GAMMA, GAMMA_W, PHI, PHI_W, LEVEL_W, SLOPE_W, SHRINK, TEMPERATURE,
    TEMPERATURE_POWER, TREND_PENALTY, DAMPED_PENALTY, SEASON_SHARE, HEAD, PRUNE, HORIZON_SHARE, SD_PARAMETERS, SD_STEPS, SD_POWER, CUT,
    GUARD,
) = range(28)  # fmt: skip

SHARED = 10  # work arrays that forecasts need, too
N_WORK = 20  # y, whole, seen, level, slope, season, s0, th, s, end; best, A, g, L, d, ds, x, sums, count, reach

FITTED, EMPTY, CONSTANT, SHORT, UNFIT = range(5)  # what became of a series
