"""Numbers as times: seconds since 1970, larger ones milliseconds, microseconds or nanoseconds."""

from __future__ import annotations

from typing import Any

import numpy as np

from .dateops import within_years
from .zones import US

_LAST_SECOND = 253_402_300_799  # of the year 9999


def micros_of_epoch(values: Any) -> tuple[Any, Any, Any]:
    """Microseconds, which power of a thousand the unit is below seconds, and what is no time at all."""
    out, size, beyond = _of_doubles(values) if values.dtype == np.float64 else _of_longs(values)
    return out, size, beyond | ~within_years(out, US)


def _of_longs(values: Any) -> tuple[Any, Any, Any]:
    odd = np.zeros(len(values), np.bool_)
    if not len(values) or (values.min() >= -_LAST_SECOND and values.max() <= _LAST_SECOND):
        return values * US, np.zeros(len(values), np.int64), odd
    # a number of a unit is too large where its seconds, cut down, are
    units = [1000**k for k in range(3)]
    size = sum(((values >= (_LAST_SECOND + 1) * u) | (values < -_LAST_SECOND * u)).astype(np.int64) for u in units)
    scale = np.array([10**6, 10**3, 1, 1])[size]
    return np.where(size == 3, values // 1000, values) * scale, size, odd


def _of_doubles(values: Any) -> tuple[Any, Any, Any]:
    finite = np.isfinite(values)
    values = np.where(finite, values, 0.0)
    size = sum((abs(values) > _LAST_SECOND * 1000.0**k).astype(np.int64) for k in range(3))
    micros = values * np.array([1e6, 1e3, 1.0, 1e-3])[size]
    fits = abs(micros) < 2.0**62
    return np.rint(np.where(fits, micros, 0.0)).astype(np.int64), size, ~finite | ~fits
