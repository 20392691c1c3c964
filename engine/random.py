"""Random numbers by counter: the draw of a row depends on (seed, call site, row number) and on nothing that ran before.

So any split into batches and threads gives the same draws. The mixer is the finaliser of SplitMix64 (Steele, Lea,
Flood 2014, variant 13 of Stafford), twice with a key between, so that neighbouring rows and seeds share no bits.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Bits: TypeAlias = "NDArray[np.uint64]"
GOLDEN = 0x9E3779B97F4A7C15
MASK = 2**64 - 1


def _mix(x: Bits) -> Bits:
    """A bijection of 64 bits; changes `x` in place."""
    x ^= x >> np.uint64(30)
    x *= np.uint64(0xBF58476D1CE4E5B9)
    x ^= x >> np.uint64(27)
    x *= np.uint64(0x94D049BB133111EB)
    x ^= x >> np.uint64(31)
    return x


def bits(seed: Any, site: int, first_row: int, n: int, lane: int = 0) -> Bits:
    """64 random bits for each of the rows first_row, first_row + 1, ... `seed`: an integer, or an int64 a row.

    `lane` numbers several draws of one row. O(n), some 10 ns a draw.
    """
    seeds = np.atleast_1d(np.asarray(seed, np.int64)).astype(np.uint64)
    place = np.uint64((site * 0xD6E8FEB86659FD93 + lane * 0xA0761D6478BD642F) & MASK)
    key = _mix(_mix(seeds + np.uint64(GOLDEN)) ^ place)
    rows = np.arange(n, dtype=np.uint64)
    rows += np.uint64(first_row)
    rows *= np.uint64(GOLDEN)
    rows += key
    rows = _mix(rows)
    rows += key * np.uint64(0x8EBC6AF09C88C6E3) + np.uint64(1)
    return _mix(rows)


def keyed(seed: int, keys: Bits, places: Bits) -> Bits:
    """64 random bits for each pair of a key and a place (uint64, of one shape or broadcast to one), whatever is drawn beside it."""
    mixed = _mix(_mix(keys + np.uint64((seed * GOLDEN + GOLDEN) & MASK)) ^ np.uint64(0xD6E8FEB86659FD93))
    return _mix(_mix(places * np.uint64(GOLDEN) + mixed) + mixed * np.uint64(0x8EBC6AF09C88C6E3) + np.uint64(1))


def below(draws: Bits, limit: Any) -> NDArray[np.int64]:
    """Whole numbers 0..limit-1 (limit > 0, int64): the high half of draw * limit; its bias is under limit / 2^64."""
    top = np.asarray(limit, np.int64).astype(np.uint64)
    low, shift = np.uint64(0xFFFFFFFF), np.uint64(32)
    a1, a0 = draws >> shift, draws & low
    b1, b0 = top >> shift, top & low
    cross = a1 * b0 + ((a0 * b0) >> shift)
    out: Bits = a1 * b1 + (cross >> shift) + ((a0 * b1 + (cross & low)) >> shift)
    return out.astype(np.int64)


def uniform(draws: Bits) -> NDArray[np.float64]:
    """Doubles 0 <= x < 1, on the grid of 2^-53."""
    return (draws >> np.uint64(11)).astype(np.float64) * 2.0**-53


def normal(draws: Bits) -> NDArray[np.float64]:
    """Standard normal doubles: the quantile of a draw in the middle of its cell of 2^-53."""
    return normal_quantile(((draws >> np.uint64(11)).astype(np.float64) + 0.5) * 2.0**-53)


_CENTRAL = (
    (2.5090809287301226727e3, 3.3430575583588128105e4, 6.7265770927008700853e4, 4.5921953931549871457e4,
     1.3731693765509461125e4, 1.9715909503065514427e3, 1.3314166789178437745e2, 3.3871328727963666080e0),
    (5.2264952788528545610e3, 2.8729085735721942674e4, 3.9307895800092710610e4, 2.1213794301586595867e4,
     5.3941960214247511077e3, 6.8718700749205790830e2, 4.2313330701600911252e1, 1.0),
)  # fmt: skip
_MIDDLE = (
    (7.74545014278341407640e-4, 2.27238449892691845833e-2, 2.41780725177450611770e-1, 1.27045825245236838258e0,
     3.64784832476320460504e0, 5.76949722146069140550e0, 4.63033784615654529590e0, 1.42343711074968357734e0),
    (1.05075007164441684324e-9, 5.47593808499534494600e-4, 1.51986665636164571966e-2, 1.48103976427480074590e-1,
     6.89767334985100004550e-1, 1.67638483018380384940e0, 2.05319162663775882187e0, 1.0),
)  # fmt: skip
_TAIL = (
    (2.01033439929228813265e-7, 2.71155556874348757815e-5, 1.24266094738807843860e-3, 2.65321895265761230930e-2,
     2.96560571828504891230e-1, 1.78482653991729133580e0, 5.46378491116411436990e0, 6.65790464350110377720e0),
    (2.04426310338993978564e-15, 1.42151175831644588870e-7, 1.84631831751005468180e-5, 7.86869131145613259100e-4,
     1.48753612908506148525e-2, 1.36929880922735805310e-1, 5.99832206555887937690e-1, 1.0),
)  # fmt: skip


def _ratio(x: NDArray[np.float64], polynomials: tuple[tuple[float, ...], tuple[float, ...]]) -> NDArray[np.float64]:
    top, bottom = (np.full_like(x, p[0]) for p in polynomials)
    for a, b in zip(polynomials[0][1:], polynomials[1][1:], strict=True):
        top, bottom = top * x + a, bottom * x + b
    return np.asarray(top / bottom)


def normal_quantile(p: NDArray[np.float64]) -> NDArray[np.float64]:
    """Inverse of the normal distribution function for 0 < p < 1, relative error about 1e-16 (Wichura 1988, AS 241)."""
    q = p - 0.5
    out = q * _ratio(0.180625 - q * q, _CENTRAL)
    far = np.flatnonzero(np.abs(q) > 0.425)
    if len(far):
        r = np.sqrt(-np.log(np.minimum(p[far], 1.0 - p[far])))
        tail = np.where(r <= 5.0, _ratio(r - 1.6, _MIDDLE), _ratio(r - 5.0, _TAIL))
        out[far] = np.copysign(tail, q[far])
    return out
