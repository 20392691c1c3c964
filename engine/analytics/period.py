"""The period of a series, from the autocorrelation of what is left when its trend is taken away."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ..random import normal_quantile

F64 = NDArray[np.float64]
DAY_S = 86_400
NATURAL: dict[int, tuple[int, ...]] = {  # that people live by, by the seconds of a step
    60: (60, 1440), 300: (288, 2016), 600: (144, 1008), 900: (96, 672), 1800: (48, 336), 3600: (24, 168), 2 * 3600: (12, 84),
    3 * 3600: (8, 56), 4 * 3600: (6, 42), 6 * 3600: (4, 28), 12 * 3600: (2, 14), DAY_S: (7, 365), 7 * DAY_S: (52,),
}  # fmt: skip
NATURAL_MONTHS = {1: (12,), 2: (6,), 3: (4,)}
LEAST = 8  # values below which nothing is looked for
LEVEL = 0.01  # that a series without a period is given one
SHARE = 0.85  # of two peaks about as high the shorter lag is the period
LASTING = 0.5
USUAL = 1.645


def found_period(values: F64, natural: Sequence[int] = ()) -> int | None:
    """The lag at which values repeat, 2 to half of their number; None: there is none.

    `values`: one a step, none missing, finite. A quadratic trend is taken away first. A lag counts where the autocorrelation
    has a peak that is larger than chance: above the normal quantile, for as many lags as are looked at, of Bartlett's standard
    error (Box, Jenkins & Reinsel, "Time Series Analysis", 2.1.6) of a series that remembers as long as this one does before its
    autocorrelation first falls below 0; and where twice and three times the lag have half of it at least. Of peaks
    about as high the shortest lag is taken. `natural`: periods of this step (24 of hours); for these 1.645 standard errors
    do, and more than at half of the lag, and one of them goes before all others.
    """
    n = len(values)
    if n < LEAST:
        return None
    rest = detrended(values)
    spread = float(np.max(np.abs(rest)))
    if not spread > 1e-9 * max(float(np.max(np.abs(values))), 1e-300):
        return None
    acf = autocorrelation(rest / spread, n // 2 + 2)
    lags = np.arange(2, n // 2 + 1)
    height = acf[lags]
    below = np.flatnonzero(acf < 0)
    memory = float(np.sum(acf[1 : int(below[0]) if len(below) else len(acf)] ** 2))
    error = np.sqrt((1.0 + 2.0 * memory) / (n - lags))
    lasts = np.ones(len(lags), np.bool_)
    for times in (2, 3):
        within = lags * times <= n // 2
        lasts[within] &= acf[lags[within] * times] >= LASTING * height[within]
    known = np.isin(lags, np.array(natural, np.int64)) & (height > acf[lags // 2]) & (height > USUAL * error)
    if (known & lasts).any():
        return _shortest(lags, height, known & lasts)
    bound = float(normal_quantile(np.array([1.0 - LEVEL / len(lags)]))[0])
    peak = (height > acf[lags - 1]) & (height >= acf[lags + 1]) & (height > bound * error)
    return _shortest(lags, height, peak & lasts) if (peak & lasts).any() else None


def _shortest(lags: NDArray[np.int64], height: F64, good: NDArray[np.bool_]) -> int:
    return int(lags[good][np.argmax(height[good] >= SHARE * height[good].max())])


def detrended(values: F64) -> F64:
    """Less its least-squares parabola."""
    n = len(values)
    t = np.linspace(-1.0, 1.0, n)
    out: F64 = values - values.mean()
    for basis in (t, t * t - float(np.mean(t * t))):
        out = out - basis * (float(np.sum(basis * out)) / float(np.sum(basis * basis)))
    return out


def autocorrelation(values: F64, n_lags: int) -> F64:
    """Of lags 0 .. n_lags - 1 of values whose mean is 0, by a Fourier transform; each product by the number of its pairs."""
    n = len(values)
    spectrum = np.fft.rfft(values, 1 << (2 * n - 1).bit_length())
    products = np.fft.irfft(spectrum * np.conj(spectrum))[: min(n_lags, n)]
    out: F64 = products / (n - np.arange(len(products)))
    scaled: F64 = np.clip(out / out[0], -1.0, 1.0)
    return scaled
