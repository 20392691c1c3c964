"""Polynomials by least squares.

The basis are Chebyshev polynomials over the range of X, made orthogonal by modified Gram-Schmidt, twice (a QR factorisation as
good as Householder's: Giraud, Langou & Rozloznik 2005); coefficients of powers of X are taken from it exactly, as fractions.
"""

from __future__ import annotations

from fractions import Fraction
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from ...planner.records import dataclass

F64 = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Fit:
    """`fitted` in order of `x`. `stderr` NaN where there are no more points than coefficients; `r2` NaN where Y does not vary,
    else 0 to 1: the constant is among the curves, so none is worse than the mean."""

    fitted: F64
    coefs: F64  # of powers 0, 1, 2, ...
    stderr: F64
    r2: float


def fit(x: F64, y: F64, degree: int, wants_coefs: bool = True) -> Fit | None:
    """`x`, `y`: finite, at least one. None: fewer different X than coefficients. Coefficients cost O(degree^3) fractions."""
    if len(np.unique(x)) <= degree:
        return None
    low, high = float(x.min()), float(x.max())
    centre, half = low / 2 + high / 2, high / 2 - low / 2 or 1.0
    size = float(np.max(np.abs(y))) or 1.0
    within = np.clip((x - centre) / half, -1.0, 1.0)
    basis = np.asarray(np.polynomial.chebyshev.chebvander(within, degree), np.float64)
    q, r = _orthogonal(basis)
    v = y / size
    turned = np.array([float(np.sum(column * v)) for column in q])
    made = np.zeros(len(x))
    for column, t in zip(q, turned, strict=True):
        made += column * t
    rest = v - made
    sse, spread = float(np.sum(rest * rest)), v - float(np.sum(v)) / len(v)
    total = float(np.sum(spread * spread))
    r2 = np.nan
    if total > 0 and float(np.ptp(v)) > 0:
        r2 = max(0.0, 1.0 - sse / total) if degree else 0.0  # of degree 0 the curve is the mean
    if not wants_coefs:
        return Fit(made * size, np.empty(0), np.empty(0), r2)
    inverse = _inverse(r)
    powers = _powers(degree, centre, half)
    coefs = _product(powers, [[Fraction(float(c))] for c in _solved(inverse, turned)])[:, 0] * size
    free = len(x) - degree - 1
    stderr = np.full(degree + 1, np.nan)
    if free > 0:
        rows = _product(powers, [[Fraction(float(c)) for c in row] for row in inverse])
        stderr = np.sqrt(sse / free) * np.sqrt(np.sum(rows * rows, axis=1)) * size
    return Fit(made * size, coefs, stderr, r2)


def _orthogonal(basis: F64) -> tuple[list[F64], F64]:
    """Columns of one length at right angles, and the triangle that makes the basis of them."""
    n = basis.shape[1]
    q: list[F64] = []
    r = np.zeros((n, n))
    for j in range(n):
        column = basis[:, j].copy()
        for _ in range(2):
            for i, known in enumerate(q):
                part = float(np.sum(known * column))
                r[i, j] += part
                column -= part * known
        r[j, j] = float(np.sqrt(np.sum(column * column)))
        q.append(column / r[j, j])
    return q, r


def _inverse(r: F64) -> F64:
    """Of an upper triangle, by back substitution."""
    n = len(r)
    out = np.zeros((n, n))
    for j in range(n):
        out[j, j] = 1.0 / r[j, j]
        for i in range(j - 1, -1, -1):
            out[i, j] = -float(np.sum(r[i, i + 1 : j + 1] * out[i + 1 : j + 1, j])) / r[i, i]
    return out


def _solved(inverse: F64, turned: F64) -> F64:
    return np.array([float(np.sum(row * turned)) for row in inverse])


@lru_cache(64)
def _chebyshev(degree: int) -> tuple[tuple[int, ...], ...]:
    """Coefficients of powers in T0, T1, ..."""
    rows: list[list[int]] = [[1], [0, 1]]
    while len(rows) <= degree:
        twice = [0, *(2 * c for c in rows[-1])]
        rows.append([a - b for a, b in zip(twice, [*rows[-2], 0, 0], strict=True)])
    return tuple(tuple(row) for row in rows[: degree + 1])


def _powers(degree: int, centre: float, half: float) -> list[list[Fraction]]:
    """Row j: what each Chebyshev polynomial of (x - centre) / half adds to the coefficient of x^j. Exact."""
    c, h = Fraction(centre), Fraction(half)
    line: list[list[Fraction]] = [[Fraction(1)]]  # powers of (x - c) / h
    for _ in range(degree):
        last = line[-1]
        longer = [Fraction(0), *(v / h for v in last)]
        line.append([a - b for a, b in zip(longer, [*(v * c / h for v in last), Fraction(0)], strict=True)])
    out = [[Fraction(0)] * (degree + 1) for _ in range(degree + 1)]
    for k, row in enumerate(_chebyshev(degree)):
        for power, weight in enumerate(row):
            for j, part in enumerate(line[power]):
                out[j][k] += weight * part
    return out


def _product(a: list[list[Fraction]], b: list[list[Fraction]]) -> F64:
    """Exact, rounded once; beyond the range of doubles infinite."""
    rows = [
        [sum((x * row[j] for x, row in zip(line, b, strict=True)), Fraction(0)) for j in range(len(b[0]))] for line in a
    ]
    return np.array([[_rounded(v) for v in row] for row in rows])


def _rounded(value: Fraction) -> float:
    try:
        return float(value)
    except OverflowError:
        return np.inf if value > 0 else -np.inf
